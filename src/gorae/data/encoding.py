"""Turns tables into matrices: which columns there are is learned once, what a fold may use is not.

An encoding fixes the vocabulary: which columns a table has, of which kind, with which categories. It
is learned without the target, on all rows but the test rows. What the training rows of one fold show
is decided later and per fold, by :func:`gorae.data.scaling.fit_affine`: its fill values, means and
deviations come from those rows alone, and an encoded column that they never vary, such as that of a
category that only the scored rows have, gets scale 0 and is silent. So a fold learns nothing from its
scored rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float32

from gorae.data.column_codes import (
    BUCKETS,
    ColumnCode,
    column_numbers,
    encode_column,
    unseen_values,
)
from gorae.data.columns import settle_column
from gorae.data.parsing import measured
from gorae.data.table import require_columns
from gorae.errors import DamagedFileError, DataError

__all__ = ["MAX_CATEGORIES", "TableEncoding", "learn_encoding"]

MAX_CATEGORIES = 64
"""Categories that get a column each; with more, they are hashed."""

_IDENTIFIER_VALUES = 50
_ANCHOR_RATIO = 1000.0
_MEASURED_SHARE = 0.9


@dataclass(frozen=True)
class TableEncoding:
    """How the columns of a table become the columns of a matrix.

    Attributes:
        codes: One per column that is used, in the order of the learned table.
        dropped: The columns that were left out.
        notes: Sentences on what was done that a user should know of.
    """

    codes: tuple[ColumnCode, ...]
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        return tuple(code.name for code in self.codes)

    @cached_property
    def text_columns(self) -> tuple[str, ...]:
        """The columns to be read as text, to be given to ``read_table`` and ``as_frame``."""
        return tuple(code.name for code in self.codes if code.kind in {"category", "hashed", "ordinal"})

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the encoded columns."""
        return tuple(name for code in self.codes for name in code.feature_names)

    def encode(self, frame: pl.DataFrame) -> Float32[np.ndarray, "rows width"]:
        """Encode a table.

        Args:
            frame: Has all of ``columns``, in any order; others are ignored.

        Returns:
            The matrix; NaN where a number is missing, zeros for a category that was never seen.

        Raises:
            DataError: Columns are missing, or hold what cannot be read as the learned kind.

        Example:
            >>> encoding = learn_encoding(pl.DataFrame({"a": [1.0, None, 3.0], "b": ["x", "y", "x"]}))
            >>> encoding.feature_names
            ('a', 'a is missing', 'b=x', 'b=y')
            >>> encoding.encode(pl.DataFrame({"b": ["y", "z"], "a": [None, 5.0]}))
            array([[nan,  1.,  0.,  1.],
                   [ 5.,  0.,  0.,  0.]], dtype=float32)
        """
        require_columns(frame, self.columns)
        out = np.empty((frame.height, len(self.feature_names)), np.float32)
        start = 0
        for code in self.codes:
            out[:, start : start + code.width] = encode_column(frame[code.name], code)
            start += code.width
        return out

    def unseen(self, frame: pl.DataFrame) -> dict[str, tuple[str, ...]]:
        """List the categories of a table that were not there when the encoding was learned.

        Args:
            frame: Has all of ``columns``.

        Returns:
            For each column that has some, the values, sorted. Hashed columns know no categories.

        Raises:
            DataError: Columns are missing.

        Example:
            >>> learn_encoding(pl.DataFrame({"b": ["x", "y"]})).unseen(pl.DataFrame({"b": ["y", "z"]}))
            {'b': ('z',)}
        """
        require_columns(frame, self.columns)
        values = {code.name: unseen_values(frame[code.name], code) for code in self.codes}
        return {name: unseen for name, unseen in values.items() if unseen}

    def to_meta(self) -> dict[str, Any]:
        """Return what JSON can store and :meth:`from_meta` reads."""
        return {
            "codes": [code.to_meta() for code in self.codes],
            "dropped": list(self.dropped),
            "notes": list(self.notes),
        }

    @classmethod
    def from_meta(cls, meta: Any) -> "TableEncoding":
        """Make the encoding of what :meth:`to_meta` returned.

        Args:
            meta: Of a file, so of anybody.

        Returns:
            An equal encoding.

        Raises:
            DamagedFileError: It is something else.

        Example:
            >>> encoding = learn_encoding(pl.DataFrame({"a": [1, 2]}))
            >>> TableEncoding.from_meta(encoding.to_meta()) == encoding
            True
        """
        try:
            codes = tuple(ColumnCode.from_meta(code) for code in meta["codes"])
            dropped, notes = tuple(meta["dropped"]), tuple(meta["notes"])
        except (TypeError, KeyError) as error:
            raise DamagedFileError(f"a stored table encoding cannot be read ({error!r}).") from None
        names = [code.name for code in codes]
        if len(set(names)) < len(names) or not all(isinstance(text, str) for text in (*dropped, *notes)):
            raise DamagedFileError("a stored table encoding names a column twice, or holds what is no text.")
        return cls(codes, dropped, notes)


def learn_encoding(
    frame: pl.DataFrame, *, ordinal: Mapping[str, Sequence[str]] | Sequence[str] = ()
) -> TableEncoding:
    """Decide how the columns of a table are encoded.

    Numbers stay numbers, truth values become 0 and 1, dates days and moments seconds since 1970. Text
    becomes a column per category up to 64 of them; with more, the categories share 64 columns by a
    hash of the text. Text that is nearly unique per row (more than 50 values, in more than half of
    the rows) looks like an identifier and is left out, as are columns without values and with only one.
    ``Enum`` columns become the place of their category. Where values are missing, a further column says so.

    Args:
        frame: All rows but the test rows, without the target.
        ordinal: Text columns whose categories have an order, as a mapping from column to categories,
            lowest first. A mere list of columns takes the order of the alphabet.

    Returns:
        The encoding.

    Raises:
        DataError: No column is left, a column of ``ordinal`` is not there or holds other values than
            were declared, or a number is infinite.

    Example:
        >>> sizes = pl.DataFrame({"size": ["S", "L", "M"], "id": [7, 7, 7]})
        >>> encoding = learn_encoding(sizes, ordinal={"size": ["S", "M", "L"]})
        >>> encoding.encode(sizes)[:, 0]
        array([0., 2., 1.], dtype=float32)
        >>> encoding.notes
        ("Column 'id' was left out: it has the same value in every row.",)
    """
    require_columns(frame, list(ordinal))
    codes, dropped, notes = [], [], []
    for column in frame.get_columns():
        settled = settle_column(column, keep_text=True)
        reason = _why_useless(settled)
        if reason is None and settled.dtype == pl.String and settled.name not in ordinal:
            reason = _why_identifier(settled)
        if reason is not None:
            dropped.append(column.name)
            notes.append(f"Column {column.name!r} was left out: {reason}.")
            continue
        code, note = _learn_code(settled, ordinal)
        codes.append(code)
        if note:
            notes.append(f"Column {column.name!r} {note}.")
    if not codes:
        raise DataError(f"no column of the table can be used. {' '.join(notes)}")
    return TableEncoding(tuple(codes), tuple(dropped), tuple(notes))


def _why_useless(column: pl.Series) -> str | None:
    """Say why a column can tell nothing, or None."""
    missing = column.null_count()
    if missing == len(column):
        return "it has no values"
    if not missing and column.n_unique() == 1:
        return "it has the same value in every row"
    return None


def _why_identifier(column: pl.Series) -> str | None:
    """Say why a text column looks like an identifier, or None."""
    rows, distinct = len(column) - column.null_count(), column.drop_nulls().n_unique()
    if distinct > _IDENTIFIER_VALUES and distinct > rows / 2:
        numbers = _why_measured(column)
        if numbers:
            return f"{numbers}; write plain numbers to use the column"
        return f"its {distinct:,} different texts in {rows:,} rows look like an identifier or free text"
    return None


def _why_measured(column: pl.Series) -> str | None:
    """Say that nearly all texts of a column are numbers with a currency or a unit, or None."""
    known, found = column.drop_nulls(), measured(column)
    plain = len(known.cast(pl.Float64, strict=False).drop_nulls())
    if not len(found) or len(found) + plain < _MEASURED_SHARE * len(known):
        return None
    return (
        f"{len(found):,} of {len(known):,} texts look like numbers with other characters, for instance "
        f"{found[0]!r}"
    )


def _learn_code(
    column: pl.Series, ordinal: Mapping[str, Sequence[str]] | Sequence[str]
) -> tuple[ColumnCode, str | None]:
    """Choose the code of a column, with what there is to say about it."""
    name, dtype = column.name, column.dtype
    indicator = column.null_count() > 0
    if isinstance(dtype, pl.Enum):
        return ColumnCode(name, "ordinal", tuple(dtype.categories.to_list()), indicator), None
    if dtype == pl.String:
        return _learn_text(column, ordinal, indicator)
    if dtype == pl.Boolean:
        return ColumnCode(name, "truth", indicator=indicator), None
    if dtype.is_temporal():
        units = {pl.Date: "days", pl.Datetime: "seconds", pl.Duration: "duration", pl.Time: "clock"}
        told = {
            pl.Date: "holds dates: they became days since 1970",
            pl.Datetime: "holds moments: they became seconds since 1970",
            pl.Duration: "holds durations: they became seconds",
            pl.Time: "holds times of day: they became seconds since midnight",
        }
        code = ColumnCode(name, "time", indicator=indicator, unit=units[dtype.base_type()])
        return _anchored(column, code), told[dtype.base_type()]
    return _anchored(column, ColumnCode(name, "number", indicator=indicator)), None


def _learn_text(
    column: pl.Series, ordinal: Mapping[str, Sequence[str]] | Sequence[str], indicator: bool
) -> tuple[ColumnCode, str | None]:
    """Choose the code of a text column that is no identifier."""
    categories = tuple(column.drop_nulls().unique().sort().to_list())
    if column.name in ordinal:
        if not isinstance(ordinal, Mapping):
            note = f"has its categories in the order of the alphabet: {', '.join(categories[:10])}"
            return ColumnCode(column.name, "ordinal", categories, indicator), note
        declared = tuple(ordinal[column.name])
        others = [category for category in categories if category not in declared]
        if others or len(set(declared)) < len(declared):
            raise DataError(
                f"the order declared for column {column.name!r}, {declared}, must name every category once; "
                f"the column also holds {others[:5]}."
            )
        return ColumnCode(column.name, "ordinal", declared, indicator), None
    if len(categories) <= MAX_CATEGORIES:
        return ColumnCode(column.name, "category", categories, indicator), None
    note = (
        f"has {len(categories):,} categories, more than {MAX_CATEGORIES}: they share {BUCKETS} columns by "
        "a hash of their text, which looks at no rows, so that nothing leaks from one fold to another"
    )
    numbers = _why_measured(column)
    if numbers:
        note = f"{note}; {numbers}: write plain numbers to use it as a number"
    return ColumnCode(column.name, "hashed", (), indicator), note


def _anchored(column: pl.Series, code: ColumnCode) -> ColumnCode:
    """Give the code an anchor where float32 would blur the column.

    float32 resolves 1 part in 16 million. A column of moments, 1.7e9 seconds with a spread of an hour,
    would keep 28 steps; measured from its median it keeps all. Per fold the mean is subtracted anyway,
    so the anchor changes nothing but the rounding.
    """
    numbers = column_numbers(column, code)
    low, median, high = np.nanquantile(numbers, (0.25, 0.5, 0.75))
    spread = high - low or float(np.nanstd(numbers))
    if spread > 0 and abs(median) > _ANCHOR_RATIO * spread:
        return ColumnCode(code.name, code.kind, code.categories, code.indicator, float(median), code.unit)
    return code
