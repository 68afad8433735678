"""Many fits at once: each is what it would have been alone."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import StratifiedKFold

from gorae import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, Perceptron
from gorae.errors import DataError, ParameterError
from gorae.estimators.answers import answers_together
from gorae.estimators.together import Fit, begin_together, fit_together, learn, train_together

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = tuple(part[:203] for part in load_breast_cancer(return_X_y=True))
DIABETES = tuple(part[:101] for part in load_diabetes(return_X_y=True))
SOLO = {"batch_size": 32, "epochs": 3, "random_state": 5}


def folds(y, count=3):
    """Return the training rows of a few folds."""
    return [
        train for train, _ in StratifiedKFold(count, shuffle=True, random_state=0).split(y, y > np.median(y))
    ]


def fitted_together(fits, X, y, **more):
    """Fit all, none of which may be refused."""
    assert fit_together(fits, X, y, **more) == [None] * len(fits)
    return [fit.estimator for fit in fits]


def assert_equal_members(one, other):
    """Both have bitwise the same members, and the same history."""
    for left, right in zip(one._members, other._members, strict=True):
        for a, b in zip(left.history, right.history, strict=True):
            np.testing.assert_array_equal(a, b)
        assert left.best_epoch == right.best_epoch
    assert one.n_iter_ == other.n_iter_
    assert one.n_features_in_ == other.n_features_in_


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier((7,), dropout=0.2, **SOLO),
        MLPClassifier((7,), members=2, early_stopping=True, patience=1, **SOLO),
        MLPClassifier((7,), class_weight="balanced", **{**SOLO, "batch_size": 1000}),
        LinearClassifier(loss="hinge", scale="common", **SOLO),
        Perceptron(epochs=2, members=1, random_state=1),
    ],
    ids=["dropout", "early_stopping", "whole_batch", "hinge", "perceptron"],
)
def test_a_classifier_is_what_it_would_be_alone(estimator):
    """Bitwise: members, history, and predictions, on each of three folds."""
    X, y = CANCER
    rows = folds(y)
    together = fitted_together([Fit(clone(estimator), train) for train in rows], X, y)
    answers = answers_together([(each, X) for each in together])
    for each, train, answer in zip(together, rows, answers, strict=True):
        alone = clone(estimator).fit(X[train], y[train])
        assert_equal_members(each, alone)
        np.testing.assert_array_equal(each.predict(X), alone.predict(X))
        np.testing.assert_array_equal(answer, alone._answers(X))


@pytest.mark.parametrize(
    "estimator", [MLPRegressor((5,), **SOLO), LinearRegressor(**SOLO)], ids=["mlp", "linear"]
)
def test_a_regressor_is_what_it_would_be_alone(estimator):
    """Bitwise, with weights of which some are 0."""
    X, y = DIABETES
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    rows = folds(y)
    together = fitted_together([Fit(clone(estimator), train) for train in rows], X, y, sample_weight=weight)
    for each, train in zip(together, rows, strict=True):
        alone = clone(estimator).fit(X[train], y[train], weight[train])
        assert_equal_members(each, alone)
        np.testing.assert_array_equal(each.predict(X), alone.predict(X))


def test_settings_of_many_kinds_at_once():
    """Settings of other structure, seed, scaling and stopping do not touch one another."""
    X, y = CANCER
    base = MLPClassifier((7,), **SOLO)
    settings = [{}, {"hidden": (3, 4)}, {"random_state": 9, "early_stopping": True}, {"scale": None}]
    settings += [{"learning_rate": 1e30}, {"batch_size": 16, "early_stopping": True}]
    rows = folds(y)[0]
    together = fitted_together([Fit(clone(base).set_params(**s), rows) for s in settings], X, y)
    assert [each.diverged_members_ for each in together] == [[], [], [], [], [0], []]
    for each, setting in zip(together, settings, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            alone = clone(base).set_params(**setting).fit(X[rows], y[rows])
        assert_equal_members(each, alone)


def test_a_fold_without_a_class():
    """A fold that never sees a class knows only the others, as alone."""
    X, y = CANCER
    labels = np.where(np.arange(len(y)) < 20, "rare", np.where(y > 0, "b", "a"))
    base = LinearClassifier(**SOLO)
    rows = [np.arange(len(y)), np.arange(20, len(y))]
    together = fitted_together([Fit(clone(base), train) for train in rows], X, labels)
    assert [each.classes_.tolist() for each in together] == [["a", "b", "rare"], ["a", "b"]]
    alone = clone(base).fit(X[20:], labels[20:])
    np.testing.assert_array_equal(together[1].predict_proba(X), alone.predict_proba(X))


def test_groups_are_kept_together_when_stopping():
    """Early stopping watches the groups that it would watch alone."""
    X, y = CANCER
    groups = np.arange(len(y)) // 7
    base = LinearClassifier(early_stopping=True, **SOLO)
    rows = folds(y)[1]
    (each,) = fitted_together([Fit(clone(base), rows)], X, y, groups=groups)
    assert_equal_members(each, clone(base).fit(X[rows], y[rows], groups=groups[rows]))


def test_what_cannot_be_fitted_is_told_and_the_rest_is_fitted():
    """A parameter out of its range, and rows of one class, refuse their own fit only."""
    X, y = CANCER
    base, whole = LinearClassifier(**SOLO), np.arange(len(y))
    fits = [
        Fit(clone(base), whole),
        Fit(clone(base).set_params(learning_rate=-1), whole),
        Fit(clone(base), np.flatnonzero(y == 1)),
        Fit(clone(base).set_params(checkpoint="folder"), whole),
    ]
    found = fit_together(fits, X, y)
    assert found[0] is None
    assert isinstance(found[1], ParameterError)
    assert "learning_rate" in str(found[1])
    assert isinstance(found[2], DataError)
    assert isinstance(found[3], ParameterError)
    assert [hasattr(fit.estimator, "classes_") for fit in fits] == [True, False, False, False]


def test_progress_counts_all_fits():
    """Programs run one after the other, but progress is of all of them, and never falls."""
    X, y = CANCER
    base, told = LinearClassifier(**SOLO), []
    fits = [Fit(clone(base), np.arange(99)), Fit(clone(base).set_params(batch_size=16), np.arange(99))]
    fitted_together(fits, X, y, progress=told.append)
    assert told[-1][:4] == (2, 2, 6, 6)
    assert all(a.finished <= b.finished and a.epochs <= b.epochs for a, b in pairwise(told))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_training_in_parts_is_training_at_once(early_stopping):
    """A fit that pauses and goes on, while others are dropped or stop by themselves, is bitwise the whole."""
    X, y = CANCER
    base = MLPClassifier(
        (7,), dropout=0.2, schedule="cosine", early_stopping=early_stopping, patience=2, **SOLO
    )
    base.set_params(epochs=9, learning_rate=0.03)
    rows = folds(y)
    together = begin_together([Fit(clone(base), train) for train in rows], X, y)
    train_together(together, until=2)
    first = [together.members[place][0] for place in range(3)]
    assert [member.epochs for member in first] == [2, 2, 2]
    train_together(together, [0, 2], until=5)
    train_together(together, [0])
    learn(together, 0)
    alone = clone(base).fit(X[rows[0]], y[rows[0]])
    assert_equal_members(together.ready[0].fit.estimator, alone)
    np.testing.assert_array_equal(together.ready[0].fit.estimator.predict_proba(X), alone.predict_proba(X))
    assert together.members[1] == [first[1]]
    assert together.members[2][0].epochs <= 5
