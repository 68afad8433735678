"""A layer of features, applied at every cell of an image or every step of a sequence."""

from dataclasses import replace
from typing import final

import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.errors import InputError
from gorae.nn.layer import Context, Layer

__all__ = ["PerCell"]


@final
class PerCell(Layer):
    """Applies a layer that reads `(batch, features)` to `(batch, *cells, features)`, cell by cell.

    Statistics that the layer takes over a batch (batch normalisation) are over all cells of all rows; a cell
    counts as its row does.

    Args:
        layer: What is applied.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from gorae.nn import Dense, inference
        >>> layer = PerCell(Dense.create(jax.random.key(0), 3, 8))
        >>> layer(jnp.ones((5, 28, 28, 3)), inference())[0].shape
        (5, 28, 28, 8)
    """

    layer: Layer

    def __call__(
        self, x: Float[Array, "batch *cells features"], context: Context
    ) -> tuple[Float[Array, "batch *cells outputs"], "PerCell"]:
        """Return what the layer answers for every cell, and the layer with its buffers as they are now.

        Raises:
            InputError: If the batch has no axis of features, or the layer refuses it.
        """
        if x.ndim < 2:
            raise InputError(f"PerCell expects (batch, cells, features), got shape {tuple(x.shape)}.")
        cells = x.shape[1:-1]
        if context.mask is not None and cells:
            ones = jnp.ones((1,) * len(cells), context.mask.dtype)
            mask = jnp.broadcast_to(
                context.mask.reshape(-1, *ones.shape) * ones, (x.shape[0], *cells)
            ).reshape(-1)
            context = replace(context, mask=mask, lengths=None, begins=None, units=None)
        outputs, layer = self.layer(jnp.reshape(x, (-1, x.shape[-1])), context)
        return outputs.reshape(x.shape[0], *cells, outputs.shape[-1]), PerCell(layer)
