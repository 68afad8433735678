"""The spaces in which a fitted model's rows can be compared: its inputs, each hidden layer, its outputs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

import gorae.errors as errors
from gorae.data import Affine, fit_affine
from gorae.errors import DataError, InputTypeError, ParameterError, closest
from gorae.estimators.given import given_rows
from gorae.estimators.hidden import hidden_place
from gorae.estimators.network import NetworkClassifier, NetworkEstimator
from gorae.estimators.storage import stored_rows
from gorae.evidence import logits_of

__all__ = ["INPUTS", "LAST", "OUTPUTS", "Space", "hidden_names", "open_space", "space_names"]

INPUTS, LAST, OUTPUTS = "inputs", "last", "outputs"


@dataclass(frozen=True)
class Space:
    """A space in which rows are compared.

    Attributes:
        name: "inputs", a hidden layer as "hidden 1", or "outputs".
        estimator: the fitted model whose space it is, without what is around it.
        steps: what rows pass before they come to the model: fitted transformers of a pipeline.
        affine: how inputs are filled and scaled, where that is not the model's own doing.
    """

    name: str
    estimator: Any
    steps: tuple[Any, ...] = ()
    affine: Affine | None = None

    def of(self, X: Any) -> Float[np.ndarray, "rows width"]:
        """Return rows in this space.

        Args:
            X: rows as the model takes them.

        Raises:
            InputError: if they cannot be used.
        """
        for step in self.steps:
            X = step.transform(X)
        found = np.asarray(self._of(X), np.float64)
        if not np.isfinite(found).all():
            row = int(np.argmin(np.isfinite(found).all(axis=1)))
            raise DataError(
                f"row {row} (from 0) has no place in {self.words}: a value is missing or not finite."
            )
        return found

    @property
    def words(self) -> str:
        """The space in words, as they stand in a sentence."""
        if self.name == INPUTS:
            return "the input columns, scaled"
        return "the outputs" if self.name == OUTPUTS else f"the layer {self.name!r}"

    def _of(self, X: Any) -> np.ndarray:
        """Return rows in this space, unchecked."""
        if self.name == OUTPUTS:
            return _outputs(self.estimator, X)
        if self.name != INPUTS:
            return self.estimator.hidden_features(X, self.name)
        if isinstance(self.estimator, NetworkEstimator):
            learned = self.estimator._learned
            encoding = learned.encoding
            own = Affine(*(np.asarray(part) for part in (encoding.fill, encoding.shift, encoding.scale)))
            return own.apply(stored_rows(given_rows(self.estimator, X), learned.anchor))
        columns = _numbers(X)
        return columns if self.affine is None else self.affine.apply(columns)


def open_space(model: Any, known: Any, name: Any = LAST, *, scaled: bool = False) -> Space:
    """Return a space of a fitted model.

    A network's inputs are scaled as it scales them itself; the inputs of other models by the known rows'
    means and deviations. Hidden layers are those of the first member of an ensemble, as everywhere in gorae;
    outputs are the mean of all members' scores, or predicted values.

    Args:
        model: an estimator, a search, a pipeline, or a cautious model; fitted.
        known: rows to scale inputs by.
        name: "last" (the last hidden layer, or the inputs where nothing is hidden), "inputs", "outputs", a
            hidden layer as "hidden 1", or its place from 0.
        scaled: whether rows are scaled already, so that the inputs are taken as they are.

    Raises:
        ParameterError: if the model has no such space; the message names the near one.
        NotFittedError: if it is not fitted.
    """
    estimator, steps = _inside(model)
    chosen = _name(name, hidden_names(estimator))
    affine = None
    if chosen == INPUTS and not scaled and not isinstance(estimator, NetworkEstimator):
        rows = known
        for step in steps:
            rows = step.transform(rows)
        affine = fit_affine(_numbers(rows))
    return Space(chosen, estimator, steps, affine)


def space_names(model: Any) -> tuple[str, ...]:
    """Return the names of all spaces of a fitted model, in the order of the data.

    Example:
        >>> from gorae.estimators import GaussianBayes
        >>> space_names(GaussianBayes().fit([[0.0], [1.0], [4.0], [5.0]], [0, 0, 1, 1]))
        ('inputs', 'outputs')
    """
    return INPUTS, *hidden_names(_inside(model)[0]), OUTPUTS


def hidden_names(estimator: Any) -> tuple[str, ...]:
    """Return the names of an estimator's hidden layers, in the order of the data."""
    if not isinstance(estimator, NetworkEstimator):
        return ()
    estimator._check_fitted()
    return tuple(estimator.layer_names_[: len(estimator._learned.shape.hidden_widths)])


def _inside(model: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return the estimator that answers in the end, and the transformers before it."""
    for name in ("best_estimator_", "estimator_"):  # a search; a cautious model
        if hasattr(model, name):
            return _inside(getattr(model, name))
    if isinstance(model, Pipeline):
        estimator, steps = _inside(model.steps[-1][1])
        own = tuple(step for _, step in model.steps[:-1] if step not in (None, "passthrough"))
        return estimator, (*own, *steps)
    if not hasattr(model, "predict"):
        raise InputTypeError(f"model must be a fitted model with predict, got {type(model).__name__}.")
    if not hasattr(model, "n_features_in_"):
        raise errors.NotFittedError(f"this {type(model).__name__} is not fitted yet; call fit first.")
    return model, ()


def _name(name: Any, hidden: tuple[str, ...]) -> str:
    """Return a space's own name."""
    if name == LAST and isinstance(name, str):
        return hidden[-1] if hidden else INPUTS
    if isinstance(name, str):
        names = (LAST, INPUTS, *hidden, OUTPUTS)
        if name in names:
            return name
        near = closest(name, list(names))
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"space must be one of {', '.join(map(repr, names))}, got {name!r}.{hint}")
    return hidden[hidden_place(name, hidden)]


def _outputs(estimator: Any, X: Any) -> np.ndarray:
    """Return the mean scores of classes, or the values that are predicted."""
    if not is_classifier(estimator):
        return np.asarray(estimator.predict(X), np.float64).reshape(len(X), -1)
    if isinstance(estimator, NetworkClassifier):
        return np.asarray(estimator.member_scores_(X), np.float64).mean(axis=0)
    if hasattr(estimator, "predict_proba"):
        return logits_of(np.asarray(estimator.predict_proba(X), np.float64))
    if hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(X), np.float64).reshape(len(X), -1)
    raise InputTypeError(
        f"{type(estimator).__name__} gives no scores of classes; compare rows by its inputs."
    )


def _numbers(X: Any) -> Float[np.ndarray, "rows width"]:
    """Return rows as numbers."""
    found = np.asarray(X)
    if found.dtype != np.uint8:
        try:
            found = np.asarray(X, np.float64)
        except (TypeError, ValueError):
            raise InputTypeError(
                "rows must be numbers to be compared; encode texts before (a pipeline)."
            ) from None
    if found.ndim < 2:
        raise DataError(f"rows must be (rows, columns), but the shape is {found.shape}.")
    return found.reshape(len(found), -1)
