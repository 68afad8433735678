"""What a cautious model is given: an estimator of the right kind, weights of the right length."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gorae.errors import DataError, InputTypeError, as_input_error


def check_kind(estimator: Any, is_kind: Callable[[Any], bool], kind: str) -> Any:
    """Return an estimator, or say that it is none of the kind.

    Args:
        estimator: what the user gave.
        is_kind: scikit-learn's `is_classifier` or `is_regressor`.
        kind: the kind in words.

    Raises:
        InputTypeError: for a class instead of an instance, or another kind.
    """
    if isinstance(estimator, type):
        raise InputTypeError(
            f"estimator must be {kind}, got the class {estimator.__name__}; write {estimator.__name__}()."
        )
    if not hasattr(estimator, "fit") or not is_kind(estimator):
        raise InputTypeError(f"estimator must be {kind}, got {type(estimator).__name__}.")
    return estimator


def check_weights(sample_weight: Any, rows: int) -> np.ndarray | None:
    """Return one weight a row, or None where there are none.

    Raises:
        DataError: if there is not one weight a row, or one is negative or no finite number.
    """
    if sample_weight is None:
        return None
    with as_input_error():
        weight = np.asarray(sample_weight, np.float64)
    if weight.shape != (rows,):
        raise DataError(f"sample_weight must hold one weight a row, {rows}, got the shape {weight.shape}.")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise DataError("every sample_weight must be a finite number of at least 0.")
    return weight
