"""Rosenblatt's perceptron as a scikit-learn estimator."""

from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int8

from gorae.estimators.linear import mean_weights, one_row
from gorae.estimators.network import NetworkClassifier, one_margin
from gorae.estimators.parameters import check_count, check_real
from gorae.estimators.population import Recipe, network_problem
from gorae.models.linear import LinearShape


class Perceptron(NetworkClassifier):
    r"""Classify rows with one step-function unit a class, trained by the perceptron rule.

    Unit c answers $[w_c \cdot x + b_c > 0]$. One row at a time, every unit that answers wrongly is moved:
    $w_c \leftarrow w_c + \eta\, t_c x$, $b_c \leftarrow b_c + \eta\, t_c$, with $t_c = 1$ for the row's class
    and $-1$ otherwise. If the classes can be separated linearly, it stops making mistakes after finitely many
    steps; it ends after an epoch without one (the loss is 0), or after `patience` epochs without progress.

    Args:
        learning_rate: eta; with zero initial weights it only scales the scores.
        epochs: passes over the rows, at most.
        patience: epochs without a smaller sum of mistakes until training stops.
        class_weight: None, "balanced" or a dictionary {class: weight}.
        scale: how inputs are scaled: "auto", "standard", "common" or None.
        members: perceptrons trained on different row orders, whose scores are averaged: where classes cannot
            be separated, a single one depends on the rows it saw last (1 gives it all the same).
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of the row order.
        verbose: 0 is silent, 1 shows a progress bar.

    Example:
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]  # the logical "and"
        >>> Perceptron(random_state=0).fit(X, y).predict(X).tolist()
        [0, 0, 0, 1]

    References:
        Rosenblatt 1958; Novikoff 1962 (convergence); Bishop 2006, section 4.1.7.
    """

    def __init__(
        self,
        *,
        learning_rate: float = 1.0,
        epochs: int = 50,
        patience: int = 10,
        class_weight: Any = None,
        scale: str | None = "auto",
        members: int = 5,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.patience = patience
        self.class_weight = class_weight
        self.scale = scale
        self.members = members
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def decision_function(self, X: Any) -> Float32[np.ndarray, " rows *classes"]:
        """Return the mean scores before the step function, `(n, classes)`; for two classes `(n,)`."""
        return one_margin(self._answers(X).mean(axis=0))

    @property
    def coef_(self) -> Float64[np.ndarray, "scores features"]:
        """The members' mean weights in the unit of X; for two classes one row, their difference."""
        return one_row(mean_weights(self)[0])

    @property
    def intercept_(self) -> Float64[np.ndarray, " scores"]:
        """The members' mean biases for X as it is given; for two classes one, their difference."""
        return one_row(mean_weights(self)[1])

    def unit_answers(self, X: Any) -> Int8[np.ndarray, "rows classes"]:
        """Return each unit's step function, `(n, classes)` of 0 and 1: several or none may say yes."""
        return (self._answers(X).mean(axis=0) > 0).astype(np.int8)

    def _mean_scores(self, X: Any) -> Float32[np.ndarray, "rows classes"]:
        """Return the mean scores: what `decision_function` and `predict` agree on."""
        return self._answers(X).mean(axis=0)

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine: one row a step, no penalty."""
        numbers = {
            "learning_rate": check_real("learning_rate", self.learning_rate, 0, 1e30, open_low=True),
            "epochs": check_count("epochs", self.epochs),
            "patience": check_count("patience", self.patience),
        }
        problem = network_problem(
            LinearShape(inputs=inputs, outputs=outputs),
            objective="perceptron",
            optimizer="sgd",
            batch_size=1,
            classes=outputs,
        )
        return Recipe(problem, numbers, merge=True)
