"""Who tries a setting: the population engine, a table of neighbours, or one fit after the other."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from gorae.estimators.neighbors import Neighbors
from gorae.estimators.network import NetworkEstimator
from gorae.search.neighbor_tables import evaluate_neighbors
from gorae.search.one_by_one import evaluate_one_by_one
from gorae.search.pipelines import evaluate_pipelines
from gorae.search.populations import evaluate_networks
from gorae.search.space import Setting
from gorae.search.trials import Entry, Evaluate, Trials

__all__ = ["evaluate"]


def evaluate(
    estimator: Any, settings: Sequence[Setting], trials: Trials, tell: Callable[[float], None]
) -> list[list[Entry]]:
    """Return an entry for each setting and split.

    Args:
        estimator: whose settings are tried; it is cloned, never fitted.
        settings: parameters by name; a setting may replace a step of a pipeline.
        trials: the data, the splits and the scorers.
        tell: told the share of the work done, from 0 to 1.

    Raises:
        Exception: what a fit or a scorer raised, where `trials.error_score` is "raise".
    """
    groups: dict[Any, tuple[Any, Evaluate, list[int]]] = {}
    for place, setting in enumerate(settings):
        steps, _ = _steps_replaced(estimator, setting)
        key = repr(sorted((name, repr(step)) for name, step in steps.items()))
        if key not in groups:
            own: Any = clone(estimator)
            own.set_params(**steps)
            groups[key] = (own, _evaluator(own, trials), [])
        groups[key][2].append(place)
    entries: list[list[Entry]] = [[] for _ in settings]
    done = 0
    for own, evaluator, places in groups.values():
        asked = [_steps_replaced(estimator, settings[place])[1] for place in places]

        def told(share: float, before: int = done, here: int = len(places)) -> None:
            tell((before + share * here) / len(settings))

        for place, found in zip(places, evaluator(own, asked, trials, told), strict=True):
            entries[place] = found
        done += len(places)
    return entries


def _steps_replaced(estimator: Any, setting: Setting) -> tuple[Setting, Setting]:
    """Return the part of a setting that replaces steps of a pipeline, and the rest."""
    names = [name for name, _ in estimator.steps] if isinstance(estimator, Pipeline) else []
    steps = {name: value for name, value in setting.items() if name in names}
    return steps, {name: value for name, value in setting.items() if name not in names}


def _evaluator(estimator: Any, trials: Trials) -> Evaluate:
    """Return what tries settings of an estimator."""
    if isinstance(estimator, Pipeline):
        last = _evaluator(estimator.steps[-1][1], trials)
        named = all("__" in name for name in trials.fit_params)
        if last is evaluate_one_by_one or not named or not _asks_only_for_answers(trials.scorer):
            return evaluate_one_by_one
        return partial(evaluate_pipelines, last_step=last)
    if isinstance(estimator, NetworkEstimator) and set(trials.fit_params) <= {"sample_weight"}:
        return evaluate_networks
    if isinstance(estimator, Neighbors):
        return evaluate_neighbors
    return evaluate_one_by_one


def _asks_only_for_answers(scorer: Any) -> bool:
    """Return whether a scorer asks for predictions only: it may then be given the last step of a pipeline."""
    if hasattr(scorer, "_scorers"):
        return all(_asks_only_for_answers(each) for each in scorer._scorers.values())
    return hasattr(scorer, "_score_func") or type(scorer).__name__ == "_PassthroughScorer"
