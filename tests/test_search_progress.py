"""What a search draws while it runs: a bar, and the best settings with their intervals."""

import io

import numpy as np
import pytest
from rich.console import Console
from sklearn.datasets import load_wine

from gorae import KNeighborsClassifier, SearchCV
from gorae.errors import ParameterError
from gorae.search import progress
from gorae.search.progress import Bar, Listener, Tried, best_table, listening, value_text


def drawn(table):
    """A table as text."""
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    return console.file.getvalue()


def test_a_table_of_the_best():
    """One line a setting, with what a setting does not have left empty, and nothing taken for markup."""
    tried = [
        Tried({"rate": 0.00123456, "[red]name": "a"}, 0.9, 0.85, 0.95, 30),
        Tried({"rate": 0.1}, 0.5, np.nan, np.nan, 10),
    ]
    lines = drawn(best_table(tried)).splitlines()
    assert lines[0].split() == ["mean", "score", "95", "%", "interval", "epochs", "rate", "[red]name"]
    assert lines[1].split() == ["0.9000", "0.8500", "to", "0.9500", "30", "0.001235", "a"]
    assert lines[2].split() == ["0.5000", "-", "10", "0.1"]


def test_values_are_short_and_harmless():
    """Line breaks, escapes and long values do not spoil the table."""
    assert value_text("a\nb\x1b[2J") == "a b?[2J"
    assert len(value_text("x" * 500)) == 60


def test_who_trained_longest_is_shown():
    """At a later rung only those that climbed it are compared."""
    bar = Bar(Console(file=io.StringIO(), width=100), table=True)
    bar.finished([Tried({"a": 1}, 0.99, 0.9, 1.0, 3), Tried({"a": 2}, np.nan, np.nan, np.nan, 3)])
    bar.finished([Tried({"a": 3}, 0.7, 0.6, 0.8, 9)])
    assert [each.setting for each in bar._best] == [{"a": 3}]


def test_nothing_is_drawn_without_a_terminal():
    """A file or a pipe gets nothing; 0 is silent everywhere."""
    with listening(2) as listener:
        assert type(listener) is Listener
    with pytest.raises(ParameterError, match="verbose"), listening(-1):
        pass


def test_a_search_draws_on_a_terminal(monkeypatch):
    """The bar moves, and the table has the best setting with an interval that ends at 1."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    X, y = load_wine(return_X_y=True)
    space = {"n_neighbors": [1, 5]}
    SearchCV(KNeighborsClassifier(), space, sampler="grid", cv=3, verbose=2).fit(X, y)
    assert "best mean score" in shown.getvalue()
    assert "n_neighbors" in shown.getvalue()
    assert "to 1.0" not in shown.getvalue().replace("to 1.0000", "")
