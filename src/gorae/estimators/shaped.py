"""Rows of another form than numbers side by side, such as images, for estimators that read them."""

from typing import Any

from sklearn.base import clone

_TOLD = {"image_shape_in_": "image_shape", "row_shape_in_": "input_shape"}
"""What estimators note of the rows they learn from, and the parameter that says it of rows of numbers."""


def shape_reader(estimator: Any) -> tuple[Any, str]:
    """Return who reads rows of any form, the estimator or one that it wraps, and its parameters' prefix."""
    inner, prefix = estimator, ""
    while inner is not None:
        if hasattr(inner, "_arrange"):
            return inner, prefix
        inner, prefix = getattr(inner, "estimator", None), f"{prefix}estimator__"
    return None, ""


def flattened(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return rows of any form as rows of numbers, and the estimator told of the form they had.

    Folds, judges and draws then know rows of numbers only, whatever the estimator makes of them.

    Args:
        estimator: unfitted; it stays as it is.
        X: rows.

    Raises:
        DataError: when the estimator cannot read them.
    """
    reader, prefix = shape_reader(estimator)
    if reader is None:
        return estimator, X
    probe: Any = clone(reader)
    rows = probe._arrange(X, True)
    told = {
        f"{prefix}{parameter}": vars(probe)[noted]
        for noted, parameter in _TOLD.items()
        if vars(probe).get(noted) is not None and getattr(reader, parameter) is None
    }
    if not told:
        return estimator, rows
    own: Any = clone(estimator)
    return own.set_params(**told), rows


def flat_rows(fitted: Any, X: Any) -> Any:
    """Return rows to answer for as a fitted estimator's rows of numbers.

    Raises:
        DataError: when they have another form than those it has learned from.
    """
    reader, _ = shape_reader(fitted)
    return X if reader is None else reader._arrange(X, False)
