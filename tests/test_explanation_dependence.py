"""Partial dependence: the line of a linear model, its grid, its interval, classes, tables, what it refuses."""

import json
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.svm import LinearSVC

from explained_models import Formula, Odds
from gorae import GaussianBayes, partial_dependence
from gorae.errors import DataError, InputTypeError, NotFittedError, ParameterError
from gorae.explanation import dependence as dependence_module
from gorae.explanation.dependence import _grid_of
from study_cases import people, people_study, pictures, pictures_study, values, values_study


def test_linear_model():
    """Of a linear model it is the line of the column's weight through the mean of the rest."""
    X = np.random.default_rng(0).normal(size=(50, 3))
    weight = np.array([2.0, -1.0, 0.5])
    found = partial_dependence(Formula(lambda X: X @ weight + 4), X, 1)
    rest = np.mean(X[:, [0, 2]] @ weight[[0, 2]]) + 4
    np.testing.assert_allclose(found.mean[0], rest - np.array(found.values), atol=1e-12)
    assert (found.column, found.outputs, found.rows) == ("x1", ("prediction",), 50)


def test_band_is_the_interval_of_the_mean():
    """The band at a value is Student's interval of the mean over the rows; of one row it is not known."""
    X = np.random.default_rng(1).normal(size=(30, 2))
    found = partial_dependence(Formula(lambda X: X[:, 0] + X[:, 1]), X, 0)
    half = (found.high - found.low) / 2
    np.testing.assert_allclose(half, half[0, 0])
    wide = 2.045 * X[:, 1].std(ddof=1) / np.sqrt(30)
    assert wide <= half[0, 0] < 1.2 * wide
    single = partial_dependence(Formula(lambda X: X[:, 0]), X[:1], 0)
    assert single.mean.tolist() == [[X[0, 0]]]
    assert np.isnan(single.low).all()


def test_band_covers():
    """Intervals of a stated 95 % cover the mean over all rows in about 95 of 100 samples."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        X = np.stack([np.ones(60), rng.normal(size=60)], axis=1)
        found = partial_dependence(Formula(lambda X: X[:, 0] + X[:, 1] ** 2), X, 0)
        covered += found.low[0, 0] <= 2 <= found.high[0, 0]
    assert 0.88 <= covered / 200 <= 0.99


def test_lines_show_what_the_mean_hides():
    """Where the effect of a column turns with another, lines go up and down though the mean is flat."""
    X = np.array([[v, s] for v in (0.0, 1.0, 2.0) for s in (-1.0, 1.0)])
    found = partial_dependence(Formula(lambda X: X[:, 0] * X[:, 1]), X, 0, lines=6)
    np.testing.assert_allclose(found.mean, 0, atol=1e-12)
    slopes = found.lines[0, -1] - found.lines[0, 0]
    assert sorted(slopes.tolist()) == [-2, -2, -2, 2, 2, 2]


def test_one_stack(monkeypatch):
    """All values are one call of predict; in blocks, the answer is the same."""
    X = np.random.default_rng(3).normal(size=(40, 2))
    model = Formula(lambda X: X[:, 0] ** 2)
    whole = partial_dependence(model, X, "x0")
    assert model.calls == 1
    monkeypatch.setattr(dependence_module, "_BLOCK_NUMBERS", 200)
    blocks = partial_dependence(model, X, "x0")
    assert model.calls > 3
    np.testing.assert_array_equal(blocks.mean, whole.mean)


def test_probabilities_of_classes():
    """Of two classes the second is drawn; of more all of them, which sum to 1; or those asked for."""
    X = np.random.default_rng(4).normal(size=(30, 2))
    found = partial_dependence(Odds(lambda X: X[:, 0]), X, 0)
    assert found.outputs == ("yes",)
    np.testing.assert_allclose(found.mean[0], 1 / (1 + np.exp(-np.array(found.values))))
    three = GaussianBayes().fit(X, np.arange(30) % 3)
    every = partial_dependence(three, X, 1)
    np.testing.assert_allclose(every.mean.sum(axis=0), 1, atol=1e-5)
    one = partial_dependence(three, X, 1, of=2)
    assert one.outputs == (2,)
    np.testing.assert_array_equal(one.mean[0], every.mean[2])


def test_grid_of_numbers():
    """A grid is made of values that occur: all where they are few, else quantiles without far tails."""
    few = _grid_of(pl.Series("a", [3, 1, None, 3, 2]), 20)
    assert (few[1], few[2]) == ((1, 2, 3), (1.0, 2.0, 3.0))
    numbers = np.append(np.arange(999.0), 1e9)
    holders, found, _ = _grid_of(pl.Series("a", numbers), 5)
    assert len(found) == 5
    assert 20 <= found[0] <= found[-1] <= 980
    np.testing.assert_array_equal(numbers[holders], found)
    assert _grid_of(pl.Series("a", numbers), 1)[1][0] == pytest.approx(500, abs=1)


def test_grid_of_categories_and_dates():
    """Categories come by frequency and have no place on an axis; dates come in order, as text."""
    _, found, places = _grid_of(pl.Series("c", ["b", "a", "b", None, "c"]), 2)
    assert (found, places) == (("b", "a"), None)
    assert _grid_of(pl.Series("t", [True, False, True]), 9)[1] == (True, False)
    _, found, places = _grid_of(pl.Series("d", [date(2024, 1, 3), date(2024, 1, 1), None]), 9)
    assert found == ("2024-01-01", "2024-01-03")
    assert places is not None
    assert places[1] - places[0] == 2


def test_table_of_a_study():
    """A table's column is set to its own values before it is encoded, categories and missing numbers too."""
    frame = people(60)
    model = people_study().model
    found = partial_dependence(model, frame, "city", of="high")
    assert set(found.values) == {"Busan", "Seoul", "Ulsan"}
    for place, city in enumerate(found.values):
        mean = model.predict_proba(frame.assign(city=city))[:, 0].mean()
        assert found.mean[0, place] == pytest.approx(mean)
    height = partial_dependence(model, frame, "height")
    assert np.isfinite(height.places).all()
    assert height.mean.shape[0] == 3


def test_study_of_arrays_and_pictures():
    """The models of studies on arrays and on byte pictures are asked by columns, in the given unit."""
    X, _ = values()
    found = partial_dependence(values_study().model, X, "x1")
    slope = np.polyfit(found.places, found.mean[0], 1)[0]
    assert slope < 0
    images, _ = pictures()
    pixel = partial_dependence(pictures_study().model, images, 3, grid=4)
    assert all(0 <= value <= 255 for value in pixel.values)


def test_as_json():
    """What was found becomes JSON."""
    found = partial_dependence(Formula(lambda X: X[:, 0]), np.eye(3), 0, lines=1)
    told = json.loads(json.dumps(found.to_dict()))
    assert told["values"] == [0.0, 1.0]
    assert np.shape(told["lines"]) == (1, 2, 1)


X3 = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    ("model", "X", "column", "options", "error", "told"),
    [
        (Formula(lambda X: X[:, 0]), X3, 5, {}, ParameterError, "no column 5"),
        (
            Formula(lambda X: X[:, 0]),
            pd.DataFrame(X3, columns=["age", "b", "c"]),
            "agee",
            {},
            ParameterError,
            "'age'",
        ),
        (Formula(lambda X: X[:, 0]), X3, 0, {"of": 1}, ParameterError, "predicts numbers"),
        (Formula(lambda X: X[:, 0]), X3, 0, {"grid": 0}, ParameterError, "grid"),
        (Formula(lambda X: X[:, 0]), X3, 0, {"lines": -1}, ParameterError, "lines"),
        (Formula(lambda X: X[:, 0]), X3 * np.nan, 0, {}, DataError, "has no value"),
        (Odds(lambda X: X[:, 0]), X3, 0, {"of": "yess"}, ParameterError, "Did you mean 'yes'?"),
        (LinearSVC().fit(X3, [0, 0, 1, 1]), X3, 0, {}, InputTypeError, "no probabilities"),
        (LinearRegression(), X3, 0, {}, NotFittedError, "not fitted"),
    ],
)
def test_bad_input(model, X, column, options, error, told):
    """What cannot be used is refused in one sentence that names it."""
    with pytest.raises(error) as refused:
        partial_dependence(model, X, column, **options)
    assert told in str(refused.value)
