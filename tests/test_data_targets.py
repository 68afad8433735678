import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from gorae.data import (
    check_classes,
    class_weights,
    describe_values,
    encode_known_labels,
    encode_labels,
    guess_task,
    load_named,
    read_table,
)
from gorae.errors import DataError, ParameterError

TABLES = Path(__file__).parents[2] / "shared" / "data" / "tables"
real = pytest.mark.skipif(not TABLES.is_dir(), reason="the real tables are not beside the repository")


# --- labels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        ["b", "a", "b"],
        [2, -1, 2],
        [2.0, 1.0, 2.0],
        [True, False, True],
        np.array(["b", "a", "b"], object),
        np.array([2, 1, 2], np.uint8),
        np.array([[2], [1], [2]]),
        pl.Series(["b", "a", "b"]),
        pl.Series(["b", "a", "b"], dtype=pl.Categorical),
        pl.Series(["b", "a", "b"], dtype=pl.Enum(["b", "a"])),
        pd.Series(["b", "a", "b"], dtype="category"),
        pd.Series([True, False, True], dtype="boolean"),
        pd.Series([2, 1, 2], dtype="Int64"),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', type(y[0]).__name__)}",
)
def test_labels_of_every_kind_become_codes(y):
    """Codes count the sorted classes, and the classes at the codes are the labels."""
    codes, classes = encode_labels(y)

    assert (codes.dtype, codes.tolist()) == (np.int32, [1, 0, 1])
    assert classes[codes].tolist() == np.asarray(y).reshape(-1).tolist()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", None], r"row 1 \(from 0\) is missing"),
        ([1.0, float("nan")], r"row 1 \(from 0\) is nan"),
        ([1.0, float("inf")], "inf"),
        (np.array(["a", np.nan], object), "row 1"),
        (pl.Series(["a", None]), "row 1"),
        (pd.Series([1, None], dtype="Int64"), "row 1"),
        ([0.5, 1.0], "Unknown label type.*0.5 in row 0"),
        (["a", 1], "number, text together"),
        ([("a",), ("b",)], "must hold strings, numbers or truth values, got list"),
        ([], "y is empty"),
        (np.zeros((2, 2)), r"got shape \(2, 2\)"),
        (np.array([1j, 2j]), "Complex data not supported"),
        (np.array(["2020-01-01"], "datetime64[D]"), r"holds dates or durations \(datetime64\[D\]\)"),
        (np.array([5], "timedelta64[s]"), "which cannot be predicted; turn them into numbers or strings"),
    ],
)
def test_what_is_no_label_is_refused(y, message):
    """Missing, fractional, mixed and nested labels are told with their place."""
    with pytest.raises(DataError, match=message):
        encode_labels(y)


def test_further_labels_get_the_known_codes():
    """The codes of test rows are those of the classes learned, also where a full stop follows."""
    assert encode_known_labels(["<=50K.", ">50K."], np.array(["<=50K", ">50K"])).tolist() == [0, 1]
    assert encode_known_labels([3, 1], np.array([1, 2, 3])).tolist() == [2, 0]


def test_an_unknown_label_is_named_with_the_near_one():
    """A label that no class has is told with its row and the class that it looks like."""
    with pytest.raises(
        DataError, match=r"row 1 \(from 0\) has the label 'setsa', but .*\. Did you mean 'setosa'\?"
    ):
        encode_known_labels(["virginica", "setsa"], np.array(["setosa", "virginica"]))


@real
def test_the_labels_of_adults_test_part_are_known():
    """Adult's test labels end in a full stop; their counts are the published ones."""
    _, classes = encode_labels(read_table(TABLES / "adult" / "adult.data.gz", header=False)["c14"])
    codes = encode_known_labels(read_table(TABLES / "adult" / "adult.test.gz", header=False)["c14"], classes)

    assert np.bincount(codes).tolist() == [12_435, 3_846]


# --- weights -----------------------------------------------------------------------------------------


def test_balanced_weights_are_scikit_learns():
    """Without sample weights, "balanced" is scikit-learn's."""
    codes, classes = encode_labels([0, 0, 0, 1, 2, 2])

    np.testing.assert_allclose(
        class_weights("balanced", codes, classes), compute_sample_weight("balanced", codes)
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=3, max_size=9))
@settings(max_examples=40, deadline=None)
def test_balanced_weights_count_copies(rows):
    """A row of weight k weighs what its k copies weigh together, and all classes weigh alike."""
    codes, copies = np.array(rows, np.int32).T
    classes = np.arange(3)
    weighted = class_weights("balanced", codes, classes, copies.astype(float))
    copied = class_weights("balanced", np.repeat(codes, copies), classes)
    sums = np.bincount(codes, weighted, 3)

    np.testing.assert_allclose(
        weighted[copies > 0], copied[np.cumsum(copies)[copies > 0] - 1] * copies[copies > 0]
    )
    np.testing.assert_allclose(sums[sums > 0], sums.max())


def test_named_weights_multiply():
    """A dict gives its factors by label, 1 where a class is not named, times the row's own weight."""
    codes, classes = encode_labels(["a", "b", "c"])

    assert class_weights({"b": 3.0}, codes, classes, np.array([1.0, 2.0, 4.0])).tolist() == [1, 6, 4]


def test_no_class_weight_is_a_copy_of_the_weights():
    """None changes nothing, and what is returned may be written to."""
    weight = np.ones(2)
    class_weights(None, np.zeros(2, np.int32), np.array([0]), weight)[0] = 5

    assert weight.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("balance", "got 'balance'"),
        ({"catt": 1.0}, "Did you mean 'cat'"),
        ({"cat": -1.0}, "got -1.0 for 'cat'"),
        ({"cat": float("nan")}, "got nan"),
    ],
)
def test_wrong_class_weights_are_refused(class_weight, message):
    """Another word, an unknown class and an impossible weight are named."""
    with pytest.raises(ParameterError, match=message):
        class_weights(class_weight, np.array([0, 1], np.int32), np.array(["cat", "dog"]))


# --- tasks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 1, 0], "classification"),
        ([0.0, 1.0, 1.0, 0.0], "classification"),
        ([3, 8, 3, 8], "classification"),
        ([1, 2, 3], "regression"),
        ([0.5, 1.0, 1.0, 0.5], "regression"),
        (list(range(26)) * 20, "classification"),
        (list(range(1, 27)) * 20, "classification"),
        (list(range(17, 91)) * 100, "regression"),
        (list(range(26)) * 19, "regression"),
        (np.arange(1000) ** 2, "regression"),
    ],
)
def test_tasks_are_guessed_by_the_stated_rule(y, task):
    """Text, truth values, few or code-like whole numbers are classes; all else are quantities."""
    assert guess_task(y) == task


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast-cancer", "diabetes", "moons"])
def test_the_tasks_of_named_sets_are_guessed(name):
    """The rule is right about the embedded sets."""
    found = load_named(name)

    assert guess_task(found.y) == found.task


def test_a_missing_target_is_no_task():
    """A gap in a target is told before a task is guessed."""
    with pytest.raises(DataError, match="row 1"):
        guess_task([1.0, float("nan")])


# --- classes against folds ---------------------------------------------------------------------------


def codes_of(*counts):
    """Return codes with so many rows of each class, and the classes a, b, ..."""
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts), np.array(
        list("abcdefgh"[: len(counts)])
    )


def test_large_classes_change_nothing():
    """Where each class has a row per fold, the folds are as asked for."""
    assert check_classes(*codes_of(5, 9), 5) == (5, ())


def test_a_small_class_lowers_the_folds_and_is_named():
    """The smallest class decides; the sentence names it, its count, and what is done."""
    folds, notes = check_classes(*codes_of(9, 3, 4), 5)

    assert folds == 3
    assert notes == ("Class 'b' has 3 rows, fewer than the 5 folds asked for: 3 folds are used.",)


def test_a_class_of_one_row_is_named_and_lowers_nothing():
    """A single row cannot be in two folds however few there are."""
    folds, notes = check_classes(*codes_of(9, 1, 7), 5)

    assert folds == 5
    assert notes == ("Class 'b' has a single row: it can be learned from or scored, never both.",)


def test_folds_never_go_below_two():
    """Two rows allow two folds."""
    assert check_classes(*codes_of(2, 1, 3), 5)[0] == 2


def test_one_class_is_refused():
    """There is nothing to tell apart; the message names the class."""
    with pytest.raises(DataError, match="one class: 'a'"):
        check_classes(*codes_of(4), 2)


def test_more_classes_than_half_the_rows_are_refused():
    """Eight classes in ten rows look like an identifier or a quantity."""
    with pytest.raises(DataError, match=r"8 classes in 10 rows.*regression"):
        check_classes(*codes_of(1, 1, 1, 1, 1, 1, 2, 2), 2)


def test_an_equal_label_of_another_type_is_no_near_name():
    """Where a label only looks like a class, the error says that the types differ."""
    with pytest.raises(
        DataError, match=r"label '1', but the classes are 1, 2. The label 1 is of another type"
    ):
        encode_known_labels(["1", "2"], np.array([1, 2]))


def test_the_text_that_made_a_column_text_is_the_wrong_one():
    """Of labels that are all texts, the one that is no class in any type is named, with its row."""
    with pytest.raises(DataError, match=r"row 2 \(from 0\) has the label 'one'"):
        encode_known_labels(["0", "1", "one"], np.array([0, 1]))


def test_a_target_of_times_is_refused_in_plain_words():
    """One type that cannot be a label is not told as a mixture."""
    with pytest.raises(DataError, match="y must hold strings, numbers or truth values, got time"):
        encode_labels([datetime.time(1), datetime.time(2)])


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["b", "a", "b"], "2 different texts"),
        (pl.Series(["b", "a"], dtype=pl.Categorical), "2 different texts"),
        ([True, False], "truth values"),
        ([1, 2, 2], "2 different whole numbers"),
        ([1.0, 2.0], "2 different whole numbers"),
        ([1.0, 2.5], "numbers with fractions"),
        (np.arange(2000), "2,000 different whole numbers"),
    ],
)
def test_values_in_words(y, words):
    """What a target holds is told in the words that decide the task."""
    assert describe_values(y) == words
