"""Recurrent layers: a hidden state that is handed from step to step, over sequences of any length."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from gorae.nn.cells import CELLS
from gorae.nn.checks import known_name, positive_integer, require_channels
from gorae.nn.dropout import Dropout
from gorae.nn.initialization import glorot_uniform, orthogonal
from gorae.nn.layer import Context, Layer
from gorae.nn.recurring import Way, Weights, recur

__all__ = ["RECURRENT_CELLS", "Recurrent"]

RECURRENT_CELLS: tuple[str, ...] = tuple(CELLS)
"""The cells that `Recurrent` knows: "rnn" (tanh), "rnn_relu", "lstm" and "gru"."""


@final
class Recurrent(Layer):
    r"""Hidden states $h_t = f(x_t, h_{t-1})$ of every step, from $h_0 = 0$; channels last.

    With the input part $x_t W_x + b$ and the hidden part $h_{t-1} W_h$ of a step:

    ========== =========================================================================================
    cell       a step, of the sum s of both parts
    ========== =========================================================================================
    rnn        h' = tanh(s)
    rnn_relu   h' = max(0, s)
    lstm       i, f, o = sigmoid(s), g = tanh(s); c' = f c + i g; h' = o tanh(c')
    gru        r, z = sigmoid(s); n = tanh(input part + r (hidden part + inner)); h' = (1 - z) n + z h
    ========== =========================================================================================

    Several layers stand on one another. A bidirectional layer has a second cell that begins at each row's
    last step; both answers stand side by side. `Context.lengths` says how many steps of a row are real: its
    answers after them are 0, and no number there matters, in either direction, also not to a gradient. The
    steps beyond the longest row of a batch take no time. A row may also hold several sequences, one after the
    other: `Context.begins` says where they begin, and none sees another.

    Args:
        layers: For each layer the weights of one direction, or of both.
        cell: One of `RECURRENT_CELLS`.
        dropout: Between layers, in training: a feature of a row is silenced at all of its steps. None for
            no dropout.
        window: After how many steps from a row's first no slope goes further back (truncated backpropagation
            through time); None for the whole way.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import Context
        >>> layer = Recurrent.create(jax.random.key(0), 3, 8, cell="lstm", bidirectional=True)
        >>> context = Context(None, training=False, lengths=jnp.array([4, 2]))
        >>> outputs, _ = layer(jnp.ones((2, 4, 3)), context)
        >>> outputs.shape, bool((outputs[1, 2:] == 0).all())
        ((2, 4, 16), True)

    References:
        Schuster, Paliwal 1997, "Bidirectional recurrent neural networks", section II.
        Gal, Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks",
        section 4 (one mask for all steps).
        Williams, Peng 1990, "An efficient gradient-based algorithm for on-line training of recurrent network
        trajectories", section 3 (truncation). Jozefowicz, Zaremba, Sutskever 2015, "An empirical exploration
        of recurrent network architectures", section 2.2 (a forget gate's bias of 1).
    """

    layers: tuple[tuple[Weights, ...], ...]
    dropout: Dropout | None
    cell: str = eqx.field(static=True)
    window: int | None = eqx.field(static=True, default=None)

    @classmethod
    def create(
        cls,
        key: PRNGKeyArray,
        inputs: int,
        width: int,
        *,
        cell: str = "lstm",
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float | Float[Array, ""] | None = None,
        window: int | None = None,
    ) -> "Recurrent":
        """Make the layers with random weights.

        The hidden part's weights are orthogonal, gate by gate; the input part's are Glorot's, uniform; biases
        are 0, but that of an LSTM's forget gate is 1.

        Args:
            key: Source of the weights' randomness.
            inputs: Features of a step.
            width: Features of the hidden state, of each direction.
            cell: One of `RECURRENT_CELLS`.
            layers: How many stand on one another.
            bidirectional: Whether each has a second cell that reads from the end.
            dropout: Probability in [0, 1) that a feature is silenced between two layers, in training; None
                for no dropout.
            window: Steps that a slope goes back at most; None for all.

        Raises:
            ParameterError: If a value is out of its range or the cell is unknown.
        """
        known_name("cell", cell, RECURRENT_CELLS)
        inputs, width = positive_integer("inputs", inputs), positive_integer("width", width)
        layers = positive_integer("layers", layers)
        window = None if window is None else positive_integer("window", window)
        directions = 2 if bidirectional else 1
        keys = jax.random.split(key, (layers, directions))
        made = tuple(
            tuple(
                _weights(keys[place, side], cell, inputs if place == 0 else width * directions, width)
                for side in range(directions)
            )
            for place in range(layers)
        )
        return cls(made, None if dropout is None else Dropout.create(dropout), cell, window)

    def __call__(
        self, x: Float[Array, "batch time inputs"], context: Context
    ) -> tuple[Float[Array, "batch time features"], "Recurrent"]:
        """Return the last layer's hidden states, both directions side by side.

        Raises:
            InputError: If the batch has another number of axes or features.
        """
        require_channels("Recurrent", x, 1, self.layers[0][0].inputs.shape[0])
        for place, directions in enumerate(self.layers):
            if place and context.training and self.dropout is not None:
                shared, _ = self.dropout(jnp.ones((x.shape[0], 1, x.shape[2]), x.dtype), context.fold(place))
                x = x * shared
            found = [
                recur(
                    Way(CELLS[self.cell], reverse=bool(side), window=self.window),
                    x,
                    weights,
                    context.lengths,
                    _fresh(context.begins, bool(side)),
                )
                for side, weights in enumerate(directions)
            ]
            x = jnp.concatenate(found, axis=-1) if len(found) > 1 else found[0]
        return x, self


def _fresh(begins: Bool[Array, "batch time"] | None, reverse: bool) -> Bool[Array, "batch time"] | None:
    """Return at which steps a direction starts from zeros: in reverse before each begin."""
    if begins is None or not reverse:
        return begins
    return jnp.pad(begins[:, 1:], ((0, 0), (0, 1)), constant_values=True)


def _weights(key: PRNGKeyArray, cell: str, inputs: int, width: int) -> Weights:
    """Draw the weights of one cell."""
    kind = CELLS[cell]
    of_inputs, of_hidden = jax.random.split(key)
    given = glorot_uniform(of_inputs, (inputs, kind.gates * width), inputs, width)
    square = [
        orthogonal(each, (width, width), width, width) for each in jax.random.split(of_hidden, kind.gates)
    ]
    bias = jnp.zeros((kind.gates, width), jnp.float32)
    if cell == "lstm":
        bias = bias.at[1].set(1)
    inner = jnp.zeros(width, jnp.float32) if kind.inner else None
    return Weights(given, jnp.concatenate(square, axis=1), bias.reshape(-1), inner)
