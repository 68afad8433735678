"""Shifts and flips: whole pixels move, and keep their values and their type."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Num, PRNGKeyArray

from gorae.errors import InputError
from gorae.nn.checks import known_name, positive_integer, require_channels

__all__ = ["FILLS", "flip", "shift"]

FILLS = {"zero": "constant", "edge": "edge"}
"""What comes in from outside of an image, and how numpy calls such padding."""


def shift(
    key: PRNGKeyArray, x: Num[Array, "batch height width channels"], most: int, *, fill: str = "zero"
) -> Num[Array, "batch height width channels"]:
    r"""Move each image by whole pixels: $y_{b,i,j} = x_{b, i + u_b, j + v_b}$, u and v from -most to most.

    It is the same as what is called a random crop with padding: the image gets `most` pixels on each side,
    and a window of its own size is cut out at random.

    Args:
        key: of the draws.
        x: images; their type stays.
        most: pixels up, down, left and right; each of the (2 most + 1)² moves is equally likely.
        fill: what comes in: "zero", or "edge" for the nearest pixel.

    Returns:
        The moved images.

    Raises:
        InputError: if a move could push an image out of sight.

    Example:
        >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
        >>> print(shift(jax.random.key(0), x, 1)[0, :, :, 0])
        [[0. 0. 1.]
         [0. 3. 4.]
         [0. 6. 7.]]

    References:
        He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition", section 4.2.
    """
    require_channels("shift", x, 2)
    most = positive_integer("shift", most, least=0)
    padding = FILLS[known_name("fill", fill, FILLS)]
    if most == 0:
        return x
    if most >= min(x.shape[1:3]):
        raise InputError(
            f"a shift must be smaller than the images, got {most} for {x.shape[1]} x {x.shape[2]} pixels."
        )
    padded = jnp.pad(x, ((0, 0), (most, most), (most, most), (0, 0)), mode=padding)
    places = jax.random.randint(key, (x.shape[0], 2), 0, 2 * most + 1)

    def window(image: Array, place: Array) -> Array:
        return jax.lax.dynamic_slice(image, (place[0], place[1], 0), x.shape[1:])

    return jax.vmap(window)(padded, places)


def flip(
    key: PRNGKeyArray, x: Num[Array, "batch height width channels"], axis: int
) -> Num[Array, "batch height width channels"]:
    """Mirror half of the images, drawn at random.

    Args:
        key: of the draws.
        x: images; their type stays.
        axis: 2 mirrors left and right (a horizontal flip), 1 mirrors top and bottom.

    Returns:
        Each image as it was, or mirrored.

    Example:
        >>> x = jnp.tile(jnp.arange(3.0).reshape(1, 1, 3, 1), (4, 1, 1, 1))
        >>> print(flip(jax.random.key(0), x, 2)[:, 0, :, 0])
        [[2. 1. 0.]
         [2. 1. 0.]
         [0. 1. 2.]
         [0. 1. 2.]]
    """
    require_channels("flip", x, 2)
    turned = jax.random.bits(key, (x.shape[0],), jnp.uint32) >> 31 == 1
    return jnp.where(turned[:, None, None, None], jnp.flip(x, axis), x)
