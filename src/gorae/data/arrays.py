"""Brings whatever scikit-learn users call X into one form: a matrix of float32, or of bytes."""

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import polars as pl
import scipy.sparse
from jaxtyping import Float32, UInt8

from gorae.data.table import as_frame
from gorae.errors import DataError, InputTypeError

__all__ = ["Matrix", "as_matrix"]

_MAX_DENSE = 2 * 2**30


class Matrix(NamedTuple):
    """A matrix, and what was known of its columns.

    Attributes:
        values: C-contiguous, float32, or uint8 where the input was bytes.
        image_shape: Height, width and, if there were any, channels, where the rows were images.
        names: The names of the columns, where the input was a frame.
    """

    values: Float32[np.ndarray, "rows width"] | UInt8[np.ndarray, "rows width"]
    image_shape: tuple[int, ...] | None = None
    names: tuple[str, ...] | None = None


def as_matrix(X: Any, *, missing: bool = False, max_bytes: int = _MAX_DENSE) -> Matrix:
    """Make a matrix of lists, arrays, frames of numbers, images, or a sparse matrix.

    Bytes stay bytes, an eighth of the memory that float64 takes; everything else becomes float32. Images
    of shape (rows, height, width) or (rows, height, width, channels) become one row each.

    Args:
        X: The values.
        missing: Whether NaN is allowed, as a missing value.
        max_bytes: How large a sparse matrix may become when made dense.

    Returns:
        The matrix with its image shape and column names.

    Raises:
        DataError: It has no rows or columns, another number of dimensions, or values that are text,
            complex, infinite, beyond float32 or (unless allowed) NaN; or a sparse matrix is too large.
        InputTypeError: A value is no number at all.

    Example:
        >>> as_matrix([[1, 2], [3, 4]]).values
        array([[1., 2.],
               [3., 4.]], dtype=float32)
        >>> as_matrix(np.zeros((5, 8, 8), np.uint8)).image_shape
        (8, 8)
    """
    names = None
    if scipy.sparse.issparse(X):
        array = _dense(X, max_bytes)
    elif nw.dependencies.is_into_dataframe(X):
        array, names = _frame_values(X)
    else:
        array = _array(X)
    array, image_shape = _flat(array)
    if array.dtype != np.uint8:
        array = _as_float32(array, missing)
    return Matrix(np.ascontiguousarray(array), image_shape, names)


def _array(X: Any) -> np.ndarray:
    """Make a numeric array."""
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise DataError(
            f"X must be rows of equally many numbers, but no array can be made of it ({error})."
        ) from None
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind == "c":
        raise DataError(
            "Complex data not supported: X must be real; give real and imaginary part as columns."
        )
    if array.dtype.kind != "O":
        raise DataError(
            f"X must hold numbers, got {array.dtype}; text columns are encoded when X is given as a table "
            "(gorae.data.as_frame and learn_encoding)."
        )
    try:
        return array.astype(np.float64)
    except TypeError as error:
        raise InputTypeError(f"X must hold numbers, but a value is none: {error}.") from None
    except ValueError as error:
        raise DataError(f"X must hold numbers, but a value is none: {error}.") from None


def _dense(X: Any, max_bytes: int) -> np.ndarray:
    """Fill in the zeros of a sparse matrix, if they fit."""
    kind = np.uint8 if X.dtype == np.uint8 else np.float32
    wanted = X.shape[0] * X.shape[1] * np.dtype(kind).itemsize if len(X.shape) == 2 else 0
    if wanted > max_bytes:
        raise DataError(
            f"the sparse matrix of shape {X.shape} would take {wanted:,} bytes when made dense, more than "
            f"{max_bytes:,}; choose or hash its columns first, for instance with scikit-learn's "
            "TruncatedSVD."
        )
    if X.dtype.kind == "c":
        raise DataError("Complex data not supported: the sparse matrix must be real.")
    if X.dtype.kind == "f":
        _check_values(X.tocoo().data[:, None], missing=True, place="stored value {row}")
    return X.astype(kind).toarray()


def _frame_values(X: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Take the numbers out of a frame."""
    frame = as_frame(X)
    texts = [column.name for column in frame.get_columns() if not _is_numeric(column)]
    if texts:
        raise DataError(
            f"X must hold numbers, but these columns do not: {', '.join(map(repr, texts[:10]))}; encode them "
            "first (gorae.data.learn_encoding), or leave them out."
        )
    if all(column.dtype == pl.UInt8 and not column.null_count() for column in frame.get_columns()):
        return frame.to_numpy(), tuple(frame.columns)
    return frame.cast(pl.Float64).to_numpy(), tuple(frame.columns)


def _is_numeric(column: pl.Series) -> bool:
    """Whether a column holds numbers or truth values, or nothing at all."""
    dtype = column.dtype
    return dtype.is_numeric() or dtype == pl.Boolean or column.null_count() == len(column)


def _flat(array: np.ndarray) -> tuple[np.ndarray, tuple[int, ...] | None]:
    """Make each image a row."""
    if array.ndim < 2 or array.ndim > 4:
        raise DataError(
            "X must have two dimensions (rows, columns), or three or four where its rows are images, got "
            f"shape {array.shape}. Reshape your data with X.reshape(-1, 1) if it has a single column, with "
            "X.reshape(1, -1) if it is a single row."
        )
    if 0 in array.shape:
        what = f"{array.shape[0]} sample(s)" if not array.shape[0] else "0 feature(s)"
        raise DataError(f"X has {what} (shape={array.shape}) while a minimum of 1 is required.")
    if array.ndim == 2:
        return array, None
    return array.reshape(len(array), -1), array.shape[1:]


def _as_float32(array: np.ndarray, missing: bool) -> np.ndarray:
    """Round to float32 what float32 can hold."""
    if array.dtype.kind == "f":
        _check_values(array, missing=missing, place="row {row}, column {column} (from 0)")
    return array.astype(np.float32, copy=False)


def _check_values(array: np.ndarray, *, missing: bool, place: str) -> None:
    """Raise where a value is infinite, beyond float32 or, unless allowed, NaN."""
    with np.errstate(over="ignore"):
        largest = np.abs(array).max(initial=0.0, where=~np.isnan(array))
    if largest <= np.finfo(np.float32).max and (missing or not np.isnan(array).any()):
        return
    wrong = np.abs(array) > np.finfo(np.float32).max
    if not missing:
        wrong |= np.isnan(array)
    row, column = (int(index) for index in np.argwhere(wrong)[0])
    told = place.format(row=row, column=column)
    raise DataError(
        f"X contains NaN, infinity or a value too large for float32: {array[row, column]} in {told}. Fill or "
        "drop missing values, or give X as a table, where they are filled."
    )
