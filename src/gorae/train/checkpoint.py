"""Checkpoints: one file a member, replaced atomically, so that a kill at any instant loses an epoch at most.

A member's file holds its state and its records. On resumption a finished member is taken as it is, an
unfinished one goes on from its state, to bitwise the same result, and a file of another fit is refused.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gorae.errors import FileError
from gorae.files import make_folder, read_container, write_container
from gorae.train.member import MemberState
from gorae.train.problem import Problem, SharedRows, SplitRows

KIND = "member-checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """Where members are kept, and how often.

    Args:
        folder: a folder of its own for this fit; made when it is missing.
        every: epochs between two writes of a member; a kill loses fewer than that.
    """

    folder: Path
    every: int = 1

    def path(self, member: int) -> Path:
        """Return the file of that member."""
        return self.folder / f"member-{member:05d}.gorae"


def fingerprint(
    problem: Problem, shared: SharedRows, splits: Sequence[SplitRows], members: Sequence[tuple[Mapping, int]]
) -> str:
    """Return a hash of all that decides the result of a fit: program, data, folds, members."""
    digest = hashlib.sha256(repr(problem).encode())
    for leaf in jax.tree.leaves((shared, list(splits))):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(array.tobytes() if array.ndim == 0 else memoryview(array).cast("B"))
    for hyper, split in members:
        digest.update(repr((sorted((name, float(value)) for name, value in hyper.items()), split)).encode())
    return digest.hexdigest()


def save_member(
    checkpoint: Checkpoint, member: int, fit: str, state: MemberState, records: np.ndarray
) -> None:
    """Write a member's state and records over its old file, atomically."""
    make_folder(checkpoint.folder)
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(state)]
    arrays = {f"state/{i}": leaf for i, leaf in enumerate(leaves)}
    write_container(checkpoint.path(member), {**arrays, "records": records}, {"fit": fit}, kind=KIND)


def load_member(
    checkpoint: Checkpoint, member: int, fit: str, blank: MemberState
) -> tuple[MemberState, np.ndarray] | None:
    """Return a member's state and records, or None when it has no file yet.

    Raises:
        FileError: when the file belongs to another fit (other data, settings or version of the program).
        DamagedFileError: when the file is no checkpoint or is damaged.
    """
    path = checkpoint.path(member)
    if not path.exists():
        return None
    container = read_container(path, kind=KIND)
    leaves, structure = jax.tree.flatten(blank)
    if container.meta.get("fit") != fit or len(container.arrays) != len(leaves) + 1:
        raise FileError(
            f"checkpoint folder {str(checkpoint.folder)!r} holds another fit (other data, parameters or seed "
            "than this one); give an empty folder, or delete this one."
        )
    state: Any = jax.tree.unflatten(structure, [container.arrays[f"state/{i}"] for i in range(len(leaves))])
    return state, container.arrays["records"]
