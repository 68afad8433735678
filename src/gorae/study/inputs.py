"""What is to be predicted from, as the user gives it: a table of any library, or an array."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from gorae.data import (
    TableEncoding,
    TextEncoding,
    as_frame,
    as_matrix,
    require_columns,
)
from gorae.errors import DataError, ParameterError
from gorae.study.text_column import chosen_texts

_TEXT = "text"
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
        text: the one column of the table, where it holds texts to learn from.
        notes: sentences on columns that were left out for it.
    """

    matrix: np.ndarray
    frame: pl.DataFrame | None
    names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    text: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.matrix) if self.frame is None else self.frame.height

    @property
    def columns(self) -> int:
        """Number of columns that the user gave."""
        return self.matrix.shape[1] if self.frame is None else self.frame.width


def read_inputs(
    X: Any, image_shape: Sequence[int] | None, names: Sequence[str] | None, text: str | None = None
) -> Inputs:
    """Return rows as a matrix, or as a table where columns have names or hold more than numbers.

    Args:
        X: a frame of any library, a dictionary of columns, an array, rows in a list, a sparse matrix; a list,
            array or column of texts.
        image_shape: height and width where rows are pictures given flat.
        names: names of an array's columns, or None.
        text: the column of texts to learn from; None to tell by the content whether there is one.

    Raises:
        DataError: when no rows can be made of it.
        ParameterError: when the shape, the names or the column of texts are not those of the rows.
    """
    X = with_texts_named(X)
    if image_shape is None and _is_table(X):
        frame, text, notes = chosen_texts(as_frame(X, text=() if text is None else (text,)), text)
        return Inputs(np.zeros((0, 0), np.float32), frame, (), None, text, notes)
    if text is not None:
        raise ParameterError(
            f"text={text!r} names a column of a table, but the rows are an array of numbers."
        )
    found = as_matrix(X, missing=True)
    width = found.values.shape[1]
    shape = found.image_shape if image_shape is None else tuple(int(side) for side in image_shape)
    if shape is not None and int(np.prod(shape)) != width:
        raise ParameterError(f"image_shape={shape} has {int(np.prod(shape))} pixels, but rows have {width}.")
    if names is not None and len(set(names)) != width:
        raise ParameterError(f"feature_names must be {width} different names, got {len(set(names))}.")
    own = tuple(names or found.names or (f"x{i}" for i in range(width)))
    return Inputs(found.values, None, own, shape)


def with_texts_named(X: Any) -> Any:
    """Return texts that come in a list, an array or a column as a table of one column, "text".

    Example:
        >>> with_texts_named(["a whale", "a pod"])
        {'text': ['a whale', 'a pod']}
    """
    if nw.dependencies.is_into_series(X):
        X = nw.from_native(X, series_only=True).to_list()
    if isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind in "OU":
        X = X.tolist()
    is_list = isinstance(X, list | tuple) and any(isinstance(one, str) for one in X)
    if is_list and all(isinstance(one, str) or _is_missing(one) for one in X):
        return {_TEXT: [one if isinstance(one, str) else None for one in X]}
    return X


def _is_missing(value: Any) -> bool:
    """Return whether a value stands for none: None, NaN, or what else does not equal itself."""
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def input_matrix(X: Any, encoding: TableEncoding | TextEncoding | None, names: tuple[str, ...]) -> np.ndarray:
    """Return new rows as the matrix that models of a study read.

    A table is read by the names of its columns, whatever their order; a table that has none of the names is
    read, as an array is, by position.

    Raises:
        DataError: when columns are missing, or their number is another.
    """
    if encoding is not None:
        return encoding.encode(new_frame(X, encoding))
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


def new_frame(X: Any, encoding: TableEncoding | TextEncoding) -> pl.DataFrame:
    """Return new rows as a table; texts without a table are those of the column that an encoding wants."""
    if isinstance(encoding, TextEncoding):
        X = with_texts_named(X)
        if isinstance(X, dict) and set(X) == {_TEXT}:
            X = {encoding.column: X[_TEXT]}
        frame = as_frame(X, text=encoding.text_columns)
        require_columns(frame, encoding.columns)
        return frame.with_columns(pl.col(encoding.column).cast(pl.String))
    return as_frame(X, text=encoding.text_columns)


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
