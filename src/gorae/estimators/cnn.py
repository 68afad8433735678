"""Convolutional networks as scikit-learn estimators."""

from typing import Any

import jax
import jax.numpy as jnp

from gorae.backend import select_devices
from gorae.errors import ParameterError, closest
from gorae.estimators.images import checked_image, image_of_rows, image_rows
from gorae.estimators.network import NetworkRegressor
from gorae.estimators.parameters import check_real
from gorae.estimators.population import Recipe, network_problem
from gorae.estimators.recipes import batch_rows, training_numbers
from gorae.estimators.softmax import SoftmaxClassifier
from gorae.models.cnn import CNNShape
from gorae.models.cnn_presets import CNN_PRESETS
from gorae.nn import Augmentation, augment
from gorae.train.augmenting import Augmenting

_DIVIDED_FROM = 3
"""Workers: with two, steps whose rows are divided took between a tenth less and two fifths more time than
where XLA divides what is in a convolution (ten networks). With more it should pay; that was not measured."""
_FEW_ROWS = 8
"""A batch whose largest part that divides it has no more than half as many rows, and no more than half of
what a cache holds, is computed as a whole."""
_MOST_TIMES = 4
"""But not where it holds more than so many times the rows that a cache does, for the sake of memory."""


class CNNClassifier(SoftmaxClassifier):
    """Classify images with a convolutional network, or an ensemble of them.

    Minimises the mean cross-entropy of the softmax of a linear layer's outputs over what convolutions,
    poolings and dense layers make of an image.

    Args:
        layers: "small" (3 x 3 convolutions of 32 and 64 channels with pooling until few cells are left, then
            64 dense units; 93,000 weights for 28 x 28 grey cells), "residual" (residual blocks of 32, 64 and
            128 channels; set normalization="batch"), or a list of `ConvPart`, `PoolPart`, `ResidualPart`,
            `GlobalPoolPart` and `DensePart`.
        image_shape: (height, width) or (height, width, channels), last axis fastest, of what rows of numbers
            are; None for what X tells: an array `(n, height, width)` or `(n, height, width, channels)`, or
            rows that are grey squares. Other rows are images of a single line of cells.
        activation: "relu", "tanh", "sigmoid", "softplus", "leaky_relu", "elu", "selu", "gelu", "softmax",
            "prelu" (learnt slope), "identity" or "step".
        normalization: "batch" or "layer" normalisation of the channels of each layer, or None.
        dropout: probability that a number is silenced, in a training step, that a dense layer reads, the
            output layer among them; in [0, 1).
        augmentation: what of the images may change from step to step while the network learns, as a
            `gorae.Augmentation`; None for nothing. Answers are of images as they are.
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
        epochs: passes over the training rows, at most; "auto" for as many as make 1,000 steps, but from 20 to
            100: with batches of 128, 20 over 6,400 rows and more, 100 over 1,280 and fewer.
        early_stopping: whether to cut `validation_fraction` of the rows off, stop when their loss has not
            improved for `patience` epochs, and keep the best epoch's parameters.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        class_weight: None, "balanced" (inverse to the class's rows) or a dictionary {class: weight}.
        scale: how cells are scaled: "common" (all by one shift and scale), "standard" (each place to mean 0,
            deviation 1), None, or "auto": common for bytes, else standard.
        members: networks trained from different seeds; probabilities are their mean.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> from gorae.models import ConvPart, PoolPart
        >>> digits = load_digits()
        >>> model = CNNClassifier([ConvPart(8), PoolPart()], learning_rate=0.01, epochs=5, random_state=0)
        >>> model.fit(digits.images[:1000], digits.target[:1000]).image_shape_in_
        (8, 8, 1)
        >>> model.score(digits.images[1000:], digits.target[1000:]) > 0.85
        True

    References:
        LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition".
    """

    image_shape_in_: tuple[int, int, int]
    _decided_by_rows = ("image_shape_in_",)

    def __init__(
        self,
        layers: Any = "small",
        *,
        image_shape: Any = None,
        activation: str = "relu",
        normalization: str | None = None,
        dropout: float = 0.0,
        augmentation: Augmentation | None = None,
        initialization: str | None = None,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        label_smoothing: float = 0.0,
        batch_size: int = 128,
        epochs: int | str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        tol: float = 1e-4,
        class_weight: Any = None,
        scale: str | None = "common",
        members: int = 1,
        warm_start: bool = False,
        checkpoint: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.layers = layers
        self.image_shape = image_shape
        self.activation = activation
        self.normalization = normalization
        self.dropout = dropout
        self.augmentation = augmentation
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

    def _arrange(self, X: Any, reset: bool) -> Any:
        """Return images as rows of numbers, and remember their sizes."""
        return arranged(self, X, reset)

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine."""
        smoothing = check_real("label_smoothing", self.label_smoothing, 0, 1, open_high=True)
        return cnn_recipe(self, inputs, outputs, rows, "cross_entropy", outputs, label_smoothing=smoothing)


class CNNRegressor(NetworkRegressor):
    """Predict one or several numbers from images with a convolutional network, or an ensemble of them.

    Minimises half the mean squared error; targets are standardised by the training rows' mean and deviation
    inside, and predictions come in the targets' own unit.

    Args:
        layers: "small", "residual" or a list of parts, as in `CNNClassifier`.
        image_shape: sizes of what rows of numbers are, as in `CNNClassifier`.
        activation: as in `CNNClassifier`.
        normalization: "batch" or "layer" normalisation of the channels of each layer, or None.
        dropout: probability that a number is silenced that a dense layer reads, in [0, 1).
        augmentation: what of the images may change from step to step while the network learns, as a
            `gorae.Augmentation`; None for nothing. Answers are of images as they are.
        initialization: name of the weights' distribution, or None for what suits the activation.
        optimizer: "sgd", "momentum", "nesterov", "adam" or "adamw".
        learning_rate: length of a step; the schedule multiplies it.
        schedule: "constant", "step", "cosine", "one_cycle" or "warm_up".
        momentum: share of the last direction that is kept, for "momentum" and "nesterov".
        weight_decay: strength of the squared penalty on weights, as in `CNNClassifier`.
        l1: strength of the absolute penalty on weights.
        batch_size: rows a step.
        epochs: passes over the training rows, at most, or "auto", as in `CNNClassifier`.
        early_stopping: whether to stop on rows cut from the training rows, as in `CNNClassifier`.
        validation_fraction: share of the rows that are cut off to stop on.
        patience: epochs without improvement until training stops.
        tol: without early stopping: the fall of the training loss that counts as improvement.
        scale: how cells are scaled, as in `CNNClassifier`.
        members: networks trained from different seeds; predictions are their mean.
        warm_start: whether `fit` goes on where the last fit stopped, for `epochs` more.
        checkpoint: folder in which members are kept after every epoch; a killed fit goes on from there.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of weights, row order and dropout; the same seed gives bitwise the same model.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Example:
        >>> import numpy as np
        >>> from gorae.models import ConvPart
        >>> images = np.random.default_rng(0).normal(size=(300, 6, 6))
        >>> model = CNNRegressor([ConvPart(4)], learning_rate=0.03, early_stopping=True, random_state=0)
        >>> model.fit(images[:200], images[:200, 2:4, 2:4].sum((1, 2))).layer_names_
        ['conv 1', 'output']
        >>> model.score(images[200:], images[200:, 2:4, 2:4].sum((1, 2))) > 0.8
        True

    References:
        LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition".
    """

    image_shape_in_: tuple[int, int, int]
    _decided_by_rows = ("image_shape_in_",)

    def __init__(
        self,
        layers: Any = "small",
        *,
        image_shape: Any = None,
        activation: str = "relu",
        normalization: str | None = None,
        dropout: float = 0.0,
        augmentation: Augmentation | None = None,
        initialization: str | None = None,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        batch_size: int = 128,
        epochs: int | str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        tol: float = 1e-4,
        scale: str | None = "common",
        members: int = 1,
        warm_start: bool = False,
        checkpoint: Any = None,
        device: str | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ):
        self.layers = layers
        self.image_shape = image_shape
        self.activation = activation
        self.normalization = normalization
        self.dropout = dropout
        self.augmentation = augmentation
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

    def _arrange(self, X: Any, reset: bool) -> Any:
        """Return images as rows of numbers, and remember their sizes."""
        return arranged(self, X, reset)

    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the parameters ask of the engine."""
        return cnn_recipe(self, inputs, outputs, rows, "squared_error", 0)


def arranged(estimator: Any, X: Any, reset: bool) -> Any:
    """Return images as rows of numbers; an estimator that is to learn from them notes their sizes."""
    given = estimator.image_shape if reset else vars(estimator).get("image_shape_in_")
    rows, image = image_rows(X, given)
    if reset:
        vars(estimator).pop("image_shape_in_", None)
        if image is not None:
            estimator.image_shape_in_ = image
    return rows


def cnn_recipe(
    estimator: Any, inputs: int, outputs: int, rows: int, objective: str, classes: int, **more: Any
) -> Recipe:
    """Return the recipe of a convolutional network for any task; `more` are further numbers of a member."""
    dropout = check_real("dropout", estimator.dropout, 0, 1, open_high=True)
    numbers = training_numbers(estimator, rows)
    if estimator.image_shape is not None:
        image = checked_image(estimator.image_shape, inputs)
    else:
        image = vars(estimator).get("image_shape_in_") or image_of_rows(inputs)
    estimator.image_shape_in_ = image
    shape = CNNShape(
        image=image,
        outputs=outputs,
        layers=_layers(estimator.layers, image),
        activation=estimator.activation,
        normalization=estimator.normalization,
        dropout=dropout > 0,
        initialization=estimator.initialization,
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
        micro_batch=_micro_batch(shape, batch, estimator.device),
        augmenting=_augmenting(estimator.augmentation, image),
        divided_from=0 if shape.normalization == "batch" else _DIVIDED_FROM,
    )
    return Recipe(
        problem, {**numbers, "dropout": dropout, **more}, merge=not parts and problem.augmenting is None
    )


def _layers(layers: Any, image: tuple[int, int, int]) -> Any:
    """Return the parts that a preset's name means, or what was given."""
    if not isinstance(layers, str):
        return layers
    if layers not in CNN_PRESETS:
        near = closest(layers, list(CNN_PRESETS))
        hint = f" Did you mean {near!r}?" if near else ""
        names = ", ".join(map(repr, CNN_PRESETS))
        raise ParameterError(f"layers must be one of {names} or a list of parts, got {layers!r}.{hint}")
    return CNN_PRESETS[layers](image)


def _augmenting(augmentation: Any, image: tuple[int, int, int]) -> Augmenting | None:
    """Return what may change of images of these sizes; None where nothing does.

    Raises:
        InputError: where a change is too large for the images.
    """
    if augmentation is None or augmentation == Augmentation():
        return None
    if not isinstance(augmentation, Augmentation):
        raise ParameterError(f"augmentation must be a gorae.Augmentation or None, got {augmentation!r:.200}.")
    jax.eval_shape(lambda: augment(jax.random.key(0), jnp.zeros((1, *image)), augmentation))
    return Augmenting(image, augmentation)


def _micro_batch(shape: CNNShape, batch: int, device: Any) -> int:
    """Return the rows whose gradients are computed at once: on a CPU few, whose maps stay in its cache.

    Batch normalisation needs the whole batch.
    """
    most = shape.cached_rows
    if shape.normalization == "batch" or batch <= most or select_devices(device)[0].platform != "cpu":
        return 0
    rows = max(rows for rows in range(1, most + 1) if batch % rows == 0)
    as_a_whole = 2 * rows <= min(most, _FEW_ROWS) and batch <= _MOST_TIMES * most
    return 0 if as_a_whole else rows
