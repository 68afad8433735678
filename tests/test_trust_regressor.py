"""Intervals of a regressor: they cover, in folds of rows nobody learned from; bad input is refused."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeRegressor

from gorae import CautiousRegressor, LinearQuantileRegressor, MLPQuantileRegressor, MLPRegressor
from gorae.errors import DataError, InputError, NotFittedError, ParameterError
from gorae.evidence import cross_conformal_intervals


def data(rows, seed):
    """Values that follow from three columns with errors that are far from normal."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3))
    return X, X @ [1.0, -2.0, 0.5] + rng.exponential(size=rows)


@pytest.mark.parametrize("method", ["fold", "plus"])
def test_intervals_cover(method):
    """Over 60 data sets intervals hold the true value within a point of what is stated."""
    found = {0.8: [], 0.9: []}
    for seed in range(60):
        X, y = data(600, seed)
        model = CautiousRegressor(LinearRegression(), method=method, random_state=seed)
        model.fit(X[:200], y[:200])
        for coverage, shares in found.items():
            low, high = model.predict_interval(X[200:], coverage).T
            shares.append(np.mean((low <= y[200:]) & (y[200:] <= high)))
    for coverage, shares in found.items():
        noise = np.std(shares, ddof=1) / np.sqrt(len(shares))
        assert abs(np.mean(shares) - coverage) < 0.01 + 2 * noise


def test_models_that_do_not_agree():
    """Trees of one row a leaf differ from fold to fold: one fold's intervals hold as stated, CV+ more often."""
    shares = {"fold": [], "plus": []}
    for seed in range(20):
        X, y = data(600, seed)
        for method, found in shares.items():
            model = CautiousRegressor(DecisionTreeRegressor(random_state=0), method=method).fit(
                X[:200], y[:200]
            )
            low, high = model.predict_interval(X[200:], 0.8).T
            found.append(np.mean((low <= y[200:]) & (y[200:] <= high)))
    noise = np.std(shares["fold"], ddof=1) / np.sqrt(20)
    assert abs(np.mean(shares["fold"]) - 0.8) < 0.01 + 2 * noise
    assert np.mean(shares["plus"]) > 0.83


def test_an_interval_is_that_of_one_fold():
    """Each interval stands around what one fold's model says, as wide as the threshold; alone as in a crowd."""
    X, y = data(60, 1)
    model = CautiousRegressor(LinearRegression(), cv=3).fit(X, y)
    found, asked = (
        model.predict_interval(X, 0.8),
        np.stack([one.predict(X) for one in model.fold_estimators_]),
    )
    threshold = np.sort(model.residuals_)[int(np.ceil(61 * 0.8)) - 1]
    np.testing.assert_allclose(np.diff(found)[:, 0], 2 * threshold)
    away = np.abs(asked - found.mean(axis=1))
    np.testing.assert_allclose(away.min(axis=0), 0, atol=1e-9)
    assert set(away.argmin(axis=0)) == {0, 1, 2}
    np.testing.assert_allclose(np.concatenate([model.predict_interval(row[None], 0.8) for row in X]), found)


class Memory(RegressorMixin, BaseEstimator):
    """Answers right for a row that it has learned, and 0 for every other row."""

    def fit(self, X, y):
        """Remember the rows."""
        self.known_ = {row.tobytes(): value for row, value in zip(X, y, strict=True)}
        return self

    def predict(self, X):
        """Look rows up."""
        return np.array([self.known_.get(row.tobytes(), 0.0) for row in np.ascontiguousarray(X)])


def test_no_row_is_judged_by_who_learned_it():
    """The errors of a model that remembers its rows are those of rows that it does not know."""
    X, y = data(50, 0)
    model = CautiousRegressor(Memory()).fit(X, y)
    np.testing.assert_array_equal(model.residuals_, np.abs(y))
    np.testing.assert_array_equal(model.predict(X), y)


def test_networks():
    """Networks of all folds are one population; the one of all rows is what it is alone."""
    X, y = load_diabetes(return_X_y=True)
    network = MLPRegressor((8,), epochs=5, tol=1.0, random_state=0)
    model = CautiousRegressor(network, cv=3).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), clone(network).fit(X, y).predict(X))
    wide, narrow = (model.predict_interval(X, coverage) for coverage in (0.95, 0.5))
    assert (np.diff(wide) > np.diff(narrow)).all()


def noisy(rows, seed):
    """Values whose noise grows along the second of two columns, and the noise."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (rows, 2))
    return X, X[:, 0] + (1.2 + X[:, 1]) * rng.normal(size=rows), 1.2 + X[:, 1]


def test_intervals_of_quantiles_cover_where_the_noise_is_large_and_where_it_is_small():
    """Over 24 data sets intervals of quantiles hold in all and in each third by noise; residuals' do not."""
    asked, truth, noise = noisy(1500, 10**6)
    third = np.digitize(noise, np.quantile(noise, [1 / 3, 2 / 3]))
    found = {"quantiles": [], "residuals": []}
    levels = (0.05, 0.1, 0.5, 0.9, 0.95)
    for seed in range(24):
        X, y, _ = noisy(300, seed)
        linear = LinearQuantileRegressor(levels=levels, epochs=60, random_state=0)
        for form, estimator in (("quantiles", linear), ("residuals", LinearRegression())):
            model = CautiousRegressor(estimator, cv=5, random_state=seed).fit(X, y)
            for coverage in (0.8, 0.9):
                low, high = model.predict_interval(asked, coverage).T
                held = (low <= truth) & (truth <= high)
                parts = [held, *(held[third == k] for k in range(3))]
                found[form].append([part.mean() - coverage for part in parts])
    shares = {form: np.array(each).reshape(24, 2, 4) for form, each in found.items()}
    off = shares["quantiles"].mean(axis=0)
    error = shares["quantiles"].std(axis=0, ddof=1) / np.sqrt(24)
    assert (np.abs(off[:, 0]) < 0.01 + 2 * error[:, 0]).all()
    assert (np.abs(off[:, 1:]) < 0.04).all()
    assert (shares["residuals"].mean(axis=0)[:, 3] < -0.08).all()


def test_quantiles_of_no_level_that_is_asked_for():
    """A coverage between the levels is conformalised too; without two sides there is no interval."""
    X, y, _ = noisy(200, 1)
    model = CautiousRegressor(LinearQuantileRegressor(levels=(0.1, 0.8), epochs=20, random_state=0)).fit(X, y)
    widths = [np.diff(model.predict_interval(X, coverage)).mean() for coverage in (0.3, 0.5, 0.7, 0.95)]
    assert (np.diff(widths) > 0).all()
    np.testing.assert_allclose(model.residuals_, np.abs(model.answers_[:, 1] - y))
    for levels in [(0.5,), (0.1, 0.5), (0.6, 0.9)]:
        with pytest.raises(ParameterError, match=r"need a level below 0\.5 and one above, .* has "):
            CautiousRegressor(LinearQuantileRegressor(levels=levels)).fit(X, y)


def test_intervals_that_would_cross_are_a_point():
    """Where conformalising takes more than the width away, both ends are the middle."""
    scores, folds = np.full(9, -2.0), np.zeros(9, int)
    found = cross_conformal_intervals(scores, folds, [[0.0, 0.0]], 0.5, highs=[[1.0, 10.0]])
    np.testing.assert_array_equal(found, [[0.5, 0.5], [2.0, 8.0]])
    with pytest.raises(InputError, match=r"highs must have the shape of predictions, \(1, 1\)"):
        cross_conformal_intervals(scores, folds, [[0.0]], 0.5, highs=[[1.0, 10.0]])


def test_networks_of_quantiles():
    """Networks of quantiles are one population, and follow the unit of the target."""
    X, y, _ = noisy(90, 2)
    network = MLPQuantileRegressor((8,), epochs=4, tol=0.0, random_state=0)
    model = CautiousRegressor(network, cv=3).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), clone(network).fit(X, y).predict(X))
    other = CautiousRegressor(network, cv=3).fit(X, 8 * y + 3)
    np.testing.assert_allclose(other.predict_interval(X), 8 * model.predict_interval(X) + 3, atol=0.05)


def test_another_unit_of_the_target():
    """Intervals follow the target's unit and shift."""
    X, y = data(60, 1)
    one, two = (CautiousRegressor(LinearRegression()).fit(X, v).predict_interval(X) for v in (y, 5 * y + 3))
    np.testing.assert_allclose(5 * one + 3, two)


def test_bad_input():
    """Too few rows, several targets and shares that are none are refused in a sentence."""
    X, y = data(50, 2)
    with pytest.raises(NotFittedError):
        CautiousRegressor().predict_interval(X)
    model = CautiousRegressor(LinearRegression()).fit(X, y)
    with pytest.raises(InputError, match=r"0\.99 needs at least 99 calibration rows, but there are 50"):
        model.predict_interval(X, 0.99)
    with pytest.raises(ParameterError, match="level must lie between 0 and 1"):
        model.predict_interval(X, 1.0)
    with pytest.raises(ParameterError, match="Did you mean 'plus'"):
        CautiousRegressor(LinearRegression(), method="pluss").fit(X, y)
    with pytest.raises(DataError, match="one target"):
        CautiousRegressor(LinearRegression()).fit(X, np.stack([y, y], axis=1))


def test_within_scikit_learn():
    """It is scored and cloned as other regressors are."""
    X, y = data(80, 3)
    assert cross_val_score(clone(CautiousRegressor(LinearRegression())), X, y, cv=3).mean() > 0.5
