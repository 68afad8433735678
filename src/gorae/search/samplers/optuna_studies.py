"""Optuna asked for points of a space, batch by batch, and told their scores.

Each part of the space has a study of its own, so that no part's parameters confuse another's; where there
are several, one more study (TPE) chooses the part. To Optuna a distribution is a uniform share of its
probability, a list of numbers its places in ascending order, any other list a choice without order.
"""

import importlib
import logging
import math
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gorae.errors import ParameterError
from gorae.search.samplers.points import (
    Point,
    Sampling,
    arranged,
    batch_size,
    count_points,
    is_ordered,
    setting_at,
    settled,
    untried_point,
)
from gorae.search.space import Space, is_distribution

MakeSampler = Callable[[Mapping[str, Any], int, int], Any]
"""Returns a sampler of Optuna: from the axes of a part, the settings of it in a batch, and a seed."""

_PATIENCE = 4
"""How often Optuna is asked for a setting that has not been tried, on average."""

_QUIET = threading.Lock()


class Proposal(NamedTuple):
    """A point, and the trials by which Optuna proposed it: (study, trial) each; none where we chose it."""

    point: Point
    trials: Sequence[tuple[Any, Any]]


@dataclass(frozen=True)
class Studies:
    """Optuna's studies of a space.

    Args:
        spaces: the parts of the space, arranged.
        axes: of each part, from the parameters that have more than one value to Optuna's distributions.
        studies: one a part.
        chooser: the study that chooses the part; None for a single part.
        choice: the axis of the chooser.
    """

    spaces: Sequence[Space]
    axes: Sequence[dict[str, Any]]
    studies: Sequence[Any]
    chooser: Any
    choice: dict[str, Any]


def check_installed(sampler: str, *packages: str) -> None:
    """Import the packages that a sampler needs.

    Raises:
        ParameterError: when one is missing.
    """
    try:
        for package in packages:
            importlib.import_module(package)
    except ImportError as error:
        raise ParameterError(f"sampler={sampler!r} needs Optuna: pip install 'gorae[tune]'.") from error


def optuna_settings(
    spaces: Sequence[Space], n_settings: int, seed: np.random.SeedSequence, make: MakeSampler
) -> Sampling:
    """Return a sampler that proposes what Optuna does.

    No setting is proposed twice: Optuna is told again the score that is known. Where it proposes hardly
    anything new, settings that have not been tried are drawn at random; lists of which all settings were
    tried end the search. A fit that failed counts as the worst score there is: Optuna would otherwise forget
    it, and propose its neighbours again.

    Args:
        spaces: the parts of the space.
        n_settings: how many settings to propose in all.
        seed: decides what is drawn.
        make: makes the sampler of a part's study.

    Raises:
        ParameterError: when a distribution has no quantiles (`ppf`).
    """
    spaces = arranged(spaces)
    wanted = int(min(n_settings, count_points(spaces)))
    return _sampling(spaces, wanted, batch_size(wanted), seed, make)


def _sampling(
    spaces: Sequence[Space], wanted: int, size: int, seed: np.random.SeedSequence, make: MakeSampler
) -> Sampling:
    """Propose settings, batch after batch."""
    generator = np.random.default_rng(seed.spawn(1)[0])
    studies = _begin(spaces, size, seed, make)
    known: dict[Point, float] = {}
    for first in range(0, wanted, size):
        points, proposals = _ask_batch(studies, known, min(size, wanted - first), generator)
        scores = yield [setting_at(spaces[point.part], point.coordinates) for point in points]
        for point, score in zip(points, scores, strict=True):
            known[point] = -math.inf if math.isnan(score) else float(score)
        for proposal in proposals:
            _tell(studies, proposal, known[proposal.point])


def _begin(spaces: Sequence[Space], size: int, seed: np.random.SeedSequence, make: MakeSampler) -> Studies:
    """Return the studies at their start."""
    from optuna import create_study
    from optuna.distributions import CategoricalDistribution

    axes = [_axes(part) for part in spaces]
    share = max(1, size // len(spaces))
    seeds = [int(each) for each in seed.generate_state(len(spaces) + 1)]
    with _quietly():
        studies = [
            create_study(direction="maximize", sampler=make(own, share, number))
            for own, number in zip(axes, seeds, strict=False)
        ]
        chooser = None
        if len(spaces) > 1:
            chooser = create_study(direction="maximize", sampler=make_tpe(size, seeds[-1]))
    return Studies(spaces, axes, studies, chooser, {"part": CategoricalDistribution(range(len(spaces)))})


def _axes(part: Space) -> dict[str, Any]:
    """Return Optuna's distributions for a part's parameters; one that has a single value needs none."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    axes: dict[str, Any] = {}
    for name, values in part.items():
        if is_distribution(values):
            axes[name] = FloatDistribution(0.0, 1.0)
        elif len(values) > 1:
            places = len(values)
            ordered = is_ordered(values)
            axes[name] = IntDistribution(0, places - 1) if ordered else CategoricalDistribution(range(places))
    return axes


def make_tpe(startup: int, seed: int, *, jointly: bool = True) -> Any:
    """Return Optuna's TPE, which starts with so many random settings.

    Parameters are estimated jointly, or each by itself. Settings whose scores are awaited count as bad ones
    (a constant liar), so that a batch is spread.
    """
    from optuna.samplers import TPESampler

    return TPESampler(n_startup_trials=startup, multivariate=jointly, constant_liar=True, seed=seed)


@contextmanager
def _quietly() -> Iterator[None]:
    """Let Optuna neither log nor warn that a part of it is experimental; put back what was set."""
    from optuna.exceptions import ExperimentalWarning

    logger = logging.getLogger("optuna")
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)


def _ask_batch(
    studies: Studies, known: Mapping[Point, float], count: int, generator: np.random.Generator
) -> tuple[list[Point], list[Proposal]]:
    """Return that many points, and all proposals, those of points that are known included."""
    proposals: list[Proposal] = []
    fresh: dict[Point, None] = {}
    while len(fresh) < count and len(proposals) < _PATIENCE * count:
        proposals.append(_ask(studies))
        if proposals[-1].point not in known:
            fresh[proposals[-1].point] = None
    points = list(fresh)
    while len(points) < count:
        points.append(untried_point(studies.spaces, {*known, *points}, generator))
        proposals.append(Proposal(points[-1], ()))
    return points, proposals


def _ask(studies: Studies) -> Proposal:
    """Return what Optuna proposes."""
    part, trials = 0, []
    if studies.chooser is not None:
        trials.append((studies.chooser, studies.chooser.ask(studies.choice)))
        part = trials[0][1].params["part"]
    trial = studies.studies[part].ask(studies.axes[part])
    trials.append((studies.studies[part], trial))
    space = studies.spaces[part]
    coordinates = settled(space, [trial.params.get(name, 0) for name in space])
    return Proposal(Point(part, coordinates), trials)


def _tell(studies: Studies, proposal: Proposal, score: float) -> None:
    """Tell Optuna a score, also of a point that it has not proposed."""
    from optuna.trial import create_trial

    for study, trial in proposal.trials:
        study.tell(trial, score)
    if not proposal.trials:
        part, coordinates = proposal.point
        axes = studies.axes[part]
        places = dict(zip(studies.spaces[part], coordinates, strict=True))
        params = {name: places[name] for name in axes}
        studies.studies[part].add_trial(create_trial(value=score, params=params, distributions=axes))
        if studies.chooser is not None:
            chosen = create_trial(value=score, params={"part": part}, distributions=studies.choice)
            studies.chooser.add_trial(chosen)
