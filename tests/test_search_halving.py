"""Halving: better settings train on, and nothing but their number is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gorae import KNeighborsClassifier, LinearClassifier, SearchCV
from gorae.errors import ParameterError
from gorae.search import climbing, populations
from gorae.search.halving import best_settings, make_brackets

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = tuple(part[:150] for part in load_breast_cancer(return_X_y=True))
LINEAR = LinearClassifier(epochs=9, batch_size=32, schedule="cosine", random_state=0)
SPACE = {"learning_rate": loguniform(1e-4, 1)}


@given(
    eta=st.one_of(st.just("hyperband"), st.floats(1.5, 5)),
    count=st.integers(1, 200),
    epochs=st.integers(1, 300),
)
@settings(max_examples=40, deadline=None)
def test_brackets(eta, count, epochs):
    """All settings begin, fewer go on, for more epochs, and the last rung trains to the end."""
    brackets = make_brackets(eta, count, epochs)
    assert sum(bracket[0].settings for bracket in brackets) == count
    for bracket in brackets:
        numbers = [rung.settings for rung in bracket]
        spent = [rung.epochs for rung in bracket[:-1]]
        assert bracket[-1].epochs is None
        assert numbers == sorted(numbers, reverse=True)
        assert min(numbers) >= 1
        assert all(1 <= each <= epochs for each in spent)
        assert spent == sorted(spent)


def test_survivors_are_what_they_are_without_halving():
    """A setting that trains to its end has bitwise the score of a search that halves nothing."""
    halved = SearchCV(LINEAR, SPACE, n_settings=9, halving=3, cv=2, random_state=0).fit(*CANCER)
    whole = SearchCV(LINEAR, SPACE, n_settings=9, cv=2, random_state=0).fit(*CANCER)
    found = halved.cv_results_
    assert found["n_resources"].tolist() == [1] * 9 + [3] * 3 + [9]
    assert found["iter"].tolist() == [0] * 9 + [1] * 3 + [2]
    scores = {
        s["learning_rate"]: m
        for s, m in zip(whole.cv_results_["params"], whole.cv_results_["mean_test_score"], strict=True)
    }
    assert scores[found["params"][-1]["learning_rate"]] == found["mean_test_score"][-1]
    assert halved.best_index_ == 12
    np.testing.assert_array_equal(
        halved.best_estimator_.coef_, clone(LINEAR).set_params(**halved.best_params_).fit(*CANCER).coef_
    )


def test_the_best_of_a_rung_go_on():
    """Those that train on are the ones with the best mean scores of the rung before."""
    found = SearchCV(LINEAR, SPACE, n_settings=9, halving=3, cv=2, random_state=1).fit(*CANCER).cv_results_
    first = found["mean_test_score"][:9]
    kept = [found["params"].index(setting) for setting in found["params"][9:12]]
    assert kept == best_settings(first, 3)


def test_a_resumed_rung_goes_on_from_kept_parameters(tmp_path, monkeypatch):
    """After a kill between two rungs, settings train the epochs that are left, and the table is the same."""
    whole = SearchCV(LINEAR, SPACE, n_settings=9, halving=3, cv=2, random_state=0).fit(*CANCER)
    asked = clone(whole).set_params(resume=tmp_path / "s.db")
    keep, left, trained = climbing.pass_on, [1], []

    def ending(*arguments):
        keep(*arguments)
        left[0] -= 1
        if left[0] < 0:
            raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(climbing, "pass_on", ending)
        with pytest.raises(InterruptedError):
            asked.fit(*CANCER)
    run = populations.NetworkRace._run_batch

    def noting(self, which, until, tell):
        trained.append([member.epochs for place in which for member in self._together.members[2 * place]])
        return run(self, which, until, tell)

    monkeypatch.setattr(populations.NetworkRace, "_run_batch", noting)
    found = clone(asked).fit(*CANCER)
    assert trained == [[3]]
    assert found.cv_results_["mean_test_score"].tolist() == whole.cv_results_["mean_test_score"].tolist()


@pytest.mark.parametrize("room", [1, 40_000])
def test_what_memory_does_not_hold_begins_anew(room, monkeypatch):
    """With room for one setting at a time, or for a few, the table is bitwise that with room for all."""
    asked = SearchCV(LINEAR, SPACE, n_settings=9, halving=3, cv=2, random_state=0)
    whole = clone(asked).fit(*CANCER)
    monkeypatch.setattr(populations, "memory_budget", lambda device: 4 * room)
    found = clone(asked).fit(*CANCER)
    assert found.cv_results_["mean_test_score"].tolist() == whole.cv_results_["mean_test_score"].tolist()


def test_hyperband_and_pipelines():
    """Brackets of several lengths, behind a transformer; each setting is in one bracket."""
    pipeline = make_pipeline(StandardScaler(), clone(LINEAR).set_params(scale=None))
    space = {"linearclassifier__learning_rate": loguniform(1e-4, 1)}
    search = SearchCV(pipeline, space, n_settings=9, halving="hyperband", cv=2, random_state=0).fit(*CANCER)
    found = search.cv_results_
    begun = [found["params"][i] for i in range(len(found["iter"])) if found["iter"][i] == 0]
    assert len(begun) == 9
    assert sorted(set(found["bracket"])) == [0, 1, 2]
    assert found["n_resources"][search.best_index_] == 9


@pytest.mark.parametrize(
    ("estimator", "change", "told"),
    [
        (LINEAR, {"halving": 1}, "a number of at least 1.1"),
        (LINEAR, {"halving": "hyper"}, "or 'hyperband'"),
        (LINEAR, {"halving": 3, "space": {"epochs": [1, 2]}}, "halving decides the epochs"),
        (KNeighborsClassifier(), {"halving": 3, "space": {"n_neighbors": [1, 2]}}, "trains by epochs"),
    ],
)
def test_mistakes(estimator, change, told):
    """Each is one sentence."""
    with pytest.raises(ParameterError, match=told):
        SearchCV(estimator, SPACE, n_settings=2, cv=2).set_params(**change).fit(*CANCER)
