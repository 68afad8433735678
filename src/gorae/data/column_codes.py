"""How one column of a table becomes numbers: the code that was learned for it, and its use."""

import math
import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float32, Float64

from gorae.data.columns import settle_column
from gorae.data.parsing import first_unreadable, read_numbers, read_truth, type_of_text
from gorae.errors import DamagedFileError, DataError

__all__ = ["BUCKETS", "KINDS", "ColumnCode", "column_numbers", "encode_column", "unseen_values"]

BUCKETS = 64
"""Columns that the categories of a hashed column share."""

KINDS = ("number", "truth", "time", "ordinal", "category", "hashed")

_UNITS = ("days", "seconds", "duration", "clock")
_LARGEST = 3e38  # float32 ends at 3.4e38
_DAY = 86_400.0


@dataclass(frozen=True)
class ColumnCode:
    """How one column is encoded.

    Attributes:
        name: The column.
        kind: ``number`` (its value), ``truth`` (0 or 1), ``time`` (days or seconds), ``ordinal`` (the place
            of its category), ``category`` (a column per category, one of them 1), or ``hashed`` (one of
            64 columns 1, chosen by a hash of the text).
        categories: Of ``ordinal`` and ``category``, in their order.
        indicator: Whether a further column says with a 1 that the value is missing.
        anchor: What is subtracted from a number in float64, so that float32 keeps its fine differences.
        unit: Of ``time``: ``days`` or ``seconds`` since 1970, a ``duration`` or the time of day (``clock``),
            both in seconds.
    """

    name: str
    kind: str
    categories: tuple[str, ...] = ()
    indicator: bool = False
    anchor: float = 0.0
    unit: str = ""

    @property
    def width(self) -> int:
        """How many encoded columns there are."""
        return self._values_width + self.indicator

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the encoded columns."""
        if self.kind == "category":
            names = [f"{self.name}={category}" for category in self.categories]
        elif self.kind == "hashed":
            names = [f"{self.name}#{bucket}" for bucket in range(BUCKETS)]
        else:
            names = [self.name]
        return (*names, f"{self.name} is missing") if self.indicator else tuple(names)

    @property
    def _values_width(self) -> int:
        return {"category": len(self.categories), "hashed": BUCKETS}.get(self.kind, 1)

    def to_meta(self) -> dict[str, Any]:
        """Return what JSON can store."""
        return {**asdict(self), "categories": list(self.categories)}

    @classmethod
    def from_meta(cls, meta: Any) -> "ColumnCode":
        """Make the code of what :meth:`to_meta` returned.

        Raises:
            DamagedFileError: It is something else.
        """
        try:
            code = cls(**{**meta, "categories": tuple(meta["categories"])})
            sound = (
                isinstance(code.name, str)
                and code.kind in KINDS
                and isinstance(code.indicator, bool)
                and all(isinstance(category, str) for category in code.categories)
                and len(set(code.categories)) == len(code.categories)
                and bool(code.categories) == (code.kind in {"category", "ordinal"})
                and isinstance(code.anchor, (int, float))
                and math.isfinite(code.anchor)
                and (code.unit in _UNITS if code.kind == "time" else code.unit == "")
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise DamagedFileError(f"a stored column code cannot be read ({error!r}).") from None
        if not sound:
            raise DamagedFileError(f"a stored column code is not one that gorae writes: {str(meta)[:200]}.")
        return code


def encode_column(column: pl.Series, code: ColumnCode) -> Float32[np.ndarray, "rows width"]:
    """Encode a column.

    Args:
        column: The values; their type may differ from the learned one where they can be read as it.
        code: How to.

    Returns:
        One row of numbers per value. A missing number, truth value, time or ordinal is NaN; a missing or
        unseen category is zero in all its columns.

    Raises:
        DataError: A value cannot be read as the learned kind, or is no finite float32.

    Example:
        >>> encode_column(pl.Series(["b", "z", None]), ColumnCode("x", "category", ("a", "b"), True))
        array([[0., 1., 0.],
               [0., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    settled = settle_column(column, keep_text=True)
    out = np.zeros((len(settled), code.width), np.float32)
    if code.kind in {"category", "hashed"}:
        places = _places(_as_text(settled), code)
        rows = places.is_not_null().arg_true().to_numpy()
        out[rows, places.drop_nulls().to_numpy()] = 1.0
    elif code.kind == "ordinal":
        out[:, 0] = _places(_as_text(settled), code).cast(pl.Float32).to_numpy()
    else:
        out[:, 0] = column_numbers(settled, code) - code.anchor
    if code.indicator:
        out[:, -1] = settled.is_null().to_numpy()
    return out


def column_numbers(column: pl.Series, code: ColumnCode) -> Float64[np.ndarray, " rows"]:
    """Read a settled column as finite numbers in float64, before its anchor is subtracted.

    Args:
        column: The values.
        code: A code of kind ``number``, ``truth`` or ``time``.

    Returns:
        The numbers, NaN where a value is missing.

    Raises:
        DataError: A value cannot be read as the code's kind, is infinite, or is beyond float32.

    Example:
        >>> column_numbers(pl.Series(["1", None, "2.5"]), ColumnCode("x", "number"))
        array([1. , nan, 2.5])
    """
    read = {"number": _as_number, "truth": _as_truth, "time": _as_time}[code.kind]
    numbers = read(column, code).cast(pl.Float64).to_numpy()
    wrong = np.flatnonzero(np.abs(numbers) > _LARGEST)  # false for NaN, which is a missing value
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"column {code.name!r}, row {row} (from 0) holds {numbers[row]:g}; values must be finite and at "
            f"most {_LARGEST:g} in size. Leave a missing value empty, or rescale the column."
        )
    return numbers


def unseen_values(column: pl.Series, code: ColumnCode) -> tuple[str, ...]:
    """Return the values of a column that its categories do not hold, sorted.

    Example:
        >>> unseen_values(pl.Series(["b", "z", None]), ColumnCode("x", "category", ("a", "b")))
        ('z',)
    """
    if code.kind not in {"category", "ordinal"}:
        return ()
    text = _as_text(settle_column(column, keep_text=True))
    unseen = text.filter(_places(text, code).is_null() & text.is_not_null())
    return tuple(unseen.unique().sort().to_list())


def _places(text: pl.Series, code: ColumnCode) -> pl.Series:
    """Return the place of each text among the categories or buckets; null where it has none."""
    if code.kind == "hashed":
        known = text.drop_nulls().unique()
        # crc32 is the same in every process and version, where Python's own hash is not.
        buckets = [zlib.crc32(value.encode()) % BUCKETS for value in known.to_list()]
        return text.replace_strict(known, buckets, default=None, return_dtype=pl.UInt32)
    return text.cast(pl.Enum(code.categories), strict=False).to_physical()


def _as_text(column: pl.Series) -> pl.Series:
    """Return the values as texts."""
    if column.dtype == pl.Duration:  # which polars does not write as text
        column = column.dt.total_microseconds().cast(pl.Float64) / 1e6
        return (column.cast(pl.String) + " seconds").rename(column.name)
    return column if column.dtype == pl.String else column.cast(pl.String)


def _refuse(code: ColumnCode, row: int, value: Any, wanted: str) -> DataError:
    """Build the error for a value that is not of the learned kind."""
    return DataError(
        f"column {code.name!r}, row {row} (from 0) holds {value!r}, but the column was learned as {wanted}; "
        "correct the value, or leave it empty if it is missing."
    )


def _as_number(column: pl.Series, code: ColumnCode) -> pl.Series:
    """Read numbers, also out of text."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column
    text = _as_text(column)
    numbers = text.cast(pl.Float64, strict=False) if column.dtype.is_temporal() else read_numbers(text)
    wrong = first_unreadable(text, numbers)
    if wrong:
        raise _refuse(code, *wrong, wanted="numbers")
    return numbers


def _as_truth(column: pl.Series, code: ColumnCode) -> pl.Series:
    """Read truth values, also out of 0 and 1, as numbers or as text."""
    if column.dtype == pl.Boolean:
        return column
    text = _as_text(column)
    numbers = read_truth(text).cast(pl.Float64)
    digits = text.cast(pl.Float64, strict=False)
    digits = digits.set((digits != 0) & (digits != 1), None)
    numbers = pl.select(pl.coalesce(numbers, digits)).to_series()
    wrong = first_unreadable(text, numbers)
    if wrong:
        raise _refuse(code, *wrong, wanted="true or false")
    return numbers


def _as_time(column: pl.Series, code: ColumnCode) -> pl.Series:
    """Read dates and times, also out of text, in the code's unit."""
    if column.dtype == pl.String:
        text, column = column, type_of_text(column)
        if column.dtype == pl.String and column.null_count() < len(column):
            rows = [i for i, value in enumerate(text) if value and not _is_time(value)]
            row = rows[0] if rows else int(text.is_not_null().arg_true()[0])
            raise _refuse(code, row, text[row], wanted="dates (year-month-day)")
    if column.null_count() == len(column):
        return pl.Series(column.name, [None] * len(column), dtype=pl.Float64)
    dtype, unit = column.dtype, code.unit
    if unit in {"days", "seconds"} and dtype == pl.Date:
        days = column.to_physical().cast(pl.Float64)
        return days if unit == "days" else days * _DAY
    if unit in {"days", "seconds"} and dtype == pl.Datetime:
        seconds = column.dt.epoch("us").cast(pl.Float64) / 1e6
        return seconds if unit == "seconds" else seconds / _DAY
    if unit == "duration" and dtype == pl.Duration:
        return column.dt.total_microseconds().cast(pl.Float64) / 1e6
    if unit == "clock" and dtype == pl.Time:
        return column.to_physical().cast(pl.Float64) / 1e9
    row = int(column.is_not_null().arg_true()[0])
    raise _refuse(code, row, column[row], wanted=f"times ({unit})")


def _is_time(value: str) -> bool:
    """Whether one text reads as a date or a moment."""
    return type_of_text(pl.Series([value])).dtype.is_temporal()
