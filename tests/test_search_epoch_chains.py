"""Searches over epochs: one training passes through all of them, and each is what it is alone."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from gorae import CNNClassifier, ConvPart, LinearClassifier, MLPClassifier, SearchCV
from gorae.search import populations

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = tuple(part[:150] for part in load_breast_cancer(return_X_y=True))
SPACE = {"epochs": [2, 3, 7], "hidden": [(3,), (5,)], "learning_rate": [0.01, 0.03]}
MODEL = MLPClassifier(batch_size=16, random_state=4)


def searched(model=MODEL, space=SPACE, **options):
    """A grid in two splits, scored by what has every digit."""
    options = {"sampler": "grid", "cv": 2, "scoring": "neg_log_loss", "random_state": 0, **options}
    return SearchCV(clone(model), space, **options).fit(*CANCER)


def scores(search):
    """The scores of all splits by what was tried."""
    table = search.cv_results_
    rows = np.column_stack([table["split0_test_score"], table["split1_test_score"]])
    return {str(params): row.tolist() for params, row in zip(table["params"], rows, strict=True)}


@pytest.fixture
def trained(monkeypatch):
    """How many fits each training was of, and until which epoch."""
    calls = []
    original = populations.train_together

    def counting(together, which=None, *, until=None, progress=None):
        calls.append((len(which), until))
        return original(together, which, until=until, progress=progress)

    monkeypatch.setattr(populations, "train_together", counting)
    return calls


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"early_stopping": True, "patience": 1},
        {"tol": 0.2, "patience": 1},
        {"members": 2},
        {"activation": "gelu"},
    ],
    ids=str,
)
def test_each_is_bitwise_what_it_is_alone(changes):
    """By NumPy and compiled, though some stop before they come to a pause."""
    model = clone(MODEL).set_params(**changes)
    apart: dict = {}
    for epochs in SPACE["epochs"]:
        apart |= scores(searched(model, {**SPACE, "epochs": [epochs]}))
    assert scores(searched(model)) == apart


def test_one_training_passes_through_all(trained):
    """Four settings in two splits train, and pause at 2 and at 3 epochs; the other eight only read them."""
    search = searched()
    assert trained == [(8, 2), (8, 3), (8, None)]
    assert len(search.cv_results_["params"]) == 12
    best = clone(MODEL).set_params(**search.best_params_).fit(*CANCER)
    np.testing.assert_array_equal(best.predict_proba(CANCER[0]), search.predict_proba(CANCER[0]))


def test_epochs_in_the_schedule_are_trained_apart(trained):
    """Where the learning rate depends on the epochs that are planned, nobody passes through another."""
    searched(clone(MODEL).set_params(schedule="cosine"))
    assert trained == [(24, None)]


def test_those_that_differ_in_more_are_trained_apart(trained):
    """In widths, seeds, weights of classes, or smoothing."""
    for space in ({"hidden": [(3,), (4,)]}, {"random_state": [0, 1]}, {"class_weight": [None, "balanced"]}):
        trained.clear()
        search = searched(space={"epochs": [2, 3], **space})
        assert trained == [(4, 2), (4, None)]
        assert len({tuple(row) for row in scores(search).values()}) == 4


def test_each_is_charged_its_own_epochs():
    """Also where another's training passes through them: a cost does not depend on who else is tried."""
    asked = SearchCV(clone(MODEL), SPACE, cv=2)
    trials = asked._trials(*CANCER, asked._get_routed_params_for_fit({}), asked._get_scorers()[0], 0)
    race = populations.NetworkRace(asked.estimator, [{"epochs": epochs} for epochs in (3, 7, 2)], trials)
    entries = race.run([0, 1, 2], None, lambda share: False)
    assert [[entry["cost"][0] for entry in own] for own in entries] == [[3, 3], [7, 7], [2, 2]]


def test_epochs_that_depend_on_the_rows_are_trained_apart():
    """As "auto": 40 epochs of one split here and 32 of the other, and each has the network of its own."""
    X = np.random.default_rng(0).normal(size=(200, 4, 4, 1)).astype(np.float32)
    y = (X.mean(axis=(1, 2, 3)) > 0).astype(int)
    splits = [(np.arange(50), np.arange(100, 150)), (np.arange(64), np.arange(150, 200))]
    model = CNNClassifier((ConvPart(2),), batch_size=2, random_state=0)
    options = {"sampler": "grid", "cv": splits, "scoring": "neg_log_loss", "refit": False}
    found = [
        SearchCV(clone(model), {"epochs": epochs}, **options).fit(X, y).cv_results_
        for epochs in (["auto"], ["auto", 36, 41])
    ]
    for split in ("split0_test_score", "split1_test_score"):
        assert found[0][split][0] == found[1][split][0]


def test_linear_models_too(trained):
    """Any network that trains by epochs."""
    searched(LinearClassifier(batch_size=16, random_state=0), {"epochs": [2, 5], "weight_decay": [0, 0.1]})
    assert trained == [(4, 2), (4, None)]


def test_cut_off_and_gone_on_with_the_table_is_the_same(tmp_path):
    """A search of fewer epochs than asked, resumed, has bitwise the table of one that was never cut off."""
    whole = searched()
    cut = searched(resume=tmp_path / "kept", budget={"fits": 10})
    assert cut.ended_ == "budget"
    assert scores(searched(resume=tmp_path / "kept")) == scores(whole)
