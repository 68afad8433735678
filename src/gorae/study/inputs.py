"""What is to be predicted from, as the user gives it: a table of any library, or an array."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from gorae.data import TableEncoding, as_frame, as_matrix, require_columns
from gorae.errors import DataError, ParameterError

_LOOKED_AT = 1024
_FAR = 1e4


@dataclass(frozen=True)
class Inputs:
    """Rows to predict from: a table, or a matrix of numbers.

    Args:
        matrix: float32 with NaN for missing, or uint8; empty where there is a table.
        frame: the table, or None.
        names: names of the matrix's columns.
        image_shape: height and width, where rows are pictures.
    """

    matrix: np.ndarray
    frame: pl.DataFrame | None
    names: tuple[str, ...]
    image_shape: tuple[int, ...] | None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.matrix) if self.frame is None else self.frame.height

    @property
    def columns(self) -> int:
        """Number of columns that the user gave."""
        return self.matrix.shape[1] if self.frame is None else self.frame.width


def read_inputs(X: Any, image_shape: Sequence[int] | None, names: Sequence[str] | None) -> Inputs:
    """Return rows as a matrix, or as a table where columns have names or hold more than numbers.

    Args:
        X: a frame of any library, a dictionary of columns, an array, rows in a list, a sparse matrix.
        image_shape: height and width where rows are pictures given flat.
        names: names of an array's columns, or None.

    Raises:
        DataError: when no rows can be made of it.
        ParameterError: when the shape or the names are not those of the rows.
    """
    if image_shape is None and _is_table(X):
        return Inputs(np.zeros((0, 0), np.float32), as_frame(X), (), None)
    found = as_matrix(X, missing=True)
    width = found.values.shape[1]
    shape = found.image_shape if image_shape is None else tuple(int(side) for side in image_shape)
    if shape is not None and int(np.prod(shape)) != width:
        raise ParameterError(f"image_shape={shape} has {int(np.prod(shape))} pixels, but rows have {width}.")
    if names is not None and len(set(names)) != width:
        raise ParameterError(f"feature_names must be {width} different names, got {len(set(names))}.")
    own = tuple(names or found.names or (f"x{i}" for i in range(width)))
    return Inputs(found.values, None, own, shape)


def input_matrix(X: Any, encoding: TableEncoding | None, names: tuple[str, ...]) -> np.ndarray:
    """Return new rows as the matrix that models of a study read.

    A table is read by the names of its columns, whatever their order; a table that has none of the names is
    read, as an array is, by position.

    Raises:
        DataError: when columns are missing, or their number is another.
    """
    if encoding is not None:
        return encoding.encode(as_frame(X, text=encoding.text_columns))
    if nw.dependencies.is_into_dataframe(X) or isinstance(X, dict | pl.LazyFrame):
        frame = as_frame(X)
        if set(names) & set(frame.columns):
            require_columns(frame, names, where="the table of new rows")
            frame = frame.select(list(names))
        X = frame
    matrix = as_matrix(X, missing=True).values
    if matrix.shape[1] != len(names):
        raise DataError(f"the model reads rows of {len(names)} numbers, got {matrix.shape[1]}.")
    return matrix


def _is_table(X: Any) -> bool:
    """Return whether rows are to be encoded column by column."""
    if nw.dependencies.is_into_dataframe(X) or isinstance(X, dict | pl.LazyFrame):
        return True
    if isinstance(X, np.ndarray):
        return X.dtype.kind in "OUSM" or X.dtype.names is not None or _is_blurred(X)
    if not isinstance(X, list | tuple) or not len(X):
        return False
    return isinstance(X[0], dict) or (isinstance(X[0], list | tuple) and any(map(_has_text, X)))


def _has_text(row: Any) -> bool:
    """Return whether a row of a list of rows holds a text or nothing."""
    return any(value is None or isinstance(value, str) for value in row)


def _is_blurred(X: np.ndarray) -> bool:
    """Return whether a column's values are so large beside their spread that float32 would blur them.

    A table's columns are measured from an anchor of their own.
    """
    if X.ndim != 2 or X.dtype != np.float64 or not X.size:
        return False
    rows = X[:: -(-len(X) // _LOOKED_AT)]
    known = np.isfinite(rows)
    count = np.maximum(known.sum(axis=0), 1)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.where(known, rows, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(known, rows - mean, 0.0) ** 2).sum(axis=0) / count)
        return bool(((spread > 0) & (np.abs(mean) > _FAR * spread)).any())
