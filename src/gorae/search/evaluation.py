"""Who tries a setting: the population engine, a table of neighbours, or one fit after the other."""

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from gorae.estimators.neighbors import Neighbors
from gorae.estimators.network import NetworkEstimator
from gorae.search.asking import answers_tags
from gorae.search.expected import narrowed
from gorae.search.identity import group_key
from gorae.search.neighbor_tables import evaluate_neighbors
from gorae.search.one_by_one import evaluate_one_by_one
from gorae.search.pipelines import begin_pipeline
from gorae.search.populations import NetworkRace
from gorae.search.races import MOST_A_PART, AtOnce, Begin, Combined, Race, Share
from gorae.search.scattered import RemoteRace, Scattered
from gorae.search.space import Setting
from gorae.search.tasks import is_on_cluster
from gorae.search.trials import Trials, asks_the_estimator

_BEGIN_NEIGHBORS = partial(AtOnce, evaluate_neighbors, part=MOST_A_PART)
_BEGIN_ONE_BY_ONE = partial(AtOnce, evaluate_one_by_one, part=8)


def begin_race(estimator: Any, settings: Sequence[Setting], trials: Trials) -> Race:
    """Begin to try settings, each in the way that suits it.

    Args:
        estimator: whose settings are tried; it is cloned, never fitted.
        settings: parameters by name; a setting may replace a step of a pipeline.
        trials: the data, the splits and the scorers.

    Returns:
        The race. What it raises where `trials.error_score` is "raise" is what a fit or a scorer raised.
        On a cluster its networks are trained by the workers.
    """
    if is_on_cluster():
        return Scattered(_begin_race(estimator, settings, trials, RemoteRace), trials)
    return _begin_race(estimator, settings, trials, NetworkRace)


def _begin_race(estimator: Any, settings: Sequence[Setting], trials: Trials, networks: Begin) -> Race:
    """Begin to try settings; `networks` begins a race of a network estimator's settings."""
    groups: dict[Hashable, list[int]] = {}
    for place, setting in enumerate(settings):
        groups.setdefault(_key(_steps_replaced(estimator, setting)[0]), []).append(place)
    shares = []
    for places in groups.values():
        own: Any = clone(estimator)
        own.set_params(**_steps_replaced(estimator, settings[places[0]])[0])
        asked = [_without_steps(estimator, settings[place]) for place in places]
        on = _expecting(estimator, [settings[place] for place in places], asked, trials)
        race = _begin(own, on, networks)(own, asked, on)
        shares.append(Share(places, range(len(trials.splits)), race, partial(_without_steps, estimator)))
    return shares[0].race if len(shares) == 1 else Combined(shares, len(trials.splits), {})


def _without_steps(estimator: Any, setting: Setting) -> Setting:
    """Return the part of a setting that replaces no step."""
    return _steps_replaced(estimator, setting)[1] if isinstance(estimator, Pipeline) else setting


def _expecting(estimator: Any, whole: Sequence[Setting], asked: Sequence[Setting], trials: Trials) -> Trials:
    """Return trials of settings that replace the same steps, which expect such settings only."""
    if not isinstance(estimator, Pipeline):
        return trials

    last = estimator.steps[-1][0]

    def steps(setting: Setting) -> Hashable:
        return _key(_steps_replaced(estimator, setting)[0])

    def last_step(setting: Setting) -> Hashable:
        return _key({name: step for name, step in setting.items() if name == last})

    known = {id(setting): own for setting, own in zip(whole, asked, strict=True)}
    return narrowed(trials, known, partial(_without_steps, estimator), steps, last_step, whole[0])


def _key(steps: Setting) -> Hashable:
    """Return what settings have in common that replace the same steps."""
    return tuple((name, group_key(step)) for name, step in sorted(steps.items()))


def _steps_replaced(estimator: Any, setting: Setting) -> tuple[Setting, Setting]:
    """Return the part of a setting that replaces steps of a pipeline, and the rest."""
    names = [name for name, _ in estimator.steps] if isinstance(estimator, Pipeline) else []
    steps = {name: value for name, value in setting.items() if name in names}
    return steps, {name: value for name, value in setting.items() if name not in names}


def _begin(estimator: Any, trials: Trials, networks: Begin) -> Begin:
    """Return what begins a race of an estimator's settings."""
    if isinstance(estimator, Pipeline):
        last = _begin(estimator.steps[-1][1], trials, networks)
        named = all("__" in name for name in trials.fit_params)
        if last is _BEGIN_ONE_BY_ONE or not named or not _asks_only_for_answers(trials.scorer):
            return _BEGIN_ONE_BY_ONE
        return partial(begin_pipeline, last_step=last)
    if isinstance(estimator, NetworkEstimator) and set(trials.fit_params) <= {"sample_weight"}:
        return networks
    if answers_tags(estimator) and not trials.fit_params:
        return networks
    return _BEGIN_NEIGHBORS if isinstance(estimator, Neighbors) else _BEGIN_ONE_BY_ONE


def _asks_only_for_answers(scorer: Any) -> bool:
    """Return whether a scorer asks for predictions only: it may then be given the last step of a pipeline."""
    if hasattr(scorer, "_scorers"):
        return all(_asks_only_for_answers(each) for each in scorer._scorers.values())
    return hasattr(scorer, "_score_func") or asks_the_estimator(scorer)
