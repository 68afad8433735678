"""Members trained side by side against a plain PyTorch loop that trains one after the other.

Both sides train the same networks (equal shapes, each with its own learning rate) by Adam on the same rows
for the same epochs and batches, and score each on 256 other rows in the end. PyTorch's loop is written to be
quick: rows and classes are tensors, a batch is taken by index, gradients are set to None, Adam is the fused
one, no loss is read back, and its threads are the better number of those that there are. gorae is `SearchCV`
over learning rates on one split, with `refit=False`; it also scales rows in the program, and records losses
and norms, which the loop does not.

`warm` is the second call in its process, `cold` the first with an empty compile cache. Seconds are those of a
member's epoch.

    python benchmarks/search_pytorch.py --pairs 5
"""

import json
import os
from dataclasses import dataclass
from typing import Any

import machine
import numpy as np


@dataclass(frozen=True)
class Job:
    """A network, the rows that it learns from, and for how long."""

    widths: tuple[int, ...]
    batch: int
    rows: int
    epochs: int

    @property
    def about(self) -> str:
        """The job in words."""
        shape = "-".join(map(str, self.widths))
        return f"{shape}, batch {self.batch}, {-(-self.rows // self.batch)} steps an epoch"


JOBS = {
    "narrow": Job((20, 64, 64, 2), 32, 1600, 20),
    "one-layer": Job((784, 128, 10), 128, 2560, 10),
    "wide": Job((784, 1024, 1024, 10), 128, 2560, 3),
}
MEMBERS = (5, 25, 100)
WANTED = 1.0
SCORED = 256


def toy(job: Job) -> Job:
    """Return a job for a smoke test."""
    return Job(job.widths, job.batch, 2 * job.batch, 2)


def data(job: Job) -> tuple[np.ndarray, np.ndarray]:
    """Return rows around the mean of their class, to learn from and, at the end, to be scored on."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, job.widths[-1], job.rows + SCORED)
    means = rng.normal(size=(job.widths[-1], job.widths[0]))
    return (rng.normal(size=(len(y), job.widths[0])) + 0.3 * means[y]).astype(np.float32), y


def rates(members: int) -> list[float]:
    """Return a learning rate for each member."""
    return np.geomspace(1e-4, 1e-2, members).tolist()


def own(job: Job, members: int) -> float:
    """Train a population; return the mean score."""
    import gorae

    X, y = data(job)
    splits = [(np.arange(job.rows), np.arange(job.rows, len(y)))]
    model = gorae.MLPClassifier(
        job.widths[1:-1], batch_size=job.batch, epochs=job.epochs, patience=job.epochs, random_state=0
    )
    space = {"learning_rate": rates(members)}
    search = gorae.SearchCV(model, space, sampler="grid", cv=splits, refit=False).fit(X, y)
    return float(search.cv_results_["mean_test_score"].mean())


def peer(job: Job, members: int) -> float:
    """Train members in a loop; return the mean score."""
    import torch
    from torch_network import Perceptron

    X, y = (torch.from_numpy(array) for array in data(job))
    mean, deviation = X[: job.rows].mean(0), X[: job.rows].std(0)
    X = (X - mean) / deviation
    scores = []
    for member, rate in enumerate(rates(members)):
        torch.manual_seed(member)
        network = Perceptron(job.widths[0], job.widths[1:-1], job.widths[-1])
        optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
        for _ in range(job.epochs):
            order = torch.randperm(job.rows)
            for first in range(0, job.rows, job.batch):
                rows = order[first : first + job.batch]
                optimizer.zero_grad(set_to_none=True)
                torch.nn.functional.cross_entropy(network(X[rows]), y[rows]).backward()
                optimizer.step()
        with torch.no_grad():
            hits = network(X[job.rows :]).argmax(1) == y[job.rows :]
        scores.append(float(hits.float().mean()))
    return float(np.mean(scores))


def child(side: str, name: str, members: str, quick: str) -> None:
    """Run one side in this process and print its figures."""
    job = toy(JOBS[name]) if quick == "True" else JOBS[name]
    if side == "own":
        import gorae

        gorae.SearchCV, gorae.MLPClassifier  # noqa: B018 - lazy names: touching them loads JAX
        first, second = (machine.timed(lambda: own(job, int(members))) for _ in range(2))
        print(json.dumps({"cold": first[0], "warm": second[0], "score": second[1]}))
        return
    import torch

    tried = {}
    for threads in range(1, len(os.sched_getaffinity(0)) + 1):
        torch.set_num_threads(threads)
        peer(job, 1)
        tried[threads] = min(machine.timed(lambda: peer(job, 1))[0] for _ in range(3))
    threads = min(tried, key=lambda count: tried[count])
    torch.set_num_threads(threads)
    taken, score = machine.timed(lambda: peer(job, int(members)))
    print(json.dumps({"warm": taken, "cold": taken, "score": score, "threads": threads}))


def compare(name: str, members: int, pairs: int, quick: bool) -> list[dict[str, Any]]:
    """Alternate both sides; return a row warm and a row cold."""
    job = toy(JOBS[name]) if quick else JOBS[name]
    found = []
    for _ in range(pairs):
        asked = name, members, quick
        found.append(machine.pair(__file__, *asked))
        print(*asked, found[-1], flush=True)
    each = members * job.epochs
    rows = []
    for state in ("warm", "cold"):
        peers, owns = ([pair[side][state] / each for pair in found] for side in (0, 1))
        row = machine.compared(
            f"an epoch of one of {members} members, {job.about}, {state}",
            "a plain PyTorch loop",
            peers,
            owns,
            WANTED,
            members=members,
            epochs=job.epochs,
            peer_threads=[theirs["threads"] for theirs, _ in found],
            peer_score=found[0][0]["score"],
            own_score=found[0][1]["score"],
        )
        machine.show(row)
        rows.append(row)
    return rows


def main() -> None:
    """Make all comparisons and write the ratios."""
    if machine.ran_child(child):
        return
    parser = machine.pairs_parser(__doc__ or "")
    parser.add_argument("--only", choices=list(JOBS), help="one of the networks")
    parser.add_argument("--members", type=int, help="one number of members")
    given = machine.pairs_given(parser)
    rows = []
    for name in [given.only] if given.only else JOBS:
        for members in [given.members] if given.members else (3,) if given.quick else MEMBERS:
            rows += compare(name, members, given.pairs, given.quick)
    if given.only or given.members:
        print(json.dumps({"rows": rows}, indent=1))
        return
    machine.record("search_pytorch", {"rows": rows}, given, packages=("torch",))


if __name__ == "__main__":
    main()
