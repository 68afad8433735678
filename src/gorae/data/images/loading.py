"""From whatever holds images to one value: what it is, its content decides."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from gorae.data.idx import read_idx
from gorae.data.images.cifar import read_cifar
from gorae.data.images.decoding import ENDINGS
from gorae.data.images.folder import MOST_FILES, read_image_files, read_image_folder
from gorae.data.images.value import Images, as_images
from gorae.data.npy import NPY_MAGIC, read_npy
from gorae.data.unpack import MAX_BYTES, read_bounded
from gorae.errors import DamagedFileError, DataError, FileError

__all__ = ["holds_images", "load_images"]

_PACKED = re.compile(r"\.(gz|xz)$")


def load_images(
    source: Any,
    labels: Any = None,
    *,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    layout: str | None = None,
    max_bytes: int = MAX_BYTES,
    max_files: int = MOST_FILES,
) -> Images:
    """Read images from an array, a file of many (idx, CIFAR, .npy), or a folder of PNG and JPEG files.

    Args:
        source: an array (images, height, width), with channels last or first; or a path:

            - a folder with a folder of PNG and JPEG files for each class, or such files without labels;
            - one PNG or JPEG;
            - an idx file, plain or .gz, whose labels are read from the file beside it that is called alike
              (train-images-idx3-ubyte, train-labels-idx1-ubyte);
            - a binary file of CIFAR-10 or CIFAR-100 (.bin), plain, .gz or .xz, or a list of such files;
            - a .npy file.
        labels: one for each image, or the path of an idx file of them; for CIFAR-100 "fine" or "coarse". None
            for those that the source has.
        size: of files of their own: (height, width), or one number, that they are scaled to.
        channels: of files of their own: 1, 3 or 4; None for 1 where all are grey, else 3.
        layout: of an array: where channels are, "last" or "first"; None where the sizes tell.
        max_bytes: that the images may take.
        max_files: that a folder may hold.

    Returns:
        The images, all of one size, bytes where they were bytes.

    Raises:
        FileError: something is missing, cannot be read, or is over a limit.
        DamagedFileError: a file is damaged, cut off, or of another kind.
        DataError: there are no images, one class only, a class without images, several sizes, or a number
            of labels that is not that of the images.

    Example:
        >>> images = load_images(np.zeros((4, 28, 28), np.uint8), labels=[7, 2, 1, 0])
        >>> images.shape, images.labels.tolist()
        ((28, 28, 1), [7, 2, 1, 0])
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir() or _plain(path).endswith(ENDINGS):
            return _from_files(path, labels, size, channels, max_bytes, max_files)
    images = _of_one_size(source, labels, layout, max_bytes)
    _check_asked(images, size, channels)
    return images


def _from_files(
    path: Path,
    labels: Any,
    size: int | tuple[int, int] | None,
    channels: int | None,
    max_bytes: int,
    max_files: int,
) -> Images:
    """Read a folder of images, or one of them."""
    if not path.is_dir():
        found = read_image_files(path.parent, [path.name], size=size, channels=channels)
        return found if labels is None else Images(found.pixels, np.asarray(labels), names=found.names)
    if labels is not None:
        raise DataError(
            f"{path}: the labels of a folder are the names of the folders in it; leave labels out."
        )
    return read_image_folder(path, size=size, channels=channels, max_bytes=max_bytes, max_files=max_files)


def _of_one_size(source: Any, labels: Any, layout: str | None, max_bytes: int) -> Images:
    """Read images that are of one size because they are of one array."""
    if isinstance(source, list | tuple) and source and all(isinstance(one, str | Path) for one in source):
        return read_cifar(source, labels="fine" if labels is None else labels, max_bytes=max_bytes)
    if not isinstance(source, str | Path):
        return as_images(source, labels, layout=layout)
    if _plain(Path(source)).endswith(".bin"):
        return read_cifar(source, labels="fine" if labels is None else labels, max_bytes=max_bytes)
    return _from_array_file(Path(source), labels, layout, max_bytes)


def _check_asked(images: Images, size: int | tuple[int, int] | None, channels: int | None) -> None:
    """Refuse another size or other channels than an array has, which is used as it is.

    Raises:
        DataError: telling what the array has.
    """
    height, width, own = images.shape
    wanted = (size, size) if isinstance(size, int | np.integer) else size
    if (wanted is not None and tuple(wanted) != (height, width)) or channels not in (None, own):
        asked = "" if wanted is None else f"size {tuple(wanted)} "
        asked += "" if channels is None else f"{channels} channel(s)"
        raise DataError(
            f"the images are {height} x {width} with {own} channel(s), but {asked.strip()} were asked for; "
            "only PNG and JPEG files are scaled and converted."
        )


def _plain(path: Path) -> str:
    """Return the name of a file in lower case, without the ending of its packing."""
    return _PACKED.sub("", path.name.lower())


def holds_images(path: str | Path) -> bool:
    """Whether a path is that of images, by its name: a folder, a PNG or JPEG, an idx or a CIFAR file.

    Example:
        >>> holds_images("train-images-idx3-ubyte.gz"), holds_images("people.csv.gz")
        (True, False)
    """
    plain = _plain(Path(path))
    return (
        Path(path).is_dir()
        or plain.endswith((*ENDINGS, ".bin", ".idx"))
        or re.search(r"idx[34]", plain) is not None
    )


def _from_array_file(path: Path, labels: Any, layout: str | None, max_bytes: int) -> Images:
    """Read an idx or .npy file, and the labels beside it."""
    if not path.exists():
        raise FileError(f"{path}: there is no such file; check the path.")
    head = _head(path)
    if head == NPY_MAGIC:
        array = read_npy(read_bounded(path, max_bytes=max_bytes), str(path))
    elif head[:2] in (b"\0\0", b"\x1f\x8b"):
        array = read_idx(path, max_bytes=max_bytes)
    else:
        raise DamagedFileError(
            f"{path}: images were wanted (a folder of PNG or JPEG files, an idx, .npy or CIFAR .bin file), "
            "but the file is none of them."
        )
    if array.ndim not in (3, 4):
        raise DataError(
            f"{path}: images were wanted, (images, height, width) or with an axis of channels, but the array "
            f"is of shape {array.shape}."
        )
    if labels is None:
        beside = _labels_beside(path)
        labels = None if beside is None else read_idx(beside)
    elif isinstance(labels, str | Path):
        labels = read_idx(labels)
    return as_images(array, labels, layout=layout)


def _head(path: Path) -> bytes:
    """Return the first bytes of a file."""
    try:
        with path.open("rb") as file:
            return file.read(len(NPY_MAGIC))
    except OSError as error:
        raise FileError(f"{path}: the file cannot be read ({error.strerror or error}).") from None


def _labels_beside(path: Path) -> Path | None:
    """Return the idx file of labels that belongs to one of images by its name, if it is there."""
    own = _PACKED.sub("", path.name)
    name = re.sub(r"idx\d", "idx1", own.replace("images", "labels"))
    if name == own:
        return None
    return next(
        (path.with_name(name + end) for end in ("", ".gz") if path.with_name(name + end).is_file()), None
    )
