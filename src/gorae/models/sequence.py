"""Networks over sequences: an embedding, recurrent layers, pooling over time, and a linear layer.

Letters: a stored row holds its number of steps, then T steps: codes of tokens, or C channels each.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from gorae import nn
from gorae.errors import ParameterError
from gorae.models.network import Network
from gorae.nn.checks import known_name, positive_integer

__all__ = ["BAG", "SEQUENCE_CELLS", "SequenceNetwork", "SequenceShape", "build_sequence"]

BAG = "bag"
"""The cell that is none: steps are pooled as they are, in no order."""

SEQUENCE_CELLS: tuple[str, ...] = (*nn.RECURRENT_CELLS, BAG)


@dataclass(frozen=True)
class SequenceShape:
    """What determines the structure of a network over sequences; hashable and compared by value.

    Args:
        inputs: Numbers in a row: 1 + T for tokens, 1 + T C for series.
        outputs: Numbers in an answer: classes, or targets.
        tokens: Rows of the embedding; 0 where rows are series.
        channels: C; 0 where rows are tokens.
        embedding: Numbers of a token's vector.
        cell: One of `SEQUENCE_CELLS`.
        width: Numbers of a hidden state, of each direction.
        layers: Recurrent layers on one another.
        bidirectional: Whether each reads from both ends.
        pooling: One of `gorae.nn.STEP_POOLINGS`.
        dropout: Whether features are silenced in training: of steps that are read, between layers, and of
            what was pooled; each is silenced at all steps of a row.
        window: Steps that a slope goes back at most; None for all.
        frozen: Whether some tokens' vectors are given, and stay as they are.

    Raises:
        ParameterError: If a value is out of its range or a name is unknown.

    Example:
        >>> SequenceShape(inputs=101, outputs=2, tokens=1000, width=32).hidden_widths
        (32,)
    """

    inputs: int
    outputs: int
    tokens: int = 0
    channels: int = 0
    embedding: int = 64
    cell: str = "lstm"
    width: int = 64
    layers: int = 1
    bidirectional: bool = False
    pooling: str = "mean"
    dropout: bool = False
    window: int | None = None
    frozen: bool = False

    def __post_init__(self):
        for name in ("inputs", "outputs", "embedding", "width", "layers"):
            object.__setattr__(self, name, positive_integer(name, getattr(self, name)))
        for name in ("tokens", "channels"):
            object.__setattr__(self, name, positive_integer(name, getattr(self, name), least=0))
        if (self.tokens == 0) == (self.channels == 0) or (self.inputs - 1) % max(1, self.channels):
            raise ParameterError(
                "rows are tokens or series, and hold whole steps behind their length; got "
                f"tokens={self.tokens}, channels={self.channels}, inputs={self.inputs}."
            )
        known_name("cell", self.cell, SEQUENCE_CELLS)
        known_name("pooling", self.pooling, nn.STEP_POOLINGS)
        if self.cell == BAG and self.pooling == "last":
            raise ParameterError("pooling 'last' needs a recurrent cell; take 'mean', 'max' or 'attention'.")
        if self.cell == BAG and self.channels:
            raise ParameterError("the cell 'bag' is for tokens; take a recurrent cell for series.")
        if self.window is not None:
            object.__setattr__(self, "window", positive_integer("truncate", self.window))

    @property
    def steps(self) -> int:
        """T, the steps of a row."""
        return (self.inputs - 1) // max(1, self.channels)

    @property
    def read(self) -> int:
        """Numbers of a step that the first layer reads."""
        return self.channels or self.embedding

    @property
    def features(self) -> int:
        """Numbers that a row is pooled to."""
        return self.read if self.cell == BAG else self.width * (2 if self.bidirectional else 1)

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Numbers that the one hidden layer answers: what was pooled."""
        return (self.features,)

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Units of the hidden layer."""
        return (self.features,)

    @property
    def hidden_activations(self) -> tuple[str, ...]:
        """The activation that ends a step."""
        return ("identity" if self.cell == BAG else "relu" if self.cell == "rnn_relu" else "tanh",)

    @property
    def row_work(self) -> int:
        """Multiplications that one row's answer takes."""
        return self.steps * self._gate_weights() + self.features * self.outputs

    @property
    def row_numbers(self) -> int:
        """Numbers that one row's gradient keeps: of each step, direction and layer what the cell keeps."""
        sides = 0 if self.cell == BAG else self.layers * (2 if self.bidirectional else 1)
        return self.steps * (3 * self.read + 12 * sides * self.width)

    def _gate_weights(self) -> int:
        """Return the weights that every step is multiplied with."""
        if self.cell == BAG:
            return 0
        sides = 2 if self.bidirectional else 1
        gates = {"lstm": 4, "gru": 3}.get(self.cell, 1) * self.width * sides
        return gates * (self.read + self.width) + (self.layers - 1) * gates * (sides + 1) * self.width

    def build(self, key: PRNGKeyArray, hyper: Mapping[str, Array]) -> "SequenceNetwork":
        """Make a network with random weights, inside a compiled program."""
        return build_sequence(key, self, dropout_rate=hyper["dropout"])

    def to_meta(self) -> dict[str, Any]:
        """Return the shape as JSON."""
        return asdict(self)


@final
class Reader(nn.Layer):
    """From stored rows to one vector a row: embedding, recurrent layers, pooling over real steps.

    Args:
        embedding: Of tokens; None for series.
        recurrent: The layers; None where steps are pooled as they are.
        pool: Over time.
        dropout: Of the steps that are read and of what was pooled; None for none.
    """

    embedding: nn.Embedding | None
    recurrent: nn.Recurrent | None
    pool: nn.StepPool
    dropout: nn.Dropout | None

    def __call__(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch features"], "Reader"]:
        """Return the pooled features."""
        context = replace(context, lengths=x[:, 0].astype(jnp.int32))
        if self.embedding is not None:
            steps, _ = self.embedding(x[:, 1:], context)
        else:
            assert self.recurrent is not None
            channels = self.recurrent.layers[0][0].inputs.shape[0]
            steps = x[:, 1:].reshape(x.shape[0], -1, channels)
        if self.dropout is not None and context.training:
            ones = jnp.ones((x.shape[0], 1, steps.shape[2]), steps.dtype)
            shared, _ = self.dropout(ones, context.fold(0))
            steps = steps * shared
        if self.recurrent is not None:
            steps, _ = self.recurrent(steps, context.fold(1))
        pooled, _ = self.pool(steps, context.fold(2))
        if self.dropout is not None:
            pooled, _ = self.dropout(pooled, context.fold(3))
        return pooled, self


@final
class SequenceNetwork(Network):
    """A reader, then a linear layer.

    Args:
        reader: From rows to features.
        head: From features to outputs.
    """

    reader: Reader
    head: nn.Dense

    def __call__(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch outputs"], "SequenceNetwork"]:
        """Return the outputs, and the network itself."""
        outputs, _ = self.head(self.features(x, context), context)
        return outputs, self

    def features(self, x: Float[Array, "batch inputs"], context: nn.Context) -> Float[Array, "batch width"]:
        """Return what was pooled."""
        return self.reader(x, context)[0]

    def hidden_layers(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch width"], ...]:
        """Return what was pooled: the one layer that answers for a row."""
        return (self.features(x, context),)

    @property
    def embedding(self) -> nn.Embedding | None:
        """What turns tokens into vectors; None for series."""
        return self.reader.embedding

    def named_layers(self) -> tuple[tuple[str, nn.Layer], ...]:
        """Return "sequence" and "output"."""
        return (("sequence", self.reader), ("output", self.head))


def build_sequence(
    key: PRNGKeyArray, shape: SequenceShape, *, dropout_rate: float | Float[Array, ""] = 0.0
) -> SequenceNetwork:
    """Make a network over sequences with random weights.

    Args:
        key: Source of the initial weights.
        shape: The structure.
        dropout_rate: Probability in [0, 1) that a feature is silenced in training; of no account in a shape
            without dropout.

    Returns:
        A model of float32 arrays.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae import nn
        >>> model = build_sequence(jax.random.key(0), SequenceShape(inputs=4, outputs=2, tokens=10, width=8))
        >>> model(jnp.array([[2.0, 5, 7, 0], [3.0, 5, 7, 9]]), nn.inference())[0].shape
        (2, 2)
    """
    of_tokens, of_cells, of_pool, of_head = jax.random.split(key, 4)
    rate = dropout_rate if shape.dropout else None
    recurrent = None
    if shape.cell != BAG:
        recurrent = nn.Recurrent.create(
            of_cells,
            shape.read,
            shape.width,
            cell=shape.cell,
            layers=shape.layers,
            bidirectional=shape.bidirectional,
            dropout=rate if shape.layers > 1 else None,
            window=shape.window,
        )
    directions = 2 if shape.bidirectional and recurrent is not None else 1
    reader = Reader(
        nn.Embedding.create(of_tokens, shape.tokens, shape.embedding, partly=shape.frozen)
        if shape.tokens
        else None,
        recurrent,
        nn.StepPool.create(shape.pooling, directions=directions, features=shape.features, key=of_pool),
        None if rate is None else nn.Dropout.create(rate),
    )
    return SequenceNetwork(reader, nn.Dense.create(of_head, shape.features, shape.outputs))
