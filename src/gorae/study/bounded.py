"""The winner of a regression with intervals: fitted on all rows and in folds, as far as time allows."""

import time
from typing import Any

import numpy as np

from gorae.estimators.linear import LinearRegressor
from gorae.estimators.mlp import MLPRegressor
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.quantiles import LinearQuantileRegressor, MLPQuantileRegressor
from gorae.evidence import fewest_calibration_rows
from gorae.study.careful import FOLDS, SHARE
from gorae.study.held import COVERAGES, held_interval
from gorae.trust import Bounded, Bounds, fit_bounds, mean_interval_score

_LEVELS = (0.025, 0.05, 0.1, 0.5, 0.9, 0.95, 0.975)
_GAIN = 0.02
"""The share of the interval score that quantiles must save, or the equally wide intervals stay."""

_JUDGED_AT = 0.9
_MOST_SHOWN = 60


def fit_with_bounds(
    estimator: Any,
    matrix: np.ndarray,
    values: np.ndarray,
    *,
    a_fit: float,
    budget: float,
    groups: np.ndarray | None,
    seed: int,
) -> tuple[Any, Bounds, dict[str, Any]] | None:
    """Fit a regressor with its intervals; None where the time, or the rows, do not suffice.

    Where time allows, a network of quantiles with the winner's settings is fitted as well, and what of both
    has the better intervals out of fold is kept: quantiles where the noise differs from row to row.

    Args:
        estimator: the unfitted winner.
        matrix: all rows that are no test rows, scaled.
        values: their targets.
        a_fit: seconds that a fit of one network, or of another model, takes.
        budget: seconds of which a quarter may be spent.
        groups: the group of each row, or None.
        seed: decides the folds.

    Returns:
        The fitted winner, what makes its intervals, and what was found meanwhile.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    units = len(values) if groups is None else len(np.unique(groups))
    left = SHARE * budget - FOLDS * a_fit * int(getattr(estimator, "members", 1))
    if units < FOLDS or left < 0:
        return None
    began = time.perf_counter()
    found = fit_bounds(estimator, matrix, values, cv=FOLDS, groups=groups, seed=seed)
    chosen, bounds = found, found.bounds
    rival = _of_quantiles(estimator)
    if rival is not None and (1 + FOLDS) * a_fit <= left and _enough(found, _JUDGED_AT):
        other = fit_bounds(rival, matrix, values, cv=FOLDS, groups=groups, seed=seed)
        scores = [mean_interval_score(one, _JUDGED_AT) for one in (found, other)]
        if scores[1] < (1 - _GAIN) * scores[0]:
            chosen, bounds = other, other.bounds
    finding = bounds_finding(chosen)
    return found.estimator, bounds, {"within": finding, "seconds": time.perf_counter() - began}


def bounds_finding(found: Bounded) -> dict[str, Any]:
    """Return how often intervals held the value out of fold, how wide they were, and some of them.

    Args:
        found: what was fitted.
    """
    bounds, actual = found.bounds, found.bounds.targets
    stated = [coverage for coverage in COVERAGES if _enough(found, coverage)]
    coverages = []
    for coverage in stated:
        intervals = bounds.out_of_fold(found.folds, coverage)
        coverages.append(held_interval(intervals, actual, coverage))
    told: dict[str, Any] = {
        "kind": "values",
        "by": "residuals" if bounds.levels is None else "quantiles",
        "coverages": coverages,
    }
    if stated:
        at = min(stated, key=lambda coverage: abs(coverage - _JUDGED_AT))
        low, high = bounds.out_of_fold(found.folds, at).T
        middle = 0 if bounds.levels is None else len(bounds.levels) // 2
        order = np.argsort(bounds.answers[:, middle], kind="stable")
        shown = order[np.linspace(0, len(order) - 1, min(len(order), _MOST_SHOWN)).round().astype(int)]
        told["shown"] = {
            "stated": at,
            "predicted": bounds.answers[shown, middle].tolist(),
            "low": low[shown].tolist(),
            "high": high[shown].tolist(),
            "actual": actual[shown].tolist(),
        }
    return told


def _enough(found: Bounded, coverage: float) -> bool:
    """Return whether the rows of all other folds suffice to state a coverage for each fold."""
    largest = int(np.bincount(found.folds).max())
    return len(found.folds) - largest >= fewest_calibration_rows(coverage)


def _of_quantiles(estimator: Any) -> Any:
    """Return the unfitted estimator of quantiles with a network's settings; None for other estimators."""
    if not isinstance(estimator, NetworkEstimator):
        return None
    kinds = {LinearRegressor: LinearQuantileRegressor, MLPRegressor: MLPQuantileRegressor}
    kind: Any = kinds.get(type(estimator))
    if kind is None:
        return None
    settings = estimator.get_params()
    return kind(**{**settings, "members": 1, "levels": _LEVELS})
