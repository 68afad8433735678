"""Reads a folder of PNG and JPEG files: a folder for each class in it, or images without labels."""

import os
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gorae.data.images.decoding import ENDINGS, MOST_PIXELS, Header, decode, read_header
from gorae.data.images.value import Images
from gorae.data.unpack import MAX_BYTES
from gorae.errors import DataError, DataWarning, FileError

__all__ = ["MOST_FILES", "read_image_files", "read_image_folder"]

MOST_FILES = 200_000
"""Files that a folder of images may hold."""

_NAMED = 5
_SILENT = ("thumbs.db", "desktop.ini", "__macosx")


class _Found(NamedTuple):
    """The images of a folder by their places in it, and what was left out."""

    names: list[str]
    labels: list[str]
    skipped: list[str]


def read_image_folder(
    folder: str | Path,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    max_pixels: int = MOST_PIXELS,
    max_bytes: int = MAX_BYTES,
    max_files: int = MOST_FILES,
) -> Images:
    """Read the PNG and JPEG files of a folder.

    The folder has a folder for each class, with its images in it; or it has images itself, which then are
    without labels. Hidden files (and Thumbs.db, desktop.ini) are passed over in silence. Files that are no
    images by their name, folders further down, and links to outside of the folder are left out with a
    warning that names them. Every header is read before the first image is decoded, so that sizes and
    memory are known and refused in time.

    Args:
        folder: the folder.
        size: height and width, or one number for both, that images are scaled to; None wants one size.
        channels: 1 for grey, 3 for colours, 4 for colours and opacity; None for 1 where all are grey, else 3.
        max_pixels: that one image may have.
        max_bytes: that all images may take in memory.
        max_files: that the folder may hold.

    Returns:
        The images, in the order of their names, labelled with the names of their folders.

    Raises:
        FileError: a file or folder is missing, cannot be read, or is over a limit.
        DamagedFileError: a file is no image, damaged or cut off.
        DataError: there are no images, one class only, a class without images, or images of several sizes.

    Example:
        >>> import PIL.Image
        >>> folder = getfixture("tmp_path")
        >>> for place, name in enumerate(["cat/a.png", "cat/b.png", "dog/a.png"]):
        ...     (folder / name).parent.mkdir(exist_ok=True)
        ...     PIL.Image.new("L", (9, 8), place).save(folder / name)
        >>> images = read_image_folder(folder)
        >>> images.pixels.shape, images.labels.tolist(), images.names[2]
        ((3, 8, 9, 1), ['cat', 'cat', 'dog'], 'dog/a.png')
    """
    root = Path(folder)
    found = _find(root, max_files)
    if found.skipped:
        some = ", ".join(map(repr, found.skipped[:_NAMED])) + (", ..." if len(found.skipped) > _NAMED else "")
        warnings.warn(
            f"{root}: {len(found.skipped)} entries are no images of a class and were left out: {some}.",
            DataWarning,
            stacklevel=3,
        )
    classes = tuple(sorted(set(found.labels)))
    if len(classes) == 1:
        raise DataError(
            f"{root}: there is one class only, {classes[0]!r}; add a folder for each other class. For images "
            f"without labels, give the folder that they are in: {str(root / classes[0])!r}."
        )
    pixels = _read(root, found.names, size, channels, max_pixels, max_bytes)
    labels = np.array(found.labels) if classes else None
    return Images(pixels, labels, classes or None, tuple(found.names))


def read_image_files(
    root: Path, names: list[str], *, size: int | tuple[int, int] | None = None, channels: int | None = None
) -> Images:
    """Read some PNG and JPEG files, without labels.

    Args:
        root: the folder that names start from.
        names: of the files.
        size: see `read_image_folder`.
        channels: see `read_image_folder`.
    """
    return Images(_read(root, names, size, channels, MOST_PIXELS, MAX_BYTES), names=tuple(names))


def _find(root: Path, max_files: int) -> _Found:
    """List the images of a folder and their classes, without opening one."""
    inside = root.resolve()
    own, folders, skipped = _entries(root, root, inside, max_files)
    if not folders:
        if not own:
            raise DataError(f"{root}: the folder has no PNG or JPEG files, nor folders of them.")
        return _Found(own, [], skipped)
    names: list[str] = []
    labels: list[str] = []
    empty: list[str] = []
    for name in folders:
        images, deeper, others = _entries(root / name, root, inside, max_files - len(names))
        if not images and deeper:
            raise DataError(
                f"{root}: the class folder {name!r} has no images, only folders ({deeper[0]!r}, ...); images "
                f"stand right in the folder of their class. Perhaps {str(root / name)!r} was meant."
            )
        names += images
        labels += [name] * len(images)
        skipped += [*others, *deeper]
        if not images:
            empty.append(name)
    if not names:
        raise DataError(f"{root}: none of its {len(folders)} folders has a PNG or JPEG file.")
    if empty:
        some = ", ".join(map(repr, empty[:_NAMED])) + (", ..." if len(empty) > _NAMED else "")
        raise DataError(f"{root}: no images are in the class folder {some}; add some, or take it away.")
    return _Found(names, labels, [*own, *skipped])


def _entries(folder: Path, root: Path, inside: Path, most: int) -> tuple[list[str], list[str], list[str]]:
    """Return images, folders and other entries of a folder, by their names from the root."""
    images, folders, others = [], [], []
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count >= most:
                    raise FileError(
                        f"{root}: the folder has more files than are allowed; read it in parts, or raise "
                        "max_files."
                    )
                if entry.name.startswith(".") or entry.name.lower() in _SILENT:
                    continue
                name = str(Path(entry.path).relative_to(root))
                if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(inside):
                    others.append(name)
                elif entry.is_dir():
                    folders.append(_printable(root, name))
                elif entry.is_file() and entry.name.lower().endswith(ENDINGS):
                    images.append(_printable(root, name))
                else:
                    others.append(name)
    except FileNotFoundError:
        raise FileError(f"{folder}: there is no such folder; check the path.") from None
    except NotADirectoryError:
        raise FileError(f"{folder}: a folder was wanted, this is a file.") from None
    except OSError as error:
        raise FileError(f"{folder}: the folder cannot be read ({error.strerror or error}).") from None
    return sorted(images), sorted(folders), sorted(others)


def _printable(root: Path, name: str) -> str:
    """Return a name that every file of ours can hold."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise DataError(f"{root}: the name {name!r} is no UTF-8; rename it.") from None
    return name


def _read(
    root: Path,
    names: list[str],
    size: int | tuple[int, int] | None,
    channels: int | None,
    max_pixels: int,
    max_bytes: int,
) -> np.ndarray:
    """Read the headers of all images, then their pixels into one array."""
    wanted = None if size is None else _size(size)
    if channels not in (None, 1, 3, 4):
        raise DataError(
            f"channels must be 1 (grey), 3 (colours), 4 (colours and opacity) or None, got {channels!r}."
        )
    headers = [read_header(root / name, max_pixels) for name in names]
    height, width = wanted or _one_size(root, names, headers)
    depth = channels or (3 if any(header.colour for header in headers) else 1)
    kind = np.float32 if depth == 1 and any(header.deep for header in headers) else np.uint8
    total = len(names) * height * width * depth * np.dtype(kind).itemsize
    if total > max_bytes:
        raise FileError(
            f"{root}: {len(names):,} images of {height} x {width} pixels, {depth} channel(s), take {total:,} "
            f"bytes, more than the {max_bytes:,} that are allowed; give a smaller size=, or raise max_bytes."
        )
    pixels = np.empty((len(names), height, width, depth), kind)
    for place, name in enumerate(names):
        one = decode(root / name, depth, (height, width) if wanted else None, max_pixels)
        if one.shape != pixels.shape[1:]:
            raise FileError(f"{root / name}: the file changed while the folder was read.")
        pixels[place] = one
    return pixels


def _size(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return height and width that images are scaled to."""
    sides = (size, size) if isinstance(size, int | np.integer) else tuple(size)
    if len(sides) != 2 or not all(isinstance(one, int | np.integer) and 1 <= one <= 4096 for one in sides):
        raise DataError(f"size must be (height, width) or one number, each from 1 to 4096, got {size!r}.")
    return int(sides[0]), int(sides[1])


def _one_size(root: Path, names: list[str], headers: list[Header]) -> tuple[int, int]:
    """Return the size that all images have.

    Raises:
        DataError: if they have several; the first few of a rare size are named.
    """
    sizes = Counter((header.height, header.width) for header in headers)
    usual, count = sizes.most_common(1)[0]
    if len(sizes) == 1:
        return usual
    others = [
        f"{name!r} is {header.height} x {header.width}"
        for name, header in zip(names, headers, strict=True)
        if (header.height, header.width) != usual
    ]
    some = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
    raise DataError(
        f"{root}: images of one size were wanted; {count} of {len(names)} are {usual[0]} x {usual[1]}, but "
        f"{some}. Give size=(height, width) to scale all of them."
    )
