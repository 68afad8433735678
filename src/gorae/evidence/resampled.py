"""The corrected resampled t: what can be said from the scores of folds alone.

Letters of shapes: ``folds``, counted over all repeats.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr

from gorae.errors import InputError
from gorae.evidence.checks import check_level, check_same_length, finite_vector
from gorae.evidence.spread import t_quantile

__all__ = ["ResampledMean", "resampled_mean"]


@dataclass(frozen=True)
class ResampledMean:
    """A mean over folds with its corrected interval and the p value of its being zero."""

    mean: float
    low: float
    high: float
    p_value: float


def resampled_mean(values: Any, *, test_sizes: Any, train_sizes: Any, level: float = 0.95) -> ResampledMean:
    """Return the mean over folds with the interval of Nadeau and Bengio.

    Training sets of different folds share most of their rows, so the variance S^2 of J fold values, divided
    by J, understates the variance of their mean. It is corrected to (1 / J + n_test / n_train) S^2, with
    Student's t of J - 1 degrees of freedom. Repeats of a cross-validation add their folds to J.

    Args:
        values: One value a fold, repeats one after the other.
        test_sizes: Rows each fold was scored on, or one number for all.
        train_sizes: Rows each fold was trained on, or one number for all.
        level: Share of such intervals that cover the truth.

    Returns:
        The mean weighted by the test sizes, the interval and the two-sided p value of its being zero.

    Raises:
        InputError: If there are fewer than 2 folds, lengths differ, a value is not finite or a size not
            positive.
        ParameterError: If the level is not between 0 and 1.

    Example:
        >>> found = resampled_mean([0.8, 0.9, 1.0], test_sizes=10, train_sizes=20)
        >>> print(f"{found.mean:.2f} from {found.low:.2f} to {found.high:.2f}")
        0.90 from 0.51 to 1.29

    References:
        Nadeau, Bengio (2003), "Inference for the generalization error", section 3, equation 11.
        Bouckaert, Frank (2004), "Evaluating the replicability of significance tests", for repeats.
    """
    check_level(level)
    values = finite_vector("fold values", values, at_least=2)
    tests, trains = (
        _sizes("test_sizes", test_sizes, len(values)),
        _sizes("train_sizes", train_sizes, len(values)),
    )
    check_same_length(values=values, test_sizes=tests, train_sizes=trains)
    count = len(values)
    mean = float(np.average(values, weights=tests))
    factor = 1 / count + float(np.mean(tests / trains))
    error = float(np.sqrt(factor * values.var(ddof=1)))
    reach = t_quantile(level, count - 1) * error
    if error > 0:
        p_value = float(2 * stdtr(count - 1, -abs(mean) / error))
    else:
        p_value = 1.0 if mean == 0 else 0.0
    return ResampledMean(mean, mean - reach, mean + reach, p_value)


def _sizes(name: str, sizes: Any, folds: int) -> np.ndarray:
    vector = finite_vector(name, np.broadcast_to(sizes, folds) if np.ndim(sizes) == 0 else sizes)
    if not (vector > 0).all():
        raise InputError(f"{name} must be positive, but the smallest is {vector.min()}.")
    return vector
