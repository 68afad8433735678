"""What a study shows while it works, on a terminal and elsewhere."""

import io
import math

import pytest
from rich.console import Console

from gorae.search import Step
from gorae.study import MODELS
from gorae.study.progress import Bars
from study_cases import small_plan

ROW = {
    "model": "mlp",
    "metric": "accuracy",
    "score": 0.9,
    "low": 0.8,
    "high": 0.95,
    "fits": 60,
    "seconds": 1.5,
}


def shown(*, terminal, steps=()):
    """What bars write for one model."""
    file = io.StringIO()
    bars = Bars(
        Console(file=file, force_terminal=terminal, width=100, color_system=None, legacy_windows=False)
    )
    plan = small_plan(100, 4, 2, MODELS, budget=60.0, speed=1.0)
    bars.planned(plan)
    bars.started("mlp")
    for step in steps:
        bars.advanced(step)
    bars._bars.refresh()
    bars.scored(ROW)
    bars.closed()
    return file.getvalue()


def test_bar_on_a_terminal():
    """On a terminal a bar tells the models trained, the best score so far and the time left."""
    text = shown(terminal=True, steps=[Step(12, 60, 0.2, 0.8765)])
    assert "12/60 trained, best so far 0.8765" in text
    assert "-:--:--" in text


@pytest.mark.parametrize("best", [math.nan, -math.inf])
def test_no_score_yet(best):
    """As long as there is no score, none is told."""
    text = shown(terminal=True, steps=[Step(0, 60, 0.0, best)])
    assert "0/60 trained" in text
    assert "best so far" not in text


def test_lines_elsewhere():
    """Elsewhere there is a line for the plan, whole however long, and one a model; nothing else."""
    lines = shown(terminal=False, steps=[Step(12, 60, 0.2, 0.8765)]).splitlines()
    assert len(lines) == 2
    assert len(lines[0]) > 100
    assert lines[0].startswith("plan: ")
    assert lines[1] == "      mlp  accuracy 0.9000  (0.8000 to 0.9500)  60 fits, 1.5 s"


def test_brackets_are_no_markup():
    """A name with brackets is shown as it is, not taken for rich's markup."""
    file = io.StringIO()
    bars = Bars(Console(file=file, force_terminal=False))
    bars.scored({**ROW, "metric": "[red]accuracy[/red]"})
    assert "[red]accuracy[/red]" in file.getvalue()
