"""Budgets and Ctrl-C: a search ends where it was to end, and what is finished counts."""

import _thread
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gorae import KNeighborsClassifier, LinearClassifier, SearchCV
from gorae.errors import BudgetError, GoraeWarning, ParameterError
from gorae.search import populations
from gorae.search.budget import read_budget, shared_budget

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = tuple(part[:120] for part in load_breast_cancer(return_X_y=True))
LINEAR = LinearClassifier(epochs=6, batch_size=32, random_state=0)
SPACE = {"learning_rate": loguniform(1e-4, 1)}
WEIGHTS = 30 * 2
ROWS = 60


def search(**changes):
    """Eight settings in two splits: sixteen fits of six epochs."""
    return SearchCV(clone(LINEAR), SPACE, **({"n_settings": 8, "cv": 2, "random_state": 0} | changes))


@pytest.mark.parametrize(
    ("budget", "settings"),
    [
        ({"fits": 10}, 5),
        ({"fits": 11}, 5),
        ({"epochs": 36}, 3),
        ({"epochs": 47}, 3),
        ({"flops": 2 * 2 * 6 * 6 * WEIGHTS * ROWS}, 2),
        ({"fits": 100, "epochs": 12}, 1),
    ],
)
def test_what_is_begun_can_be_finished(budget, settings):
    """As many settings as fit into the budget, whole: two fits, twelve epochs, 6 operations a weight and row."""
    found = search(budget=budget).fit(*CANCER)
    whole = search().fit(*CANCER)
    assert found.ended_ == "budget"
    assert whole.ended_ is None
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], whole.cv_results_["mean_test_score"][:settings]
    )


def test_halving_begins_with_fewer():
    """The budget lasts until the last rung: settings that would have to be dropped for it do not begin."""
    plain = search(halving=2, n_settings=4).fit(*CANCER)
    few = search(halving=2, budget={"fits": 8}).fit(*CANCER)
    assert few.ended_ == "budget"
    assert few.cv_results_["iter"].tolist() == plain.cv_results_["iter"].tolist()
    whole = search(halving=2, n_settings=4, budget={"epochs": 1000}).fit(*CANCER)
    assert whole.ended_ is None


def test_time_ends_what_is_under_way(at_share, monkeypatch):
    """A search that would take an hour ends with its seconds, and what is finished is the table."""

    def clock_says(seconds):
        monkeypatch.setattr("gorae.search.budget.time", SimpleNamespace(perf_counter=lambda: seconds))

    clock_says(0.0)  # before the search began, whenever that was
    at_share(0.1, partial(clock_says, 1e12))
    slow = search(n_settings=100, budget="1s").set_params(estimator__patience=20000, estimator__tol=0)
    space = {"epochs": [1, 20000], "learning_rate": loguniform(1e-4, 1)}
    found = slow.set_params(space=space).fit(*CANCER)
    assert found.ended_ == "budget"
    assert 1 <= len(found.cv_results_["params"]) < 100


def test_each_nested_search_has_its_share():
    """Three searches in two splits share nine fits: each has three, which is one setting."""
    found = search(nested=True, budget={"fits": 9}).fit(*CANCER)
    assert len(found.cv_results_["params"]) == 1
    assert len(found.nested_.chosen) == 2


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({"fit": 3}, "did you mean 'fits'"),
        ({"hours": 3}, "it counts fits"),
        ({"fits": 0}, "above 0"),
        ({"fits": True}, "above 0"),
        ({}, "must be None"),
        ("10 parsecs", "must be None"),
        (600, "must be None"),
    ],
)
def test_mistakes(budget, told):
    """Each is one sentence."""
    with pytest.raises(ParameterError, match=told):
        search(budget=budget).fit(*CANCER)


def test_too_small():
    """A budget without room for one setting says so; epochs of what has none too."""
    with pytest.raises(BudgetError, match="does not suffice for one setting"):
        search(budget={"fits": 1}).fit(*CANCER)
    with pytest.raises(ParameterError, match="trains by epochs"):
        SearchCV(KNeighborsClassifier(), {"n_neighbors": [1]}, sampler="grid", budget={"epochs": 9}).fit(
            *CANCER
        )


def test_shares():
    """A share is a whole number where the kind is one; a duration counts in seconds."""
    assert shared_budget({"fits": 10, "flops": 9.0}, 4) == {"fits": 2, "flops": 2.25}
    assert shared_budget("2m", 2) == {"seconds": 60.0}
    assert shared_budget(None, 2) is None
    assert read_budget({"seconds": 3}).limits == {"seconds": 3.0}


LONG = LinearClassifier(epochs=20000, patience=20000, batch_size=8, random_state=0)


@pytest.fixture
def at_share(monkeypatch):
    """Lets something happen, once, when networks are trained so far."""

    def at(share, act):
        told = []

        def run(self, which, until, tell, inner=populations.NetworkRace.run):
            def telling(now):
                if now >= share and not told:
                    told.append(act())
                return tell(now)

            return inner(self, which, until, telling)

        monkeypatch.setattr(populations.NetworkRace, "run", run)

    return at


@pytest.fixture
def interrupt_at(at_share):
    """Makes Ctrl-C come when networks are trained so far."""
    return partial(at_share, act=_thread.interrupt_main)


@pytest.mark.parametrize("piped", [False, True], ids=["plain", "pipeline"])
def test_ctrl_c_keeps_what_is_finished(piped, interrupt_at):
    """The settings that were finished are the table, the best of them is fitted, and a warning tells."""
    estimator = make_pipeline(StandardScaler(), LONG) if piped else LONG
    prefix = "linearclassifier__" if piped else ""
    space = {f"{prefix}epochs": [1] * 3 + [20000] * 9}
    asked = SearchCV(estimator, space, sampler="grid", cv=2, refit=False)
    interrupt_at(0.25)
    with pytest.warns(GoraeWarning, match="best of the 3 settings"):
        found = asked.fit(*CANCER)
    assert found.ended_ == "interrupted"
    assert [p[f"{prefix}epochs"] for p in found.cv_results_["params"]] == [1, 1, 1]


def test_ctrl_c_before_the_first(interrupt_at):
    """Nothing finished is nothing found."""
    interrupt_at(0.0)
    with pytest.raises(KeyboardInterrupt):
        SearchCV(LONG, {"learning_rate": [0.1, 0.2]}, sampler="grid", cv=2).fit(*CANCER)


def test_ctrl_c_between_single_fits():
    """Estimators that are fitted one by one keep what is finished too."""

    class Interrupting(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            if self.C == 3:
                raise KeyboardInterrupt
            return super().fit(X, y, sample_weight)

    space = {"C": [1, 2, 3, 4]}
    pipeline = make_pipeline(StandardScaler(), Interrupting())
    with pytest.warns(GoraeWarning, match="best of the 2 settings"):
        found = SearchCV(
            pipeline, {f"interrupting__{k}": v for k, v in space.items()}, sampler="grid", cv=2
        ).fit(*CANCER)
    assert found.best_params_["interrupting__C"] in (1, 2)
