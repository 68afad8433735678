"""Checkpoints: one file a member, replaced atomically, so that a kill at any instant loses an epoch at most.

A member's file holds its state and its records. On resumption a finished member is taken as it is, an
unfinished one goes on from its state, to bitwise the same result, and a file of another fit is refused.
"""

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gorae.errors import FileError, ParameterError
from gorae.files import make_folder, read_container, write_container
from gorae.train.member import MemberState, blank_state
from gorae.train.problem import Problem, SharedRows, SplitRows

KIND = "member-checkpoint"

_ENGINE = 5
"""To be raised by every change of the program after which a checkpoint would go on differently."""

_LEFTOVER_SECONDS = 600.0


@dataclass(frozen=True)
class Checkpoint:
    """Where members are kept, and how often.

    Args:
        folder: a folder of its own for this fit; made when it is missing.
        every: epochs between two writes of a member; a kill loses fewer than that.

    Raises:
        ParameterError: when `every` is no positive integer.
    """

    folder: Path
    every: int = 1

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder))
        if not isinstance(self.every, int) or self.every < 1:
            raise ParameterError(f"every must be a positive number of epochs, got {self.every!r}.")

    def path(self, member: int) -> Path:
        """Return the file of that member."""
        return self.folder / f"member-{member:05d}.gorae"


def fingerprint(
    problem: Problem,
    shared: SharedRows,
    splits: Sequence[SplitRows],
    members: Sequence[tuple[Mapping[str, Any], int, Any, Any]],
) -> str:
    """Return a hash of all that decides the result of a fit: program, data, folds, members.

    Args:
        problem: the static part.
        shared: rows and targets.
        splits: the folds.
        members: numbers, split, starting state (or None) and what draws it (or None) of each member.
    """
    digest = hashlib.sha256(f"{_ENGINE} {_in_words(problem)}".encode())
    for hyper, split, _, draw in members:
        digest.update(repr((sorted((name, _number(value)) for name, value in hyper.items()), split)).encode())
        digest.update(b"" if draw is None else _in_words(draw).encode())
    for leaf in jax.tree.leaves((shared, list(splits), [state for _, _, state, _ in members])):
        array = np.asarray(leaf)
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _number(value: Any) -> float | list[float]:
    """Return one of a member's numbers, or its levels, in words that are the same in every process."""
    return float(value) if np.ndim(value) == 0 else [float(one) for one in value]


def _in_words(value: Any) -> str:
    """Return a value in words; a function is its name, as it lies elsewhere in memory in every process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def open_folder(checkpoint: Checkpoint) -> None:
    """Make the folder if it is missing, and remove what a killed process was writing when it died."""
    folder = make_folder(checkpoint.folder)
    for leftover in folder.glob(".gorae-*.tmp"):
        with suppress(OSError):  # another process was faster
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                leftover.unlink()


def save_member(
    checkpoint: Checkpoint, member: int, fit: str, state: MemberState, records: np.ndarray
) -> None:
    """Write a member's state and records over its old file, atomically.

    Raises:
        WriteError: when that fails; the old file is intact.
    """
    write_container(checkpoint.path(member), member_arrays(state, records), {"fit": fit}, kind=KIND)


def member_arrays(state: MemberState, records: np.ndarray) -> dict[str, np.ndarray]:
    """Return a member's state and records as named arrays, for a file."""
    leaves = jax.tree.leaves(state)
    return {f"state/{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)} | {"records": records}


def member_from_arrays(
    problem: Problem, arrays: Mapping[str, np.ndarray]
) -> tuple[MemberState, np.ndarray] | None:
    """Return the state and records that `member_arrays` named, or None where they are another problem's."""
    leaves, structure = jax.tree.flatten(blank_state(problem))
    found = [arrays.get(f"state/{i}") for i in range(len(leaves))]
    fits = all(
        f is not None and f.shape == a.shape and f.dtype == a.dtype
        for f, a in zip(found, leaves, strict=True)
    )
    if not fits or "records" not in arrays:
        return None
    return jax.tree.unflatten(structure, found), arrays["records"]


def load_member(
    checkpoint: Checkpoint, member: int, fit: str, problem: Problem
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
    found = member_from_arrays(problem, container.arrays)
    if found is None or container.meta.get("fit") != fit:
        raise FileError(
            f"checkpoint folder {str(checkpoint.folder)!r} holds another fit (other data, parameters or seed "
            "than this one); give an empty folder, or delete this one."
        )
    return found
