"""Searches over hidden widths: few programs, and bitwise the same table in whichever parts they are run."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from gorae import MLPClassifier, SearchCV
from gorae.backend import clear_programs
from gorae.backend.compile import _programs
from gorae.estimators.width_plan import plan_widths
from gorae.search import populations
from gorae.search.evaluation import begin_race
from gorae.search.journal import Journal
from gorae.search.populations import NetworkRace
from gorae.search.scattered import RemoteRace
from test_search_scattered import Here, Processes, assert_same_table, on

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = tuple(part[:120] for part in load_breast_cancer(return_X_y=True))
MODEL = MLPClassifier(activation="leaky_relu", epochs=6, batch_size=32, learning_rate=0.01, random_state=0)
"""With an activation that NumPy does not train with: these networks are compiled."""
TOLD = clone(MODEL).set_params(dropout=0.2, normalization="layer", activation="sigmoid")
WIDTHS = [(int(width),) for width in np.random.default_rng(3).choice(np.arange(4, 60), 12, False)]
SPACE = {"hidden": WIDTHS, "learning_rate": loguniform(1e-3, 0.1)}


def search(estimator=MODEL, **changes):
    """Eight settings in two splits, by accuracy and log-loss, which has every digit."""
    options = {"n_settings": 8, "cv": 2, "random_state": 1, "refit": "neg_log_loss"}
    options |= {"scoring": ["accuracy", "neg_log_loss"]} | changes
    return SearchCV(clone(estimator), options.pop("space", SPACE), **options)


def programs():
    """How many programs of each kind this process holds: that draw, train and answer."""
    kinds = [key[0] for key, *_ in _programs]
    return {kind: kinds.count(kind) for kind in ("draw", "train", "outputs")}


def race_of(asked, settings, race=NetworkRace):
    """The race of some settings of a search."""
    trials = asked._trials(*CANCER, asked._get_routed_params_for_fit({}), asked._get_scorers()[0], 0)
    return race(asked.estimator, settings, trials)


def assert_same_search(ours, theirs):
    """Tables and final fits are equal bit by bit."""
    assert_same_table(ours, theirs)
    answers = [one.best_estimator_.predict_proba(CANCER[0]) for one in (ours, theirs)]
    np.testing.assert_array_equal(*answers)


def test_twelve_widths_are_one_program_and_so_is_the_final_fit():
    """One program draws, one trains and one answers, where there were twelve of each."""
    clear_programs()
    found = search(space={"hidden": WIDTHS}, sampler="grid").fit(*CANCER)
    assert programs() == {"draw": 1, "train": 1, "outputs": 1}
    best = found.best_estimator_
    assert best._members[0].parameters.head.weight.shape == (*found.best_params_["hidden"], 2)
    alone = clone(best).fit(*CANCER)
    np.testing.assert_allclose(
        best.predict_proba(CANCER[0]), alone.predict_proba(CANCER[0]), rtol=0, atol=1e-5
    )


def test_networks_that_are_told_their_width_share_one_program_too():
    """With dropout and layer normalisation, which count units."""
    clear_programs()
    search(TOLD, space={"hidden": WIDTHS}, sampler="grid", refit=False).fit(*CANCER)
    assert programs() == {"draw": 1, "train": 1, "outputs": 1}


@pytest.mark.parametrize("changes", [{"sampler": "evolution"}, {"halving": "hyperband"}], ids=str)
def test_later_batches_find_the_programs_of_the_first(changes):
    """Generations, and brackets, of a search whose widths are planned for once."""
    clear_programs()
    search(space={"hidden": WIDTHS}, n_settings=12, refit=False, **changes).fit(*CANCER)
    assert programs() == {"draw": 1, "train": 1, "outputs": 1}


def test_scores_are_those_of_each_width_alone():
    """A search over one width, which is trained in a program of its own, scores it the same up to rounding."""
    found = search(space={"hidden": WIDTHS[:3]}, sampler="grid").fit(*CANCER)
    alone = search(space={"hidden": WIDTHS[:1]}, sampler="grid").fit(*CANCER)
    ours, theirs = (each.cv_results_["mean_test_neg_log_loss"][0] for each in (found, alone))
    assert ours == pytest.approx(theirs, rel=1e-4)


PIPELINE = make_pipeline(StandardScaler(), clone(MODEL).set_params(scale=None))
BEHIND = {f"mlpclassifier__{name}": values for name, values in SPACE.items()}
SCALED = {"standardscaler__with_mean": [True, False]}
LATER = {"sampler": "evolution", "n_settings": 12}


@pytest.fixture
def plans(monkeypatch):
    """The columns of the networks of each plan that is made."""
    made = []

    def planned(ready):
        ready = list(ready)
        made.append(ready[0].recipe.problem.build.shape.inputs)
        return plan_widths(ready)

    monkeypatch.setattr(populations, "plan_widths", planned)
    return made


@pytest.mark.parametrize(
    ("space", "changes"),
    [
        ({}, LATER),
        ({}, {"halving": "hyperband", "n_settings": 9}),
        (SCALED, {}),
        (SCALED, LATER),
        ({"standardscaler": [StandardScaler(), MinMaxScaler()]}, LATER),
    ],
    ids=["generations", "brackets", "scalings", "scalings and generations", "scalers and generations"],
)
def test_a_pipeline_is_planned_once(space, changes, plans):
    """Batches, and transformers that keep the columns, share one plan and one program of each kind."""
    clear_programs()
    widths = {"mlpclassifier__hidden": WIDTHS}
    search(PIPELINE, space=widths | space, refit=False, scoring="accuracy", **changes).fit(*CANCER)

    assert programs() == {"draw": 1, "train": 1, "outputs": 1}
    assert plans == [30]


def test_transformers_that_change_the_columns_are_planned_for_apart(plans):
    """Networks over 5 and over 6 columns have a plan each, in all generations."""
    pipeline = make_pipeline(StandardScaler(), PCA(), clone(MODEL).set_params(scale=None))
    space = {"mlpclassifier__hidden": WIDTHS, "pca__n_components": [5, 6]}
    clear_programs()
    search(pipeline, space=space, refit=False, scoring="accuracy", **LATER).fit(*CANCER)

    assert sorted(plans) == [5, 6]
    assert programs() == {"draw": 2, "train": 2, "outputs": 2}


@pytest.mark.parametrize(
    "asked",
    [
        search(),
        search(halving=2),
        search(sampler="evolution", n_settings=12),
        search(PIPELINE, space=BEHIND),
        search(PIPELINE, space=BEHIND | SCALED, **LATER),
    ],
    ids=["plain", "halving", "evolution", "pipeline", "scalings and generations"],
)
def test_on_a_cluster_the_table_is_the_same(asked):
    """Workers are told what settings share, of which each has only some."""
    with on(Here):
        found = clone(asked).fit(*CANCER)
    assert_same_search(found, clone(asked).fit(*CANCER))


def test_in_other_processes_the_table_is_the_same():
    """What settings share can be sent."""
    with on(Processes):
        found = search().fit(*CANCER)
    assert_same_search(found, search().fit(*CANCER))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"halving": 2, "estimator": TOLD},
        LATER,
        {"estimator": PIPELINE, "space": BEHIND | SCALED, **LATER},
    ],
    ids=["parts", "halving", "evolution", "pipeline"],
)
def test_cut_off_and_gone_on_with_the_table_is_the_same(changes, tmp_path, monkeypatch):
    """After a part of four settings, or a rung, the others still share what all of them share."""
    monkeypatch.setattr(populations, "MOST_A_PART", 4)
    keep = Journal.keep

    def cut_off(*arguments):
        keep(*arguments)
        raise InterruptedError

    journaled = search(resume=tmp_path / "s.db", **changes)
    monkeypatch.setattr(Journal, "keep", cut_off)
    with pytest.raises(InterruptedError):
        clone(journaled).fit(*CANCER)
    monkeypatch.setattr(Journal, "keep", keep)
    found = clone(journaled).fit(*CANCER)
    assert_same_search(found, search(**changes).fit(*CANCER))
    assert_same_search(clone(journaled).fit(*CANCER), found)  # all of it is known, the final fit is not


def test_what_is_shared_is_decided_over_all_settings():
    """A cheap race of some settings shares what the whole one does, though alone it would share other widths."""
    settings = [{"hidden": (width,)} for width in (5, 7, 30)]
    whole = race_of(search(), settings, RemoteRace)
    wider = whole._wider([0, 1])
    assert {one.build.shape.hidden for one in wider.values()} == {(30,)}
    part = race_of(search(), settings[:2])
    assert part._together.ready[0].recipe.within == [7]


def test_memory_is_planned_for_the_program_that_trains():
    """A narrow network takes as much as the wide one whose program it is trained in."""
    race = race_of(search(), [{"hidden": (4,)}, {"hidden": (50,)}])
    alone = race_of(search(), [{"hidden": (4,)}])
    assert race._bytes(0) == race._bytes(2) > alone._bytes(0)


def test_what_a_race_keeps_is_of_its_own_width():
    """Arrays for a file have the shapes of the networks that were asked for."""
    asked = search()
    trials = asked._trials(*CANCER, asked._get_routed_params_for_fit({}), asked._get_scorers()[0], 0)
    race = begin_race(asked.estimator, [{"hidden": (4,)}, {"hidden": (50,)}], trials)
    race.run([0, 1], 2, lambda share: False)
    shapes = [{array.shape for array in race.states([place]).values()} for place in (0, 1)]
    assert {(30, 4), (4, 2)} <= shapes[0]
    assert {(30, 50), (50, 2)} <= shapes[1]
    assert not shapes[0] & {(30, 50), (50, 2)}
