"""The rows of a stream, checked: targets, weights and groups in memory, a sample of the rows themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64

from gorae.data import Stream, block_bounds, in_blocks
from gorae.data.folds import Split
from gorae.errors import DataError
from gorae.estimators.fitting import stop_split
from gorae.estimators.given import given_rows
from gorae.estimators.parameters import check_choice
from gorae.estimators.population import class_factors
from gorae.estimators.storage import anchor_of
from gorae.estimators.training_rows import TrainingRows, check_training_rows, coded_class_weight

_SAMPLE = 256
Bounds = tuple[int, int]


@dataclass(frozen=True)
class Streamed:
    """Rows to stream, checked: where blocks lie, how they are stored, and which rows are watched.

    Args:
        stream: the rows.
        bounds: of all blocks.
        rows: targets and classes of all rows; where a row has weight 0 its target is any.
        weight: of each row, or None where they count alike.
        factors: of each class, for rows that are learned from or watched; None for 1.
        train: which rows are learned from.
        stop: which rows early stopping watches.
        anchors: what is subtracted from columns and targets before they are stored.
        is_bytes: whether rows stay bytes.
    """

    stream: Stream
    bounds: list[Bounds]
    rows: TrainingRows
    weight: Float64[np.ndarray, " rows"] | None
    factors: Float64[np.ndarray, " classes"] | None
    train: Bool[np.ndarray, " rows"]
    stop: Bool[np.ndarray, " rows"]
    anchors: tuple[np.ndarray, np.ndarray]
    is_bytes: bool

    @cached_property
    def learned(self) -> list[Bounds]:
        """The blocks that hold rows to learn from."""
        return [(low, high) for low, high in self.bounds if self.train[low:high].any()]

    @property
    def targets(self) -> np.ndarray:
        """The targets of all rows as the engine stores them."""
        if self.rows.classes is not None:
            return np.asarray(self.rows.targets, np.int32)
        return (self.rows.targets - self.anchors[1]).astype(np.float32)

    def training_weight(self) -> Float32[np.ndarray, " rows"]:
        """Return the weight of each row times that of its class, with mean 1 over all that is learned from.

        A block's own mean may be another: blocks of heavy rows count for more.
        """
        weight = np.ones(len(self.train)) if self.weight is None else self.weight
        if self.factors is not None:
            weight = weight * self.factors[self.rows.targets]
        return (weight / weight[self.train].mean()).astype(np.float32)


def stream_bounds(stream: Stream) -> list[Bounds]:
    """Return the blocks of a stream before its rows are known."""
    first, _ = stream.read(0, 1) if len(stream) else (np.zeros((1, 1)), [])
    return block_bounds(stream, int(first.nbytes))


def checked_stream(
    estimator: Any, stream: Stream, y: Any, sample_weight: Any, groups: Any, seed: int
) -> Streamed:
    """Return a stream with its targets, checked, and what is stored of it.

    Args:
        estimator: whose number of features is set, and whose parameters say what is watched.
        stream: the rows.
        y: targets, or None for those that come with the rows.
        sample_weight: None, a number, or one weight a row.
        groups: a group a row, or None.
        seed: decides which rows are watched.

    Raises:
        DataError: when they do not fit together.
    """
    bounds = stream_bounds(stream)
    count = len(stream)
    y = _targets(stream) if y is None else y
    rows = check_training_rows(
        estimator, np.zeros((count, 1), np.uint8), y, sample_weight, first=True, groups=groups
    )
    places = np.unique(np.linspace(0, count - 1, min(_SAMPLE, count)).astype(int))
    some = in_blocks(stream, [(int(p), int(p) + 1) for p in places], lambda bounds, rows, _: rows)
    sample = np.concatenate(list(some))
    check_finite(sample, places)
    matrix = given_rows(estimator, sample, reset=True)
    is_bytes = matrix.dtype == np.uint8
    standard = scale_kind(estimator, is_bytes) == "standard"
    anchor = anchor_of(matrix) if standard else np.zeros(matrix.shape[1])
    target_anchor = np.zeros(0) if rows.classes is not None else anchor_of(rows.targets)
    classify = rows.classes is not None
    train, stop, _ = stop_split(estimator, rows.targets, rows.groups, classify, seed)
    factors = None
    if rows.classes is not None:
        weight = np.ones(len(rows.targets)) if rows.weight is None else rows.weight
        split = Split(train, stop, np.zeros(0, np.int32))
        coded = coded_class_weight(getattr(estimator, "class_weight", None), rows.classes)
        factors = class_factors(rows.targets, weight, split, len(rows.classes), coded)
    masks = [np.zeros(count, bool) for _ in range(2)]
    for mask, part in zip(masks, (train, stop), strict=True):
        mask[rows.positions[part]] = True
    weight = None if rows.weight is None else _spread(rows.weight, rows.positions, count)
    whole = rows._replace(targets=_spread(rows.targets, rows.positions, count))
    anchors = (anchor, target_anchor)
    return Streamed(stream, bounds, whole, weight, factors, masks[0], masks[1], anchors, is_bytes)


def scale_kind(estimator: Any, is_bytes: bool) -> str:
    """Return how inputs are scaled."""
    check_choice("scale", estimator.scale, ["auto", "standard", "common", None])
    if estimator.scale == "auto":
        return "common" if is_bytes else "standard"
    return "none" if estimator.scale is None else estimator.scale


def check_finite(rows: np.ndarray, numbers: Sequence[int] | np.ndarray) -> None:
    """Refuse rows that lack a value, or have an infinite one.

    Raises:
        DataError: naming the row by its number, and the column.
    """
    if rows.dtype.kind != "f" or np.isfinite(rows).all():
        return
    row, column = (int(n) for n in np.argwhere(~np.isfinite(rows.reshape(len(rows), -1)))[0])
    raise DataError(
        f"row {int(numbers[row])}, column {column} (from 0) of the stream is missing or infinite; fill such "
        "values in the source."
    )


def _targets(stream: Stream) -> np.ndarray:
    """Return the targets that come with the rows.

    Raises:
        DataError: when there are none.
    """
    found: list[Any] = []
    for targets in in_blocks(stream, stream_bounds(stream), lambda bounds, rows, targets: targets):
        found += targets
    if len(found) != len(stream):
        raise DataError("the stream's rows have no targets; give y, one target a row.")
    return np.asarray(found)


def _spread(values: np.ndarray, positions: np.ndarray, count: int) -> np.ndarray:
    """Return values of some rows as values of all, zeros where there are none."""
    found = np.zeros((count, *values.shape[1:]), values.dtype)
    found[positions] = values
    return found
