"""How a value of a network is stored, beside how its network knows it: axes moved, features reordered.

PyTorch and ONNX have channels first, gorae has them last. A value therefore knows how its stored axes stand
to those of the network that it comes from; axes are moved only where two layers ask for different things. A
flattened image keeps the order in which it was stored, which the weights of the next dense layer follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Protocol

import numpy as np

__all__ = ["Mover", "Value", "arranged", "ordered", "plain", "reshaped"]


@dataclass(frozen=True)
class Value:
    """What a slot of a graph holds.

    Args:
        slot: which one, as the graph names it.
        shape: of a row as its network knows it.
        axes: stored axis i is the network's axis `axes[i]`; the batch's is 0 in both.
        order: stored feature i is the network's feature `order[i]`, for rows that are vectors; None where
            they are in the same order.
    """

    slot: Any
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    order: tuple[int, ...] | None = None

    @property
    def rank(self) -> int:
        """How many axes the batch has."""
        return len(self.shape) + 1

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of a row as it is stored."""
        return tuple(self.shape[axis - 1] for axis in self.axes[1:])


class Mover(Protocol):
    """A graph under construction that can move what its slots hold."""

    def put_axes(self, slot: Any, axes: tuple[int, ...]) -> Any:
        """Return a slot with these axes of another in this order."""
        ...

    def put_features(self, slot: Any, places: tuple[int, ...]) -> Any:
        """Return a slot with these features, on the last axis of another, in this order."""
        ...

    def put_shape(self, slot: Any, shape: tuple[int, ...]) -> Any:
        """Return a slot with rows of this shape."""
        ...


def ordered(graph: Mover, value: Value) -> Value:
    """Return a value with its features in its network's order."""
    if value.order is None:
        return value
    back = tuple(int(place) for place in np.argsort(value.order))
    return replace(value, slot=graph.put_features(value.slot, back), order=None)


def arranged(graph: Mover, value: Value, axes: Sequence[int]) -> Value:
    """Return a value that is stored with these axes, features in the network's order."""
    value = ordered(graph, value)
    if tuple(axes) == value.axes:
        return value
    moved = tuple(value.axes.index(axis) for axis in axes)
    return replace(value, slot=graph.put_axes(value.slot, moved), axes=tuple(axes))


def plain(graph: Mover, value: Value) -> Value:
    """Return a value stored as its network knows it."""
    return arranged(graph, value, range(value.rank))


def reshaped(graph: Mover, value: Value, shape: tuple[int, ...]) -> Value:
    """Return a value with rows of another shape; vectors keep the order in which they were stored."""
    if shape == value.shape:
        return value
    if len(shape) == 1 and value.order is None:
        places = np.arange(prod(value.shape)).reshape(value.shape)
        order = tuple(places.transpose([axis - 1 for axis in value.axes[1:]]).ravel().tolist())
        slot = value.slot if value.rank == 2 else graph.put_shape(value.slot, shape)
        return Value(slot, shape, (0, 1), None if order == tuple(sorted(order)) else order)
    value = plain(graph, value)
    return Value(graph.put_shape(value.slot, shape), shape, tuple(range(len(shape) + 1)))
