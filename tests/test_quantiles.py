"""Quantile regressors: they are quantiles, do not cross, follow the target, train together, and refuse."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.base import clone
from sklearn.linear_model import QuantileRegressor
from sklearn.metrics import d2_pinball_score, mean_pinball_loss

from gorae import LinearQuantileRegressor, MLPQuantileRegressor, SearchCV, load
from gorae.errors import DamagedFileError, FileError, InputError, ParameterError
from gorae.estimators.quantiles import middle_level
from gorae.estimators.together import Fit, fit_together
from gorae.evidence import interval_scores, pinball_losses, pinball_skill, quantiles_between
from gorae.files import read_container, write_container


def data(rows=120, seed=0):
    """Values whose noise grows along the second of two columns."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (rows, 2))
    return X, X[:, 0] + (1.1 + X[:, 1]) * rng.normal(size=rows)


def small(**options):
    """A small network of quantiles that is soon trained."""
    return MLPQuantileRegressor(**{"hidden": (8,), "epochs": 6, "tol": 0.0, "random_state": 0, **options})


def test_without_columns_that_vary_they_are_the_quantiles_of_the_targets():
    """Rows that are all the same have the empirical quantiles of all targets, between two of which all do."""
    y = np.random.default_rng(1).exponential(size=201)
    levels = (0.1, 0.5, 0.9)
    model = LinearQuantileRegressor(levels=levels, epochs=600, patience=600, random_state=0)
    found = model.fit(np.ones((201, 1)), y).predict_quantiles(np.ones((1, 1)))[0]
    np.testing.assert_allclose(found, np.quantile(y, levels), atol=0.02 * np.ptp(y))
    own = pinball_losses(np.tile(found, (201, 1)), y, levels).sum(axis=0)
    best = pinball_losses(np.tile(np.quantile(y, levels), (201, 1)), y, levels).sum(axis=0)
    np.testing.assert_allclose(own, best, rtol=0.002)


def test_weights_count_copies():
    """Where a batch holds all rows, a weight of 3 is three copies and one of 0 none."""
    X, y = data(30)
    weight = np.tile([3.0, 0.0, 1.0], 10)
    copies = np.repeat(np.arange(30), weight.astype(int))
    one = small(batch_size=100).fit(X, y, weight)
    other = small(batch_size=100).fit(X[copies], y[copies])
    np.testing.assert_allclose(one.predict_quantiles(X), other.predict_quantiles(X), rtol=1e-4, atol=1e-5)


def test_the_linear_programme():
    """Linear quantiles cost at most 1 % more than scikit-learn's exact ones."""
    X, y = data(200)
    levels = (0.1, 0.5, 0.9)
    found = LinearQuantileRegressor(levels=levels, random_state=0).fit(X, y).predict_quantiles(X)
    for k, level in enumerate(levels):
        exact = QuantileRegressor(quantile=level, alpha=0).fit(X, y).predict(X)
        own, best = (mean_pinball_loss(y, q, alpha=level) for q in (found[:, k], exact))
        assert own < 1.01 * best


def test_quantiles_follow_the_noise():
    """Where the noise is larger the outer quantiles lie farther apart, in proportion."""
    X, y = data(1500)
    model = MLPQuantileRegressor((16,), epochs=60, learning_rate=5e-3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    low, _, high = model.predict_quantiles([[0.0, -0.8], [0.0, 0.8]]).T
    np.testing.assert_allclose(high - low, 2 * 1.645 * np.array([0.3, 1.9]), rtol=0.3)


def test_quantiles_never_cross():
    """Quantiles of an untrained network cross before they are sorted; what is answered never does."""
    X, y = data()
    model = small(levels=tuple(np.arange(1, 20) / 20), epochs=1, members=3).fit(X, y)
    raw = model._answers(X)
    assert (np.diff(raw, axis=-1) < 0).any()
    assert (np.diff(model.member_quantiles_(X), axis=-1) >= 0).all()
    assert (np.diff(model.predict_quantiles(X), axis=-1) >= 0).all()
    np.testing.assert_allclose(model.predict_quantiles(X), model.member_quantiles_(X).mean(axis=0))
    np.testing.assert_allclose(model.predict(X), model.predict_quantiles(X)[:, 9])


@pytest.mark.parametrize(("scale", "shift"), [(10.0, 0.0), (1.0, 1e6), (0.01, -7.0)])
def test_another_unit_of_the_target(scale, shift):
    """Quantiles follow the unit and the zero of the target."""
    X, y = data(60)
    one, two = (small().fit(X, v).predict_quantiles(X) for v in (y, scale * y + shift))
    np.testing.assert_allclose((two - shift) / scale, one, atol=1e-3)


def test_coefficients():
    """What linear quantiles answer is what their coefficients say, sorted."""
    X, y = data(60)
    model = LinearQuantileRegressor(levels=(0.2, 0.8), epochs=5, members=2, random_state=0).fit(X, 5 * y + 3)
    said = X @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(model.predict_quantiles(X), np.sort(said, axis=1), atol=1e-4)


def test_a_member_is_what_it_is_alone():
    """Fits of other levels, trained together with a fit, change no bit of it; they share one program."""
    X, y = data(50)
    models = [small(levels=(0.1, 0.9)), small(levels=(0.3, 0.6)), small(levels=(0.2, 0.5, 0.7))]
    rows = np.arange(50)
    assert fit_together([Fit(one, rows) for one in models], X, y) == [None] * 3
    for model in models:
        alone = clone(model).fit(X, y)
        np.testing.assert_array_equal(model.predict_quantiles(X), alone.predict_quantiles(X))
        np.testing.assert_array_equal(model.levels_, alone.levels)
    assert models[0]._recipe(2, 1, 50).problem == models[1]._recipe(2, 1, 50).problem


def test_early_stopping_watches_the_pinball_loss():
    """The score that early stopping tells is minus the loss of the rows that it watches."""
    X, y = data()
    model = small(early_stopping=True, epochs=8).fit(X, y)
    history = model.history_[0]
    np.testing.assert_allclose(history.validation_score, -history.validation_loss)


def test_going_on():
    """Epochs in parts are bitwise epochs at once; other levels cannot be gone on with."""
    X, y = data(40)
    model = small(warm_start=True, epochs=3).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(model.predict_quantiles(X), small(epochs=6).fit(X, y).predict_quantiles(X))
    with pytest.raises(ParameterError, match=r"needs the same levels, but they were \(0.05, 0.5, 0.95\)"):
        model.set_params(levels=(0.1, 0.5, 0.9)).fit(X, y)
    assert model.set_params(levels=(0.05, 0.5, 0.95)).partial_fit(X, y).n_iter_ == 7


def test_checkpoints_know_the_levels(tmp_path):
    """A checkpoint is gone on with by the same fit, and refused by one of other levels."""
    X, y = data(40)
    found = [small(checkpoint=tmp_path / "kept").fit(X, y).predict_quantiles(X) for _ in range(2)]
    np.testing.assert_array_equal(found[0], found[1])
    with pytest.raises(FileError, match="holds another fit"):
        small(levels=(0.05, 0.5, 0.9), checkpoint=tmp_path / "kept").fit(X, y)


def test_score():
    """The score of one level is scikit-learn's; of several it weighs their losses; weights count copies."""
    X, y = data()
    model = small(levels=0.3).fit(X, y)
    np.testing.assert_allclose(model.score(X, y), d2_pinball_score(y, model.predict(X), alpha=0.3), atol=1e-3)
    model = small().fit(X, y)
    weight = np.tile([2.0, 1.0, 0.0], 40)
    copies = np.repeat(np.arange(120), weight.astype(int))
    np.testing.assert_allclose(model.score(X, y, weight), model.score(X[copies], y[copies]))
    assert pinball_skill(np.tile(y[:, None], 3), y, (0.1, 0.5, 0.9)) == 1.0


def test_a_search_trains_them_as_populations():
    """A search scores settings by that score, of which networks are trained together."""
    X, y = data(60)
    search = SearchCV(small(), {"learning_rate": [1e-4, 1e-2]}, sampler="grid", cv=3, random_state=0)
    search.fit(X, y)
    assert search.best_params_["learning_rate"] == 1e-2
    np.testing.assert_allclose(search.score(X, y), search.best_estimator_.score(X, y))


def test_prediction_is_the_level_nearest_to_one_half():
    """Without a median the nearest level is predicted, of two the lower one."""
    assert [middle_level(levels) for levels in [(0.5,), (0.1, 0.2), (0.4, 0.6), (0.1, 0.45, 0.6)]] == [
        0,
        1,
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ((0.1, 1.0), "every level must lie between 0 and 1, got 1.0"),
        ((0.0, 0.5), "every level must lie between 0 and 1, got 0.0"),
        ((0.5, float("nan")), "every level must lie between 0 and 1, got nan"),
        ((0.5, 0.1), r"0.1 comes after 0.5; give \[0.1, 0.5\]"),
        ((0.5, 0.5), r"0.5 comes twice; give \[0.5\]"),
        ((), "levels must be numbers between 0 and 1"),
        ("median", "levels must be numbers between 0 and 1"),
        (("a",), "every level must lie between 0 and 1, got 'a'"),
        (1e-60, "every level must lie between 0 and 1"),
    ],
)
@pytest.mark.parametrize("cls", [MLPQuantileRegressor, LinearQuantileRegressor])
def test_levels_that_are_none(cls, levels, told):
    """Levels out of their range, out of order, or no numbers are refused in a sentence."""
    with pytest.raises(ParameterError, match=told):
        cls(levels=levels).fit([[0.0], [1.0]], [0.0, 1.0])


def test_bad_targets():
    """Several targets, and values that are none, are refused; a score of another length too."""
    X, y = data(20)
    with pytest.raises(InputError, match="y should be a 1d array"):
        small().fit(X, np.stack([y, y], axis=1))
    with pytest.raises(InputError, match="NaN"):
        small().fit(X, np.where(np.arange(20) == 3, np.nan, y))
    with pytest.raises(InputError):
        small().fit(X, y).score(X, y[:7])


def test_constant_targets():
    """A target that never varies has all its quantiles near it."""
    model = LinearQuantileRegressor(epochs=200, patience=200, random_state=0).fit(
        np.ones((9, 1)), np.full(9, 5.0)
    )
    np.testing.assert_allclose(model.predict_quantiles([[1.0]]), 5.0, atol=0.1)
    assert model.score(np.ones((9, 1)), np.full(9, 5.0)) in (0.0, 1.0)


@pytest.mark.parametrize("levels", [None, [0.1], [0.9, 0.1, 0.5], [0.1, 0.5, 2], "x", [0.1, 0.2, 0.3, 0.4]])
def test_files_with_levels_that_are_none(levels, tmp_path):
    """A file whose levels are not those of its outputs is refused, whatever its hash."""
    small().fit(*data(20)).save(tmp_path / "model.gorae")
    found = read_container(tmp_path / "model.gorae")
    write_container(tmp_path / "model.gorae", found.arrays, {**found.meta, "levels": levels}, kind=found.kind)
    with pytest.raises(DamagedFileError, match="is refused"):
        load(tmp_path / "model.gorae")


@settings(max_examples=20)
@given(mean=st.floats(-5, 5), spread=st.floats(0.1, 5), wanted=st.floats(0.01, 0.99))
def test_levels_in_between(mean, spread, wanted):
    """From two normal quantiles every other is told exactly, beyond them too."""
    levels = [0.1, 0.6, 0.9]
    stated = norm.ppf(levels, mean, spread)[None, :]
    np.testing.assert_allclose(
        quantiles_between(stated, levels, wanted), norm.ppf(wanted, mean, spread), atol=1e-9
    )


def test_evidence_of_quantiles():
    """Hand-worked losses and scores; shapes that do not fit are refused."""
    np.testing.assert_allclose(pinball_losses([[1.0, 4.0]], [2.0], [0.1, 0.8]), [[0.1, 0.4]])
    np.testing.assert_allclose(interval_scores([0.0, 0.0], [1.0, 1.0], [-1.0, 0.5], 0.8), [11.0, 1.0])
    np.testing.assert_allclose(quantiles_between([[1.0, 4.0]], [0.1, 0.8], 0.8), [4.0])
    with pytest.raises(InputError, match="one column for each of the 3 levels"):
        pinball_losses([[1.0, 2.0]], [1.0], [0.1, 0.5, 0.9])
    with pytest.raises(InputError, match="levels must lie between 0 and 1"):
        pinball_losses([[1.0]], [1.0], [1.5])
    with pytest.raises(ParameterError, match=r"at 0.9 cannot be told from the one at 0.5 alone"):
        quantiles_between([[1.0]], [0.5], 0.9)
