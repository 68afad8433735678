"""Recurrent networks against PyTorch: epochs of an LSTM over series of 100 steps, 128 channels, 128 wide.

Both sides train the same network (one LSTM, its last hidden state, a linear layer of two classes) by Adam in
batches of 64 on the same numbers. PyTorch's loop is written to be quick: batch first, the rows need no
gradient, the fused Adam, gradients set to None, no loss is read back, and its threads are the better number
of those that there are; folds are trained one after the other. gorae is one fit, or ten folds together.
Seconds are those of an epoch of one network, in the second call in its process (`warm`).

    python benchmarks/recurrent_speed.py --pairs 5
"""

import json
import os
from functools import cache
from typing import Any

import machine
import numpy as np

ROWS, STEPS, CHANNELS, WIDTH, BATCH, EPOCHS = 1280, 100, 128, 128, 64, 2
WANTED = {1: 1.0, 10: 1.3}


@cache
def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return series of noise, and classes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, STEPS, CHANNELS)).astype(np.float32), rng.integers(0, 2, rows)


def own(rows: int, members: int) -> None:
    """Train one network, or a network for each of ten folds."""
    import gorae
    from gorae.estimators.together import Fit, fit_together

    X, y = data(rows)
    model = gorae.SequenceClassifier(
        cell="lstm",
        width=WIDTH,
        pooling="last",
        max_length=None,
        clip=None,
        scale=None,
        epochs=EPOCHS,
        batch_size=BATCH,
        random_state=0,
    )
    if members == 1:
        model.fit(X, y)
        return
    from sklearn.base import clone

    fits = [Fit(clone(model), np.delete(np.arange(rows), np.s_[k::members])) for k in range(members)]
    assert fit_together(fits, X, y) == [None] * members


def peer(rows: int, members: int) -> None:
    """Train the same in a loop."""
    import torch
    from torch import nn

    X, y = (torch.from_numpy(part) for part in data(rows))
    for member in range(members):
        torch.manual_seed(member)
        cell, head = nn.LSTM(CHANNELS, WIDTH, batch_first=True), nn.Linear(WIDTH, 2)
        optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=2e-3, fused=True)
        kept = np.arange(rows) if members == 1 else np.delete(np.arange(rows), np.s_[member::members])
        of_fold = torch.from_numpy(kept)
        for _ in range(EPOCHS):
            order = of_fold[torch.randperm(len(of_fold))]
            for first in range(0, len(order), BATCH):
                at = order[first : first + BATCH]
                optimizer.zero_grad(set_to_none=True)
                states, _ = cell(X[at])
                nn.functional.cross_entropy(head(states[:, -1]), y[at]).backward()
                optimizer.step()


def child(side: str, members: str, rows: str) -> None:
    """Run one side in this process and print its figures."""
    count, many = int(members), int(rows)
    if side == "own":
        seconds = [machine.timed(lambda: own(many, count))[0] for _ in range(2)]
        print(json.dumps({"cold": seconds[0], "warm": seconds[1]}))
        return
    import torch

    tried = {}
    for threads in range(1, len(os.sched_getaffinity(0)) + 1):
        torch.set_num_threads(threads)
        peer(many, 1)
        tried[threads] = min(machine.timed(lambda: peer(many, 1))[0] for _ in range(2))
    threads = min(tried, key=lambda one: tried[one])
    torch.set_num_threads(threads)
    print(json.dumps({"warm": machine.timed(lambda: peer(many, count))[0], "threads": threads}))


def compare(members: int, given: Any) -> dict[str, Any]:
    """Alternate both sides; return a row."""
    rows = 20 * members + 2 * BATCH if given.quick else ROWS
    found = []
    for _ in range(given.pairs):
        found.append(machine.pair(__file__, members, rows))
        print(members, found[-1], flush=True)
    peers, owns = ([pair[side]["warm"] / members / EPOCHS for pair in found] for side in (0, 1))
    what = "an LSTM" if members == 1 else f"each of {members} folds of an LSTM"
    row = machine.compared(
        f"an epoch of {what} 128 wide, {rows:,} series of {STEPS} steps, batch {BATCH}, warm",
        "a PyTorch loop, nn.LSTM",
        peers,
        owns,
        WANTED[members],
        peer_threads=[theirs["threads"] for theirs, _ in found],
        own_cold_seconds=machine.spread([ours["cold"] for _, ours in found]),
    )
    machine.show(row)
    return row


def main() -> None:
    """Make both comparisons and write the ratios."""
    if machine.ran_child(child):
        return
    parser = machine.pairs_parser(__doc__ or "")
    parser.add_argument("--members", type=int, choices=list(WANTED), help="one of both comparisons")
    given = machine.pairs_given(parser)
    rows = [compare(members, given) for members in ([given.members] if given.members else WANTED)]
    if given.members:
        print(json.dumps({"rows": rows}, indent=1))
        return
    machine.record("recurrent_speed", {"rows": rows}, given, packages=("torch",))


if __name__ == "__main__":
    main()
