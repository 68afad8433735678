"""`gorae predict`, `explain`, `info` and `doctor`: answers on standard output, the rest on standard error."""

import csv
import io
import json

import numpy as np
import polars as pl
import pytest

from cli_cases import run
from gorae.data import load_named
from gorae.estimators import GaussianBayes
from gorae.files import write_container
from study_cases import as_csv, people, people_study, study_of, values_study

assert run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model of people and a table of new ones, which commands are run in."""
    monkeypatch.chdir(tmp_path)
    people_study("bayes").save(tmp_path / "people.gorae")
    (tmp_path / "new.csv").write_text(as_csv(new()))
    return tmp_path


def new():
    """New people without their income."""
    return people(7, seed=4).drop(columns="income")


def rows_of(text):
    """The rows of CSV text."""
    return list(csv.reader(io.StringIO(text)))


def test_csv(folder, run):
    """Predictions are CSV: one line a row, with the probability of each class, which sum to 1."""
    ran = run("predict", "people.gorae", "new.csv")
    assert (ran.code, ran.err) == (0, "")
    header, *rows = rows_of(ran.out)
    assert header == ["prediction", "probability of high", "probability of low", "probability of middle"]
    assert [row[0] for row in rows] == people_study("bayes").predict(new()).tolist()
    stated = np.array([[float(value) for value in row[1:]] for row in rows])
    np.testing.assert_allclose(stated.sum(axis=1), 1.0, atol=1e-5)


def test_unknown(folder, run):
    """With --unknown a row unlike all others is flagged, in CSV and in JSON; a share too small is refused."""
    strange = new().assign(age=[5000, *[40] * 6], height=[1.0, *[170.0] * 6])
    (folder / "strange.csv").write_text(as_csv(strange))
    ran = run("predict", "people.gorae", "strange.csv", "--unknown", "0.15")
    assert ran.code == 0
    header, *rows = rows_of(ran.out)
    assert header[-2:] == ["unknown", "known share"]
    assert rows[0][-2] == "yes"
    assert sum(row[-2] == "yes" for row in rows) < 4
    assert "of 7 rows are unlike the training data" in ran.err
    found = json.loads(run("predict", "people.gorae", "strange.csv", "--unknown", "0.15", "--json").out)
    assert found["unknown"] == [row[-2] == "yes" for row in rows]
    assert [float(row[-1]) for row in rows] == pytest.approx(found["known_share"], rel=1e-5)
    ran = run("predict", "people.gorae", "strange.csv", "--unknown", "0.01")
    assert (ran.code, ran.out) == (1, "")
    assert "need at least 99 rows that a model has not learned from" in ran.err


def test_unknown_to_regression(folder, run):
    """A model of values has learned no such thing, and says so."""
    study = values_study()
    study.save(folder / "values.gorae")
    names = study.model.feature_names
    (folder / "rows.csv").write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    assert run("predict", "values.gorae", "rows.csv").code == 0
    ran = run("predict", "values.gorae", "rows.csv", "--unknown", "0.1")
    assert (ran.code, ran.out) == (1, "")
    assert "has not learned what is unknown to it" in ran.err


def test_columns_by_name(folder, run):
    """Reordered and extra columns change nothing; a missing one is named with exit code 1."""
    wanted = run("predict", "people.gorae", "new.csv").out
    (folder / "other.csv").write_text(
        as_csv(new().assign(id=range(7))[["member", "id", "city", "age", "height"]])
    )
    assert run("predict", "people.gorae", "other.csv").out == wanted
    (folder / "less.csv").write_text(as_csv(new().drop(columns="city")))
    ran = run("predict", "people.gorae", "less.csv")
    assert (ran.code, ran.out) == (1, "")
    assert "has no column 'city'" in ran.err


def test_without_header(folder, run):
    """A file without a header line cannot be read by names: the error says what to do."""
    (folder / "bare.csv").write_text(as_csv(new()).split("\n", 1)[1])
    ran = run("predict", "people.gorae", "bare.csv", "--no-header")
    assert (ran.code, ran.out) == (1, "")
    assert "columns with names ('age', 'height', 'city', 'member')" in ran.err
    assert "give the file a header line, and leave --no-header out" in ran.err


def test_parquet(folder, run):
    """A Parquet file is answered as the CSV file is."""
    pl.from_pandas(new()).write_parquet(folder / "new.parquet")
    assert run("predict", "people.gorae", "new.parquet").out == run("predict", "people.gorae", "new.csv").out


def test_unseen_category(folder, run):
    """A category that was never seen is answered, and told on standard error unless `--quiet`."""
    (folder / "odd.csv").write_text(as_csv(new().assign(city="Atlantis")))
    ran = run("predict", "people.gorae", "odd.csv")
    assert (ran.code, len(rows_of(ran.out))) == (0, 8)
    assert (
        ran.err
        == "gorae: column 'city' has categories the model never saw: 'Atlantis'; they count as none.\n"
    )
    assert run("predict", "people.gorae", "odd.csv", "--quiet").err == ""


def test_value_that_cannot_be_read(folder, run):
    """A text in a column of numbers is refused with its column, row and value."""
    (folder / "odd.csv").write_text(as_csv(new().astype({"age": object}).assign(age="old")))
    ran = run("predict", "people.gorae", "odd.csv")
    assert (ran.code, ran.out) == (1, "")
    assert "column 'age', row 0" in ran.err
    assert "'old'" in ran.err


def test_json(folder, run):
    """`--json` gives one object with predictions, classes and probabilities."""
    found = json.loads(run("predict", "people.gorae", "new.csv", "--json").out)
    assert found["schema"] == "gorae.predict/1"
    assert found["predictions"] == people_study("bayes").predict(new()).tolist()
    assert found["classes"] == ["high", "low", "middle"]
    np.testing.assert_allclose(found["probabilities"], people_study("bayes").predict_proba(new()))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_out(folder, run, options):
    """`--out` writes what would be printed; an existing file is kept unless `--force`."""
    printed = run("predict", "people.gorae", "new.csv", *options).out
    ran = run("predict", "people.gorae", "new.csv", "--out", "answers", *options)
    assert (ran.code, ran.out) == (0, "")
    assert (folder / "answers").read_text() == printed
    (folder / "answers").write_text("mine")
    ran = run("predict", "people.gorae", "new.csv", "--out", "answers", *options)
    assert ran.code == 1
    assert "'answers' exists already; give --force" in ran.err
    assert (folder / "answers").read_text() == "mine"
    assert run("predict", "people.gorae", "new.csv", "--out", "answers", "--force", *options).code == 0
    assert (folder / "answers").read_text() == printed


def test_out_into_a_missing_folder(folder, run):
    """A folder that is not there is named, with exit code 1."""
    ran = run("predict", "people.gorae", "new.csv", "--out", "none/answers.csv")
    assert ran.code == 1
    assert "none/answers.csv" in ran.err


def test_regression(folder, run):
    """Predictions of a regression are one column of numbers, exact to the last digit."""
    values_study("linear").save(folder / "values.gorae")
    (folder / "three.csv").write_text("x0,x1,x2\n0.5,1,-2\n1,0,0\n")
    header, *rows = rows_of(run("predict", "values.gorae", "three.csv").out)
    assert header == ["prediction"]
    wanted = values_study("linear").predict(np.array([[0.5, 1, -2], [1, 0, 0]], np.float32))
    assert [float(row[0]) for row in rows] == wanted.tolist()
    assert "probabilities" not in json.loads(run("predict", "values.gorae", "three.csv", "--json").out)


def test_model_of_a_named_data_set(folder, run):
    """A model of a named data set reads its columns by name or, without any of the names, by position."""
    iris = load_named("iris")
    study_of(iris.X, iris.y, feature_names=iris.feature_names, name="iris").save(folder / "iris.gorae")
    answers = run("predict", "iris.gorae", "iris")
    assert (answers.code, len(rows_of(answers.out))) == (0, 151)
    body = "\n".join(",".join(map(str, row)) for row in iris.X[:3])
    (folder / "bare.csv").write_text(body + "\n")
    by_position = run("predict", "iris.gorae", "bare.csv", "--no-header").out
    names = list(reversed(iris.feature_names))
    turned = "\n".join(",".join(map(str, row[::-1])) for row in iris.X[:3])
    (folder / "named.csv").write_text(",".join(names) + "\n" + turned + "\n")
    assert run("predict", "iris.gorae", "named.csv").out == by_position
    assert by_position == "".join(answers.out.splitlines(keepends=True)[:4])
    (folder / "narrow.csv").write_text("a,b\n1,2\n")
    assert "rows of 4 numbers, got 2" in run("predict", "iris.gorae", "narrow.csv").err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["predict", "none.gorae", "new.csv"], 1, "none.gorae"),
        (["predict", "people.gorae", "none.csv"], 1, "none.csv"),
        (["predict", "new.csv", "new.csv"], 1, "new.csv"),
        (["predict", "people.gorae"], 2, "DATA"),
        (
            ["explain", "people.gorae", "new.csv", "--row", "7"],
            1,
            "--row 7 was asked for, but 'new.csv' has rows 0 to 6",
        ),
        (["explain", "people.gorae", "new.csv", "--row", "-1"], 2, "--row"),
        (["explain", "people.gorae", "new.csv"], 2, "--row"),
        (
            ["explain", "people.gorae", "new.csv", "--row", "0", "--neighbors", "99"],
            1,
            "1 and the 48 rows kept, got 99",
        ),
        (["info", "new.csv"], 1, "new.csv"),
        (["prdict"], 2, "prdict"),
    ],
)
def test_refused(folder, run, arguments, code, words):
    """What cannot be answered is told in one sentence, nothing is printed: 2 for usage, 1 for the rest."""
    ran = run(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_bare_estimator(folder, run):
    """A bare estimator's file is no model that the command line reads tables for; that is told."""
    GaussianBayes().fit([[0.0], [1.0], [4.0], [5.0]], [0, 0, 1, 1]).save(folder / "bare.gorae")
    ran = run("predict", "bare.gorae", "new.csv")
    assert ran.code == 1
    assert "'bare.gorae' holds a GaussianBayes" in ran.err
    ran = run("info", "bare.gorae")
    assert (ran.code, "GaussianBayes" in ran.out) == (0, True)


def test_explain(folder, run):
    """A row is explained by the nearest training rows, nearest first, with their labels."""
    ran = run("explain", "people.gorae", "new.csv", "--row", "3", "--neighbors", "4")
    lines = ran.out.splitlines()
    assert lines[0].startswith("row 3: ")
    assert lines[1].split() == ["training", "row", "(from", "0)", "distance", "income"]
    assert ran.err == (
        "distance: Euclidean, in the input columns, scaled (1 is a standard deviation of one column)\n"
        "which columns pushed the answer is not told: bayes has no gradient to follow; --target says what all "
        "answers depend on.\n"
    )
    away = [float(line.split()[1]) for line in lines[2:]]
    assert len(away) == 4
    assert away == sorted(away)
    found = json.loads(run("explain", "people.gorae", "new.csv", "--row", "3", "--json").out)
    assert (found["schema"], found["row"], len(found["neighbors"])) == ("gorae.explain/1", 3, 5)
    assert set(found["neighbors"][0]) == {"row", "label", "distance"}
    assert found["prediction"] == lines[0].split()[2] == people_study("bayes").predict(new())[3]
    assert found["space"] in ran.err
    assert run("explain", "people.gorae", "new.csv", "--row", "3", "--quiet").err == ""


@pytest.mark.parametrize("command", [("predict",), ("explain", "--row", "0")])
def test_text_where_numbers_are_read(folder, run, command):
    """Text in a table for a model of numbers is told as a user of the command line can mend it."""
    values_study("linear").save(folder / "values.gorae")
    (folder / "three.csv").write_text("x0,x1,x2\n0.5,big,-2\n1,small,0\n")
    ran = run(command[0], "values.gorae", "three.csv", *command[1:])
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "gorae: the model reads 3 columns of numbers ('x0', 'x1', 'x2'), but in 'three.csv' other values stand "
        "in 'x1'. Give a file with the model's columns.\n"
    )


def test_headerless(folder, run):
    """A file whose first row was taken for its header line is told from one that lacks a column."""
    (folder / "bare.csv").write_text("41,170.5,Busan,1\n30,160,Seoul,0\n")
    ran = run("predict", "people.gorae", "bare.csv")
    assert ran.code == 1
    assert "if the file has no header line, put one before its rows: age, height, city, member." in ran.err
    X = people()[["age", "height"]].rename(columns={"age": "c0", "height": "c1"})
    study_of(X, people()["income"]).save(folder / "bare.gorae")
    ran = run("predict", "bare.gorae", "bare.csv")
    assert "if the file has no header line, give --no-header" in ran.err
    assert run("predict", "bare.gorae", "bare.csv", "--no-header").code == 0


def test_explain_a_value(folder, run):
    """A row of a regression is explained by training rows with their values, without a probability."""
    values_study("linear").save(folder / "values.gorae")
    (folder / "three.csv").write_text("x0,x1,x2\n0.5,1,-2\n")
    found = json.loads(run("explain", "values.gorae", "three.csv", "--row", "0", "--json").out)
    assert found["probability"] is None
    assert isinstance(found["neighbors"][0]["label"], float)


def test_info_builds_no_model(folder, run, monkeypatch):
    """`info` tells what a file holds from its metadata; nothing is loaded as a model."""

    def loaded(*_, **__):
        raise AssertionError("the model was built")

    monkeypatch.setattr("gorae.study.stored.estimator_from_state", loaded)
    monkeypatch.setattr("gorae.files.container.read_container", loaded)
    ran = run("info", "people.gorae")
    assert ran.code == 0
    assert "learned from 48 rows of people: 4 columns, classification, target 'income'" in ran.out
    assert "accuracy on 12 test rows, held apart: " in ran.out
    assert "best of the ladder: bayes" in ran.out
    assert (
        "a new file needs 4 columns, by name, in any order:\n  age: number\n  height: number\n"
        "  city: text with 3 values\n  member: truth value\n"
    ) in ran.out
    found = json.loads(run("info", "people.gorae", "--json").out)
    assert (found["schema"], found["model"], found["estimator"]) == ("gorae.info/1", "bayes", "GaussianBayes")
    assert found["facts"]["test"]["rows"] == 12
    assert found["columns"] == [
        {"name": "age", "kind": "number"},
        {"name": "height", "kind": "number"},
        {"name": "city", "kind": "text", "values": ["Busan", "Seoul", "Ulsan"]},
        {"name": "member", "kind": "truth value"},
    ]


def test_info_tells_columns_of_every_kind(folder, run):
    """Dates, moments, hashed text and columns of an array are told by what a file must hold."""
    codes = [
        {"name": "day", "kind": "time", "unit": "days"},
        {"name": "at", "kind": "time", "unit": "seconds"},
        {"name": "name", "kind": "hashed"},
        3,
    ]
    write_container(folder / "kinds.gorae", {}, {"encoding": {"codes": codes}}, kind="study-model")
    told = run("info", "kinds.gorae").out
    assert "  day: date\n  at: date with time\n  name: text with many values\n" in told
    names = [f"x{i}" for i in range(40)]
    write_container(folder / "array.gorae", {}, {"feature_names": names}, kind="study-model")
    told = run("info", "array.gorae").out
    assert "  x29: number\n  and 10 more (--json lists them)\n" in told
    assert len(json.loads(run("info", "array.gorae", "--json").out)["columns"]) == 40


def test_info_of_a_hostile_file(folder, run):
    """A file of odd metadata is told as it is, without a failure, and cannot steer the terminal."""
    meta = {
        "name": 3,
        "estimator": {"class": "\x1b[2J"},
        "facts": {"data": {"name": "a\x1bb"}, "test": {"score": "x"}},
    }
    write_container(folder / "odd.gorae", {}, meta, kind="study-model")
    ran = run("info", "odd.gorae")
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert "a\\x1bb" in ran.out


def test_doctor(run):
    """`doctor` tells versions, devices, cores, cache and extras, as text or as one object."""
    text = run("doctor")
    assert (text.code, text.err) == (0, "")
    for word in ("Python 3.", "jax", "device: ", "cores: ", "compile cache: ", "extras: "):
        assert word in text.out
    found = json.loads(run("doctor", "--json").out)
    assert found["schema"] == "gorae.doctor/1"
    assert {"versions", "devices", "cores", "workers", "compile_cache", "extras"} <= set(found)
