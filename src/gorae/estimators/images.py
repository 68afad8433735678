"""Images as rows of numbers: which sizes they have, and what a row of numbers is an image of."""

from math import isqrt, prod
from typing import Any

import numpy as np

from gorae.errors import DataError, ParameterError

_LEAST_SIDE = 8
"""Sides of a picture from which on a row that looks like a coloured one is asked about."""


def image_rows(X: Any, given: Any) -> tuple[Any, tuple[int, int, int] | None]:
    """Return images as rows of numbers, and their sizes where X tells them.

    Args:
        X: `(n, height, width)`, `(n, height, width, channels)`, or rows of numbers, which come back as they
            are.
        given: the sizes that the user has set, or None.

    Raises:
        DataError: when X has other sizes than were set, or channels first.
    """
    shape = getattr(X, "shape", None)
    if isinstance(X, list | tuple) and X and np.ndim(X[0]) in (2, 3):
        X, shape = _stacked(X), None
        shape = X.shape
    if shape is None or len(shape) not in (3, 4):
        return X, None
    X = np.asarray(X)
    image = (*X.shape[1:3], X.shape[3] if X.ndim == 4 else 1)
    if min(image) < 1:
        raise DataError(f"X must hold images with at least one cell, got shape {X.shape}.")
    if given is not None and checked_image(given) != image:
        raise DataError(
            f"image_shape is {checked_image(given)}, but X holds images of {image} (height, width, channels)."
        )
    if given is None and X.ndim == 4 and image[0] in (1, 3, 4) and image[2] >= _LEAST_SIDE:
        raise DataError(
            f"X must be (images, height, width, channels), got shape {X.shape}, which looks like channels "
            "first; move them with X.transpose(0, 2, 3, 1), or set image_shape if the sizes are meant."
        )
    return X.reshape(len(X), prod(image)), image


def image_of_rows(inputs: int) -> tuple[int, int, int]:
    """Return the sizes of the image that a row of numbers is: a grey square, or else a single row of cells.

    Args:
        inputs: numbers in a row.

    Raises:
        ParameterError: when a row looks like a square image of three or four channels, whose order nobody
            knows.

    Example:
        >>> image_of_rows(64), image_of_rows(10)
        ((8, 8, 1), (1, 10, 1))
    """
    side = isqrt(inputs)
    if side * side == inputs:
        return side, side, 1
    for channels in (3, 4):
        side = isqrt(inputs // channels)
        if channels * side * side == inputs and side >= _LEAST_SIDE:
            raise ParameterError(
                f"rows of {inputs} numbers look like images of {side} x {side} cells with {channels} "
                f"channels; set image_shape=({side}, {side}, {channels}) if the channels are the last axis, "
                "or give X as (images, height, width, channels)."
            )
    return 1, inputs, 1


def checked_image(image: Any, inputs: int | None = None) -> tuple[int, int, int]:
    """Return the sizes that a user has set, for rows of so many numbers where that is known.

    Raises:
        ParameterError: when they are not two or three sizes whose product is the row's numbers.
    """
    sizes = tuple(image) if isinstance(image, list | tuple | np.ndarray) else ()
    whole = all(isinstance(size, int | np.integer) and not isinstance(size, bool) for size in sizes)
    if len(sizes) not in (2, 3) or not whole or min(sizes) < 1:
        raise ParameterError(
            f"image_shape must be (height, width) or (height, width, channels), got {image!r}."
        )
    height, width, channels = (*map(int, sizes), 1)[:3]
    if inputs is not None and height * width * channels != inputs:
        raise ParameterError(
            f"image_shape {tuple(map(int, sizes))} needs rows of {height * width * channels} numbers, but X "
            f"has {inputs}."
        )
    return height, width, channels


def _stacked(images: Any) -> np.ndarray:
    """Return a list of images as one array.

    Raises:
        DataError: naming the first image that is of another size.
    """
    arrays = [np.asarray(image) for image in images]
    for place, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise DataError(
                f"all images must be of one size, but image {place} (from 0) is {array.shape} and image 0 is "
                f"{arrays[0].shape}; resize or crop them first."
            )
    return np.stack(arrays)
