"""Convolutional networks: layers that move small kernels over an image, then dense ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal, final

import equinox as eqx
import jax
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

from gorae import nn
from gorae.errors import InputError, ParameterError
from gorae.models.network import Network
from gorae.models.parts import (
    DensePart,
    GlobalPoolPart,
    Part,
    PoolPart,
    ResidualPart,
    checked_parts,
    part_to_meta,
)
from gorae.models.stages import Stage, make_stages, maps_of, pooled, weights_of, work_of
from gorae.nn.batch_minor import MOST_BATCH_MINOR
from gorae.nn.checks import known_name, positive_integer

__all__ = ["CNN", "CNN_ACTIVATION_NAMES", "CNNShape", "build_cnn"]

CNN_ACTIVATION_NAMES: tuple[str, ...] = (*nn.ACTIVATION_NAMES, "prelu")
"""The activations that `CNNShape` knows; the last one is learnt."""

_CACHE_BYTES = 6 << 20
"""What the numbers of a few rows may take: with more, a step of the small networks and of both presets was
slower (measured on a core with 1 MB of second-level and 16 MB of third-level cache)."""


@dataclass(frozen=True)
class CNNShape:
    """What determines a CNN's structure; hashable, so that it may be a static argument.

    Args:
        image: Height, width and channels; a row holds their product, last axis fastest.
        outputs: Numbers in an output row: classes, or targets.
        layers: Parts in the order of the data; the output layer follows by itself.
        activation: One of `CNN_ACTIVATION_NAMES`, of every layer.
        normalization: "batch" or "layer" normalisation of the channels of every layer, or None.
        dropout: Whether numbers that a dense layer (the output layer too) reads may be silenced.
        initialization: Name of the initializer of all weights; None chooses what suits the activation.

    Raises:
        ParameterError: If a value is out of its range, a part is out of place, or a window does not fit.

    Example:
        >>> from gorae.models import ConvPart, DensePart, PoolPart
        >>> shape = CNNShape((28, 28, 1), 10, (ConvPart(16, 5, padding="valid"), PoolPart(), DensePart(32)))
        >>> shape.hidden_widths
        (2304, 32)
    """

    image: tuple[int, int, int]
    outputs: int
    layers: tuple[Part, ...] = ()
    activation: str = "relu"
    normalization: Literal["batch", "layer"] | None = None
    dropout: bool = False
    initialization: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "image", _image(self.image))
        object.__setattr__(self, "outputs", positive_integer("outputs", self.outputs))
        object.__setattr__(self, "layers", checked_parts(self.layers))
        known_name("activation", self.activation, CNN_ACTIVATION_NAMES)
        if self.normalization is not None:
            known_name("normalization", self.normalization, ("batch", "layer"))
        if self.initialization is not None:
            known_name("initialization", self.initialization, nn.INITIALIZERS)
        object.__setattr__(self, "dropout", bool(self.dropout))
        assert self.stages is not None

    @property
    def inputs(self) -> int:
        """Numbers in a row."""
        return prod(self.image)

    @property
    def first_pools(self) -> tuple[PoolPart | GlobalPoolPart, ...]:
        """The poolings before the first layer with weights."""
        pools = []
        for part in self.layers:
            if not isinstance(part, PoolPart | GlobalPoolPart):
                break
            pools.append(part)
        return tuple(pools)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The layers with weights but for the last, each with the poolings that follow."""
        return tuple(make_stages(self.image, self.layers))

    @property
    def last(self) -> tuple[int, ...]:
        """The sizes of what the output layer reads."""
        stages = self.stages
        return stages[-1].after if stages else pooled(self.first_pools, self.image)

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Numbers that each hidden layer answers for a row."""
        return tuple(prod(stage.after) for stage in self.stages)

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Channels of each convolution, width of each dense layer."""
        return tuple(stage.after[-1] for stage in self.stages)

    @property
    def hidden_activations(self) -> tuple[str, ...]:
        """The name of each hidden layer's activation."""
        return (self.activation,) * len(self.stages)

    @property
    def weights(self) -> int:
        """Weights of all layers, without biases."""
        return sum(map(weights_of, self.stages)) + prod(self.last) * self.outputs

    @property
    def row_work(self) -> int:
        """Multiplications that one row's answer takes."""
        return sum(map(work_of, self.stages)) + prod(self.last) * self.outputs

    @property
    def row_numbers(self) -> int:
        """Numbers that one row's gradient keeps: the maps before and after their poolings."""
        return self.inputs + sum(prod(maps_of(stage)) + prod(stage.after) for stage in self.stages)

    @property
    def cached_rows(self) -> int:
        """Rows whose maps a core of a CPU keeps near it: a power of two."""
        rows = 1
        while 2 * rows <= MOST_BATCH_MINOR and 4 * self.row_numbers * 2 * rows <= _CACHE_BYTES:
            rows *= 2
        return rows

    def build(self, key: PRNGKeyArray, hyper: Mapping[str, Array]) -> "CNN":
        """Make a CNN of a member's numbers, which may be traced."""
        return build_cnn(key, self, dropout_rate=hyper["dropout"])

    def to_meta(self) -> dict[str, Any]:
        """Return the shape as JSON."""
        return {
            "image": list(self.image),
            "outputs": self.outputs,
            "layers": [part_to_meta(part) for part in self.layers],
            "activation": self.activation,
            "normalization": self.normalization,
            "dropout": self.dropout,
            "initialization": self.initialization,
        }


@final
class CNN(Network):
    """Layers over images, dense layers, then a linear one.

    Args:
        body: Poolings that come first, then one layer for each stage of the shape.
        head: Dropout where there is any, then from the last hidden layer to the outputs.
        image: Height, width and channels of a row.
        names: Of the hidden layers.
        skipped: How many layers of the body come before the first with a name.
        cached_rows: How many rows a compiled program on a CPU answers at a time where nothing is learnt, or
            0 for all.
    """

    body: nn.Sequential
    head: nn.Sequential
    image: tuple[int, int, int] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    skipped: int = eqx.field(static=True)
    cached_rows: int = eqx.field(static=True, default=0)

    def __call__(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch outputs"], "CNN"]:
        """Return the outputs, and the CNN with its buffers as they are after the pass.

        Raises:
            InputError: If the batch has another number of inputs than the image.
        """
        images = self.images(x)
        if not context.training:
            return self._few_at_a_time(lambda some: self._answer(some, context)[0], images), self
        outputs, (body, head) = self._answer(images, context)
        return outputs, replace(self, body=body, head=head)

    def _answer(
        self, images: Float[Array, "batch height width channels"], context: nn.Context
    ) -> tuple[Float[Array, "batch outputs"], tuple[nn.Sequential, nn.Sequential]]:
        """Return the outputs, and both parts as they are after the pass."""
        hidden, body = self.body(images, context.fold(0))
        outputs, head = self.head(hidden.reshape(images.shape[0], -1), context.fold(1))
        return outputs, (body, head)

    def _few_at_a_time(
        self,
        answer: Callable[[Array], Float[Array, "batch numbers"]],
        images: Float[Array, "batch height width channels"],
    ) -> Float[Array, "batch numbers"]:
        """Return what a function answers for images, on a CPU as many at a time as its cache holds."""
        rows, given = self.cached_rows, images.shape[0]
        compiled = isinstance(images, Tracer)  # elsewhere each call would compile its parts anew
        if not (compiled and isinstance(given, int) and 0 < rows < given and given % rows == 0):
            return answer(images)

        def in_parts(images: Array) -> Array:
            answers = jax.lax.map(answer, images.reshape(-1, rows, *self.image))
            return answers.reshape(given, -1)

        return jax.lax.platform_dependent(images, cpu=in_parts, default=answer)

    def images(self, x: Float[Array, "batch inputs"]) -> Float[Array, "batch height width channels"]:
        """Return rows as images.

        Raises:
            InputError: If they hold another number of cells and channels.
        """
        if x.ndim != 2 or x.shape[1] != prod(self.image):
            raise InputError(
                f"a CNN for images of {self.image} expects a batch of shape (batch, {prod(self.image)}), "
                f"got shape {tuple(x.shape)}."
            )
        return x.reshape(x.shape[0], *self.image)

    def features(self, x: Float[Array, "batch inputs"], context: nn.Context) -> Float[Array, "batch width"]:
        """Return what the output layer reads."""

        def answer(images: Array) -> Array:
            return self.body(images, context.fold(0))[0].reshape(images.shape[0], -1)

        images = self.images(x)
        return answer(images) if context.training else self._few_at_a_time(answer, images)

    def hidden_layers(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch width"], ...]:
        """Return what every hidden layer answers after its poolings, all places of a row side by side."""
        return tuple(maps.reshape(x.shape[0], -1) for maps in self.feature_maps(x, context))

    def feature_maps(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch *cells channels"], ...]:
        """Return what every hidden layer answers after its poolings, as images where it is over images."""
        maps, found = self.images(x), []
        for place, layer in enumerate(self.body.layers):
            maps, _ = layer(maps, context.fold(0).fold(place))
            found.append(maps)
        return tuple(found[self.skipped :])

    def named_layers(self) -> tuple[tuple[str, nn.Layer], ...]:
        """Return "conv 1", "conv 2", "residual 1", "dense 1", ... and "output"."""
        hidden = zip(self.names, self.body.layers[self.skipped :], strict=True)
        return (*hidden, ("output", self.head))


def build_cnn(key: PRNGKeyArray, shape: CNNShape, *, dropout_rate: float | Float[Array, ""] = 0.0) -> CNN:
    """Make a CNN with random weights.

    Args:
        key: Source of the initial weights.
        shape: The structure.
        dropout_rate: Probability in [0, 1) that a number is silenced in training; it acts where the shape
            has dropout.

    Returns:
        A model of float32 arrays.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae import nn
        >>> from gorae.models import ConvPart, PoolPart
        >>> shape = CNNShape((8, 8, 1), 10, (ConvPart(4), PoolPart("max", 2)))
        >>> model = build_cnn(jax.random.key(0), shape)
        >>> model(jnp.ones((5, 64)), nn.inference())[0].shape
        (5, 10)
    """
    stages = shape.stages
    keys = jax.random.split(key, len(stages) + 1)
    first = tuple(_pool(pool) for pool in shape.first_pools)
    layers = tuple(_layer(one, stage, shape, dropout_rate) for one, stage in zip(keys, stages, strict=False))
    head: list[nn.Layer] = [nn.Dropout.create(dropout_rate)] if shape.dropout else []
    of_head = shape.initialization or nn.default_initialization("identity")
    head.append(nn.Dense.create(keys[-1], prod(shape.last), shape.outputs, of_head))
    names = tuple(stage.name for stage in stages)
    body = nn.Sequential((*first, *layers))
    return CNN(body, nn.Sequential(tuple(head)), shape.image, names, len(first), shape.cached_rows)


def _layer(
    key: PRNGKeyArray, stage: Stage, shape: CNNShape, dropout_rate: float | Float[Array, ""]
) -> nn.Layer:
    """Make the layer of a stage."""
    part = stage.part
    initialization = shape.initialization or nn.default_initialization(
        "leaky_relu" if shape.activation == "prelu" else shape.activation
    )
    if isinstance(part, DensePart):
        dense: list[nn.Layer] = [nn.Flatten()]
        if shape.dropout:
            dense.append(nn.Dropout.create(dropout_rate))
        learns = shape.normalization != "batch"
        dense.append(nn.Dense.create(key, prod(stage.before), part.width, initialization, learns_bias=learns))
        dense += [_normalization(shape, part.width)] if shape.normalization else []
        return nn.Sequential((*dense, _activation(shape, part.width)))
    activation, pools = _activation(shape, part.channels), tuple(map(_pool, stage.pools))
    if isinstance(part, ResidualPart):
        norms = tuple(_normalization(shape, part.channels) for _ in range(2)) if shape.normalization else ()
        block = nn.Residual.create(
            key,
            stage.before[-1],
            part.channels,
            activation,
            kernel=part.kernel,
            stride=part.stride,
            normalizations=norms,
            initialization=initialization,
        )
        return nn.Sequential((block, *pools)) if pools else block
    conv = nn.Conv.create(
        key,
        stage.before[-1],
        part.channels,
        part.kernel,
        stride=part.stride,
        padding=part.padding,
        dilation=part.dilation,
        groups=part.groups,
        initialization=initialization,
    )
    normalization = _normalization(shape, part.channels) if shape.normalization else None
    return nn.ConvBlock(conv, normalization, activation, pools)


def _activation(shape: CNNShape, channels: int) -> nn.Layer:
    """Make an activation."""
    if shape.activation == "prelu":
        return nn.PReLU.create(channels)
    return nn.Activation.create(shape.activation)


def _normalization(shape: CNNShape, channels: int) -> nn.Layer:
    """Make a normalisation."""
    return (nn.BatchNorm if shape.normalization == "batch" else nn.LayerNorm).create(channels)


def _pool(part: PoolPart | GlobalPoolPart) -> nn.Layer:
    """Make a pooling."""
    if isinstance(part, GlobalPoolPart):
        return nn.GlobalPool.create(part.kind)
    return nn.Pool.create(part.kind, part.kernel, stride=part.stride, padding=part.padding)


def _image(image: Any) -> tuple[int, int, int]:
    """Return height, width and channels."""
    if isinstance(image, str | bytes) or not hasattr(image, "__len__") or len(image) != 3:
        raise ParameterError(f"image must be (height, width, channels), got {image!r}.")
    height, width, channels = (positive_integer("each of image's sizes", size) for size in image)
    return height, width, channels
