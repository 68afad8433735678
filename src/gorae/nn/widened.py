"""A layer with room for more units than are its own: layers of several widths then have equal arrays."""

from dataclasses import replace
from typing import final

import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.nn.layer import Context, Layer
from gorae.nn.parameters import Buffer

__all__ = ["Widened"]


@final
class Widened(Layer):
    """Answers what its first units do, and 0 for the others, which are padding.

    The layer inside is told by the context how many of a row's features are real: layer normalisation and
    softmax count no others, and dropout silences those that it would silence in a layer without padding. As
    the others answer 0, the weights that read them have no gradient, and what is made of those weights none
    either: padding of zeros stays as it is.

    Args:
        inner: The layer, with padding.
        units: How many of its features are its own; an array, so that members of a population may differ, and
            of float32, as all arrays of a layer are.

    Example:
        >>> import jax.numpy as jnp
        >>> from gorae.nn import Activation, Buffer, inference
        >>> layer = Widened(Activation.create("softmax"), Buffer(jnp.float32(2)))
        >>> layer(jnp.zeros((1, 3)), inference())[0].tolist()
        [[0.5, 0.5, 0.0]]
    """

    inner: Layer
    units: Buffer

    def __call__(
        self, x: Float[Array, "batch inputs"], context: Context
    ) -> tuple[Float[Array, "batch outputs"], "Widened"]:
        """Return the answers of the real units, and 0 beside them."""
        units = self.units.value
        outputs, inner = self.inner(x, replace(context, units=units))
        return jnp.where(jnp.arange(outputs.shape[-1]) < units, outputs, 0), Widened(inner, self.units)
