"""What a graph of another library must be able to hold, so that gorae's networks can be written into it.

Batches have rows first and channels second; vectors of a step or a cell have their features last.
"""

from typing import Any, Protocol

import numpy as np

from gorae.exchange.layout import Mover

__all__ = ["Emitter", "Places", "biases_apart"]

Places = tuple[tuple[int, int], ...]
"""Cells before and after, along each axis that a window slides along."""


class Emitter(Mover, Protocol):
    """A graph under construction; slots are its own names for values."""

    def array(self, values: np.ndarray | np.generic, name: str = "") -> Any:
        """Return a slot that holds an array."""
        ...

    def as_type(self, slot: Any, kind: str) -> Any:
        """Return numbers as "float32" or "float64"."""
        ...

    def combine(self, kind: str, first: Any, second: Any) -> Any:
        """Return two slots as one: a name of `gorae.nn.COMBINATIONS`."""
        ...

    def filled(self, slot: Any, fill: Any) -> Any:
        """Return a slot with another's values where it is NaN."""
        ...

    def dense(self, slot: Any, weight: np.ndarray, bias: np.ndarray, name: str) -> Any:
        """Return XW + b along the last axis; W is `(inputs, outputs)`."""
        ...

    def convolution(
        self,
        slot: Any,
        weight: np.ndarray,
        bias: np.ndarray,
        *,
        stride: tuple[int, ...],
        pads: Places,
        dilation: tuple[int, ...],
        groups: int,
        name: str,
    ) -> Any:
        """Return a convolution; weights are `(outputs, channels of a group, *kernel)`."""
        ...

    def transposed_convolution(
        self,
        slot: Any,
        weight: np.ndarray,
        bias: np.ndarray,
        *,
        stride: tuple[int, ...],
        pads: Places,
        extra: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
        name: str,
    ) -> Any:
        """Return a transposed convolution; weights are `(inputs, outputs of a group, *kernel)`."""
        ...

    def pool(
        self,
        kind: str,
        slot: Any,
        *,
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        name: str,
    ) -> Any:
        """Return the largest ("max") or the mean ("average") of windows without padding."""
        ...

    def batch_norm(
        self, slot: Any, arrays: dict[str, np.ndarray], epsilon: float, axes: int, name: str
    ) -> Any:
        """Return channels standardised by "mean" and "variance", times "scale", plus "shift".

        `axes` says how many axes of cells there are, 0 for vectors.
        """
        ...

    def layer_norm(self, slot: Any, scale: np.ndarray, shift: np.ndarray, epsilon: float, name: str) -> Any:
        """Return the last axis standardised."""
        ...

    def activation(self, slot: Any, name: str, settings: tuple[float, ...]) -> Any:
        """Return an activation, by PyTorch's name of it."""
        ...

    def softmax(self, slot: Any, axis: int, *, logarithm: bool = False) -> Any:
        """Return the softmax along an axis, or its logarithm."""
        ...

    def dropout(self, slot: Any, rate: float, name: str) -> Any:
        """Return the slot itself, with a layer that drops in training where the library has one."""
        ...

    def pad(self, slot: Any, pads: Places, value: float) -> Any:
        """Return rows with cells of one value around them, for each axis of a row."""
        ...

    def cut(self, slot: Any, starts: tuple[int, ...], ends: tuple[int, ...], steps: tuple[int, ...]) -> Any:
        """Return a part of each row, for each axis of a row."""
        ...

    def reduce(self, kind: str, slot: Any, axes: tuple[int, ...], *, keep: bool) -> Any:
        """Return the "mean", "sum", "max" or "min" over axes."""
        ...

    def concatenate(self, slots: list[Any], axis: int) -> Any:
        """Return slots side by side."""
        ...

    def logarithm(self, slot: Any) -> Any:
        """Return the natural logarithm."""
        ...

    def embedding(self, slot: Any, table: np.ndarray, name: str) -> Any:
        """Return a row of a table for each code; a code out of range is read as the nearest in range."""
        ...

    def recurrent(
        self, slot: Any, cell: str, layers: Any, name: str, *, lengths: Any = None, steps: int = 0
    ) -> Any:
        """Return the hidden states of all steps, both directions side by side.

        `cell` is one of `gorae.nn.RECURRENT_CELLS`; `layers` holds the `Weights` of each layer's directions.
        `lengths`, `(rows, 1)`, say how many of the `steps` are real (0: of as many as the batch has); what is
        answered after them is anything.
        """
        ...

    def less(self, first: Any, second: Any) -> Any:
        """Return 1 where the first is below the second, and 0 elsewhere, in float32."""
        ...

    def sorted(self, slot: Any, width: int) -> Any:
        """Return the last axis, of so many numbers, in increasing order."""
        ...


def biases_apart(weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the bias of the input part and that of the hidden part; gorae has one for most gates.

    Args:
        weights: of a recurrent cell, `gorae.nn.recurring.Weights`.
    """
    outer = np.asarray(weights.bias, np.float32)
    inner = np.zeros_like(outer)
    if weights.inner is not None:
        inner[len(outer) - len(weights.inner) :] = weights.inner
    return outer, inner
