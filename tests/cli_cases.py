"""The command line, called in this process: exit code, standard output, standard error."""

import sys
import warnings
from typing import NamedTuple

import pytest

from gorae.cli import main
from study_cases import as_csv, people


class Ran(NamedTuple):
    """What a command left: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys):
    """Return what runs `gorae` with some arguments."""

    def command(*arguments):
        monkeypatch.setattr(sys, "argv", ["gorae", *map(str, arguments)])
        capsys.readouterr()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            with pytest.raises(SystemExit) as left:
                main()
        out, err = capsys.readouterr()
        return Ran(int(left.value.code or 0), out, err)

    return command


@pytest.fixture
def table(tmp_path, few_fits, monkeypatch):
    """A folder with `people.csv`, which commands are run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(as_csv(people()))
    return tmp_path
