"""`gorae search`: what it prints, keeps, writes and refuses; and the files that spaces are read from."""

import importlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import gorae
from cli_cases import run
from gorae.errors import BudgetError
from gorae.search import populations
from gorae.study.space_files import default_space, read_space
from study_cases import as_csv, people

assert run

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NEIGHBOURS = "n_neighbors = [1, 3, 5]\nweights = ['uniform']\n"
LINEAR = "epochs = [3]\nbatch_size = [64]\nlearning_rate = { low = 1e-4, high = 1e-1, log = true }\n"


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A folder with `people.csv` and two spaces, which commands are run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(as_csv(people()))
    (tmp_path / "near.toml").write_text(NEIGHBOURS)
    (tmp_path / "linear.toml").write_text(LINEAR)
    return tmp_path


def search(run, *options, model="knn", space="near.toml"):
    """Search in three folds."""
    given = ("--model", model, "--space", space, "--folds", "3", "--settings", "4")
    return run("search", "people.csv", "--target", "income", *given, *options)


def test_text(table, run):
    """The settings best first with intervals, the test score and the files; the plan on standard error."""
    ran = search(run)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].split()[:4] == ["accuracy", "95", "%", "interval"]
    assert set(lines[0].split()[4:]) == {"n_neighbors", "weights"}
    scores = [float(line.split()[0]) for line in lines[1:4]]
    assert scores == sorted(scores, reverse=True)
    assert "3 settings x 3 splits" in lines
    assert "The best of many scores is too good; --nested tells by how much." in lines
    assert any(line.startswith("knn on 12 test rows that nothing else touched: accuracy ") for line in lines)
    assert lines[-1].split() == [
        *("model:", "people-search.gorae", "report:", "people-search.html"),
        *("search:", "people-search.db"),
    ]
    assert "at most 4 settings of knn (random), 3 folds of 48 rows; at most 600 s" in ran.err


def test_test_rows_that_were_learned_from_are_told(table, run):
    """Given the same file as a test, it says that its rows were learned from, in the text and in the report."""
    ran = search(run, "--test", "people.csv")
    assert "knn on 60 test rows of which 60 were learned from too: accuracy " in ran.out
    assert " the simpler " not in ran.out
    assert "of which 60 were learned from too" in (table / "people-search.html").read_text("utf-8")


def test_a_population_tells_its_schedule(table, run):
    """The report names parameters as the space does, not as the steps of a pipeline."""
    (table / "linear.toml").write_text("learning_rate = { low = 1e-3, high = 1e-1, log = true }\n")
    ran = search(run, "--sampler", "pbt", model="linear", space="linear.toml")
    assert ran.code == 0, ran.err
    assert "model__" not in (table / "people-search.html").read_text("utf-8")


def test_the_model_answers(table, run):
    """The file that is written predicts, explains and tells what it is."""
    search(run)
    assert run("predict", "people-search.gorae", "people.csv").out.count("\n") == 61
    assert "best of the ladder" not in run("info", "people-search.gorae").out
    assert "knn: the best of 3 settings" in run("info", "people-search.gorae").out
    assert run("explain", "people-search.gorae", "people.csv", "--row", "0").code == 0
    assert "<!DOCTYPE html>" in (table / "people-search.html").read_text("utf-8")
    assert gorae.load("people-search.gorae").name == "knn"


def test_the_model_knows_what_it_does_not_know(table, run):
    """The model of a search flags rows unlike all that it has seen, as that of a fit does."""
    assert search(run).code == 0
    model = gorae.load("people-search.gorae")
    assert model.facts["caution"]["detector"] == model.panel.detector
    rows = people().drop(columns="income")
    assert model.known_share(rows).mean() > 0.3
    assert model.predict_set(rows, 0.8).shape == (len(rows), 3)


def test_ctrl_c_after_the_search_costs_the_caution_only(table, run, monkeypatch):
    """Whoever interrupts when the search is done keeps its model, and is told what it lacks."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("gorae.study.searching.fit_carefully", interrupted)
    ran = search(run)
    assert ran.code == 0
    assert "has not learned what is unknown" in ran.err
    assert gorae.load("people-search.gorae").panel is None


def test_json(table, run):
    """One object with the best setting, all of them, the nested score and the files."""
    ran = search(run, "--json", "--nested", "--quiet")
    assert ran.err == ""
    found = json.loads(ran.out)
    assert found["schema"] == "gorae.search/1"
    assert found["best"] in found["ranking"]
    assert len(found["ranking"]) == found["settings"] == 3
    assert found["nested"]["low"] <= found["nested"]["score"] <= found["nested"]["high"]
    optimism = found["best"]["score"] - found["nested"]["score"]
    assert found["nested"]["optimism"] == pytest.approx(optimism, abs=1e-12)
    assert found["test"]["rows"] == 12
    assert found["search_file"] == "people-search.db"
    simpler = found["simpler"]
    assert [row["model"] for row in simpler["rows"]] == ["chance", "bayes", "knn"]
    *below, own = simpler["rows"]
    assert own["score"] == found["test"]["score"]
    assert own["ahead"] is None
    for row in below:
        assert row["ahead"]["difference"] == pytest.approx(own["score"] - row["score"])
        assert row["ahead"]["low"] < row["ahead"]["high"]
        assert row["seconds"] > 0


def test_it_says_whether_the_search_was_worth_it(table, run, monkeypatch):
    """The found model stands beside simpler ones in the text and in the report; Ctrl-C there costs only that."""
    ran = search(run)
    assert any(line.startswith(("knn is ", "knn scores best")) for line in ran.out.splitlines())
    page = (table / "people-search.html").read_text("utf-8")
    assert "Was it worth it?" in page
    assert "knn (found)" in re.sub("<[^>]*>", "", page)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("gorae.study.simpler._simpler", interrupted)
    ran = search(run, "--force")
    assert ran.code == 0
    assert "was not compared with simpler ones" in ran.err
    assert "Was it worth it?" not in (table / "people-search.html").read_text("utf-8")


def test_what_it_is_compared_with_may_fail(table, run, monkeypatch):
    """The found model is written all the same; the simpler one that failed is told and left out."""
    simpler = importlib.import_module("gorae.study.simpler")
    whole = simpler._simpler

    def failing(name, *given):
        if name == "bayes":
            raise BudgetError("no setting was finished within the budget.")
        return whole(name, *given)

    monkeypatch.setattr(simpler, "_simpler", failing)
    ran = search(run, "--json")
    assert ran.code == 0
    assert [row["model"] for row in json.loads(ran.out)["simpler"]["rows"]] == ["chance", "knn"]
    assert "not compared with bayes: no setting was finished" in ran.err
    assert (table / "people-search.gorae").exists()


def test_networks_with_halving_and_resume(table, run):
    """Epochs are shown where settings are halved; a search that is whole goes on with nothing left to do."""
    (table / "linear.toml").write_text("learning_rate = [0.001, 0.01, 0.1]\nbatch_size = [64]\n")
    first = search(run, "--halving", "3", "--json", model="linear", space="linear.toml")
    assert first.code == 0, first.err
    found = json.loads(first.out)
    assert [row["epochs"] for row in found["ranking"]] == [100, 33, 33]
    again = search(
        run,
        "--halving",
        "3",
        "--json",
        "--resume",
        "people-search.db",
        "--force",
        model="linear",
        space="linear.toml",
    )
    assert json.loads(again.out)["ranking"] == found["ranking"]


def test_nothing_is_lost(table, run):
    """A search that is there is not begun anew without --force, nor removed where it is no search."""
    search(run)
    (table / "people-search.gorae").unlink()
    (table / "people-search.html").unlink()
    ran = search(run)
    assert ran.code == 1
    assert ran.err == (
        "gorae: 'people-search.db' holds a search already; go on with it by --resume 'people-search.db', or give "
        "--force to begin anew.\n"
    )
    assert search(run, "--force").code == 0
    (table / "people-search.db").write_text("my notes, which are long enough to look like a data base" * 20)
    ran = search(run, "--force")
    assert (ran.code, "no journal of a search" in ran.err) == (1, True)
    assert (table / "people-search.db").read_text().startswith("my notes")


def test_a_mistake_does_not_cost_the_older_search(table, run):
    """With --force the older search is there until the new one has begun."""
    search(run)
    before = (table / "people-search.db").read_bytes()
    for mistake in (("--scoring", "nothing"), ("--target", "incom"), ("--space", "missing.toml")):
        assert search(run, "--force", *mistake).code == 1
        assert (table / "people-search.db").read_bytes() == before
    assert search(run, "--force").code == 0
    assert not (table / "people-search.db.old").exists()
    assert oct((table / "people-search.db").stat().st_mode)[-3:] == "600"


def test_only_a_search_can_be_resumed(table, run):
    """A mistyped file is told, and nothing is begun."""
    ran = search(run, "--resume", "peple-search.db")
    assert (ran.code, "no search to resume in 'peple-search.db'" in ran.err) == (1, True)
    assert not (table / "peple-search.db").exists()


def test_ctrl_c_writes_what_is_finished(table, run, monkeypatch):
    """The best of what is finished is written and told, with exit code 130."""
    monkeypatch.setattr(
        populations.NetworkRace,
        "run",
        lambda self, which, until, tell, inner=populations.NetworkRace.run: [
            *inner(self, list(which)[:2], until, tell),
            *[None] * (len(which) - 2),
        ],
    )
    ran = search(run, model="linear", space="linear.toml")
    assert ran.code == 130
    assert "best of the 2 settings that were finished" in ran.err
    assert "2 settings x 3 splits; ended before its plan (interrupted)" in ran.out
    assert (table / "people-search.gorae").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_search_goes_on(table, run, monkeypatch):
    """Killed after a part was written, --resume ends with the table of a search that was not killed."""
    dying = (
        "import os, signal\nfrom gorae.search import populations\nfrom gorae.search.journal import Journal\n"
        "from gorae.cli import main\npopulations.MOST_A_PART = 2\n"
        "keep = Journal.keep\n"
        "def last(*a):\n    keep(*a)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Journal.keep = last\nmain()\n"
    )
    given = ["search", "people.csv", "--target", "income", "--model", "linear", "--space", "linear.toml"]
    given += ["--folds", "2", "--settings", "5", "--json", "--quiet"]
    killed = subprocess.run([sys.executable, "-c", dying, *given], timeout=200, check=False)
    assert killed.returncode == -signal.SIGKILL
    with closing(sqlite3.connect("people-search.db")) as connection:
        assert connection.execute("SELECT count(*) FROM fit").fetchone() == (4,)
    monkeypatch.setattr(populations, "MOST_A_PART", 2)
    after, whole = run(*given, "--resume", "people-search.db"), run(*given, "--out", "whole")
    assert after.code == 0, after.err
    assert len(json.loads(after.out)["ranking"]) == 5
    assert json.loads(after.out)["ranking"] == json.loads(whole.out)["ranking"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("learning_rat = [1.0]\n", "did you mean|does not have"),
        ("n_neighbors = 3\n", "must be a list of values or a range"),
        ("n_neighbors = { low = 1, hihg = 3 }\n", "Did you mean 'high'"),
        ("n_neighbors = { low = 3, high = 1 }\n", "must have low < high"),
        ("n_neighbors = { low = 0, high = 1, log = true }\n", "both above 0 with log"),
        ("n_neighbors = { low = 1, high = 2.5, integer = true }\n", "whole numbers"),
        ("n_neighbors = { low = 1 }\n", "needs numbers low and high"),
        ("n_neighbors = [1]\n[[part]]\nweights = ['uniform']\n", r"tables \[\[part\]\] alone"),
        ("", "names no parameter"),
        ("not toml", "is no TOML file"),
        (
            "n_neighbors = { low = 1, high = 99999999999999999999999, integer = true }\n",
            "must end at numbers up to",
        ),
        ("n_neighbors = { low = 1e-3, high = inf }\n", "must end at numbers up to"),
    ],
)
def test_mistakes_in_a_space(table, run, text, told):
    """Each is one sentence, before anything is trained or written."""
    (table / "near.toml").write_text(text)
    ran = search(run)
    assert ran.code == 1
    assert len(ran.err.splitlines()) <= 3
    assert re.search(told, ran.err)
    assert not (table / "people-search.gorae").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--halving", "1"), "no factor of at least 1.1"),
        (("--settings", "0"), "0 is not in the range"),
        (("--space", "missing.toml"), "could not be read"),
        (("--scoring", "acuracy"), "acuracy"),
    ],
)
def test_mistakes_in_options(table, run, options, told):
    """Each is told on standard error, with exit code 1 or 2."""
    ran = search(run, *options)
    assert ran.code in (1, 2)
    assert told in ran.err


def test_a_space_in_a_file(tmp_path):
    """Lists in lists are tuples, "none" is None, ranges are distributions with both ends."""
    path = tmp_path / "space.toml"
    path.write_text(
        'hidden = [[64], [128, 64]]\nnormalization = ["none", "batch"]\n'
        "learning_rate = { low = 1e-4, high = 1e-1, log = true }\ndropout = { low = 0.1, high = 0.5 }\n"
        "patience = { low = 2, high = 4, integer = true }\n"
    )
    space = read_space(path)
    assert space["hidden"] == [(64,), (128, 64)]
    assert space["normalization"] == [None, "batch"]
    assert space["learning_rate"].support() == pytest.approx((1e-4, 1e-1))
    assert space["dropout"].support() == pytest.approx((0.1, 0.5))
    assert set(space["patience"].rvs(200, random_state=0)) == {2, 3, 4}
    path.write_text("[[part]]\noptimizer = ['sgd']\n[[part]]\noptimizer = ['adam']\nl1 = [0.1]\n")
    assert read_space(path) == [{"optimizer": ["sgd"]}, {"optimizer": ["adam"], "l1": [0.1]}]


@pytest.mark.parametrize("rows", [10, 5000])
def test_spaces_of_models_are_theirs(rows):
    """Every model's own space names parameters that it has, and neighbours that there are."""
    homes = {
        "bayes": gorae.GaussianBayes,
        "knn": gorae.KNeighborsClassifier,
        "linear": gorae.LinearClassifier,
        "mlp": gorae.MLPClassifier,
    }
    for model, home in homes.items():
        assert set(default_space(model, rows)) <= set(home().get_params())
    assert max(default_space("knn", rows)["n_neighbors"]) <= max(1, rows // 10)


def test_bytes_and_missing_values(tmp_path, monkeypatch, run):
    """Regression on a table with gaps: filled in each split by its training rows."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(60, 2))
    y = rows @ [1.0, -2.0]
    lines = ["a,b,y"] + [
        f"{'' if i % 7 == 0 else a},{b},{t}" for i, ((a, b), t) in enumerate(zip(rows, y, strict=True))
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "s.toml").write_text("n_neighbors = [1, 3]\n")
    monkeypatch.chdir(tmp_path)
    ran = run(
        "search", "t.csv", "--target", "y", "--model", "knn", "--space", "s.toml", "--folds", "3", "--json"
    )
    found = json.loads(ran.out)
    assert found["metric"] == "r2"
    assert found["best"]["score"] > 0.3
    assert Path("t-search.html").exists()
    assert run("search", "t.csv", "--target", "y", "--model", "bayes", "--out", "b").code == 1
