"""Climbing the ladder: one rung after the other, within the time there is, until Ctrl-C."""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gorae.backend import Device
from gorae.data.sequence_rows import PackedRows
from gorae.errors import GoraeWarning
from gorae.search import NestedResult, OuterFold, Rows, Step, Tell
from gorae.study.findings import ladder_row
from gorae.study.ladder import climb, settings_of
from gorae.study.plan import Plan, duration
from gorae.study.progress import Listener

_GRACE = 2.0
"""How many times its budget a study may take before the model in work is given up."""


class _OutOfTimeError(Exception):
    """The model in work would take the study far beyond its budget."""


@dataclass
class Ascent:
    """What climbing the ladder gave.

    Args:
        results: a result for each rung that was scored whole.
        table: the rung's rows of the ladder, simplest first.
        notes: sentences on rungs that are missing.
        interrupted: whether Ctrl-C ended it.
    """

    results: dict[str, NestedResult] = field(default_factory=dict)
    table: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False


def climb_ladder(
    rows_of: Callable[[str], Rows],
    plan: Plan,
    folds: Sequence[OuterFold],
    *,
    seed: int,
    device: str | None,
    devices: list[Device],
    heard: Listener,
    began: float,
) -> Ascent:
    """Score the rungs of the plan, as far as time and the user allow.

    A rung is scored whole or not at all. Once a model beside chance is scored, no rung begins after the
    budget is used up, one that takes the study to twice its budget is given up, and Ctrl-C ends the climb.

    Args:
        rows_of: gives the data in the form that a rung reads.
        plan: rungs, and how much of everything.
        folds: outer folds with their inner splits.
        seed: the root seed.
        device: the user's word for where.
        devices: where.
        heard: hears how it goes.
        began: when the study began, in `time.perf_counter`'s seconds.

    Returns:
        What was scored; what is missing is told in a note and a warning.

    Raises:
        KeyboardInterrupt: on Ctrl-C before any model beside chance was scored.
    """
    ascent = Ascent()
    try:
        for rung in _rungs(plan.models):
            scored = len(ascent.table) > 1
            if scored and time.perf_counter() - began > plan.budget:
                _note(ascent, plan, f"The time of {duration(plan.budget)} was used up")
                break
            limit = began + _GRACE * plan.budget if scored else math.inf
            _climb_rung(ascent, rung, rows_of(rung), plan, folds, seed, device, devices, heard, limit)
    except KeyboardInterrupt:
        if len(ascent.table) < 2:
            raise
        ascent.interrupted = True
        _note(ascent, plan, "Interrupted by Ctrl-C")
    except _OutOfTimeError:
        _note(ascent, plan, f"Given up at twice the time of {duration(plan.budget)}")
    return ascent


def _climb_rung(
    ascent: Ascent,
    rung: str,
    rows: Rows,
    plan: Plan,
    folds: Sequence[OuterFold],
    seed: int,
    device: str | None,
    devices: list[Device],
    heard: Listener,
    limit: float,
) -> None:
    """Score one rung, and add it to what was scored."""
    heard.started(rung)
    tell = _until(limit, heard.advanced)
    found = climb(rung, rows, plan, folds, seed=seed, device=device, devices=devices, tell=tell)
    texts = isinstance(rows.matrix, PackedRows)
    for name, result in found.items():
        if name in plan.models:
            tried = settings_of(name, plan, *rows.matrix.shape, texts=texts)
            row = ladder_row(name, result, rows, tried)
            ascent.results[name] = result
            ascent.table.append(row)
            heard.scored(row)


def _until(limit: float, tell: Tell) -> Tell:
    """Return what passes progress on, until time is up."""

    def pass_on(step: Step) -> None:
        tell(step)
        if time.perf_counter() > limit and step.share < 1.0:
            raise _OutOfTimeError

    return pass_on


def _rungs(models: Sequence[str]) -> list[str]:
    """Return what is trained for these models: an ensemble needs the single network's choice of settings."""
    wanted = [model for model in models if model != "ensemble"]
    return wanted if "ensemble" not in models or "mlp" in wanted else [*wanted, "mlp"]


def _note(ascent: Ascent, plan: Plan, why: str) -> None:
    """Say which rungs are missing and why."""
    missing = set(plan.models) - {row["model"] for row in ascent.table}
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        names = ", ".join(model for model in plan.models if model in missing)
        ascent.notes.append(f"{why}: {names} {verb} missing from the ladder.")
        warnings.warn(ascent.notes[-1], GoraeWarning, stacklevel=4)
