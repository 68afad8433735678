"""From what a user hands over to rows, folds and test rows: what is taken, what is refused, what is told."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gorae.errors import DataError, ParameterError
from gorae.study.inputs import input_matrix
from gorae.study.prepare import prepare
from study_cases import people, pictures, values

X30 = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
Y30 = np.arange(30) % 3


@pytest.mark.parametrize(
    "make",
    [
        lambda f: f,
        pl.from_pandas,
        pa.Table.from_pandas,
        lambda f: f.to_dict("list"),
        lambda f: f.to_dict("records"),
    ],
    ids=["pandas", "polars", "pyarrow", "dictionary", "records"],
)
def test_tables_of_every_library_are_equal(make):
    """The same table from any library gives the same rows: text, truth values and gaps included."""
    frame = people()
    table, y = frame.drop(columns="income"), frame["income"]
    wanted = prepare(table, y)
    found = prepare(make(table), y.tolist())
    np.testing.assert_array_equal(found.rows.matrix, wanted.rows.matrix)
    assert found.feature_names == wanted.feature_names
    assert found.columns == 4
    assert np.isnan(found.rows.matrix).any()
    assert found.classes.tolist() == ["high", "low", "middle"]


def test_list_of_rows_with_text_is_a_table():
    """A list of rows that holds text anywhere is a table, not a matrix."""
    rows = [[i, "a" if i % 2 else None] for i in range(20)]
    assert prepare(rows, [i % 2 for i in range(20)]).encoding is not None


def test_a_fifth_is_held_out():
    """A fifth of the rows is held out with its share of each class, and told apart by its row numbers."""
    found = prepare(X30, Y30)
    assert (len(found.rows.matrix), len(found.test.matrix)) == (24, 6)
    assert np.bincount(found.test.targets).tolist() == [2, 2, 2]
    np.testing.assert_array_equal(found.rows.matrix, X30[found.row_numbers])
    assert prepare(X30, Y30, hold_out=False).test is None


def test_own_test_rows_hold_out_none():
    """With test rows of the user's own, all rows are learned from."""
    found = prepare(X30, Y30, X_test=X30[:5] + 0.5, y_test=Y30[:5])
    assert (len(found.rows.matrix), len(found.test.matrix)) == (30, 5)


def test_test_rows_that_were_learned_from_are_told():
    """Rows of the training file given as test rows too are counted, and a note says what it means."""
    found = prepare(X30, Y30, X_test=np.concatenate([X30[:3], X30[:2] + 0.5]), y_test=Y30[[0, 1, 2, 0, 1]])
    assert found.seen == 3
    assert "3 of 5 test rows are also among the rows to learn from" in found.notes[-1]


def test_groups_are_held_out_whole():
    """No group is both learned from and held out, and test rows keep their groups for the interval."""
    groups = np.repeat(["a", "b", "c", "d", "e", "f"], 5)
    found = prepare(X30, Y30, groups=groups)
    held = np.setdiff1d(np.arange(30), found.row_numbers)
    assert not set(groups[held]) & set(groups[found.row_numbers])
    assert found.test.groups is None or len(np.unique(found.test.groups)) > 1


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (np.arange(30) % 2, "at least 3 groups are needed, got 2"),
        (np.arange(29), "30 rows, but 29 groups"),
        ([None, *range(29)], r"groups must not be missing, but row 0 \(from 0\) has none"),
    ],
)
def test_bad_groups(groups, words):
    """Too few groups, or not one a row, are refused."""
    with pytest.raises(DataError, match=words):
        prepare(X30, Y30, groups=groups)


def test_fewer_groups_than_folds():
    """With fewer groups than folds there are as many folds as groups, and that is told."""
    found = prepare(X30, Y30, groups=np.arange(30) % 3, hold_out=False)
    assert found.folds == 3
    assert "There are 3 groups, fewer than 5 folds: 3 folds are used." in found.notes


def test_small_class_lowers_the_folds():
    """A class with fewer rows than folds lowers the folds, and the sentence names it."""
    y = np.array(["common"] * 27 + ["rare"] * 3)
    found = prepare(X30, y, hold_out=False)
    assert found.folds == 3
    assert any("'rare' has 3 rows, fewer than the 5 folds" in note for note in found.notes)


def test_class_of_one_row_is_learned_from():
    """A class of a single row stays with the rows to learn from, whatever the seed, and is told."""
    y = np.array(["common"] * 29 + ["single"])
    for seed in range(4):
        found = prepare(X30, y, seed=seed)
        assert 29 in found.row_numbers
        assert any("'single' has a single row" in note for note in found.notes)


@pytest.mark.parametrize(
    ("X", "y", "task", "words"),
    [
        (X30[:9], Y30[:9], None, "at least 10 rows, got 9"),
        (X30, Y30[:20], None, "X has 30 rows, but y has 20"),
        (
            X30,
            np.ones(30, int),
            None,
            "at least two classes are needed to classify, but all rows have one class: 1",
        ),
        (X30, np.full(30, 1.5), None, "every target is 1.5: there is nothing to predict"),
        (X30, [np.nan, *range(29)], None, "row 0 \\(from 0\\) is nan"),
        (X30, [None, *("ab" * 14), "a"], None, "row 0 \\(from 0\\) is missing"),
        (X30, [None, *range(29)], "regression", "the target of row 0 \\(from 0\\) is missing"),
        (X30, [np.inf, *range(29)], "regression", "the target of row 0 \\(from 0\\) is inf"),
        (X30, [1e38, *range(29)], "regression", "at most 1e\\+37 in size"),
        (X30, list("abc" * 10), "regression", "regression needs numbers"),
        (X30, np.arange(30).astype(str), "classification", "30 classes in 30 rows"),
        (X30, np.zeros((30, 2)), None, "targets must have one dimension"),
        (np.zeros((30, 0)), Y30, None, "0 feature"),
        (np.full((30, 2), np.inf), Y30, None, "infinity"),
        ({"a": [1] * 30, "b": ["x"] * 30}, Y30, None, "no column of the table can be used"),
    ],
)
def test_bad_data(X, y, task, words):
    """Data that nothing can be learned from are refused, with what is wrong and where."""
    with pytest.raises(DataError, match=words):
        prepare(X, y, task=task)


def test_unknown_task():
    """A task that is none is refused by name."""
    with pytest.raises(
        ParameterError, match="task must be 'classification', 'regression' or None, got 'rank'"
    ):
        prepare(X30, Y30, task="rank")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"X_test": X30[:4]}, "belong together"),
        ({"y_test": Y30[:4]}, "belong together"),
        ({"X_test": X30[:4], "y_test": Y30[:3]}, "4 rows, but 3 targets"),
        ({"X_test": X30[:4], "y_test": [0, 1, 2, 7]}, "row 3 \\(from 0\\) has the label 7"),
        ({"X_test": X30[:4, :2], "y_test": Y30[:4]}, "rows of 3 numbers, got 2"),
        ({"X_test": X30[:1], "y_test": Y30[:1]}, "at least two rows"),
    ],
)
def test_bad_test_rows(options, words):
    """Test rows that do not fit the others are refused before any work."""
    with pytest.raises(DataError, match=words):
        prepare(X30, Y30, **options)


def test_test_rows_with_equal_targets():
    """R² is not defined on equal targets: own test rows are refused, held-out ones left without a score."""
    X, y = values()
    with pytest.raises(DataError, match="every test target is 1"):
        prepare(X, y, X_test=X[:3], y_test=[1.0, 1.0, 1.0])
    mostly = np.zeros(20)
    mostly[prepare(X[:20], np.arange(20.0)).row_numbers[:5]] = 1.0
    found = prepare(X[:20], mostly, task="regression")
    assert found.test is None
    assert any("R² is not defined" in note for note in found.notes)


def test_categories_of_test_rows_are_not_learned():
    """A table's encoding is learned without the held-out rows, their categories and their outliers."""
    frame = people()
    held = np.setdiff1d(np.arange(60), prepare(frame.drop(columns="income"), frame["income"]).row_numbers)
    other = frame.drop(columns="income")
    other.loc[held[0], "city"] = "Atlantis"
    other.loc[held[1], "age"] = 1_000_000
    before, after = (prepare(X, frame["income"]) for X in (frame.drop(columns="income"), other))
    assert after.encoding == before.encoding
    np.testing.assert_array_equal(after.rows.matrix, before.rows.matrix)


def test_pictures():
    """Pictures become rows of bytes with a shape; a shape that does not fit the rows is refused."""
    X, y = pictures()
    found = prepare(X, y)
    assert (found.image_shape, found.rows.matrix.dtype, found.rows.scale) == ((3, 4), np.uint8, "common")
    flat = prepare(X.reshape(40, 12).astype(np.float32), y, image_shape=(3, 4))
    assert (flat.image_shape, flat.rows.scale) == ((3, 4), "common")
    with pytest.raises(ParameterError, match="20 pixels, but rows have 12"):
        prepare(X.reshape(40, 12), y, image_shape=(4, 5))


def test_bytes_are_tested_on_any_numbers():
    """Test rows of fractions are not cut to bytes because the training rows are."""
    X, y = pictures()
    found = prepare(X, y, X_test=X[:4] + 0.5, y_test=y[:4])
    assert found.test.matrix[0, 0] == X[0, 0, 0] + 0.5


def test_feature_names():
    """An array's columns can be given names; they must be as many as columns, and different."""
    assert prepare(X30, Y30, feature_names=["a", "b", "c"]).feature_names == ("a", "b", "c")
    with pytest.raises(ParameterError, match="feature_names must be 3 different names, got 2"):
        prepare(X30, Y30, feature_names=["a", "a", "b"])


def test_new_rows_are_read_by_name():
    """A frame with the model's names is read by them, in any order; with none of them, by position."""
    names = ("a", "b")
    frame = pd.DataFrame({"b": [1.0], "extra": [9.0], "a": [2.0]})
    assert input_matrix(frame, None, names).tolist() == [[2.0, 1.0]]
    assert input_matrix(frame.to_dict("list"), None, names).tolist() == [[2.0, 1.0]]
    assert input_matrix(pd.DataFrame({"p": [3.0], "q": [4.0]}), None, names).tolist() == [[3.0, 4.0]]
    with pytest.raises(DataError, match="has no column 'b'"):
        input_matrix(frame.drop(columns="b"), None, names)


def test_columns_far_from_zero_keep_their_differences():
    """Moments in seconds since 1970, given as an array of float64, are not blurred to float32's steps."""
    X = 1.7e9 + np.arange(30.0)[:, None] * [1.0, 2.0]
    found = prepare(X, Y30, hold_out=False)
    assert len(np.unique(found.rows.matrix[:, 0])) == 30


def test_tiny_regression_has_folds_of_several_rows():
    """Eight rows of a regression get two folds, not five: R² of one row says nothing."""
    X, y = values(10)
    assert prepare(X, y).folds == 2
