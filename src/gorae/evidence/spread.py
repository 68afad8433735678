"""How far a mean over rows may be from what it estimates, where rows belong to independent units."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from gorae.errors import InputError
from gorae.evidence.checks import check_same_length

__all__ = ["Spread", "mean_spread", "t_quantile", "unit_means"]


@dataclass(frozen=True)
class Spread:
    """The estimated variance of a mean over rows.

    Attributes:
        variance: Of the mean.
        freedom: Degrees of freedom of that variance; fewer the heavier the tails of the values.
        units: Number of independent units behind it.
    """

    variance: float
    freedom: float
    units: int


def unit_means(values: np.ndarray, units: Any = None) -> np.ndarray:
    """Return one value for each independent unit, whose plain mean is the mean of all rows.

    Args:
        values: One value a row.
        units: The unit each row belongs to, any labels; None where each row is its own.

    Returns:
        The sum over each unit's rows, divided by the mean number of rows a unit has.

    Raises:
        InputError: If the lengths differ or there are fewer than two units.

    Example:
        >>> unit_means(np.array([1.0, 3.0, 5.0, 7.0]), ["a", "a", "b", "b"])
        array([2., 6.])
    """
    if units is not None:
        units = np.asarray(units)
        check_same_length(values=values, units=units)
        place = np.unique(units, return_inverse=True)[1].ravel()
        sums = np.bincount(place, weights=values)
        values = sums * (len(sums) / len(units))
    if len(values) < 2:
        raise InputError(f"An interval needs at least 2 independent units, but there is {len(values)}.")
    return values


def mean_spread(values: np.ndarray, units: Any = None) -> Spread:
    """Return the variance of the mean of values, with degrees of freedom for their tails.

    For G unit values with kurtosis k their sample variance has relative variance (k - 1) / G + 2 / (G (G -
    1)), that of a chi-square with f degrees of freedom has 2 / f. Equating the two gives f; it is G - 1 for
    normal values (k = 3), to which it is cut, and small where few rows carry most of the variance.

    Args:
        values: One value a row.
        units: The unit each row belongs to; None where each row is its own.

    Returns:
        The spread.

    Raises:
        InputError: If the lengths differ or there are fewer than two units.

    Example:
        >>> mean_spread(np.array([1.0, 2.0, 3.0]))
        Spread(variance=0.3333333333333333, freedom=2.0, units=3)

    References:
        Satterthwaite (1946), "An approximate distribution of estimates of variance components".
    """
    values = unit_means(values, units)
    count = len(values)
    centred = values - values.mean()
    square = float(np.mean(centred**2))
    if square == 0:
        return Spread(0.0, count - 1.0, count)
    # Scaled first, so that values of 1e-200 or 1e200 do not underflow or overflow in the fourth power.
    kurtosis = float(np.mean((centred / np.sqrt(square)) ** 4))
    freedom = 2 / ((kurtosis - 1) / count + 2 / (count * (count - 1)))
    return Spread(square / (count - 1), min(freedom, count - 1.0), count)


def t_quantile(level: float, freedom: float = np.inf) -> float:
    """Return the two-sided quantile of Student's t, the normal one for infinite freedom.

    Example:
        >>> print(f"{t_quantile(0.95):.3f} {t_quantile(0.95, 4):.3f}")
        1.960 2.776
    """
    if np.isinf(freedom):
        return float(ndtri((1 + level) / 2))
    return float(stdtrit(freedom, (1 + level) / 2))
