"""What a study's answers depend on: in its findings and its report, within its time, whatever the rows are."""

import json

import numpy as np
import pandas as pd
import pytest

from gorae.cli.options import to_json
from gorae.study import explaining
from gorae.study.explaining import EncodedRows, _affordable, attributions_of, explained_rows, picture_parts
from study_cases import people, people_study, pictures_study, study_of, values_study


def test_columns_of_the_table():
    """The importance of all table columns, measured on the test rows, and curves of the foremost ones."""
    study = people_study()
    found = study.findings_["importance"]
    assert {one["name"] for one in found["columns"]} == {"age", "height", "city", "member"}
    assert (found["rows"], found["metric"]) == (study.test_["rows"], "accuracy")
    assert found["score"] == pytest.approx(study.test_["score"])
    assert 1 <= len(found["dependence"]) <= 3
    assert all(one["low"] <= one["importance"] <= one["high"] for one in found["columns"])


def test_report_shows_it(tmp_path):
    """The report has the section, and the findings become JSON."""
    people_study().report(tmp_path / "people.html")
    assert "What the answers depend on" in (tmp_path / "people.html").read_text()
    assert json.loads(to_json("x", {"importance": people_study().findings_["importance"]}))


def test_pictures_have_maps():
    """Pictures are asked about part by part, and a network's pixels have a map."""
    found = pictures_study().findings_["importance"]
    assert found["parts"]
    assert len(found["columns"]) == 12
    assert np.shape(found["map"]) == (3, 4)
    assert np.shape(found["pixels"]["image"]) == (3, 4)
    assert len(found["pixels"]["examples"]) == 4
    assert found["dependence"] == []


def test_parts_cover_the_picture_once():
    """Each pixel is in one part, and there are at most six along each side."""
    names = [f"p{i}" for i in range(28 * 5)]
    parts = picture_parts((28, 5), names)
    assert len(parts) == 6 * 5
    assert sorted(pixel for part in parts.values() for pixel in part) == sorted(names)
    assert parts["rows 0–4, column 0"] == ["p0", "p5", "p10", "p15", "p20"]


def test_without_test_rows():
    """Where no rows are held out, nothing is said, and the report is written all the same."""
    study = study_of(people().drop(columns="income"), people()["income"], hold_out=False)
    assert study.findings_["importance"] is None


def test_odd_columns():
    """Missing values, texts, dates and a column that is constant among the test rows do no harm."""
    frame = people(80, seed=2)
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(80), unit="D")
    frame["rare"] = (np.arange(80) == 79) * 1.0
    frame.loc[::3, "city"] = None
    study = study_of(
        frame.drop(columns="income")[:70],
        frame["income"][:70],
        X_test=frame.drop(columns="income")[70:79],
        y_test=frame["income"][70:79],
    )
    found = study.findings_["importance"]
    assert found["rows"] == 9
    assert {one["name"] for one in found["columns"]} >= {"age", "city", "when"}


def test_one_class_among_the_test_rows():
    """Test rows that are all of one class have an importance too."""
    frame = people(90, seed=3)
    same = frame[frame["income"] == "high"]
    study = study_of(
        frame.drop(columns="income"),
        frame["income"],
        X_test=same.drop(columns="income")[:9],
        y_test=same["income"][:9],
    )
    assert study.findings_["importance"]["rows"] == 9


def test_many_columns(monkeypatch):
    """Of many columns the foremost of a first look are asked about, and the others are counted."""
    monkeypatch.setattr(explaining, "_MOST_COLUMNS", 5)
    X = np.random.default_rng(0).normal(size=(60, 12)).astype(np.float32)
    study = study_of(X, (X[:, 3] > 0) * 1)
    found = study.findings_["importance"]
    assert (len(found["columns"]), found["left_out"]) == (5, 7)
    assert found["columns"][0]["name"] == "x3"


class Slow:
    """A model whose answers take a second a row, by a clock of its own."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(explaining.time, "perf_counter", lambda: self.now)

    def matrix(self, X):
        """Return rows as they are."""
        return X

    def answers_of(self, matrix):
        """Let the clock run."""
        self.now += len(matrix)


def test_time_bounds_the_work(monkeypatch):
    """Rows and shuffles are as many as the time allows; where it allows hardly any, there is no importance."""
    slow, X = Slow(monkeypatch), np.zeros((1000, 4))
    assert _affordable(slow, X, 4, seconds=1e9, repeats=10) == (1000, 10, 0)
    rows, repeats, _ = _affordable(slow, X, 4, seconds=4 * 2 * 300, repeats=10)
    assert (rows, repeats) == (300, 2)
    assert _affordable(slow, X, 4, seconds=4 * 2 * 10, repeats=10) is None
    assert _affordable(slow, X[:1], 4, seconds=1e9, repeats=10) is None


def test_one_row():
    """A single row cannot be shuffled: nothing is said of columns."""
    model, frame = people_study().model, people(30)
    X = model.given(frame)[:1]
    found = explained_rows(model, model, X, np.array(["low"]), curves_over=X)
    assert found["columns"] == found["dependence"] == []


def test_encoded_rows_answer_as_the_table():
    """Asked in encoded rows, the model answers as it does for the table."""
    model, frame = people_study("linear").model, people(20, seed=4)
    encoded = model.encoding.encode(model.given(frame))
    np.testing.assert_array_equal(EncodedRows(model).predict(encoded), model.predict(frame))


def test_single_answers():
    """What pushed an answer is told with the row's own values; of a model without a gradient nothing."""
    frame = people(20, seed=5).drop(columns="income")
    model = people_study("linear").model
    found = attributions_of(model, frame[2:4], [2, 3])
    one = found["rows"][1]
    assert (one["row"], one["of"]) == (3, model.predict(frame)[3])
    assert next(c["value"] for c in one["columns"] if c["column"] == "city") == frame["city"][3]
    assert sum(c["attribution"] for c in one["columns"]) == pytest.approx(one["end"] - one["start"], abs=1e-3)
    assert attributions_of(people_study("knn").model, frame[:1], [0]) is None
    X = np.array([[0.5, 1.0, -2.0]], np.float32)
    assert attributions_of(values_study().model, X, [0])["rows"][0]["columns"][0]["value"] in (0.5, 1.0, -2.0)
