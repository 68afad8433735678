"""What images are once they are read: pixels with channels last, labels, names."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped, UInt8

from gorae.data.arrays import as_matrix
from gorae.errors import DataError, ParameterError

__all__ = ["Images", "as_images"]

_MOST_CHANNELS = 4
_LAYOUTS = ("last", "first")


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one size.

    The arrays cannot be written to: whoever changes pixels makes a copy.

    Args:
        pixels: bytes from 0 (black) to 255, or float32; (images, height, width, channels).
        labels: one for each image, or None.
        classes: the names of the classes, sorted, where a folder or a format names them.
        names: the files that the images came from, where each had its own.

    Raises:
        DataError: if the parts do not belong together.

    Example:
        >>> images = Images(np.zeros((3, 8, 9, 1), np.uint8))
        >>> len(images), images.shape, images.labels is None
        (3, (8, 9, 1), True)
    """

    pixels: UInt8[np.ndarray, "n height width channels"] | Float32[np.ndarray, "n height width channels"]
    labels: Shaped[np.ndarray, " n"] | None = None
    classes: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype not in (np.uint8, np.float32) or not self.pixels.size:
            raise DataError(
                "images must be uint8 or float32 of shape (images, height, width, channels), got "
                f"{self.pixels.dtype} of shape {self.pixels.shape}."
            )
        for what, found in (("labels", self.labels), ("names", self.names)):
            if found is not None and len(found) != len(self.pixels):
                raise DataError(f"{len(self.pixels)} images need as many {what}, got {len(found)}.")
        for part in ("pixels", "labels"):
            if getattr(self, part) is not None:
                kept = np.ascontiguousarray(getattr(self, part)).view()
                kept.flags.writeable = False
                object.__setattr__(self, part, kept)

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.pixels.shape[1:]
        return height, width, channels

    @property
    def matrix(self) -> Shaped[np.ndarray, "n width"]:
        """The pixels of each image as one row, as models for tables read them; no copy is made."""
        return self.pixels.reshape(len(self.pixels), -1)


def as_images(X: Any, labels: Any = None, *, layout: str | None = None) -> Images:
    """Make images of an array.

    Bytes stay bytes, everything else becomes float32. An axis of 1 to 4 is taken for the channels where the
    other end has more than 4.

    Args:
        X: (images, height, width), (images, height, width, channels) or (images, channels, height, width).
        labels: one for each image, or None.
        layout: where channels are: "last" or "first"; None where the sizes tell.

    Returns:
        The images, with channels last.

    Raises:
        DataError: if they are no images, or values are text, infinite or NaN.
        ParameterError: if it cannot be told where the channels are, or the layout has another name.

    Example:
        >>> as_images(np.zeros((5, 3, 32, 32), np.uint8)).shape  # channels first, as PyTorch has them
        (32, 32, 3)
    """
    if layout not in (None, *_LAYOUTS):
        raise ParameterError(f'layout must be "last", "first" or None, got {layout!r}.')
    found = as_matrix(X)
    if found.image_shape is None:
        raise DataError(
            "images must be of shape (images, height, width), or with an axis of channels, got "
            f"{len(found.values)} rows of {found.values.shape[1]} columns. Reshape them, for instance with "
            "X.reshape(-1, 28, 28)."
        )
    pixels = found.values.reshape(len(found.values), *found.image_shape)
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    elif (layout or _layout(pixels.shape)) == "first":
        pixels = np.moveaxis(pixels, 1, -1)
    return Images(pixels, None if labels is None else _labels(labels))


def _layout(shape: tuple[int, ...]) -> str:
    """Return where the channels are, by the sizes of the axes."""
    few_first, few_last = shape[1] <= _MOST_CHANNELS, shape[3] <= _MOST_CHANNELS
    if few_first == few_last:
        raise ParameterError(
            f"images of shape {shape}: it cannot be told whether {shape[1]} or {shape[3]} counts the "
            'channels. Give layout="last" for (images, height, width, channels), or layout="first".'
        )
    return "first" if few_first else "last"


def _labels(labels: Any) -> np.ndarray:
    """Return labels as an array of one axis."""
    array = np.asarray(labels)
    if array.ndim != 1:
        raise DataError(f"labels must be one for each image, got shape {array.shape}.")
    return array
