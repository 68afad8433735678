"""What `resume=FILE` costs a search: the same search with and without its journal, in turn.

Two searches of random settings over 5 folds: one whose networks train one by one, and one of tiny networks
that train in stacks, where a part of sixteen settings is the least that is kept at once. Everything is
compiled before the clock starts; every run with a journal begins a new file; in every second pair the journal
comes first.

    python benchmarks/search_journal.py --pairs 5
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
from scipy.stats import loguniform
from sklearn.datasets import load_breast_cancer, load_digits

WANTED = 0.03


@dataclass(frozen=True)
class Job:
    """A search: data, network and how much is tried."""

    data: Any
    hidden: int
    batch: int
    epochs: int
    settings: int


JOBS = {
    "digits": Job(load_digits, 64, 128, 100, 64),
    "breast-cancer": Job(load_breast_cancer, 16, 32, 100, 128),
}


def seconds(job: Job, path: Path | None) -> float:
    """Return how long a search takes, kept in a file or not."""
    import gorae

    X, y = job.data(return_X_y=True)
    model = gorae.MLPClassifier(
        (job.hidden,), batch_size=job.batch, epochs=job.epochs, patience=job.epochs, random_state=0
    )
    space = {"learning_rate": loguniform(1e-4, 1e-2), "weight_decay": loguniform(1e-6, 1e-2)}
    search = gorae.SearchCV(model, space, n_settings=job.settings, refit=False, resume=path, random_state=0)
    return machine.timed(lambda: search.fit(X, y))[0]


def compare(name: str, job: Job, pairs: int) -> dict[str, Any]:
    """Alternate searches with and without a journal; return the row."""
    without, kept, sizes = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(-1, pairs):  # the first pair compiles, and is dropped
            path = Path(folder) / f"{number}.sqlite"
            for journal in (number % 2 == 1, number % 2 == 0):
                (kept if journal else without).append(seconds(job, path if journal else None))
            sizes.append(path.stat().st_size)
    without, kept = without[1:], kept[1:]
    overhead = machine.spread([b / a - 1 for a, b in zip(without, kept, strict=True)])
    row = machine.compared(
        f"{name}, {job.settings} settings x 5 folds kept in a journal, warm",
        "the same search without resume",
        without,
        kept,
        1 / (1 + WANTED),
        overhead=overhead,
        overhead_wanted=WANTED,
        journal_bytes=max(sizes),
    )
    print(row["job"], "overhead", overhead, "wanted under", WANTED, flush=True)
    return row


def main() -> None:
    """Make both comparisons and write the overheads."""
    given = machine.pairs_given(machine.pairs_parser(__doc__ or ""))
    small = {name: Job(job.data, job.hidden, job.batch, 2, 4) for name, job in JOBS.items()}
    rows = [compare(*pair, given.pairs) for pair in (small if given.quick else JOBS).items()]
    machine.record("search_journal", {"rows": rows}, given)


if __name__ == "__main__":
    main()
