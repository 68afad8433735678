"""Which rung of the ladder of texts a learning curve is measured with: the best that there is time for."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from gorae.backend import select_devices
from gorae.data import TextForms
from gorae.search import metric_of, nested_folds
from gorae.study.findings import ladder_row
from gorae.study.ladder import climb
from gorae.study.plan import OF_TEXTS, Plan, choose_models, duration, machine_speed
from gorae.study.prepare import Prepared
from gorae.study.progress import Listener, Silent
from gorae.study.text_plan import make_text_plan, seconds_a_fit
from gorae.study.text_rungs import FORM_OF, NAMED, form_of

__all__ = ["CurveRung", "rung_of_curve"]

_ANY_TIME = 1e8
_SIZES = 2.3
"""Fits on all rows that one fold's fits at the sizes that are chosen by themselves are worth."""

_OWN_WORDS = "Each fit knows the words of its own texts alone."


class CurveRung(NamedTuple):
    """A rung of texts to measure, and how.

    Attributes:
        model: "knn", "linear", "bag" or "gru".
        plan: epochs, rows a batch and one setting of each rung.
        notes: sentences on which it is, and why.
    """

    model: str
    plan: Plan
    notes: tuple[str, ...]


def rung_of_curve(
    asked: str | None,
    data: Prepared,
    *,
    sizes: Any = None,
    folds: int = 5,
    repeats: int = 1,
    budget: float = 600.0,
    seed: int = 0,
    heard: Listener | None = None,
) -> CurveRung:
    """Return the rung that a learning curve of texts is measured with.

    None is asked for: of the rungs whose curve fits the time it is the one that is best on a fifth of the
    texts, held apart, which is what `gorae fit` would choose by more folds; where the time suffices for
    none, the quickest.

    Args:
        asked: a rung, or None.
        data: texts.
        sizes: of the curve, as `gorae.learning_curve` takes them.
        folds: of the curve.
        repeats: of its folds.
        budget: seconds that the curve may take.
        seed: decides the fifth, and the weights.
        heard: hears of each rung that is tried, or None.

    Raises:
        ParameterError: for a rung that reads no texts.
    """
    assert data.texts is not None
    forms, rows = data.texts.rows, len(data.rows.matrix)
    models = choose_models(None if asked is None else [asked], data.task, texts=True)
    speed = machine_speed()
    full = make_text_plan(forms, data.rows.classes, models, budget=_ANY_TIME, speed=speed)
    plan = replace(full, settings=dict.fromkeys(full.settings, 1), outer=1, inner=1, repeats=1)
    fits = _whole_fits(sizes, rows) * folds * repeats
    took = _expected(plan, forms, max(data.rows.classes, 1), speed, fits)
    fitting = [model for model in took if took[model] <= budget]
    if asked is not None or not fitting:
        model = asked or min(took, key=lambda one: took[one])
        return CurveRung(model, plan, _told_alone(model, took[model], budget, asked=asked is not None))
    tried = fitting if len(fitting) > 1 else []
    scores = {model: _score(model, data, plan, seed, heard or Silent()) for model in tried}
    best = max(fitting, key=lambda one: scores.get(one, 0.0))
    slow = {model: seconds for model, seconds in took.items() if model not in fitting}
    return CurveRung(best, plan, _told_best(best, scores, slow, data))


def _whole_fits(sizes: Any, rows: int) -> float:
    """Return how many fits on all rows those of one fold take as long as, about."""
    given = list(sizes) if isinstance(sizes, Sequence | np.ndarray) else []
    if not given or not all(isinstance(size, Real) for size in given):  # refused where they are used
        return _SIZES
    whole = rows if max(given) > 1 else 1
    return float(sum(given)) / whole


def _expected(plan: Plan, forms: TextForms, outputs: int, speed: float, fits: float) -> dict[str, float]:
    """Return about how many seconds the curve of each rung takes."""
    return {
        model: fits * seconds_a_fit(model, plan, forms, outputs, speed)
        for model in OF_TEXTS
        if model in plan.settings
    }


def _score(model: str, data: Prepared, plan: Plan, seed: int, heard: Listener) -> float:
    """Return a rung's score on a fifth of the texts that it has not learned from."""
    rows = data.in_form(form_of(model)).rows
    folds = nested_folds(
        rows.strata, outer=1, inner=0, stratify=rows.classes > 0, groups=rows.groups, seed=seed
    )
    heard.started(model)
    found = climb(
        model, rows, plan, folds, seed=seed, device=None, devices=select_devices(), tell=heard.advanced
    )
    heard.scored(ladder_row(model, found[model], rows, []))
    score = float(np.mean(found[model].fold_scores))
    return score if np.isfinite(score) else -np.inf


def _told_alone(model: str, seconds: float, budget: float, *, asked: bool) -> tuple[str, ...]:
    """Return sentences on a rung that was not chosen by its score."""
    about = f"{NAMED[model]} ({model})"
    words = (_OWN_WORDS,) if model in FORM_OF else ()
    if asked:
        return (f"Measured with {about}.", *words)
    most, took = duration(budget), duration(seconds)
    return (
        f"Measured with {about}, the quickest model of texts: its curve alone takes about {took}, and the "
        f"others would take longer; {most} suffice for none.",
        *words,
    )


def _told_best(
    best: str, scores: dict[str, float], slow: dict[str, float], data: Prepared
) -> tuple[str, ...]:
    """Return sentences on the best of the rungs that there is time for."""
    others = [f"{model} {scores[model]:.3f}" for model in scores if model != best]
    told = f"Measured with {NAMED[best]} ({best})"
    if others:
        metric = metric_of(data.rows.classes)
        told += (
            ", on a fifth of the texts held apart the best of those there is time for: "
            f"{metric} {scores[best]:.3f}, beside {', '.join(others)}"
        )
    notes = [f"{told}."]
    if slow:
        listed = ", ".join(f"{model} (about {duration(seconds)})" for model, seconds in slow.items())
        notes.append(f"Not tried, as the curve would take too long: {listed}; --model measures one anyway.")
    return (*notes, _OWN_WORDS) if best in FORM_OF else tuple(notes)
