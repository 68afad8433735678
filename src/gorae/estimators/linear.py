"""Linear score functions as scikit-learn estimators: softmax, multi-class hinge, squared error."""

from typing import Any

import numpy as np
from jaxtyping import Float32, Float64
from sklearn.utils.metaestimators import available_if

from gorae.estimators.network import (
    NetworkClassifier,
    NetworkEstimator,
    NetworkRegressor,
    class_probabilities,
    log_probabilities,
    one_margin,
)
from gorae.estimators.parameters import check_choice
from gorae.estimators.population import Recipe, network_problem
from gorae.estimators.recipes import batch_rows, training_numbers
from gorae.models.linear import LinearShape

_LOSSES = {
    "softmax": "cross_entropy",
    "hinge": "hinge_weston_watkins",
    "crammer_singer": "hinge_crammer_singer",
}


def _is_softmax(estimator: Any) -> bool:
    """Return whether the scores are logits; else there are no probabilities, as in scikit-learn's SVMs."""
    return estimator.loss == "softmax"


class LinearClassifier(NetworkClassifier):
    r"""Classify rows by a linear score function $s = Wx + b$.

    The loss is the cross-entropy of $\mathrm{softmax}(s)$ ("softmax"), the multi-class hinge of Weston and
    Watkins as in the cs231n notes, $\sum_{c \ne y} \max(0, s_c - s_y + 1)$ ("hinge"), or Crammer and
    Singer's, $\max(0, \max_{c \ne y} s_c - s_y + 1)$ ("crammer_singer").

    Args:
        loss: "softmax", "hinge" or "crammer_singer".
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on the weights.
        l1: strength of the absolute penalty on the weights.
        batch_size: rows a step.
        epochs: passes over the training rows, at most.
        early_stopping: whether to stop on rows cut from the training rows.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        class_weight: None, "balanced" or a dictionary {class: weight}.
        scale: how inputs are scaled: "auto", "standard", "common" or None.
        members: models trained from different row orders; their answers are averaged.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more; columns and targets
            stay scaled as they were. On the same rows with a constant schedule, 10 epochs and 10 more are
            bitwise 20, unless training stopped before its last epoch.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of the row order.
        verbose: 0 is silent, 1 shows a progress bar.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> model = LinearClassifier(learning_rate=0.05, early_stopping=True, random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.95
        True

    References:
        Bishop 2006, section 4.3.4 (softmax); Weston & Watkins 1999; Crammer & Singer 2001.
    """

    def __init__(
        self,
        loss: str = "softmax",
        *,
        optimizer: str = "adam",
        learning_rate: float = 1e-2,
        schedule: str = "constant",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        batch_size: int = 128,
        epochs: int = 100,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        tol: float = 1e-4,
        class_weight: Any = None,
        scale: str | None = "auto",
        members: int = 1,
        warm_start: bool = False,
        checkpoint: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.l1 = l1
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.tol = tol
        self.class_weight = class_weight
        self.scale = scale
        self.members = members
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def decision_function(self, X: Any) -> Float32[np.ndarray, " rows *classes"]:
        """Return the scores that `predict` compares, `(n, classes)`; for two classes a difference, `(n,)`.

        One model's scores are $Wx + b$. Those of several are their mean or, where they have probabilities,
        the logarithm of the mean probabilities.
        """
        if _is_softmax(self) and len(self._members) > 1:
            return one_margin(self.predict_log_proba(X))
        return one_margin(self._answers(X).mean(axis=0))

    @property
    def coef_(self) -> Float64[np.ndarray, "scores features"]:
        """The members' mean weights in the unit of X; for two classes one row, their difference."""
        return one_row(mean_weights(self)[0])

    @property
    def intercept_(self) -> Float64[np.ndarray, " scores"]:
        """The members' mean biases for X as it is given; for two classes one, their difference."""
        return one_row(mean_weights(self)[1])

    @available_if(_is_softmax)
    def predict_proba(self, X: Any) -> Float32[np.ndarray, "rows classes"]:
        """Return the mean of the members' class probabilities, `(n, classes)` (loss "softmax" only)."""
        return self.member_proba_(X).mean(axis=0)

    @available_if(_is_softmax)
    def predict_log_proba(self, X: Any) -> Float32[np.ndarray, "rows classes"]:
        """Return the logarithm of `predict_proba` (loss "softmax" only)."""
        return log_probabilities(self.predict_proba(X))

    @available_if(_is_softmax)
    def member_proba_(self, X: Any) -> Float32[np.ndarray, "members rows classes"]:
        """Return each member's class probabilities, `(members, n, classes)` (loss "softmax" only)."""
        return class_probabilities(self._answers(X))

    def _mean_scores(self, X: Any) -> Float32[np.ndarray, "rows classes"]:
        """Return what `predict` compares: mean probabilities where there are any, else mean scores."""
        return self.predict_proba(X) if _is_softmax(self) else self._answers(X).mean(axis=0)

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine."""
        loss = check_choice("loss", self.loss, list(_LOSSES))
        return linear_recipe(self, inputs, outputs, rows, _LOSSES[loss], outputs)


class LinearRegressor(NetworkRegressor):
    """Predict numbers by a linear function $Wx + b$, trained on the squared error by gradients.

    For plain least squares or ridge on small tables, scikit-learn's closed form is exact and faster; this one
    takes L1, weights, bytes, minibatches, populations and GPUs.

    Args:
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on the weights.
        l1: strength of the absolute penalty on the weights.
        batch_size: rows a step.
        epochs: passes over the training rows, at most.
        early_stopping: whether to stop on rows cut from the training rows.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        scale: how inputs are scaled: "auto", "standard", "common" or None.
        members: models trained from different row orders; their answers are averaged.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more; columns and targets
            stay scaled as they were. On the same rows with a constant schedule, 10 epochs and 10 more are
            bitwise 20, unless training stopped before its last epoch.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of the row order.
        verbose: 0 is silent, 1 shows a progress bar.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = LinearRegressor(random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.5
        True

    References:
        Bishop 2006, section 3.1.3 (sequential learning).
    """

    def __init__(
        self,
        *,
        optimizer: str = "adam",
        learning_rate: float = 1e-2,
        schedule: str = "constant",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        batch_size: int = 128,
        epochs: int = 100,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        tol: float = 1e-4,
        scale: str | None = "auto",
        members: int = 1,
        warm_start: bool = False,
        checkpoint: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.l1 = l1
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.tol = tol
        self.scale = scale
        self.members = members
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @property
    def coef_(self) -> Float64[np.ndarray, "*outputs features"]:
        """The members' mean weights in the units of X and y, `(features,)` or `(outputs, features)`."""
        weights = mean_weights(self)[0] / self._learned.encoding.target_scale[:, None]
        return weights[0] if self._learned.flat_target else weights

    @property
    def intercept_(self) -> Any:
        """The members' mean bias for X as it is given, a number or `(outputs,)`."""
        encoding = self._learned.encoding
        biases = mean_weights(self)[1] / encoding.target_scale + encoding.target_shift
        biases = biases + self._learned.target_anchor
        return float(biases[0]) if self._learned.flat_target else biases

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine."""
        return linear_recipe(self, inputs, outputs, rows, "squared_error", 0)


def mean_weights(
    estimator: NetworkEstimator,
) -> tuple[Float64[np.ndarray, "outputs features"], Float64[np.ndarray, " outputs"]]:
    """Return weights and biases that take rows as they are given: the scaling of the columns is worked in."""
    heads = [member.parameters.head for member in estimator._members]
    weight = np.mean([np.asarray(head.weight, np.float64) for head in heads], axis=0)
    bias = np.mean([np.asarray(head.bias, np.float64) for head in heads], axis=0)
    learned = estimator._learned
    scale, shift = (np.asarray(part, np.float64) for part in (learned.encoding.scale, learned.encoding.shift))
    weight = scale[:, None] * weight
    return weight.T, bias - (shift + learned.anchor) @ weight


def one_row(numbers: Float64[np.ndarray, " scores *features"]) -> Float64[np.ndarray, " scores *features"]:
    """Return the difference of two classes as one row, as scikit-learn has it; more stay as they are."""
    return numbers[1:] - numbers[:1] if len(numbers) == 2 else numbers


def linear_recipe(
    estimator: Any, inputs: int, outputs: int, rows: int, objective: str, classes: int, **more: Any
) -> Recipe:
    """Return the recipe of a linear model with this objective; `more` are further numbers of a member."""
    numbers = training_numbers(estimator)
    batch, parts = batch_rows(estimator, rows)
    problem = network_problem(
        LinearShape(inputs=inputs, outputs=outputs),
        objective=objective,
        optimizer=estimator.optimizer,
        schedule=estimator.schedule,
        batch_size=batch,
        classes=classes,
        shuffle=parts,
    )
    return Recipe(problem, {**numbers, **more}, merge=not parts)
