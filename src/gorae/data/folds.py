"""Which rows each member learns from, stops on and is scored on, as index and weight arrays."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, Integer, Num, Shaped
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from gorae.errors import DataError, ParameterError

__all__ = ["PackedSplits", "Split", "cut_stop_rows", "make_folds", "pack_splits", "size_class"]

_SMALLEST_CLASS = 8
_DOUBLING_ENDS = 64
_STEPS_PER_OCTAVE = 8


class Split(NamedTuple):
    """The rows of one fold, by index; no row is in two of the three.

    Attributes:
        train: Rows to learn from.
        stop: Rows that early stopping watches, cut from the training part; may be empty.
        score: Rows that the score is reported on, used for nothing else.
    """

    train: Int32[np.ndarray, " train"]
    stop: Int32[np.ndarray, " stop"]
    score: Int32[np.ndarray, " score"]


class PackedSplits(NamedTuple):
    """The rows of several folds as rectangular arrays; padding has index 0 and weight 0.

    Attributes:
        train_rows: Rows to learn from, by index.
        train_weight: Their weights.
        train_count: How many of them are no padding.
        stop_rows: Rows to stop on, by index.
        stop_weight: Their weights.
        stop_count: How many of them are no padding; 0 where a fold has none.
    """

    train_rows: Int32[np.ndarray, "splits train"]
    train_weight: Float32[np.ndarray, "splits train"]
    train_count: Int32[np.ndarray, " splits"]
    stop_rows: Int32[np.ndarray, "splits stop"]
    stop_weight: Float32[np.ndarray, "splits stop"]
    stop_count: Int32[np.ndarray, " splits"]


def make_folds(
    y: Shaped[np.ndarray, " rows"],
    *,
    folds: int,
    repeats: int = 1,
    stratify: bool,
    groups: Shaped[np.ndarray, " groups"] | None = None,
    seed: int,
) -> list[tuple[Int32[np.ndarray, " _"], Int32[np.ndarray, " _"]]]:
    """Cut the rows into folds, shuffled.

    Within one repeat each row is scored in exactly one fold and learned from in all others. Stratified,
    the rows that a class has in two folds differ by at most one; with groups, no group is in two folds,
    and classes are balanced only as well as the groups allow.

    Args:
        y: The target; for stratified folds, the codes of the classes.
        folds: How many folds.
        repeats: How many times, each with other folds.
        stratify: Whether each fold gets its share of each class.
        groups: The group of each row; rows of a group stay together.
        seed: Decides the shuffling, of each repeat on its own.

    Returns:
        The training and the scored rows of each fold, sorted, repeat after repeat.

    Raises:
        ParameterError: Fewer than two folds, or no repeat.
        DataError: Fewer rows, groups or rows of the largest class than folds.

    Example:
        >>> for train, score in make_folds(np.array([0, 1, 0, 1]), folds=2, stratify=True, seed=0):
        ...     print(train, score)
        [0 1] [2 3]
        [2 3] [0 1]
    """
    _check_request(y, folds, repeats, stratify, groups)
    made = []
    for state in np.random.SeedSequence(seed).generate_state(repeats):
        made += _one_repeat(y, folds, stratify, groups, int(state))
    return made


def cut_stop_rows(
    train: Integer[np.ndarray, " train"],
    y: Shaped[np.ndarray, " rows"],
    *,
    fraction: float,
    seed: int,
    stratify: bool,
    groups: Shaped[np.ndarray, " rows"] | None = None,
) -> tuple[Int32[np.ndarray, " _"], Int32[np.ndarray, " _"]]:
    """Cut the rows that early stopping watches from the training part.

    With groups, whole groups are cut, as many as fit into the fraction and at least one. Otherwise,
    stratified, each class gives its share, and keeps at least one row to learn from. Where neither is
    possible (one group, classes of single rows), rows are cut as they come.

    Args:
        train: The training part, by index.
        y: The target of all rows; for a stratified cut, the codes of the classes.
        fraction: Of the training part to cut, at least 0 and below 1; 0 cuts nothing.
        seed: Decides which rows.
        stratify: Whether each class gives its share.
        groups: The group of all rows.

    Returns:
        The rows to learn from and the rows to stop on, sorted. A single row is kept to learn from.

    Raises:
        ParameterError: The fraction is out of its range.

    Example:
        >>> y = np.array([0, 0, 0, 0, 1, 1, 1, 1])
        >>> train, stop = cut_stop_rows(np.arange(8), y, fraction=0.25, seed=0, stratify=True)
        >>> y[stop].tolist(), len(train)
        ([0, 1], 6)
    """
    if not 0 <= fraction < 1:
        raise ParameterError(f"fraction must be at least 0 and below 1, got {fraction}.")
    train = np.asarray(train, np.int32)
    wanted = min(max(1, round(fraction * len(train))), len(train) - 1)
    if fraction == 0 or wanted < 1:
        return np.sort(train), np.empty(0, np.int32)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    cut = None
    if groups is not None:
        cut = _cut_groups(groups[train], wanted, rng)
    elif stratify:
        cut = _cut_classes(y[train], wanted, rng)
    if cut is None:
        cut = rng.permutation(len(train))[:wanted]
    stopping = np.zeros(len(train), bool)
    stopping[cut] = True
    return np.sort(train[~stopping]), np.sort(train[stopping])


def pack_splits(
    splits: Sequence[Split], weight: Num[np.ndarray, " rows"] | None = None, *, multiple: int = 1
) -> PackedSplits:
    """Pack folds into rectangular arrays of a few sizes.

    Compiled programs depend on the size of their arrays. So the row counts are rounded up to the sizes of
    :func:`size_class`, and folds, subsets and repeats share one program. Rows of weight 0 are left
    out, as if they were not there.

    Args:
        splits: The rows of each fold.
        weight: The weight of each row; None for 1.
        multiple: The sizes are multiples of this, such as the size of a minibatch.

    Returns:
        The packed folds.

    Raises:
        DataError: A row is in two parts of a split, or no training row of a split has a positive weight.
        ParameterError: There is no split, or ``multiple`` is below 1.

    Example:
        >>> rows = np.arange(5, dtype=np.int32)
        >>> packed = pack_splits([Split(rows[:3], rows[3:4], rows[4:])])
        >>> packed.train_rows.tolist(), packed.train_weight.sum(), packed.train_count.tolist()
        ([[0, 1, 2, 0, 0, 0, 0, 0]], np.float32(3.0), [3])
    """
    if not len(splits) or multiple < 1:
        raise ParameterError(
            f"at least one split and multiple >= 1 are needed, got {len(splits)}, {multiple}."
        )
    for place, split in enumerate(splits):
        _check_disjoint(place, split)
    train = [_weighted(split.train, weight) for split in splits]
    stop = [_weighted(split.stop, weight) for split in splits]
    empty = [place for place, rows in enumerate(train) if not len(rows)]
    if empty:
        raise DataError(f"split {empty[0]} has no training row with a positive weight; give fewer folds.")
    return PackedSplits(*_pad(train, weight, multiple), *_pad(stop, weight, multiple))


def size_class(count: int, *, multiple: int = 1) -> int:
    """Round a row count up to one of few sizes.

    The sizes are 8, 16, 32 and 64, then eight in each octave, so that above 64 less than one row in
    eight is padding; they are then rounded up to ``multiple``.

    Args:
        count: How many rows there are.
        multiple: What the size is to be a multiple of.

    Returns:
        The size.

    Example:
        >>> [size_class(count) for count in (0, 9, 65, 130, 1000)], size_class(70, multiple=32)
        ([8, 16, 72, 144, 1024], 96)
    """
    size = _SMALLEST_CLASS
    while size < count and size < _DOUBLING_ENDS:
        size *= 2
    if size < count:
        octave = 1 << ((count - 1).bit_length() - 1)
        step = octave // _STEPS_PER_OCTAVE
        size = -(-count // step) * step
    return -(-size // multiple) * multiple


def _check_request(
    y: np.ndarray, folds: int, repeats: int, stratify: bool, groups: np.ndarray | None
) -> None:
    """Refuse folds that cannot be made."""
    if folds < 2 or repeats < 1:
        raise ParameterError(f"at least 2 folds and 1 repeat are needed, got {folds} and {repeats}.")
    if folds > len(y):
        raise DataError(f"{folds} folds need at least as many rows, got {len(y)}; ask for fewer folds.")
    if groups is not None:
        if len(groups) != len(y):
            raise DataError(f"one group per row was wanted, got {len(groups)} for {len(y)} rows.")
        present = len(np.unique(groups))
        if present < folds:
            raise DataError(
                f"{folds} folds need at least as many groups, got {present}; ask for fewer folds."
            )
    if stratify:
        largest = int(np.unique(y, return_counts=True)[1].max())
        if largest < folds:
            raise DataError(
                f"{folds} stratified folds need a class with as many rows, the largest has {largest}; ask "
                "for fewer folds."
            )


def _one_repeat(
    y: np.ndarray, folds: int, stratify: bool, groups: np.ndarray | None, state: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Make the folds of one repeat with scikit-learn's splitters."""
    options = {"n_splits": folds, "shuffle": True, "random_state": state}
    if groups is None:
        splitter = StratifiedKFold(**options) if stratify else KFold(**options)
    else:
        splitter = StratifiedGroupKFold(**options) if stratify else GroupKFold(**options)
    rows = np.zeros(len(y))
    with warnings.catch_warnings():
        # A class with fewer rows than folds is told by check_classes, with its name.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        made = list(splitter.split(rows, y, groups))
        if stratify and groups is not None and not all(len(score) for _, score in made):
            # Balancing few large groups can leave a fold without any; unbalanced folds have rows at least.
            made = list(GroupKFold(**options).split(rows, y, groups))
    return [(train.astype(np.int32), score.astype(np.int32)) for train, score in made]


def _cut_groups(groups: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray | None:
    """Choose whole groups of about the wanted size; None where there is only one."""
    sizes = np.unique(groups, return_inverse=True, return_counts=True)
    codes, counts = sizes[1], sizes[2]
    if len(counts) < 2:
        return None
    chosen, total = [], 0
    for group in rng.permutation(len(counts)):
        if total + counts[group] <= wanted:
            chosen.append(group)
            total += counts[group]
    return np.flatnonzero(np.isin(codes, chosen or [int(np.argmin(counts))]))


def _cut_classes(y: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray | None:
    """Choose rows of each class by the largest remainders, leaving one; None where no class can give."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    room = counts - 1
    if not room.any():
        return None
    share = wanted * counts / len(y)
    quota = np.minimum(np.floor(share).astype(int), room)
    by_remainder = np.lexsort((rng.permutation(len(counts)), quota - share))
    while quota.sum() < min(wanted, room.sum()):
        for k in by_remainder:
            if quota[k] < room[k] and quota.sum() < wanted:
                quota[k] += 1
    order = rng.permutation(len(y))
    return np.concatenate([order[codes[order] == k][: quota[k]] for k in range(len(counts))])


def _check_disjoint(place: int, split: Split) -> None:
    """Refuse a split that has a row in two parts: its score would not be out of sample."""
    rows = np.concatenate([np.unique(part) for part in split])
    if len(np.unique(rows)) < len(rows):
        raise DataError(
            f"split {place} has a row in two of its parts; train, stop and score must be disjoint."
        )


def _weighted(rows: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Keep the rows with a positive weight."""
    return rows if weight is None else rows[np.asarray(weight)[rows] > 0]


def _pad(
    parts: Sequence[np.ndarray], weight: np.ndarray | None, multiple: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay parts of different lengths into one array, with weights and counts."""
    counts = np.array([len(rows) for rows in parts], np.int32)
    width = size_class(int(counts.max()), multiple=multiple)
    padded, weights = np.zeros((len(parts), width), np.int32), np.zeros((len(parts), width), np.float32)
    for place, rows in enumerate(parts):
        padded[place, : len(rows)] = rows
        weights[place, : len(rows)] = 1.0 if weight is None else weight[rows]
    return padded, weights, counts
