"""Multilayer perceptrons as scikit-learn estimators."""

from typing import Any

from gorae.estimators.network import NetworkRegressor
from gorae.estimators.parameters import check_real
from gorae.estimators.population import Recipe, network_problem
from gorae.estimators.recipes import batch_rows, training_numbers
from gorae.estimators.softmax import SoftmaxClassifier
from gorae.estimators.uncompiled import on_host
from gorae.models.mlp import MLPShape


class MLPClassifier(SoftmaxClassifier):
    r"""Classify rows with a multilayer perceptron, or an ensemble of them.

    Minimises the mean cross-entropy of $\mathrm{softmax}(W_L h_{L-1} + b_L)$, with
    $h_l = f(W_l h_{l-1} + b_l)$ and $h_0$ the scaled row.
    See `MLPRegressor` for the same network with the squared error.

    On a CPU a small network is trained by NumPy where it takes at most 512 steps, so that its first fit need
    not wait for a compiler: one with "relu", "tanh", "sigmoid" or "identity", a constant schedule, and
    neither dropout nor normalisation. It is what the compiled program makes of it, but for rounding.

    Args:
        hidden: width of each hidden layer; () makes a linear model.
        activation: "relu", "tanh", "sigmoid", "softplus", "leaky_relu", "elu", "selu", "gelu", "softmax",
            "prelu" (learnt slope), "maxout" (largest of `maxout_pieces` linear functions), "identity" or
            "step".
        maxout_pieces: linear functions a unit, where the activation is "maxout".
        dropout: probability that a hidden unit is silenced in a training step, in [0, 1).
        normalization: "batch" or "layer" normalisation of each hidden layer, or None.
        initialization: name of the weights' distribution, or None for what suits the activation.
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on weights: `weight_decay * w` is added to the loss's
            gradient ("adamw": to the step instead).
        l1: strength of the absolute penalty on weights.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).
        batch_size: rows a step.
        epochs: passes over the training rows, at most.
        early_stopping: whether to cut `validation_fraction` of the rows off, stop when their loss has not
            improved for `patience` epochs, and keep the best epoch's parameters.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        class_weight: None, "balanced" (inverse to the class's rows) or a dictionary {class: weight}.
        scale: how inputs are scaled: "standard" (each column to mean 0, deviation 1), "common" (all columns
            by one shift and scale), None, or "auto": common for bytes, else standard. Columns with heavy
            tails, such as counts, are often learned better as ranks, by scikit-learn's `QuantileTransformer`
            before the network in a pipeline.
        members: networks trained from different seeds; probabilities are their mean.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more; columns and targets
            stay scaled as they were. On the same rows with a constant schedule, 10 epochs and 10 more are
            bitwise 20, unless training stopped before its last epoch; within rounding where 10 are few
            enough for NumPy and 20 are not.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifier((16,), learning_rate=0.01, early_stopping=True, random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.95
        True

    References:
        Rumelhart, Hinton & Williams 1986; ensembles of seeds: Lakshminarayanan et al. 2017, section 2.4.
    """

    def __init__(
        self,
        hidden: Any = (128,),
        *,
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
        label_smoothing: float = 0.0,
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
        self.hidden = hidden
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
        self.label_smoothing = label_smoothing
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

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine."""
        smoothing = check_real("label_smoothing", self.label_smoothing, 0, 1, open_high=True)
        return mlp_recipe(self, inputs, outputs, rows, "cross_entropy", outputs, label_smoothing=smoothing)


class MLPRegressor(NetworkRegressor):
    r"""Predict one or several numbers with a multilayer perceptron, or an ensemble of them.

    Minimises half the mean squared error of $W_L h_{L-1} + b_L$, with $h_l = f(W_l h_{l-1} + b_l)$ and
    $h_0$ the scaled row; targets are standardised by the training rows' mean and deviation inside, and
    predictions come in the targets' own unit.

    Args:
        hidden: width of each hidden layer; () makes a linear model.
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
        early_stopping: whether to stop on rows cut from the training rows, as in `MLPClassifier`.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        scale: how inputs are scaled, as in `MLPClassifier`.
        members: networks trained from different seeds; predictions are their mean.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more; columns and targets
            stay scaled as they were. On the same rows with a constant schedule, 10 epochs and 10 more are
            bitwise 20, unless training stopped before its last epoch; within rounding where 10 are few
            enough for NumPy and 20 are not.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = MLPRegressor((16,), early_stopping=True, random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.4
        True

    References:
        Rumelhart, Hinton & Williams 1986.
    """

    def __init__(
        self,
        hidden: Any = (128,),
        *,
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
        """Return what the parameters ask of the engine."""
        return mlp_recipe(self, inputs, outputs, rows, "squared_error", 0)


def mlp_recipe(
    estimator: Any, inputs: int, outputs: int, rows: int, objective: str, classes: int, **more: Any
) -> Recipe:
    """Return the recipe of a multilayer perceptron for any task; `more` are further numbers of a member."""
    dropout = check_real("dropout", estimator.dropout, 0, 1, open_high=True)
    numbers = training_numbers(estimator)
    shape = MLPShape(
        inputs=inputs,
        outputs=outputs,
        hidden=estimator.hidden,
        activation=estimator.activation,
        normalization=estimator.normalization,
        dropout=dropout > 0,
        initialization=estimator.initialization,
        maxout_pieces=estimator.maxout_pieces,
    )
    batch, parts = batch_rows(estimator, rows)
    problem = network_problem(
        shape,
        objective=objective,
        optimizer=estimator.optimizer,
        schedule=estimator.schedule,
        batch_size=batch,
        classes=classes,
        shuffle=parts,
    )
    recipe = Recipe(problem, {**numbers, "dropout": dropout, **more}, merge=not parts)
    return on_host(recipe, rows, estimator.device)
