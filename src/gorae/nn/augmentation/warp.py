"""Rotation and enlarged crops: images read between their pixels, by linear interpolation along each axis.

Reading four neighbours of any place is a gather, which a CPU does one number at a time. Two passes, along
rows and then along columns, read each pixel from its own row or column, at a distance that is bounded; a
pass is then a sum over the few distances that there are of whole images moved, which is five times as fast.

Letters: a pixel of the result lies at (i, j) from the centre, and is read at (u, v) from the centre.
"""

from math import ceil, cos, radians, sin, tan

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PRNGKeyArray

from gorae.errors import ParameterError
from gorae.nn.augmentation.moves import FILLS
from gorae.nn.checks import known_name, proper_fraction, require_channels

__all__ = ["MOST_DEGREES", "checked_degrees", "warp"]

MOST_DEGREES = 45.0


def warp(
    key: PRNGKeyArray,
    x: Num[Array, "batch height width channels"],
    *,
    rotation: float = 0.0,
    crop: float = 0.0,
    fill: str = "zero",
) -> Float[Array, "batch height width channels"]:
    r"""Turn each image by an angle of its own, and enlarge a window of it to the whole.

    $y_{i,j} = x_{u,v}$ with $u = z (i \cos\theta - j \sin\theta) + a$ and
    $v = z (i \sin\theta + j \cos\theta) + b$: the angle θ is from -rotation to rotation, the window's share z
    of each side from 1 - crop to 1, and its centre (a, b) anywhere where it stays inside; all are uniform.

    First each row u is read at the v of its crossing with column j, then each column at u; both between two
    neighbours, linearly. Images that are linear in u and v come out exactly, as from bilinear interpolation.

    Args:
        key: of the draws.
        x: images.
        rotation: degrees at most, counter-clockwise and clockwise, up to 45.
        crop: share of a side that is cut away at most, in [0, 1).
        fill: what lies outside of an image: "zero", or "edge" for the nearest pixel.

    Returns:
        The images, as float32; exactly as they were where rotation and crop are 0.

    Raises:
        ParameterError: if a value is out of its range.

    Example:
        >>> x = jnp.zeros((1, 5, 5, 1)).at[0, 2].set(1.0)  # a horizontal line
        >>> print(warp(jax.random.key(0), x, rotation=45.0)[0, :, :, 0].round(1))
        [[0.2 0.  0.  0.  0. ]
         [0.6 0.7 0.1 0.  0. ]
         [0.  0.5 1.  0.5 0. ]
         [0.  0.  0.1 0.7 0.6]
         [0.  0.  0.  0.  0.2]]

    References:
        Catmull and Smith 1980, "3-D transformations of images in scanline order", section 3 (two passes);
        Szegedy et al. 2015, "Going deeper with convolutions", section 6 (windows of random size).
    """
    require_channels("warp", x, 2)
    rotation, crop = checked_degrees(rotation), proper_fraction("crop", crop)
    mode = FILLS[known_name("fill", fill, FILLS)]
    pixels = x.astype(jnp.float32)
    if rotation == 0 and crop == 0:
        return pixels
    height, width = x.shape[1:3]
    reaches = (_reach(rotation, crop, height, width, 1.0), _reach(rotation, crop, width, height, 0.0))
    return warped(pixels, _draws(key, x.shape[0], rotation, crop, height, width), reaches, mode)


def warped(
    x: Float[Array, "batch height width channels"],
    windows: tuple[Array, ...],
    reaches: tuple[int, int],
    mode: str,
) -> Float[Array, "batch height width channels"]:
    """Return images read through windows that are turned and placed.

    Args:
        x: images.
        windows: cosine, sine, share z and centre (a, b) of each, all (batch, 1, 1); see `warp`.
        reaches: from how many pixels away the pass along rows, and that along columns, may read.
        mode: what lies outside, as numpy pads it.
    """
    height, width = x.shape[1:3]
    i = (jnp.arange(height, dtype=jnp.float32) - (height - 1) / 2)[:, None]
    j = jnp.arange(width, dtype=jnp.float32) - (width - 1) / 2
    cosine, sine, share, a, b = windows
    crossing = (i - a + share * sine * j) / (share * cosine)  # the i at which row u, here i, meets column j
    along_rows = share * (crossing * sine + j * cosine) + b - j
    along_columns = share * (i * cosine - j * sine) + a - i
    return _read_beside(_read_beside(x, along_rows, 2, reaches[0], mode), along_columns, 1, reaches[1], mode)


def checked_degrees(rotation: float) -> float:
    """Return an angle that images may be turned by.

    Raises:
        ParameterError: if it is no number from 0 to 45.
    """
    if (
        isinstance(rotation, bool)
        or not isinstance(rotation, int | float)
        or not 0 <= rotation <= MOST_DEGREES
    ):
        raise ParameterError(
            f"rotation must be a number of degrees from 0 to {MOST_DEGREES:g}, got {rotation!r}."
        )
    return float(rotation)


def _draws(
    key: PRNGKeyArray, batch: int, rotation: float, crop: float, height: int, width: int
) -> tuple[Array, ...]:
    """Return cosine, sine and share of each row, and the centre of its window, each (batch, 1, 1)."""
    angle, size, row, column = (jax.random.uniform(one, (batch, 1, 1)) for one in jax.random.split(key, 4))
    theta = (2 * angle - 1) * radians(rotation)
    share = 1 - crop * size
    a = (2 * row - 1) * (1 - share) * ((height - 1) / 2)
    b = (2 * column - 1) * (1 - share) * ((width - 1) / 2)
    # kept as they are, or a compiler draws them again for each pixel
    return jax.lax.optimization_barrier((jnp.cos(theta), jnp.sin(theta), share, a, b))


def _reach(rotation: float, crop: float, across: int, along: int, rows: float) -> int:
    """Return from how many pixels away a pass may read: the largest of its distances, rounded up.

    Args:
        rotation: largest angle.
        crop: largest share cut away.
        across: cells of the other axis.
        along: cells of this one.
        rows: rows that a pass along rows serves beside the exact one: it is read between two.
    """
    angle, least = radians(rotation), 1 - crop
    turned = sin(angle) * (across - 1) / 2 + tan(angle) * rows
    return ceil(turned + (2 - least * (1 + cos(angle))) * (along - 1) / 2 + 1e-3)


def _read_beside(x: Array, distance: Array, axis: int, reach: int, mode: str) -> Array:
    r"""Return $\sum_d \max(0, 1 - |\delta - d|) x_{k+d}$: each pixel read at its distance δ along an axis."""
    pads = [(0, 0)] * 4
    pads[axis] = (reach, reach)
    padded, distance, size = jnp.pad(x, pads, mode=mode), distance[..., None], x.shape[axis]

    def add(place: Array, total: Array) -> Array:
        weight = jnp.maximum(0.0, 1 - jnp.abs(distance - (place - reach).astype(jnp.float32)))
        return total + weight * jax.lax.dynamic_slice_in_dim(padded, place, size, axis)

    return jax.lax.fori_loop(0, 2 * reach + 1, add, jnp.zeros_like(x))
