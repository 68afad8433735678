"""A graph of gorae's layers while it is put together, and how each value in it is stored.

PyTorch has channels first and gorae has them last. So every value knows how its stored axes stand to
PyTorch's; a layer asks for what it reads, and axes are moved only where two ask for different things. A
flattened image keeps the order in which it was stored, which the weights of the next dense layer follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from gorae import nn

__all__ = ["Assembly", "Refusal", "Value", "channels_last"]


class Refusal(Exception):  # noqa: N818  it becomes an error with the step and its line where it is caught
    """A step has settings that no layer of gorae has; the message says which."""


@dataclass(frozen=True)
class Value:
    """What a slot of the graph holds.

    Args:
        slot: which one.
        shape: of a row as PyTorch has it.
        axes: stored axis i is PyTorch's axis `axes[i]`; the batch's is 0 in both.
        order: stored feature i is PyTorch's feature `order[i]`, for rows that are vectors; None where they
            are in the same order.
    """

    slot: int
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


def channels_last(rank: int) -> tuple[int, ...]:
    """Return the axes of a batch whose channels, PyTorch's axis 1, are stored last.

    Example:
        >>> channels_last(4), channels_last(2)
        ((0, 2, 3, 1), (0, 1))
    """
    return (0, *range(2, rank), 1) if rank > 1 else (0,)


@dataclass
class Assembly:
    """Nodes so far, what each reads, and its name."""

    nodes: list[Any] = field(default_factory=list)
    inputs: list[tuple[int, ...]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, node: Any, *read: Value, name: str = "") -> int:
        """Add a node that reads these values, and return its slot."""
        self.nodes.append(node)
        self.inputs.append(tuple(value.slot for value in read))
        self.names.append(name)
        return len(self.nodes)

    def same(self, node: Any, value: Value, name: str = "") -> Value:
        """Add a node that keeps shape and order."""
        return replace(value, slot=self.add(node, value, name=name))

    def ordered(self, value: Value) -> Value:
        """Return a value with its features in PyTorch's order."""
        if value.order is None:
            return value
        back = tuple(int(place) for place in np.argsort(value.order))
        return replace(value, slot=self.add(nn.Reorder(back), value), order=None)

    def arranged(self, value: Value, axes: Sequence[int]) -> Value:
        """Return a value that is stored with these axes, in PyTorch's order of features."""
        value = self.ordered(value)
        if tuple(axes) == value.axes:
            return value
        moved = tuple(value.axes.index(axis) for axis in axes)
        return replace(value, slot=self.add(nn.Transpose(moved), value), axes=tuple(axes))

    def plain(self, value: Value) -> Value:
        """Return a value stored as PyTorch has it."""
        return self.arranged(value, range(value.rank))

    def last(self, value: Value) -> Value:
        """Return a value stored with its channels last."""
        return self.arranged(value, channels_last(value.rank))

    def stored(self, slot: int, shape: Sequence[int], axes: Sequence[int] | None = None) -> Value:
        """Return what a slot holds, in PyTorch's own order of axes unless others are given."""
        known = tuple(range(len(shape) + 1)) if axes is None else tuple(axes)
        return Value(slot, tuple(shape), known)

    def reshaped(self, value: Value, shape: tuple[int, ...]) -> Value:
        """Return a value with rows of another shape; vectors keep the order in which they were stored."""
        if shape == value.shape:
            return value
        if len(shape) == 1 and value.order is None:
            places = np.arange(prod(value.shape)).reshape(value.shape)
            order = tuple(places.transpose([axis - 1 for axis in value.axes[1:]]).ravel().tolist())
            slot = self.add(nn.Reshape(shape), value)
            return Value(slot, shape, (0, 1), None if order == tuple(sorted(order)) else order)
        value = self.plain(value)
        return self.stored(self.add(nn.Reshape(shape), value), shape)

    def constant(self, array: Any, like: Value, *, learnt: bool) -> Value:
        """Return an array as a value that can be combined with another, for the same answer in every row.

        Raises:
            Refusal: when it has more axes than the other, or rows of its own.
        """
        array = np.asarray(array, np.float32)
        while array.ndim >= like.rank and array.shape[0] == 1:
            array = array[0]
        if array.ndim >= like.rank:
            raise Refusal(f"a tensor of shape {array.shape} does not fit rows of shape {like.shape}")
        array = array.reshape((1,) * (like.rank - 1 - array.ndim) + array.shape)
        array = array.transpose([axis - 1 for axis in like.axes[1:]])
        if like.order is not None and array.shape == like.shape:
            array = array[np.asarray(like.order)]
        held = jnp.asarray(array)
        slot = self.add(nn.Constant(held if learnt else nn.Buffer(held)), like)
        shape = tuple(array.shape[like.axes.index(axis) - 1] for axis in range(1, like.rank))
        return Value(slot, shape, like.axes, like.order if shape == like.shape else None)

    def alike(self, first: Value, second: Value) -> tuple[Value, Value]:
        """Return two values that are stored in the same way.

        Raises:
            Refusal: when their batches have different numbers of axes.
        """
        if first.rank != second.rank:
            raise Refusal(f"rows of shape {first.shape} and {second.shape} have different numbers of axes")
        if (first.axes, first.order) == (second.axes, second.order):
            return first, second
        if first.shape != second.shape:
            return self.arranged(first, first.axes), self.arranged(second, first.axes)
        first = self.ordered(first)
        return first, self.arranged(second, first.axes)
