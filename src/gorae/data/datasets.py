"""Map-style datasets, as PyTorch has them, as arrays: anything with a length whose items are rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Num, Shaped

from gorae.errors import DataError

__all__ = ["is_dataset", "read_dataset", "read_items"]

_MOST_CHANNELS = 4
_PLAIN = (str, bytes, bytearray, memoryview, Mapping, list, tuple, range, set, frozenset, np.ndarray)
_TABLES = ("shape", "__array__", "__dataframe__", "__array_interface__", "columns", "dtypes")


def is_dataset(X: Any) -> bool:
    """Return whether something is a map-style dataset: it has a length and items, and is no array or table.

    Example:
        >>> is_dataset(np.zeros((2, 3))), is_dataset([[1.0], [2.0]])
        (False, False)
    """
    kind = type(X)
    if isinstance(X, (*_PLAIN, type)) or kind.__module__.partition(".")[0] == "gorae":
        return False
    if any(hasattr(X, name) for name in _TABLES):
        return False
    return hasattr(kind, "__len__") and hasattr(kind, "__getitem__")


def read_dataset(
    dataset: Any,
) -> tuple[Num[np.ndarray, " rows *sizes"], Shaped[np.ndarray, " rows *targets"] | None]:
    """Return all rows of a dataset as one array, and their targets where its items are pairs.

    Items are rows, or pairs of a row and its target; a row is anything that numpy makes an array of: a
    tensor, a picture, a list. Tensors with channels first, `(channels, height, width)` with up to four
    channels and larger sides, come out with their channels last, as everywhere in gorae.

    Args:
        dataset: what has `__len__` and `__getitem__`.

    Returns:
        `(n, *sizes)`, bytes where rows are bytes; and `(n, ...)` or None.

    Raises:
        DataError: when it is empty, an item cannot be read, or rows differ in size.

    Example:
        >>> class Squares:
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, i):
        ...         return [float(i), float(i * i)], i
        >>> read_dataset(Squares())[0].shape, read_dataset(Squares())[1].tolist()
        ((3, 2), [0, 1, 2])
    """
    if len(dataset) == 0:
        raise DataError("the dataset is empty: its length is 0.")
    rows, targets = read_items(dataset, range(len(dataset)))
    return rows, np.asarray(targets) if targets else None


def read_items(dataset: Any, places: range) -> tuple[Num[np.ndarray, " rows *sizes"], list[Any]]:
    """Return some rows of a dataset as one array, and a list of their targets, empty where there are none.

    Args:
        dataset: what has `__len__` and `__getitem__`.
        places: which rows, at least one.

    Raises:
        DataError: as `read_dataset` does.
    """
    rows: np.ndarray | None = None
    targets: list[Any] = []
    for number, place in enumerate(places):
        row, target = _item(dataset, place)
        if rows is None:
            rows = np.empty((len(places), *row.shape), row.dtype)
        if row.shape != rows.shape[1:]:
            raise DataError(
                f"row {place} (from 0) of the dataset has the shape {row.shape}, but row {places[0]} has "
                f"{rows.shape[1:]}; all must be of one size: resize or pad them in the dataset."
            )
        if row.dtype != rows.dtype:
            rows = rows.astype(np.result_type(rows.dtype, row.dtype))
        rows[number] = row
        targets += target
    assert rows is not None
    if len(targets) not in (0, len(places)):
        raise DataError(
            f"{len(targets)} of {len(places)} items of the dataset are pairs of a row and its target; all "
            "must be, or none."
        )
    return rows, targets


def _item(dataset: Any, place: int) -> tuple[np.ndarray, list[Any]]:
    """Return a row and, in a list, its target, if it has one.

    Raises:
        DataError: when it cannot be read, or holds no numbers.
    """
    try:
        item = dataset[place]
    except Exception as error:  # whatever the user's dataset does
        raise DataError(
            f"row {place} (from 0) of the dataset cannot be read: {type(error).__name__}: {error}."
        ) from error
    paired = isinstance(item, tuple | list) and len(item) == 2 and np.ndim(_host(item[0])) > 0
    row, targets = (item[0], [_target(item[1])]) if paired else (item, [])
    if isinstance(item, Mapping):
        raise DataError(
            "the dataset's items must be rows, or pairs of a row and its target, got dictionaries."
        )
    is_tensor = hasattr(row, "detach")
    array = np.asarray(_host(row))
    if array.dtype.kind not in "buif":
        raise DataError(
            f"the dataset's rows must hold numbers, got {array.dtype} in row {place} (from 0); turn them "
            "into numbers in the dataset."
        )
    if is_tensor and array.ndim == 3 and array.shape[0] <= _MOST_CHANNELS < min(array.shape[1:]):
        array = np.moveaxis(array, 0, -1)
    return array, targets


def _host(value: Any) -> Any:
    """Return a tensor as one that numpy can read; everything else as it is."""
    return value.detach().cpu() if hasattr(value, "detach") else value


def _target(value: Any) -> Any:
    """Return a target as a number or a label, or an array of several."""
    array = np.asarray(_host(value))
    return array.item() if array.ndim == 0 else array
