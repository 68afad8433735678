"""Gradient clipping: a gradient that is too long is shortened, all of its arrays alike."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def clipped(gradient: Any, limit: Float[Array, ""]) -> Any:
    """Return g min(1, limit / |g|), where |g| is the norm over all arrays of the gradient.

    The norm is taken of g over its largest entry, so that also one whose squares overflow is shortened and
    not silenced; one that is not finite stays so.

    Args:
        gradient: a tree of arrays.
        limit: the longest that a gradient may be.

    Returns:
        A tree of the same structure.

    Example:
        >>> gradient = [jnp.float32(3e30), jnp.float32(4e30)]
        >>> [round(float(part), 6) for part in clipped(gradient, jnp.float32(1))]
        [0.6, 0.8]
        >>> clipped([jnp.float32(0.5)], jnp.float32(1))[0].item()
        0.5

    References:
        Pascanu, Mikolov, Bengio 2013, "On the difficulty of training recurrent neural networks",
        algorithm 1.
    """
    leaves = [leaf for leaf in jax.tree.leaves(gradient) if leaf.size]
    largest = jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in leaves]))
    unit = 1 / jnp.where(largest > 0, largest, 1)
    norm = jnp.sqrt(sum(jnp.sum((leaf * unit) ** 2) for leaf in leaves)) * largest
    factor = jnp.where(norm > limit, limit / norm, 1.0)
    return jax.tree.map(lambda leaf: leaf * factor, gradient)
