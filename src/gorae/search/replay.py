"""Fitting an estimator along a schedule: one setting until so many epochs, then the next."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from gorae.estimators.carrying import follow
from gorae.estimators.together import Fit, begin_together, learn, train_together
from gorae.search.lineage import Schedule
from gorae.search.space import Setting
from gorae.search.trials import seeded


def replayed(
    estimator: Any,
    schedule: Schedule,
    given: Sequence[Any],
    fit_params: Mapping[str, Any],
    seed: int,
) -> Any:
    """Return an estimator fitted on all rows along the schedule that population-based training has found.

    Args:
        estimator: a network estimator, or a pipeline that ends in one; it is cloned.
        schedule: settings, each with the epochs after which the next one takes over; the last has None.
        given: rows and targets.
        fit_params: what `fit` is given besides; in a pipeline named after its steps.
        seed: for what has none.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    stages: list[Any] = [_stage(estimator, setting, seed) for _, setting in schedule]
    X, y = given
    if not isinstance(estimator, Pipeline):
        return _trained(stages, [until for until, _ in schedule], X, y, fit_params)
    name = estimator.steps[-1][0]
    whole = stages[-1]
    own = {k.removeprefix(f"{name}__"): v for k, v in fit_params.items() if k.startswith(f"{name}__")}
    others = {k: v for k, v in fit_params.items() if not k.startswith(f"{name}__")}
    rows = whole[:-1].fit_transform(X, y, **others) if len(whole.steps) > 1 else X
    last = _trained([stage.steps[-1][1] for stage in stages], [until for until, _ in schedule], rows, y, own)
    whole.steps[-1] = (name, last)
    return whole


def _stage(estimator: Any, setting: Setting, seed: int) -> Any:
    """Return an unfitted clone with a setting."""
    one: Any = clone(estimator)
    one.set_params(**setting)
    return seeded(one, seed)


def _trained(
    stages: Sequence[Any], ends: Sequence[int | None], X: Any, y: Any, fit_params: Mapping[str, Any]
) -> Any:
    """Return the last of several estimators, trained on from one to the next."""
    rows = np.arange(len(y))
    together = begin_together([Fit(stages[0], rows)], X, y, fit_params.get("sample_weight"))
    for error in together.refused:
        if error is not None:
            raise error
    for number, (stage, until) in enumerate(zip(stages, ends, strict=True)):
        if number:
            follow(together, 0, Fit(stage, rows), 0)
        ended = train_together(together, until=until)
        if together.refused[0] is not None:
            raise together.refused[0]
        if not ended:
            raise KeyboardInterrupt
    return learn(together, 0)
