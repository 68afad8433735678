"""Was it worth it: the best model against every other one, in score and in cost."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

import gorae
from gorae.evidence import Close
from gorae.report import render_report
from gorae.study.worth import comparison_finding


@pytest.fixture(scope="module")
def study():
    """Return a study of iris with three rungs."""
    X, y = load_iris(return_X_y=True)
    return gorae.Study(models=["bayes", "knn"], hold_out=False, random_state=0).fit(X, y)


def test_every_other_model_is_compared_with_the_best(study):
    """The difference is that of the scores, inside its interval; the best one is not ahead of itself."""
    scores = {row["model"]: row["score"] for row in study.table}
    for row in study.table:
        if row["model"] == study.best_:
            assert row["ahead"] is None
            continue
        ahead = row["ahead"]
        assert ahead["difference"] == pytest.approx(scores[study.best_] - row["score"])
        assert ahead["low"] < ahead["difference"] < ahead["high"]
    assert study.table[0]["ahead"]["verdict"] == "better"


def test_the_report_shows_the_differences(study):
    """The table of the models has a column of what the best one is ahead by."""
    page = render_report(study.findings_)
    assert "best is ahead by" in page
    ahead = study.table[0]["ahead"]
    assert f"{ahead['difference']:.3f} ({ahead['low']:.3f} to {ahead['high']:.3f})" in page


def test_an_ensemble_costs_what_it_builds_on():
    """An ensemble's row counts its further members only; its cost is that of the network too."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    study = gorae.Study(models=["mlp", "ensemble"], hold_out=False, time=5, random_state=0).fit(
        X, (X[:, 0] > 0).astype(int)
    )
    rows = {row["model"]: row for row in study.table}
    wanted = rows["mlp"]["seconds"] + rows["ensemble"]["seconds"]
    assert rows["ensemble"]["cost"] == pytest.approx(wanted, abs=2e-3)
    assert rows["mlp"]["cost"] == rows["mlp"]["seconds"]


def table(**costs):
    """Return a ladder with these costs, each model better than the one before."""
    return [{"model": name, "score": place, "cost": cost} for place, (name, cost) in enumerate(costs.items())]


@pytest.mark.parametrize(
    ("costs", "wanted"),
    [
        ({"chance": 0.0, "knn": 0.5, "mlp": 6.0}, "took 6.0 s, 12 times as long as knn (0.5 s)."),
        ({"chance": 0.0, "knn": 0.01, "mlp": 6.0}, "took 6.0 s, knn less than 0.1 s."),
        ({"chance": 0.0, "knn": 5.0, "mlp": 6.0}, "took 6.0 s, knn 5.0 s."),
    ],
)
def test_cost_in_words(costs, wanted):
    """The cost stands beside that of the next best simpler model."""
    found = comparison_finding(Close(2, 2, None, "mlp is better."), table(**costs), "mlp")
    assert found["cost"].endswith(wanted)


def test_no_cost_beside_chance():
    """Beside chance alone no cost is told: it learns nothing."""
    found = comparison_finding(Close(1, 1, None, "knn is better."), table(chance=0.0, knn=1.0), "knn")
    assert "cost" not in found
