"""One column at a time: from values or an array to a polars series of a type that can be encoded."""

import datetime
import decimal
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from gorae.data.parsing import mark_missing, type_of_text
from gorae.errors import DataError, DataWarning

__all__ = ["column_from_array", "column_from_values", "floats_or_text", "settle_column"]

_WITH_NAN = (float, np.floating, np.datetime64, np.timedelta64, decimal.Decimal)
_TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def column_from_array(name: str, array: np.ndarray) -> pl.Series:
    """Make a column of a one-dimensional array.

    Args:
        name: What the column is called.
        array: Its values.

    Returns:
        The column.

    Raises:
        DataError: The array has another dimension, or holds complex numbers or nested values.

    Example:
        >>> column_from_array("a", np.array([1, 2])).to_list()
        [1, 2]
    """
    if array.ndim != 1:
        raise DataError(f"column {name!r} must have one dimension, got an array of shape {array.shape}.")
    if array.dtype.kind == "c":
        raise DataError(
            f"column {name!r} holds complex numbers; give real and imaginary part as two columns."
        )
    if array.dtype.kind in "biu":
        return pl.Series(name, np.ascontiguousarray(array))
    if array.dtype.kind == "f":
        return pl.Series(
            name, np.ascontiguousarray(array, dtype=np.float32 if array.itemsize < 8 else np.float64)
        )
    if array.dtype.kind in "mM" and np.datetime_data(array.dtype)[0] in {"D", "ms", "us", "ns"}:
        return pl.Series(name, np.ascontiguousarray(array))
    return column_from_values(name, array.tolist())


def column_from_values(name: str, values: Sequence[Any], *, order: Sequence[str] | None = None) -> pl.Series:
    """Make a column of Python values; None and not-a-number are missing.

    Values of one kind keep it; numbers mixed with texts are taken as texts.

    Args:
        name: What the column is called.
        values: Its values.
        order: The categories of a categorical column, in their order; empty where they have none.

    Returns:
        The column. A categorical one is ``Enum`` with an order, ``Categorical`` without.

    Raises:
        DataError: A value is nothing that a column can hold.

    Example:
        >>> column_from_values("a", [1, None, 2.5]).to_list()
        [1.0, None, 2.5]
    """
    present = [None if _is_missing(value) else value for value in values]
    if order is not None:
        texts = [None if value is None else str(value) for value in present]
        return pl.Series(name, texts, dtype=pl.Enum(order) if order else pl.Categorical)
    kinds = {_kind(name, row, value) for row, value in enumerate(present) if value is not None}
    if not kinds:
        return pl.Series(name, present, dtype=pl.String)
    if kinds == {"truth"}:
        return pl.Series(
            name, [None if value is None else bool(value) for value in present], dtype=pl.Boolean
        )
    if kinds == {"whole"}:
        whole = [None if value is None else int(value) for value in present]
        if all(value is None or abs(value) < 2**63 for value in whole):
            return pl.Series(name, whole)
        if all(value is None or abs(value) < 2**127 for value in whole):
            return floats_or_text(pl.Series(name, whole, dtype=pl.Int128))
        return pl.Series(name, [None if value is None else str(value) for value in whole], dtype=pl.String)
    if kinds <= {"truth", "whole", "real"}:
        return pl.Series(
            name, [None if value is None else float(value) for value in present], dtype=pl.Float64
        )
    if kinds == {"time"}:
        try:
            return pl.Series(name, present)
        except (TypeError, pl.exceptions.PolarsError) as error:
            raise DataError(f"column {name!r} mixes kinds of dates and times ({error}).") from None
    return pl.Series(name, [None if value is None else str(value) for value in present], dtype=pl.String)


def settle_column(column: pl.Series, *, keep_text: bool = False) -> pl.Series:
    """Reduce the type of a column to one of those that an encoding knows.

    Args:
        column: Any column.
        keep_text: Leave text as text, whatever it looks like.

    Returns:
        The column as integers, floats, truth values, dates, moments, durations, times of day, text,
        or ``Enum`` where its categories have an order; null where a value is missing.

    Raises:
        DataError: Its values are nested, or binary.

    Example:
        >>> settle_column(pl.Series("a", ["1", "?"])).to_list()
        [1, None]
    """
    kind = column.dtype
    if kind == pl.Null:
        return column.cast(pl.String)
    if kind == pl.String:
        return mark_missing(column) if keep_text else type_of_text(column)
    if kind == pl.Categorical:
        return mark_missing(column.cast(pl.String))
    if kind.is_float():
        return column.fill_nan(None)
    if kind.is_decimal() or kind == pl.Int128:
        return floats_or_text(column)
    if kind.is_integer() or kind.is_temporal() or isinstance(kind, (pl.Boolean, pl.Enum)):
        return column
    if kind == pl.Object:
        return settle_column(column_from_values(column.name, column.to_list()), keep_text=keep_text)
    raise DataError(
        f"column {column.name!r} holds values of type {kind}, which no column of a table can; unnest it."
    )


def floats_or_text(column: pl.Series) -> pl.Series:
    """Return numbers beyond 64 bits as floats, or as texts where floats would make two of them one.

    Example:
        >>> floats_or_text(pl.Series([10**25, 10**20], dtype=pl.Int128)).to_list()
        [1e+25, 1e+20]
    """
    floats = column.cast(pl.Float64)
    if floats.n_unique() == column.n_unique():
        return floats
    warnings.warn(
        f"column {column.name!r} holds numbers of more digits than a float keeps, such as "
        f"{column.drop_nulls()[0]}; they stay text, as identifiers do.",
        DataWarning,
        stacklevel=4,
    )
    return column.cast(pl.String)


def _is_missing(value: Any) -> bool:
    """Whether a value is None, not a number, or another library's word for missing."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, _WITH_NAN) and value != value


def _kind(name: str, row: int, value: Any) -> str:
    """Tell what sort of value this is."""
    if isinstance(value, (bool, np.bool_)):
        return "truth"
    if isinstance(value, numbers.Integral):
        return "whole"
    if isinstance(value, (numbers.Real, decimal.Decimal)):
        return "real"
    if isinstance(value, str):
        return "text"
    if isinstance(value, _TIMES):
        return "time"
    raise DataError(
        f"column {name!r}, row {row} (from 0) holds a {type(value).__name__}; numbers, texts, truth "
        "values or times were wanted."
    )
