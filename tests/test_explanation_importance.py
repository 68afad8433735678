"""Permutation importance: worked by hand, what it does not depend on, its intervals, what it refuses."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

import gorae
from explained_models import Formula, Odds
from gorae import GaussianBayes, permutation_importance
from gorae.errors import DataError, InputError, InputTypeError, NotFittedError, ParameterError
from gorae.explanation import importance as importance_module
from gorae.explanation.shuffles import donors_of
from study_cases import people, people_study, values, values_study


def by_name(found):
    """The columns of a finding by name."""
    return {one.name: one for one in found.columns}


def test_two_rows_by_hand():
    """Of two rows there is one shuffle, the swap: the squared errors become 1 and 1, so RMSE rises by 1."""
    X, y = np.array([[0.0, 7.0], [1.0, 9.0]]), np.array([0.0, 1.0])
    found = permutation_importance(Formula(lambda X: X[:, 0]), X, y, metric="rmse")
    assert (found.repeats, found.rows, found.score) == (1, 2, 0.0)
    assert by_name(found)["x0"].importance == 1.0
    unused = by_name(found)["x1"]
    assert (unused.importance, unused.low, unused.high) == (0.0, 0.0, 0.0)


def test_all_pairs_by_hand():
    """With all shuffles R2 falls by the mean over all pairs of rows of the rise of the squared error."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(7, 2)), rng.normal(size=7)
    found = permutation_importance(Formula(lambda X: X[:, 0] * X[:, 1]), X, y, repeats=99)
    rises = [
        (X[k, 0] * X[i, 1] - y[i]) ** 2 - (X[i, 0] * X[i, 1] - y[i]) ** 2
        for i in range(7)
        for k in range(7)
        if k != i
    ]
    assert found.repeats == 6
    assert by_name(found)["x0"].importance == pytest.approx(np.mean(rises) / y.var())


def test_accuracy_by_hand():
    """Where every answer turns by any shuffle of a column, accuracy falls from 1 to 0."""
    X = np.array([[1.0], [-1.0]])
    found = permutation_importance(Odds(lambda X: X[:, 0]), X, ["yes", "no"])
    assert (found.metric, found.score, found.columns[0].importance) == ("accuracy", 1.0, 1.0)


def test_log_loss_by_hand():
    """The rise of the log-loss is the mean rise of minus the logarithm of the true class's probability."""
    X = np.array([[2.0], [-1.0]])
    found = permutation_importance(Odds(lambda X: X[:, 0]), X, ["yes", "no"], metric="log_loss")
    losses = [np.log1p(np.exp(-2.0)), np.log1p(np.exp(-1.0))]
    swapped = [np.log1p(np.exp(1.0)), np.log1p(np.exp(2.0))]
    assert found.columns[0].importance == pytest.approx(np.mean(swapped) - np.mean(losses))


@given(st.integers(2, 30), st.integers(1, 40), st.integers(0, 9))
def test_shuffles(rows, repeats, seed):
    """No row takes from itself, each shuffle is a permutation, and no pair of rows meets twice."""
    donors = donors_of(rows, repeats, np.random.default_rng(seed))
    assert donors.shape == (min(repeats, rows - 1), rows)
    assert (np.sort(donors, axis=1) == np.arange(rows)).all()
    pairs = donors * rows + np.arange(rows)
    assert len(np.unique(pairs)) == pairs.size
    assert (donors != np.arange(rows)).all()


def test_one_stack(monkeypatch):
    """All shuffles of all columns are one call of predict; in blocks, the answer is the same."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 4))
    model = Formula(lambda X: X @ [2.0, 1.0, 0.0, -1.0])
    whole = permutation_importance(model, X, X[:, 0])
    assert model.calls == 1
    monkeypatch.setattr(importance_module, "_BLOCK_NUMBERS", 1000)
    blocks = permutation_importance(model, X, X[:, 0])
    assert model.calls > 3
    assert blocks == whole


@pytest.mark.parametrize("metric", ["r2", "rmse"])
def test_unused_column_of_numbers(metric):
    """A column that the predictions do not use has the importance 0, from 0 to 0."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, 3))
    y = X[:, 0] + rng.normal(size=40)
    unused = by_name(permutation_importance(Formula(lambda X: X[:, 0]), X, y, metric=metric))["x2"]
    assert (unused.importance, unused.low, unused.high) == (0, 0, 0)


def test_unused_column_of_classes():
    """A column that no answer uses has an interval around 0, of a width that few rows deserve."""
    X = np.random.default_rng(3).normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, "yes", "no")
    unused = by_name(permutation_importance(Odds(lambda X: X[:, 0]), X, y))["x1"]
    assert unused.importance == 0
    assert -4 / 60 < unused.low < 0 < unused.high < 4 / 60


def test_intervals_cover():
    """Intervals of a stated 95 % cover the importance in all rows there could be in about 95 of 100 samples."""
    rng = np.random.default_rng(4)
    model = Formula(lambda X: 1.5 * X[:, 0] + 0.5 * X[:, 0] * X[:, 1])
    covered = 0
    for seed in range(200):
        X = rng.normal(size=(100, 2))
        y = X[:, 0] + rng.normal(size=100)
        found = permutation_importance(model, X, y, repeats=5, only=["x0"], random_state=seed)
        covered += found.columns[0].low <= truth_of_product() <= found.columns[0].high
    assert 0.89 <= covered / 200 <= 0.99


def truth_of_product():
    """The fall of R2 when x is replaced: with f = x (1.5 + z / 2) and y = x + noise it is 2 cov(y, f) / var(y)."""
    return 2 * 1.5 / 2


def test_groups_of_rows_widen():
    """Rows that come in copies, told by groups, have the interval of so many rows as there are groups."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(40, 2))
    y = X[:, 0] + rng.normal(size=40)
    model = Formula(lambda X: X[:, 0])
    copies = np.repeat(np.arange(40), 9)
    once = by_name(permutation_importance(model, X, y, repeats=39))["x0"]
    blind = by_name(permutation_importance(model, X[copies], y[copies], repeats=39))["x0"]
    told = by_name(permutation_importance(model, X[copies], y[copies], repeats=39, groups=copies))["x0"]
    width = [one.high - one.low for one in (once, blind, told)]
    assert width[1] < 0.5 * width[0]
    assert width[2] == pytest.approx(width[0], rel=0.25)


def test_correlated_columns_share():
    """Of two equal columns each looks half as needed as both together, which can be asked for in two ways."""
    x = np.random.default_rng(6).normal(size=60)
    X = np.stack([x, x**3, np.roll(x, 7)], axis=1)
    model = Formula(lambda X: X[:, 0] / 2 + np.cbrt(X[:, 1]) / 2)
    alone = by_name(permutation_importance(model, X, x))
    joined = by_name(permutation_importance(model, X, x, join_correlated=0.99))
    named = by_name(permutation_importance(model, X, x, groups_of_columns={"both": [0, "x1"]}))
    assert set(joined) == {"x0 + x1", "x2"}
    assert joined["x0 + x1"].importance == named["both"].importance > 3 * alone["x0"].importance
    assert named["both"].columns == ("x0", "x1")


def test_rows_are_capped_and_drawn():
    """With a cap so many rows are asked about; the same seed draws the same ones."""
    X = np.random.default_rng(7).normal(size=(50, 2))
    model = Formula(lambda X: X[:, 0])
    one, two, other = (
        permutation_importance(model, X, X[:, 0], most_rows=20, random_state=seed) for seed in (0, 0, 1)
    )
    assert one.rows == 20
    assert one == two != other


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_pipeline_by_frame(library):
    """A pipeline that reads a frame's columns by name is asked with such frames, texts and all."""
    frame = people(80)[["age", "city", "income"]]
    shuffled = frame.sample(frac=1.0, random_state=0)  # an index that is not in order
    encode = make_column_transformer((OneHotEncoder(sparse_output=False), ["city"]), remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression(max_iter=2000))
    model.fit(frame[["age", "city"]], frame["income"])
    X = shuffled[["age", "city"]]
    if library is pl.DataFrame:
        model.fit(pl.DataFrame(frame[["age", "city"]].to_dict("list")), frame["income"])
        X = pl.DataFrame(X.to_dict("list"))
    found = by_name(permutation_importance(model, X, shuffled["income"].to_numpy(), repeats=3))
    assert set(found) == {"age", "city"}
    assert found["age"].low > 0
    assert found["city"].low > 0


def test_study_by_table_column():
    """The model of a study is asked by the columns of its table, whatever they were encoded into."""
    frame = people(120, seed=3)
    found = permutation_importance(people_study().model, frame, frame["income"], repeats=3)
    assert set(by_name(found)) == {"age", "height", "city", "member"}
    assert {one.name for one in found.columns[:2]} == {"age", "city"}
    assert by_name(found)["city"].low > 0


def test_study_by_encoded_or_raw_column_is_the_same():
    """Exchanging what a column was encoded into is the same as exchanging the column before."""
    model, frame = people_study("linear").model, people(30, seed=4)
    rows = importance_module.questioned(model, frame.drop(columns="income")).rows
    taken = np.roll(np.arange(30), 4)
    moved = frame.drop(columns="income")
    moved["city"] = moved["city"].to_numpy()[taken]
    given = rows.exchanged(np.arange(30), [("city",)], taken[None])
    np.testing.assert_array_equal(given, model.matrix(moved))


def test_study_of_an_array():
    """The model of a study on an array is asked by that array's columns."""
    X, y = values()
    found = permutation_importance(values_study().model, X, y, repeats=3)
    assert found.metric == "r2"
    assert [one.name for one in found.columns] == ["x1", "x0", "x2"]


def test_missing_values():
    """Rows with missing values are shuffled with them."""
    X, y = values()
    X = X.copy()
    X[::7, 1] = np.nan
    found = permutation_importance(values_study().model, X, y, repeats=3)
    assert np.isfinite([(one.low, one.high) for one in found.columns]).all()


def test_as_json():
    """What was found becomes JSON and keeps order and bounds."""
    X = np.random.default_rng(8).normal(size=(20, 2))
    found = permutation_importance(Formula(lambda X: X[:, 1]), X, X[:, 1])
    told = json.loads(json.dumps(found.to_dict()))
    assert [one["name"] for one in told["columns"]] == ["x1", "x0"]
    assert told["columns"][0]["columns"] == ["x1"]


def test_public_names():
    """The functions are among gorae's own."""
    names = {"permutation_importance", "partial_dependence", "integrated_gradients"}
    assert names <= set(gorae.__all__)
    assert all(callable(getattr(gorae, name)) for name in names)


X3 = np.arange(12.0).reshape(4, 3)
FITTED = Formula(lambda X: X[:, 0])


@pytest.mark.parametrize(
    ("model", "X", "y", "options", "error", "told"),
    [
        (FITTED, X3, [1, 2, 3], {}, DataError, "4 rows, but y has 3"),
        (FITTED, X3, [1, 2, np.nan, 3], {}, DataError, "row 2"),
        (FITTED, X3, ["a", "b", "c", "d"], {}, DataError, "labels need a classifier"),
        (FITTED, X3, [[1, 2]] * 4, {}, DataError, "one target a row"),
        (FITTED, X3[:1], [1], {}, InputError, "two rows"),
        (FITTED, X3[:, 0], [1, 2, 3, 4], {}, DataError, "shape is (4,)"),
        (FITTED, X3, [1, 2, 3, 4], {"metric": "accuracy"}, InputError, "'r2' or 'rmse'"),
        (FITTED, X3, [1, 2, 3, 4], {"metric": "rmsee"}, ParameterError, "Did you mean 'rmse'?"),
        (FITTED, X3, [1, 2, 3, 4], {"repeats": 0}, ParameterError, "repeats"),
        (FITTED, X3, [1, 2, 3, 4], {"most_rows": 1}, ParameterError, "most_rows"),
        (FITTED, X3, [1, 2, 3, 4], {"level": 95}, ParameterError, "level"),
        (FITTED, X3, [1, 2, 3, 4], {"only": [3]}, ParameterError, "no column 3"),
        (FITTED, X3, [1, 2, 3, 4], {"only": ["x00"]}, ParameterError, "Did you mean 'x0'?"),
        (FITTED, X3, [1, 2, 3, 4], {"join_correlated": 2}, ParameterError, "join_correlated"),
        (FITTED, X3, [1, 2, 3, 4], {"groups": [1, 2]}, InputError, "groups has 2"),
        (
            FITTED,
            X3,
            [1, 2, 3, 4],
            {"groups_of_columns": {"a": [0], "b": [0]}},
            ParameterError,
            "no column may be in two",
        ),
        (FITTED, X3, [1, 2, 3, 4], {"groups_of_columns": {"x1": [0]}}, ParameterError, "'x1'"),
        (LinearRegression(), X3, [1, 2, 3, 4], {}, NotFittedError, "not fitted"),
        (LinearRegression, X3, [1, 2, 3, 4], {}, InputTypeError, "the class LinearRegression"),
        (OneHotEncoder(), X3, [1, 2, 3, 4], {}, InputTypeError, "OneHotEncoder"),
        (GaussianBayes().fit(X3, [0, 0, 1, 1]), X3[:, :2], [0, 0, 1, 1], {}, InputError, "2 features"),
        (GaussianBayes().fit(X3, [0, 0, 1, 1]), X3, ["a"] * 4, {}, DataError, "no label in y"),
        (
            LinearSVC().fit(X3, [0, 0, 1, 1]),
            X3,
            [0, 0, 1, 1],
            {"metric": "log_loss"},
            InputError,
            "probabilities",
        ),
    ],
)
def test_bad_input(model, X, y, options, error, told):
    """What cannot be used is refused in one sentence that names it."""
    with pytest.raises(error) as refused:
        permutation_importance(model, X, y, **options)
    assert told in str(refused.value)
