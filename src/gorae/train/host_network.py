r"""Dense layers by NumPy, a stack of members at a time: forwards, losses, backwards.

With $H_0 = X$ and a column of ones behind every $H_l$, so that the last row of $W_l$ is the bias,

    $Z_l = [H_{l-1}, 1] W_l, \quad H_l = f(Z_l), \quad S = Z_L$

    $\Delta_L = \partial L / \partial S, \quad \partial L / \partial W_l = [H_{l-1}, 1]^T \Delta_l, \quad
    \Delta_{l-1} = (\Delta_l W_l^T) \odot f'(Z_{l-1})$

A product is one call for all members, in which each has its own: a member is bitwise the same in any stack.

References:
    Rumelhart, Hinton, Williams 1986, "Learning representations by back-propagating errors", eq. 4-8.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float32

from gorae.train.problem import Problem, parameter_shapes

ON_HOST_OBJECTIVES = ("cross_entropy", "squared_error")
"""The objectives that are known here."""

_FEW = 8
"""Columns up to which they are added one by one: NumPy sums short rows slowly."""

Rows = Float32[np.ndarray, "members rows numbers"]


@dataclass
class Room:
    """Where a batch is computed.

    Attributes:
        inputs: of each layer, with a column of ones behind them.
        zeros: as many as the inputs of each layer but the first: a maximum with them is quicker than with 0.
        back: the gradient of the inputs of each layer but the first.
        slope: the gradient of the outputs.
    """

    inputs: list[Rows]
    zeros: list[Rows]
    back: list[Rows]
    slope: Rows

    @classmethod
    def of(cls, problem: Problem, members: int, rows: int) -> "Room":
        """Return new arrays for a batch of so many rows."""
        first, *hidden, last = widths(problem)
        inputs = [np.ones((members, rows, width + 1), np.float32) for width in (first, *hidden)]
        zeros = [np.zeros_like(each) for each in inputs[1:]]
        back = [np.empty_like(each) for each in inputs[1:]]
        return cls(inputs, zeros, back, np.empty((members, rows, last), np.float32))


@lru_cache(maxsize=256)
def widths(problem: Problem) -> tuple[int, ...]:
    """Return the numbers in a row, in each hidden layer, and in the outputs."""
    shapes = [leaf.shape for leaf in jax.tree.leaves(parameter_shapes(problem)[0]) if len(leaf.shape) > 1]
    return (shapes[0][0], *(outputs for _, outputs in shapes))


def layered(problem: Problem, flat: Float32[np.ndarray, "members numbers"]) -> list[Rows]:
    """Return the layers of flat parameters as matrices whose last row is the bias; nothing is copied."""
    views, begin = [], 0
    for inputs, outputs in pairwise(widths(problem)):
        size = (inputs + 1) * outputs
        views.append(flat[:, begin : begin + size].reshape(len(flat), inputs + 1, outputs))
        begin += size
    return views


def forward(problem: Problem, layers: Sequence[Rows], room: Room, outputs: Rows) -> None:
    """Compute all layers of the batch in `room.inputs[0]`, and put the outputs into `outputs`."""
    function = ACTIVATIONS[problem.on_host].value
    for layer, x, y, zeros in zip(layers, room.inputs, room.inputs[1:], room.zeros, strict=False):
        np.matmul(x, layer, out=y[..., :-1])
        function(y, zeros)
        y[..., -1] = 1
    np.matmul(room.inputs[-1], layers[-1], out=outputs)


def backward(problem: Problem, layers: Sequence[Rows], gradients: Sequence[Rows], room: Room) -> None:
    """Compute the gradients of all layers from that of the outputs in `room.slope`."""
    slope = ACTIVATIONS[problem.on_host].slope
    later = room.slope
    for number in reversed(range(len(layers))):
        x = room.inputs[number]
        np.matmul(x.transpose(0, 2, 1), later, out=gradients[number])
        if number:
            back = room.back[number - 1]
            np.matmul(later, layers[number].transpose(0, 2, 1), out=back)
            slope(back, x)
            later = back[..., :-1]


def slope_of_loss(
    problem: Problem, outputs: Rows, target: Rows, out: Rows
) -> Float32[np.ndarray, "members rows"]:
    """Put the gradient of each row's loss into `out`; outputs become what `losses` takes.

    Returns:
        The sums of the softmax's exponentials; ones in regression.
    """
    if not problem.classes:
        outputs -= target
        np.multiply(outputs, np.float32(1 / outputs.shape[-1]), out=out)
        return np.ones(outputs.shape[:-1], np.float32)
    outputs -= _over_columns(np.maximum, outputs)[..., None]
    np.exp(outputs, out=out)
    totals = _over_columns(np.add, out)
    out /= totals[..., None]
    out -= target
    return totals


def losses(
    problem: Problem, outputs: Rows, target: Rows, totals: np.ndarray
) -> Float32[np.ndarray, "members rows"]:
    """Return the loss of each row, of outputs and sums as `slope_of_loss` leaves them."""
    if not problem.classes:
        return np.float32(0.5) * np.mean(outputs * outputs, axis=-1)
    return _over_columns(np.add, target * (np.log(totals)[..., None] - outputs))


def _over_columns(function: np.ufunc, values: Rows) -> Float32[np.ndarray, "members rows"]:
    """Return the sum, or the maximum, of each row."""
    columns = values.shape[-1]
    if columns > _FEW:
        return function.reduce(values, axis=-1)
    found = values[..., 0].copy()
    for column in range(1, columns):
        function(found, values[..., column], out=found)
    return found


class Activation(NamedTuple):
    """An activation in the place of its argument, and its slope, by its value, as a factor of a gradient."""

    value: Callable[[np.ndarray, np.ndarray], None]
    slope: Callable[[np.ndarray, np.ndarray], None]


def _relu(x: np.ndarray, zeros: np.ndarray) -> None:
    np.maximum(x, zeros, out=x)


def _relu_slope(gradient: np.ndarray, value: np.ndarray) -> None:
    gradient *= value > 0


def _tanh(x: np.ndarray, zeros: np.ndarray) -> None:
    del zeros
    np.tanh(x, out=x)


def _tanh_slope(gradient: np.ndarray, value: np.ndarray) -> None:
    """Take 1 - y^2 as (1 + y)(1 - y), which keeps its digits near 1."""
    gradient *= (np.float32(1) + value) * (np.float32(1) - value)


def _sigmoid(x: np.ndarray, zeros: np.ndarray) -> None:
    """Take 1 / (1 + exp(-x)) as (1 + tanh(x / 2)) / 2, which never overflows."""
    x *= np.float32(0.5)
    _tanh(x, zeros)
    x += np.float32(1)
    x *= np.float32(0.5)


def _sigmoid_slope(gradient: np.ndarray, value: np.ndarray) -> None:
    gradient *= value * (np.float32(1) - value)


def _identity(x: np.ndarray, zeros: np.ndarray) -> None:
    del x, zeros


def _identity_slope(gradient: np.ndarray, value: np.ndarray) -> None:
    del gradient, value


ACTIVATIONS = {
    "relu": Activation(_relu, _relu_slope),
    "tanh": Activation(_tanh, _tanh_slope),
    "sigmoid": Activation(_sigmoid, _sigmoid_slope),
    "identity": Activation(_identity, _identity_slope),
}
"""The activations that are known here, by the names of `gorae.nn`."""
ON_HOST_ACTIVATIONS = tuple(ACTIVATIONS)
