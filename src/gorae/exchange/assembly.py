"""A graph of gorae's layers while it is put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from gorae import nn
from gorae.exchange.layout import Value, arranged, ordered, plain, reshaped

__all__ = ["Assembly", "Refusal", "Value", "channels_last"]


class Refusal(Exception):  # noqa: N818  it becomes an error with the step and its line where it is caught
    """A step has settings that no layer of the other side has; the message says which."""


def channels_last(rank: int) -> tuple[int, ...]:
    """Return the axes of a batch whose channels, PyTorch's axis 1, are stored last.

    Example:
        >>> channels_last(4), channels_last(2)
        ((0, 2, 3, 1), (0, 1))
    """
    return (0, *range(2, rank), 1) if rank > 1 else (0,)


@dataclass
class Assembly:
    """Nodes so far, what each reads, and its name; shapes and axes of its values are PyTorch's."""

    nodes: list[Any] = field(default_factory=list)
    inputs: list[tuple[int, ...]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, node: Any, *read: Value, name: str = "") -> int:
        """Add a node that reads these values, and return its slot."""
        return self._put(node, tuple(value.slot for value in read), name)

    def _put(self, node: Any, slots: tuple[int, ...], name: str = "") -> int:
        self.nodes.append(node)
        self.inputs.append(slots)
        self.names.append(name)
        return len(self.nodes)

    def put_axes(self, slot: int, axes: tuple[int, ...]) -> int:
        """Add a node that moves axes."""
        return self._put(nn.Transpose(axes), (slot,))

    def put_features(self, slot: int, places: tuple[int, ...]) -> int:
        """Add a node that moves features."""
        return self._put(nn.Reorder(places), (slot,))

    def put_shape(self, slot: int, shape: tuple[int, ...]) -> int:
        """Add a node that gives rows another shape."""
        return self._put(nn.Reshape(shape), (slot,))

    def same(self, node: Any, value: Value, name: str = "") -> Value:
        """Add a node that keeps shape and order."""
        return replace(value, slot=self.add(node, value, name=name))

    def ordered(self, value: Value) -> Value:
        """Return a value with its features in PyTorch's order."""
        return ordered(self, value)

    def arranged(self, value: Value, axes: Sequence[int]) -> Value:
        """Return a value that is stored with these axes, in PyTorch's order of features."""
        return arranged(self, value, axes)

    def plain(self, value: Value) -> Value:
        """Return a value stored as PyTorch has it."""
        return plain(self, value)

    def last(self, value: Value) -> Value:
        """Return a value stored with its channels last."""
        return arranged(self, value, channels_last(value.rank))

    def reshaped(self, value: Value, shape: tuple[int, ...]) -> Value:
        """Return a value with rows of another shape; vectors keep the order in which they were stored."""
        return reshaped(self, value, shape)

    def stored(self, slot: int, shape: Sequence[int], axes: Sequence[int] | None = None) -> Value:
        """Return what a slot holds, in PyTorch's own order of axes unless others are given."""
        known = tuple(range(len(shape) + 1)) if axes is None else tuple(axes)
        return Value(slot, tuple(shape), known)

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
        if first.rank == 2 and first.shape != second.shape:  # one of them has one feature
            return first, second
        first = self.ordered(first)
        return first, self.arranged(second, first.axes)
