"""One MLP as a part of a wider one: arrays with zeros for units that are not its own, and cut again."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gorae import nn
from gorae.models.mlp import MLP

__all__ = ["resized_mlp", "with_room"]


def with_room(model: MLP) -> MLP:
    """Return an MLP whose hidden layers are told how many of their units are their own: here all of them.

    Example:
        >>> import jax
        >>> from gorae.models import MLPShape, build_mlp
        >>> model = with_room(build_mlp(jax.random.key(0), MLPShape(4, 3, hidden=(8,))))
        >>> int(model.body.layers[0].units.value)
        8
    """
    widths = [layer.weight.shape[0] for layer in _dense_layers(model)[1:]]
    layers = tuple(
        nn.Widened(layer, nn.Buffer(jnp.float32(width)))
        for layer, width in zip(model.body.layers, widths, strict=True)
    )
    return MLP(nn.Sequential(layers), model.head)


def _dense_layers(model: MLP) -> list[Any]:
    """Return what has weights: the first part of each hidden layer, and the head."""
    return [*(layer.layers[0] for layer in model.body.layers), model.head]  # pyright: ignore[reportAttributeAccessIssue]  each is a Sequential


def resized_mlp(tree: MLP, hidden: Sequence[int], units: Sequence[Any] | None = None) -> MLP:
    """Return an MLP with hidden layers of other widths: the first units of each, and zeros beyond its own.

    Args:
        tree: An MLP, or what has its structure: its parameters, its buffers, a gradient, what an optimizer
            remembers of it; on the host.
        hidden: The widths.
        units: What each hidden layer is told of how many units are its own: numbers, or None in a tree
            without buffers. None at all makes layers that are not told.

    Example:
        >>> import jax
        >>> from gorae.models import MLPShape, build_mlp
        >>> wide = resized_mlp(build_mlp(jax.random.key(0), MLPShape(4, 3, hidden=(8,))), [10])
        >>> wide.head.weight.shape, wide.head.weight[8:].any().item()
        ((10, 3), False)
    """
    told = [None] * len(hidden) if units is None else units
    inputs = [None, *hidden]
    layers = []
    for layer, (before, width), own in zip(tree.body.layers, pairwise(inputs), told, strict=True):
        inner: Any = layer.inner if isinstance(layer, nn.Widened) else layer
        parts = nn.Sequential(tuple(_resized(part, before, width) for part in inner.layers))
        layers.append(parts if units is None else nn.Widened(parts, nn.Buffer(own)))
    return MLP(nn.Sequential(tuple(layers)), _resized(tree.head, inputs[-1], None))


def _resized(layer: Any, inputs: int | None, outputs: int | None) -> Any:
    """Return a layer for so many inputs and outputs; None leaves a number as it is.

    Columns of maxout are piece after piece, each of which has all units.
    """
    pieces = layer.pieces if isinstance(layer, nn.Maxout) else 1

    def resized(leaf: Any) -> np.ndarray:
        array = np.asarray(leaf)
        if array.ndim == 0:
            return array.copy()
        parts = array.reshape(*array.shape[:-1], pieces, array.shape[-1] // pieces)
        shape = [*parts.shape[:-1], parts.shape[-1] if outputs is None else outputs]
        if array.ndim > 1 and inputs is not None:
            shape[0] = inputs
        found = np.zeros(shape, array.dtype)
        corner = tuple(slice(min(one, other)) for one, other in zip(parts.shape, shape, strict=True))
        found[corner] = parts[corner]
        return found.reshape(*shape[:-2], pieces * shape[-1])

    return jax.tree.map(resized, layer)
