"""Convolutional networks against PyTorch: epochs of the two-layer network 16/32 5x5 on MNIST's first images.

Both sides train the same network (5 x 5 kernels of 16 and 32 channels without padding, each with pooling of
2, a linear layer) by Adam in batches of 128 on the same bytes. PyTorch's loop is written to be quick:
channels last, a batch is taken by index and becomes floats there, the fused Adam, gradients set to None, no
loss is read back, and its threads are the better number of those that there are; folds are trained one after
the other. gorae is one fit, or ten folds together. Seconds are those of an epoch of one network, in the
second call in its process (`warm`).

By default PyTorch's seconds vary up to threefold from run to run: it hands large blocks of memory back after
each step and touches them anew. So it is also run with the C library told to keep them, which Python
programs do not usually do; those are rows of their own.

    python benchmarks/cnn_speed.py --pairs 5 --data-dir FOLDER
"""

import json
import os
from typing import Any

import machine
import numpy as np
from mnist import add_folder, images

ROWS, BATCH, EPOCHS = 12_800, 128, 2
WANTED = {1: 1.0, 10: 1.5}
KEPT = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 28),
}
"""What makes glibc keep the memory that a process frees."""
PEERS = {"": {}, ", memory kept": KEPT}


def own(rows: int, folder: str, members: int) -> None:
    """Train one network, or a network for each of ten folds."""
    import gorae
    from gorae.estimators.together import Fit, fit_together

    X, y, _ = images(rows, folder)
    layers = [part for c in (16, 32) for part in (gorae.ConvPart(c, 5, padding="valid"), gorae.PoolPart())]
    model = gorae.CNNClassifier(layers, epochs=EPOCHS, batch_size=BATCH, random_state=0)
    if members == 1:
        model.fit(X, y)
        return
    from sklearn.base import clone

    fits = [Fit(clone(model), np.delete(np.arange(rows), np.s_[k::members])) for k in range(members)]
    assert fit_together(fits, X, y) == [None] * members


def peer(rows: int, folder: str, members: int) -> None:
    """Train the same in a loop."""
    import torch
    from torch import nn

    bytes_, digits, _ = images(rows, folder)
    X, y = torch.from_numpy(bytes_.reshape(-1, 1, 28, 28)), torch.from_numpy(digits.astype(np.int64))
    for member in range(members):
        torch.manual_seed(member)
        parts = []
        for before, after in ((1, 16), (16, 32)):
            parts += [nn.Conv2d(before, after, 5), nn.ReLU(), nn.MaxPool2d(2)]
        network = nn.Sequential(*parts, nn.Flatten(), nn.Linear(512, 10)).to(
            memory_format=torch.channels_last
        )
        optimizer = torch.optim.Adam(network.parameters(), fused=True)
        kept = np.arange(rows) if members == 1 else np.delete(np.arange(rows), np.s_[member::members])
        of_fold = torch.from_numpy(kept)
        for _ in range(EPOCHS):
            order = of_fold[torch.randperm(len(of_fold))]
            for first in range(0, len(order), BATCH):
                at = order[first : first + BATCH]
                x = (X[at].float() / 255).contiguous(memory_format=torch.channels_last)
                optimizer.zero_grad(set_to_none=True)
                nn.functional.cross_entropy(network(x), y[at]).backward()
                optimizer.step()


def child(side: str, members: str, rows: str, folder: str) -> None:
    """Run one side in this process and print its figures."""
    count, many = int(members), int(rows)
    if side == "own":
        seconds = [machine.timed(lambda: own(many, folder, count))[0] for _ in range(2)]
        print(json.dumps({"cold": seconds[0], "warm": seconds[1]}))
        return
    import torch

    tried = {}
    for threads in range(1, len(os.sched_getaffinity(0)) + 1):
        torch.set_num_threads(threads)
        peer(many, folder, 1)
        tried[threads] = min(machine.timed(lambda: peer(many, folder, 1))[0] for _ in range(2))
    threads = min(tried, key=lambda one: tried[one])
    torch.set_num_threads(threads)
    print(json.dumps({"warm": machine.timed(lambda: peer(many, folder, count))[0], "threads": threads}))


def compare(members: int, given: Any) -> list[dict[str, Any]]:
    """Alternate all sides; return a row for each way to run the peer."""
    rows = 20 * members + 2 * BATCH if given.quick else ROWS
    asked = members, rows, given.data_dir
    found = []
    for _ in range(given.pairs):
        theirs = [machine.in_new_process(__file__, "peer", *asked, settings=kept) for kept in PEERS.values()]
        found.append((*theirs, machine.in_new_process(__file__, "own", *asked)))
        print(members, found[-1], flush=True)
    what = "a CNN 16/32 5x5" if members == 1 else f"each of {members} folds of a CNN 16/32 5x5"
    table = []
    for place, how in enumerate(PEERS):
        peers, owns = ([run[side]["warm"] / members / EPOCHS for run in found] for side in (place, -1))
        table.append(
            machine.compared(
                f"an epoch of {what}, {rows:,} images of MNIST, batch {BATCH}, warm",
                f"a PyTorch loop, channels last{how}",
                peers,
                owns,
                WANTED[members],
                peer_threads=[run[place]["threads"] for run in found],
                own_cold_seconds=machine.spread([run[-1]["cold"] for run in found]),
            )
        )
        machine.show(table[-1])
    return table


def main() -> None:
    """Make both comparisons and write the ratios."""
    if machine.ran_child(child):
        return
    parser = machine.pairs_parser(__doc__ or "")
    add_folder(parser)
    parser.add_argument("--members", type=int, choices=list(WANTED), help="one of both comparisons")
    given = machine.pairs_given(parser)
    rows = [
        row for members in ([given.members] if given.members else WANTED) for row in compare(members, given)
    ]
    if given.members:
        print(json.dumps({"rows": rows}, indent=1))
        return
    machine.record("cnn_speed", {"rows": rows}, given, packages=("torch",))


if __name__ == "__main__":
    main()
