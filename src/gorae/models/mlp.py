"""Multilayer perceptron: dense layers with activations between them, and a linear output layer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal, final

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from gorae import nn
from gorae.errors import ParameterError
from gorae.models.network import Network
from gorae.nn.checks import known_name, positive_integer

__all__ = ["MLP", "MLP_ACTIVATION_NAMES", "MLPShape", "build_mlp", "build_unit_mlp", "scaled_mlp"]

MLP_ACTIVATION_NAMES: tuple[str, ...] = (*nn.ACTIVATION_NAMES, "prelu", "maxout")
"""The activations that `MLPShape` knows; the last two are learnt."""


@dataclass(frozen=True)
class MLPShape:
    """What determines an MLP's structure; hashable, so that it may be a static argument.

    Models of equal shapes have arrays of equal shapes: they can be stacked into one population.

    Args:
        inputs: Numbers in a row.
        outputs: Numbers in an output row: classes, or targets.
        hidden: Width of each hidden layer in the order of the data; none makes a linear model.
        activation: One of `MLP_ACTIVATION_NAMES`.
        normalization: "batch" or "layer" normalisation of every hidden layer, or None.
        dropout: Whether a dropout layer follows every hidden layer.
        initialization: Name of the initializer of all weights; None chooses for each layer what
            suits its activation (`gorae.nn.default_initialization`).
        maxout_pieces: Linear functions per hidden feature, where the activation is "maxout".

    Raises:
        ParameterError: If a value is out of its range or a name is unknown.

    Example:
        >>> MLPShape(inputs=4, outputs=3, hidden=[64, 32]).hidden
        (64, 32)
    """

    inputs: int
    outputs: int
    hidden: tuple[int, ...] = (128,)
    activation: str = "relu"
    normalization: Literal["batch", "layer"] | None = None
    dropout: bool = False
    initialization: str | None = None
    maxout_pieces: int = 2

    def __post_init__(self):
        object.__setattr__(self, "inputs", positive_integer("inputs", self.inputs))
        object.__setattr__(self, "outputs", positive_integer("outputs", self.outputs))
        object.__setattr__(self, "hidden", _widths(self.hidden))
        known_name("activation", self.activation, MLP_ACTIVATION_NAMES)
        if self.normalization is not None:
            known_name("normalization", self.normalization, ("batch", "layer"))
        if self.initialization is not None:
            known_name("initialization", self.initialization, nn.INITIALIZERS)
        object.__setattr__(self, "dropout", bool(self.dropout))
        pieces = positive_integer("maxout_pieces", self.maxout_pieces, least=2)
        object.__setattr__(self, "maxout_pieces", pieces)

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Numbers that each hidden layer answers for a row."""
        return self.hidden

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return self.hidden

    @property
    def hidden_activations(self) -> tuple[str, ...]:
        """The name of each hidden layer's activation."""
        return (self.activation,) * len(self.hidden)

    @property
    def row_work(self) -> int:
        """Nothing to tell: each weight is used once."""
        return 0

    @property
    def row_numbers(self) -> int:
        """Nothing to tell: a layer keeps its width."""
        return 0

    def build(self, key: PRNGKeyArray, hyper: Mapping[str, Array]) -> "MLP":
        """Make an MLP of a member's numbers, which may be traced."""
        return build_mlp(key, self, dropout_rate=hyper["dropout"])

    def to_meta(self) -> dict[str, Any]:
        """Return the shape as JSON."""
        return asdict(self)


@final
class MLP(Network):
    """Hidden layers, then a linear one.

    Args:
        body: One `gorae.nn.Sequential` per hidden layer: dense, normalisation, activation, dropout
            (maxout, normalisation, dropout where the activation is maxout).
        head: From the last hidden layer to the outputs.
    """

    body: nn.Sequential
    head: nn.Dense

    def __call__(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch outputs"], "MLP"]:
        """Return the outputs, and the MLP with its buffers as they are after the pass.

        Raises:
            InputError: If the batch has another number of inputs than the model.
        """
        hidden, body = self.body(x, context)
        outputs, head = self.head(hidden, context)
        return outputs, MLP(body, head)

    def features(self, x: Float[Array, "batch inputs"], context: nn.Context) -> Float[Array, "batch width"]:
        """Return the last hidden layer, or the inputs where there is none."""
        return self.body(x, context)[0]

    def hidden_layers(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch width"], ...]:
        """Return what every hidden layer answers; the last of them is `features`."""
        found = []
        for place, layer in enumerate(self.body.layers):
            x, _ = layer(x, context.fold(place))
            found.append(x)
        return tuple(found)

    def named_layers(self) -> tuple[tuple[str, nn.Layer], ...]:
        """Return "hidden 1", "hidden 2", ... and "output"."""
        hidden = tuple((f"hidden {place}", layer) for place, layer in enumerate(self.body.layers, start=1))
        return (*hidden, ("output", self.head))


def build_mlp(key: PRNGKeyArray, shape: MLPShape, *, dropout_rate: float | Float[Array, ""] = 0.0) -> MLP:
    """Make an MLP with random weights.

    It may be called inside a compiled program and mapped over keys and dropout rates.

    Args:
        key: Source of the initial weights.
        shape: The structure.
        dropout_rate: Probability in [0, 1) that a hidden feature is silenced in training; a number or a
            traced scalar. Without dropout layers it must be 0.

    Returns:
        A model of float32 arrays.

    Raises:
        ParameterError: If the dropout rate is out of its range, or has no layers to act in.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae import nn
        >>> model = build_mlp(jax.random.key(0), MLPShape(inputs=4, outputs=3, hidden=(8,)))
        >>> x = jnp.ones((5, 4))
        >>> model(x, nn.inference())[0].shape, model.features(x, nn.inference()).shape
        ((5, 3), (5, 8))
    """
    is_known = not isinstance(dropout_rate, Tracer)
    if is_known and not shape.dropout and dropout_rate != 0:
        raise ParameterError(
            f"dropout_rate is {dropout_rate!r}, but the shape has no dropout layers; use dropout=True."
        )
    return _build(key, shape, dropout_rate, *_initializations(shape))


def build_unit_mlp(
    key: PRNGKeyArray, shape: MLPShape, *, dropout_rate: float | Float[Array, ""] = 0.0
) -> MLP:
    """Make an MLP whose weights are as they are drawn, before `scaled_mlp` gives them their size.

    Each weight depends on the key and on its place in its layer alone, counted row after row: the weights of
    a narrower MLP are the first of them.

    Args:
        key: Source of the weights.
        shape: The structure; any initialization but "orthogonal".
        dropout_rate: As `build_mlp` takes it.
    """
    return _build(key, shape, dropout_rate, *map(nn.unit_initializer, _initializations(shape)))


def scaled_mlp(model: MLP, shape: MLPShape) -> MLP:
    """Return what `build_mlp` makes, bitwise, of the weights that `build_unit_mlp` draws.

    Args:
        model: An MLP, or its parameters; on the host.
        shape: Its structure.

    Example:
        >>> import jax
        >>> key, shape = jax.random.key(0), MLPShape(inputs=4, outputs=3, hidden=(8,))
        >>> scaled, built = scaled_mlp(build_unit_mlp(key, shape), shape), build_mlp(key, shape)
        >>> (scaled.head.weight == built.head.weight).all().item()
        True
    """
    hidden, head = _initializations(shape)

    def scaled(layer: Any, name: str = hidden) -> Any:
        if not isinstance(layer, nn.Dense | nn.Maxout):
            return layer
        inputs, columns = layer.weight.shape
        pieces = layer.pieces if isinstance(layer, nn.Maxout) else 1
        factor = np.float32(nn.initial_factor(name, inputs, columns // pieces))
        return replace(layer, weight=np.asarray(layer.weight) * factor)

    body = jax.tree.map(scaled, model.body, is_leaf=lambda layer: isinstance(layer, nn.Dense | nn.Maxout))
    return MLP(body, scaled(model.head, head))


def _initializations(shape: MLPShape) -> tuple[str, str]:
    """Return the names of the initializers of the hidden layers and of the output layer."""
    names = (nn.default_initialization(each) for each in (shape.activation, "identity"))
    hidden, head = (shape.initialization or name for name in names)
    return hidden, head


def _build(
    key: PRNGKeyArray,
    shape: MLPShape,
    dropout_rate: float | Float[Array, ""],
    initialization: str | nn.Initializer,
    of_head: str | nn.Initializer,
) -> MLP:
    """Make an MLP whose hidden layers, and whose head, are drawn by these initializers."""
    widths = (shape.inputs, *shape.hidden)
    keys = jax.random.split(key, len(widths))
    hidden = tuple(
        _hidden_layer(keys[place], inputs, outputs, shape, dropout_rate, initialization)
        for place, (inputs, outputs) in enumerate(pairwise(widths))
    )
    return MLP(nn.Sequential(hidden), nn.Dense.create(keys[-1], widths[-1], shape.outputs, of_head))


def _hidden_layer(
    key: PRNGKeyArray,
    inputs: int,
    outputs: int,
    shape: MLPShape,
    dropout_rate: float | Float[Array, ""],
    initialization: str | nn.Initializer,
) -> nn.Sequential:
    """Make a hidden layer: dense, normalisation, activation, dropout."""
    if shape.activation == "maxout":
        layers: list[nn.Layer] = [nn.Maxout.create(key, inputs, outputs, shape.maxout_pieces, initialization)]
    else:
        learns = shape.normalization != "batch"
        layers = [nn.Dense.create(key, inputs, outputs, initialization, learns_bias=learns)]
    if shape.normalization == "batch":
        layers.append(nn.BatchNorm.create(outputs))
    elif shape.normalization == "layer":
        layers.append(nn.LayerNorm.create(outputs))
    if shape.activation == "prelu":
        layers.append(nn.PReLU.create(outputs))
    elif shape.activation != "maxout":
        layers.append(nn.Activation.create(shape.activation))
    if shape.dropout:
        layers.append(nn.Dropout.create(dropout_rate))
    return nn.Sequential(tuple(layers))


def _widths(hidden: Any) -> tuple[int, ...]:
    if isinstance(hidden, np.ndarray) and hidden.ndim:
        hidden = hidden.tolist()
    if isinstance(hidden, str | bytes) or not isinstance(hidden, Sequence):
        raise ParameterError(f"hidden must be a sequence of widths such as (128,), got {hidden!r}.")
    return tuple(positive_integer("every width in hidden", width) for width in hidden)
