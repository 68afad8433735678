"""Nested folds: outer ones to score a procedure, inner ones for the procedure to choose its settings."""

from typing import NamedTuple

import numpy as np

from gorae.data import make_folds

_SINGLE_SPLIT = 5


class OuterFold(NamedTuple):
    """One outer fold: rows to learn from, rows to be scored on, and the splits of the former.

    `repeat` tells which repetition of the cross-validation the fold belongs to. `inner` is empty where
    nothing is to be chosen, or where the rows to learn from cannot be split (a single group).
    """

    train: np.ndarray
    score: np.ndarray
    inner: list[tuple[np.ndarray, np.ndarray]]
    repeat: int


def nested_folds(
    targets: np.ndarray,
    *,
    outer: int,
    inner: int,
    repeats: int = 1,
    stratify: bool,
    groups: np.ndarray | None = None,
    seed: int,
) -> list[OuterFold]:
    """Return outer folds, each with inner folds of its own training rows.

    Args:
        targets: class codes, or values; decides the strata.
        outer: outer folds; 1 means a single split with a fifth of the rows to score.
        inner: inner folds; 1 means a single split, 0 means none (nothing is to be chosen). Fewer are made
            where the training rows have fewer groups, or fewer rows of their largest class.
        repeats: repetitions of the outer folds, each on another order of the rows.
        stratify: whether folds keep the classes' shares.
        groups: a group a row; a group is never on both sides of a split.
        seed: decides the order of the rows.

    Returns:
        The outer folds, repetition by repetition.

    Raises:
        DataError: when the rows cannot be split at all.

    Example:
        >>> folds = nested_folds(np.arange(20) % 2, outer=5, inner=2, stratify=True, seed=0)
        >>> len(folds), len(folds[0].score), len(folds[0].inner)
        (5, 4, 2)

    References:
        Varma & Simon 2006, Bias in error estimation when using cross-validation for model selection.
    """
    splits = _splits(targets, np.arange(len(targets)), outer, repeats, stratify, groups, seed)
    each = max(len(splits) // repeats, 1)
    folds = []
    for number, (train, score) in enumerate(splits):
        inside = []
        if inner and splittable(targets[train], stratify, None if groups is None else groups[train]) > 1:
            inside = _splits(targets, train, inner, 1, stratify, groups, seed + 7919 * (number + 1))
        folds.append(OuterFold(train, score, inside, number // each))
    return folds


def splittable(targets: np.ndarray, stratify: bool, groups: np.ndarray | None) -> int:
    """Return the most folds that rows can be cut into: as many as groups, or rows of the largest class.

    Example:
        >>> splittable(np.array([0, 0, 0, 1]), True, None)
        3
    """
    most = int(np.unique(targets, return_counts=True)[1].max()) if stratify else len(targets)
    return most if groups is None else min(most, len(np.unique(groups)))


def _splits(
    targets: np.ndarray,
    rows: np.ndarray,
    count: int,
    repeats: int,
    stratify: bool,
    groups: np.ndarray | None,
    seed: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return splits of some rows, as row numbers of the whole."""
    own = None if groups is None else groups[rows]
    folds = min(count if count > 1 else _SINGLE_SPLIT, splittable(targets[rows], stratify, own))
    found = make_folds(
        targets[rows], folds=max(folds, 2), repeats=repeats, stratify=stratify, groups=own, seed=seed
    )
    if count == 1:
        found = found[::folds][:repeats]
    return [(rows[train].astype(np.int32), rows[score].astype(np.int32)) for train, score in found]
