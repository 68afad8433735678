"""What a fitted classifier says of rows, in one form for every kind of classifier."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from gorae.data import Affine, fit_affine
from gorae.errors import InputTypeError
from gorae.estimators.network import NetworkClassifier, NetworkEstimator
from gorae.evidence import logits_of


@dataclass(frozen=True)
class Answers:
    """What a classifier says of rows, in the order of all classes.

    Attributes:
        members: (members, rows, classes) probabilities of each network of an ensemble; else one member.
        logits: (rows, classes) what the probabilities are a softmax of, averaged over the members.
        features: (rows, width) the space in which rows are compared: the last hidden layer of a network, else
            the scaled columns.
    """

    members: Float[np.ndarray, "members rows classes"]
    logits: Float[np.ndarray, "rows classes"]
    features: Float[np.ndarray, "rows width"]

    @cached_property
    def probabilities(self) -> Float[np.ndarray, "rows classes"]:
        """The mean of the members: what `predict_proba` gives."""
        return self.members.mean(axis=0)

    def of(self, rows: np.ndarray) -> "Answers":
        """Return the answers for some rows."""
        return Answers(self.members[:, rows], self.logits[rows], self.features[rows])

    def among(self, classes: np.ndarray) -> "Answers":
        """Return the answers as if there were these classes only."""
        return Answers(shares_among(self.members, classes), self.logits[:, classes], self.features)


def shares_among(
    probabilities: Float[np.ndarray, "*rows classes"], classes: np.ndarray
) -> Float[np.ndarray, "*rows chosen"]:
    """Return probabilities as if there were some classes only; all alike where these have none.

    Example:
        >>> shares_among(np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]), np.array([1, 2])).tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """
    chosen = probabilities[..., classes]
    whole = chosen.sum(axis=-1, keepdims=True)
    return np.divide(chosen, whole, out=np.full_like(chosen, 1 / len(classes)), where=whole > 0)


def space_of(estimator: Any, X: Any) -> Affine | None:
    """Return the space in which a fitted model's rows are compared; None for a network, which has its own.

    Args:
        estimator: fitted on these rows.
        X: (rows, columns) numbers, NaN where one is missing.
    """
    return fit_affine(_columns(X)) if compares_columns(estimator) else None


def compares_columns(estimator: Any) -> bool:
    """Return whether rows are compared by their columns, since the model has no hidden layer."""
    return not isinstance(estimator, NetworkClassifier)


def features_width(estimator: Any) -> int:
    """Return the width of a fitted model's features: its last hidden layer's, or that of its rows."""
    if isinstance(estimator, NetworkEstimator):
        shape = estimator._learned.shape
        return shape.hidden_widths[-1] if shape.hidden_widths else shape.inputs
    return int(estimator.n_features_in_)


def stated(estimator: Any, X: Any, classes: np.ndarray) -> Float[np.ndarray, "rows classes"]:
    """Return a fitted classifier's probabilities, or the softmax of its scores, in the order of all classes.

    Raises:
        InputTypeError: if the estimator gives neither probabilities nor scores of classes.
    """
    places = np.searchsorted(classes, estimator.classes_)
    found = np.zeros((len(X), len(classes)))
    found[:, places] = _members_and_logits(estimator, X)[0].mean(axis=0)
    return found


def member_probabilities(estimator: Any, X: Any) -> Float[np.ndarray, "members rows classes"]:
    """Return the probabilities of each network of an ensemble; else of the one model that there is."""
    return _members_and_logits(estimator, X)[0]


def features_of(estimator: Any, X: Any, space: Affine | None) -> Float[np.ndarray, "rows width"]:
    """Return the features in which a fitted model's rows are compared; `space` is what `space_of` gave."""
    return np.asarray(estimator.hidden_features(X) if space is None else space.apply(_columns(X)), np.float64)


def ask(estimator: Any, X: Any, classes: np.ndarray, space: Affine | None) -> Answers:
    """Ask a fitted classifier about rows.

    Args:
        estimator: fitted on labels that are among the classes.
        X: (rows, columns).
        classes: all class labels, sorted; one that the estimator never saw has the probability 0.
        space: what `space_of` gave for the estimator.

    Returns:
        The answers, in float64.

    Raises:
        InputTypeError: if the estimator gives neither probabilities nor scores of classes.
    """
    members, logits = _members_and_logits(estimator, X)
    features = features_of(estimator, X, space)
    places = np.searchsorted(classes, estimator.classes_)
    if len(places) == len(classes):
        return Answers(members, logits, features)
    wide = np.zeros((*members.shape[:2], len(classes)))
    lowest = np.repeat(logits.min(axis=1, keepdims=True) - 1.0, len(classes), axis=1)
    wide[..., places], lowest[:, places] = members, logits
    return Answers(wide, lowest, features)


def _members_and_logits(estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return each member's probabilities, and their mean logits, for the classes that a model has learned."""
    if isinstance(estimator, NetworkClassifier):
        scores = np.asarray(estimator.member_scores_(X), np.float64)
        return softmax(scores, axis=-1), scores.mean(axis=0)
    if hasattr(estimator, "predict_proba"):
        members = np.asarray(estimator.predict_proba(X), np.float64)[None]
        return members, logits_of(members[0])
    if not hasattr(estimator, "decision_function"):
        raise InputTypeError(
            f"{type(estimator).__name__} gives neither probabilities (predict_proba) nor scores "
            "(decision_function); take a classifier that gives one of them."
        )
    scores = np.asarray(estimator.decision_function(X), np.float64)
    scores = np.stack([-scores / 2, scores / 2], axis=1) if scores.ndim == 1 else scores
    return softmax(scores, axis=1)[None], scores


def _columns(X: Any) -> Float[np.ndarray, "rows width"]:
    """Return rows as numbers; a text, or what has no columns, cannot be compared."""
    try:
        return np.asarray(X, np.float64).reshape(len(X), -1)
    except (TypeError, ValueError):
        raise InputTypeError(
            "rows must be numbers to be compared; encode texts before (a pipeline)."
        ) from None
