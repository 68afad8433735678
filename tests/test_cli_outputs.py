"""Folders for what a command writes: made and looked at before the work, taken away where nothing came."""

import pytest

import gorae
from cli_cases import run, table
from gorae.errors import DataError
from study_cases import few_fits

assert run
assert table
assert few_fits


FIT = ("fit", "people.csv", "--target", "income", "--models", "bayes")


@pytest.mark.parametrize("problem", [DataError("no"), KeyboardInterrupt(), RuntimeError("a bug")])
def test_nothing_is_left_where_a_command_fails(table, run, monkeypatch, problem):
    """Folders that were made for the outputs are taken away, whatever ended the command."""

    def fail(*_, **__):
        raise problem

    monkeypatch.setattr(gorae.Study, "fit", fail)
    try:
        ran = run(*FIT, "--out", "new/deep")
        assert ran.code in (1, 130)
    except RuntimeError:
        pass

    assert sorted(path.name for path in table.iterdir()) == ["people.csv"]


def test_what_was_there_stays(table, run, monkeypatch):
    """An empty folder of the user's own, and one with a file in it, stay."""
    (table / "own").mkdir()
    (table / "new").mkdir()
    (table / "new" / "notes.txt").write_text("mine")
    monkeypatch.setattr(gorae.Study, "fit", None)
    for folder in ("own", "new/deep"):
        with pytest.raises(TypeError):
            run(*FIT, "--out", folder)

    assert (table / "own").is_dir()
    assert [path.name for path in (table / "new").iterdir()] == ["notes.txt"]


def test_what_was_written_stays(table, run):
    """A command that writes into a folder that it made leaves it, with its files."""
    assert run(*FIT, "--out", "new/deep").code == 0
    assert sorted(path.name for path in (table / "new" / "deep").iterdir()) == [
        "people.gorae",
        "people.html",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("curve", "people.csv", "--target", "income", "--sizes", "1,2", "--report", "new/c.html"),
        ("search", "people.csv", "--target", "income", "--scoring", "acuracy", "--out", "new"),
        ("look", "people.csv", "--target", "nowhere", "--report", "new/l.html"),
    ],
)
def test_other_commands(table, run, arguments):
    """Every command that makes a folder for its output takes it away again when it fails."""
    ran = run(*arguments)

    assert ran.code in (1, 2)
    assert not (table / "new").exists()
