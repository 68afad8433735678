"""What more data would bring: a power law through the errors at several sizes of training set.

Letters of shapes: ``repeats`` of the whole, each on other rows or seeds; ``sizes``; ``draws`` of a bootstrap;
``asked`` sizes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import norm, t

from gorae.errors import InputError
from gorae.evidence.checks import check_count, check_level, finite_vector

__all__ = ["LearningCurve", "fit_learning_curve"]

_EXPONENTS = np.geomspace(0.05, 2.0, 60)
_FEWEST_SIZES = 3


@dataclass(frozen=True)
class LearningCurve:
    r"""The law $e(n) = e_\infty + b \, n^{-c}$ with what the repeats leave open.

    Attributes:
        floor: $e_\infty$, the error that no amount of such data takes away.
        factor: $b$.
        exponent: $c$.
        laws: (draws, 3) floor, factor and exponent of each draw of the repeats.
        level: of the intervals.
    """

    floor: float
    factor: float
    exponent: float
    laws: Float[np.ndarray, "draws 3"]
    level: float

    def at(self, sizes: Any) -> Float[np.ndarray, "asked 3"]:
        """Return the error at other sizes, with the lower and the upper end of its interval.

        Beyond the sizes that were tried it holds if the law does, which no interval tells.

        Args:
            sizes: (asked,) rows to learn from.
        """
        asked = _sizes(sizes)
        drawn = _errors(self.laws, asked)
        ends = np.quantile(drawn, [(1 - self.level) / 2, (1 + self.level) / 2], axis=0)
        own = _errors(np.array([[self.floor, self.factor, self.exponent]]), asked)[0]
        return np.column_stack([own, np.minimum(ends[0], own), np.maximum(ends[1], own)])

    def gain(self, size: float, larger: float) -> tuple[float, float, float]:
        """Return how much smaller the error is at a larger size, with its interval.

        Example:
            >>> sizes = [100, 200, 400]
            >>> errors = [[0.1 + 2 / n for n in sizes]] * 3
            >>> round(fit_learning_curve(sizes, errors).gain(400, 800)[0], 4)
            0.0025
        """
        both = _sizes([size, larger])
        drawn = -np.diff(_errors(self.laws, both), axis=1)[:, 0]
        own = -np.diff(_errors(np.array([[self.floor, self.factor, self.exponent]]), both))[0, 0]
        low, high = np.quantile(drawn, [(1 - self.level) / 2, (1 + self.level) / 2])
        return float(own), float(min(low, own)), float(max(high, own))


def fit_learning_curve(
    sizes: Any, errors: Any, *, level: float = 0.95, draws: int = 1000, seed: int = 0
) -> LearningCurve:
    r"""Fit $e(n) = e_\infty + b \, n^{-c}$ to errors at several sizes, floor and factor at least 0.

    For each of 60 exponents between 0.05 and 2 floor and factor are the least squares solution; the exponent
    with the smallest sum of squares is taken. The interval comes from fitting anew to repeats that are drawn
    with replacement, all sizes of a repeat together; their scatter is widened by Student's t.

    Args:
        sizes: (sizes,) rows that were learned from, at least 3 different numbers.
        errors: (repeats, sizes) error of each repeat at each size: a share, a loss.
        level: of the intervals.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        The law.

    Raises:
        InputError: If there are fewer than 3 sizes or 2 repeats, or a value is not finite.
        ParameterError: If the level or the draws are out of their range.

    Example:
        >>> found = fit_learning_curve([10, 100, 1000], [[0.3, 0.12, 0.102]] * 2)
        >>> round(found.exponent, 1), round(found.floor, 2)
        (1.0, 0.1)

    References:
        Hestness et al. (2017), "Deep learning scaling is predictable, empirically", section 3.
        Cortes, Jackel, Solla, Vapnik, Denker (1993), "Learning curves: asymptotic values and rate of
        convergence", equation 1.
    """
    check_level(level)
    check_count("draws", draws)
    numbers, values = _sizes(sizes), np.asarray(errors, np.float64)
    if len(np.unique(numbers)) < _FEWEST_SIZES:
        raise InputError(f"A curve needs at least {_FEWEST_SIZES} different sizes, but there are {numbers}.")
    if values.ndim != 2 or values.shape[1] != len(numbers) or len(values) < 2:
        raise InputError(
            f"errors must be (repeats, sizes), at least 2 repeats of {len(numbers)} sizes, but their shape "
            f"is {values.shape}."
        )
    if not np.isfinite(values).all():
        raise InputError("errors must be finite; leave out the repeats whose fits failed.")
    picks = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    mean = values.mean(axis=0)
    wider = _small_sample_factor(len(values), level)
    laws = _fitted(numbers, np.concatenate([mean[None], mean + wider * (values[picks].mean(axis=1) - mean)]))
    floor, factor, exponent = laws[0].tolist()
    return LearningCurve(floor, factor, exponent, laws[1:], level)


def _fitted(sizes: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return floor, factor and exponent for each row of mean errors."""
    best, least = np.zeros((len(means), 3)), np.full(len(means), np.inf)
    for exponent in _EXPONENTS:
        power = sizes**-exponent
        away = power - power.mean()
        factor = np.maximum((means @ away) / (away @ away), 0.0)
        floor = means.mean(axis=1) - factor * power.mean()
        below = floor < 0
        factor = np.where(below, np.maximum(means @ power, 0.0) / (power @ power), factor)
        floor = np.maximum(floor, 0.0)
        misfit = np.sum((means - floor[:, None] - factor[:, None] * power) ** 2, axis=1)
        better = misfit < least
        least = np.where(better, misfit, least)
        best[better] = np.column_stack([floor, factor, np.full(len(means), exponent)])[better]
    return best


def _small_sample_factor(repeats: int, level: float) -> float:
    """Return by how much few repeats scatter less around their mean than a mean does around the truth."""
    side = (1 + level) / 2
    return float(np.sqrt(repeats / (repeats - 1)) * t.ppf(side, repeats - 1) / norm.ppf(side))


def _errors(laws: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the errors of laws at sizes, (laws, sizes)."""
    return laws[:, :1] + laws[:, 1:2] * sizes ** -laws[:, 2:]


def _sizes(sizes: Any) -> np.ndarray:
    """Return sizes of training sets, or say what is wrong with them."""
    numbers = finite_vector("sizes", sizes)
    if not (numbers > 0).all():
        raise InputError(f"sizes must be numbers of rows above 0, but they hold {numbers.min():g}.")
    return numbers
