"""Evolution: the best settings have children, which differ a little from their parents."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from gorae.search.samplers.points import (
    Point,
    Sampling,
    arranged,
    batch_size,
    count_points,
    is_ordered,
    random_point,
    setting_at,
    settled,
    untried_point,
)
from gorae.search.samplers.quasirandom import latin_hypercube_points
from gorae.search.space import Space, is_distribution

_CONTEST = 3
_STEP = 0.2
_REDRAWN = 0.1
_PATIENCE = 8


def evolution_settings(spaces: Sequence[Space], n_settings: int, seed: np.random.SeedSequence) -> Sampling:
    r"""Return a sampler that breeds settings, generation after generation.

    The first generation is a Latin hypercube. Later ones are children of the best settings so far, as many as
    a generation has. A parent is the best of three drawn from these; the other parent is found alike in the
    same part of the space. The child takes each of the $d$ parameters from either. Then one of them mutates
    for certain, and each other with probability $1/d$: a share of probability moves by $0.2\,(1 - t)\,z$ with
    $z \sim N(0, 1)$ and $t$ the share of the search that is done, reflected at 0 and 1; the place in a list
    of numbers moves as far, and at least by one; every tenth of these is drawn anew instead. The value of a
    list without an order is always drawn anew: as it cannot move by a little, it mutates half as often, and
    for certain only where no other does. No setting grows too old to be a parent: the splits are the same for
    all, and so an old score is worth as much as a new one.

    No setting is proposed twice while there are others, and lists of which all settings were tried end the
    search. A fit that failed counts as the worst.

    Args:
        spaces: the parts of the space.
        n_settings: how many settings to propose in all; lists only may have fewer.
        seed: decides what is drawn.

    Raises:
        ParameterError: when a distribution has no quantiles (`ppf`).

    Example:
        >>> sampling = evolution_settings([{"k": [1, 2, 3, 4, 5, 6]}], 6, np.random.SeedSequence(0))
        >>> first = next(sampling)
        >>> second = sampling.send([-abs(setting["k"] - 3.0) for setting in first])
        >>> len(first), sorted(setting["k"] for setting in first + second)
        (4, [1, 2, 3, 4, 5, 6])

    References:
        Eiben & Smith 2015, Introduction to evolutionary computing, chapters 3 to 5.
    """
    spaces = arranged(spaces)
    return _generations(spaces, int(min(n_settings, count_points(spaces))), seed)


def _generations(spaces: Sequence[Space], wanted: int, seed: np.random.SeedSequence) -> Sampling:
    """Propose settings, one generation a batch."""
    size = batch_size(wanted)
    generator = np.random.default_rng(seed.spawn(1)[0])
    spread = latin_hypercube_points(spaces, size, seed)
    anywhere = iter(partial(random_point, spaces, generator), None)
    make: Callable[[], Point] = partial(next, chain(spread, anywhere))
    known: dict[Point, float] = {}
    for begun in range(0, wanted, size):
        points: list[Point] = []
        for _ in range(min(size, wanted - begun)):
            points.append(_new_point(spaces, make, {*known, *points}, generator))
        scores = yield [setting_at(spaces[point.part], point.coordinates) for point in points]
        for point, score in zip(points, scores, strict=True):
            known[point] = -math.inf if math.isnan(score) else float(score)
        best = dict(sorted(known.items(), key=lambda item: -item[1])[:size])
        make = partial(_child, spaces, best, 1 - (begun + len(points)) / wanted, generator)


def _new_point(
    spaces: Sequence[Space],
    make: Callable[[], Point],
    taken: Collection[Point],
    generator: np.random.Generator,
) -> Point:
    """Return a point that is not taken, if there is one to be found."""
    for _ in range(_PATIENCE):
        part, coordinates = make()
        point = Point(part, settled(spaces[part], coordinates))
        if point not in taken:
            return point
    return untried_point(spaces, taken, generator)


def _child(
    spaces: Sequence[Space], best: Mapping[Point, float], heat: float, generator: np.random.Generator
) -> Point:
    """Return a child of two of the best points."""
    first = _parent(list(best), best, generator)
    second = _parent([point for point in best if point.part == first.part], best, generator)
    values = list(spaces[first.part].values())
    chosen = generator.random(len(values)) < 0.5
    coordinates = [
        a if own else b for own, a, b in zip(chosen, first.coordinates, second.coordinates, strict=True)
    ]
    for k in _mutating(values, generator):
        coordinates[k] = _mutated(values[k], coordinates[k], _STEP * heat, generator)
    return Point(first.part, tuple(coordinates))


def _mutating(values: Sequence[Any], generator: np.random.Generator) -> list[int]:
    """Return which parameters mutate: one for certain, that can move by a little where there is one."""
    free = [k for k, each in enumerate(values) if is_distribution(each) or len(each) > 1]
    moving = [k for k in free if _can_move(values[k])]
    if not free:
        return []
    certain = generator.choice(moving or free)
    chances = [(1.0 if k in moving else 0.5) / len(free) for k in free]
    return [k for k, chance in zip(free, chances, strict=True) if k == certain or generator.random() < chance]


def _can_move(values: Any) -> bool:
    """Return whether a parameter has near values."""
    return is_distribution(values) or is_ordered(values)


def _parent(points: Sequence[Point], scores: Mapping[Point, float], generator: np.random.Generator) -> Point:
    """Return the best of a few points drawn, the winner of a tournament."""
    drawn = generator.integers(len(points), size=_CONTEST)
    return max((points[k] for k in drawn), key=scores.__getitem__)


def _mutated(values: Any, coordinate: float, step: float, generator: np.random.Generator) -> float:
    """Return a coordinate moved, or drawn anew; that of a list becomes another."""
    if not _can_move(values) or generator.random() < _REDRAWN:
        if is_distribution(values):
            return float(generator.random())
        return (int(coordinate) + int(generator.integers(1, len(values)))) % len(values)
    distance = step * float(generator.normal())
    if is_distribution(values):
        return _reflected(coordinate + distance, 1.0)
    places = max(1, round(abs(distance) * len(values)))
    return round(_reflected(coordinate + math.copysign(places, distance), len(values) - 1.0))


def _reflected(coordinate: float, end: float) -> float:
    """Return a coordinate reflected at 0 and at the end.

    Example:
        >>> _reflected(-0.2, 1.0), _reflected(1.25, 1.0), _reflected(5.0, 2.0)
        (0.2, 0.75, 1.0)
    """
    folded = abs(coordinate) % (2 * end)
    return min(folded, 2 * end - folded)
