"""Ensembles from a search: out-of-fold outputs, greedy selection, and what comes out."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import GridSearchCV, RepeatedKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, QuantileTransformer
from sklearn.tree import DecisionTreeClassifier

from gorae import KNeighborsClassifier, LinearClassifier, LinearRegressor, SearchCV, ensemble_from_search
from gorae.errors import DataError, NotFittedError, ParameterError
from gorae.search import ensemble, out_of_fold
from gorae.search.out_of_fold import over_rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = (part[:150] for part in load_breast_cancer(return_X_y=True))
NAMES = np.where(Y == 1, "kind", "bad")
LINEAR = LinearClassifier(epochs=4, batch_size=32, random_state=0)
SPACE = {"learning_rate": loguniform(1e-5, 1)}


@pytest.fixture(scope="module")
def found():
    """Six settings in three splits."""
    return SearchCV(LINEAR, SPACE, n_settings=6, cv=3, random_state=0).fit(X, NAMES)


def test_out_of_fold_outputs_are_those_of_cross_validation(found):
    """They are what scikit-learn's `cross_val_predict` gives for each setting."""
    assert sorted(found.out_of_fold_) == list(range(6))
    for place in (0, 5):
        one = clone(LINEAR).set_params(**found.cv_results_["params"][place])
        expected = cross_val_predict(one, X, NAMES, cv=StratifiedKFold(3), method="predict_proba")
        np.testing.assert_array_equal(found.out_of_fold_[place], expected.astype(float))


def test_rows_that_are_scored_twice_are_averaged():
    """Two repeats of two folds by hand: the mean of both answers; a row that is never scored is NaN."""
    got = over_rows([np.array([[1.0], [2.0]]), np.array([[5.0]])], [np.array([1, 3]), np.array([3])], 4)
    np.testing.assert_array_equal(got, [[np.nan], [1.0], [np.nan], [3.5]])


def test_only_what_fits_is_kept(monkeypatch):
    """Where outputs are too many, those of the best settings stay."""
    monkeypatch.setattr(out_of_fold, "_LARGEST", 2 * 150 * 2 * 4)
    few = SearchCV(LINEAR, SPACE, n_settings=6, cv=3, random_state=0).fit(X, NAMES)
    order = np.argsort(-few.cv_results_["mean_test_score"], kind="stable")
    assert set(few.out_of_fold_) == set(order[:2].tolist())


def test_selection_is_greedy(found):
    """The first is the best by itself; every other step adds the best one to what is there, by brute force."""
    chosen = ensemble_from_search(found, X, NAMES, size=4)
    outputs = found.out_of_fold_
    total, scores = np.zeros((150, 2)), []
    for _ in range(4):
        each = [
            accuracy_score(NAMES, np.array(["bad", "kind"])[np.argmax(total + outputs[k], axis=1)])
            for k in range(6)
        ]
        total += outputs[int(np.argmax(each))]
        scores.append(max(each))
    best = int(np.argmax(scores)) + 1
    np.testing.assert_allclose(chosen.selection_scores_, scores[:best], rtol=0, atol=1e-12)
    assert len(chosen.selected_) == best


def test_the_ensemble_is_the_weighted_mean_of_settings_fitted_on_all_rows(found, monkeypatch):
    """Probabilities are averaged with the number of times that each setting was chosen."""
    monkeypatch.setattr(ensemble, "_select", lambda *_: ([2, 4, 2], [0.1, 0.2, 0.3]))
    voted = ensemble_from_search(found, X, NAMES)
    ones = [clone(LINEAR).set_params(**found.cv_results_["params"][k]).fit(X, NAMES) for k in (2, 4)]
    by_hand = (2 * ones[0].predict_proba(X) + ones[1].predict_proba(X)) / 3
    np.testing.assert_allclose(voted.predict_proba(X), by_hand, rtol=0, atol=1e-7)
    assert set(voted.predict(X)) <= {"bad", "kind"}
    assert voted.selected_ == [2, 4, 2]


def test_other_estimators_are_fitted_once_more():
    """Neighbours have probabilities, trees too; a classifier without any votes."""
    space = {"n_neighbors": [1, 3, 9]}
    near = SearchCV(KNeighborsClassifier(), space, sampler="grid", cv=3).fit(X, NAMES)
    assert near.out_of_fold_ == {}
    assert ensemble_from_search(near, X, NAMES, size=3).score(X, NAMES) > 0.85
    trees = SearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}, sampler="grid", cv=3)
    assert ensemble_from_search(trees.fit(X, NAMES), X, NAMES, size=3).score(X, NAMES) > 0.85
    margins = SearchCV(
        LinearClassifier("hinge", epochs=4, random_state=0),
        {"learning_rate": [0.01, 0.1]},
        sampler="grid",
        cv=3,
    ).fit(X, NAMES)
    voted = ensemble_from_search(margins, X, NAMES, size=3)
    assert voted.voting == "hard"
    assert voted.score(X, NAMES) > 0.85


def test_a_library_of_pipelines():
    """Each split learns the inputs from its own rows, as alone; the vote is of pipelines fitted on all rows."""
    rows = sparse.csr_matrix(np.floor(X))
    ranks = ColumnTransformer([("a", QuantileTransformer(n_quantiles=20), slice(0, 9))], sparse_threshold=0)
    shares = ColumnTransformer([("a", MaxAbsScaler(), slice(3, None))], sparse_threshold=0)
    near = KNeighborsClassifier(5, weights="distance")
    space = [{"inputs": [ranks], "model": [near]}, {"inputs": [shares], "model": [near, LINEAR]}]
    pipeline = Pipeline([("inputs", "passthrough"), ("model", near)])
    search = SearchCV(pipeline, space, sampler="grid", cv=3, scoring="neg_log_loss", random_state=0)
    search.fit(rows, NAMES)
    alone = [clone(pipeline).set_params(**setting) for setting in search.cv_results_["params"]]

    outputs = ensemble._refitted(search, rows, NAMES, None)
    chosen = ensemble_from_search(search, rows, NAMES, size=5)

    for place, one in enumerate(alone):
        expected = cross_val_predict(one, rows, NAMES, cv=StratifiedKFold(3), method="predict_proba")
        np.testing.assert_allclose(outputs[place], expected, rtol=0, atol=1e-6)
    expected = np.mean(
        [alone[place].fit(rows, NAMES).predict_proba(rows) for place in chosen.selected_], axis=0
    )
    np.testing.assert_allclose(chosen.predict_proba(rows), expected, rtol=0, atol=1e-6)


def test_probabilities_are_scored_that_sum_to_one():
    """Those of single precision miss 1 by more than scorers allow in double precision; no warning is told."""
    outputs = np.random.default_rng(0).dirichlet(np.ones(3), (2, 40)).astype(np.float32)
    search = SimpleNamespace(scorer_=get_scorer("neg_log_loss"))

    _, scores = ensemble._select(search, outputs, np.arange(40) % 3, np.arange(3), 2)

    means = [outputs[0], outputs[1], outputs.astype(float).mean(axis=0)]
    told = [np.log(each[np.arange(40), np.arange(40) % 3]).mean() for each in means]
    np.testing.assert_allclose(scores, [max(told[:2]), max(told)], rtol=0, atol=1e-6)


def test_regression_with_repeated_folds():
    """Predictions are averaged, in the targets' unit, and beat the worst of the search."""
    rows, y = (part[:90] for part in load_diabetes(return_X_y=True))
    folds = RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)
    base = LinearRegressor(epochs=5, batch_size=16, random_state=0)
    search = SearchCV(base, SPACE, n_settings=5, cv=folds, random_state=0).fit(rows, y)
    chosen = ensemble_from_search(search, rows, y)
    assert chosen.predict(rows).shape == (90,)
    assert max(chosen.selection_scores_) >= search.cv_results_["mean_test_score"].min()
    weighted = ensemble_from_search(search, rows, y, np.r_[np.ones(60), np.zeros(30)])
    assert not np.array_equal(weighted.predict(rows), chosen.predict(rows))


def test_a_class_that_no_split_scores():
    """Columns stay those of all classes where the scored rows lack one."""
    y = np.repeat(["a", "b", "c"], 50)
    splits = [(np.arange(0, 150, 2), np.arange(51, 150, 2))]
    search = SearchCV(LINEAR, {"learning_rate": [0.01, 0.1]}, sampler="grid", cv=splits).fit(X, y)
    chosen = ensemble_from_search(search, X, y, size=2)
    assert chosen.selection_scores_[0] == search.best_score_


def test_of_a_population_that_was_trained_by_schedules():
    """Members follow their schedules on all rows, as the search's own final fit does."""
    space = {"learning_rate": loguniform(1e-4, 1)}
    search = SearchCV(LINEAR, space, n_settings=5, sampler="pbt", cv=2, random_state=0).fit(X, NAMES)
    chosen = ensemble_from_search(search, X, NAMES, size=1)
    assert chosen.selected_ == [search.best_index_]
    np.testing.assert_array_equal(chosen.predict_proba(X), search.predict_proba(X).astype(float))


def test_mistakes(found):
    """Each is one sentence."""
    with pytest.raises(DataError, match="it had 150, these 149"):
        ensemble_from_search(found, X[1:], NAMES[1:])
    with pytest.raises(DataError, match="but they are others"):
        ensemble_from_search(found, X[::-1], NAMES)
    with pytest.raises(DataError, match="one number a row"):
        ensemble_from_search(found, X, NAMES, [1.0])
    with pytest.raises(ParameterError, match="got GridSearchCV"):
        ensemble_from_search(GridSearchCV(LINEAR, {}), X, NAMES)
    with pytest.raises(ParameterError, match="size"):
        ensemble_from_search(found, X, NAMES, size=0)
    with pytest.raises(NotFittedError):
        ensemble_from_search(SearchCV(LINEAR, SPACE), X, NAMES)
    with pytest.raises(ParameterError, match="no single score"):
        ensemble_from_search(clone(found).set_params(refit=lambda r: 0, n_settings=1).fit(X, NAMES), X, NAMES)
