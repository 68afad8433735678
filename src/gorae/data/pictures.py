"""MNIST and Fashion-MNIST: finding, fetching and reading the four idx files that each is given in."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped, UInt8

from gorae.data.download import Remote, fetch
from gorae.data.idx import read_idx
from gorae.errors import DamagedFileError, FileError

__all__ = ["PICTURES", "Pictures", "load_pictures"]

PICTURES = ("mnist", "fashion-mnist")

_PARTS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_ADDRESSES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
}
_PINNED = {
    "mnist": (
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    "fashion-mnist": (
        (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
}
_CLOTHING = np.array(
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
)


class Pictures(NamedTuple):
    """A set of pictures, each a row of bytes, with labels: digits, or the names of clothes."""

    X: UInt8[np.ndarray, "rows width"]
    y: Shaped[np.ndarray, " rows"]
    test_X: UInt8[np.ndarray, "test width"]  # noqa: N815  X is the field's own name for a matrix
    test_y: Shaped[np.ndarray, " test"]
    image_shape: tuple[int, int]


def load_pictures(name: str, *, data_dir: str | Path | None = None, download: bool = False) -> Pictures:
    """Read the four idx files and check that they belong together.

    Args:
        name: ``"mnist"`` or ``"fashion-mnist"``.
        data_dir: The folder that has the files, or has a folder of the set's name that does. None: the
            folder in the environment variable GORAE_DATA, then the cache of an earlier download.
        download: Whether missing files may be fetched.

    Returns:
        The pictures.

    Raises:
        FileError: The files are not there, or cannot be read or fetched.
        DamagedFileError: They are damaged, or do not belong together.
    """
    paths = _find(name, data_dir, download)
    images, labels, test_images, test_labels = (read_idx(path) for path in paths)
    for path, pictures, marks in ((paths[0], images, labels), (paths[2], test_images, test_labels)):
        if pictures.dtype != np.uint8 or pictures.ndim != 3 or marks.shape != (len(pictures),):
            raise DamagedFileError(
                f"{path}: pictures of bytes with a label each were wanted, got {pictures.dtype} of shape "
                f"{pictures.shape} with labels of shape {marks.shape}."
            )
        if not pictures.size or pictures.shape[1:] != images.shape[1:] or marks.max() > 9:
            raise DamagedFileError(f"{path}: pictures of one size with labels 0 to 9 were wanted.")
    return Pictures(
        images.reshape(len(images), -1),
        _labels(name, labels),
        test_images.reshape(len(test_images), -1),
        _labels(name, test_labels),
        (images.shape[1], images.shape[2]),
    )


def _labels(name: str, codes: np.ndarray) -> np.ndarray:
    """Return digits as numbers, clothes by their names."""
    return _CLOTHING[codes] if name == "fashion-mnist" else codes.astype(np.int64)


def _find(name: str, data_dir: str | Path | None, download: bool) -> list[Path]:
    """Find the four files in the folder that was named, in the cache or, if allowed, on the network."""
    given = data_dir or os.environ.get("GORAE_DATA")
    cache = _cache_folder() / name
    folders = [Path(given) / name, Path(given)] if given else []
    if download or not data_dir:  # who names a folder means that one
        folders.append(cache)
    for folder in folders:
        found = [path for part in _PARTS if (path := _present(folder, part))]
        # The files of both sets have the same names: a folder called as the other set is passed over.
        if len(found) == len(_PARTS) and (folder.name == name or folder.name not in PICTURES):
            return found
    if download:
        remotes = zip(_PARTS, _PINNED[name], strict=True)
        return [fetch(Remote(f"{_ADDRESSES[name]}{part}.gz", *pin), cache) for part, pin in remotes]
    size = sum(pin[0] for pin in _PINNED[name]) / 1e6
    looked = f"{given}: the folder does not have" if given else f"{name}: this machine does not have"
    raise FileError(
        f"{looked} the four idx files of {name} ({', '.join(_PARTS)}, each plain or .gz). Give the folder "
        f"that has them (--data-dir, data_dir= or the variable GORAE_DATA), or allow its download of "
        f"{size:.0f} MB (--download, download=True)."
    )


def _present(folder: Path, part: str) -> Path | None:
    """Find a file under the names that are in use for it."""
    dotted = part.replace("-idx", ".idx")
    for file in (f"{part}.gz", part, f"{dotted}.gz", dotted):
        if (folder / file).is_file():
            return folder / file
    return None


def _cache_folder() -> Path:
    """Return where downloads are kept."""
    own = os.environ.get("GORAE_CACHE")
    if own:
        return Path(own) / "data"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gorae" / "data"
