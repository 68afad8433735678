import datetime
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
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.data import as_frame, read_table, require_columns
from gorae.errors import (
    DamagedFileError,
    DataError,
    DataWarning,
    FileError,
    InputTypeError,
    ParameterError,
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


# --- delimited text ---------------------------------------------------------------------------------


def test_numbers_text_and_truth_values_get_their_types(write):
    """A column has the type that its values agree on."""
    frame = read_table(write("a,b,c,d\n1,0.5,x,true\n2,1e3,y,False\n"))

    assert frame.schema == {"a": pl.Int64, "b": pl.Float64, "c": pl.String, "d": pl.Boolean}


@pytest.mark.parametrize("marker", ["", "NA", "NaN", "null", "?", " ? ", "N/A", '""'])
def test_a_missing_marker_keeps_a_column_numeric(write, marker):
    """A numeric column with a missing marker, in spaces or not, is numeric with a null."""
    frame = read_table(write(f"a,b\n1,x\n{marker},y\n3,z\n"))

    assert frame["a"].to_list() == [1, None, 3]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(write, separator):
    """Each of the four separators is told from the first records."""
    text = "first name,b c,d\n1 0,x y,2\n3 0,z w,4\n".replace(",", separator)

    assert read_table(write(text)).rows() == [("1 0", "x y", 2), ("3 0", "z w", 4)]


def test_a_comma_inside_semicolon_fields_does_not_mislead(write):
    """The separator that cuts all records evenly wins, and decimal commas are read as such."""
    frame = read_table(write("name;price\nsalt, fine;1,50\nrice;2,25\n"))

    assert frame.rows() == [("salt, fine", 1.5), ("rice", 2.25)]


def test_a_given_separator_is_used(write):
    """The caller's separator stands before the found one."""
    assert read_table(write("a,b;c\n1,2;3\n"), separator=";").columns == ["a,b", "c"]


def test_a_separator_of_two_characters_is_refused(write):
    """A separator is one character."""
    with pytest.raises(ParameterError, match="one character, got '::'"):
        read_table(write("a::b\n1::2\n"), separator="::")


@pytest.mark.parametrize(
    "pack", [gzip.compress, lzma.compress, lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:])]
)
def test_packed_text_is_read_whatever_its_name(write, pack):
    """gzip, xz and several gzip members in a row are unpacked by their first bytes."""
    assert read_table(write(pack(b"a,b\n1,2\n"), "table.txt")).rows() == [(1, 2)]


def test_a_byte_order_mark_is_no_part_of_the_first_name(write):
    """UTF-8 with a mark reads as without."""
    assert read_table(write(b"\xef\xbb\xbfa,b\n1,2\n")).columns == ["a", "b"]


def test_utf_16_with_a_mark_is_read(write):
    """Text that Excel exports as "Unicode" is read."""
    assert read_table(write("a\tb\n1\t고래\n".encode("utf-16"))).rows() == [(1, "고래")]


def test_another_encoding_is_read_when_named(write):
    """The encoding option decodes what is not UTF-8."""
    assert read_table(write("city,n\nKöln,1\n".encode("latin-1")), encoding="latin-1")["city"][0] == "Köln"


def test_text_that_is_not_utf8_is_refused_with_its_line(write):
    """The message names the line, the byte, and what to do."""
    with pytest.raises(DamagedFileError, match=r"line 3 has the byte 0xf6.*encoding='latin-1'"):
        read_table(write("city,n\nBonn,1\nKöln,1\n".encode("latin-1")))


def test_an_unknown_encoding_is_a_parameter_error(write):
    """An encoding that Python does not know is named."""
    with pytest.raises(ParameterError, match="got 'latin-99'"):
        read_table(write("a\n1\n"), encoding="latin-99")


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,\x00\n", bytes(range(256)), b"\x89PNG\r\n\x1a\n\0\0", b"PK\x03\x04zip", b"\x80\x04\x95pickle."],
)
def test_a_binary_file_is_refused(write, content):
    """A file that is no text is refused, with its path in the message."""
    with pytest.raises(DamagedFileError, match=r"table\.csv"):
        read_table(write(content))


def test_a_header_is_optional(write):
    """Without a header the columns are numbered, and no row is lost."""
    frame = read_table(write("1,x\n2,y\n"), header=False)

    assert (frame.columns, frame.rows()) == (["c0", "c1"], [(1, "x"), (2, "y")])


def test_a_header_of_numbers_is_told(write):
    """A first line of nothing but numbers looks like a row, and a warning says so."""
    with pytest.warns(DataWarning, match="header=False"):
        read_table(write("5.1,3.5\n4.9,3.0\n"))


def test_numbered_columns_are_no_reason_to_warn(write):
    """The header 0, 1, 2 is what pandas writes for a matrix."""
    assert read_table(write("0,1,2\n5,3,1\n")).columns == ["0", "1", "2"]


def test_nameless_columns_are_called_by_their_place(write):
    """The empty name of an index column becomes c0."""
    assert read_table(write(",a\n7,1\n")).columns == ["c0", "a"]


def test_duplicate_names_are_refused(write):
    """The message names what is there twice, and the option that helps without a header."""
    with pytest.raises(DataError, match=r"'age' came more than once.*header=False"):
        read_table(write("age,x, age\n1,2,3\n"))


@pytest.mark.parametrize("content", ["", "\n\n", " \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(write, content):
    """Nothing but blank space is no table."""
    with pytest.raises(DataError, match="the file is empty"):
        read_table(write(content))


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "a\n\n", "a,b\n\n\n"])
def test_a_header_alone_is_refused(write, content):
    """A table without rows is told as such."""
    with pytest.raises(DataError, match="no rows"):
        read_table(write(content))


def test_a_line_with_too_many_fields_is_named(write):
    """An uneven table is refused with the line that broke it."""
    with pytest.raises(DataError, match="line 3 has 3 fields, the first line has 2"):
        read_table(write("a,b\n1,2\n3,4,5\n"))


def test_a_header_longer_than_its_rows_is_refused(write):
    """Rows that are all shorter than the header do not say which column they lack."""
    with pytest.raises(DataError, match="line 2 has 2 fields, the first line has 3"):
        read_table(write("a,b,c\n1,2\n3,4\n"))


def test_an_unclosed_quote_is_refused(write):
    """A quote that never closes cannot be read."""
    with pytest.raises(DataError, match=r"line 3 has 1 fields.*check its quotes"):
        read_table(write('a,b\n"x,1\ny,2\n'))


def test_quotes_in_tab_separated_text_are_text(write):
    """Tab-separated values often hold quotes that quote nothing."""
    assert read_table(write('a\tb\n"Cover" is dull\t1\n')).rows() == [('"Cover" is dull', 1)]


def test_quoted_names_and_values_may_hold_separators_and_line_ends(write):
    """Quoting works in the header as in the rows."""
    frame = read_table(write('"a\nb","c,d"\n"x\ny",2\n'))

    assert (frame.columns, frame.rows()) == (["a\nb", "c,d"], [("x\ny", 2)])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_read(write, end):
    """Unix, Windows and old Mac line ends make the same table."""
    assert read_table(write(end.join(["a,b", "1,2", "3,4", ""]))).rows() == [(1, 2), (3, 4)]


def test_blank_lines_are_no_rows(write):
    """Blank lines before, between and after rows are passed over."""
    assert read_table(write("\n\na,b\n1,2\n\n3,4\n\n")).rows() == [(1, 2), (3, 4)]


def test_a_row_of_missing_values_is_a_row(write):
    """A line of separators is a row; prediction must keep it in its place."""
    assert read_table(write("a,b\n1,2\n,\n3,4\n")).height == 3


def test_a_late_text_turns_the_column_into_text(write):
    """A type guessed from the first rows is taken back where a later row disagrees."""
    frame = read_table(write("a,b\n" + "1,2\n" * 10_500 + "x,2.5\n"))

    assert (frame["a"].dtype, frame["b"].dtype, frame["a"][-1]) == (pl.String, pl.Float64, "x")


def test_columns_named_as_text_stay_text(write):
    """The text option keeps leading zeros, so that new rows are read as the learned ones were."""
    frame = read_table(write("zip,n\n02134,1\n10001,2\n"), text=["zip"])

    assert frame["zip"].to_list() == ["02134", "10001"]


def test_dates_and_moments_are_read(write):
    """Year-first dates and times become dates and moments; zones become UTC."""
    frame = read_table(write("d,t,z\n2020-02-29,2020-01-01 10:00:00,2020-01-01T10:00:00+09:00\n?,,\n"))

    assert frame.row(0) == (
        datetime.date(2020, 2, 29),
        datetime.datetime(2020, 1, 1, 10),
        datetime.datetime(2020, 1, 1, 1, tzinfo=datetime.UTC),
    )


def test_integers_beyond_64_bits_become_floats(write):
    """A number that no integer column can hold is rounded, not refused."""
    assert read_table(write("a\n99999999999999999999\n1\n"))["a"].to_list() == [1e20, 1.0]


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**60), 2**60),
            st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from("xyz"),
        ),
        min_size=1,
        max_size=7,
    )
)
@settings(max_examples=40, deadline=None)
def test_what_was_written_is_read(tmp_path_factory, rows):
    """A table written as CSV reads back as it was, whatever its numbers."""
    path = tmp_path_factory.mktemp("round") / "t.csv"
    path.write_text("a,b,c\n" + "".join(f"{a},{b!r},{c}\n" for a, b, c in rows))

    assert read_table(path).select("a", pl.col("b").cast(pl.Float64), "c").rows() == rows


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
