"""The plan of a study of texts: which models that read them there is time for, and how much of each."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gorae.backend import cores
from gorae.data import TextForms
from gorae.study.plan import Plan, check_budget, duration, richest
from gorae.study.text_rungs import EMBEDDED, NAMED, WIDTH, known_tokens

__all__ = ["make_text_plan", "seconds_a_fit"]

_SETTINGS = {"knn": 6, "linear": 3, "bag": 2, "gru": 1}
_DEAR = ("gru", "bag")
"""Rungs that are left out where there is no time for them, the dearest first."""

_STOPPED_EARLY = 0.6
_COMPILE_SECONDS = {"linear": 4.0, "bag": 4.0, "gru": 10.0}
_SAFETY = 1.3
_A_LOOKED_UP_NUMBER = 4e-9
"""Seconds of one core to look up a number of an embedding, and to add its slope where it belongs."""

_A_LEARNED_NUMBER = 3e-9
"""Seconds of one core to move a number of an embedding by a step of Adam."""

_GRU_EFFICIENCY = 0.35
_A_STEP_OF_TIME = 60e-6
"""Seconds of one core that a step of time takes beside its products, for a whole batch."""


def make_text_plan(
    forms: TextForms,
    classes: int,
    models: Sequence[str],
    *,
    budget: float,
    speed: float,
    most_folds: int = 5,
) -> Plan:
    """Return the richest plan for texts that is expected to fit the budget.

    Args:
        forms: the texts to learn from.
        classes: number of classes, 0 for regression.
        models: rungs of the ladder.
        budget: seconds.
        speed: float32 operations a second (`gorae.study.plan.machine_speed`).
        most_folds: the most folds that the classes or groups allow.

    Returns:
        The plan; a bag of embeddings or a recurrent network that it has no time for is left out, and told.

    Raises:
        ParameterError: when the budget is not positive.
    """
    check_budget(budget)
    rows = len(forms.sketch)
    batch = 16 if rows < 300 else 32 if rows < 1500 else 64
    steps = max(1, -(-int(rows * 0.7) // batch))
    folds = min(5, most_folds)
    full = Plan(
        models=tuple(models),
        outer=folds,
        inner=min(3, folds),
        repeats=3 if rows < 300 else 1,
        settings={model: count for model, count in _SETTINGS.items() if model in models},
        members=1,
        epochs={
            "linear": int(np.clip(2500 // steps, 12, 100)),
            "bag": int(np.clip(2500 // steps, 12, 60)),
            "gru": int(np.clip(1500 // steps, 6, 30)),
        },
        batch_size=batch,
        neighbor_rows=None,
        seconds=0.0,
        budget=float(budget),
    )
    plan = richest(full, rows, lambda one: _expected_seconds(one, forms, max(classes, 1), speed))
    dear = next((model for model in _DEAR if model in models), None)
    if dear is not None and plan.seconds > budget and set(models) - {"chance", dear}:
        fewer = [model for model in models if model != dear]
        rest = make_text_plan(forms, classes, fewer, budget=budget, speed=speed, most_folds=most_folds)
        alone = f"{NAMED[dear]}: with it the study would take {duration(plan.seconds)}"
        return replace(rest, gave_up=(alone, *rest.gave_up))
    return plan


def _expected_seconds(plan: Plan, forms: TextForms, outputs: int, speed: float) -> float:
    """Return about how long a plan takes on this machine."""
    rows, total = len(forms.sketch), 0.0
    outer = plan.outer * plan.repeats
    share = (plan.outer - 1) / plan.outer if plan.outer > 1 else 0.8
    inner_share = share * ((plan.inner - 1) / plan.inner if plan.inner > 1 else 0.8)
    for model in ("linear", "bag", "gru"):
        if model not in plan.settings:
            continue
        tried = plan.settings[model]
        trained = outer * plan.inner * tried * inner_share if tried > 1 else 0
        trained += outer * share + 1
        total += trained * seconds_a_fit(model, plan, forms, outputs, speed) + _COMPILE_SECONDS[model]
    if "knn" in plan.settings:
        found = min(rows * share, plan.neighbor_rows or rows)
        pairs = rows * plan.repeats * found * (2 if plan.settings["knn"] > 1 else 1)
        total += _seconds_of_pairs(pairs, forms, speed)
    return _SAFETY * total + 1.0


def seconds_a_fit(model: str, plan: Plan, forms: TextForms, outputs: int, speed: float) -> float:
    """Return about how long a rung takes to learn from all rows here, compilation apart.

    Nearest neighbours learn nothing; theirs is the time to look for those of every row.

    Args:
        model: "knn", "linear", "bag" or "gru".
        plan: epochs and rows a batch.
        forms: the texts.
        outputs: classes, or 1.
        speed: float32 operations a second.
    """
    rows = len(forms.sketch)
    if model == "knn":
        return _seconds_of_pairs(rows * min(rows, plan.neighbor_rows or rows), forms, speed)
    each = _seconds_a_row(model, plan, forms, outputs, speed) / cores()
    return rows * plan.epochs[model] * _STOPPED_EARLY * each


def _seconds_of_pairs(pairs: float, forms: TextForms, speed: float) -> float:
    """Return about how long it takes to find how far so many pairs of sketches are apart."""
    return 2.5 * pairs * (2 * forms.sketch.shape[1] / speed + 4e-10)


def _seconds_a_row(model: str, plan: Plan, forms: TextForms, outputs: int, speed: float) -> float:
    """Return the seconds of one core that training takes with one row."""
    rows = forms.ngrams if model == "linear" else forms.words
    known, width = known_tokens(model, rows), EMBEDDED[model]
    steps = rows.shape[1] if model != "gru" else float(np.mean(np.asarray(rows)[:, 0])) * 1.3
    seconds = steps * width * _A_LOOKED_UP_NUMBER + known * width * _A_LEARNED_NUMBER / plan.batch_size
    if model == "gru":
        flops = 3 * 2 * 3 * WIDTH * (width + WIDTH) * steps
        seconds += flops * cores() / (speed * _GRU_EFFICIENCY) + steps * _A_STEP_OF_TIME / plan.batch_size
    return seconds
