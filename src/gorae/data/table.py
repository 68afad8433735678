"""Tables in: from a file of any known form, and from whatever holds columns in memory."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from gorae.data.columns import column_from_array, column_from_values, settle_column
from gorae.data.delimited import MAX_COLUMNS, read_delimited
from gorae.data.npy import NPY_MAGIC, read_npy
from gorae.data.parquet import PARQUET_MAGIC, read_parquet
from gorae.data.unpack import MAX_BYTES, read_bounded
from gorae.errors import DamagedFileError, DataError, InputTypeError, closest

__all__ = ["as_frame", "read_table", "require_columns"]

_FOREIGN = (
    (b"PK\x03\x04", "a zip archive (Excel workbooks and .npz files are too)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"BZh", "a bzip2 file"),
    (b"\x28\xb5\x2f\xfd", "a zstandard file"),
)


def read_table(
    path: str | Path,
    *,
    separator: str | None = None,
    header: bool = True,
    encoding: str = "utf-8",
    text: Collection[str] = (),
    max_bytes: int = MAX_BYTES,
) -> pl.DataFrame:
    r"""Read a table from a file: CSV or TSV, plain or packed as gzip or xz, Parquet, or a 2-d .npy array.

    The file's first bytes decide what it is, not its name. In delimited text, spaces around values
    are stripped; empty, ``NA``, ``N/A``, ``NaN``, ``null`` and ``?`` are missing values; a column whose
    other values all are numbers, truth values or dates is read as such.

    Args:
        path: The file.
        separator: Of delimited text; None finds out which of ``, ; tab |`` it is.
        header: Whether delimited text starts with a line of names; otherwise they are c0, c1, ...
        encoding: Of delimited text.
        text: Columns that stay text, whatever they look like; give the text columns of a fitted
            encoding here, so that a file of new rows is read as the learned one was.
        max_bytes: Bytes that the file may hold after unpacking.

    Returns:
        A frame with at least one row and one column, whose column names differ.

    Raises:
        FileError: The file is missing, cannot be read or is too large.
        DamagedFileError: It is damaged, no table, or would expand beyond the limits.
        DataError: It has no rows, uneven rows, or a column name twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     people = Path(folder, "people.csv")
        ...     _ = people.write_text("age,member,city\n39,true,Busan\n?,false,Ulsan\n")
        ...     read_table(people).rows()
        [(39, True, 'Busan'), (None, False, 'Ulsan')]
    """
    data = read_bounded(path, max_bytes=max_bytes)
    name = str(path)
    if data.startswith(PARQUET_MAGIC):
        return as_frame(read_parquet(data, name, max_bytes=max_bytes), text=text)
    if data.startswith(NPY_MAGIC):
        return as_frame(read_npy(data, name), text=text)
    for magic, what in _FOREIGN:
        if data.startswith(magic):
            raise DamagedFileError(
                f"{name}: a table (CSV, TSV or Parquet) was wanted, but the file is {what}; export it."
            )
    return read_delimited(
        data,
        name,
        separator=separator,
        header=header,
        encoding=encoding,
        text=text,
        packed_size=Path(path).stat().st_size or len(data),  # a pipe states no size
    )


def as_frame(data: Any, *, text: Collection[str] = ()) -> pl.DataFrame:
    """Make a polars frame of whatever holds columns.

    Taken are frames that narwhals knows (pandas, polars, pyarrow, modin, ...), two-dimensional and
    structured numpy arrays, lists of rows, lists of dicts, and dicts of columns. Text columns are
    treated as in :func:`read_table`, categoricals stay text, ordered ones become ``Enum``.

    Args:
        data: The table. Columns without names are called x0, x1, ...
        text: Columns that stay text, whatever they look like.

    Returns:
        A frame with at least one row and one column, whose column names differ.

    Raises:
        DataError: No table can be made of it: no rows, uneven rows, a name twice, nested values.
        InputTypeError: It is nothing that holds columns.

    Example:
        >>> as_frame({"age": ["39", "?"], "city": ["Busan", "Ulsan"]}).rows()
        [(39, 'Busan'), (None, 'Ulsan')]
    """
    if isinstance(data, pl.LazyFrame):
        data = data.collect()
    if isinstance(data, pl.DataFrame):
        columns = data.get_columns()
    elif isinstance(data, np.ndarray):
        columns = _array_columns(data)
    elif isinstance(data, Mapping):
        columns = _mapping_columns(data)
    elif isinstance(data, (list, tuple)):
        columns = _row_columns(data)
    else:
        columns = _foreign_columns(data)
    _check_shape(columns)
    return pl.DataFrame([settle_column(column, keep_text=column.name in text) for column in columns])


def require_columns(frame: pl.DataFrame, names: Iterable[str], *, where: str = "the table") -> None:
    """Raise unless a frame has all these columns.

    Args:
        frame: The table.
        names: The columns that it must have.
        where: What the message calls the table.

    Raises:
        DataError: Some are missing; the message lists them, each with the near name where there is one.

    Example:
        >>> require_columns(pl.DataFrame({"income": [1]}), ["incme"])
        Traceback (most recent call last):
        gorae.errors.DataError: the table has no column 'incme' (did you mean 'income'?); it has: 'income'.
    """
    missing = [name for name in names if name not in frame.columns]
    if not missing:
        return
    told = []
    for name in missing[:10]:
        near = closest(name, frame.columns)
        told.append(f"{name!r} (did you mean {near!r}?)" if near else repr(name))
    more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
    present = ", ".join(repr(name) for name in frame.columns[:20]) + (", ..." if frame.width > 20 else "")
    word = "column" if len(missing) == 1 else "columns"
    raise DataError(f"{where} has no {word} {', '.join(told)}{more}; it has: {present}.")


def _check_shape(columns: Sequence[pl.Series]) -> None:
    """Refuse tables without rows or columns, with too many columns, or with a name twice."""
    if not columns or not len(columns[0]):
        rows = len(columns[0]) if columns else 0
        raise DataError(
            f"the table is empty: it has {rows} rows and {len(columns)} columns; at least one of each was "
            "wanted."
        )
    _check_names([column.name for column in columns])


def _check_names(names: Sequence[str]) -> None:
    """Refuse too many columns, or a name that is there twice."""
    if len(names) > MAX_COLUMNS:
        raise DataError(f"the table has {len(names):,} columns, at most {MAX_COLUMNS:,} are taken.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(repr(name) for name in twice[:5])
        raise DataError(
            f"column names must be different, but {listed} came more than once; rename the columns."
        )


def _array_columns(array: np.ndarray) -> list[pl.Series]:
    """Cut an array into columns."""
    if array.dtype.names:
        return [column_from_array(name, array[name]) for name in array.dtype.names]
    if array.ndim != 2:
        raise DataError(
            f"a table needs an array of two dimensions (rows, columns), got shape {array.shape}; "
            "reshape a single column with reshape(-1, 1)."
        )
    if array.shape[1] > MAX_COLUMNS:
        raise DataError(f"the table has {array.shape[1]:,} columns, at most {MAX_COLUMNS:,} are taken.")
    return [column_from_array(f"x{i}", array[:, i]) for i in range(array.shape[1])]


def _mapping_columns(columns: Mapping[Any, Any]) -> list[pl.Series]:
    """Turn a dict of columns into columns of one length."""
    made = []
    for key, values in columns.items():
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise DataError(f"column {str(key)!r} must be a sequence of values, got {values!r}.")
        if isinstance(values, np.ndarray):
            made.append(column_from_array(str(key), values))
        else:
            made.append(column_from_values(str(key), list(values)))
    lengths = {column.name: len(column) for column in made}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:5])
        raise DataError(f"all columns must have equally many rows, but {told}.")
    return made


def _row_columns(rows: Sequence[Any]) -> list[pl.Series]:
    """Turn a list of rows, each a dict or a sequence, into columns."""
    if not rows:
        return []
    if all(isinstance(row, Mapping) for row in rows):
        keys = dict.fromkeys(key for row in rows for key in row)
        return [column_from_values(str(key), [row.get(key) for row in rows]) for key in keys]
    for place, row in enumerate(rows):
        if isinstance(row, (str, bytes, Mapping)) or not hasattr(row, "__len__"):
            raise DataError(
                f"a table needs a list of rows, each with its columns, but row {place} is {row!r}; "
                "a single column is a list of lists of one."
            )
        if len(row) != len(rows[0]):
            raise DataError(
                f"all rows must be equally long, but row 0 has {len(rows[0])} and row {place} {len(row)}."
            )
    if len(rows[0]) > MAX_COLUMNS:
        raise DataError(f"the table has {len(rows[0]):,} columns, at most {MAX_COLUMNS:,} are taken.")
    return [column_from_values(f"x{i}", [row[i] for row in rows]) for i in range(len(rows[0]))]


def _foreign_columns(data: Any) -> list[pl.Series]:
    """Take the columns out of a frame of another library."""
    if hasattr(data, "tocsr"):
        raise DataError(
            "a table cannot be sparse; give a sparse matrix to an estimator, or data.toarray() here."
        )
    native = data.column_names if hasattr(data, "column_names") else getattr(data, "columns", ())
    names = [str(name) for name in native]
    _check_names(names)
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError:
        raise InputTypeError(
            "a table was wanted (a frame, a 2-d array, a list of rows or a dict of columns), "
            f"got {type(data).__name__}; a single column is made a table with to_frame()."
        ) from None
    if frame.implementation.is_pyarrow():
        return frame.to_polars().get_columns()
    return [_foreign_column(name, own) for name, own in zip(names, frame.iter_columns(), strict=True)]


def _foreign_column(name: str, column: nw.Series) -> pl.Series:
    """Copy one column, by way of numpy where its values are plain, and value by value otherwise."""
    kind = column.dtype
    if isinstance(kind, nw.Enum):
        order = [str(category) for category in kind.categories]
        return column_from_values(name, column.to_list(), order=order)
    if isinstance(kind, nw.Categorical):
        return column_from_values(name, column.to_list(), order=())
    plain = kind.is_float() or kind.is_integer() or isinstance(kind, (nw.Boolean, nw.Datetime, nw.Duration))
    if plain and (not column.null_count() or not isinstance(kind, nw.Boolean)):
        return column_from_array(name, column.to_numpy())
    return column_from_values(name, column.to_list())
