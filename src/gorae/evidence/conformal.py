"""Sets of classes, and intervals of values, that hold the truth as often as they state.

A new row that is exchangeable with the calibration rows is covered with the stated probability, whatever the
model and the distribution. Letters of shapes: ``rows`` to calibrate on; ``queries``; ``classes``; ``folds``.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from gorae.errors import InputError
from gorae.evidence.checks import check_level, check_same_length, finite_vector, probability_rows

__all__ = [
    "class_scores",
    "conformal_threshold",
    "cross_conformal_intervals",
    "cross_conformal_sets",
    "fewest_calibration_rows",
    "quantile_scores",
    "thresholds_out_of_fold",
    "uncrossed",
]

_BLOCK = 1 << 22
"""Numbers that are held at once where every query meets every calibration row."""


def fewest_calibration_rows(level: float) -> int:
    r"""Return the fewest rows from which a level can be stated: the least n with (n + 1) level <= n.

    Args:
        level: Wanted share of covered rows.

    Example:
        >>> fewest_calibration_rows(0.9), fewest_calibration_rows(0.99)
        (9, 99)
    """
    check_level(level)
    return math.ceil(level / (1 - level) - 1e-9)


def conformal_threshold(scores: Any, level: float) -> float:
    r"""Return the score that a new row exceeds with a probability of at most 1 - level.

    It is the k-th smallest of n scores, k = ceil((n + 1) level): among n + 1 exchangeable scores the new one
    is one of the k smallest with probability k / (n + 1), or more where scores are equal.

    Args:
        scores: (rows,) how strange each calibration row is: larger is stranger. None of them may have been
            used to train what scores them.
        level: Wanted share of new rows at or below the threshold, such as 0.9.

    Returns:
        The threshold.

    Raises:
        InputError: If there are fewer rows than the level needs.

    Example:
        >>> conformal_threshold([4, 1, 3, 2], 0.8)
        4.0

    References:
        Vovk, Gammerman, Shafer (2005), "Algorithmic learning in a random world", section 2.2.
        Lei et al. (2018), "Distribution-free predictive inference for regression", algorithm 2.
    """
    vector = np.sort(finite_vector("scores", scores))
    _check_enough(len(vector), level)
    return float(vector[_rank(len(vector), level) - 1])


def thresholds_out_of_fold(scores: Any, folds: Any, level: float) -> Float[np.ndarray, " rows"]:
    """Return for each row the threshold of the rows of all other folds: what states its coverage untouched.

    Args:
        scores: (rows,) how strange each row is.
        folds: (rows,) its fold, from 0.
        level: Wanted share of rows at or below the threshold.

    Raises:
        InputError: If the other folds have fewer rows than the level needs.

    Example:
        >>> thresholds_out_of_fold([1, 2, 3, 8, 9, 7], [0, 0, 0, 1, 1, 1], 0.5).tolist()
        [8.0, 8.0, 8.0, 2.0, 2.0, 2.0]
    """
    vector = finite_vector("scores", scores)
    numbers = _folds(folds, len(vector))
    found = np.empty(len(vector))
    for fold in np.unique(numbers):
        found[numbers == fold] = conformal_threshold(vector[numbers != fold], level)
    return found


def class_scores(
    probabilities: Any, *, adaptive: bool = True, seed: int | None = 0, draws: Any = None
) -> Float[np.ndarray, "queries classes"]:
    r"""Return how strange each class is for each row; a set holds the classes at or below the threshold.

    Adaptive: the probability of all classes that are more probable, and a share u of the class's own, u drawn
    for each row evenly from 0 to 1. Sets are then small where the model is sure and large where it is not.
    Otherwise: 1 - probability, which gives the smallest sets on average, and is at times empty.

    Args:
        probabilities: (queries, classes) each row summing to 1.
        adaptive: Whether sets adapt to how hard a row is.
        seed: Of u; None takes u = 1, which states less than it covers.
        draws: (queries,) the u of each row, from 0 to 1, in place of a seed's: such as belong to the row,
            whatever it is asked about with.

    Returns:
        Scores between 0 and 1. Those of the true classes of calibration rows give the threshold.

    Raises:
        InputError: If the probabilities are none, or lengths differ.

    Example:
        >>> class_scores([[0.5, 0.2, 0.3]], seed=None).round(2).tolist()
        [[0.5, 1.0, 0.8]]
        >>> class_scores([[0.5, 0.2, 0.3]], adaptive=False).tolist()
        [[0.5, 0.8, 0.7]]

    References:
        Romano, Sesia, Candès (2020), "Classification with valid and adaptive coverage", equations 3 to 5.
        Sadinle, Lei, Wasserman (2019), "Least ambiguous set-valued classifiers", section 2.
    """
    stated = probability_rows(probabilities)
    if not adaptive:
        return 1 - stated
    order = np.argsort(-stated, axis=1, kind="stable")
    sorted_ = np.take_along_axis(stated, order, axis=1)
    before = np.cumsum(sorted_, axis=1) - sorted_
    share: Any = 1.0
    if draws is not None:
        share = finite_vector("draws", draws)[:, None]
        check_same_length(probabilities=stated, draws=share)
    elif seed is not None:
        share = np.random.default_rng(seed).random((len(stated), 1))
    scores = np.empty_like(stated)
    np.put_along_axis(scores, order, before + share * sorted_, axis=1)
    return scores


def quantile_scores(low: Any, high: Any, targets: Any) -> Float[np.ndarray, " rows"]:
    r"""Return how far each target lies outside an interval that a model states; negative inside.

    With the threshold q of these scores, [low - q, high + q] covers. With low = high = the prediction they
    are absolute residuals, and the intervals are equally wide for all rows.

    Args:
        low: (rows,) lower ends, such as estimates of the 5 % quantile.
        high: (rows,) upper ends.
        targets: (rows,) true values.

    Raises:
        InputError: If lengths differ or a value is not finite.

    Example:
        >>> quantile_scores([0, 0], [2, 2], [3, 1]).tolist()
        [1.0, -1.0]

    References:
        Romano, Patterson, Candès (2019), "Conformalized quantile regression", equation 6.
    """
    lower, upper = finite_vector("low", low), finite_vector("high", high)
    values = finite_vector("targets", targets)
    check_same_length(low=lower, high=upper, targets=values)
    return np.maximum(lower - values, values - upper)


def cross_conformal_intervals(
    residuals: Any, folds: Any, predictions: Any, level: float, *, highs: Any = None
) -> Float[np.ndarray, "queries 2"]:
    r"""Return intervals from out-of-fold residuals and the models of all folds (CV+), without a held-out set.

    With the model of each row's fold, the interval reaches from the floor((n + 1)(1 - level))-th smallest of
    prediction - residual to the ceil((n + 1) level)-th smallest of prediction + residual. It covers at
    least 1 - 2 (1 - level) for certain, and about the level in practice.

    Models that state a lower and an upper quantile instead are conformalised in the same way: the residuals
    are their `quantile_scores`, each end is moved from its own quantile, and the intervals are as wide as the
    noise is. Where the ends would cross, both are their middle.

    Args:
        residuals: (rows,) absolute out-of-fold errors, or `quantile_scores` of out-of-fold quantiles.
        folds: (rows,) the fold, from 0, whose model has not learned from the row.
        predictions: (folds, queries) what the model of each fold predicts, or its lower quantiles.
        level: Wanted share of covered rows.
        highs: (folds, queries) upper quantiles; None where predictions are single values.

    Returns:
        Lower and upper end of each query.

    Raises:
        InputError: If rows are fewer than the level needs, lengths differ, or a fold has no model.

    References:
        Barber, Candès, Ramdas, Tibshirani (2021), "Predictive inference with the jackknife+", section 3.
        Romano, Patterson, Candès (2019), "Conformalized quantile regression", equation 6.
    """
    errors = finite_vector("residuals", residuals)
    numbers, lows = _folds(folds, len(errors)), _answers("predictions", predictions)
    tops = lows if highs is None else _answers("highs", highs)
    if tops.shape != lows.shape:
        raise InputError(f"highs must have the shape of predictions, {lows.shape}, not {tops.shape}.")
    _check_models(numbers, lows)
    _check_enough(len(errors), level)
    upper, lower = _rank(len(errors), level) - 1, len(errors) - _rank(len(errors), level)
    found = np.empty((lows.shape[1], 2))
    step = max(1, _BLOCK // len(errors))
    for first in range(0, len(found), step):
        part = slice(first, min(first + step, len(found)))
        found[part, 0] = np.partition(lows[numbers, part] - errors[:, None], lower, axis=0)[lower]
        found[part, 1] = np.partition(tops[numbers, part] + errors[:, None], upper, axis=0)[upper]
    return uncrossed(found)


def uncrossed(intervals: Float[np.ndarray, "queries 2"]) -> Float[np.ndarray, "queries 2"]:
    """Return intervals whose ends are both their middle, where the lower one was above the upper one.

    Example:
        >>> uncrossed(np.array([[0.0, 1.0], [3.0, 1.0]])).tolist()
        [[0.0, 1.0], [2.0, 2.0]]
    """
    crossed = intervals[:, :1] > intervals[:, 1:]
    return np.where(crossed, intervals.mean(axis=1, keepdims=True), intervals)


def cross_conformal_sets(
    scores: Any, folds: Any, query_scores: Any, level: float
) -> Bool[np.ndarray, "queries classes"]:
    r"""Return sets of classes from out-of-fold scores and the models of all folds, without a held-out set.

    A class is in the set unless it is stranger, by the model of each row's fold, than (n + 1) level of the n
    rows are.

    Args:
        scores: (rows,) out-of-fold scores of the rows' true classes (`class_scores`).
        folds: (rows,) the fold, from 0, whose model has not learned from the row.
        query_scores: (folds, queries, classes) scores of every class by the model of each fold.
        level: Wanted share of covered rows.

    Raises:
        InputError: If rows are fewer than the level needs, lengths differ, or a fold has no model.

    References:
        Romano, Sesia, Candès (2020), equation 8; Vovk (2015), "Cross-conformal predictors".
    """
    vector = finite_vector("scores", scores)
    numbers, asked = _folds(folds, len(vector)), np.asarray(query_scores, np.float64)
    if asked.ndim != 3:
        raise InputError(f"query_scores must be (folds, queries, classes), but their shape is {asked.shape}.")
    _check_models(numbers, asked)
    _check_enough(len(vector), level)
    less = np.zeros(asked.shape[1:], np.int64)
    for fold in range(len(asked)):
        less += np.searchsorted(np.sort(vector[numbers == fold]), asked[fold], side="left")
    return less < level * (len(vector) + 1) - 1e-9


def _rank(rows: int, level: float) -> int:
    """Return which of the sorted scores is the threshold, from 1; rounding of (n + 1) level is none."""
    return math.ceil((rows + 1) * level - 1e-9)


def _check_enough(rows: int, level: float) -> None:
    """Refuse a level that so few rows cannot state."""
    needed = fewest_calibration_rows(level)
    if rows < needed:
        raise InputError(
            f"a level of {level:g} needs at least {needed} calibration rows, but there are {rows}; give more "
            "rows or ask for a lower level."
        )


def _folds(folds: Any, rows: int) -> np.ndarray:
    """Return the fold of each row."""
    numbers = np.asarray(folds)
    if numbers.shape != (rows,) or numbers.dtype.kind not in "iu" or (numbers < 0).any():
        raise InputError(f"folds must be a whole number from 0 for each of the {rows} rows.")
    return numbers


def _answers(name: str, given: Any) -> Float[np.ndarray, "folds queries"]:
    """Return what the model of each fold says."""
    models = np.asarray(given, np.float64)
    if models.ndim != 2 or not np.isfinite(models).all():
        raise InputError(f"{name} must be finite, (folds, queries), but their shape is {models.shape}.")
    return models


def _check_models(numbers: np.ndarray, models: np.ndarray) -> None:
    """Refuse folds that no model belongs to."""
    if numbers.max() >= len(models):
        raise InputError(f"fold {numbers.max()} has no model: there are {len(models)}, from 0.")
