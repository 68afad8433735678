"""The plan of a study: how much of everything, made to fit a time budget before the work starts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from gorae.backend import cores
from gorae.errors import ParameterError, closest
from gorae.models.cnn import CNNShape
from gorae.models.cnn_presets import small_layers

MODELS = ("chance", "bayes", "knn", "linear", "mlp", "cnn", "bag", "gru", "ensemble")
"""The ladder, in order of capacity."""

OF_TEXTS = ("chance", "knn", "linear", "bag", "gru")
"""The ladder of texts."""

_IN_ORDER = ("bag", "gru")
"""Rungs that read tokens, and nothing else."""

_CLASSIFICATION_ONLY = ("bayes",)
_SETTINGS = {"bayes": 6, "knn": 12, "linear": 5, "mlp": 8, "cnn": 2}
_WORTH_CONVOLVING = 12
"""Cells along an image's shorter side from which a convolutional network is on the ladder by itself."""
_STEP_OVERHEAD = 40e-6
_COMPILE_SECONDS = 3.0
_NETWORK_EFFICIENCY = 0.6
_CONVOLUTION_EFFICIENCY = 0.5
_STOPPED_EARLY = 0.6
_SAFETY = 1.5
_MANHATTAN_COST = 8
_EUCLIDEAN_SETTINGS = 6
_TRAIN_SAMPLE = 2000
_SIDE = 256
_ELEMENTWISE = 20
FULL_COVARIANCE = 1000
"""With more columns, Bayes takes them as independent: a covariance of all pairs costs their number cubed."""

_LONGEST_BUDGET = 1e9


@dataclass(frozen=True)
class Plan:
    """How a study spends its time.

    Args:
        models: the rungs of the ladder, simplest first.
        outer: outer folds; 1 is a single split.
        inner: inner folds of each; 1 is a single split.
        repeats: repetitions of the outer folds.
        settings: settings tried, by model.
        members: networks of the ensemble and of the final model.
        epochs: the most epochs of a network, by model.
        batch_size: rows a step of a network.
        neighbor_rows: the most rows that neighbours are looked for in, or None for all.
        seconds: what this is expected to take.
        budget: what it may take.
        gave_up: what the full plan would have had and this one has not, in words.
    """

    models: tuple[str, ...]
    outer: int
    inner: int
    repeats: int
    settings: dict[str, int]
    members: int
    epochs: dict[str, int]
    batch_size: int
    neighbor_rows: int | None
    seconds: float
    budget: float
    gave_up: tuple[str, ...] = ()

    @property
    def chooses(self) -> bool:
        """Whether any model has more than one setting to choose from."""
        return any(count > 1 for count in self.settings.values())

    @property
    def lines(self) -> list[str]:
        """The plan in words."""
        folds = f"{self.outer} outer folds" if self.outer > 1 else "a single outer split"
        times = f", repeated {self.repeats} times" if self.repeats > 1 else ""
        inside = f"{self.inner} inner folds" if self.inner > 1 else "a single inner split"
        choice = f"{inside} to choose settings" if self.chooses else "no settings to choose"
        words = [f"{folds}{times}, {choice}"]
        if self.chooses:
            words.append("settings tried: " + ", ".join(f"{n} of {m}" for m, n in self.settings.items()))
        networks = [m for m in ("linear", "mlp", "cnn", "bag", "gru") if m in self.settings]
        if networks:
            most = ", ".join(f"{self.epochs[m]} ({m})" for m in networks)
            words.append(f"batches of {self.batch_size} rows for at most {most} epochs")
        if "ensemble" in self.models:
            words.append(f"{self.members} networks in the ensemble")
        words.append(f"about {duration(self.seconds)} of {duration(self.budget)}")
        return words

    def to_dict(self) -> dict[str, Any]:
        """Return what a report shows of the plan."""
        return {
            "lines": self.lines,
            "gave_up": list(self.gave_up),
            "outer": self.outer,
            "repeats": self.repeats,
        }


def check_models(names: Any) -> tuple[str, ...]:
    """Return the names of rungs, all known and one of them more than chance.

    Raises:
        ParameterError: for a name that is no model, or where there is nothing to learn with.

    Example:
        >>> check_models(["mlp", "linear"])
        ('mlp', 'linear')
    """
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise ParameterError(f"models must be a list of names, such as ['linear', 'mlp'], got {names!r}.")
    for name in names:
        if name not in MODELS:
            near = closest(str(name), MODELS)
            hint = f" Did you mean {near!r}?" if near else ""
            raise ParameterError(f"models must be among {', '.join(MODELS)}, got {name!r}.{hint}")
    if not set(names) - {"chance"}:
        raise ParameterError(
            f"models must name at least one of {', '.join(MODELS[1:])}; chance is always there to compare "
            "with."
        )
    return tuple(names)


def choose_models(
    names: Sequence[str] | None,
    task: str,
    image_shape: Sequence[int] | None = None,
    *,
    texts: bool = False,
) -> tuple[str, ...]:
    """Return the rungs of the ladder that are asked for and fit the task, simplest first.

    Args:
        names: of rungs, or None for all that fit: a convolutional network where rows are images that are not
            very small.
        task: "classification" or "regression".
        image_shape: height and width first, where rows are images.
        texts: whether rows are texts.

    Raises:
        ParameterError: for a name that is no model, or one that does not fit the task or the rows.
    """
    if texts:
        return _choose_of_texts(names)
    rungs = [m for m in MODELS if m not in _IN_ORDER]
    fitting = [m for m in rungs if task == "classification" or m not in _CLASSIFICATION_ONLY]
    if names is None:
        convolves = image_shape is not None and min(image_shape[:2]) >= _WORTH_CONVOLVING
        return tuple(m for m in fitting if m != "cnn" or convolves)
    if "cnn" in check_models(names) and image_shape is None:
        raise ParameterError(
            "the model 'cnn' needs images; give image_shape=(height, width) if the rows are images, or leave "
            "it out."
        )
    wanted = {"chance", *check_models(names)}
    for name in sorted(wanted & set(_IN_ORDER)):
        raise ParameterError(
            f"the model {name!r} reads texts, and these rows are none; leave it out, or name the column of "
            "texts with text=... (--text COLUMN)."
        )
    for name in sorted(wanted - set(fitting)):
        raise ParameterError(
            f"the model {name!r} needs classes, but the task is {task}; leave it out, or give the task."
        )
    return tuple(m for m in fitting if m in wanted)


def _choose_of_texts(names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the rungs of the ladder of texts that are asked for, all of them where none is."""
    wanted = OF_TEXTS if names is None else ("chance", *check_models(names))
    for name in sorted(set(wanted) - set(OF_TEXTS)):
        raise ParameterError(
            f"the model {name!r} reads columns, and these rows are texts; those that read texts are "
            f"{', '.join(OF_TEXTS[1:])}."
        )
    return tuple(m for m in OF_TEXTS if m in wanted)


def machine_speed(seconds: float = 0.1) -> float:
    """Return the float32 operations a second of matrix products here.

    The best of many small products on one core, times the cores: threads that wait for each other on a busy
    machine would tell of the moment, not of the machine.
    """
    a = np.random.default_rng(0).random((_SIDE, _SIDE), dtype=np.float32)
    best = np.inf
    with threadpool_limits(1):
        until = time.perf_counter() + seconds
        while best == np.inf or time.perf_counter() < until:
            start = time.perf_counter()
            np.matmul(a, a)
            best = min(best, time.perf_counter() - start)
    return 2 * _SIDE**3 / best * cores()


def make_plan(
    rows: int,
    features: int,
    classes: int,
    models: Sequence[str],
    *,
    budget: float,
    speed: float,
    most_folds: int = 5,
    image_shape: Sequence[int] | None = None,
) -> Plan:
    """Return the richest plan that is expected to fit the budget.

    A convolutional network that no plan has time for is left out, and told.

    Args:
        rows: rows to learn from and to score (test rows excluded).
        features: columns of the encoded matrix.
        classes: number of classes, 0 for regression.
        models: rungs of the ladder.
        budget: seconds.
        speed: float32 operations a second (`machine_speed`).
        most_folds: the most folds that the classes or groups allow.
        image_shape: height, width and perhaps channels, where rows are images.

    Returns:
        The plan; the poorest one if none fits, with what it gave up in words.

    Raises:
        ParameterError: when the budget is not positive.
    """
    check_budget(budget)
    batch = 32 if rows < 700 else 64 if rows < 1500 else 128
    steps = max(1, -(-int(rows * 0.7) // batch))
    most = 300 if batch == 32 else 100
    epochs = {
        "mlp": int(np.clip(6000 // steps, 15, most)),
        "linear": int(np.clip(4000 // steps, 10, most)),
        "cnn": int(np.clip(3000 // steps, 8, 40)),
    }
    convolved = 0 if "cnn" not in models else _convolutions(image_shape or (1, features), max(classes, 1))
    repeats = 3 if rows < 300 else 2 if rows < 1000 else 1
    settings = {m: n for m, n in _SETTINGS.items() if m in models or (m == "mlp" and "ensemble" in models)}
    folds = min(5, most_folds)
    full = Plan(
        tuple(models), folds, min(3, folds), repeats, settings, 5, epochs, batch, None, 0.0, float(budget)
    )
    plan = richest(full, rows, lambda one: _expected_seconds(one, rows, features, classes, speed, convolved))
    if convolved and plan.seconds > budget and set(models) - {"chance", "cnn"}:
        fewer = [m for m in models if m != "cnn"]
        rest = make_plan(rows, features, classes, fewer, budget=budget, speed=speed, most_folds=most_folds)
        alone = f"the convolutional network: with it the study would take {duration(plan.seconds)}"
        return replace(rest, gave_up=(alone, *rest.gave_up))
    return plan


def check_budget(budget: float) -> None:
    """Refuse a time that is none.

    Raises:
        ParameterError: when it is no positive number of seconds.
    """
    if not isinstance(budget, Real) or isinstance(budget, bool) or not 0 < budget < _LONGEST_BUDGET:
        raise ParameterError(f"time must be a positive number of seconds, got {budget!r:.60}.")


def richest(full: Plan, rows: int, expected: Callable[[Plan], float]) -> Plan:
    """Return the first plan, from the full one to the poorest, that fits its budget; else the poorest.

    Args:
        full: the full plan.
        rows: rows to learn from and to score.
        expected: the seconds that a plan is expected to take.
    """
    plan = full
    for plan in _poorer(full, rows):
        plan = replace(plan, seconds=expected(plan))
        plan = replace(plan, gave_up=_given_up(full, plan))
        if plan.seconds <= plan.budget:
            break
    return plan


def _convolutions(image_shape: Sequence[int], classes: int) -> int:
    """Return the multiplications that a convolutional network's answer for one image takes."""
    height, width, channels = (*image_shape, 1)[:3]
    return CNNShape((height, width, channels), classes, small_layers((height, width, channels))).row_work


def _poorer(full: Plan, rows: int) -> list[Plan]:
    """Return plans from the full one to the poorest."""

    def cut(share: float, **changes: object) -> Plan:
        fewer = {m: max(1, round(n * share)) for m, n in full.settings.items()}
        return replace(full, repeats=1, settings=fewer, **changes)

    two, one = min(2, full.inner), 1
    limit = 20_000 if rows > 20_000 else None
    three = min(3, full.outer)
    return [
        full,
        cut(1.0),
        cut(1.0, inner=two),
        cut(0.75, inner=one),
        cut(0.5, inner=one, outer=three, members=3, neighbor_rows=limit),
        cut(0.35, inner=one, outer=three, members=3, neighbor_rows=limit),
        cut(0.25, inner=one, outer=2, members=3, neighbor_rows=limit),
        cut(0.25, inner=one, outer=1, members=3, neighbor_rows=limit),
        cut(0.0, inner=one, outer=1, members=2, neighbor_rows=limit and 10_000),
    ]


def _expected_seconds(
    plan: Plan, rows: int, features: int, classes: int, speed: float, convolved: int
) -> float:
    """Return about how long a plan takes on this machine; `convolved`: multiplications of a CNN's answer."""
    outer = plan.outer * plan.repeats
    share = (plan.outer - 1) / plan.outer if plan.outer > 1 else 0.8
    inner_share = share * ((plan.inner - 1) / plan.inner if plan.inner > 1 else 0.8)
    outputs, total = max(classes, 1), 0.0
    # A layer costs 2 operations a weight forward and 2 backward, and 2 more to reach the layer before it.
    works = {
        "linear": 4 * features * outputs,
        "mlp": 4 * features * 128 + 6 * 128 * outputs,
        "cnn": 6 * convolved / _CONVOLUTION_EFFICIENCY,
    }
    for model, work in works.items():
        if model not in plan.settings:
            continue
        each = work / (speed * _NETWORK_EFFICIENCY) + _STEP_OVERHEAD / plan.batch_size / cores()
        members = plan.members if model == "mlp" and "ensemble" in plan.models else 1
        trained = outer * plan.inner * plan.settings[model] * inner_share if plan.settings[model] > 1 else 0
        trained += outer * members * share + members
        total += trained * rows * plan.epochs[model] * _STOPPED_EARLY * each + _COMPILE_SECONDS
    if "knn" in plan.settings:
        found = min(rows * share, plan.neighbor_rows or rows)
        pairs = rows * plan.repeats * found * (2 if plan.settings["knn"] > 1 else 1)
        metrics = 1 + _MANHATTAN_COST if plan.settings["knn"] > _EUCLIDEAN_SETTINGS else 1
        total += 2.5 * pairs * metrics * (2 * features / speed + 4e-10)
    if "bayes" in plan.settings:
        fits = outer * (plan.inner * plan.settings["bayes"] + 1)
        seen = 2 * rows * share + 2 * outputs * (rows * (1 - share) + _TRAIN_SAMPLE)
        if features <= FULL_COVARIANCE:
            total += 2 * fits * (seen * features**2 + outputs * features**3) / speed
        else:
            total += 4 * fits * seen * features / speed * _ELEMENTWISE
    return _SAFETY * total + 1.0


def _given_up(full: Plan, plan: Plan) -> tuple[str, ...]:
    """Return in words what a plan has less of than the full one."""
    words = []
    if plan.repeats < full.repeats:
        words.append(f"{full.repeats} repetitions of the outer folds (now {plan.repeats})")
    if plan.outer < full.outer:
        now = f"{plan.outer}" if plan.outer > 1 else "a single split"
        words.append(f"{full.outer} outer folds (now {now}): wider intervals")
    if plan.inner < full.inner:
        now = f"{plan.inner}" if plan.inner > 1 else "a single split"
        words.append(f"{full.inner} inner folds (now {now}): a noisier choice of settings")
    fewer = [m for m in full.settings if plan.settings[m] < full.settings[m]]
    if fewer:
        words.append(
            "settings of " + ", ".join(f"{m} ({full.settings[m]}, now {plan.settings[m]})" for m in fewer)
        )
    if plan.members < full.members and "ensemble" in plan.models:
        words.append(f"{full.members} networks in the ensemble (now {plan.members})")
    if plan.neighbor_rows is not None and "knn" in plan.settings:
        words.append(f"neighbours among all rows (now among {plan.neighbor_rows:,} of a fold)")
    if plan.seconds > plan.budget:
        words.append(
            f"the budget itself: this poorest plan is expected to take {duration(plan.seconds)}; models that "
            "have not begun when the time is up are left out"
        )
    return tuple(words)


def duration(seconds: float) -> str:
    """Return a duration in words.

    Example:
        >>> duration(42), duration(600)
        ('42 s', '10 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
