"""A column that was named as one of texts: numbers are refused, identifiers and categories told."""

import numpy as np
import polars as pl
import pytest

from gorae.errors import DataError, DataWarning
from gorae.study.prepare import prepare
from gorae.study.text_doubts import doubts_of_texts
from text_cases import reviews


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (range(60), "numbers"),
        ([f"{row}" for row in range(60)], "numbers"),
        (["007", None, "1e3", " -2.5 "], "numbers"),
        ([True, False, None], "truth values"),
        (["true", "False"], "truth values"),
        (["2020-01-31", "2021-02-01 10:30:05"], "dates or times"),
    ],
)
def test_what_is_no_text(values, what):
    """Where no value is a text, the column is refused with what it holds and the one that looks like texts."""
    values = list(values)
    frame = pl.DataFrame({"id": values, "said": [f"a whale of {n} meters" for n in range(len(values))]})

    with pytest.raises(DataError, match=f"the column 'id' holds {what} \\("):
        doubts_of_texts(frame, "id")


def test_the_column_of_texts_is_named():
    """The error names the column that looks like texts."""
    frame = reviews(60).with_columns(pl.int_range(60).alias("row"))
    with pytest.raises(
        DataError, match=r"\(0, 1, 2, \.\.\.\), no texts; name the column of texts \('review' "
    ):
        prepare(frame.drop("label"), frame["label"], text="row")


@pytest.mark.parametrize(
    "values",
    [
        [f"user-{row}" for row in range(60)],
        [f"{row:08x}" for row in range(60)],
        [f"0b6e7f36-9c2e-4b5a-8b8e-{row:012x}" for row in range(60)],
    ],
)
def test_identifiers_are_told(values):
    """Another single word with digits in each row, alike but for them, is an identifier: one sentence."""
    (told,) = doubts_of_texts(pl.DataFrame({"id": values}), "id")

    assert told.startswith("The column 'id' looks like an identifier, with another value in each row (")


@pytest.mark.parametrize(
    "values",
    [
        ["a whale", "no whale", "a pod"],
        [f"{'rossi' if row % 2 else 'nowak'}{row}" for row in range(60)],
        [f"82 {row} 7" for row in range(60)],
        [f"82,{row},7" for row in range(60)],
        ["", None, "a"],
        ["", None],
        ["rossi", "nowak", "kim"],
    ],
)
def test_texts_are_not_doubted(values):
    """Sentences, traces, names and gaps have nothing against them."""
    assert doubts_of_texts(pl.DataFrame({"said": pl.Series(values, dtype=pl.String)}), "said") == ()


def test_categories_and_numbers_among_texts_are_told():
    """Three words over and over are a category; mostly numbers are numbers with a few texts."""
    (category,) = doubts_of_texts(pl.DataFrame({"size": ["low", "high", "middle"] * 20}), "size")
    (numbers,) = doubts_of_texts(pl.DataFrame({"age": ["12", "30", "unknown", "7"]}), "age")

    assert category.startswith("The column 'size' has only 3 different values (high, low, middle), as a")
    assert numbers.startswith("3 of the 4 values of 'age' are plain numbers")


def test_a_study_warns_and_notes():
    """The doubt is a warning, and a note of the study."""
    frame = pl.DataFrame({"id": [f"user-{row}" for row in range(60)]})
    with pytest.warns(DataWarning, match="looks like an identifier"):
        data = prepare(frame, np.arange(60) % 2, text="id")

    assert any("looks like an identifier" in note for note in data.notes)
