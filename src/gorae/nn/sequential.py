"""Layers one after the other, and the layer that turns rows of any shape into vectors."""

from typing import final

from jaxtyping import Array, Float

from gorae.nn.layer import Context, Layer

__all__ = ["Flatten", "Sequential"]


@final
class Sequential(Layer):
    """Applies layers one after the other; layer i draws from the context's key folded with i.

    Args:
        layers: Layers in the order of the data; none at all is the identity.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import Activation, Dense, inference
        >>> model = Sequential((Dense.create(jax.random.key(0), 3, 2), Activation.create("tanh")))
        >>> model(jnp.ones((5, 3)), inference())[0].shape
        (5, 2)
    """

    layers: tuple[Layer, ...]

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch ..."], "Sequential"]:
        """Return the last layer's outputs, and all layers as they are after the pass."""
        after = []
        for index, layer in enumerate(self.layers):
            x, layer = layer(x, context.fold(index))
            after.append(layer)
        return x, Sequential(tuple(after))


@final
class Flatten(Layer):
    """Turns each row into a vector, last axis fastest.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import inference
        >>> Flatten()(jnp.ones((5, 8, 8)), inference())[0].shape
        (5, 64)
    """

    def __call__(
        self, x: Float[Array, "batch ..."], context: Context
    ) -> tuple[Float[Array, "batch features"], "Flatten"]:
        """Return the batch with two axes."""
        return x.reshape(x.shape[0], -1), self
