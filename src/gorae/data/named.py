"""Data sets by name: embedded in scikit-learn, drawn from a seed, or read from idx files."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from sklearn import datasets

from gorae.data.generated import GENERATORS
from gorae.data.pictures import PICTURES, load_pictures
from gorae.errors import ParameterError, closest

__all__ = ["NAMES", "Named", "load_named"]


class Named(NamedTuple):
    """A data set.

    Attributes:
        name: What it is called.
        X: One row per example; bytes where they are pictures of bytes.
        y: The target: names of classes, digits, or quantities.
        feature_names: One per column of X.
        task: What the target asks for.
        image_shape: Height and width, where the rows are pictures.
        test_X: The rows held out by its authors, where there are any.
        test_y: Their target.
        about: What it holds, for people.
    """

    name: str
    X: Float32[np.ndarray, "rows width"] | UInt8[np.ndarray, "rows width"]
    y: Shaped[np.ndarray, " rows"]
    feature_names: tuple[str, ...]
    task: Literal["classification", "regression"]
    image_shape: tuple[int, int] | None
    test_X: UInt8[np.ndarray, "test width"] | None  # noqa: N815  X is the field's own name for a matrix
    test_y: Shaped[np.ndarray, " test"] | None
    about: str


_EMBEDDED: dict[str, Callable] = {
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast-cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
}

NAMES = (*_EMBEDDED, *GENERATORS, *PICTURES)
"""The names of all data sets."""

_ABOUT = {
    "digits": "1,797 handwritten digits of 8 by 8 pixels (UCI)",
    "iris": "150 iris flowers of 3 species, lengths and widths in cm (Fisher, 1936)",
    "wine": "178 wines of 3 cultivars, 13 chemical measurements (UCI)",
    "breast-cancer": "569 tumours, benign or malignant, 30 measurements of cell nuclei (Wisconsin, UCI)",
    "diabetes": "442 patients, 10 measurements, progression of the disease after a year",
    "moons": "1,000 points of two interleaved half circles",
    "circles": "1,000 points of a circle inside another",
    "blobs": "1,000 points of four Gaussian clouds",
    "spirals": "1,000 points of three spiral arms",
    "mnist": "70,000 handwritten digits of 28 by 28 pixels, 10,000 of them for testing (LeCun et al.)",
    "fashion-mnist": "70,000 pictures of clothes of 28 by 28 pixels, 10,000 of them for testing (Zalando)",
}


def load_named(
    name: str, *, data_dir: str | Path | None = None, download: bool = False, seed: int = 0
) -> Named:
    """Load a data set by its name.

    MNIST and Fashion-MNIST are read from the four idx files of their authors, plain or packed, in this
    order: from ``data_dir`` or, if it is None, the folder in the environment variable GORAE_DATA, or a
    folder of the set's name inside it; from the cache of an earlier download; and from the network, if
    ``download`` is true. What is fetched is checked against pinned hashes and kept in ``gorae/data``
    inside the user's cache folder, or ``data`` inside the folder in GORAE_CACHE. Nothing is fetched unasked.

    Args:
        name: One of ``NAMES``.
        data_dir: A folder with idx files.
        download: Whether missing idx files may be fetched.
        seed: Of the sets that are drawn.

    Returns:
        The data set.

    Raises:
        ParameterError: There is no set of this name; the message has the near one.
        FileError: The idx files are not there, or cannot be read or fetched.
        DamagedFileError: They are damaged, or do not belong together.

    Example:
        >>> iris = load_named("iris")
        >>> iris.X.shape, str(iris.y[0]), iris.task
        ((150, 4), 'setosa', 'classification')
    """
    if name in _EMBEDDED:
        return _load_embedded(name)
    if name in GENERATORS:
        X, y = GENERATORS[name](seed)
        return Named(name, X, y, ("x0", "x1"), "classification", None, None, None, _ABOUT[name])
    if name in PICTURES:
        found = load_pictures(name, data_dir=data_dir, download=download)
        height, width = found.image_shape
        pixels = tuple(f"pixel {row},{column}" for row in range(height) for column in range(width))
        shape = found.image_shape
        held_out = (found.test_X, found.test_y)
        return Named(name, found.X, found.y, pixels, "classification", shape, *held_out, _ABOUT[name])
    near = closest(str(name), NAMES)
    hint = f"; did you mean {near!r}?" if near else "."
    raise ParameterError(f"there is no data set {name!r} among {', '.join(NAMES)}{hint}")


def _load_embedded(name: str) -> Named:
    """Take a set out of scikit-learn; classes that have names are called by them."""
    bunch = _EMBEDDED[name]()
    X = np.ascontiguousarray(bunch.data, dtype=np.float32)
    features = tuple(str(feature) for feature in bunch.feature_names)
    if name == "diabetes":
        return Named(name, X, bunch.target, features, "regression", None, None, None, _ABOUT[name])
    y = bunch.target if name == "digits" else np.asarray(bunch.target_names).astype(str)[bunch.target]
    shape = (8, 8) if name == "digits" else None
    return Named(name, X, y, features, "classification", shape, None, None, _ABOUT[name])
