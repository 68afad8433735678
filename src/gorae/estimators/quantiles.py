"""Quantiles as scikit-learn estimators: several levels at once, as outputs of one network."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from gorae.errors import as_input_error
from gorae.estimators.linear import linear_recipe, mean_weights
from gorae.estimators.mlp import mlp_recipe
from gorae.estimators.network import NetworkRegressor
from gorae.estimators.parameters import check_levels
from gorae.estimators.population import Recipe, in_target_unit
from gorae.evidence import pinball_skill


class QuantileRegressor(NetworkRegressor):
    """The abstract base of network regressors whose outputs are quantiles of one target."""

    _answers_quantiles = True
    levels: Any

    def predict_quantiles(self, X: Any) -> Float64[np.ndarray, "rows levels"]:
        """Return the quantiles of each row, `(n, levels)`, in the order of `levels_`; they never cross.

        They are the mean of the members' (`member_quantiles_`).
        """
        return self.member_quantiles_(X).mean(axis=0)

    def member_quantiles_(self, X: Any) -> Float64[np.ndarray, "members rows levels"]:
        """Return each member's quantiles, `(members, n, levels)`, sorted in each row.

        Sorting brings quantiles that cross no further from the true ones, and in general nearer.

        References:
            Chernozhukov, Fernández-Val & Galichon 2010, Quantile and Probability Curves Without Crossing,
            proposition 4.
        """
        values = in_target_unit(self._answers(X), self._learned.encoding) + self._learned.target_anchor
        return np.sort(values, axis=-1)

    def member_predictions_(self, X: Any) -> Float64[np.ndarray, "members rows"]:
        """Return each member's prediction, `(members, n)`: its quantile of the level nearest to 0.5."""
        return self.member_quantiles_(X)[..., middle_level(self._learned.levels)]

    def predict(self, X: Any) -> Float64[np.ndarray, " rows"]:
        """Return the median of each row, `(n,)`, or the quantile of the level that is nearest to 0.5.

        Of two that are equally near it is the lower one.
        """
        return self.member_predictions_(X).mean(axis=0)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        r"""Return $D^2$ of the pinball loss over all levels: 1 is perfect, 0 as good as y's own quantiles.

        It is what is trained for. $R^2$ of the median would not see the other levels, and is best for means.
        For one level it is scikit-learn's `d2_pinball_score`.

        Args:
            X: rows.
            y: one value a row.
            sample_weight: one weight a row, or None.

        Raises:
            InputError: when X or y cannot be used.
        """
        self._check_fitted()
        with as_input_error():
            values = np.asarray(y, np.float64).reshape(-1)
        return pinball_skill(self.predict_quantiles(X), values, self._learned.levels, sample_weight)

    @property
    def levels_(self) -> Float64[np.ndarray, " levels"]:
        """The levels that were fitted."""
        self._check_fitted()
        return np.array(self._learned.levels, np.float64)

    def __sklearn_tags__(self) -> Any:
        """Say that there is one target."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        return tags


class MLPQuantileRegressor(QuantileRegressor):
    r"""Predict quantiles of a number with a multilayer perceptron, or an ensemble of them.

    One output a level. With $u_k = y - q_k(x)$ the mean pinball loss
    $\frac{1}{K} \sum_k \max(\tau_k u_k, (\tau_k - 1) u_k)$ is minimised, whose expectation is least where
    $q_k(x)$ is the quantile of $y$ given $x$ at the level $\tau_k$: where the noise is large the outer
    quantiles lie far apart. Rows, targets and hidden layers are as in `MLPRegressor`.

    Quantiles of rows that were learned from are too near to them; `CautiousRegressor` makes intervals of them
    that hold. Networks whose levels differ in value only are trained in one program.

    Args:
        hidden: width of each hidden layer; () makes a linear model.
        levels: of the quantiles, increasing numbers between 0 and 1; the one nearest to 0.5 is predicted.
        activation: as in `MLPClassifier`.
        maxout_pieces: linear functions a unit, where the activation is "maxout".
        dropout: probability that a hidden unit is silenced in a training step, in [0, 1).
        normalization: "batch" or "layer" normalisation of each hidden layer, or None.
        initialization: name of the weights' distribution, or None for what suits the activation.
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on weights, as in `MLPClassifier`.
        l1: strength of the absolute penalty on weights.
        batch_size: rows a step.
        epochs: passes over the training rows, at most.
        early_stopping: whether to stop on rows cut from the training rows, by their pinball loss.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        scale: how inputs are scaled, as in `MLPClassifier`.
        members: networks trained from different seeds; quantiles are their mean.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more; columns and targets
            stay scaled as they were. On the same rows with a constant schedule, 10 epochs and 10 more are
            bitwise 20, unless training stopped before its last epoch.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = MLPQuantileRegressor((16,), levels=(0.1, 0.9), early_stopping=True, random_state=0)
        >>> low, high = model.fit(X, y).predict_quantiles(X).T
        >>> bool(0.7 < np.mean((low <= y) & (y <= high)) < 0.9)
        True

    References:
        Koenker & Bassett 1978, Regression Quantiles; Taylor 2000, A Quantile Regression Neural Network
        Approach to Estimating the Conditional Density of Multiperiod Returns.
    """

    def __init__(
        self,
        hidden: Any = (128,),
        *,
        levels: Any = (0.05, 0.5, 0.95),
        activation: str = "relu",
        maxout_pieces: int = 2,
        dropout: float = 0.0,
        normalization: str | None = None,
        initialization: str | None = None,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
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
        self.hidden = hidden
        self.levels = levels
        self.activation = activation
        self.maxout_pieces = maxout_pieces
        self.dropout = dropout
        self.normalization = normalization
        self.initialization = initialization
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

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine: an output a level, whatever the targets."""
        levels = check_levels(self.levels)
        return mlp_recipe(self, inputs, len(levels), rows, "pinball", 0, levels=levels)


class LinearQuantileRegressor(QuantileRegressor):
    """Predict quantiles of a number by linear functions $Wx + b$, trained on the pinball loss by gradients.

    For one level of a small table scikit-learn's `QuantileRegressor` solves the linear programme exactly;
    this one learns all levels at once, takes weights, bytes, minibatches, populations and GPUs.

    Args:
        levels: of the quantiles, as in `MLPQuantileRegressor`.
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up"; a constant
            rate never comes to rest at the kinks of the loss.
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on the weights.
        l1: strength of the absolute penalty on the weights.
        batch_size: rows a step.
        epochs: passes over the training rows, at most.
        early_stopping: whether to stop on rows cut from the training rows, by their pinball loss.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        scale: how inputs are scaled: "auto", "standard", "common" or None.
        members: models trained from different row orders; their quantiles are averaged.
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
        >>> model = LinearQuantileRegressor(levels=(0.1, 0.9), random_state=0).fit(X, y)
        >>> low, high = model.predict_quantiles(X).T
        >>> bool(0.75 < np.mean((low <= y) & (y <= high)) < 0.85)
        True

    References:
        Koenker & Bassett 1978, Regression Quantiles.
    """

    def __init__(
        self,
        *,
        levels: Any = (0.05, 0.5, 0.95),
        optimizer: str = "adam",
        learning_rate: float = 3e-2,
        schedule: str = "cosine",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        batch_size: int = 32,
        epochs: int = 300,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 60,
        tol: float = 0.0,
        scale: str | None = "auto",
        members: int = 1,
        warm_start: bool = False,
        checkpoint: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.levels = levels
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
    def coef_(self) -> Float64[np.ndarray, "levels features"]:
        """The members' mean weights in the units of X and y, a row a level; `predict_quantiles` sorts."""
        return mean_weights(self)[0] / self._learned.encoding.target_scale[:, None]

    @property
    def intercept_(self) -> Float64[np.ndarray, " levels"]:
        """The members' mean bias of each level, for X as it is given."""
        encoding = self._learned.encoding
        biases = mean_weights(self)[1] / encoding.target_scale + encoding.target_shift
        return biases + self._learned.target_anchor

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine: an output a level, whatever the targets."""
        levels = check_levels(self.levels)
        return linear_recipe(self, inputs, len(levels), rows, "pinball", 0, levels=levels)


def middle_level(levels: Any) -> int:
    """Return the place of the level that is nearest to 0.5, of two equally near ones the lower.

    Example:
        >>> middle_level((0.1, 0.4, 0.6)), middle_level((0.9,))
        (1, 0)
    """
    return int(np.argmin(np.round(np.abs(np.asarray(levels, np.float64) - 0.5), 9)))
