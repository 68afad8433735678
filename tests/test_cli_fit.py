"""`gorae fit`: what it prints, writes and refuses, and with which exit code."""

import errno
import html
import json
import os

import numpy as np
import pytest

import gorae
import gorae.files.atomic as atomic
import gorae.study.ascent as ascent_module
from cli_cases import run, table
from gorae.cli.options import to_json
from gorae.study import Study
from study_cases import as_csv, few_fits, people

assert run
assert table
assert few_fits


@pytest.fixture
def untrained(monkeypatch):
    """Let every training fail the test: what is refused must be refused before."""

    def fit(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr(Study, "fit", fit)


def fit(run, *options):
    """Run `gorae fit people.csv --target income` with Gaussian Bayes only."""
    return run("fit", "people.csv", "--target", "income", "--models", "bayes", *options)


def test_text(table, run):
    """Ladder, test score, verdict and files are told on standard output, progress on standard error."""
    ran = fit(run)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].split("  ")[-2:] == ["fits", "seconds"]
    assert lines[0].split()[:5] == ["model", "accuracy", "95", "%", "interval"]
    assert "best is ahead by" in lines[0]
    assert [line.split()[0] for line in lines[1:3]] == ["chance", "bayes"]
    assert any(
        line.startswith("bayes on 12 test rows that nothing else touched: accuracy ") for line in lines
    )
    assert any("Training scores" in line for line in lines)
    assert lines[-1] == "model: people.gorae   report: people.html"
    told = ran.err.splitlines()
    assert told[0] == "task: classification ('income' holds 3 different texts)"
    assert told[1].startswith("plan: 3 outer folds")
    assert "\x1b" not in ran.err + ran.out
    assert (table / "people.gorae").exists()
    assert "<html" in (table / "people.html").read_text()


def test_json(table, run):
    """`--json` prints one object with the keys that scripts rely on, and nothing else on standard output."""
    ran = fit(run, "--json")
    found = json.loads(ran.out)
    assert ran.out.count("\n") == 1
    assert found["schema"] == "gorae.fit/1"
    assert found["data"]["rows"] == 60
    assert found["data"]["columns"] == 4
    assert found["data"]["classes"] == ["high", "low", "middle"]
    assert found["data"]["task"] == "classification"
    assert [row["model"] for row in found["ladder"]] == ["chance", "bayes"]
    for row in found["ladder"]:
        assert {"model", "metric", "score", "low", "high", "fits", "seconds"} <= set(row)
        assert row["metric"] == "accuracy"
    assert found["best"] == "bayes"
    assert {"metric", "score", "low", "high", "rows"} <= set(found["test"])
    assert found["test"]["rows"] == 12
    assert {"train", "validation", "verdict"} <= set(found["gap"])
    assert {"labels", "duplicates", "leaks"} <= set(found["check"])
    assert (found["model_file"], found["report_file"]) == ("people.gorae", "people.html")
    assert "plan: " in ran.err


def test_json_of_a_regression(table, run):
    """A regression has R² as its metric, RMSE beside it, and no classes."""
    frame = people()
    (table / "ages.csv").write_text(as_csv(frame.drop(columns="income")))
    ran = run(
        "fit", "ages.csv", "--target", "age", "--task", "regression", "--models", "knn", "--json", "--quiet"
    )
    found = json.loads(ran.out)
    assert (found["data"]["task"], found["data"]["classes"]) == ("regression", None)
    assert found["ladder"][1]["metric"] == found["test"]["metric"] == "r2"
    assert found["ladder"][1]["other"]["rmse"] > 0
    assert found["test"]["rmse"] > 0


def test_quiet(table, run):
    """`--quiet` leaves standard error empty, warnings included."""
    (table / "people.csv").write_text(as_csv(people()) + "30,170,Busan,True,\n")
    ran = fit(run, "--quiet", "--force")
    assert (ran.code, ran.err) == (0, "")
    assert "1 of 61 rows" in fit(run, "--force").err


def test_existing_output_is_refused_before_training(table, run, untrained):
    """An output that exists is refused before the work, by name, with exit code 1, and is left as it was."""
    (table / "people.html").write_text("mine")
    ran = fit(run)
    assert ran.code == 1
    assert "'people.html' exists already; give --force" in ran.err
    assert ran.out == ""
    assert (table / "people.html").read_text() == "mine"
    assert not (table / "people.gorae").exists()


def test_force(table, run):
    """`--force` replaces both files."""
    (table / "people.gorae").write_text("old")
    (table / "people.html").write_text("old")
    assert fit(run, "--force").code == 0
    assert (table / "people.gorae").read_bytes()[:3] != b"old"
    assert len((table / "people.html").read_text()) > 1000


def test_out_is_made(table, run):
    """The folder of `--out` is made, and both files go there."""
    ran = fit(run, "--out", "results/first")
    assert ran.code == 0
    assert sorted(path.name for path in (table / "results/first").iterdir()) == [
        "people.gorae",
        "people.html",
    ]


def test_folder_that_cannot_be_written(table, run, untrained, monkeypatch):
    """A folder that nothing can be written to is refused before the work, by name."""

    def full(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    ran = fit(run, "--out", "results")
    assert ran.code == 1
    assert "nothing can be written to the folder 'results': Read-only file system." in ran.err


def test_folder_that_is_a_file(table, run, untrained):
    """A file in the place of the folder is refused: as a wrong option itself, as a failure further up."""
    assert fit(run, "--out", "people.csv").code == 2
    ran = fit(run, "--out", "people.csv/results")
    assert ran.code == 1
    assert "people.csv/results" in ran.err


@pytest.mark.parametrize("written", [0, 1])
def test_full_disk(table, run, monkeypatch, written):
    """A disk that is full when the model or the report is written: its name, exit code 1, no half file."""
    calls, fsync = [], os.fsync

    def full(handle):
        calls.append(handle)
        if len(calls) > 2 * written:  # a file and its folder each
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(atomic.os, "fsync", full)
    ran = fit(run, "--json")
    assert ran.code == 1
    assert ran.out == ""
    assert f"Cannot write '{['people.gorae', 'people.html'][written]}': the disk is full." in ran.err
    assert ("The model itself was written to 'people.gorae'." in ran.err) == (written == 1)
    left = ["people.csv", "people.gorae"][: 1 + written]
    assert sorted(path.name for path in table.iterdir()) == left


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["people.csv", "--target", "incme"], 1, "has no column 'incme' (did you mean 'income'?)"),
        (["people.csv"], 1, "Give --target; 'people.csv' has 'age', 'height', 'city', 'member', 'income'."),
        (["digts"], 1, "Did you mean 'digits'?"),
        (["missing.csv", "--target", "y"], 1, "missing.csv"),
        (["people.csv", "--target", "income", "--test", "none.csv"], 1, "none.csv"),
        (["iris", "--target", "species"], 2, "--target, --test and --drop are for files"),
        (["iris", "--drop", "species"], 2, "--target, --test and --drop are for files"),
        (
            ["people.csv", "--target", "income", "--drop", "age", "--drop", "hight"],
            1,
            "has no column 'hight' (did you mean 'height'?)",
        ),
        (["people.csv", "--target", "income", "--drop", "income"], 2, "'income' is the column to predict"),
        (["people.csv", "--target", "income", "--models", "bayes,linaer"], 2, "Did you mean 'linear'?"),
        (["people.csv", "--target", "income", "--models", ","], 2, "at least one of bayes"),
        (["people.csv", "--target", "income", "--models", "chance"], 2, "at least one of bayes"),
        (
            ["people.csv", "--target", "income", "--time", "soon"],
            2,
            "'soon' is no duration; write 90s, 10m or 1.5h; a plain number is seconds.",
        ),
        (["people.csv", "--target", "income", "--time", "0"], 2, "'0' is no duration"),
        (["people.csv", "--target", "income", "--seed", "-1"], 2, "--seed"),
        (["people.csv", "--target", "income", "--task", "ranking"], 2, "--task"),
        (
            ["people.csv", "--target", "age", "--task", "regression", "--models", "bayes"],
            1,
            "'bayes' needs classes",
        ),
        (["people.csv", "--targte", "income"], 2, "--target"),
        ([], 2, "DATA"),
    ],
)
def test_refused(table, run, monkeypatch, arguments, code, words):
    """What cannot be done is told in one sentence with what would be right: 2 for usage, 1 for the rest."""
    ran = run("fit", *arguments)
    assert ran.code == code
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""
    assert sorted(path.name for path in table.iterdir()) == ["people.csv"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"age,income\n", "no rows"),
        (b"\x00\x01\x02\xff\xfe" * 50, "people.csv"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 90, "a PNG picture"),
        (b"a,a,income\n1,2,x\n", "'a'"),
        (b"income\nx\ny\n", "no column but the target"),
        (b"age,income\n1,2024-01-02\n2,2024-01-03\n", "'income' of 'people.csv' holds dates or times (Date)"),
        (b"5,3.5,a\n4,2.5,b\n", "if the file has no header line, give --no-header"),
        (b"age,income\n1,\n2,\n", "no row of 'people.csv' has a value in the target column 'income'"),
        (b"age,income\n" + b"1,x\n2,y\n" * 4, "at least 10 rows, got 8"),
        (b"age,income\n" + b"1,x\n2,x\n" * 10, "at least two classes"),
        (b"age,income\n" + b"1,x\n,y\n" * 10, ""),
        (b"age,income\n" + b",x\n,y\n" * 10, "no column of the table can be used. Column 'age' was left out"),
    ],
)
def test_bad_files(table, run, content, words):
    """A file that is no table, or one that nothing can be learned from, is refused with what is wrong."""
    (table / "people.csv").write_bytes(content)
    ran = fit(run)
    assert "Traceback" not in ran.err
    assert words.lower() in ran.err.lower()
    assert ran.code == (1 if words else 0)


def test_own_test_file(table, run):
    """Rows of `--test` are tested on, by the columns' names; all rows of the data are learned from."""
    (table / "held.csv").write_text(as_csv(people(20, seed=9)[["income", "city", "age", "member", "height"]]))
    found = json.loads(fit(run, "--test", "held.csv", "--json").out)
    assert (found["data"]["rows"], found["test"]["rows"]) == (80, 20)


def test_rows_keep_the_numbers_of_the_file(table, run):
    """Where rows without a target are left out, the others are called as in the file, and a note says so."""
    frame = people().astype({"income": object})
    frame.loc[:19, "income"] = float("nan")
    (table / "people.csv").write_text(as_csv(frame))
    ran = fit(run, "--json")
    told = "20 of 60 rows of 'people.csv' have no 'income' and were left out"
    assert f"gorae: {told}.\n" in ran.err
    assert json.loads(ran.out)["notes"] == [f"{told}; row numbers are those of the file, from 0."]
    assert told in html.unescape((table / "people.html").read_text())
    reference = gorae.load("people.gorae").reference
    assert reference.numbers.min() >= 20
    nearest = run("explain", "people.gorae", "people.csv", "--row", reference.numbers[7], "--json").out
    first = json.loads(nearest)["neighbors"][0]
    assert first["distance"] < 1e-5
    assert first["label"] == frame["income"][first["row"]]


def test_test_rows_without_a_target(table, run):
    """Rows of `--test` without a target are left out and counted in a note."""
    (table / "held.csv").write_text(as_csv(people(20, seed=9)) + "30,170,Busan,True,\n")
    found = json.loads(fit(run, "--test", "held.csv", "--json").out)
    assert found["test"]["rows"] == 20
    assert found["notes"] == ["1 of 21 rows of 'held.csv' has no 'income' and was left out."]


def test_drop(table, run):
    """`--drop` leaves columns out, of the test file too; new rows need not have them, or may."""
    (table / "held.csv").write_text(as_csv(people(20, seed=9).drop(columns="city")))
    ran = fit(run, "--drop", "city", "--drop", "height", "--test", "held.csv", "--json")
    found = json.loads(ran.out)
    assert found["data"]["columns"] == 2
    assert found["notes"][0] == "Left out with --drop: 'city', 'height'."
    whole = run("predict", "people.gorae", "people.csv")
    (table / "less.csv").write_text(as_csv(people()[["age", "member"]]))
    assert whole.code == 0
    assert run("predict", "people.gorae", "less.csv").out == whole.out


def test_drop_of_everything(table, run, untrained):
    """Where nothing but the target is left, that is told."""
    (table / "two.csv").write_text("a,y\n1,2\n")
    ran = run("fit", "two.csv", "--target", "y", "--drop", "a")
    assert (ran.code, "nothing is left to predict from" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ([0, 1, 2], (), "classification ('y' holds 3 different whole numbers; --task regression predicts it"),
        (
            [10 * i for i in range(25)],
            (),
            "regression ('y' holds 25 different whole numbers; --task classification",
        ),
        (range(60), (), "regression ('y' holds 60 different whole numbers)"),
        ([0.5, 1.5, 2.5], (), "regression ('y' holds numbers with fractions)"),
        ([True, False], (), "classification ('y' holds truth values)"),
        ([0, 1, 2], ("--task", "regression"), "regression (--task)"),
    ],
)
def test_task(table, run, values, options, words):
    """Which task it is and why is told before the work; where values leave a choice, in the notes as well."""
    rows = [f"{i * 7 % 11},{list(values)[i % len(values)]}" for i in range(60)]
    (table / "y.csv").write_text("x,y\n" + "\n".join(rows) + "\n")
    ran = run("fit", "y.csv", "--target", "y", "--models", "knn", "--json", *options)
    assert ran.err.startswith(f"task: {words}")
    notes = json.loads(ran.out)["notes"]
    assert any(note.startswith("The task is ") for note in notes) == ("--task" in words and not options)


def test_task_of_a_named_data_set(table, run):
    """The task of a named data set is its own."""
    assert run("fit", "iris", "--models", "bayes").err.startswith("task: classification (the data set's own)")


def test_test_file_with_another_class(table, run):
    """A test file with a class that the data do not have is refused, with the near one."""
    (table / "held.csv").write_text(as_csv(people(20, seed=9).replace({"income": {"low": "lov"}})))
    ran = fit(run, "--test", "held.csv")
    assert ran.code == 1
    assert "the label 'lov', but the classes are 'high', 'low', 'middle'. Did you mean 'low'?" in ran.err


def test_errors_in_the_test_file_say_so(table, run):
    """What is wrong in the rows of `--test` is told of those, not of the data."""
    (table / "held.csv").write_text(as_csv(people(20, seed=9).drop(columns="age")))
    ran = fit(run, "--test", "held.csv")
    assert ran.code == 1
    assert "in the test rows (X_test and y_test, or --test): the table has no column 'age'" in ran.err


def test_regression_of_text(table, run):
    """A target that is text is refused for a regression with its row, as a user writes it."""
    ran = fit(run, "--task", "regression")
    assert ran.code == 1
    assert "but row 0 (from 0) has '" in ran.err
    assert "np.str_" not in ran.err
    assert "--task classification" in ran.err


def test_encoding(table, run):
    """A table in another encoding is refused with the option that reads it."""
    (table / "people.csv").write_bytes(as_csv(people().replace({"city": {"Busan": "부산"}})).encode("cp949"))
    ran = fit(run)
    assert ran.code == 1
    assert "(--encoding)" in ran.err
    assert fit(run, "--encoding", "cp949").code == 0


def test_without_header(table, run):
    """With `--no-header` the columns are c0, c1, ...; the target is named so too."""
    body = as_csv(people()).split("\n", 1)[1]
    (table / "bare.csv").write_text(body)
    ran = run("fit", "bare.csv", "--no-header", "--target", "c4", "--models", "bayes", "--json")
    assert json.loads(ran.out)["data"]["target"] == "c4"


def test_named_data(table, run):
    """A named data set is learned from without a file, with its own names of columns."""
    ran = run("fit", "iris", "--models", "bayes", "--json")
    found = json.loads(ran.out)
    assert (found["data"]["name"], found["data"]["rows"], found["data"]["columns"]) == ("iris", 150, 4)
    assert found["ladder"][1]["score"] > 0.9
    assert "sepal length" in (table / "iris.html").read_text()


def test_a_folder_does_not_hide_a_named_data_set(table, run):
    """A folder that is called like a data set is not taken for a file."""
    (table / "iris").mkdir()
    assert run("fit", "iris", "--models", "bayes", "--quiet").code == 0


def test_interrupted_before_a_model(table, run, monkeypatch):
    """Ctrl-C before a model is scored: exit code 130, nothing on standard output, nothing written."""
    monkeypatch.setattr(ascent_module, "climb", _interrupted(ascent_module.climb, "bayes"))
    ran = fit(run)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.splitlines()[-1] == "gorae: interrupted"
    assert sorted(path.name for path in table.iterdir()) == ["people.csv"]


def test_interrupted_later(table, run, monkeypatch):
    """Ctrl-C later: the models so far, both files, a note, and exit code 130 all the same."""
    monkeypatch.setattr(ascent_module, "climb", _interrupted(ascent_module.climb, "knn"))
    ran = run("fit", "people.csv", "--target", "income", "--models", "bayes,knn", "--json")
    found = json.loads(ran.out)
    assert ran.code == 130
    assert (found["best"], found["interrupted"]) == ("bayes", True)
    assert found["notes"] == ["Interrupted by Ctrl-C: knn is missing from the ladder."]
    assert "gorae: Interrupted by Ctrl-C: knn" in ran.err
    assert (table / "people.gorae").exists()
    assert (table / "people.html").exists()


def _interrupted(climb, model):
    """Climb until a model, where Ctrl-C comes."""

    def climbing(rung, *args, **options):
        if rung == model:
            raise KeyboardInterrupt
        return climb(rung, *args, **options)

    return climbing


def test_same_seed_same_figures(table, run):
    """The same seed prints the same figures; another one holds out other rows."""

    def figures(seed):
        found = json.loads(fit(run, "--json", "--quiet", "--force", "--seed", seed).out)
        return [row["score"] for row in found["ladder"]], found["test"], found["gap"]

    assert figures(3) == figures(3)
    assert figures(3) != figures(4)


def test_nan_is_null_in_json():
    """JSON has no NaN: it becomes null, and numpy's numbers become numbers."""
    text = to_json(
        "x/1", {"a": np.float64("nan"), "b": np.int32(3), "c": np.array([[1.5]]), "d": {1: (None, True)}}
    )
    assert json.loads(text) == {"schema": "x/1", "a": None, "b": 3, "c": [[1.5]], "d": {"1": [None, True]}}
