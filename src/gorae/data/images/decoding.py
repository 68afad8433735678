"""Reads one PNG or JPEG with Pillow: its header first, its pixels only where they are wanted and fit.

A file is held to be hostile. What it is, its content decides, not its name, and nothing but these two formats
is tried; a header that states more pixels than are allowed is refused before anything is unpacked.
"""

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gorae.errors import DamagedFileError, DataError, FileError, GoraeError

__all__ = ["ENDINGS", "MOST_PIXELS", "Header", "decode", "read_header"]

ENDINGS = (".png", ".jpg", ".jpeg")
"""How the names of images end, in lower case."""

MOST_PIXELS = 2**25
"""Pixels that one image may have: 33 million."""

_MOST_FILE_BYTES = 2**28
_ORIENTATION, _SIDEWAYS = 274, (5, 6, 7, 8)  # of a camera: an EXIF tag, and the values that swap the sides
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's names for 16 bits of grey


class Header(NamedTuple):
    """What an image says of itself before it is decoded.

    Attributes:
        height: of the image as it is looked at, a camera's turn included.
        width: likewise.
        colour: whether it has colours; grey images have one channel.
        deep: whether it is grey of 16 bits.
    """

    height: int
    width: int
    colour: bool
    deep: bool


def read_header(path: Path, max_pixels: int = MOST_PIXELS) -> Header:
    """Return the size of an image, without decoding it.

    Args:
        path: the file.
        max_pixels: that it may have.

    Raises:
        FileError: it cannot be read, or is larger than allowed.
        DamagedFileError: it is no PNG or JPEG.
        DataError: Pillow is not installed.

    Example:
        >>> path = getfixture("tmp_path") / "a.png"
        >>> import PIL.Image
        >>> PIL.Image.new("L", (5, 4)).save(path)
        >>> read_header(path)
        Header(height=4, width=5, colour=False, deep=False)
    """
    with _opened(path, max_pixels) as image:
        width, height = image.size
        # a PNG is not asked: to find its EXIF data Pillow decodes it
        if image.format == "JPEG" and image.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
        deep = image.mode in _DEEP
        return Header(height, width, not deep and image.mode not in ("1", "L", "LA"), deep)


def decode(
    path: Path, channels: int, size: tuple[int, int] | None = None, max_pixels: int = MOST_PIXELS
) -> np.ndarray:
    """Return an image's pixels, (height, width, channels): bytes, or float32 where it has 16 bits of grey.

    Palettes become the colours they stand for, and a camera's turn of a JPEG is applied. Of 1 channel,
    colours become their brightness (ITU-R 601); of 3, grey is repeated; transparent pixels are laid over
    black, unless there are 4 channels, the fourth being opacity. Grey of 16 bits is divided by 257, so that
    white is 255 in every image; colours of 16 bits are cut to 8.

    Args:
        path: the file.
        channels: 1, 3 or 4.
        size: height and width to scale the whole image to, with averaging; None keeps its own.
        max_pixels: that it may have.

    Raises:
        FileError: it cannot be read, or is larger than allowed.
        DamagedFileError: it is no PNG or JPEG, or damaged or cut off.

    Example:
        >>> path = getfixture("tmp_path") / "a.png"
        >>> import PIL.Image
        >>> PIL.Image.new("RGB", (5, 4), (255, 0, 0)).save(path)
        >>> decode(path, 1)[0, 0], decode(path, 3).shape
        (array([76], dtype=uint8), (4, 5, 3))
    """
    with _opened(path, max_pixels) as image:
        upright = import_module("PIL.ImageOps").exif_transpose(image) if image.format == "JPEG" else image
        if upright.mode in _DEEP and channels == 1:
            pixels = np.asarray(upright, np.float32) / 257
            if size is not None:
                pixels = np.asarray(_scaled(_pillow().fromarray(pixels), size))
            return pixels[..., None]
        pixels = np.asarray(_scaled(_coloured(upright, channels), size))
        return pixels if pixels.ndim == 3 else pixels[..., None]


def _coloured(image: Any, channels: int) -> Any:
    """Return an image of 8 bits with so many channels."""
    if image.mode in _DEEP:
        deep = np.asarray(image, np.float32) / 257
        image = _pillow().fromarray(deep.round().astype(np.uint8))
    clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if channels == 4:
        return image.convert("RGBA")
    if clear:
        image = image.convert("RGBA")
        black = _pillow().new("RGBA", image.size, (0, 0, 0, 255))
        image = _pillow().alpha_composite(black, image).convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _scaled(image: Any, size: tuple[int, int] | None) -> Any:
    """Return an image of this height and width."""
    if size is None or image.size == size[::-1]:
        return image
    return image.resize(size[::-1], _pillow().Resampling.BILINEAR)


def _pillow() -> Any:
    """Return Pillow's module of images.

    Raises:
        DataError: if it is not installed.
    """
    try:
        return import_module("PIL.Image")
    except ImportError:
        raise DataError("PNG and JPEG need Pillow; install it with: pip install 'gorae[images]'") from None


@contextmanager
def _opened(path: Path, max_pixels: int) -> Iterator[Any]:
    """Open an image whose header is in order, and tell whatever goes wrong inside as its damage."""
    pillow = _pillow()
    try:
        with _regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit is checked below, and told as an error
            image = pillow.open(file, formats=("PNG", "JPEG"))
            width, height = image.size
            if width * height > max_pixels:
                raise FileError(_too_large(path, f"{width} x {height} pixels", max_pixels))
            yield image
    except GoraeError:
        raise
    except pillow.DecompressionBombError:
        raise FileError(_too_large(path, "more pixels than can be counted on", max_pixels)) from None
    except pillow.UnidentifiedImageError:
        raise DamagedFileError(
            f"{path}: a PNG or JPEG was wanted, but the file is neither; replace it or take it away."
        ) from None
    except OSError as error:
        if error.errno is not None:
            raise FileError(f"{path}: the file cannot be read ({error.strerror}).") from None
        raise _damaged(path, error) from None
    except Exception as error:
        raise _damaged(path, error) from None


@contextmanager
def _regular(path: Path) -> Iterator[Any]:
    """Open a file of bytes on a disk: neither a pipe, which could keep us waiting, nor a device."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise FileError(f"{path}: a file was wanted, this is a folder or a device.")
        if about.st_size > _MOST_FILE_BYTES:
            raise FileError(
                f"{path}: the file has {about.st_size:,} bytes, more than the {_MOST_FILE_BYTES:,} that an "
                "image may have."
            )
        yield file


def _too_large(path: Path, found: str, most: int) -> str:
    """Say that an image has too many pixels."""
    return (
        f"{path}: the image states {found}, more than the {most:,} that are allowed, and was not decoded; "
        "make it smaller, or raise max_pixels where you trust the file."
    )


def _damaged(path: Path, error: Exception) -> DamagedFileError:
    """Say that an image cannot be decoded."""
    told = " ".join(str(error).split()) or type(error).__name__
    return DamagedFileError(
        f"{path}: the image is damaged or cut off ({told}); replace the file or take it away."
    )
