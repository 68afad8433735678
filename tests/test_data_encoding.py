import datetime
import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.data import TableEncoding, as_frame, learn_encoding, read_table
from gorae.data.column_codes import ColumnCode, encode_column
from gorae.errors import DamagedFileError, DataError

TABLES = Path(__file__).parents[2] / "shared" / "data" / "tables"
real = pytest.mark.skipif(not TABLES.is_dir(), reason="the real tables are not beside the repository")


def encode(columns, **options):
    """Learn an encoding of a table and apply it to the same table."""
    frame = as_frame(columns)
    encoding = learn_encoding(frame, **options)
    return encoding, encoding.encode(frame)


def test_categories_get_a_column_each_in_sorted_order():
    """Text is one-hot, a missing text a column of its own."""
    encoding, matrix = encode({"c": ["b", "a", None]})

    assert encoding.feature_names == ("c=a", "c=b", "c is missing")
    assert matrix.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_truth_values_are_zero_and_one():
    """A truth value is one column."""
    assert encode({"t": [True, False]})[1].tolist() == [[1], [0]]


def test_a_missing_number_is_nan_and_told():
    """A number that is missing is NaN and has a 1 in the column that says so."""
    encoding, matrix = encode({"n": [1.5, None], "m": [1, 2]})

    assert encoding.feature_names == ("n", "n is missing", "m")
    np.testing.assert_array_equal(matrix, [[1.5, 0, 1], [np.nan, 1, 2]])


def test_a_number_missing_only_later_is_nan():
    """Where no learned row had a gap there is no column to tell one, and the fold fills it."""
    encoding = learn_encoding(pl.DataFrame({"n": [1.0, 2.0]}))

    assert np.isnan(encoding.encode(pl.DataFrame({"n": [None, 3.0]}))[0, 0])


def test_ordered_categories_are_their_places():
    """An Enum column is the place of its category in the declared order, also of an absent one."""
    encoding, matrix = encode(
        pd.DataFrame({"s": pd.Categorical(["L", "S", None], categories=["S", "M", "L"], ordered=True)})
    )

    assert encoding.codes[0].categories == ("S", "M", "L")
    np.testing.assert_array_equal(matrix, [[2, 0], [0, 0], [np.nan, 1]])


def test_declared_order_makes_text_ordinal():
    """A declared order is used; a mere name takes the alphabet, and a note says so."""
    declared = encode({"s": ["S", "L", "M"]}, ordinal={"s": ["S", "M", "L"]})
    named = encode({"s": ["S", "L", "M"]}, ordinal=["s"])

    assert declared[1][:, 0].tolist() == [0, 2, 1]
    assert named[1][:, 0].tolist() == [2, 0, 1]
    assert "order of the alphabet: L, M, S" in named[0].notes[0]


def test_a_declared_order_must_name_every_category():
    """A value outside the declared order is named."""
    with pytest.raises(DataError, match="also holds \\['XL'\\]"):
        learn_encoding(pl.DataFrame({"s": ["S", "XL"]}), ordinal={"s": ["S", "M"]})


def test_an_ordinal_column_must_exist():
    """The near name is suggested."""
    with pytest.raises(DataError, match="did you mean 'size'"):
        learn_encoding(pl.DataFrame({"size": ["S", "L"]}), ordinal=["sise"])


def test_64_categories_are_one_hot_and_65_hashed():
    """Up to 64 categories get a column each, more share 64."""
    few, many = ([f"k{i}" for i in range(n)] * 3 for n in (64, 65))
    encoding, matrix = encode({"few": few + few[:3], "many": many})

    assert [code.kind for code in encoding.codes] == ["category", "hashed"]
    assert (matrix[:, :64].sum(1) == 1).all()
    assert (matrix[:, 64:].sum(1) == 1).all()


def test_ten_thousand_categories_make_64_columns():
    """A column of 10,000 categories stays narrow, and a note says how and that nothing leaks."""
    encoding, matrix = encode({"c": [f"user {i % 10_000}" for i in range(20_001)]})

    assert matrix.shape == (20_001, 64)
    assert "10,000 categories" in encoding.notes[0]
    assert "nothing leaks" in encoding.notes[0]
    assert matrix.sum(0).min() > 0


def test_hashing_is_the_same_in_every_process():
    """A bucket is the crc32 of the text modulo 64: its check value, 0xCBF43926 for "123456789", gives 38."""
    bucket = encode_column(pl.Series(["123456789"]), ColumnCode("c", "hashed")).argmax()

    assert bucket == 38


def test_hashed_texts_are_never_unseen():
    """A new text of a hashed column falls into some bucket, a missing one into none."""
    encoding = learn_encoding(pl.DataFrame({"c": [f"k{i % 70}" for i in range(700)]}))
    matrix = encoding.encode(pl.DataFrame({"c": ["new", None]}))

    assert matrix.sum(1).tolist() == [1, 0]
    assert encoding.unseen(pl.DataFrame({"c": ["new"]})) == {}


def test_identifiers_are_left_out_by_name():
    """Text that is nearly unique per row is dropped; the note names column and count."""
    encoding, _ = encode({"id": [f"user {i}" for i in range(60)], "n": list(range(60))})

    assert (encoding.columns, encoding.dropped) == (("n",), ("id",))
    assert "'id' was left out: its 60 different texts in 60 rows" in encoding.notes[0]


@pytest.mark.parametrize(
    "written", ["${}", "-${}", "{} kg", "{}%", "USD {}", "€{},50", "{} km/h", "~{}", "{}.5 °C"]
)
def test_numbers_with_a_unit_are_no_identifiers(written):
    """Text of numbers with a currency or a unit is left out, and the note says what to write instead."""
    texts = [written.format(i) for i in range(100, 386)]
    encoding, _ = encode({"price": texts, "n": list(range(286))})

    assert encoding.dropped == ("price",)
    assert encoding.notes[0] == (
        "Column 'price' was left out: 286 of 286 texts look like numbers with other characters, for instance "
        f"{texts[0]!r}; write plain numbers to use the column."
    )


def test_numbers_of_which_some_have_a_unit():
    """Plain numbers between those with a unit, and a few other texts, do not hide them."""
    texts = [str(i) if i % 2 else f"{i} kg" for i in range(1, 96)] + ["much", "little"]
    encoding, _ = encode({"weight": texts, "n": list(range(97))})

    assert "47 of 97 texts look like numbers with other characters, for instance '2 kg'" in encoding.notes[0]


def test_hashed_numbers_with_a_unit_are_told():
    """Text of numbers with a unit that comes back often enough is hashed, and the note says what it is."""
    encoding, _ = encode({"price": [f"${i % 70}" for i in range(700)]})

    assert encoding.codes[0].kind == "hashed"
    assert "700 of 700 texts look like numbers with other characters" in encoding.notes[0]


@pytest.mark.parametrize(
    "written",
    ["{}", "00{}", "A{}", "{}-{}", "{} Main Street 3", "10:{}", "{}x4f"],
)
def test_codes_are_no_numbers_with_a_unit(written):
    """Codes with zeros or letters before them, ranges and addresses stay identifiers."""
    texts = pl.Series("code", [written.format(i, i) for i in range(100, 160)])
    encoding = learn_encoding(pl.DataFrame({"code": texts, "n": list(range(60))}))

    assert "look like an identifier" in encoding.notes[0]


def test_endings_of_many_letters_are_codes():
    """Numbers with more than a few different endings are codes: seats, not measures."""
    encoding, _ = encode({"seat": [f"{i}{'ABCDEF'[i % 6]}" for i in range(1, 61)], "n": list(range(60))})

    assert "look like an identifier" in encoding.notes[0]


def test_few_unique_texts_are_categories():
    """Fifty different texts in fifty rows are too few to be sure."""
    assert encode({"c": [f"k{i}" for i in range(50)]})[0].codes[0].kind == "category"


def test_useless_columns_are_left_out_with_a_note():
    """Columns without values or with one value tell nothing; one value with gaps tells where the gaps are."""
    encoding, _ = encode({"empty": [None, None], "same": [7, 7], "gaps": [7, None], "n": [1, 2]})

    assert encoding.dropped == ("empty", "same")
    assert encoding.feature_names == ("gaps", "gaps is missing", "n")
    assert encoding.notes == (
        "Column 'empty' was left out: it has no values.",
        "Column 'same' was left out: it has the same value in every row.",
    )


def test_a_table_of_useless_columns_is_refused():
    """Where nothing is left, the message says why."""
    with pytest.raises(DataError, match=r"no column of the table can be used.*'a' was left out"):
        learn_encoding(pl.DataFrame({"a": [1, 1]}))


# --- dates -------------------------------------------------------------------------------------------


def test_dates_are_days_and_moments_seconds():
    """1970-01-03 is day 2, 01:00 on 1970-01-01 second 3,600; the notes say so."""
    encoding, matrix = encode(
        {"d": ["1970-01-03", "1970-01-01"], "t": ["1970-01-01 01:00", "1970-01-01 00:00"]}
    )

    assert matrix.tolist() == [[2, 3600], [0, 0]]
    assert ["days" in encoding.notes[0], "seconds" in encoding.notes[1]] == [True, True]


def test_durations_and_times_of_day_are_seconds():
    """Half an hour is 1,800, a quarter past midnight 900."""
    _, matrix = encode(
        {
            "d": [datetime.timedelta(minutes=30), datetime.timedelta(0)],
            "t": [datetime.time(0, 15), datetime.time(0, 0)],
        }
    )

    assert matrix.tolist() == [[1800, 900], [0, 0]]


def test_a_date_may_come_as_a_moment_and_the_reverse():
    """A prediction table may hold the same times in the other form."""
    dates = learn_encoding(pl.DataFrame({"t": [datetime.date(1970, 1, 1), datetime.date(1970, 1, 3)]}))
    moments = pl.DataFrame({"t": ["1970-01-02 12:00:00"]}).with_columns(pl.col("t").str.to_datetime())

    assert dates.encode(moments).tolist() == [[1.5]]
    assert learn_encoding(
        pl.concat([moments, moments.with_columns(pl.col("t") + datetime.timedelta(days=1))])
    ).encode(pl.DataFrame({"t": [datetime.date(1970, 1, 3)]})).tolist() == [[172_800]]


def test_moments_keep_their_fine_differences():
    """Seconds since 1970 an hour apart have an anchor, so that float32 tells one second from the next."""
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    frame = pl.DataFrame({"t": [start + datetime.timedelta(seconds=s) for s in range(3601)]})
    encoding = learn_encoding(frame)

    assert encoding.codes[0].anchor > 1.7e9
    assert (np.diff(encoding.encode(frame)[:, 0]) == 1).all()


@given(st.floats(1e3, 1e10), st.floats(1e-3, 1e3))
@settings(max_examples=40, deadline=None)
def test_an_anchor_keeps_differences_to_float32(place, spread):
    """Wherever a column lies, its differences are kept to float32's precision of their own size."""
    column = place + spread * np.linspace(-1, 1, 7)
    encoded = learn_encoding(pl.DataFrame({"x": np.append(column, place + 2 * spread)})).encode(
        pl.DataFrame({"x": column})
    )
    exact = column - column[0]
    tolerance = 1000 * np.finfo(np.float32).eps * spread + 4 * np.finfo(np.float64).eps * place

    np.testing.assert_allclose(encoded[:, 0].astype(float) - encoded[0, 0], exact, atol=tolerance)


# --- prediction --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned():
    """Return an encoding of three columns."""
    return learn_encoding(pl.DataFrame({"n": [1.0, 2.5], "c": ["a", "b"], "t": [True, False]}))


def test_order_and_extra_columns_do_not_matter(learned):
    """A reordered table with more columns encodes the same."""
    table = pl.DataFrame({"more": [object], "t": [True], "c": ["b"], "n": [2.0]})

    assert learned.encode(table).tolist() == [[2, 0, 1, 1]]


def test_missing_columns_are_listed(learned):
    """All missing columns are told at once, with near names."""
    with pytest.raises(DataError, match=r"no columns 'n', 'c' \(did you mean 'C'\?\); it has: 'C', 't'"):
        learned.encode(pl.DataFrame({"C": ["a"], "t": [True]}))


def test_an_unseen_category_is_zero_in_its_group_and_reported(learned):
    """A category that was never seen leaves its columns zero; unseen lists it."""
    table = pl.DataFrame({"n": [1.0, 1.0], "c": ["z", "y"], "t": [True, True]})

    assert learned.encode(table)[:, 1:3].tolist() == [[0, 0], [0, 0]]
    assert learned.unseen(table) == {"c": ("y", "z")}


def test_a_number_as_text_is_read(learned):
    """Text that holds numbers and missing markers encodes as the numbers."""
    table = pl.DataFrame({"n": [" 2.5", "?"], "c": ["a", "a"], "t": ["true", "0"]})

    np.testing.assert_array_equal(learned.encode(table)[:, [0, 3]], [[2.5, 1], [np.nan, 0]])


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("n", ["1", "x9", "y"], r"'n', row 1 \(from 0\) holds 'x9', but the column was learned as numbers"),
        ("t", ["true", "1", "maybe"], r"'t', row 2 \(from 0\) holds 'maybe'.*true or false"),
        ("t", [0, 2, 1], r"'t', row 1 \(from 0\) holds '2'"),
        ("n", [datetime.date(2020, 1, 1)] * 3, "holds '2020-01-01'"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(learned, column, values, message):
    """The message has column, row and value."""
    table = pl.DataFrame({"n": [1.0] * 3, "c": ["a"] * 3, "t": [True] * 3}).with_columns(
        pl.Series(column, values)
    )

    with pytest.raises(DataError, match=message):
        learned.encode(table)


def test_a_text_that_is_no_date_is_named():
    """A date column that comes as other text names the first value that is none."""
    encoding = learn_encoding(as_frame({"d": ["2020-01-01", "2020-01-02"]}))

    with pytest.raises(DataError, match=r"'d', row 1 \(from 0\) holds 'soon'.*dates"):
        encoding.encode(pl.DataFrame({"d": ["2020-05-01", "soon"]}))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3.1e38, 1e300])
def test_infinite_values_are_refused_with_their_place(value):
    """A number that float32 cannot hold is told by column and row, when learning and when encoding."""
    table = pl.DataFrame({"n": [1.0, value]})

    with pytest.raises(DataError, match=r"column 'n', row 1 \(from 0\)"):
        learn_encoding(table)
    with pytest.raises(DataError, match=r"column 'n', row 1 \(from 0\)"):
        learn_encoding(pl.DataFrame({"n": [1.0, 2.0]})).encode(table)


def test_huge_values_are_encoded():
    """1e30 is a number like others."""
    assert encode({"n": [1e30, -1e30]})[1].tolist() == [[np.float32(1e30)], [np.float32(-1e30)]]


def test_not_a_number_is_missing():
    """NaN in a frame that never went through as_frame is a gap."""
    encoding = learn_encoding(pl.DataFrame({"n": [1.0, float("nan"), 3.0]}))

    assert encoding.feature_names == ("n", "n is missing")


def test_text_columns_are_read_as_they_were_learned(tmp_path):
    """A file of new rows whose text looks like numbers encodes right when read with text_columns."""
    (tmp_path / "new.csv").write_text("zip\n02134\n")
    encoding = learn_encoding(pl.DataFrame({"zip": ["02134", "X1"]}))
    frame = read_table(tmp_path / "new.csv", text=encoding.text_columns)

    assert encoding.encode(frame).tolist() == [[1, 0]]


# --- storage -----------------------------------------------------------------------------------------

KINDS = {
    "n": [1.5, None, 2.0],
    "t": [True, False, True],
    "c": ["a", "b", "a"],
    "d": ["2020-01-01", "2020-01-02", "2020-01-03"],
    "o": ["lo", "hi", "lo"],
    "s": [1, 1, 1],
}


def test_json_keeps_an_encoding():
    """An encoding of every kind comes back equal through JSON, and encodes the same."""
    encoding, matrix = encode(KINDS, ordinal={"o": ["lo", "hi"]})
    back = TableEncoding.from_meta(json.loads(json.dumps(encoding.to_meta(), allow_nan=False)))

    assert back == encoding
    np.testing.assert_array_equal(back.encode(as_frame(KINDS)), matrix)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "eval"},
        {"name": 5},
        {"categories": ["a", "a"]},
        {"categories": []},
        {"categories": 3},
        {"categories": "ab", "kind": "number"},
        {"anchor": float("nan")},
        {"anchor": "1"},
        {"indicator": 1},
        {"unit": "days"},
        {"extra": 1},
    ],
)
def test_a_changed_code_is_refused(change):
    """What gorae would never write is damage, whatever field it is in."""
    meta = learn_encoding(pl.DataFrame({"c": ["a", "b"]})).to_meta()
    meta["codes"][0].update(change)

    with pytest.raises(DamagedFileError, match="stored"):
        TableEncoding.from_meta(meta)


@pytest.mark.parametrize(
    "meta", [{}, {"codes": 1, "dropped": [], "notes": []}, {"codes": [], "dropped": [1], "notes": []}, []]
)
def test_a_thing_that_is_no_encoding_is_refused(meta):
    """A mapping without the three lists is damage."""
    with pytest.raises(DamagedFileError, match="stored table encoding"):
        TableEncoding.from_meta(meta)


@given(st.permutations(range(3)), st.permutations(list(KINDS)))
@settings(max_examples=20, deadline=None)
def test_encoding_is_by_row_and_by_name(rows, names):
    """Permuting rows permutes the encoded rows, and the order of the columns does not matter."""
    frame = as_frame(KINDS)
    encoding = learn_encoding(frame)

    np.testing.assert_array_equal(encoding.encode(frame[rows].select(names)), encoding.encode(frame)[rows])


@real
def test_adult_encodes_to_108_columns():
    """6 numbers, 99 categories and 3 columns of gaps; the test part has no unseen category."""
    frame = read_table(TABLES / "adult" / "adult.data.gz", header=False)
    test = read_table(TABLES / "adult" / "adult.test.gz", header=False)
    encoding = learn_encoding(frame.drop("c14"))

    assert encoding.encode(frame).shape == (32_561, 108)
    assert encoding.notes == ()
    assert encoding.unseen(test) == {}


@pytest.mark.parametrize("learned", [[1.5, 2.5, 3.5], [True, False, True]])
def test_durations_for_numbers_are_refused(learned):
    """A column of durations, which has no text of its own, is refused as other values of a wrong kind are."""
    encoding = learn_encoding(pl.DataFrame({"x": learned}))
    with pytest.raises(
        DataError, match=r"column 'x', row 0 .* holds '3.0 seconds', but the column was learned"
    ):
        encoding.encode(pl.DataFrame({"x": [datetime.timedelta(seconds=3)]}))


def test_durations_for_categories_are_unseen():
    """Where texts were learned, a duration is a category that was never there."""
    encoding = learn_encoding(pl.DataFrame({"x": ["a", "b", "a"]}))
    assert encoding.unseen(pl.DataFrame({"x": [datetime.timedelta(seconds=3)]})) == {"x": ("3.0 seconds",)}
