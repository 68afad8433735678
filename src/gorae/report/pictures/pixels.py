"""Small images as data URIs: examples in grey or colour, weights in two colours around zero."""

import base64
import struct
import zlib

import numpy as np
from jaxtyping import Num

from gorae.errors import InputError

__all__ = ["MOST_PIXELS", "image_uri", "weights_uri"]

MOST_PIXELS = 96  # per side; larger images are thinned, a thumbnail shows no more
_NEGATIVE, _POSITIVE = np.array([213.0, 94.0, 0.0]), np.array([0.0, 114.0, 178.0])  # vermillion, blue


def image_uri(
    image: Num[np.ndarray, "height width *channels"],
    limits: tuple[float, float] | None = None,
) -> str:
    """An image as a PNG inside a URI; the smallest value is black and the largest white.

    Args:
        image: grey (height, width), or (height, width, 1 or 3); any numbers. NaN is drawn as the smallest.
        limits: what is black and what is white, to compare images; None for the image's own.

    Returns:
        ``data:image/png;base64,...``

    Raises:
        InputError: the array is no image.

    Example:
        >>> image_uri(np.eye(8))[:22]
        'data:image/png;base64,'
    """
    pixels = _thinned(image)
    low, high = limits or (float(pixels.min()), float(pixels.max()))
    scaled = (pixels.clip(low, high) - low) * (255 / (high - low)) if high > low else np.zeros_like(pixels)
    return _png(scaled.round().astype(np.uint8))


def weights_uri(image: Num[np.ndarray, "height width"], limit: float) -> str:
    """Weights as a PNG inside a URI: white is zero, blue positive, vermillion negative.

    Args:
        image: the weights.
        limit: the size of a weight that gets the full colour; share it between pictures that are compared.

    Returns:
        ``data:image/png;base64,...``

    Raises:
        InputError: the array is no grey image.

    Example:
        >>> weights_uri(np.array([[-1.0, 0.0, 1.0]]), 1.0)[:22]
        'data:image/png;base64,'
    """
    weights = _thinned(image)
    if weights.ndim != 2:
        raise InputError(f"A picture of weights must be (height, width), but is of shape {weights.shape}.")
    part = np.clip(weights / (limit or 1.0), -1, 1)[:, :, None]
    towards = np.where(part < 0, _NEGATIVE, _POSITIVE)
    return _png((255 + np.abs(part) * (towards - 255)).round().astype(np.uint8))


def _thinned(image: Num[np.ndarray, "height width *channels"]) -> np.ndarray:
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    grey_or_colour = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if not grey_or_colour or not pixels.size or pixels.dtype.kind not in "buif":
        raise InputError(
            "An image must be numbers of shape (height, width) or (height, width, 1 or 3), but is "
            f"{pixels.dtype} of shape {pixels.shape}."
        )
    high, wide = (-(-side // MOST_PIXELS) for side in pixels.shape[:2])
    pixels = pixels[::high, ::wide].astype(np.float64)
    finite = np.isfinite(pixels)
    return np.where(finite, pixels, pixels[finite].min() if finite.any() else 0.0)


def _png(pixels: np.ndarray) -> str:
    """A PNG is a header, the deflated rows with a filter byte each, and an end; each with its checksum."""
    high, wide = pixels.shape[:2]
    kind = 0 if pixels.ndim == 2 else 2
    rows = np.zeros((high, 1 + wide * (1 if kind == 0 else 3)), np.uint8)
    rows[:, 1:] = pixels.reshape(high, -1)
    header = struct.pack(">IIBBBBB", wide, high, 8, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))
        for tag, body in chunks
    ]
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode("ascii")
