"""Successive halving and Hyperband: many settings begin, the better ones train on."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gorae.errors import ParameterError
from gorae.estimators.parameters import briefly

_SMALLEST_FACTOR = 1.1


class Rung(NamedTuple):
    """One rung of a bracket: how many settings train, until how many epochs (None: to their end)."""

    settings: int
    epochs: int | None


def make_brackets(halving: Any, n_settings: int, epochs: int) -> list[list[Rung]]:
    r"""Return the rungs that settings climb.

    With the factor $\eta$, a bracket of $s + 1$ rungs begins with n settings, trained for $R \eta^{-s}$
    epochs; at each rung the best $1/\eta$ of the settings go on to $\eta$ times as many, and the last rung
    trains to the end. Hyperband runs brackets of every s and so hedges against learning curves that cross;
    its factor is 3, and the settings are dealt out so that every bracket has about the same work.

    Args:
        halving: the factor, a number of at least 1.1; "hyperband"; or None for one rung.
        n_settings: settings in all.
        epochs: R, the most that a setting may train.

    Raises:
        ParameterError: when `halving` is none of these.

    Example:
        >>> make_brackets(3, 9, 90)
        [[Rung(settings=9, epochs=10), Rung(settings=3, epochs=30), Rung(settings=1, epochs=None)]]
        >>> [len(bracket) for bracket in make_brackets("hyperband", 20, 9)]
        [3, 2, 1]

    References:
        Jamieson & Talwalkar 2016; Li et al. 2018, Hyperband, algorithm 1.
    """
    if halving is None:
        return [[Rung(n_settings, None)]]
    if isinstance(halving, str) and halving == "hyperband":
        most = _most_rungs(3.0, n_settings, epochs)
        begun = [math.ceil((most + 1) / (s + 1) * 3.0**s) for s in range(most, -1, -1)]
        dealt = _dealt(n_settings, begun)
        return [
            _bracket(3.0, count, epochs, min(s, _most_rungs(3.0, count, epochs)))
            for s, count in zip(range(most, -1, -1), dealt, strict=True)
            if count
        ]
    number = isinstance(halving, int | float | np.number) and not isinstance(halving, bool)
    if not number or not _SMALLEST_FACTOR <= float(halving) < math.inf:
        raise ParameterError(
            "halving must be None, a number of at least 1.1 (3 keeps a third at each rung) or 'hyperband', "
            f"got {briefly(halving)}."
        )
    eta = float(halving)
    return [_bracket(eta, n_settings, epochs, _most_rungs(eta, n_settings, epochs))]


def best_settings(scores: Sequence[float], count: int) -> list[int]:
    """Return the places of the best scores, in the order in which they stand; NaN is worst.

    Example:
        >>> best_settings([0.1, float("nan"), 0.9, 0.5], 2)
        [2, 3]
    """
    ranks = np.where(np.isnan(scores), -np.inf, scores)
    return sorted(np.argsort(-ranks, kind="stable")[:count].tolist())


def _most_rungs(eta: float, n_settings: int, epochs: int) -> int:
    """Return how often settings can be divided by eta while one is left, and epochs while one is left."""
    return max(0, math.floor(math.log(max(1, min(n_settings, epochs))) / math.log(eta) + 1e-9))


def _bracket(eta: float, count: int, epochs: int, s: int) -> list[Rung]:
    """Return s + 1 rungs."""
    counts = [max(1, math.floor(count * eta**-i + 1e-9)) for i in range(s + 1)]
    spent = [max(1, round(epochs * eta ** (i - s))) for i in range(s)]
    return [Rung(*rung) for rung in zip(counts, [*spent, None], strict=True)]


def _dealt(total: int, shares: Sequence[int]) -> list[int]:
    """Return a total dealt out in proportion to shares, to the largest remainders first."""
    exact = np.array(shares) * total / sum(shares)
    counts = np.floor(exact).astype(int)
    for place in np.argsort(counts - exact, kind="stable")[: total - counts.sum()]:
        counts[place] += 1
    return counts.tolist()
