r"""The cells of recurrent layers: one step forward, and the same step backward.

Letters of shapes: ``gates`` are the numbers a cell computes for a step, ``kept`` those that going back needs.
A cell is handed what the step's input gives, $W_x x_t + b$, and what the last hidden state gives, $W_h
h_{t-1}$, so that all products stay outside of it; of itself it only knows functions of single numbers.

References:
    Elman 1990, "Finding structure in time" (the simple cell).
    Hochreiter, Schmidhuber 1997, "Long short-term memory"; Gers, Schmidhuber, Cummins 2000, "Learning to
    forget", section 3 (the forget gate).
    Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", section 2.3 (GRU); the
    candidate's reset gate acts after the product, as in cuDNN and PyTorch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["CELLS", "Cell", "has_small_steps"]

State = tuple[Array, ...]

_LARGE_PRODUCT = 1 << 24
"""Multiplications from which a compiler divides a product over the cores, and better than by rows.

Measured on two cores, 64 rows: an LSTM 128 wide takes two thirds of the time by rows, 512 wide a fifth more.
"""


@dataclass(frozen=True)
class Cell:
    """A step and its way back; every width is a multiple of the hidden state's.

    Args:
        gates: Widths of what input and hidden state give together: 1, 3 or 4.
        states: Arrays a state has; the first is the hidden state, which is also the output.
        inner: Whether the last gate's part of the hidden state has a bias of its own.
        forward: `(input part, hidden part, state) -> (new state, kept)`.
        backward: `(kept, hidden state before, hidden state after, slopes of the new state) -> (slopes of the
            input part, slopes of the old state as far as they do not pass through the hidden part)`.
        hidden_slopes: `(slopes of the input part, kept) -> slopes of the hidden part`.
    """

    gates: int
    states: int
    inner: bool
    forward: Callable[[Array, Array, State], tuple[State, Array]]
    backward: Callable[[Array, Array, Array, State], tuple[Array, State]]
    hidden_slopes: Callable[[Array, Array], Array]


def _same(slopes: Array, kept: Array) -> Array:
    """Return slopes as they are: both parts are summed."""
    return slopes


def _tanh_step(
    x: Float[Array, "batch gates"], a: Float[Array, "batch gates"], state: State
) -> tuple[State, Array]:
    """H' = tanh(x + a)."""
    h = jnp.tanh(x + a)
    return (h,), h[:, :0]


def _tanh_back(kept: Array, before: Array, after: Array, slopes: State) -> tuple[Array, State]:
    """Dx = (1 - h'^2) dh'."""
    return (1 - after * after) * slopes[0], (jnp.zeros_like(after),)


def _relu_step(x: Array, a: Array, state: State) -> tuple[State, Array]:
    """H' = max(0, x + a)."""
    h = jnp.maximum(x + a, 0)
    return (h,), h[:, :0]


def _relu_back(kept: Array, before: Array, after: Array, slopes: State) -> tuple[Array, State]:
    """Dx = dh' where h' is positive."""
    return jnp.where(after > 0, slopes[0], 0), (jnp.zeros_like(after),)


def _lstm_step(x: Array, a: Array, state: State) -> tuple[State, Array]:
    """(i, f, g, o) from x + a; c' = f c + i g; h' = o tanh c'."""
    _, c = state
    i, f, g, o = jnp.split(x + a, 4, axis=-1)
    i, f, o, g = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jax.nn.sigmoid(o), jnp.tanh(g)
    after = f * c + i * g
    height = jnp.tanh(after)
    return (o * height, after), jnp.concatenate([i, f, g, o, c, height], axis=-1)


def _lstm_back(kept: Array, before: Array, after: Array, slopes: State) -> tuple[Array, State]:
    """Dc' = dc' + dh' o (1 - tanh² c'); of c' = f c + i g follow the rest."""
    i, f, g, o, c, height = jnp.split(kept, 6, axis=-1)
    dh, dc = slopes
    dc = dc + dh * o * (1 - height * height)
    gates = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * height * o * (1 - o)]
    return jnp.concatenate(gates, axis=-1), (jnp.zeros_like(dh), dc * f)


def _gru_step(x: Array, a: Array, state: State) -> tuple[State, Array]:
    """R and z from x + a; n = tanh(x_n + r a_n); h' = (1 - z) n + z h."""
    (h,) = state
    (xr, xz, xn), (ar, az, an) = jnp.split(x, 3, axis=-1), jnp.split(a, 3, axis=-1)
    r, z = jax.nn.sigmoid(xr + ar), jax.nn.sigmoid(xz + az)
    n = jnp.tanh(xn + r * an)
    return (n + z * (h - n),), jnp.concatenate([r, z, n, an], axis=-1)


def _gru_back(kept: Array, before: Array, after: Array, slopes: State) -> tuple[Array, State]:
    """Dz = dh' (h - n) z (1 - z), dn = dh' (1 - z) (1 - n²), dr = dn a_n r (1 - r)."""
    r, z, n, inner = jnp.split(kept, 4, axis=-1)
    (dh,) = slopes
    dn = dh * (1 - z) * (1 - n * n)
    gates = [dn * inner * r * (1 - r), dh * (before - n) * z * (1 - z), dn]
    return jnp.concatenate(gates, axis=-1), (dh * z,)


def _gru_hidden(slopes: Array, kept: Array) -> Array:
    """The candidate's hidden part passes through the reset gate."""
    width = kept.shape[-1] // 4
    r = kept[..., :width]
    return jnp.concatenate([slopes[..., : 2 * width], slopes[..., 2 * width :] * r], axis=-1)


CELLS: Mapping[str, Cell] = MappingProxyType(
    {
        "rnn": Cell(1, 1, False, _tanh_step, _tanh_back, _same),
        "rnn_relu": Cell(1, 1, False, _relu_step, _relu_back, _same),
        "lstm": Cell(4, 2, False, _lstm_step, _lstm_back, _same),
        "gru": Cell(3, 1, True, _gru_step, _gru_back, _gru_hidden),
    }
)
"""The cells by name. Gates stand in PyTorch's order: i, f, g, o and r, z, n."""


def has_small_steps(cell: str, rows: int, width: int) -> bool:
    """Return whether the hidden part's product of a step is small: rows are then better taken apart.

    Args:
        cell: One of `CELLS`.
        rows: Of a batch.
        width: Of the hidden state.

    Example:
        >>> has_small_steps("lstm", 64, 256), has_small_steps("lstm", 64, 512)
        (True, False)
    """
    return rows * width * CELLS[cell].gates * width <= _LARGE_PRODUCT
