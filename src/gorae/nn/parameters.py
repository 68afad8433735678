"""Which arrays of a model are learnt, and which only go along."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["Buffer", "combine", "partition"]


class Buffer(eqx.Module):
    """Wraps an array that is no parameter: a running mean, a dropout rate.

    Example:
        >>> import jax.numpy as jnp
        >>> Buffer(jnp.zeros(3)).value.shape
        (3,)
    """

    value: Array


def partition(model: Any) -> tuple[Any, Any]:
    """Split a model into its parameters and the rest.

    Parameters are the floating-point arrays outside a `Buffer`. Both halves have the model's
    structure, with None where the other half holds something, so ``jax.grad`` may be taken with
    respect to the first, and optimizer states are built from it.

    All that is not an array is static: where the rest holds no array (no buffers, or after
    ``equinox.partition(rest, equinox.is_array)``), it hashes and compares by value, and a
    function jitted with it as a static argument is compiled once for equal models.

    Args:
        model: A layer or any tree of layers; its leaves may be JAX or NumPy arrays, traced
            values or the shapes that ``jax.eval_shape`` returns.

    Returns:
        The parameters, and the rest.

    Example:
        >>> import jax
        >>> from gorae.nn import BatchNorm, combine
        >>> parameters, rest = partition(BatchNorm.create(4))
        >>> [leaf.shape for leaf in jax.tree.leaves(parameters)]  # scale and shift
        [(4,), (4,)]
        >>> len(jax.tree.leaves(rest))  # running mean and variance
        2
        >>> combine(parameters, rest).scale.shape
        (4,)
    """
    learnt = jax.tree.map(_is_parameter, model, is_leaf=_is_buffer)
    return eqx.partition(model, learnt)


def combine(parameters: Any, rest: Any) -> Any:
    """Put the two halves of `partition` together again."""
    return eqx.combine(parameters, rest)


def _is_buffer(node: Any) -> bool:
    return isinstance(node, Buffer)


def _is_parameter(leaf: Any) -> bool:
    is_array = isinstance(leaf, jax.Array | np.ndarray | jax.ShapeDtypeStruct)
    return is_array and jnp.issubdtype(leaf.dtype, jnp.inexact)
