"""Quantiles that a model states: what they cost, how much better they are than none, at levels in between.

Letters of shapes: ``rows``; ``levels``.
"""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from gorae.errors import InputError, ParameterError
from gorae.evidence.checks import check_level, check_same_length, finite_vector

__all__ = ["interval_scores", "pinball_losses", "pinball_skill", "quantiles_between"]


def pinball_losses(quantiles: Any, targets: Any, levels: Any) -> Float[np.ndarray, "rows levels"]:
    r"""Return the pinball loss of each stated quantile: level * u above it, (level - 1) * u below.

    Args:
        quantiles: (rows, levels) stated.
        targets: (rows,) true values; u is the target minus the quantile.
        levels: (levels,) between 0 and 1.

    Raises:
        InputError: If shapes do not fit, or a value is not finite.

    Example:
        >>> pinball_losses([[1.0, 1.0]], [3.0], [0.25, 0.5]).tolist()
        [[0.5, 1.0]]

    References:
        Koenker & Bassett (1978), "Regression quantiles", equation 3.1.
    """
    stated, values, wanted = _stated(quantiles, levels), finite_vector("targets", targets), np.asarray(levels)
    check_same_length(quantiles=stated, targets=values)
    above = values[:, None] - stated
    return np.maximum(wanted * above, (wanted - 1) * above)


def pinball_skill(quantiles: Any, targets: Any, levels: Any, weight: Any = None) -> float:
    r"""Return by how much stated quantiles are better than those of all targets: 1 is perfect, 0 no better.

    $D^2 = 1 - \sum_{ik} w_i L_k(y_i, q_{ik}) / \sum_{ik} w_i L_k(y_i, \bar q_k)$ with the pinball loss $L_k$
    and the weighted quantiles $\bar q_k$ of the targets. It is to quantiles what $R^2$ is to means.

    Args:
        quantiles: (rows, levels) stated.
        targets: (rows,) true values.
        levels: (levels,) between 0 and 1.
        weight: (rows,) or None for ones.

    Returns:
        At most 1; for targets that are all the same 1 where nothing is lost, else 0.

    Raises:
        InputError: If shapes do not fit, or a value is not finite.

    Example:
        >>> pinball_skill([[2.0], [3.0], [7.0]], [1.0, 3.0, 8.0], [0.5])
        0.714...

    References:
        Koenker & Machado (1999), "Goodness of fit and related inference processes for quantile regression",
        equation 7.
    """
    values = finite_vector("targets", targets)
    share = np.ones(len(values)) if weight is None else finite_vector("weight", weight)
    check_same_length(targets=values, weight=share)
    own = share @ pinball_losses(quantiles, values, levels).sum(axis=1)
    usual = np.quantile(values, np.asarray(levels), weights=share, method="inverted_cdf")
    null = share @ pinball_losses(np.tile(usual, (len(values), 1)), values, levels).sum(axis=1)
    return float(1 - own / null) if null > 0 else float(own == 0)


def quantiles_between(quantiles: Any, levels: Any, wanted: float) -> Float[np.ndarray, " rows"]:
    r"""Return quantiles of another level, on a straight line in normal scores through the two nearest.

    With $z = \Phi^{-1}$ of the level, $q(z)$ is linear between the two levels around the wanted one, and goes
    on beyond the outermost. For normal errors of any mean and spread this is exact.

    Args:
        quantiles: (rows, levels) that do not cross.
        levels: (levels,) increasing, two at least unless the wanted one is among them.
        wanted: The level.

    Raises:
        ParameterError: If one level only is stated, and it is another one.
        InputError: If shapes do not fit, or a value is not finite.

    Example:
        >>> quantiles_between([[-1.2816, 1.2816]], [0.1, 0.9], 0.5).tolist()
        [0.0]
    """
    check_level(wanted)
    stated, known = _stated(quantiles, levels), np.asarray(levels, np.float64)
    exact = np.flatnonzero(np.isclose(known, wanted, rtol=0, atol=1e-9))
    if len(exact):
        return stated[:, exact[0]]
    if len(known) < 2:
        raise ParameterError(f"the quantile at {wanted:g} cannot be told from the one at {known[0]:g} alone.")
    after = int(np.clip(np.searchsorted(known, wanted), 1, len(known) - 1))
    low, high, between = ndtri(known[after - 1]), ndtri(known[after]), ndtri(wanted)
    share = (between - low) / (high - low)
    return (1 - share) * stated[:, after - 1] + share * stated[:, after]


def interval_scores(low: Any, high: Any, targets: Any, level: float) -> Float[np.ndarray, " rows"]:
    r"""Return the interval score: the width, and 2 / (1 - level) for each unit that the target lies outside.

    Its expectation is least for the interval between the true quantiles at (1 - level) / 2 and
    (1 + level) / 2: narrow intervals that miss and wide ones that cover both lose.

    Args:
        low: (rows,) lower ends.
        high: (rows,) upper ends.
        targets: (rows,) true values.
        level: Stated share of covered rows.

    Raises:
        InputError: If lengths differ, or a value is not finite.

    Example:
        >>> interval_scores([0.0, 0.0], [2.0, 2.0], [1.0, 3.0], 0.9).round(6).tolist()
        [2.0, 22.0]

    References:
        Gneiting & Raftery (2007), "Strictly proper scoring rules, prediction, and estimation", equation 43.
    """
    check_level(level)
    lower, upper = finite_vector("low", low), finite_vector("high", high)
    values = finite_vector("targets", targets)
    check_same_length(low=lower, high=upper, targets=values)
    outside = np.maximum(lower - values, 0) + np.maximum(values - upper, 0)
    return upper - lower + 2 / (1 - level) * outside


def _stated(quantiles: Any, levels: Any) -> Float[np.ndarray, "rows levels"]:
    """Return stated quantiles, one column a level."""
    stated, wanted = np.asarray(quantiles, np.float64), finite_vector("levels", levels)
    if stated.ndim != 2 or stated.shape[1] != len(wanted) or not np.isfinite(stated).all():
        raise InputError(
            f"quantiles must be finite, one column for each of the {len(wanted)} levels, but their shape is "
            f"{stated.shape}."
        )
    if not ((wanted > 0) & (wanted < 1)).all():
        raise InputError(f"levels must lie between 0 and 1, got {wanted.tolist()}.")
    return stated
