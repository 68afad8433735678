"""The product of a batch with a layer's weights, in the forms that a CPU computes fastest."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["trained_product", "weight_gradient"]

_NARROW = 16
"""Outputs up to which the product is computed transposed: few columns leave the vector units empty."""

_FEW = 4
"""Outputs up to which a column of the weights' gradient is a sum of scaled rows."""

_SMALL = 1 << 16
"""Weights up to which a transposed copy of the batch costs less than reading it along its columns."""


@jax.custom_vjp
def trained_product(
    x: Float[Array, "batch inputs"], weight: Float[Array, "inputs outputs"]
) -> Float[Array, "batch outputs"]:
    """Return XW, for training: with gradients in reverse mode only.

    dL/dX = G W^T and dL/dW = X^T G, where G is the gradient of the product. On a CPU the compiler computes
    X^T G, and products with few columns, several times slower than the same product in another layout
    (measured on small networks: 16 us against 4 us for 32 rows, 64 inputs and 2 outputs, times eight), so
    the layout is chosen here, by the sizes. The sums are the same; only their order may differ.

    Args:
        x: X, the batch.
        weight: W.

    Returns:
        The product.

    Example:
        >>> x, w = jnp.ones((3, 2)), jnp.ones((2, 1))
        >>> jax.grad(lambda w: trained_product(x, w).sum())(w).tolist()
        [[3.0], [3.0]]
    """
    return jax.lax.platform_dependent(x, weight, cpu=_forward_cpu, default=_forward)


def _forward(x: Array, weight: Array) -> Array:
    """Return XW."""
    return x @ weight


def _forward_cpu(x: Array, weight: Array) -> Array:
    """Return XW, for few outputs as (W^T X^T)^T."""
    inputs, outputs = weight.shape
    if not 1 < outputs <= _NARROW or outputs >= inputs:
        return x @ weight
    columns = jax.lax.optimization_barrier(weight.T)  # without it the transpose is folded away again
    return jax.lax.dot_general(columns, x, (((1,), (1,)), ((), ()))).T


def weight_gradient(
    x: Float[Array, "batch inputs"], g: Float[Array, "batch outputs"]
) -> Float[Array, "inputs outputs"]:
    """Return X^T G, the gradient of the weights, in the layout that suits device and sizes.

    Args:
        x: X, the batch.
        g: G, the gradient of the product.

    Example:
        >>> weight_gradient(jnp.ones((3, 2)), jnp.ones((3, 1))).tolist()
        [[3.0], [3.0]]
    """
    return jax.lax.platform_dependent(x, g, cpu=_weight_gradient_cpu, default=_weight_gradient)


def _weight_gradient(x: Array, g: Array) -> Array:
    """Return X^T G."""
    return x.T @ g


def _weight_gradient_cpu(x: Array, g: Array) -> Array:
    """Return X^T G: column by column, or with a transposed copy of X."""
    inputs, outputs = x.shape[1], g.shape[1]
    if 1 < outputs <= _FEW:
        return jnp.stack([jnp.sum(g[:, k, None] * x, axis=0) for k in range(outputs)], axis=1)
    if inputs * outputs <= _SMALL:
        return jax.lax.optimization_barrier(x.T) @ g
    return x.T @ g


def _save(x: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
    """Return the product, and what its gradient needs."""
    return trained_product(x, weight), (x, weight)


def _gradient(saved: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    """Return the gradients of batch and weights."""
    x, weight = saved
    return (g @ weight.T).astype(x.dtype), weight_gradient(x, g).astype(weight.dtype)


trained_product.defvjp(_save, _gradient)
