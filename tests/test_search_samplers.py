"""Every sampler keeps one contract, and those that learn find better settings than random ones."""

import hashlib
import itertools
import json
import logging
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, loguniform, norm, randint, uniform
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from gorae import KNeighborsClassifier, SearchCV
from gorae.errors import ParameterError
from gorae.search.samplers import SAMPLERS, begin_sampling
from gorae.search.samplers.points import Point, settled, untried_point

OPTUNA = ("tpe", "cma_es")
LEARNING = (*OPTUNA, "evolution")
WITH_QUANTILES = ("sobol", "latin_hypercube", *LEARNING)
LISTS = [{"k": [9, 1, 5], "weights": ["uniform", "distance"]}, {"p": [None, 2]}]
MIXED = [
    {"rate": loguniform(1e-3, 1), "size": [8, 16, 32], "loss": ["softmax", "hinge", "squared"]},
    {"rate": uniform(2, 3), "count": randint(1, 9), "fixed": ["one"]},
]
BOWL = [{"rate": loguniform(1e-4, 1), "dropout": uniform(0, 0.8)}]


@pytest.fixture(params=SAMPLERS)
def sampler(request):
    """Every sampler."""
    return available(request.param)


@pytest.fixture(params=LEARNING)
def learner(request):
    """Every sampler that learns."""
    return available(request.param)


def available(name):
    """The name of a sampler, if what it needs is installed."""
    if name in OPTUNA:
        pytest.importorskip("optuna", reason="needs the extra tune")
        pytest.importorskip("cmaes", reason="needs the extra tune")
    return name


def sample(name, spaces, count, seed=0, score=lambda setting: 0.0):
    """All batches of a sampler that is sent the scores of its settings."""
    sampling = begin_sampling(name, spaces, count, seed)
    batches = [next(sampling)]
    while True:
        try:
            batches.append(sampling.send([score(setting) for setting in batches[-1]]))
        except StopIteration:
            return batches


def settings(*args, **kwargs):
    """All settings of a sampler."""
    return list(itertools.chain(*sample(*args, **kwargs)))


def some_score(setting):
    """A score that says nothing, the same in every process; NaN for every fifth setting or so."""
    digest = hashlib.sha256(repr(sorted(setting.items())).encode()).digest()
    return math.nan if digest[0] < 50 else digest[1] / 256


def bowl(setting):
    """The largest score, 0, is away from the middle."""
    return -((math.log10(setting["rate"]) + 1.3) ** 2) - 9 * (setting["dropout"] - 0.27) ** 2


def best(found, score):
    """The best score of settings that did not fail."""
    return np.nanmax([score(setting) for setting in found])


@pytest.mark.parametrize("count", [1, 3, 21, 64])
def test_as_many_settings_as_asked_for(sampler, count):
    """Where there are enough settings, just so many are proposed, and no batch is empty."""
    spaces = [{"a": list(range(100))}] if sampler == "grid" else MIXED
    batches = sample(sampler, spaces, count, score=some_score)
    assert all(batches)
    assert sum(map(len, batches)) == (100 if sampler == "grid" else count)


def test_settings_are_inside_the_space(sampler):
    """Each setting has the parameters of one part and no other, with values that the part has, as plain numbers."""
    if sampler == "grid":
        pytest.skip("the grid takes lists only, and is scikit-learn's")
    for setting in settings(sampler, MIXED, 40, score=some_score):
        if "size" in setting:
            assert set(setting) == set(MIXED[0])
            assert 1e-3 <= setting["rate"] <= 1
            assert setting["size"] in (8, 16, 32)
            assert setting["loss"] in ("softmax", "hinge", "squared")
        else:
            assert set(setting) == set(MIXED[1])
            assert 2 <= setting["rate"] <= 5
            assert setting["count"] in range(1, 9)
            assert type(setting["count"]) is int
        assert type(setting["rate"]) is float


def test_all_parts_are_tried(sampler):
    """Settings of a conditional space come from every part."""
    found = settings(sampler, [{"a": [1, 2, 3]}, {"b": list(range(50))}, {}], 30, score=some_score)
    assert {tuple(setting) for setting in found} == {("a",), ("b",), ()}


def test_the_seed_and_the_scores_decide(sampler):
    """The same seed and scores give the same settings; another seed gives others."""
    spaces = LISTS if sampler == "grid" else MIXED
    one, same, other = (sample(sampler, spaces, 24, seed, some_score) for seed in (1, 1, 2))
    assert repr(one) == repr(same)
    assert sampler == "grid" or repr(one) != repr(other)


def test_the_same_settings_in_another_process():
    """The order of sets and hashes, which differs between processes, decides nothing."""
    names = [name for name in LEARNING if name == "evolution" or available(name)]
    code = (
        "import json, test_search_samplers as t; "
        f"print(json.dumps([t.sample(name, t.MIXED, 24, 3, t.some_score) for name in {names}]))"
    )
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    there = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    here = [sample(name, MIXED, 24, 3, some_score) for name in names]
    assert json.loads(there.stdout) == here


def test_lists_end_when_all_settings_were_tried(sampler):
    """Of lists every setting is proposed once, and then the search ends."""
    if sampler in ("sobol", "latin_hypercube"):
        pytest.skip("evenly spread points meet the settings of lists again")
    found = settings(sampler, LISTS, 50, score=some_score)
    assert len(found) == 8
    assert len({repr(sorted(setting.items())) for setting in found}) == 8


def test_no_setting_twice(learner):
    """Though half of the settings are to be tried, and the best ones are few, none is proposed twice."""
    spaces = [{"a": list(range(8)), "b": randint(0, 8)}]
    found = settings(learner, spaces, 32, score=lambda setting: -setting["a"] - setting["b"])
    assert len({(setting["a"], setting["b"]) for setting in found}) == 32


def test_whole_numbers_repeat_when_they_run_out(learner):
    """A distribution over three numbers still gives as many settings as are asked for."""
    assert len(settings(learner, [{"k": randint(0, 3)}], 12)) == 12


def test_all_fits_fail(learner):
    """Where every score is NaN the search goes on to its end."""
    assert len(settings(learner, MIXED, 24, score=lambda setting: math.nan)) == 24


def test_infinite_scores(learner):
    """Infinite scores of either sign are scores."""
    found = settings(
        learner, BOWL, 24, score=lambda setting: math.copysign(math.inf, 0.4 - setting["dropout"])
    )
    assert len(found) == 24


def test_learns_where_fits_fail(learner):
    """Half of the space fails: of the first batch about half of the settings do, of the last two far fewer."""

    def score(setting):
        return math.nan if setting["dropout"] > 0.4 else bowl(setting)

    failed = [
        [math.isnan(score(setting)) for setting in settings(learner, BOWL, 64, seed, score)]
        for seed in range(6)
    ]
    first, last = np.mean([each[:8] for each in failed]), np.mean([each[-16:] for each in failed])
    assert 0.3 < first < 0.7
    assert last < first / 2


def test_finds_better_settings_than_random_ones(learner):
    """On a shifted bowl the median distance to the best score is less than half that of random settings."""
    found, random = (
        np.median([-best(settings(name, BOWL, 64, seed, bowl), bowl) for seed in range(8)])
        for name in (learner, "random")
    )
    assert found < random / 2


def test_finds_the_better_part_and_value(learner):
    """A part that is better, and a value without order that is better, are tried more often in the end."""
    spaces = [{"a": uniform(), "loss": list("abcd")}, {"b": uniform()}]

    def score(setting):
        return -((setting["a"] - 0.3) ** 2) + 0.2 * (setting["loss"] == "c") if "a" in setting else -1.0

    late = [setting for seed in range(6) for setting in settings(learner, spaces, 64, seed, score)[-16:]]
    assert np.mean(["a" in setting for setting in late]) > 0.7
    assert np.mean([setting.get("loss") == "c" for setting in late]) > 0.4


def test_only_the_order_of_scores_counts(learner):
    """Scores of another scale lead to the same settings."""
    plain = settings(learner, BOWL, 32, 5, bowl)
    assert settings(learner, BOWL, 32, 5, lambda setting: 100 * math.exp(bowl(setting)) - 7) == plain


def test_the_order_in_which_numbers_are_listed_does_not_count(learner):
    """Numbers are taken in ascending order, however they are listed."""
    one, other = (
        settings(learner, [{"k": values}], 20, 4, lambda setting: -abs(setting["k"] - 7.0))
        for values in (list(range(40)), [*range(20, 40), *range(20)])
    )
    assert one == other


@pytest.mark.parametrize("name", WITH_QUANTILES)
def test_a_distribution_is_its_quantiles(name):
    """Settings over a log-uniform distribution are the images of those over a uniform one."""
    plain = settings(available(name), [{"x": uniform()}], 32, 2, lambda setting: -abs(setting["x"] - 0.3))
    image = settings(
        name, [{"x": loguniform(1e-3, 1)}], 32, 2, lambda setting: -abs(math.log10(setting["x"]) / 3 + 0.7)
    )
    expected = [1e-3 * 1e3 ** setting["x"] for setting in plain]
    np.testing.assert_allclose([setting["x"] for setting in image], expected, rtol=1e-6)


@pytest.mark.parametrize("name", WITH_QUANTILES)
def test_endless_distributions_give_finite_values(name):
    """The normal distribution has no largest value; what is proposed is finite though larger is better."""
    found = settings(available(name), [{"x": norm()}], 64, score=lambda setting: setting["x"])
    assert all(math.isfinite(setting["x"]) for setting in found)


@pytest.mark.parametrize("name", WITH_QUANTILES)
def test_a_distribution_without_quantiles_is_refused(name):
    """One sentence names the parameter, before anything is tried."""

    class Own:
        def rvs(self, random_state=None):
            return 1

    with pytest.raises(ParameterError, match=r"space\['a'\] has no quantiles"):
        begin_sampling(available(name), [{"b": [1]}, {"a": Own()}], 4, 0)


@pytest.mark.parametrize("name", OPTUNA)
def test_optuna_missing_is_told(name, monkeypatch):
    """Without the extra, one sentence says how to install it."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ParameterError, match=rf"sampler='{name}' needs Optuna: pip install 'gorae\[tune\]'"):
        begin_sampling(name, BOWL, 4, 0)


@pytest.mark.parametrize("name", OPTUNA)
def test_optuna_is_silent_and_stays_as_it_was(name):
    """Nothing is logged, and the user's level of logging is what it was."""
    available(name)
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger("optuna")
    before = logger.level
    logger.addHandler(handler)
    try:
        logger.setLevel(logging.INFO)
        settings(name, MIXED, 24, score=some_score)
        assert logger.level == logging.INFO
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    assert not records


@given(st.lists(st.lists(st.integers(1, 4), max_size=3), min_size=1, max_size=3), st.integers(0, 2**32))
def test_untried_points_are_all_points_once(sizes, seed):
    """Point after point, each place of each part is met just once."""
    spaces = [{f"p{k}": list(range(size)) for k, size in enumerate(part)} for part in sizes]
    every = {
        Point(p, places) for p, part in enumerate(sizes) for places in itertools.product(*map(range, part))
    }
    generator, tried = np.random.default_rng(seed), set()
    for _ in every:
        tried.add(untried_point(spaces, tried, generator))
    assert tried == every


@given(st.floats(0, 1), st.floats(0, 1))
def test_equal_settings_have_equal_coordinates(one, other):
    """Two shares of a distribution of whole numbers become one just where their quantiles are equal."""
    part = {"k": binom(5, 0.3)}
    inside = np.clip([one, other], 2.0**-33, 1 - 2.0**-33)
    same = bool(np.equal(*part["k"].ppf(inside)))
    assert (settled(part, [one]) == settled(part, [other])) is same


def test_search_is_that_of_scikit_learn():
    """The table of a search with TPE is GridSearchCV's for the settings that were tried."""
    available("tpe")
    X, y = (part[::5][:30] for part in load_iris(return_X_y=True))
    X, y = np.concatenate([X, X[::-1] + 0.1]), np.concatenate([y, y[::-1]])
    space = {"n_neighbors": randint(1, 15), "weights": ["uniform", "distance"]}
    ours = SearchCV(KNeighborsClassifier(), space, n_settings=12, sampler="tpe", cv=3, random_state=0).fit(
        X, y
    )
    tried = ours.cv_results_["params"]
    single = [{name: [value] for name, value in setting.items()} for setting in tried]
    theirs = GridSearchCV(KNeighborsClassifier(), single, cv=3).fit(X, y)
    assert len(tried) == 12
    for key, values in theirs.cv_results_.items():
        if not key.endswith("_time"):
            np.testing.assert_array_equal(ours.cv_results_[key], values, err_msg=key)
    assert ours.best_params_ == theirs.best_params_
