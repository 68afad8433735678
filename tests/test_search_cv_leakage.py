"""Contract 3 for searches: the rows that a split is scored on change nothing in that split's models."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gorae import LinearClassifier, SearchCV
from gorae.estimators.together import Fit
from gorae.search import nested, populations

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal((0, 5, -3, 1), size=(60, 4))
Y = (X[:, 0] + X[:, 1] - 5 + GENERATOR.normal(size=60) > 0).astype(int)
CV = StratifiedKFold(3)
SCORED = next(iter(CV.split(X, Y)))[1]
ALONE = SCORED[0]

NETWORK = LinearClassifier(epochs=4, batch_size=16, random_state=0)
PLAIN = {"learning_rate": [1e-3, 1e-1]}
STOPPING = clone(NETWORK).set_params(early_stopping=True, epochs=8, patience=2)
PIPELINE = make_pipeline(StandardScaler(), clone(NETWORK).set_params(scale=None))
CHOSEN = make_pipeline(SelectKBest(f_classif, k=2), clone(NETWORK))
PIPED = {"linearclassifier__learning_rate": [1e-3, 1e-1]}
SEARCHES = [(NETWORK, PLAIN), (STOPPING, PLAIN), (PIPELINE, PIPED), (CHOSEN, PIPED)]


def spoiled_inputs():
    """The same rows, but what the first split is scored on, one row apart, are outliers."""
    rows = X.copy()
    rows[SCORED[1:]] = 1e4
    return rows, Y


def spoiled_targets():
    """The same rows, but the targets that the first split is scored on are others."""
    targets = Y.copy()
    targets[SCORED[1:]] = 1 - targets[SCORED[1:]]
    return X, targets


def answers(estimator, space, X, y, before=None):
    """What all settings of the first split say of the row that is left alone."""
    rows = X if before is None else before(X)
    splits = list(CV.split(*spoiled_inputs()))  # the splits of the rows as they were
    found = SearchCV(clone(estimator), space, sampler="grid", cv=splits, refit=False).fit(rows, y)
    return np.array([found.out_of_fold_[place][ALONE] for place in sorted(found.out_of_fold_)])


@pytest.mark.parametrize("spoil", [spoiled_inputs, spoiled_targets])
@pytest.mark.parametrize(
    ("estimator", "space"), SEARCHES, ids=["plain", "early stopping", "scaler", "chosen columns"]
)
def test_scored_rows_change_nothing(estimator, space, spoil):
    """Outliers or other targets among the scored rows leave the split's models as they are, bitwise."""
    np.testing.assert_array_equal(answers(estimator, space, X, Y), answers(estimator, space, *spoil()))


@pytest.mark.parametrize("halving", [None, 2])
def test_scored_rows_change_no_choice(halving):
    """What a nested search chooses, rung by rung, does not depend on its outer split's scored rows."""
    space = {"learning_rate": [1e-4, 1e-3, 1e-2, 1e-1]}
    search = SearchCV(NETWORK, space, sampler="grid", cv=CV, halving=halving, nested=True, random_state=0)
    before, after = (clone(search).fit(*data).nested_ for data in ((X, Y), _with_equal_folds()))
    assert before.chosen[0] == after.chosen[0]
    assert before.scores[0] != after.scores[0]


def _with_equal_folds():
    """Rows whose classes, and so whose stratified folds, are those of X and Y; the scored inputs are spoiled."""
    rows = X.copy()
    rows[SCORED] = -rows[SCORED]
    return rows, Y


def test_a_planted_scaler_is_found():
    """Scaling all rows before the search is found by the probe."""

    def scaled(rows):
        return StandardScaler().fit_transform(rows)

    plain = clone(NETWORK).set_params(scale=None)
    assert (answers(plain, PLAIN, X, Y, scaled) != answers(plain, PLAIN, *spoiled_inputs(), scaled)).any()


@pytest.mark.parametrize("estimator", [NETWORK, STOPPING], ids=["training", "stopping"])
def test_planted_rows_are_found(estimator, monkeypatch):
    """A population that learns from, or stops on, the scored rows is found by the probe."""
    monkeypatch.setattr(populations, "Fit", lambda one, rows: Fit(one, np.arange(len(X))))
    assert (answers(estimator, PLAIN, X, Y) != answers(estimator, PLAIN, *spoiled_targets())).any()


def test_a_planted_choice_is_found(monkeypatch):
    """A nested search that sees its outer split's scored rows is found by the probe: the choice moves."""
    seen = []

    def peeking(search, trials, split):
        found = clone(search).set_params(nested=False).fit(trials.X, trials.y)
        seen.append(found.cv_results_["mean_test_score"])
        return found

    monkeypatch.setattr(nested, "_search_inside", peeking)
    search = SearchCV(NETWORK, PLAIN, sampler="grid", cv=CV, halving=2, nested=True, random_state=0)
    for data in ((X, Y), _with_equal_folds()):
        clone(search).fit(*data)
    assert (seen[0] != seen[3]).any()
