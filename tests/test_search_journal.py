"""The journal: a search that was killed goes on to bitwise the same table."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from gorae import KNeighborsClassifier, LinearClassifier, SearchCV
from gorae.errors import DamagedFileError, FileError, GoraeWarning, ParameterError, WriteError
from gorae.search import climbing

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = (part[:120] for part in load_breast_cancer(return_X_y=True))
SPACE = {"learning_rate": loguniform(1e-4, 1)}


def search(path, **changes):
    """A search of 20 settings."""
    options = {"n_settings": 20, "cv": 2, "random_state": 3, "resume": path} | changes
    return SearchCV(LinearClassifier(epochs=4, batch_size=64), SPACE, **options)


def without_times(found):
    """The table of results but for times."""
    return {name: np.asarray(values).tolist() for name, values in found.items() if not name.endswith("_time")}


KILLED = """
import os, signal, sys
from gorae.search import populations
from gorae.search.journal import Journal
import test_search_journal as t

populations.MOST_A_PART = 8

write, left = Journal.keep, int(sys.argv[2])

def dying(self, *arguments):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    write(self, *arguments)

Journal.keep = dying
t.search(sys.argv[1], **eval(sys.argv[3], {})).fit(t.X, t.Y)
""".replace("eval(sys.argv[3], {})", "__import__('json').loads(sys.argv[3])")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("changes", "parts"), [({}, 1), ({"halving": 2}, 2)], ids=["whole", "halving"])
def test_a_killed_search_goes_on(tmp_path, changes, parts, monkeypatch):
    """Killed after a part was written, it has that part's very times, and bitwise the table of one go."""
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed.db"), str(parts), json.dumps(changes)]
    done = subprocess.run(command, cwd=Path(__file__).parent, timeout=200, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr

    run, begun = climbing.begin_race, []
    monkeypatch.setattr(climbing, "begin_race", lambda *a: begun.append(a[1]) or run(*a))
    after = search(tmp_path / "killed.db", **changes).fit(X, Y)
    whole = search(tmp_path / "whole.db", **changes).fit(X, Y)
    assert without_times(after.cv_results_) == without_times(whole.cv_results_)
    np.testing.assert_array_equal(after.best_estimator_.coef_, whole.best_estimator_.coef_)
    again = search(tmp_path / "killed.db", **changes).fit(X, Y)
    assert again.cv_results_["mean_fit_time"].tolist() == after.cv_results_["mean_fit_time"].tolist()
    assert len(begun) == 2  # what is whole is not begun again


def test_nested_searches_have_journals_of_their_own(tmp_path, monkeypatch):
    """A nested search that goes on runs nothing again: each outer split's search lies beside the file."""
    one = search(tmp_path / "s.db", n_settings=3, nested=True).fit(X, Y)
    assert {file.name for file in (tmp_path / "s.db.arrays").glob("*.db")} == {"outer-0.db", "outer-1.db"}
    monkeypatch.setattr(climbing, "begin_race", lambda *_: pytest.fail("nothing is to be run"))
    two = search(tmp_path / "s.db", n_settings=3, nested=True).fit(X, Y)
    np.testing.assert_array_equal(one.nested_.scores, two.nested_.scores)


def test_outputs_are_kept_and_a_damaged_file_of_them_is_told(tmp_path):
    """Out-of-fold outputs come from the file; without it the search is the same, and has none."""
    one = search(tmp_path / "s.db", n_settings=3).fit(X, Y)
    two = search(tmp_path / "s.db", n_settings=3).fit(X, Y)
    assert sorted(two.out_of_fold_) == [0, 1, 2]
    for place, outputs in one.out_of_fold_.items():
        np.testing.assert_array_equal(outputs, two.out_of_fold_[place])
    (file,) = (tmp_path / "s.db.arrays").glob("outputs-*")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.warns(GoraeWarning, match="is made anew"):
        three = search(tmp_path / "s.db", n_settings=3).fit(X, Y)
    assert three.out_of_fold_ == {}
    assert without_times(three.cv_results_) == without_times(one.cv_results_)


def test_the_seed_is_kept(tmp_path):
    """A search without a seed of its own goes on with that of its journal."""
    one = search(tmp_path / "s.db", random_state=None, n_settings=3).fit(X, Y)
    two = search(tmp_path / "s.db", random_state=None, n_settings=3).fit(X, Y)
    assert one.cv_results_["params"] == two.cv_results_["params"]
    assert without_times(one.cv_results_) == without_times(two.cv_results_)


def test_what_the_file_holds(tmp_path):
    """Settings, scores, seed and versions can be read by any SQLite client, and the log is written ahead."""
    found = search(tmp_path / "s.db", n_settings=2).fit(X, Y).cv_results_
    with sqlite3.connect(tmp_path / "s.db") as connection:
        facts = dict(connection.execute("SELECT name, value FROM search"))
        rows = connection.execute("SELECT place, split, setting, entry FROM fit").fetchall()
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert facts["seed"] == "3"
    assert set(json.loads(facts["versions"])) == {"gorae", "jax", "numpy", "scikit-learn"}
    assert [row[:2] for row in rows] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert rows[1][2] == repr(found["params"][0])
    assert json.loads(rows[1][3])["test_scores"] == found["split1_test_score"][0]


def test_another_search_is_refused(tmp_path):
    """Other data, options or estimators do not go on in a file; a search that is under way holds it."""
    search(tmp_path / "s.db", n_settings=2).fit(X, Y)
    for change in (
        {"n_settings": 3},
        {"cv": 3},
        {"random_state": 4},
        {"estimator": LinearClassifier(epochs=5)},
    ):
        with pytest.raises(FileError, match="holds another search"):
            search(tmp_path / "s.db", n_settings=2).set_params(**change).fit(X, Y)
    with pytest.raises(FileError, match="holds another search"):
        search(tmp_path / "s.db", n_settings=2).fit(X + 1, Y)
    other = sqlite3.connect(tmp_path / "s.db")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(FileError, match="in use by another search"):
        search(tmp_path / "s.db", n_settings=2).fit(X, Y)
    other.close()


@pytest.mark.parametrize("kind", ["scoring", "transformer", "array", "error_score"])
def test_what_looks_alike_is_another_search(tmp_path, kind):
    """Functions by their code and closures, arrays by all their values: a changed one does not go on."""
    weights = np.zeros(3000), np.r_[np.zeros(1500), 1.0, np.zeros(1499)]
    changes = {
        "scoring": [{"scoring": lambda e, X, y, v=value: v} for value in (1.0, 2.0)],
        "transformer": [{"estimator": _piped(lambda X, v=value: X * v)} for value in (1.0, 2.0)],
        "array": [{"estimator": _piped(_first, kw_args={"w": value})} for value in weights],
        "error_score": [{"error_score": value} for value in (0.0, 0.5)],
    }[kind]
    base = SearchCV(KNeighborsClassifier(), {"n_neighbors": [1]}, sampler="grid", cv=2)
    if kind in ("transformer", "array"):
        base.set_params(space={"kneighborsclassifier__n_neighbors": [1]})
    base.set_params(resume=tmp_path / "s.db")
    base.set_params(**changes[0]).fit(X, Y)
    base.set_params(**changes[0]).fit(X, Y)
    with pytest.raises(FileError, match="holds another search"):
        base.set_params(**changes[1]).fit(X, Y)


def _first(rows, w):
    """Rows, moved by the first weight."""
    return rows + w[0]


def _piped(function, **options):
    """A pipeline with a function before neighbours."""
    return make_pipeline(FunctionTransformer(function, **options), KNeighborsClassifier())


def test_what_is_no_journal(tmp_path):
    """A file of something else, a missing folder and no path at all are each one sentence."""
    space = {"n_neighbors": [1]}
    (tmp_path / "text").write_text("not a database, but long enough to be read as one" * 9)
    with pytest.raises(DamagedFileError, match="no journal"):
        SearchCV(KNeighborsClassifier(), space, sampler="grid", resume=tmp_path / "text").fit(X, Y)
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(DamagedFileError, match="no journal"):
        SearchCV(KNeighborsClassifier(), space, sampler="grid", resume=tmp_path / "other.db").fit(X, Y)
    with pytest.raises(WriteError, match="could not be written"):
        SearchCV(KNeighborsClassifier(), space, sampler="grid", resume=tmp_path / "no" / "s.db").fit(X, Y)
    with pytest.raises(ParameterError, match="path of a file"):
        SearchCV(KNeighborsClassifier(), space, sampler="grid", resume=3).fit(X, Y)
