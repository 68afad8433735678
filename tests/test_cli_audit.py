"""`gorae audit`: what it prints, writes and refuses, and with which exit code."""

import json

import numpy as np
import pandas as pd
import pytest

import gorae.study
from cli_cases import run
from study_cases import as_csv, people

assert run


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A folder with `people.csv`, two of its rows there twice and one label wrong, which commands run in."""
    monkeypatch.chdir(tmp_path)
    frame = people(90)
    frame.loc[4, "income"] = "high" if frame.loc[4, "income"] == "low" else "low"
    frame = pd.concat([frame, frame.iloc[[7, 8]]])
    (tmp_path / "people.csv").write_text(as_csv(frame))
    (tmp_path / "new.csv").write_text(as_csv(frame.iloc[20:30]))
    return tmp_path


@pytest.fixture
def untrained(monkeypatch):
    """Let every audit fail the test: what is refused must be refused before."""

    def audit(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr(gorae.study, "audit", audit)


def audit(run, *options):
    """Run `gorae audit people.csv --target income`, once through the folds."""
    return run("audit", "people.csv", "--target", "income", "--repeats", "1", *options)


def test_text(table, run):
    """The share, the most suspicious rows, pairs, duplicates and files are told on standard output."""
    ran = audit(run)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].startswith("About ")
    assert lines[3].split() == [
        "row",
        "label",
        "suggested",
        "wrong",
        *["nearest", "same", "nearest", "suggested"],
    ]
    assert len([line for line in lines[4:14] if line.split()[0].isdigit()]) == 10
    assert any("equal to one before them (7, 90; 8, 91; " in line for line in lines)
    assert lines[-1] == "ranking: people-audit.csv   report: people-audit.html"
    ranking = pd.read_csv(table / "people-audit.csv")
    assert sorted(ranking["row"]) == list(range(92))
    assert "gorae audit: people" in (table / "people-audit.html").read_text()


def test_json(table, run):
    """`--json` prints one object with the keys that scripts rely on, test rows among the others too."""
    ran = audit(run, "--json", "--quiet", "--test", "new.csv", "--out", "a/ranking.csv", "--report", "r.html")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n") == 1
    found = json.loads(ran.out)
    assert found["schema"] == "gorae.audit/1"
    assert found["data"] == {
        "name": "people",
        "rows": 92,
        "columns": 4,
        "classes": ["high", "low", "middle"],
        "target": "income",
    }
    assert 0 <= found["noise"]["low"] <= found["noise"]["share"] <= found["noise"]["high"] <= 1
    assert [row["rank"] for row in found["ranking"]] == list(range(1, 11))
    assert set(found["ranking"][0]) == {
        *("rank", "row", "label", "suggested", "probability_wrong", "nearest_same", "nearest_suggested"),
        *("distance_same", "distance_suggested"),
    }
    assert found["duplicates"]["groups"][:2] == [[7, 90], [8, 91]]
    assert found["duplicates"]["test_equal"] == 10
    assert [one["kind"] for one in found["leaks"]] == ["test"]
    assert {"sentence", "advice", "figure", "subject"} <= set(found["leaks"][0])
    assert (found["csv_file"], found["report_file"]) == ("a/ranking.csv", "r.html")
    assert (table / "a" / "ranking.csv").exists()
    assert (table / "r.html").exists()


def test_a_named_data_set(table, run):
    """A data set by name is audited as a file is."""
    ran = run("audit", "iris", "--repeats", "1", "--quiet")
    assert ran.code == 0
    assert "(101, 142)" in ran.out
    assert (table / "iris-audit.csv").exists()


def test_rows_without_a_label_keep_the_numbers_of_the_file(table, run):
    """Row numbers are those of the file where rows without a target were left out."""
    text = (table / "people.csv").read_text().splitlines()
    text.insert(1, "30,170,Busan,True,")
    (table / "people.csv").write_text("\n".join(text) + "\n")
    ran = audit(run)
    assert "(8, 91; 9, 92; " in ran.out
    assert "note: 1 of 93 rows" in ran.out
    assert 0 not in set(pd.read_csv(table / "people-audit.csv")["row"])


@pytest.mark.parametrize("name", ["people-audit.csv", "people-audit.html"])
def test_existing_output_is_refused_before_training(table, run, untrained, name):
    """An output that exists is refused before the work, by name, and is left as it was."""
    (table / name).write_text("mine")
    ran = audit(run)
    assert ran.code == 1
    assert f"'{name}' exists already; give --force" in ran.err
    assert (table / name).read_text() == "mine"


def test_labels_at_random(table, run):
    """Labels that no column says anything of are refused in one sentence, and nothing is written."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draw.normal(size=60).round(3), "y": draw.choice(["a", "b"], 60)})
    (table / "random.csv").write_text(as_csv(frame))
    ran = run("audit", "random.csv", "--target", "y", "--repeats", "1")
    assert ran.code == 1
    assert "the labels cannot be judged" in ran.err
    assert not (table / "random-audit.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["people.csv", "--target", "incme"], 1, "has no column 'incme' (did you mean 'income'?)"),
        (["people.csv"], 1, "Give --target"),
        (["digts"], 1, "Did you mean 'digits'?"),
        (["people.csv", "--target", "height"], 1, "an audit looks for wrong class labels"),
        (["diabetes"], 1, "must be 'classification' or None"),
        (["people.csv", "--target", "income", "--folds", "1"], 2, "--folds"),
        (["people.csv", "--target", "income", "--repeats", "0"], 2, "--repeats"),
        (["people.csv", "--target", "income", "--task", "regression"], 2, "--task"),
        (["people.csv", "--target", "income", "--out", "x.html"], 2, "would both be 'x.html'"),
        (["people.csv", "--target", "income", "--test", "none.csv"], 1, "none.csv"),
        (["people.csv", "--target", "income", "--repeat", "1"], 2, "--repeat"),
    ],
)
def test_refused(table, run, arguments, code, words):
    """What cannot be done is told in one sentence with what would be right: 2 for usage, 1 for the rest."""
    ran = run("audit", *arguments)
    assert ran.code == code
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_help(run):
    """The help says what is ranked and where it goes."""
    ran = run("audit", "--help")
    assert ran.code == 0
    for word in ("--target", "--test", "--out", "--report", "--repeats", "--json", "--force", "--quiet"):
        assert word in ran.out
