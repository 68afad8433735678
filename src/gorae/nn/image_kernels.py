"""Small kernels with names, which show what a convolution can see before one has been learned."""

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from gorae.errors import InputError, ParameterError
from gorae.nn.checks import known_name, positive_integer
from gorae.nn.windows import make_windows

__all__ = ["IMAGE_KERNELS", "apply_kernel", "image_kernel"]

_MOST_CELLS = 1001


def _identity() -> list[list[float]]:
    return [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def _box_blur(size: int = 3) -> np.ndarray:
    cells = positive_integer("size", size)
    if cells % 2 == 0 or cells > _MOST_CELLS:
        raise ParameterError(f"the size of a blur must be odd, so that it has a middle, got {size!r}.")
    return np.full((cells, cells), 1 / cells**2)


def _gaussian_blur(sigma: float = 1.0) -> np.ndarray:
    number = isinstance(sigma, int | float | np.number) and not isinstance(sigma, bool)
    if not number or not 0 < sigma <= _MOST_CELLS / 8:
        raise ParameterError(f"sigma must be a number of pixels above 0, got {sigma!r}.")
    away = np.arange(-ceil(3 * sigma), ceil(3 * sigma) + 1)
    bell = np.exp(-(away**2) / (2 * float(sigma) ** 2))
    return np.outer(bell, bell) / bell.sum() ** 2


_LEFT = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
_MADE: dict[str, Callable[..., Any]] = {
    "identity": _identity,
    "box blur": _box_blur,
    "Gaussian blur": _gaussian_blur,
    "sharpen": lambda: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "edge 4": lambda: [[0, -1, 0], [-1, 4, -1], [0, -1, 0]],
    "edge 8": lambda: [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "emboss": lambda: [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "Sobel left": lambda: _LEFT,
    "Sobel right": lambda: -_LEFT,
    "Sobel top": lambda: _LEFT.T,
    "Sobel bottom": lambda: -_LEFT.T,
}

IMAGE_KERNELS = tuple(_MADE)
"""The names of all kernels."""


def image_kernel(name: str, **options: Any) -> Float[np.ndarray, "size size"]:
    r"""Return a kernel by its name.

    - identity: 1 in the middle; the image stays as it is.
    - box blur: the mean of size × size pixels (3).
    - Gaussian blur: $w \propto e^{-(i^2 + j^2) / 2 \sigma^2}$ within 3σ, with sum 1 (σ = 1).
    - sharpen: the identity and edge 4 together.
    - edge 4, edge 8: a pixel against its 4 or 8 neighbours (the negative Laplacian); 0 on even ground.
    - emboss: light from below on the right; even ground stays as it is.
    - Sobel left, right, top, bottom: positive where the image is brighter on that side, smoothed across.

    Args:
        name: one of `IMAGE_KERNELS`, in any case.
        **options: ``size`` of the box blur, odd; ``sigma`` of the Gaussian blur, in pixels.

    Returns:
        The weights, for cross-correlation (nothing is flipped), as in `gorae.nn.Conv`.

    Raises:
        ParameterError: for another name, or an option that the kernel does not have.

    Example:
        >>> print(image_kernel("Sobel left"))
        [[ 1.  0. -1.]
         [ 2.  0. -2.]
         [ 1.  0. -1.]]

    References:
        Gonzalez and Woods 2018, "Digital image processing", sections 3.5 (blurs) and 3.6 (Laplacian, Sobel).
    """
    written = {one.casefold(): one for one in IMAGE_KERNELS}
    asked = name.casefold().replace("_", " ") if isinstance(name, str) else name
    made = written[known_name("kernel", asked, written)]
    known = {"box blur": {"size"}, "Gaussian blur": {"sigma"}}.get(made, set())
    if set(options) - known:
        has = f"the option {known.pop()!r}" if known else "no options"
        raise ParameterError(f"the kernel {made!r} has {has}, got {', '.join(map(repr, sorted(options)))}.")
    return np.asarray(_MADE[made](**options), np.float64)


def apply_kernel(
    image: Num[np.ndarray, "height width *channels"],
    kernel: str | Num[np.ndarray, "down across"],
    *,
    padding: Any = "same",
    fill: str = "edge",
) -> Float[np.ndarray, "rows columns *channels"]:
    r"""Apply a kernel: $y_{i,j} = \sum_{u,v} w_{u,v} \, x_{i+u-p, j+v-p}$, each channel by itself.

    Args:
        image: grey (height, width), or with channels last; any numbers.
        kernel: weights, or the name of an `image_kernel`.
        padding: "same" keeps the size, "valid" uses whole windows only; or cells on either side.
        fill: what lies outside: "edge" for the nearest pixel, or "zero", which is what layers have there.

    Returns:
        float64 numbers, not clipped: an edge may be negative, and brighter than white.

    Raises:
        InputError: if the image or the kernel has another number of axes, or the kernel does not fit.
        ParameterError: if the kernel, the padding or the fill is unknown.

    Example:
        >>> step = np.array([[0, 0, 9, 9]] * 3)  # dark on the left, bright on the right
        >>> print(apply_kernel(step, "Sobel right"))
        [[ 0. 36. 36.  0.]
         [ 0. 36. 36.  0.]
         [ 0. 36. 36.  0.]]
    """
    weights = image_kernel(kernel) if isinstance(kernel, str) else np.asarray(kernel, np.float64)
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "buif":
        raise InputError(
            "an image must be numbers of shape (height, width) or (height, width, channels), got "
            f"{pixels.dtype} of shape {pixels.shape}."
        )
    if weights.ndim != 2 or not weights.size:
        raise InputError(f"a kernel must be of shape (down, across), got {weights.shape}.")
    modes = {"edge": "edge", "zero": "constant"}
    mode: Any = modes[known_name("fill", fill, modes)]
    windows = make_windows(weights.shape, padding=padding)
    height, width = pixels.shape[:2]
    pads, (rows, columns) = windows.pads((height, width)), windows.outputs((height, width))
    wide = np.pad(pixels.astype(np.float64), [*pads, *[(0, 0)] * (pixels.ndim - 2)], mode=mode)
    total = np.zeros((rows, columns, *pixels.shape[2:]))
    for (down, across), weight in np.ndenumerate(weights):
        if weight:
            total += weight * wide[down : down + rows, across : across + columns]
    return total
