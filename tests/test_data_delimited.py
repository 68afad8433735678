import datetime
import gzip
import lzma
import warnings

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.data import delimited, read_table
from gorae.errors import (
    DamagedFileError,
    DataError,
    DataWarning,
    ParameterError,
)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and gives its path."""

    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


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


def test_the_wrong_byte_is_found_behind_equal_ones(write, monkeypatch):
    """A byte that is right within a letter and wrong alone is named where it is wrong, across blocks too."""
    monkeypatch.setattr(delimited, "_BLOCK", 2)

    with pytest.raises(DamagedFileError, match="line 3 has the byte 0xa9"):
        read_table(write("a\né\n".encode() + b"xyz\xa9\n"))


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


def test_thousands_separators_are_told(write):
    """Numbers with commas between their thousands are numbers, and a warning says so."""
    with pytest.warns(
        DataWarning, match="column 'pay' holds numbers with thousands separators, such as '1,234'"
    ):
        frame = read_table(write('pay,city\n950,a\n"1,234",b\n"-1,234,567.5",c\n,d\n'))
    assert frame["pay"].to_list() == [950.0, 1234.0, -1234567.5, None]


def test_words_among_numbers_are_told(write):
    """A column of numbers but for a word stays text, and a warning names the word and how often it stands."""
    cells = "".join(f"{k}\n" for k in range(12)) + "unknown\nunknown\n"
    told = r"column 'hours' holds numbers, but for 'unknown' in 2 of 14 values; the column stays text"
    with pytest.warns(DataWarning, match=told):
        frame = read_table(write("hours\n" + cells))
    assert frame["hours"].dtype == pl.String


@pytest.mark.parametrize("marker", ["n/a", "N/A", "#NA", "<NA>", "NaN"])
def test_missing_values_by_their_names(write, marker):
    """A column of numbers with cells that say "not available" is one of numbers with missing values."""
    frame = read_table(write(f"hours,sold\n1.5,a\n{marker},b\n2,c\n"))
    assert frame["hours"].to_list() == [1.5, None, 2.0]


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "2", "3", "other"] * 5,  # few different numbers: levels of a scale
        [f"{k}" for k in range(12)] + ["12A", "12B", "12C", "12D"],  # codes of many kinds
        [f"{k}" for k in range(12)] + ["a"] * 13,  # mostly words
    ],
)
def test_texts_that_are_no_numbers_are_not_told(write, cells):
    """Scales, codes and words are texts without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_table(write("x,y\n" + "".join(f"{cell},1\n" for cell in cells)))["x"].dtype == pl.String


@pytest.mark.parametrize("text", ["1,23", "1234,567", "1,2345", ",123", "1,234,56"])
def test_commas_elsewhere_are_text(write, text):
    """A comma that does not cut off three digits makes no number of a text."""
    assert read_table(write(f'pay,city\n950,a\n"{text}",b\n'))["pay"].to_list() == ["950", text]


def test_a_decimal_comma_is_tried_first(write):
    """Between semicolons 1,234 is one and a bit, as wherever decimals are written so."""
    assert read_table(write("pay;city\n0,5;a\n1,234;b\n"))["pay"].to_list() == [0.5, 1.234]


def test_short_lines_are_told(write):
    """Lines that end before the last field are filled with missing values, and a warning names the first."""
    with pytest.warns(DataWarning, match=r"line 3 has 2 of 3 fields \(and 1 more lines are short\)"):
        frame = read_table(write("a,b,c\n1,2,3\n4,5\n6\n"))
    assert frame.rows() == [(1, 2, 3), (4, 5, None), (6, None, None)]


def test_an_empty_last_field_is_no_short_line(write):
    """A missing value in the last column is nothing to warn of, nor are blank lines and quoted line ends."""
    frame = read_table(write('a,b\n1,"x\n,y"\n\n2,\n3,z\n'))
    assert frame.rows() == [(1, "x\n,y"), (2, None), (3, "z")]


@pytest.mark.parametrize("text", ["007", "00", "0123456"])
def test_codes_with_leading_zeros_stay_text(write, text):
    """007 and 7 are two codes, not one number; a warning says that the column stays text."""
    with pytest.warns(DataWarning, match=f"column 'code' holds '{text}', with zeros before its number"):
        frame = read_table(write(f"x,code\n1,7\n2,{text}\n3,\n"))
    assert frame["code"].to_list() == ["7", text, None]
    assert frame["x"].to_list() == [1, 2, 3]


@pytest.mark.parametrize("text", ["0", "0.5", "-0", "0e3", "2020-01-02"])
def test_zeros_that_begin_no_code(write, text):
    """A zero alone, before a point or inside a date makes no code."""
    assert read_table(write(f"x,y\n{text},1\n{text},2\n"))["x"].dtype != pl.String


def test_numbers_too_long_to_be_told_apart_stay_text(write):
    """Identifiers that a float would make one stay different; a warning says so."""
    ids = ["123456789012345678901", "123456789012345678902", "5"]
    with pytest.warns(DataWarning, match="'id' holds numbers of more digits than a float keeps"):
        frame = read_table(write("id,x\n" + "".join(f"{one},1\n" for one in ids)))
    assert frame["id"].to_list() == ids
