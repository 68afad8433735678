"""Learning curves: nested parts of the rows, fits that are what they would be alone, answers that hold."""

import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import gorae
from gorae.data import make_folds
from gorae.errors import DataError, GoraeError, InputTypeError, ParameterError
from gorae.evidence import doubt
from gorae.trust.subsets import curve_sizes, nested_order

NETWORK = gorae.MLPClassifier((6,), epochs=4, batch_size=16, random_state=3)


@cache
def iris():
    """The irises."""
    return load_iris(return_X_y=True)


@cache
def digits_curve():
    """The curve of Gaussian Bayes on the digits."""
    X, y = load_digits(return_X_y=True)
    return gorae.learning_curve(gorae.GaussianBayes("diagonal"), X, y)


class Watched(ClassifierMixin, BaseEstimator):
    """Remembers which rows (their first column) it learned from and was asked about."""

    seen: list = []  # noqa: RUF012  (one list for all clones)

    def fit(self, X, y):
        """Remember the rows, and the most frequent class."""
        self.classes_, counts = np.unique(y, return_counts=True)
        self.best_ = self.classes_[counts.argmax()]
        self.learned_ = frozenset(X[:, 0].astype(int).tolist())
        return self

    def predict(self, X):
        """Remember the rows; say the most frequent class."""
        self.seen.append((self.learned_, frozenset(X[:, 0].astype(int).tolist())))
        return np.full(len(X), self.best_)


@given(st.integers(0, 1000), st.integers(2, 4))
def test_beginnings_are_stratified(seed, classes):
    """Every beginning of a fold's order holds each class's share of rows, within one."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, 60)
    rows = np.sort(rng.permutation(60)[:47])
    order = nested_order(rows, codes, None, seed)
    assert sorted(order) == rows.tolist()
    for size in (1, 7, 20, 46):
        for code in range(classes):
            share = np.mean(codes[rows] == code) * size
            assert abs(np.sum(codes[order[:size]] == code) - share) <= 1


@given(st.integers(0, 1000))
def test_beginnings_hold_whole_groups(seed):
    """All groups of a beginning are whole, but for the last."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 9, 50)
    order = nested_order(np.arange(50), groups % 2, groups, seed)
    torn = [g for g in np.unique(groups) if 0 < np.sum(groups[order[:23]] == g) < np.sum(groups == g)]
    assert len(torn) <= 1


def test_larger_parts_hold_smaller_ones_and_no_held_out_row():
    """Of one fold, each size's rows are among the next one's, and none is among those scored."""
    X = np.stack([np.arange(60.0), np.zeros(60)], axis=1)
    Watched.seen.clear()
    groups = np.arange(60) // 3
    found = gorae.learning_curve(
        Watched(), X, np.arange(60) % 2, sizes=[10, 20, 39], cv=3, repeats=2, groups=groups
    )
    own = [asked for asked in Watched.seen if asked[0] == asked[1]]
    held = [asked for asked in Watched.seen if asked[0] != asked[1]]
    assert len(own) == len(held) == 3 * 6
    assert [len(learned) for learned, _ in held] == [10] * 6 + [20] * 6 + [39] * 6
    for (small, asked), (large, same) in zip(held[:12], held[6:], strict=True):
        assert small < large
        assert asked == same
    for learned, asked in held:
        assert not learned & asked
        assert not {row // 3 for row in learned} & {row // 3 for row in asked}
    assert found.test_scores.shape == (3, 6)


def test_a_fit_is_what_it_would_be_alone(monkeypatch):
    """The networks of a curve have bitwise the parameters of the estimator fitted alone on the same rows."""
    X, y = iris()
    kept, module = {}, sys.modules[gorae.learning_curve.__module__]
    fit_parts = module.fit_parts

    def remembered(estimators, X, y, parts, **more):
        kept["models"], kept["parts"] = fit_parts(estimators, X, y, parts, **more), parts
        return kept["models"]

    monkeypatch.setattr(module, "fit_parts", remembered)
    gorae.learning_curve(NETWORK, X, y, sizes=[40, 60, 100], cv=3, repeats=1)
    for at in (0, 4, 8):
        rows = kept["parts"][at]
        alone = gorae.MLPClassifier(**NETWORK.get_params()).fit(X[rows], y[rows])
        np.testing.assert_array_equal(
            kept["models"][at].predict_proba(X), alone.predict_proba(X), err_msg=f"fit {at}"
        )


def test_scores_are_those_of_the_fold_models():
    """The scores at the largest size are those of scikit-learn's own fits on the same folds."""
    X, y = iris()
    found = gorae.learning_curve(GaussianNB(), X, y, sizes=[30, 60, 120], repeats=1, random_state=4)
    splits = make_folds(y, folds=5, stratify=True, seed=4)
    alone = [GaussianNB().fit(X[train], y[train]) for train, _ in splits]
    pairs = list(zip(alone, splits, strict=True))
    np.testing.assert_allclose(found.test_scores[-1], [m.score(X[s], y[s]) for m, (_, s) in pairs])
    np.testing.assert_allclose(found.train_scores[-1], [m.score(X[t], y[t]) for m, (t, _) in pairs])
    assert found.band[-1, 0] == pytest.approx(found.test_scores[-1].mean())
    assert found.score == found.band[-1, 0]


def test_the_same_call_gives_the_same_curve():
    """Everything follows from the seed."""
    X, y = iris()
    one, other = (gorae.learning_curve(NETWORK, X, y, sizes=[40, 60, 100], repeats=1, cv=3) for _ in range(2))
    assert one.to_dict() == other.to_dict()


def test_random_labels_would_not_be_helped():
    """Where labels are drawn, the answer is that more rows would hardly help."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 3)), rng.integers(0, 2, 600)
    found = gorae.learning_curve(LogisticRegression(), X, y, repeats=2)
    _, low, high = found.gain(2.0)
    assert low < 0.005
    assert found.verdict in ("hardly", "unclear")
    assert high < 0.06


def test_more_digits_would_help():
    """A curve that still rises says so, with an interval that leaves 0 out; nearest neighbours on digits do."""
    X, y = load_digits(return_X_y=True)
    found = gorae.learning_curve(gorae.KNeighborsClassifier(1), X[:600], y[:600])
    gain, low, high = found.gain(2.0)
    assert 0 < low < gain < high
    assert found.verdict == "helps"
    assert f"would bring accuracy from {found.score:.3f} to about" in found.sentence


def test_answers_agree_with_each_other():
    """Gain, expected score and the sentence's numbers are one answer; more rows never do harm."""
    found = digits_curve()
    gain, low, high = found.gain(2.0)
    expected = found.expected(2.0)
    np.testing.assert_allclose(expected, found.score + np.array([gain, low, high]))
    assert found.gain(1.0) == pytest.approx((0.0, 0.0, 0.0))
    gains = [found.gain(times)[0] for times in (1, 2, 4, 8)]
    assert (np.diff(gains) >= 0).all()
    told = found.to_dict()
    assert told["gains"][0] == {"times": 2.0, "gain": gain, "low": low, "high": high}
    assert told["expected"][-1]["rows"] == pytest.approx(4 * found.sizes[-1])


def test_wanted_scores_take_more_rows():
    """A better score takes more rows, and one that is out of reach is refused."""
    found = digits_curve()
    few, many = (found.rows_for(score)[0] for score in (0.7, 0.8))
    assert few < many
    with pytest.raises(ParameterError, match="score must be one that can be reached, got 1.5"):
        found.rows_for(1.5)
    with pytest.raises(ParameterError, match="times must be a number in"):
        found.gain(0.5)


@pytest.mark.parametrize("scoring", [None, "rmse", "neg_mean_absolute_error"])
def test_values_have_curves_too(scoring):
    """Of a regression by R², by RMSE or by a scorer of scikit-learn; a gain is above 0 in each unit."""
    X, y = load_diabetes(return_X_y=True)
    found = gorae.learning_curve(Ridge(0.01), X, y, repeats=2, scoring=scoring)
    gain, low, high = found.gain(2.0)
    assert 0 <= low <= gain <= high
    better = found.band[-1, 0] < found.band[0, 0]
    assert better == (scoring == "rmse")
    assert (found.band[:, 1] <= found.band[:, 0]).all()
    assert (found.band[:, 0] <= found.band[:, 2]).all()


def test_log_loss_is_that_of_the_probabilities():
    """The log-loss at the largest size is scikit-learn's own, by either of its names."""
    X, y = iris()
    own, theirs = (
        gorae.learning_curve(GaussianNB(), X, y, repeats=1, scoring=name)
        for name in ("log_loss", "neg_log_loss")
    )
    splits = make_folds(y, folds=5, stratify=True, seed=0)
    losses = [
        -np.log(GaussianNB().fit(X[t], y[t]).predict_proba(X[s])[np.arange(len(s)), y[s]]).mean()
        for t, s in splits
    ]
    np.testing.assert_allclose(own.test_scores[-1], losses, rtol=1e-5)
    assert own.to_dict() == theirs.to_dict()


def test_weights_are_passed_and_rows_of_weight_0_left_out():
    """Rows of weight 0 change nothing, not even the folds."""
    X, y = iris()
    more, labels = np.concatenate([X, X[:9] + 50]), np.concatenate([y, y[:9]])
    weight = np.concatenate([np.full(150, 2.0), np.zeros(9)])
    left = gorae.learning_curve(GaussianNB(), more, labels, sample_weight=weight, repeats=1)
    never = gorae.learning_curve(GaussianNB(), X, y, sample_weight=np.full(150, 2.0), repeats=1)
    assert left.to_dict() == never.to_dict()


def test_frames_with_text_work_in_pipelines_of_scikit_learn():
    """Any estimator with what it takes as rows: texts in a data frame."""
    frame = pd.DataFrame({"colour": ["red", "blue"] * 30, "size": np.arange(60.0)})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough"), GaussianNB()
    )
    found = gorae.learning_curve(model, frame, np.array(["a", "b"] * 30), sizes=[10, 20, 40], cv=3, repeats=1)
    assert found.score == 1.0
    assert found.verdict == "hardly"


def test_shares_are_of_a_folds_training_rows():
    """0.5 of five folds of 150 rows is 60."""
    X, y = iris()
    found = gorae.learning_curve(GaussianNB(), X, y, sizes=[0.1, 0.5, 1.0], repeats=1)
    assert found.sizes.tolist() == [12, 60, 120]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ([10, 20], "sizes must be at least 3 numbers of rows"),
        ("many", "sizes must be at least 3 numbers of rows"),
        ([10, "20", 30], "sizes must be at least 3 numbers of rows"),
        ([True, 20, 30], "sizes must be at least 3 numbers of rows"),
        ([10, 30, 20], "sizes must rise, each larger than the one before"),
        ([10, 20, 20], "sizes must rise, each larger than the one before"),
        ([0.1, 0.1001, 1.0], r"which are \[12, 12, 120\] rows"),
        ([-10, 20, 30], "sizes must be above 0"),
        ([float("nan"), 0.2, 0.3], "sizes must be above 0"),
        ([0.1, 0.5, 20], "whole numbers of rows, or shares that are at most 1.0"),
        ([10, 20, 121], "sizes must be at most 120, the rows that a fold leaves to learn from, got 121"),
        ([2, 20, 30], "the smallest size, 2 rows, leaves a class without rows in some fold"),
    ],
)
def test_sizes_that_cannot_be_used_are_told(sizes, told):
    """One sentence with what was wanted and what came."""
    X, y = iris()
    with pytest.raises(GoraeError, match=told):
        gorae.learning_curve(GaussianNB(), X, y, sizes=sizes, repeats=1)


@pytest.mark.parametrize(
    ("given", "kind", "told"),
    [
        ({"cv": 1}, ParameterError, "cv must be a whole number from 2"),
        ({"cv": 51}, DataError, "ask for fewer folds"),
        ({"repeats": 0}, ParameterError, "repeats must be a whole number from 1"),
        ({"estimator": GaussianNB}, InputTypeError, "unfitted classifier or regressor, got GaussianNB"),
        ({"estimator": OneHotEncoder()}, InputTypeError, "must be a classifier or a regressor"),
        ({"scoring": "r2"}, ParameterError, "scoring must be a score of classes"),
        ({"scoring": "acuracy"}, ParameterError, "Did you mean 'accuracy'"),
        ({"scoring": 3}, ParameterError, "scoring must be one of accuracy, log_loss"),
        ({"groups": [1, 2]}, DataError, "groups must hold one label a row, 150"),
        ({"sample_weight": [1, 2]}, DataError, "sample_weight must hold one weight a row, 150"),
        ({"y": np.zeros(150)}, GoraeError, "class"),
        ({"y": np.zeros((150, 2))}, DataError, "one target a row"),
        ({"random_state": "x"}, GoraeError, "x"),
    ],
)
def test_what_cannot_be_used_is_told(given, kind, told):
    """Parameters out of their range, one class, the wrong estimator."""
    X, y = iris()
    asked = {"estimator": GaussianNB(), "X": X, "y": y, "repeats": 1, **given}
    with pytest.raises(kind, match=told):
        gorae.learning_curve(asked.pop("estimator"), asked.pop("X"), asked.pop("y"), **asked)


def test_too_few_rows_are_told():
    """Nine rows leave no three sizes."""
    with pytest.raises(DataError, match="at least 3 sizes, but a fold has"):
        curve_sizes(None, [np.arange(6), np.arange(6)], np.array([0, 1] * 3))


def test_doubt_is_split_as_planted():
    """Rows on which members disagree count as epistemic, undecided ones as aleatoric, by class too."""
    sure, torn, even = [[1.0, 0.0]] * 2, [[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5]] * 2
    stated = np.array([sure, torn, even, even]).transpose(1, 0, 2)
    found = doubt(stated, [0, 0, 1, 1])
    bit = np.log(2)
    np.testing.assert_allclose(found.epistemic[0], bit / 4)
    np.testing.assert_allclose(found.aleatoric[0], bit / 2)
    np.testing.assert_allclose(found.by_class, [[bit / 2, 0], [0, bit]])
    np.testing.assert_allclose(found.total[0], found.epistemic[0] + found.aleatoric[0])
    assert found.share == pytest.approx(1 / 3)
    assert found.epistemic[1] == 0 < found.epistemic[2]


def test_groups_widen_the_interval_of_doubt():
    """Copies of rows in groups say no more than the rows: the interval is as wide as theirs."""
    rng = np.random.default_rng(0)
    stated = rng.dirichlet([1, 1, 1], (3, 40))
    once = doubt(stated, np.zeros(40, int))
    copied = doubt(np.repeat(stated, 5, axis=1), np.zeros(200, int), units=np.repeat(np.arange(40), 5))
    np.testing.assert_allclose(copied.epistemic, once.epistemic, rtol=1e-6)


def test_a_cautious_ensemble_tells_its_doubt():
    """Out of fold, scaled as its probabilities are; one network alone has none to tell."""
    X, y = iris()
    model = gorae.CautiousClassifier(gorae.MLPClassifier((4,), epochs=5, members=2, random_state=0), cv=3)
    found = model.fit(X, y).doubt()
    assert 0 < found.epistemic[0] < found.total[0]
    assert len(found.rows.total) == 150
    lone = gorae.CautiousClassifier(GaussianNB(), cv=3).fit(X, y)
    with pytest.raises(ParameterError, match="several members"):
        lone.doubt()
