"""Population-based training: losers follow winners, bit by bit what the schedule says."""

import numpy as np
import pytest
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gorae import KNeighborsClassifier, LinearClassifier, LinearRegressor, SearchCV
from gorae.errors import FileError, GoraeWarning, MemoryPlanError, ParameterError
from gorae.search import population_based
from gorae.search.journal import Journal
from gorae.search.population_based import exploit, explore

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = tuple(part[:120] for part in load_breast_cancer(return_X_y=True))
LINEAR = LinearClassifier(epochs=6, batch_size=32, random_state=0)
SPACE = {"learning_rate": loguniform(1e-5, 1), "weight_decay": [0.0, 1e-3, 1e-1]}


def search(**changes):
    """Six settings for six rounds of one epoch, in two splits."""
    options = {"n_settings": 6, "sampler": "pbt", "cv": 2, "random_state": 0}
    return SearchCV(**({"estimator": LINEAR, "space": SPACE} | options | changes))


def test_the_worst_fifth_follows_the_best():
    """Of ten places two follow; NaN is worst; one place has nobody to follow."""
    scores = [0.1, 0.9, np.nan, 0.5, 0.6, 0.7, 0.8, 0.4, 0.3, 0.2]
    for seed in range(5):
        moves = exploit(scores, np.random.default_rng(seed))
        assert set(moves) == {0, 2}
        assert set(moves.values()) <= {1, 6}
    assert exploit([0.5], np.random.default_rng(0)) == {}


def test_numbers_move_a_little_and_stay_inside():
    """A drawn number is multiplied by 0.8 or 1.2 and stays in its range; a listed one moves by one place."""
    spaces = [{"a": uniform(0, 1)}, {"a": uniform(0, 1), "b": [1, 2, 4]}]
    generator = np.random.default_rng(0)
    seen = [explore({"a": 0.9, "b": 1}, spaces, generator) for _ in range(40)]
    assert {round(one["a"], 12) for one in seen} == {0.72, 0.999999}
    assert {one["b"] for one in seen} == {1, 2}
    assert set(explore({"a": 0.5}, spaces, generator)) == {"a"}


def test_the_table_tells_who_followed_whom():
    """Six rounds of six; a place's parent is itself, or one of the best of the round before it."""
    found = search().fit(*CANCER)
    table = found.cv_results_
    assert table["iter"].tolist() == np.repeat(range(6), 6).tolist()
    assert table["n_resources"].tolist() == np.repeat(range(1, 7), 6).tolist()
    for level in range(1, 6):
        parents = table["parent"][6 * level : 6 * level + 6]
        moved = [place for place in range(6) if parents[place] != place]
        before = table["mean_test_score"][6 * (level - 1) : 6 * level]
        assert len(moved) == 1
        assert before[moved[0]] == before.min()
        assert before[parents[moved[0]]] == before.max()
    assert found.best_index_ >= 30


def test_a_place_that_never_moves_is_what_it_is_alone():
    """Who follows nobody has bitwise the scores of a setting that is trained at once."""
    found = search().fit(*CANCER)
    table = found.cv_results_
    stayed = [p for p in range(6) if all(table["parent"][p::6] == p)]
    settings = [table["params"][p] for p in stayed]
    assert settings
    for place, setting in zip(stayed, settings, strict=True):
        alone = SearchCV(LINEAR, {k: [v] for k, v in setting.items()}, sampler="grid", cv=2).fit(*CANCER)
        assert alone.best_score_ == table["mean_test_score"][30 + place]


def test_the_final_fit_follows_the_schedule():
    """The schedule of the winner, followed by hand on all rows, gives bitwise the best estimator."""
    found = search(random_state=3).fit(*CANCER)
    ends = [until for until, _ in found.schedule_]
    assert ends == [1, 2, 3, 4, 5, None]
    assert found.schedule_[-1][1] == found.best_params_
    by_hand = clone(LINEAR).set_params(warm_start=True, epochs=1)
    for _, setting in found.schedule_:
        by_hand.set_params(**setting).fit(*CANCER)
    np.testing.assert_array_equal(found.best_estimator_.coef_, by_hand.coef_)


def test_a_search_that_is_interrupted_refits_by_what_was_trained(monkeypatch):
    """After three of six rounds the winner's schedule has these three, and its last setting trains on to the end."""

    def three_rounds(search, part, *others):
        found = run_part(search, part, *others)
        search.ended = "interrupted" if part.rung == 2 else None
        return found

    run_part = population_based.run_part
    monkeypatch.setattr(population_based, "run_part", three_rounds)
    with pytest.warns(GoraeWarning, match="interrupted"):
        found = search(random_state=3).fit(*CANCER)
    assert [until for until, _ in found.schedule_] == [1, 2, None]
    assert found.schedule_[-1][1] == found.best_params_
    table = found.cv_results_
    parent = table["parent"][found.best_index_]
    assert found.schedule_[1][1] == table["params"][6 + parent]


def test_in_a_pipeline_and_with_numbers_as_targets():
    """A scaler before it, and regression."""
    X, y = (part[:80] for part in load_diabetes(return_X_y=True))
    pipeline = make_pipeline(StandardScaler(), LinearRegressor(epochs=4, batch_size=16, random_state=0))
    space = {"linearregressor__learning_rate": loguniform(1e-4, 1e-1)}
    found = SearchCV(pipeline, space, n_settings=5, sampler="pbt", cv=2, random_state=0).fit(X, y)
    assert found.best_estimator_.predict(X).shape == (80,)
    assert found.best_score_ == found.cv_results_["mean_test_score"][-5:].max()


@pytest.fixture
def cut_off(tmp_path, monkeypatch):
    """The file of a search that ended after three rounds."""
    keep, left = Journal.forget_states, [3]

    def ending(*arguments):
        keep(*arguments)
        left[0] -= 1
        if not left[0]:
            raise InterruptedError

    monkeypatch.setattr(Journal, "forget_states", ending)
    with pytest.raises(InterruptedError):
        search(resume=tmp_path / "s.db").fit(*CANCER)
    monkeypatch.undo()
    return tmp_path / "s.db"


def test_going_on_after_a_kill(tmp_path, cut_off):
    """It goes on from the parameters in its folder, to bitwise the same table."""
    whole = search().fit(*CANCER).cv_results_
    states = list((tmp_path / "s.db.arrays").glob("states-*"))
    assert [file.name for file in states] == ["states-0-0-2-0.gorae"]
    found = search(resume=cut_off).fit(*CANCER).cv_results_
    np.testing.assert_array_equal(found["mean_test_score"], whole["mean_test_score"])
    np.testing.assert_array_equal(found["parent"], whole["parent"])


@pytest.mark.parametrize("instant", ["keep", "keep_states", "forget_states"])
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_between_two_writes(tmp_path, monkeypatch, instant, after):
    """Before or after any of a round's writes, the search goes on to bitwise the same table."""
    whole = search().fit(*CANCER).cv_results_
    real, left = getattr(Journal, instant), [2]

    def ending(*arguments):
        left[0] -= 1
        if after or left[0]:
            real(*arguments)
        if not left[0]:
            raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(Journal, instant, ending)
        with pytest.raises(InterruptedError):
            search(resume=tmp_path / "s.db").fit(*CANCER)
    found = search(resume=tmp_path / "s.db").fit(*CANCER).cv_results_
    np.testing.assert_array_equal(found["mean_test_score"], whole["mean_test_score"])
    np.testing.assert_array_equal(found["parent"], whole["parent"])


def test_without_its_parameters_it_does_not_go_on(tmp_path, cut_off):
    """A population whose parameters are gone says so, rather than begin some places anew."""
    (tmp_path / "s.db.arrays" / "states-0-0-2-0.gorae").unlink()
    with pytest.raises(FileError, match="missing or damaged; delete the file"):
        search(resume=cut_off).fit(*CANCER)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"space": {"optimizer": ["adam", "sgd"]}}, "'optimizer' is none of them"),
        ({"space": {"batch_size": [16, 32]}}, "'batch_size' is none of them"),
        ({"space": {"epochs": [3, 4]}}, "'epochs' is none of them"),
        ({"space": {"learning_rate": [0.1, float("nan")]}}, "'learning_rate' has other values"),
        ({"halving": 3}, "use halving=None"),
        ({"budget": {"fits": 3}}, "budget of seconds only"),
        (
            {"estimator": KNeighborsClassifier(), "space": {"n_neighbors": [1, 2]}},
            "'n_neighbors' is none of them",
        ),
    ],
)
def test_mistakes(change, told):
    """Each is one sentence."""
    with pytest.raises(ParameterError, match=told):
        search(**change).fit(*CANCER)


def test_memory_must_hold_all(monkeypatch):
    """Where some would have to begin anew it ends with what to do."""
    monkeypatch.setattr("gorae.search.populations.memory_budget", lambda device: 4)
    with pytest.raises(MemoryPlanError, match="does not hold a population of 6"):
        search().fit(*CANCER)
