"""Reads Parquet; its footer is weighed before any column is decoded.

The footer is a Thrift structure in the compact protocol. Only the four numbers that decide about
memory are taken out of it (columns, rows, encoded bytes, row groups); everything else is skipped.

References:
    Apache Parquet format, ``parquet.thrift`` (FileMetaData, RowGroup); Apache Thrift, "Thrift compact
    protocol encoding".
"""

import io
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from gorae.data.delimited import MAX_COLUMNS
from gorae.data.unpack import MAX_BYTES
from gorae.errors import DamagedFileError, DataError

__all__ = ["PARQUET_MAGIC", "read_parquet"]

PARQUET_MAGIC = b"PAR1"

_MAX_FOOTER = 8 * 2**20
_FREE_BYTES = 64 * 2**20  # what any file may grow to; beyond it the expansion counts
_MAX_RATIO = 200
_MAX_DEPTH = 16
_CELL_BYTES = 8  # a number; repeated values cost nothing in the file, but this in memory

# the numbers that Thrift gives to its types
_BOOLEANS, _INTEGERS, _LISTS = (1, 2), (4, 5, 6), (9, 10)
_BYTE, _DOUBLE, _BINARY, _STRUCT = 3, 7, 8, 12


def read_parquet(data: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> pl.DataFrame:
    """Read the bytes of a Parquet file as a frame.

    Args:
        data: The bytes of the file.
        name: What the messages call it, usually its path.
        max_bytes: Bytes that the table may take in memory.

    Returns:
        The frame, with the column types of the file.

    Raises:
        DamagedFileError: The file is damaged, or states a size beyond the limits.
        DataError: The table has no rows or no columns.

    Example:
        >>> file = io.BytesIO()
        >>> pl.DataFrame({"a": [1, 2]}).write_parquet(file)
        >>> read_parquet(file.getvalue(), "a.parquet").rows()
        [(1,), (2,)]
    """
    weight = _weigh(data, name)
    if weight.columns > MAX_COLUMNS:
        raise DamagedFileError(
            f"{name}: the file states {weight.columns:,} columns, at most {MAX_COLUMNS:,} are read."
        )
    wanted = weight.rows * weight.columns * _CELL_BYTES + weight.encoded_bytes
    limit = min(max_bytes, max(_FREE_BYTES, _MAX_RATIO * len(data)))
    if wanted > limit:
        raise DamagedFileError(
            f"{name}: a file of {len(data):,} bytes that states {weight.rows:,} rows and {weight.columns:,} "
            f"columns, about {wanted:,} bytes in memory, was refused; the limit is {limit:,}."
        )
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise DamagedFileError(
            f"{name}: the Parquet file is damaged ({str(error).splitlines()[0]})."
        ) from None
    if not frame.height or not frame.width:
        raise DataError(
            f"{name}: the table has {frame.height} rows and {frame.width} columns; at least one of each was "
            "wanted."
        )
    return frame


class _Weight(NamedTuple):
    """What a footer says about the size of its table."""

    columns: int
    rows: int
    encoded_bytes: int


def _weigh(data: bytes, name: str) -> _Weight:
    """Take columns, rows and encoded bytes out of the footer."""
    length = int.from_bytes(data[-8:-4], "little")
    if len(data) < 12 or not data.endswith(PARQUET_MAGIC) or length > len(data) - 12:
        raise DamagedFileError(f"{name}: the Parquet file is cut off: its footer is missing.")
    if length > _MAX_FOOTER:
        raise DamagedFileError(
            f"{name}: the footer of the Parquet file takes {length:,} bytes, at most {_MAX_FOOTER:,} are "
            "read; write it with fewer columns or larger row groups."
        )
    try:
        return _file_weight(_Cursor(data[len(data) - 8 - length : len(data) - 8]))
    except (IndexError, ValueError) as error:
        raise DamagedFileError(f"{name}: the footer of the Parquet file is damaged ({error}).") from None


def _file_weight(cursor: "_Cursor") -> _Weight:
    """Walk the fields of FileMetaData: 2 schema, 3 num_rows, 4 row_groups."""
    columns = rows = group_rows = encoded = 0
    for field, kind in cursor.fields():
        if field == 2 and kind in _LISTS:
            size, inner = cursor.list_head()
            columns = size - 1  # the root of the schema is no column
            if columns > MAX_COLUMNS:
                break
            cursor.skip_values(size, inner)
        elif field == 3 and kind in _INTEGERS:
            rows = cursor.integer()
        elif field == 4 and kind in _LISTS:
            for _ in range(cursor.list_head()[0]):
                more_rows, more_encoded = _group_weight(cursor)
                group_rows, encoded = group_rows + more_rows, encoded + more_encoded
        else:
            cursor.skip(kind)
    return _Weight(columns, max(rows, group_rows), encoded)


def _group_weight(cursor: "_Cursor") -> tuple[int, int]:
    """Walk the fields of a RowGroup: 2 total_byte_size, 3 num_rows."""
    rows = encoded = 0
    for field, kind in cursor.fields():
        if field == 2 and kind in _INTEGERS:
            encoded = cursor.integer()
        elif field == 3 and kind in _INTEGERS:
            rows = cursor.integer()
        else:
            cursor.skip(kind)
    if rows < 0 or encoded < 0:
        raise ValueError("a row group states a negative size")
    return rows, encoded


class _Cursor:
    """A place in a Thrift structure of the compact protocol, moved by reading."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def varint(self) -> int:
        """Read an unsigned integer, seven bits a byte, the lowest first."""
        value = shift = 0
        while True:
            byte = self._data[self._place]
            self._place += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("an integer has more than 64 bits")

    def integer(self) -> int:
        """Read a signed integer in zigzag form."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def fields(self) -> Iterator[tuple[int, int]]:
        """Go through the fields of a structure as (number, type); the caller reads each value."""
        number = 0
        while True:
            head = self._data[self._place]
            self._place += 1
            if head == 0:
                return
            number = number + (head >> 4) if head >> 4 else self.integer()
            yield number, head & 0x0F

    def list_head(self) -> tuple[int, int]:
        """Read how many values a list has, and of which type."""
        head = self._data[self._place]
        self._place += 1
        size = head >> 4
        return (self.varint() if size == 15 else size), head & 0x0F

    def skip(self, kind: int, depth: int = 0) -> None:
        """Pass over the value of a field."""
        if depth > _MAX_DEPTH:
            raise ValueError(f"values are nested deeper than {_MAX_DEPTH}")
        if kind in _INTEGERS:
            self.varint()
        elif kind == _BINARY:
            self._pass(self.varint())
        elif kind == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        elif kind in _LISTS:
            size, inner = self.list_head()
            self.skip_values(size, inner, depth + 1)
        elif kind == _DOUBLE:
            self._pass(8)
        elif kind == _BYTE:
            self._pass(1)
        elif kind not in _BOOLEANS:  # a truth value is in the type itself; Parquet's footer has no maps
            raise ValueError(f"a value has the unknown type {kind}")

    def skip_values(self, size: int, kind: int, depth: int = 0) -> None:
        """Pass over the values of a list."""
        if kind in _BOOLEANS:  # in a list each truth value takes a byte
            self._pass(size)
            return
        for _ in range(size):
            self.skip(kind, depth)

    def _pass(self, count: int) -> None:
        """Move over bytes that must be there."""
        self._place += count
        if self._place > len(self._data):
            raise IndexError("it ends in the middle of a value")
