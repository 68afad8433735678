"""On a cluster of joblib's, a search gives bitwise the table that it gives in one process."""

import json
import os
import subprocess
import sys
import warnings
from importlib.util import find_spec
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from joblib import parallel_config
from joblib._parallel_backends import LokyBackend, SequentialBackend, ThreadingBackend
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from gorae import LinearClassifier, MLPClassifier, SearchCV
from gorae.errors import GoraeWarning, ParameterError
from gorae.search import climbing, one_by_one
from gorae.search.evaluation import begin_race
from gorae.search.journal import Journal
from gorae.search.scattered import RemoteRace
from gorae.search.tasks import Task, Workers, is_on_cluster, received, sent_once

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = tuple(part[:120] for part in load_breast_cancer(return_X_y=True))
LINEAR = LinearClassifier(epochs=6, batch_size=32, random_state=0)
RATES = {"learning_rate": loguniform(1e-4, 1)}
PIPELINE = make_pipeline(StandardScaler(), clone(LINEAR).set_params(scale=None))
FITS = make_pipeline(StandardScaler(), LogisticRegression())


class Here(SequentialBackend):
    """A cluster of one worker: this process."""


class Waves(ThreadingBackend):
    """A cluster of threads that gives results only all at once, as Ray's does."""

    supports_return_generator = False


class Processes(LokyBackend):
    """A cluster of processes on this machine."""


def on(backend, workers=2, **options):
    """The block inside which joblib runs on a cluster."""
    return parallel_config(backend=backend(), n_jobs=workers, **options)


def search(estimator=LINEAR, space=RATES, **changes):
    """Six settings in two splits, by accuracy and log-loss, which has every digit."""
    options = {"n_settings": 6, "cv": 2, "random_state": 0, "refit": "accuracy"}
    options |= {"scoring": ["accuracy", "neg_log_loss"]} | changes
    return SearchCV(clone(estimator), space, **options)


def assert_same_table(ours, theirs):
    """Both tables are equal bit by bit, but for times, and so is what was answered out of fold."""
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for key, values in theirs.cv_results_.items():
        if key == "params" or key.startswith("param_"):
            assert repr(ours.cv_results_[key]) == repr(values)
        elif not key.endswith("_time"):
            np.testing.assert_array_equal(ours.cv_results_[key], values, err_msg=key)
    assert ours.out_of_fold_.keys() == theirs.out_of_fold_.keys()
    for place, outputs in theirs.out_of_fold_.items():
        np.testing.assert_array_equal(ours.out_of_fold_[place], outputs)


@pytest.mark.parametrize("backend", [Here, Waves])
@pytest.mark.parametrize(
    "asked",
    [
        search(return_train_score=True),
        search(halving=2),
        search(sampler="pbt"),
        search(sampler="pbt", space={"weight_decay": [0.2, 0.3, 0.4]} | RATES).set_params(
            estimator__early_stopping=True
        ),
        search(
            PIPELINE,
            {
                "linearclassifier__learning_rate": loguniform(1e-4, 1),
                "standardscaler": [StandardScaler(), FunctionTransformer()],
                "linearclassifier__members": [1, 2],
            },
            halving=2,
        ),
        search(
            PIPELINE, {"linearclassifier": [LINEAR, DecisionTreeClassifier(random_state=0)]}, sampler="grid"
        ),
        search(
            MLPClassifier((4,), epochs=3, random_state=0),
            {"hidden": [(3,), (4,)], "early_stopping": [True, False], "epochs": [2, 3]},
            sampler="grid",
        ),
        search(FITS, {"logisticregression__C": loguniform(1e-3, 1)}),
    ],
    ids=["plain", "halving", "pbt", "stopping", "pipeline", "steps", "structures", "one-by-one"],
)
def test_the_table_is_that_of_one_process(backend, asked):
    """Settings, scores, ranks, rungs, who followed whom, and out-of-fold answers are the same."""
    with on(backend):
        found = clone(asked).fit(*CANCER)
    assert_same_table(found, asked.fit(*CANCER))


def test_in_other_processes_with_read_only_arrays():
    """What is sent is whole, and nobody writes to it: all arrays are maps that can be read only."""
    space = {"linearclassifier__learning_rate": loguniform(1e-4, 1)}
    asked = search(PIPELINE, space, halving=2)
    with on(Processes, max_nbytes=100):
        found = clone(asked).fit(*CANCER)
    assert_same_table(found, asked.fit(*CANCER))


def test_many_small_networks_are_stacked_as_here(monkeypatch):
    """So many that one process stacks them, which rounds otherwise: the pieces are stacked, or not, as there."""
    monkeypatch.setattr("gorae.train.planner._STACKED_STEPS", 0)
    asked = search(n_settings=110).set_params(estimator__epochs=1)
    with on(Waves):
        found = clone(asked).fit(*CANCER)
    assert_same_table(found, asked.fit(*CANCER))


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_a_diverging_setting():
    """It has failed in the table as in one process, with the same words."""
    asked = search(space={"learning_rate": [0.01, 1e30, 0.1]}, sampler="grid")
    with on(Here), pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 6"):
        found = clone(asked).fit(*CANCER)
    with pytest.warns(FitFailedWarning):
        asked.fit(*CANCER)
    assert_same_table(found, asked)
    assert found.failures_ == asked.failures_


def test_a_mistake_is_told_as_in_one_process():
    """A parameter out of its range ends the search with its error where that is asked for."""
    asked = search(space={"learning_rate": [0.1, -1.0]}, sampler="grid", error_score="raise")
    with on(Waves), pytest.raises(ParameterError, match="learning_rate"):
        asked.fit(*CANCER)


def warning_score(estimator, X, y):
    """The accuracy, and a warning."""
    warnings.warn("scores are fine", RuntimeWarning, stacklevel=1)
    return estimator.score(X, y)


def test_warnings_come_out_as_in_one_process():
    """What a scorer warns of in a worker is told here once, with its file and line."""
    asked = search(scoring=warning_score, refit=False)

    def heard():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            clone(asked).fit(*CANCER)
        return [(str(each.message), each.category, each.filename, each.lineno) for each in caught]

    with on(Here):
        there = heard()
    assert len(there) == 1
    assert set(there) == set(heard())


@pytest.mark.parametrize("backend", [Here, Waves])
def test_ctrl_c_keeps_what_is_finished(backend, monkeypatch):
    """After an interrupt the table holds the settings that had come back, as they are in the whole table."""
    whole = search().fit(*CANCER)
    take, left = RemoteRace.take, [2]

    def interrupted(*arguments):
        take(*arguments)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(RemoteRace, "take", interrupted)
    with on(backend), pytest.warns(GoraeWarning, match="best of the 2 settings that were finished"):
        found = search().fit(*CANCER)
    assert found.ended_ == "interrupted"
    for name in ("mean_test_accuracy", "mean_test_neg_log_loss"):
        assert found.cv_results_[name].tolist() == whole.cv_results_[name][:2].tolist()


@pytest.mark.parametrize("estimator", [LINEAR, LogisticRegression()])
def test_progress_is_told_and_may_end_the_race(estimator):
    """Shares rise to 1; after the answer True nothing is begun, and what was not tried is None."""
    asked = search(estimator, {})
    trials = asked._trials(*CANCER, asked._get_routed_params_for_fit({}), asked._get_scorers()[0], 0)
    name = "C" if isinstance(estimator, LogisticRegression) else "learning_rate"
    settings = [{name: rate} for rate in np.logspace(-3, -1, 6)]
    told = []
    with on(Waves):
        race = begin_race(estimator, settings, trials)
        whole = race.run(range(6), None, lambda share: bool(told.append(share)))
        part = race.run(range(6), None, lambda share: True)
    assert None not in whole
    assert told == sorted(told)
    assert len(told) >= 2
    assert told[-1] == pytest.approx(1)
    done = [entries is not None for entries in part]
    assert 0 < sum(done) < 6
    for entries, again in zip(whole, part, strict=True):
        assert again is None or [e["test_scores"] for e in again] == [e["test_scores"] for e in entries]


@pytest.mark.parametrize("backend", [Here, Waves])
def test_fits_one_by_one_are_kept_after_ctrl_c(backend, monkeypatch):
    """A setting counts when all of its splits were fitted."""
    results = Workers.results

    def interrupted(self, tasks):
        for done in results(self, tasks):
            yield done
            if done[-1][0] >= 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(one_by_one.Workers, "results", interrupted)
    asked = search(FITS, {"logisticregression__C": loguniform(1e-3, 1)})
    with on(backend), pytest.warns(GoraeWarning, match="that were finished"):
        found = asked.fit(*CANCER)
    assert 2 <= len(found.cv_results_["params"]) < 6


@pytest.mark.parametrize("begun_on_cluster", [True, False])
@pytest.mark.parametrize(
    ("asked", "module", "name"),
    [
        (search(halving=2), climbing, "pass_on"),
        (search(sampler="pbt"), Journal, "forget_states"),
    ],
    ids=["halving", "pbt"],
)
def test_a_search_moves_between_machines(begun_on_cluster, asked, module, name, tmp_path, monkeypatch):
    """Cut off after a rung in one process it goes on on a cluster, and the other way, to the same table."""
    keep = getattr(module, name)

    def cut_off(*arguments):
        keep(*arguments)
        raise InterruptedError

    journaled = clone(asked).set_params(resume=tmp_path / "s.db")
    monkeypatch.setattr(module, name, cut_off)
    with on(Here if begun_on_cluster else SequentialBackend), pytest.raises(InterruptedError):
        clone(journaled).fit(*CANCER)
    monkeypatch.undo()
    with on(SequentialBackend if begun_on_cluster else Here):
        found = clone(journaled).fit(*CANCER)
    assert_same_table(found, clone(asked).fit(*CANCER))


def test_what_memory_does_not_hold_begins_anew(monkeypatch):
    """Where the parameters of a few settings only fit into memory here, the table is the same."""
    asked = search(halving=2)
    whole = clone(asked).fit(*CANCER)
    monkeypatch.setattr("gorae.search.populations.memory_budget", lambda device: 4 * 5_000)
    with on(Here):
        assert_same_table(asked.fit(*CANCER), whole)


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential", "multiprocessing"])
def test_joblibs_own_backends_are_no_cluster(backend):
    """In them networks are trained by this process, on all of its cores."""
    with parallel_config(backend=backend):
        assert not is_on_cluster()
    with on(Here):
        assert is_on_cluster()


def test_structures_stay_together_and_costs_are_even():
    """Twelve settings of two structures, cut for four tasks: each is of one structure, and costs the same."""
    asked = search(MLPClassifier((4,), epochs=2, random_state=0), {})
    trials = asked._trials(*CANCER, asked._get_routed_params_for_fit({}), asked._get_scorers()[0], 0)
    settings = [
        {"hidden": (3,) * (1 + place % 2), "learning_rate": 0.01 * (place + 1)} for place in range(12)
    ]
    race = RemoteRace(asked.estimator, settings, trials)
    shares = race.shares(range(12), None, dict.fromkeys(range(12), 1.0), 3.0)
    assert [share.places for share in shares] == [[0, 2, 4], [6, 8, 10], [1, 3, 5], [7, 9, 11]]
    whole = race.shares(range(12), None, dict.fromkeys(range(12), 1.0), 12.0)
    assert [share.places for share in whole] == [[0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]]


def test_short_waves_grow():
    """Where results come all at once, tasks that take no time are done in waves of 2, 4, 8 and the rest."""
    with on(Waves), Workers(None) as workers:
        waves = list(workers.results(Task(pow, (number, 2)) for number in range(17)))
    assert [len(wave) for wave in waves] == [2, 4, 8, 3]
    assert [done for wave in waves for done in wave] == [(number, number**2) for number in range(17)]


RUNGS = search(halving=2)


@pytest.mark.timeout(280)
def test_on_ray():
    """Two workers of a local Ray give the table of one process: settings go from rung to rung, and worker."""
    if find_spec("ray") is None:
        pytest.skip("needs the extra ray")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "RAY_USAGE_STATS_ENABLED": "0"}
    run = subprocess.run([sys.executable, __file__], capture_output=True, env=environment, timeout=240)
    assert run.returncode == 0, run.stderr.decode()
    answer = json.loads(run.stdout.splitlines()[-1])
    scores = clone(RUNGS).fit(*CANCER).cv_results_
    assert answer["table"] == {name: scores[name].tolist() for name in answer["table"]}
    assert answer["workers"] == 2
    assert answer["copies"] is False


def main():
    """Run by `test_on_ray` in a process of its own: search on a local Ray, and print the scores."""
    import ray
    from ray.util.joblib import register_ray

    warnings.simplefilter("ignore")
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ray.init(
            num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False, _temp_dir=folder
        )
        register_ray()
        with parallel_config(backend="ray"):
            found = clone(RUNGS).fit(*CANCER).cv_results_
            with Workers(None) as workers:
                rows = sent_once(np.ones((500, 500)))
                done = [one for some in workers.results([Task(seen, (rows,))] * 2) for one in some]
        ray.shutdown()
    names = [name for name in found if name.startswith(("split", "mean_test", "iter"))]
    answer = {
        "table": {name: found[name].tolist() for name in names},
        "workers": len({process for _, (process, _) in done}),
        "copies": any(writeable for _, (_, writeable) in done),
    }
    sys.stdout.write(json.dumps(answer))


def seen(rows):
    """Which process this is, and whether the rows are its own, to be written to."""
    return os.getpid(), received(rows).flags.writeable


if __name__ == "__main__":
    main()
