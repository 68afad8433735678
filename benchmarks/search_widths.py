"""What it brings, and what it costs, that hidden layers of many widths share compiled programs.

The same search of random settings over 5 folds, once as it is, and once with a program for every width.
Each side has a process of its own and an empty compile cache: its first search compiles, which is the cold
figure; it then forgets its programs and searches again, which is the warm one: what was compiled is read from
disk, as by a later run of the same script, and traced again.

With few widths less is saved, and units of zeros are paid for in every run; what that comes to is told too.
Beside the seconds of the clock are those of the processor, which a busy machine does not change.

    python benchmarks/search_widths.py --pairs 2
"""

import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import machine
import numpy as np
from scipy.stats import loguniform
from sklearn.datasets import load_breast_cancer, load_digits

LOADERS = {"digits": load_digits, "breast cancer": load_breast_cancer}


@dataclass(frozen=True)
class Job:
    """A search: data, how many widths between which bounds, layers, epochs, and what the network has."""

    data: str
    widths: int
    between: tuple[int, int]
    layers: int = 1
    epochs: int = 30
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What is searched."""
        low, high = self.between
        kind = "".join(f", {name} {value}" for name, value in self.options.items())
        depth = "" if self.layers == 1 else f", {self.layers} layers"
        return f"{self.data}: {self.widths} widths from {low} to {high}{depth}{kind}, {self.epochs} epochs"


TOLD = {"dropout": 0.2, "normalization": "layer"}
JOBS = [
    Job("digits", 32, (16, 256)),
    Job("breast cancer", 32, (8, 128), layers=2, options=TOLD),
    Job("digits", 4, (16, 256)),
    Job("digits", 4, (16, 256), epochs=100, options={"dropout": 0.2}),
]


def spaced(job: Job) -> dict[str, Any]:
    """Return the space: as many widths as there are settings, and a learning rate."""
    generator = np.random.default_rng(0)
    low, high = job.between
    shape = (job.layers, job.widths)
    widths = generator.permuted(
        np.tile(np.linspace(low, high, job.widths).astype(int), (shape[0], 1)), axis=1
    )
    return {"hidden": [tuple(map(int, each)) for each in widths.T], "learning_rate": loguniform(1e-3, 1e-2)}


def searched(job: Job) -> dict[str, float]:
    """Return the seconds of a search, those of the processor, and how many training programs it needed."""
    import gorae
    from gorae.backend import clear_programs
    from gorae.backend.compile import _programs

    clear_programs()
    X, y = LOADERS[job.data](return_X_y=True)
    model = gorae.MLPClassifier(batch_size=64, epochs=job.epochs, random_state=0, **job.options)
    search = gorae.SearchCV(
        model, spaced(job), n_settings=job.widths, sampler="latin_hypercube", random_state=0
    )
    began = time.process_time()
    seconds, _ = machine.timed(lambda: search.fit(X, y))
    known: Any = _programs
    programs = sum(key[0] == "train" for key, *_ in known)
    return {"seconds": seconds, "processor": time.process_time() - began, "programs": programs}


def child(side: str, job: str) -> None:
    """Search twice, and print both times; one side has a program for every width."""
    from gorae.estimators import width_plan

    if side == "peer":
        width_plan.choose_widths = lambda *_, **__: {}
    asked = Job(**json.loads(job))
    print(json.dumps({when: searched(asked) for when in ("cold", "warm")}))


def compare(job: Job, pairs: int) -> list[dict[str, Any]]:
    """Alternate both sides; return a row for cold runs and one for warm ones."""
    found = [machine.pair(__file__, json.dumps(asdict(job))) for _ in range(pairs)]
    rows = []
    for when in ("cold", "warm"):
        peers, owns = ([sides[which][when] for sides in found] for which in (0, 1))
        row = machine.compared(
            f"{job.words}, {when}",
            "a program for every width",
            [run["seconds"] for run in peers],
            [run["seconds"] for run in owns],
            None,
            programs=owns[0]["programs"],
            peer_programs=peers[0]["programs"],
            processor_seconds=machine.spread([run["processor"] for run in owns]),
            peer_processor_seconds=machine.spread([run["processor"] for run in peers]),
        )
        machine.show(row, row["peer_programs"], "programs against", row["programs"])
        rows.append(row)
    return rows


def main() -> None:
    """Make the comparisons and write the table."""
    given = machine.pairs_given(machine.pairs_parser(__doc__ or "", pairs=2))
    jobs = [Job("breast cancer", 3, (8, 32), epochs=2)] if given.quick else JOBS
    machine.record(
        "search_widths", {"rows": [row for job in jobs for row in compare(job, given.pairs)]}, given
    )


if __name__ == "__main__" and not machine.ran_child(child):
    main()
