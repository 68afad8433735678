"""Cut-out: a square of each image is blackened, so that no single part of it may decide."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Num, PRNGKeyArray

from gorae.errors import InputError
from gorae.nn.checks import positive_integer, require_channels

__all__ = ["cut_out"]


def cut_out(
    key: PRNGKeyArray, x: Num[Array, "batch height width channels"], side: int
) -> Num[Array, "batch height width channels"]:
    """Set a square of each image to 0.

    Its centre is any pixel, each equally likely; what of the square lies outside of the image is lost, so
    that between a quarter of side² and side² pixels become 0.

    Args:
        key: of the draws.
        x: images; their type stays.
        side: of the square, in pixels; 0 cuts nothing.

    Returns:
        The images with a hole each.

    Raises:
        InputError: if the square is larger than the images.

    Example:
        >>> y = cut_out(jax.random.key(0), jnp.ones((1, 4, 5, 1)), 2)
        >>> print(y[0, :, :, 0])
        [[1. 1. 1. 1. 1.]
         [1. 1. 1. 1. 1.]
         [1. 0. 0. 1. 1.]
         [1. 0. 0. 1. 1.]]

    References:
        DeVries and Taylor 2017, "Improved regularization of convolutional neural networks with cutout",
        section 3.
    """
    require_channels("cut-out", x, 2)
    side = positive_integer("cutout", side, least=0)
    if side == 0:
        return x
    batch, height, width = x.shape[:3]
    if side > min(height, width):
        raise InputError(
            f"a square to cut out must fit into the images, got side {side} for {height} x {width} pixels."
        )
    rows, columns = jax.random.split(key)
    inside = (
        _covered(rows, batch, height, side)[:, :, None] & _covered(columns, batch, width, side)[:, None, :]
    )
    return jnp.where(inside[..., None], jnp.zeros((), x.dtype), x)


def _covered(key: PRNGKeyArray, batch: int, size: int, side: int) -> Array:
    """Return which cells along an axis the square covers, (batch, size)."""
    centre = jax.random.randint(key, (batch, 1), 0, size)
    before = centre - jnp.arange(size)  # cells that the centre lies after this one
    return (before <= side // 2) & (before > side // 2 - side)
