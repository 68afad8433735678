import gzip
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from gorae.data import as_frame, read_table, require_columns
from gorae.errors import (
    DamagedFileError,
    DataError,
    FileError,
    InputTypeError,
)

TABLES = Path(__file__).parents[2] / "shared" / "data" / "tables"
real = pytest.mark.skipif(not TABLES.is_dir(), reason="the real tables are not beside the repository")


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and gives its path."""

    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


# --- files -------------------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path):
    """The message has the path."""
    with pytest.raises(FileError, match=r"absent\.csv: there is no such file"):
        read_table(tmp_path / "absent.csv")


def test_a_folder_is_no_table(tmp_path):
    """A folder is told from a file."""
    with pytest.raises(FileError, match="this is a folder"):
        read_table(tmp_path)


def test_a_file_over_the_limit_is_refused(write):
    """max_bytes counts unpacked bytes."""
    with pytest.raises(FileError, match="more than 100 bytes after unpacking"):
        read_table(write(gzip.compress(b"a,b\n" + b"1,2\n" * 100)), max_bytes=100)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_packed_file_cut_anywhere_is_refused(write, pack):
    """No truncation of a packed file reads as a shorter table."""
    packed = pack(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(50)))
    for length in range(8, len(packed), 7):
        with pytest.raises((DamagedFileError, DataError)):
            read_table(write(packed[:length]))


def test_data_behind_a_packed_stream_is_refused(write):
    """Bytes that follow the packed data are damage, zero padding is not."""
    packed = gzip.compress(b"a,b\n1,2\n")

    assert read_table(write(packed + b"\0" * 600)).height == 1
    with pytest.raises(DamagedFileError, match="other data follows"):
        read_table(write(packed + b"more"))


def test_parquet_is_read_whatever_its_name(write):
    """Parquet is told by its first bytes, and its text is treated as in CSV."""
    file = io.BytesIO()
    pl.DataFrame({"a": [1, None], "b": ["2", " ?"]}).write_parquet(file)

    assert read_table(write(file.getvalue(), "table.csv")).rows() == [(1, 2), (None, None)]


def test_parquet_without_rows_is_refused(write):
    """An empty Parquet table is told as such."""
    file = io.BytesIO()
    pl.DataFrame({"a": []}, schema={"a": pl.Int64}).write_parquet(file)

    with pytest.raises(DataError, match="0 rows"):
        read_table(write(file.getvalue()))


def test_nested_parquet_columns_are_refused(write):
    """A list in a cell is no value of a table."""
    file = io.BytesIO()
    pl.DataFrame({"a": [[1, 2]]}).write_parquet(file)

    with pytest.raises(DataError, match="'a' holds values of type List"):
        read_table(write(file.getvalue()))


def test_damaged_parquet_is_refused_or_read_never_worse(write):
    """Truncated or with bits flipped, a Parquet file raises nothing but the library's own error."""
    file = io.BytesIO()
    pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]}).write_parquet(file)
    sound, rng = file.getvalue(), np.random.default_rng(0)
    outcomes = set()
    for cut in range(4, len(sound), 60):
        with pytest.raises(DamagedFileError):
            read_table(write(sound[:cut]))
    for _ in range(60):
        damaged = bytearray(sound)
        damaged[rng.integers(4, len(sound))] ^= 1 << int(rng.integers(8))
        try:
            read_table(write(bytes(damaged)))
            outcomes.add("read")
        except (DamagedFileError, DataError):
            outcomes.add("refused")

    assert "refused" in outcomes


def test_a_matrix_in_npy_form_is_a_table(write):
    """A two-dimensional .npy array becomes the columns x0, x1, ..."""
    file = io.BytesIO()
    np.save(file, np.asfortranarray([[1.5, 2.0], [np.nan, 4.0]]))

    assert read_table(write(file.getvalue(), "m.npy")).rows() == [(1.5, 2.0), (None, 4.0)]


# --- frames ------------------------------------------------------------------------------------------

EXPECTED = [(1, 0.5, "x", True), (2, None, "y", False), (3, 2.5, None, True)]
COLUMNS = {"a": [1, 2, 3], "b": [0.5, None, 2.5], "c": ["x", "y", None], "d": [True, False, True]}


@pytest.mark.parametrize(
    "table",
    [
        COLUMNS,
        pl.DataFrame(COLUMNS),
        pl.LazyFrame(COLUMNS),
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS).convert_dtypes(),
        pa.table(COLUMNS),
        [dict(zip(COLUMNS, row, strict=True)) for row in EXPECTED],
    ],
    ids=["dict", "polars", "lazy", "pandas", "pandas-nullable", "pyarrow", "dicts"],
)
def test_every_kind_of_table_gives_the_same_frame(table):
    """Tables of all libraries become one frame with names, types and nulls."""
    frame = as_frame(table)

    assert (frame.columns, frame.rows()) == (list("abcd"), EXPECTED)


@pytest.mark.parametrize(
    "rows",
    [[[1, "x"], [2, "NA"]], np.array([[1, "x"], [2, None]], object), np.array([["1", "x"], [" 2", "?"]])],
)
def test_rows_without_names_become_numbered_columns(rows):
    """Lists of lists and arrays of objects or texts become x0, x1, ..."""
    frame = as_frame(rows)

    assert (frame.columns, frame.rows()) == (["x0", "x1"], [(1, "x"), (2, None)])


def test_bytes_stay_bytes():
    """The columns of a byte array stay bytes."""
    assert as_frame(np.zeros((1, 2), np.uint8)).dtypes == [pl.UInt8, pl.UInt8]


def test_structured_arrays_give_their_names():
    """The fields of a structured array are columns."""
    assert as_frame(np.array([(1, 0.5)], dtype=[("a", int), ("b", float)])).columns == ["a", "b"]


def test_an_ordered_pandas_categorical_keeps_its_order():
    """Ordered categories become an Enum in their order, unordered ones text."""
    frame = as_frame(
        pd.DataFrame(
            {
                "o": pd.Categorical(["hi", None, "lo"], categories=["lo", "hi"], ordered=True),
                "u": pd.Categorical(["p", "q", None]),
            }
        )
    )

    assert (frame["o"].dtype, frame["o"].to_list()) == (pl.Enum(["lo", "hi"]), ["hi", None, "lo"])
    assert (frame["u"].dtype, frame["u"].to_list()) == (pl.String, ["p", "q", None])


def test_pandas_dates_become_moments():
    """A pandas date column is a moment, not-a-time is missing."""
    frame = as_frame(pd.DataFrame({"t": pd.to_datetime(["2020-01-01", None])}))

    assert (frame["t"].dtype.base_type(), frame["t"].null_count()) == (pl.Datetime, 1)


def test_names_that_are_no_strings_become_strings():
    """Pandas allows numbers as names."""
    assert as_frame(pd.DataFrame({0: [1], 1: [2]})).columns == ["0", "1"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([], "0 rows and 0 columns"),
        (np.zeros((0, 3)), "0 rows and 3 columns"),
        (np.zeros((3, 0)), "0 columns"),
        (pl.DataFrame({"a": []}), "0 rows and 1 columns"),
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((2, 2), complex), "complex"),
        ([1, 2], "row 0 is 1"),
        ([[1], [1, 2]], "row 0 has 1 and row 1 2"),
        ({"a": [1], "b": [1, 2]}, "'a' has 1, 'b' has 2"),
        ({"a": "xy"}, "'a' must be a sequence"),
        ({"a": [1, object()]}, r"row 1 \(from 0\) holds a object"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "'a' came more than once"),
        (pa.table([[1], [2]], names=["a", "a"]), "'a' came more than once"),
        (pd.DataFrame({"a": [b"x"]}), "holds a bytes"),
        (scipy.sparse.csr_matrix(np.eye(2)), "sparse"),
        (np.zeros((1, 20_001), np.uint8), "20,001 columns"),
    ],
)
def test_what_makes_no_table_is_refused(table, message):
    """Each wrong table is refused with what was wrong about it."""
    with pytest.raises(DataError, match=message):
        as_frame(table)


@pytest.mark.parametrize("thing", [5, "text", None, pd.Series([1])])
def test_what_holds_no_columns_is_a_type_error(thing):
    """A thing that is no table at all is told by its type."""
    with pytest.raises(InputTypeError, match=f"got {type(thing).__name__}"):
        as_frame(thing)


def test_a_missing_column_is_told_with_the_near_one():
    """A misspelt target is answered with its right spelling and with what there is."""
    with pytest.raises(
        DataError, match=r"no column 'incme' \(did you mean 'income'\?\); it has: 'age', 'income'"
    ):
        require_columns(pl.DataFrame({"age": [1], "income": [2]}), ["age", "incme"])


# --- real tables -------------------------------------------------------------------------------------


@real
def test_adult_is_read():
    """32,561 rows without header; the question marks of three columns are missing values."""
    frame = read_table(TABLES / "adult" / "adult.data.gz", header=False)

    assert frame.shape == (32_561, 15)
    assert {name: n for name, n in frame.null_count().row(0, named=True).items() if n} == {
        "c1": 1836,
        "c6": 1843,
        "c13": 583,
    }
    assert [i for i, dtype in enumerate(frame.dtypes) if dtype == pl.Int64] == [0, 2, 4, 10, 11, 12]


@real
def test_bank_marketing_is_read_out_of_its_archive(tmp_path):
    """The semicolons of all four tables are found; the archive itself is refused with advice."""
    packed = TABLES / "bank-marketing" / "bank-additional.zip"
    with zipfile.ZipFile(packed) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".csv"))
        shapes = [read_table(archive.extract(name, tmp_path)).shape for name in names]

    assert shapes == [(41_188, 21), (4_119, 21), (45_211, 17), (4_521, 17)]
    with pytest.raises(DamagedFileError, match="zip archive"):
        read_table(packed)


@real
def test_letter_without_its_header_option_is_refused():
    """The first row of a file without header repeats numbers, which no names do."""
    with pytest.raises(DataError, match="header=False"):
        read_table(TABLES / "letter" / "letter-recognition.data.gz")


@real
def test_california_is_read():
    """20,640 rows of 9 numbers with their names."""
    frame = read_table(TABLES / "california-housing" / "california_housing.csv.gz")

    assert (frame.shape, frame.columns[-1]) == ((20_640, 9), "target")
    assert frame["target"].mean() == pytest.approx(2.0686, abs=1e-4)
