"""kill -9 at random instants of a training with a checkpoint every epoch; wanted: nothing is lost, ever.

After each kill every file of the checkpoint must load; the fit is then resumed, killed again, and so on until
it ends, to bitwise the result of a fit that nothing interrupted. A new fit then begins in an empty folder.

    python benchmarks/kill_resume.py --kills 200
"""

import hashlib
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from killing import arguments, killed, record, result_of, start

from gorae.backend import select_devices
from gorae.errors import FileError
from gorae.estimators.population import Build
from gorae.files import read_container
from gorae.models import MLPShape
from gorae.models.network import parameters_by_layer
from gorae.train import Checkpoint, Member, Problem, SharedRows, SplitRows, hyper_scalars, train

MEMBERS, EPOCHS = 4, 25
PROBLEM = Problem(
    Build(MLPShape(10, 2, hidden=(16,), normalization="batch", dropout=True)),
    parameters_by_layer,
    "cross_entropy",
    batch_size=16,
    classes=2,
)


def fit(folder: Path | None, chunk: int) -> str:
    """Train the population, kept in `folder`, and return a hash of everything that came of it."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(64, 10)).astype(np.float32)
    nothing, zeros, ones = np.zeros(0, np.float32), np.zeros(10, np.float32), np.ones(10, np.float32)
    order = np.arange(64, dtype=np.int32)
    split = SplitRows(
        zeros, zeros, ones, nothing, nothing, order[:48], np.ones(48, np.float32), np.int32(48), order[48:],
        np.ones(16, np.float32), np.int32(16),
    )  # fmt: skip
    members = [
        Member(hyper_scalars(epochs=EPOCHS, stream=i, dropout=0.2, learning_rate=0.003 * (1 + i)), 0)
        for i in range(MEMBERS)
    ]
    outcome = train(
        PROBLEM,
        SharedRows(rows, (rows[:, 0] > 0).astype(np.int32)),
        [split],
        members,
        devices=select_devices("cpu"),
        chunk=chunk,
        checkpoint=None if folder is None else Checkpoint(folder),
    )
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(outcome.results):
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()


def unreadable(folder: Path) -> list[str]:
    """Return what is wrong with the files of a checkpoint."""
    wrong = []
    for path in folder.glob("member-*.gorae"):
        try:
            read_container(path)
        except FileError as error:
            wrong.append(str(error))
    return wrong


def campaign(kills: int, chunk: int, seed: int) -> dict[str, Any]:
    """Kill that often; return what became of it."""
    draw = random.Random(seed)
    reference = result_of(*start(lambda: fit(None, chunk)))
    results, damage, files, done = [], [], 0, 0
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "timed"
        began = time.perf_counter()
        results.append(result_of(*start(lambda: fit(folder, chunk))))
        whole = time.perf_counter() - began
        number = 0
        while done < kills:
            folder = Path(top) / f"fit-{number}"
            ended = killed(*start(lambda to=folder: fit(to, chunk)), draw.uniform(0, whole))
            if ended is not None:
                results.append(ended)
                number += 1
                continue
            done += 1
            damage += unreadable(folder)
            files += len(list(folder.glob("member-*.gorae")))
        results.append(result_of(*start(lambda: fit(folder, chunk))))
    return {
        "kills": done,
        "chunk": chunk,
        "seconds_of_a_fit": whole,
        "files_read_after_kills": files,
        "files_unreadable": len(damage),
        "fits_resumed_to_the_end": len(results) - 1,
        "results_that_differ": sum(result != reference for result in results),
        "damage": damage[:5],
    }


def main() -> None:
    """Run the campaigns: members alone, and members in stacks."""
    given = arguments(__doc__ or "", kills=200, about="kills in all, half of them of stacks")
    stacks = given.kills // 2
    content = {
        "alone": campaign(given.kills - stacks, 1, given.seed),
        "stacks": campaign(stacks, 3, given.seed + 1),
    }
    record("kill_resume", content, given)


if __name__ == "__main__":
    main()
