"""`gorae curve`, and what `gorae fit` tells of more data."""

import json

import numpy as np
import pytest

import gorae.study
from cli_cases import run
from study_cases import as_csv, few_fits, people, study_of

assert run
assert few_fits


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A folder with `people.csv`, which commands run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(as_csv(people(120)))
    return tmp_path


def curve(run, *options):
    """Run `gorae curve people.csv --target income` of the cheapest model."""
    return run("curve", "people.csv", "--target", "income", "--model", "bayes", *options)


def test_text(table, run):
    """A line a size, the answer, and the file; the report holds the picture."""
    ran = curve(run, "--sizes", "24,48,96", "--repeats", "2")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["24", "48", "96"]
    assert any("192 instead of 96" in line for line in lines)
    assert lines[-1] == "report: people-curve.html"
    assert "Would more data help?" in (table / "people-curve.html").read_text(encoding="utf-8")


def test_json(table, run):
    """One object with a schema, the same numbers as in Python."""
    ran = curve(run, "--sizes", "0.25,0.5,1.0", "--json", "--quiet", "--report", "c.html")
    found = json.loads(ran.out)
    assert found["schema"] == "gorae.curve/1"
    frame = people(120)
    own = gorae.study.curve_of_data(
        frame.drop(columns="income"), frame["income"], model="bayes", sizes=[0.25, 0.5, 1.0]
    )
    assert found["sizes"] == own.curve.sizes.tolist()
    np.testing.assert_allclose([row["score"] for row in found["scores"]], own.curve.band[:, 0])
    assert found["sentence"] == own.curve.sentence
    assert found["report_file"] == "c.html"


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--sizes", "a,b"], 2, "are no sizes"),
        (["--sizes", "10,20,5000"], 1, "sizes must be at most 96"),
        (["--folds", "1"], 2, "Invalid value for '--folds'"),
        (["--scoring", "acuracy"], 1, "Did you mean 'accuracy'"),
        (["--report", "nowhere/at/all.html", "--sizes", "1,2"], 1, "at least 3 numbers"),
    ],
)
def test_what_is_refused(table, run, options, code, told):
    """Usage errors exit with 2, others with 1, each in one sentence."""
    ran = curve(run, *options)
    assert ran.code == code
    assert told in ran.err


def test_a_report_is_not_overwritten(table, run):
    """An existing report is refused before anything is fitted."""
    (table / "people-curve.html").write_text("mine")
    ran = curve(run)
    assert ran.code == 1
    assert "exists already; give --force to replace it, or another --report." in ran.err
    assert (table / "people-curve.html").read_text() == "mine"


def test_bayes_needs_classes(table, run):
    """A model that tells classes is refused for a number."""
    ran = run("curve", "diabetes", "--model", "bayes")
    assert ran.code == 1
    assert "needs classes" in ran.err


def test_fit_tells_of_more_data(table, run, few_fits):
    """The sentence stands in the summary, in the JSON object and in the report."""
    ran = run("fit", "people.csv", "--target", "income", "--models", "bayes", "--json")
    found = json.loads(ran.out)["growth"]
    assert found["model"] == "bayes"
    assert found["sizes"][-1] == 76
    page = (table / "people.html").read_text(encoding="utf-8")
    assert "Would more data help?" in page
    again = run("fit", "people.csv", "--target", "income", "--models", "bayes", "--force")
    assert found["sentence"] in again.out


def test_an_ensemble_is_measured_by_one_of_its_networks_and_tells_its_doubt():
    """The curve of an ensemble is that of a single network, and says so; its doubt names rows of the data."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    y = (X[:, 0] + rng.normal(size=90) > 0).astype(int)
    study = study_of(X, y, models=["ensemble"], row_numbers=np.arange(90) + 1000)
    assert study.findings_["growth"]["model"] == "a single network of the ensemble"
    unsure = study.findings_["doubt"]
    assert unsure["members"] == 2
    assert all(row["row"] >= 1000 for row in unsure["rows"])
    assert 0 <= unsure["epistemic"][0] <= unsure["total"][0]


def test_a_short_time_leaves_no_curve(monkeypatch):
    """Where a tenth of the time does not suffice, there is no curve, and no section."""
    module = gorae.study.growth
    monkeypatch.setattr(module, "_SHARE", 0.0)
    study = study_of(*(people().drop(columns="income"), people()["income"]), models=["bayes"])
    assert study.findings_["growth"] is None
