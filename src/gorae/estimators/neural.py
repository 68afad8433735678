"""Any Equinox module as a scikit-learn estimator, trained as populations are."""

from typing import Any

from gorae.estimators.given_modules import module_shape, row_shape, rows_of_numbers
from gorae.estimators.network import NetworkRegressor
from gorae.estimators.parameters import check_real
from gorae.estimators.population import Recipe, network_problem
from gorae.estimators.recipes import batch_rows, training_numbers
from gorae.estimators.softmax import SoftmaxClassifier


class NeuralClassifier(SoftmaxClassifier):
    r"""Classify rows with a network of your own, or an ensemble of them.

    Minimises the mean cross-entropy of $\mathrm{softmax}(m(x))$, where m is an Equinox module that answers
    one number a class. A module is called with one row, as `module(x)`, and vectorised over the batch; one
    whose `__call__` takes a `key` is given one in training, and `equinox.nn.inference_mode` decides whether
    its dropout drops. A `gorae.nn.Layer` is called with a batch and a context, as `module(x, context)`, which
    is also where running statistics have their place; what `gorae.from_torch` returns is one. Every
    floating-point array of a module is learnt but those in a `gorae.nn.Buffer`.

    Args:
        module: an `equinox.Module`, whose weights every member begins with (members then differ by the order
            of their rows and by dropout); or a function or class called with a random key, and with `inputs`
            and `outputs` if it has parameters of these names, that makes one, anew for every member. None for
            a hidden layer of 64 rectifiers. The same function object shares compiled programs; one that is
            made anew for each fit is compiled anew.
        input_shape: the shape of a row as the module reads it, where rows are given as numbers side by side;
            None for that of X, `(n, *shape)`.
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
            by one shift and scale), None, or "auto": common for bytes, else standard. Weights that were
            trained elsewhere expect rows as they were there: None.
        members: networks trained from different seeds; probabilities are their mean.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> import equinox as eqx, jax
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> def make(key, inputs, outputs):
        ...     return eqx.nn.MLP(inputs, outputs, 16, 1, jax.nn.tanh, key=key)
        >>> model = NeuralClassifier(make, learning_rate=0.05, members=2, random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.95
        True
    """

    row_shape_in_: tuple[int, ...]
    _decided_by_rows = ("row_shape_in_",)
    _takes_module = True

    def __init__(
        self,
        module: Any = None,
        *,
        input_shape: Any = None,
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
        self.module = module
        self.input_shape = input_shape
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

    def __sklearn_clone__(self) -> Any:
        """Return an unfitted copy that shares the module, which nothing changes, and its programs."""
        return _with_module(super().__sklearn_clone__(), self.module)

    def _arrange(self, X: Any, reset: bool) -> Any:
        """Return rows of any shape as rows of numbers, and remember the shape."""
        return rows_of_numbers(self, X, reset)

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine."""
        smoothing = check_real("label_smoothing", self.label_smoothing, 0, 1, open_high=True)
        return neural_recipe(self, inputs, outputs, rows, "cross_entropy", outputs, label_smoothing=smoothing)


class NeuralRegressor(NetworkRegressor):
    r"""Predict one or several numbers with a network of your own, or an ensemble of them.

    Minimises half the mean squared error of $m(x)$, where m is an Equinox module that answers one number a
    target (or, for one target, a single number without an axis); targets are standardised by the training
    rows' mean and deviation inside, and predictions come in the targets' own unit. How a module is called and
    what of it is learnt: see `NeuralClassifier`.

    Args:
        module: an `equinox.Module`, whose weights every member begins with; or a function or class that makes
            one of a random key, as in `NeuralClassifier`. None for a hidden layer of 64 rectifiers.
        input_shape: the shape of a row as the module reads it, as in `NeuralClassifier`.
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on weights, as in `NeuralClassifier`.
        l1: strength of the absolute penalty on weights.
        batch_size: rows a step.
        epochs: passes over the training rows, at most.
        early_stopping: whether to stop on rows cut from the training rows, as in `NeuralClassifier`.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        scale: how inputs are scaled, as in `NeuralClassifier`.
        members: networks trained from different seeds; predictions are their mean.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> import equinox as eqx, jax
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> module = eqx.nn.MLP(10, "scalar", 16, 1, key=jax.random.key(0))
        >>> model = NeuralRegressor(module, early_stopping=True, random_state=0).fit(X, y)
        >>> model.score(X, y) > 0.4
        True
    """

    row_shape_in_: tuple[int, ...]
    _decided_by_rows = ("row_shape_in_",)
    _takes_module = True

    def __init__(
        self,
        module: Any = None,
        *,
        input_shape: Any = None,
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
        self.module = module
        self.input_shape = input_shape
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

    def __sklearn_clone__(self) -> Any:
        """Return an unfitted copy that shares the module, which nothing changes, and its programs."""
        return _with_module(super().__sklearn_clone__(), self.module)

    def _arrange(self, X: Any, reset: bool) -> Any:
        """Return rows of any shape as rows of numbers, and remember the shape."""
        return rows_of_numbers(self, X, reset)

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine."""
        return neural_recipe(self, inputs, outputs, rows, "squared_error", 0)


def neural_recipe(
    estimator: Any, inputs: int, outputs: int, rows: int, objective: str, classes: int, **more: Any
) -> Recipe:
    """Return the recipe of a module for any task; `more` are further numbers of a member."""
    numbers = training_numbers(estimator)
    shape, weights = module_shape(estimator.module, row_shape(estimator, inputs), outputs)
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
    return Recipe(problem, {**numbers, **more}, merge=not parts, draw=weights)


def _with_module(estimator: Any, module: Any) -> Any:
    """Return an estimator with this very module; a copy of its functions would be compiled anew."""
    estimator.module = module
    return estimator
