"""What a fitted model answers, in one form for every kind of model, and what each answer costs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from gorae.errors import DataError, InputError, InputTypeError, as_input_error
from gorae.evidence import METRICS, row_losses
from gorae.evidence.checks import check_choice
from gorae.explanation.rows import ColumnRows, reads_tables, rows_for

__all__ = ["Questioned", "checked_metric", "checked_targets", "losses_of", "questioned"]

_SMALLEST = 1e-7  # a probability of 0 has an infinite log-loss
_METRICS_OF = {"classes": ("accuracy", "log_loss"), "values": ("r2", "rmse")}


@dataclass(frozen=True)
class Questioned:
    """A fitted model with rows to ask it about.

    Attributes:
        rows: whose columns can be exchanged.
        classes: class labels, or None for a regressor.
        predict: from rows as `ColumnRows.exchanged` gives them to labels, or values.
        state: from the same to probabilities (rows, classes); None where the model gives none.
    """

    rows: ColumnRows
    classes: np.ndarray | None
    predict: Callable[[Any], Shaped[np.ndarray, " rows"]]
    state: Callable[[Any], Float[np.ndarray, "rows classes"]] | None

    def numbers(self, given: Any) -> Float[np.ndarray, "rows outputs"]:
        """Return probabilities, or the predicted value as the only column.

        Raises:
            InputTypeError: for a classifier without probabilities.
        """
        if self.classes is None:
            return np.asarray(self.predict(given), np.float64).reshape(-1, 1)
        if self.state is None:
            raise InputTypeError(
                "this classifier gives no probabilities (predict_proba), whose mean could be drawn; take one "
                "that does."
            )
        return np.asarray(self.state(given), np.float64)


def questioned(model: Any, X: Any) -> Questioned:
    """Return a fitted model with rows to ask it about.

    Args:
        model: a fitted classifier or regressor of gorae or scikit-learn, or the model of a study.
        X: rows, as the model takes them.

    Raises:
        InputTypeError: when it is no such model.
        NotFittedError: when it is not fitted.
        InputError: when the rows are not those of the model.
    """
    if isinstance(model, type) or not hasattr(model, "predict"):
        raise InputTypeError(
            f"model must be a fitted classifier or regressor, got {_named(model)}; fit one first."
        )
    if reads_tables(model):
        state = None if model.classes is None else (lambda matrix: np.asarray(model.answers_of(matrix)[1]))
        return Questioned(rows_for(model, X), model.classes, lambda m: model.answers_of(m)[0], state)
    if not (is_classifier(model) or is_regressor(model)):
        raise InputTypeError(f"model must be a classifier or a regressor, got {_named(model)}.")
    with as_input_error():
        check_is_fitted(model)
    classes = np.asarray(model.classes_) if is_classifier(model) else None
    state = getattr(model, "predict_proba", None) if classes is not None else None
    return Questioned(rows_for(model, X), classes, _guarded(model.predict), state and _guarded(state))


def checked_metric(asked: Questioned, metric: str | None) -> str:
    """Return the metric, or the usual one of the task.

    Raises:
        ParameterError: when it is unknown.
        InputError: when it is none for this model.
    """
    task = "values" if asked.classes is None else "classes"
    if metric is None:
        return _METRICS_OF[task][0]
    check_choice("metric", metric, METRICS)
    if metric not in _METRICS_OF[task]:
        raise InputError(
            f"metric={metric!r} is none of {task}: take {' or '.join(map(repr, _METRICS_OF[task]))}."
        )
    if metric == "log_loss" and asked.state is None:
        raise InputError(
            "metric='log_loss' needs probabilities, which this model does not give; use 'accuracy'."
        )
    return metric


def checked_targets(y: Any, asked: Questioned) -> np.ndarray:
    """Return the targets of the rows: labels, or float64 values.

    Raises:
        DataError: when they are of another length, have several columns, or one is missing or no number.
    """
    targets = np.asarray(y)
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim != 1:
        raise DataError(f"y must hold one target a row, but its shape is {targets.shape}.")
    if len(targets) != asked.rows.count:
        raise DataError(
            f"X has {asked.rows.count} rows, but y has {len(targets)}; one target a row is needed."
        )
    if asked.classes is None:
        try:
            targets = targets.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(
                "y must hold numbers, as the model predicts numbers; labels need a classifier."
            ) from None
        missing = ~np.isfinite(targets)
    else:
        missing = np.array([value is None or value != value for value in targets.tolist()], bool)
    if missing.any():
        row = int(np.argmax(missing))
        raise DataError(f"the target of row {row} (from 0) is missing or not finite; leave such rows out.")
    if asked.classes is not None and not set(targets.tolist()) & set(asked.classes.tolist()):
        known = ", ".join(map(repr, asked.classes.tolist()[:8]))
        raise DataError(
            f"no label in y is a class of the model: y has {targets.tolist()[0]!r}, the model knows {known}."
        )
    return targets


def losses_of(
    asked: Questioned, metric: str, targets: Shaped[np.ndarray, " rows"], given: Any
) -> Float[np.ndarray, " rows"]:
    """Return what each row costs: see `gorae.evidence.row_losses`; a probability of 0 counts as 1e-7.

    Args:
        asked: the model.
        metric: one of `gorae.evidence.METRICS`.
        targets: what is true.
        given: rows as `ColumnRows.exchanged` gives them.
    """
    if metric != "log_loss":
        answers = np.asarray(asked.predict(given))
        return row_losses(metric, targets, answers[:, 0] if answers.shape[1:] == (1,) else answers)
    assert asked.classes is not None
    stated, codes = asked.numbers(given), {label: code for code, label in enumerate(asked.classes.tolist())}
    places = np.array([codes.get(target, -1) for target in targets.tolist()])
    own = np.where(places >= 0, stated[np.arange(len(stated)), places], 0.0)
    return -np.log(np.maximum(own, _SMALLEST))


def _guarded(answer: Callable[[Any], Any]) -> Callable[[Any], np.ndarray]:
    """Return what asks a model, whose complaints are then gorae's own errors."""

    def asked(given: Any) -> np.ndarray:
        """Ask, and put an error into one sentence."""
        with as_input_error():
            return np.asarray(answer(given))

    return asked


def _named(model: Any) -> str:
    """Return what a wrong model is, for a message."""
    return f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
