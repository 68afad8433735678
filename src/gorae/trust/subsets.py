"""Nested subsets of training rows: how large, and which rows."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from gorae.errors import DataError, ParameterError
from gorae.estimators.parameters import briefly

_FEWEST_SIZES = 3
_SIZES = 6
_SMALLEST_SHARE = 16
_SMALL_ENOUGH = 8
_FEWEST_ROWS = 10


def nested_order(
    rows: Int[np.ndarray, " rows"],
    codes: Int[np.ndarray, " all"] | None,
    groups: Shaped[np.ndarray, " all"] | None,
    seed: int,
) -> Int[np.ndarray, " rows"]:
    """Return rows in an order whose every beginning is a sample of them; larger ones hold the smaller.

    With classes, each beginning has every class's share of rows, within one. With groups, each is made of
    whole groups but for the last one, in the shares of the groups' most frequent classes.

    Args:
        rows: positions of the rows.
        codes: the class of every row there is, or None for values.
        groups: the group of every row there is, or None.
        seed: decides the order within classes.

    Example:
        >>> codes = np.array([0, 0, 0, 0, 1, 1])
        >>> order = nested_order(np.arange(6), codes, None, 0)
        >>> codes[order[:3]].tolist(), sorted(order.tolist())
        ([0, 1, 0], [0, 1, 2, 3, 4, 5])
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        strata = np.zeros(len(rows), np.int64) if codes is None else codes[rows]
        return rows[_spread(strata, rng)]
    _, own = np.unique(groups[rows], return_inverse=True)
    strata = np.zeros(own.max() + 1, np.int64)
    if codes is not None:
        strata = np.array([np.bincount(codes[rows[own == group]]).argmax() for group in range(len(strata))])
    place = np.empty(len(strata), np.int64)
    place[_spread(strata, rng)] = np.arange(len(strata))
    return rows[np.lexsort((rng.permutation(len(rows)), place[own]))]


def _spread(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return positions in an order in which each stratum is spread evenly from the beginning to the end."""
    shuffled = rng.permutation(len(strata))
    key = np.empty(len(strata))
    for stratum in np.unique(strata):
        own = shuffled[strata[shuffled] == stratum]
        key[own] = (np.arange(len(own)) + 0.5) / len(own)
    return shuffled[np.argsort(key[shuffled], kind="stable")]


def curve_sizes(
    sizes: Any, orders: Sequence[np.ndarray], codes: Int[np.ndarray, " all"] | None, *, batch: int = 0
) -> Int[np.ndarray, " sizes"]:
    """Return the numbers of rows to learn from, rising, each with rows of every class in every fold.

    Args:
        sizes: whole numbers of rows, or shares in (0, 1] of a fold's training rows; None for six that rise by
            the same factor up to all.
        orders: for each fold its training rows, as `nested_order` gives them.
        codes: the class of every row there is, or None for values.
        batch: rows of a minibatch; sizes that are chosen here are larger, where the smallest is still an
            eighth or less.

    Raises:
        ParameterError: if they are no rising numbers, fewer than three, or more than a fold has.
        DataError: if a fold's rows of the smallest size lack a class.
    """
    most = min(len(order) for order in orders)
    needed = max(_rows_for_every_class(order, codes) for order in orders)
    if sizes is None:
        beyond = batch + 1 if (batch + 1) * _SMALL_ENOUGH <= most else 0
        least = max(most // _SMALLEST_SHARE, _FEWEST_ROWS, needed, beyond)
        found = np.unique(np.geomspace(min(least, most), most, _SIZES).round().astype(np.int64))
        if len(found) < _FEWEST_SIZES:
            raise DataError(
                f"a learning curve needs at least {_FEWEST_SIZES} sizes, but a fold has {most} rows to learn "
                f"from, and fewer than {least} lack a class or are too few; give more rows."
            )
        return found
    found = _given_sizes(sizes, most)
    if codes is not None and found[0] < needed:
        raise DataError(
            f"the smallest size, {found[0]} rows, leaves a class without rows in some fold; every class is "
            f"there from {needed} rows on: give sizes of at least that."
        )
    return found


def _given_sizes(sizes: Any, most: int) -> np.ndarray:
    """Return sizes that were asked for, as numbers of rows."""
    asked = list(sizes) if isinstance(sizes, Sequence | np.ndarray) and not isinstance(sizes, str) else []
    numbers: list[Any] = [
        size for size in asked if isinstance(size, Real) and not isinstance(size, bool | np.bool_)
    ]
    if len(numbers) < len(asked) or len(asked) < _FEWEST_SIZES:
        raise ParameterError(
            f"sizes must be at least {_FEWEST_SIZES} numbers of rows, such as [100, 200, 400], or shares of "
            f"a fold's training rows, such as [0.1, 0.3, 1.0], got {briefly(sizes)}."
        )
    if not all(np.isfinite(float(size)) and size > 0 for size in numbers):
        raise ParameterError(f"sizes must be above 0, got {briefly(sizes)}.")
    if all(isinstance(size, Integral) for size in numbers):
        found = np.array([int(size) for size in numbers], np.int64)
    elif max(numbers) > 1:
        raise ParameterError(
            "sizes must be whole numbers of rows, or shares that are at most 1.0, all of one kind, got "
            f"{briefly(sizes)}."
        )
    else:
        found = np.maximum(np.array([round(float(size) * most) for size in numbers], np.int64), 1)
    if found.max() > most:
        raise ParameterError(
            f"sizes must be at most {most}, the rows that a fold leaves to learn from, got {found.max()}; "
            "give fewer, or more folds."
        )
    if not (np.diff(found) > 0).all():
        raise ParameterError(
            f"sizes must rise, each larger than the one before, got {briefly(sizes)}"
            + (f", which are {briefly(found.tolist())} rows." if found.tolist() != list(sizes) else ".")
        )
    return found


def _rows_for_every_class(order: np.ndarray, codes: np.ndarray | None) -> int:
    """Return how many of a fold's rows hold two rows of every class that it has, or all there are of it."""
    if codes is None:
        return 1
    needed = 1
    for code in np.unique(codes):
        own = np.flatnonzero(codes[order] == code)
        if not len(own):
            raise DataError(
                f"a fold has no row to learn from of class number {code} (from 0, in sorted order); every "
                "class needs rows, or groups, in at least two folds."
            )
        needed = max(needed, int(own[min(1, len(own) - 1)]) + 1)
    return needed
