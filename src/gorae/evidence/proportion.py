"""Wilson's interval of a proportion."""

from typing import Any

import numpy as np
from scipy.special import ndtri

from gorae.errors import InputError
from gorae.evidence.checks import check_level

__all__ = ["wilson", "wilson_bounds"]


def wilson(successes: Any, trials: Any, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's interval of the proportion behind counted successes.

    With share p of n trials and normal quantile z, the bounds are the roots of the score test::

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    It never leaves [0, 1] and does not shrink to a point where all trials succeeded.

    Args:
        successes: Counts, a number or an array.
        trials: Counts of the same shape, not below ``successes``; 0 trials give the interval (0, 1).
        level: Share of such intervals that cover the truth.

    Returns:
        The lower and the upper bounds, in the shape of the counts.

    Raises:
        InputError: If there are more successes than trials, or a negative count.
        ParameterError: If the level is not between 0 and 1.

    Example:
        >>> low, high = wilson(8, 10)
        >>> print(f"{low:.3f} to {high:.3f}")
        0.490 to 0.943

    References:
        Wilson (1927), "Probable inference, the law of succession, and statistical inference".
        Brown, Cai, DasGupta (2001), "Interval estimation for a binomial proportion", section 3.1.1.
    """
    check_level(level)
    successes, trials = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if not ((successes >= 0) & (successes <= trials)).all():
        raise InputError(
            "successes must lie between 0 and trials, but some do not; count both on the same rows."
        )
    share = np.divide(
        successes, trials, out=np.full(np.broadcast(successes, trials).shape, 0.5), where=trials > 0
    )
    return wilson_bounds(share, trials, float(ndtri((1 + level) / 2)))


def wilson_bounds(share: Any, trials: Any, quantile: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's bounds for a share of a number of trials, which need not be whole, at a quantile."""
    share, trials = np.asarray(share, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    # Multiplied through by the trials, so that none of them is divided by.
    centre = share * trials + quantile**2 / 2
    reach = quantile * np.sqrt(share * (1 - share) * trials + quantile**2 / 4)
    whole = trials + quantile**2
    # Rounding must not take 1 for a perfect share a hair below or above it.
    low = np.where(share <= 0, 0.0, (centre - reach) / whole)
    high = np.where(share >= 1, 1.0, (centre + reach) / whole)
    empty = trials <= 0
    return np.where(empty, 0.0, low), np.where(empty, 1.0, high)
