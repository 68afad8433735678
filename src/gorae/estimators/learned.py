"""What a fitted network estimator holds: its members, how they read rows, and what follows from both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from gorae.estimators.population import network_problem
from gorae.estimators.uncompiled import answered_on_host
from gorae.models.cnn import CNNShape
from gorae.models.module import ModuleShape
from gorae.models.shape import NetworkShape
from gorae.train import History, MemberResult, Problem, SplitRows

ENCODING = ("fill", "shift", "scale", "target_shift", "target_scale")
"""The fields of a split that say how rows are read; the rest says which rows."""


@dataclass(frozen=True)
class Learned:
    """What a fit leaves behind; nothing in it follows from the parameters that the estimator has now.

    Args:
        shape: the structure of every member.
        encoding: how stored rows are filled, shifted and scaled, and the unit of the targets.
        anchor: what is subtracted from each column before rows are stored.
        target_anchor: the same of the targets; empty for classes.
        flat_target: whether predictions are `(n,)` instead of `(n, outputs)`.
        seed: the root seed, which further training goes on with.
        streams: each member's stream of random numbers.
        members: the trained members, one a stream.
        levels: of the quantiles that the outputs are; empty where they are none.
    """

    shape: NetworkShape
    encoding: SplitRows
    anchor: Float64[np.ndarray, " width"]
    target_anchor: Float64[np.ndarray, " outputs"]
    flat_target: bool
    seed: int
    streams: tuple[int, ...]
    members: tuple[MemberResult, ...]
    levels: tuple[float, ...] = ()


def answering_problem(shape: NetworkShape) -> Problem:
    """Return the problem to ask members with: one for all ways to train them, by NumPy where it is small."""
    return network_problem(shape, objective="squared_error", on_host=answered_on_host(shape))


def encoding_only(parts: Mapping[str, np.ndarray]) -> SplitRows:
    """Return a split that holds an encoding and no rows."""
    empty = np.zeros(0, np.int32)
    rest = {name: empty for name in SplitRows._fields if name not in (*ENCODING, "codes")}
    return SplitRows(**{name: np.asarray(parts[name]) for name in ENCODING}, **rest, codes=parts.get("codes"))


def encoding_of(split: SplitRows) -> dict[str, np.ndarray]:
    """Return the encoding of a split by the names of its fields; codes only where it has them."""
    parts = {name: np.asarray(getattr(split, name)) for name in ENCODING}
    return parts if split.codes is None else {**parts, "codes": np.asarray(split.codes)}


def joined(earlier: History, later: History) -> History:
    """Return two histories of a member as one."""
    return History(*(np.concatenate(pair) for pair in zip(earlier, later, strict=True)))


def set_learned(estimator: Any, learned: Learned) -> None:
    """Give an estimator what a fit has left, and the public attributes that follow from it."""
    estimator._learned = learned
    if isinstance(learned.shape, CNNShape):
        estimator.image_shape_in_ = learned.shape.image
    if isinstance(learned.shape, ModuleShape) and len(learned.shape.row) > 1:
        estimator.row_shape_in_ = learned.shape.row
    estimator.n_iter_ = max(member.epochs for member in learned.members)
    first = learned.members[0].history
    estimator.loss_curve_ = [float(v) for v in first.train_loss]
    estimator.validation_scores_ = [float(v) for v in first.validation_score if np.isfinite(v)]
    estimator.diverged_members_ = [i for i, member in enumerate(learned.members) if member.diverged]
