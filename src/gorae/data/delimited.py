"""Reads delimited text (CSV, TSV and their kin) that is already in memory."""

import codecs
import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator

import polars as pl

from gorae.data.columns import floats_or_text
from gorae.data.parsing import MISSING, mark_missing, type_of_text
from gorae.errors import DamagedFileError, DataError, DataWarning, ParameterError

__all__ = ["MAX_COLUMNS", "read_delimited", "sniff_separator"]

MAX_COLUMNS = 20_000
"""Columns that a table may have."""

SEPARATORS = (",", ";", "\t", "|")

_BLOCK = 4 * 2**20
_HEAD = 16 * 2**20  # bytes in which the first record must end
_SNIFFED_RECORDS = 20
_FREE_CELLS = 10_000_000  # cells that any file may have; more need bytes on the disk behind them
_CELLS_PER_BYTE = 20
_INFERRED_ROWS = 10_000
# Polars strips no spaces, so the usual single one is listed; all others are stripped afterwards.
_MARKERS = [gap + marker for marker in MISSING if marker for gap in ("", " ")]
_PADDED = re.compile(rb"(?:^|[,;\t| \"])0\d+(?=[,;\t| \"\r]|$)", re.MULTILINE)
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_delimited(
    data: bytes,
    name: str,
    *,
    separator: str | None = None,
    header: bool = True,
    encoding: str = "utf-8",
    text: Collection[str] = (),
    packed_size: int | None = None,
) -> pl.DataFrame:
    r"""Read delimited text as a frame whose columns have types.

    Args:
        data: The bytes of the text.
        name: What the messages call it, usually its path.
        separator: One character; None finds out which of ``, ; tab |`` it is.
        header: Whether the first record holds the names of the columns; otherwise they are c0, c1, ...
        encoding: How the text is encoded; a byte order mark takes precedence.
        text: Columns that stay text, whatever they look like.
        packed_size: Bytes on the disk that the text came from; decides how many cells are believable.

    Returns:
        A frame of integer, float, truth, date, moment and text columns; null where a value is missing.

    Raises:
        DamagedFileError: The bytes are no text of that encoding, or make a table beyond the limits.
        DataError: There are no rows, or no table can be made of them: names twice, uneven records.

    Example:
        >>> read_delimited(b"age;city\n39; Busan\n?;Ulsan\n", "people.csv").rows()
        [(39, 'Busan'), (None, 'Ulsan')]
    """
    data = _as_utf8(data, name, encoding)
    if not data.strip():
        raise DataError(f"{name}: the file is empty; a table with a header line and rows was wanted.")
    if separator is None:
        separator = sniff_separator(data)
    elif len(separator.encode()) != 1:
        raise ParameterError(f"separator must be one character, got {separator!r}.")
    first = _first_record(data, name, separator)
    _check_size(data, name, len(first), len(data) if packed_size is None else packed_size)
    names = _column_names(first, name) if header else [f"c{i}" for i in range(len(first))]
    frame = _parse(data, name, separator, names, skip=int(header), text=text)
    if frame.width > 1 and frame.to_series(-1).null_count():
        _tell_short(data, name, separator, frame.width)
    if frame.width > 1 and _BLANK_LINE.search(data):  # a blank line is no row
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    if not frame.height:
        raise DataError(f"{name}: the file has a header line but no rows; at least one row was wanted.")
    return _with_types(frame, text, decimal_comma=separator != ",")


def sniff_separator(data: bytes) -> str:
    r"""Find which of comma, semicolon, tab and bar separates the fields.

    The one that cuts the first records into the most fields, equally many in each, is taken; where
    none cuts them evenly, the one that cuts the first record most; where none cuts at all, the comma.

    Args:
        data: UTF-8 text.

    Returns:
        The separator.

    Example:
        >>> sniff_separator(b"name;price\nsalt, fine;1,50\nrice;2,25\n")
        ';'
    """
    even, first = {}, {}
    for separator in SEPARATORS:
        widths = [len(record) for record in _some_records(data, separator)]
        first[separator] = widths[0] if widths else 0
        even[separator] = first[separator] if len(set(widths)) == 1 else 0
    best = max(SEPARATORS, key=lambda s: even[s])
    if even[best] > 1:
        return best
    best = max(SEPARATORS, key=lambda s: first[s])
    return best if first[best] > 1 else ","


def _some_records(data: bytes, separator: str) -> list[list[str]]:
    """Cut the first complete records, without the blank ones."""
    sample = data[: 64 * 2**10]
    records = []
    try:
        for record in csv.reader(_lines(sample), delimiter=separator):
            if record:
                records.append(record)
            if len(records) > _SNIFFED_RECORDS:
                break
    except csv.Error:
        return records
    cut_off = len(sample) < len(data) and 1 < len(records) <= _SNIFFED_RECORDS
    return records[:-1] if cut_off else records


def _lines(data: bytes) -> Iterator[str]:
    """Go through the lines of UTF-8 text, ends of line kept; a character cut at the end is dropped."""
    return (line.decode("utf-8", "ignore") for line in io.BytesIO(data))


def _as_utf8(data: bytes, name: str, encoding: str) -> bytes:
    """Check that the bytes are text, and return them as UTF-8 without mark and blank lines around it."""
    for mark, marked in _BOMS:
        if data.startswith(mark):
            encoding = marked
    try:
        codec = codecs.lookup(encoding).name
    except LookupError:
        raise ParameterError(f"encoding must be one that Python knows, got {encoding!r}.") from None
    if codec != "utf-8":
        try:
            data = data.decode(codec).encode("utf-8")
        except UnicodeError as error:
            raise DamagedFileError(f"{name}: the file is not {encoding} text ({error}).") from None
    data = data.removeprefix(codecs.BOM_UTF8).strip(b"\r\n")
    if b"\0" in data:
        raise DamagedFileError(
            f"{name}: delimited text (CSV) was wanted, but the file is binary: byte {data.index(0):,} is 0. "
            "Export it as CSV or Parquet; UTF-16 text without a mark needs encoding='utf-16' (--encoding)."
        )
    _check_utf8(data, name)
    if b"\r" in data and b"\n" not in data:  # line ends of old Macs
        data = data.replace(b"\r", b"\n")
    return data


def _check_utf8(data: bytes, name: str) -> None:
    """Raise where the bytes are no UTF-8, with the line of the first wrong one."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        try:
            decoder.decode(block, final=start + _BLOCK >= len(data))
        except UnicodeDecodeError as error:
            # what the decoder held is what it kept of the block before, then this block
            place = start + error.start - (len(error.object) - len(block))
            line = data.count(b"\n", 0, place) + 1
            raise DamagedFileError(
                f"{name}: the file is not UTF-8 text: line {line:,} has the byte 0x{data[place]:02x}. If it "
                "is a table, save it as UTF-8 or name its encoding, such as encoding='latin-1' or 'cp949' "
                "(--encoding)."
            ) from None


def _first_record(data: bytes, name: str, separator: str) -> list[str]:
    """Cut the first record, refusing one that does not end or has too many fields."""
    try:
        record = next(csv.reader(_lines(data[:_HEAD]), delimiter=separator))
    except (csv.Error, StopIteration) as error:
        raise DamagedFileError(
            f"{name}: the first line is no record of a table ({error}); check quotes and separator."
        ) from None
    if len(record) > MAX_COLUMNS:
        raise DamagedFileError(
            f"{name}: the first line has {len(record):,} fields, at most {MAX_COLUMNS:,} columns are read."
        )
    if len(data) > _HEAD and b"\n" not in data[:_HEAD]:
        raise DamagedFileError(f"{name}: the first line is longer than {_HEAD:,} bytes; this is no table.")
    return record


def _check_size(data: bytes, name: str, width: int, packed_size: int) -> None:
    """Refuse more cells than the bytes on the disk make believable: each costs memory, even empty."""
    cells = width * (data.count(b"\n") + 1)
    limit = max(_FREE_CELLS, _CELLS_PER_BYTE * packed_size)
    if cells > limit:
        raise DamagedFileError(
            f"{name}: {packed_size:,} bytes that unpack to a table of about {cells:,} cells look like a "
            "decompression bomb and were refused; if the file is honest, unpack it first."
        )


def _column_names(record: list[str], name: str) -> list[str]:
    """Make names of the header record; nameless columns are called by their place."""
    names = [field.strip() or f"c{i}" for i, field in enumerate(record)]
    twice = [field for field, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(repr(field) for field in twice[:5])
        raise DataError(
            f"{name}: column names must be different, but {listed} came more than once. "
            "Rename them; if the file has no header line, read it with header=False (--no-header)."
        )
    numbers = pl.Series(names).cast(pl.Float64, strict=False)
    if not numbers.null_count() and numbers.to_list() != list(range(len(names))):
        warnings.warn(
            f"{name}: all names in the header line are numbers ({', '.join(names[:4])}, ...); if the file "
            "has no header line, read it with header=False (--no-header).",
            DataWarning,
            stacklevel=4,
        )
    return names


def _parse(
    data: bytes, name: str, separator: str, names: list[str], *, skip: int, text: Collection[str]
) -> pl.DataFrame:
    """Parse with types guessed from the first rows; where a later row disagrees, all as text."""
    overrides = {column: pl.String for column in names if column in text}
    all_text = dict.fromkeys(names, pl.String)
    attempts: list[tuple[dict, int, str | None]] = [(overrides, _INFERRED_ROWS, '"'), (all_text, 0, '"')]
    if separator == "\t":  # tab-separated values need no quotes, and many files use them as text
        attempts.append((all_text, 0, None))
    if _PADDED.search(data):  # codes such as 007, which a guess from the first rows would make 7
        del attempts[0]
    for types, inferred, quote in attempts:
        try:
            frame = pl.read_csv(
                data,
                separator=separator,
                quote_char=quote,
                has_header=False,
                skip_rows=skip,
                new_columns=names,
                schema_overrides=types,
                null_values=_MARKERS,
                infer_schema_length=inferred,
                raise_if_empty=False,
            )
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            reason = str(error).splitlines()[0][:160]
            continue
        if frame.width == len(names) or not frame.height:
            return frame
        reason = f"{frame.width} fields in a row"
        break
    raise DataError(_uneven(data, name, separator, len(names), reason))


def _uneven(data: bytes, name: str, separator: str, width: int, reason: str) -> str:
    """Say which line broke the table: the first that is too long, otherwise the first that is too short."""
    reader = csv.reader(_lines(data[: 4 * _HEAD]), delimiter=separator)
    wrong = None
    try:
        for record in reader:
            if len(record) > width or (record and len(record) < width and wrong is None):
                wrong = (reader.line_num, len(record))
            if len(record) > width:
                break
    except csv.Error as error:
        reason = str(error)
    if wrong is None:
        return f"{name}: the file cannot be read as a table separated by {separator!r}: {reason}."
    return (
        f"{name}: line {wrong[0]:,} has {wrong[1]} fields, the first line has {width}; check its quotes, and "
        f"whether {separator!r} is the separator."
    )


def _tell_short(data: bytes, name: str, separator: str, width: int) -> None:
    """Warn of records that end early: the parser has filled them up with missing values."""
    reader = csv.reader(_lines(data), delimiter=separator)
    try:
        short = [(reader.line_num, len(record)) for record in reader if 0 < len(record) < width]
    except csv.Error:
        return
    if short:
        line, fields = short[0]
        more = f" (and {len(short) - 1:,} more lines are short)" if len(short) > 1 else ""
        warnings.warn(
            f"{name}: line {line:,} has {fields} of {width} fields{more}; the others count as missing.",
            DataWarning,
            stacklevel=4,
        )


def _with_types(frame: pl.DataFrame, text: Collection[str], *, decimal_comma: bool) -> pl.DataFrame:
    """Settle the type of each column that came as text."""
    settled = []
    for column in frame.get_columns():
        if column.dtype == pl.String and column.name in text:
            settled.append(mark_missing(column))
        elif column.dtype == pl.String:
            settled.append(type_of_text(column, decimal_comma=decimal_comma))
        elif column.dtype.is_float():
            settled.append(column.fill_nan(None))
        elif column.dtype.is_integer() and column.dtype != pl.Int64:
            settled.append(floats_or_text(column))
        else:
            settled.append(column)
    return pl.DataFrame(settled)
