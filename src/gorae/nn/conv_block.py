"""A convolution with what follows it: normalisation, activation, pooling."""

from typing import final

import jax
from jaxtyping import Array, Float

from gorae.nn.activations import (
    Activation,
    elu,
    identity,
    leaky_relu,
    relu,
    selu,
    sigmoid,
    softplus,
    step,
    tanh,
)
from gorae.nn.batch_minor import batch_minor_on_cpu
from gorae.nn.batch_norm import BatchNorm
from gorae.nn.conv import Conv
from gorae.nn.layer import Context, Layer
from gorae.nn.pooling import Pool

__all__ = ["ConvBlock", "settled"]


def settled(bias: Float[Array, " outputs"], normalization: Layer | None) -> Float[Array, " outputs"]:
    """Return a bias without its gradient where batch normalisation takes it away: that is rounding only."""
    return jax.lax.stop_gradient(bias) if isinstance(normalization, BatchNorm) else bias


_NEVER_FALLING = (relu, leaky_relu, tanh, sigmoid, softplus, elu, selu, identity, step)
"""Activations that keep the order of numbers: the largest of f(x) is f of the largest x."""


@final
class ConvBlock(Layer):
    """Convolution, normalisation, activation, then poolings.

    Where nothing is normalised and the first pooling takes the largest or smallest cell, it comes before bias
    and activation: both keep the order of cells, so the answer is the same, from fewer of them.

    Args:
        conv: The convolution.
        normalization: Over the channels of its maps, or None.
        activation: Of single numbers.
        pools: One after the other; none leaves the maps as they are.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import Pool, inference
        >>> conv = Conv.create(jax.random.key(0), 1, 16, 5)
        >>> block = ConvBlock(conv, None, Activation.create("relu"), (Pool.create("max", 2),))
        >>> block(jnp.ones((2, 28, 28, 1)), inference())[0].shape
        (2, 12, 12, 16)
    """

    conv: Conv
    normalization: Layer | None
    activation: Layer
    pools: tuple[Layer, ...]

    def __call__(
        self, x: Float[Array, "batch *cells channels"], context: Context
    ) -> tuple[Float[Array, "batch *windows outputs"], "ConvBlock"]:
        """Return the maps after the last pooling, and the block with its buffers as they are now."""
        maps, pools, normalization = self.conv.without_bias(x, context), self.pools, self.normalization
        if self._pools_first():
            maps, _ = pools[0](maps, context)
            pools = pools[1:]
        maps = maps + settled(self.conv.bias, normalization)
        if normalization is not None:
            maps, normalization = normalization(batch_minor_on_cpu(maps), context)
        maps, activation = self.activation(batch_minor_on_cpu(maps), context)
        maps = batch_minor_on_cpu(maps)
        for pool in pools:
            maps, _ = pool(maps, context)
        return maps, ConvBlock(self.conv, normalization, activation, self.pools)

    def _pools_first(self) -> bool:
        """Return whether the first pooling may come before bias and activation."""
        return (
            self.normalization is None
            and bool(self.pools)
            and isinstance(self.pools[0], Pool)
            and self.pools[0].kind in ("max", "min")
            and isinstance(self.activation, Activation)
            and self.activation.function in _NEVER_FALLING
        )
