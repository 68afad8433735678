"""Points of a space: settings as numbers, which a sampler can compare and move.

A point names a part of the space and has one coordinate for each of its parameters. That of a distribution
is a share of its probability, whose quantile is the value: however the values are spread, equal steps are
equally probable. That of a list is the place of the value.
"""

import math
from collections.abc import Collection, Generator, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from gorae.errors import ParameterError
from gorae.search.space import Setting, Space, is_distribution, plain_setting

Sampling = Generator[list[Setting], Sequence[float], None]
"""Yields settings and is sent their scores, batch after batch."""

_EDGE = 2.0**-33
_FEWEST, _MOST = 4, 16
_ROUNDS = 8
_DRAWS = 64


class Point(NamedTuple):
    """A setting as numbers.

    Attributes:
        part: of the space, its place.
        coordinates: one a parameter, in the order of the part; a float for a distribution, else an integer.
    """

    part: int
    coordinates: tuple[float, ...]


def checked_quantiles(spaces: Sequence[Space]) -> Sequence[Space]:
    """Return a space whose distributions all have quantiles.

    Raises:
        ParameterError: when one has none.
    """
    for name, values in (item for part in spaces for item in part.items()):
        if is_distribution(values) and not hasattr(values, "ppf"):
            raise ParameterError(
                f"space[{name!r}] has no quantiles (ppf), which this sampler needs; use a distribution of "
                "scipy.stats, or sampler='random'."
            )
    return spaces


def arranged(spaces: Sequence[Space]) -> list[Space]:
    """Return a space with quantiles, its lists of numbers ascending, so that near places hold near values.

    Raises:
        ParameterError: when a distribution has no quantiles (`ppf`).

    Example:
        >>> arranged([{"k": [9, 1, 5], "weights": ["uniform", "distance"]}])
        [{'k': [1, 5, 9], 'weights': ['uniform', 'distance']}]
    """
    return [
        {name: sorted(values) if is_ordered(values) else values for name, values in part.items()}
        for part in checked_quantiles(spaces)
    ]


def is_ordered(values: Any) -> bool:
    """Return whether values are a list of numbers; truth values are none, nor is NaN.

    Example:
        >>> is_ordered([0.1, 1]), is_ordered([True, False]), is_ordered([None, 1])
        (True, False, False)
    """
    return not is_distribution(values) and all(
        isinstance(value, Real) and not isinstance(value, bool) and value == value for value in values
    )


def setting_at(part: Space, coordinates: Sequence[float]) -> Setting:
    """Return the setting at a point of a part of the space.

    Args:
        part: a dictionary from names to lists or distributions with quantiles.
        coordinates: one a parameter; shares of 0 and 1, which may have no finite quantile, are moved inwards.

    Example:
        >>> from scipy.stats import uniform
        >>> setting_at({"a": uniform(10, 4), "b": ["x", "y"]}, [0.25, 1])
        {'a': 11.0, 'b': 'y'}
    """
    pairs = zip(part.items(), coordinates, strict=True)
    return plain_setting({name: _value_at(values, coordinate) for (name, values), coordinate in pairs})


def _value_at(values: Any, coordinate: float) -> Any:
    """Return the quantile of a distribution, or the value at that place of a list."""
    if not is_distribution(values):
        return values[int(coordinate)]
    value = values.ppf(min(max(coordinate, _EDGE), 1 - _EDGE))
    return int(value) if is_discrete(values) else value


def is_discrete(values: Any) -> bool:
    """Return whether a distribution of `scipy.stats` has whole numbers only."""
    return hasattr(getattr(values, "dist", None), "pmf")


def coordinate_at(values: Any, share: float) -> float:
    """Return the coordinate at a share of the unit interval: the share itself, or the place in a list.

    Example:
        >>> coordinate_at([10, 20, 30], 0.5)
        1
    """
    return share if is_distribution(values) else min(int(share * len(values)), len(values) - 1)


def settled(part: Space, coordinates: Sequence[float]) -> tuple[float, ...]:
    """Return coordinates that are equal where the settings are: all shares of a whole number become one.

    Example:
        >>> from scipy.stats import randint
        >>> settled({"k": randint(0, 2)}, [0.1]), settled({"k": randint(0, 2)}, [0.4])
        ((0.25,), (0.25,))
    """
    return tuple(_settled(values, at) for values, at in zip(part.values(), coordinates, strict=True))


def _settled(values: Any, coordinate: float) -> float:
    """Return the middle of the shares that have the same whole number."""
    if not is_distribution(values) or not is_discrete(values):
        return coordinate
    value = _value_at(values, coordinate)
    return float(values.cdf(value - 1) + values.cdf(value)) / 2


def count_points(spaces: Sequence[Space]) -> float:
    """Return how many points a space has: infinitely many where there is a distribution.

    Example:
        >>> count_points([{"a": [1, 2], "b": [3, 4, 5]}, {"c": [0]}])
        7
    """
    values = [each for part in spaces for each in part.values()]
    if any(is_distribution(each) for each in values):
        return math.inf
    return sum(math.prod(len(each) for each in part.values()) for part in spaces)


def random_point(spaces: Sequence[Space], generator: np.random.Generator) -> Point:
    """Return a point drawn from a part that is drawn."""
    number = int(generator.integers(len(spaces)))
    part = spaces[number]
    drawn = [coordinate_at(values, float(generator.random())) for values in part.values()]
    return Point(number, settled(part, drawn))


def untried_point(spaces: Sequence[Space], tried: Collection[Point], generator: np.random.Generator) -> Point:
    """Return a random point that is not among those tried.

    Points of lists are numbered; the first one free is taken, counted from a random number on. Where there
    are distributions, random points are drawn until one is new; if none is, all whole numbers may have been
    tried, and the last one is returned.

    Args:
        spaces: where lists only, with more points than were tried.
        tried: the points that are taken.
        generator: gives the random numbers.

    Example:
        >>> tried = {Point(0, (0,)), Point(0, (2,))}
        >>> untried_point([{"k": [1, 5, 9]}], tried, np.random.default_rng(0))
        Point(part=0, coordinates=(1,))
    """
    if math.isinf(count_points(spaces)):
        point, drawn = random_point(spaces, generator), 1
        while point in tried and drawn < _DRAWS:
            point, drawn = random_point(spaces, generator), drawn + 1
        return point
    count = int(count_points(spaces))
    number = int(generator.integers(min(count, 2**63 - 1)))
    while (point := _numbered(spaces, number)) in tried:
        number = (number + 1) % count
    return point


def _numbered(spaces: Sequence[Space], number: int) -> Point:
    """Return the point of that number: a numeral whose digits are the places."""
    part = 0
    while number >= (size := int(count_points([spaces[part]]))):
        number, part = number - size, part + 1
    coordinates: list[float] = []
    for values in spaces[part].values():
        number, place = divmod(number, len(values))
        coordinates.append(place)
    return Point(part, tuple(coordinates))


def batch_size(wanted: int) -> int:
    r"""Return how many settings a learning sampler proposes at once.

    An eighth of all, so that it learns seven times, but from 4 to 16: a population trains many
    settings in nearly the time of one, and scores that come late teach nothing.

    Example:
        >>> [batch_size(wanted) for wanted in (2, 20, 64, 1000)]
        [4, 4, 8, 16]
    """
    return min(max(wanted // _ROUNDS, _FEWEST), _MOST)
