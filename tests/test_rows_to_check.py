"""What a study says of its own rows: wrong labels, rows there twice, leaks."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_iris

import gorae
from gorae.cli import gorae_command
from gorae.report import render_report

WRONG = [3, 60, 120]


def planted():
    """Return iris with three wrong labels and two rows that are there twice."""
    X, y = load_iris(return_X_y=True)
    y = y.copy()
    y[WRONG] = [2, 0, 0]
    twins = [10, 70]
    return np.concatenate([X, X[twins]]), np.concatenate([y, y[twins]])


@pytest.fixture(scope="module")
def study():
    """Return a study of iris with planted faults."""
    X, y = planted()
    return gorae.Study(models=["bayes", "knn"], hold_out=False, random_state=0).fit(X, y)


def test_planted_labels_are_ranked_first(study):
    """The wrong labels come first in the ranking, each with the class that was taken from it."""
    first = list(study.check_.audit.ranking(3))
    assert {row["row"] for row in first} == set(WRONG)
    assert {row["row"]: row["suggested"] for row in first} == {3: 0, 60: 1, 120: 2}
    assert set(WRONG) <= set(study.check_.audit.wrong_rows)


def test_planted_twins_are_found(study):
    """Both rows that stand there twice are found, by their numbers."""
    pairs = [[row for row, _ in group] for group in study.check_.twins.groups]
    assert [10, 150] in pairs
    assert [70, 151] in pairs


def test_the_report_and_the_figures_tell(study):
    """Report, sentences and plain values all tell what was found."""
    page, plain = render_report(study.findings_), study.check_.to_dict()
    assert 'id="check"' in page
    assert "Equal rows" in page
    assert any("more probably wrong than right" in sentence for sentence in study.check_.sentences)
    assert plain["duplicates"]["repeated"] == study.check_.twins.repeated >= 2
    assert json.loads(json.dumps(plain))["labels"]["wrong_rows"] == study.check_.audit.wrong_rows.tolist()


def test_no_row_is_judged_by_a_model_that_learned_from_it(study):
    """What labels are judged by are the out-of-fold answers: a wrong label does not speak for itself."""
    audit = study.check_.audit
    assert audit.found.probabilities.shape == (152, 3)
    at = {int(number): place for place, number in enumerate(audit.numbers)}
    for row in WRONG:
        own = audit.found.probabilities[at[row], audit.found.labels[at[row]]]
        assert own < 0.5


def test_a_leak_stands_above_the_report():
    """A column that gives the answer is a warning at the top of the report: its score is worth nothing."""
    _, y = load_iris(return_X_y=True)
    noise = np.random.default_rng(0).normal(size=(150, 3))
    leaking = np.column_stack([noise, y * 10.0 + 1.0])
    found = gorae.Study(models=["bayes"], random_state=0).fit(
        leaking, y, feature_names=["a", "b", "c", "diagnosis"]
    )
    assert any("'diagnosis'" in sentence for sentence in found.findings_["warnings"])
    assert "Perhaps a leak" in render_report(found.findings_)
    assert found.check_ is not None
    assert any("'diagnosis'" in sentence for sentence in found.check_.sentences)


def test_labels_that_mean_nothing_are_not_judged():
    """Where no model beats chance no label is called wrong, and the reason is told."""
    rng = np.random.default_rng(3)
    found = gorae.Study(models=["bayes"], hold_out=False, random_state=0).fit(
        rng.normal(size=(60, 3)), rng.permutation(np.repeat([0, 1, 2], 20))
    )
    assert found.check_ is not None
    assert found.check_.audit is None
    assert found.check_.unjudged is not None
    assert "cannot be judged" in found.check_.unjudged
    assert found.check_.to_dict()["labels"] is None
    assert "cannot be judged" in render_report(found.findings_)


def test_values_are_not_checked():
    """A regression has no labels to check."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    found = gorae.Study(models=["knn"], random_state=0).fit(X, X[:, 0] + rng.normal(size=40) / 10)
    assert found.check_ is None
    assert 'id="check"' not in render_report(found.findings_)


def test_a_study_without_time_does_not_look():
    """Looking for faults takes at most a tenth of the time that a study has."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 200)), np.arange(400) % 2
    found = gorae.Study(models=["knn"], time=0.1, hold_out=False, random_state=0).fit(X + y[:, None], y)
    assert found.check_ is None
    assert found.findings_["warnings"] == []


def test_the_command_line_tells_what_to_check(tmp_path):
    """`gorae fit` prints what to check."""
    X, y = planted()
    lines = [
        "a,b,c,d,kind",
        *(",".join([*(f"{v}" for v in row), f"k{k}"]) for row, k in zip(X, y, strict=True)),
    ]
    (tmp_path / "iris.csv").write_text("\n".join(lines) + "\n")
    asked = [
        "fit",
        str(tmp_path / "iris.csv"),
        "--target",
        "kind",
        "--models",
        "bayes",
        "--out",
        str(tmp_path),
    ]
    told = CliRunner().invoke(gorae_command, asked)
    assert told.exit_code == 0, told.output
    assert "check: " in told.stdout
