"""Ends of intervals: what a regressor says a value lies between, before it is conformalised."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from gorae.errors import DataError, ParameterError
from gorae.evidence import quantiles_between


def states_quantiles(estimator: Any) -> bool:
    """Return whether an estimator, fitted or not, answers quantiles besides its prediction."""
    return callable(getattr(estimator, "predict_quantiles", None))


def levels_of(estimator: Any) -> Float64[np.ndarray, " levels"]:
    """Return the levels of the quantiles that an estimator answers, of which intervals can be made.

    Raises:
        ParameterError: if they are no levels, or none of them lies below 0.5, or none above.
    """
    stated = estimator.levels_ if hasattr(estimator, "levels_") else estimator.levels
    levels = np.atleast_1d(np.asarray(stated, np.float64))
    told = ", ".join(f"{level:g}" for level in levels)
    if levels.ndim != 1 or not ((levels > 0) & (levels < 1)).all() or (np.diff(levels) <= 0).any():
        raise ParameterError(f"levels must be increasing numbers between 0 and 1, got {told}.")
    if not (levels[0] < 0.5 < levels[-1]):
        raise ParameterError(
            "intervals need a level below 0.5 and one above, such as 0.05 and 0.95, but "
            f"{type(estimator).__name__} has {told}."
        )
    return levels


def answered(estimator: Any, X: Any, quantiles: bool) -> Float64[np.ndarray, "rows answers"]:
    """Return what intervals are made of: the quantiles that a fitted estimator answers, or its prediction.

    Raises:
        DataError: if there is not one row of finite numbers for each row of X.
    """
    found = np.asarray(estimator.predict_quantiles(X) if quantiles else estimator.predict(X), np.float64)
    found = found if quantiles else found.reshape(len(X), -1)
    if found.ndim != 2 or len(found) != len(X) or not np.isfinite(found).all():
        raise DataError(f"{type(estimator).__name__} answers no finite numbers for every row.")
    return found


def ends(
    answers: Float64[np.ndarray, "rows answers"],
    levels: Float64[np.ndarray, " levels"] | None,
    coverage: float,
) -> tuple[Float64[np.ndarray, " rows"], Float64[np.ndarray, " rows"]]:
    """Return where intervals begin and end before they are conformalised.

    Args:
        answers: what `answered` gave.
        levels: of the quantiles, or None where answers are predictions: both ends are then the same.
        coverage: wanted share of covered rows; its quantiles lie at (1 - coverage) / 2 and
            (1 + coverage) / 2, and between those that are answered where these are others.
    """
    if levels is None:
        return answers[:, 0], answers[:, 0]
    low, high = ((1 + sign * coverage) / 2 for sign in (-1, 1))
    return quantiles_between(answers, levels, low), quantiles_between(answers, levels, high)
