"""Quasirandom settings: points that fill the space more evenly than independent ones."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import qmc

from gorae.search.samplers.points import Point, checked_quantiles, coordinate_at, setting_at
from gorae.search.space import Setting, Space

Draw = Callable[[int, int, np.random.Generator], np.ndarray]
"""Returns points of the unit cube: `(dimensions, count, generator)` to `(count, dimensions)`."""


def sobol_settings(spaces: Sequence[Space], count: int, seed: np.random.SeedSequence) -> list[Setting]:
    """Return settings at the points of scrambled Sobol sequences, one sequence a part of the space.

    Each coordinate in [0, 1) becomes the quantile of a distribution, or the place in a list. Parts of the
    space take turns. The points are balanced best where a part's count is a power of two.

    Args:
        spaces: the parts of the space.
        count: how many settings.
        seed: decides the scrambling.

    Raises:
        ParameterError: when a distribution has no quantiles (`ppf`).

    Example:
        >>> settings = sobol_settings([{"a": [0, 1, 2, 3]}], 4, np.random.SeedSequence(0))
        >>> sorted(setting["a"] for setting in settings)
        [0, 1, 2, 3]

    References:
        Owen 1998, Scrambling Sobol' and Niederreiter-Xing points.
    """

    def points(dimensions: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
        engine = qmc.Sobol(dimensions, rng=generator)
        return engine.random_base2(max(0, int(wanted - 1).bit_length()))[:wanted]

    return _settings(spaces, _points(spaces, count, seed, points))


def latin_hypercube_settings(
    spaces: Sequence[Space], count: int, seed: np.random.SeedSequence
) -> list[Setting]:
    """Return settings at the points of Latin hypercubes, one a part of the space.

    With n settings each parameter's range is cut into n slices of equal probability, and each slice holds
    exactly one setting.

    Args:
        spaces: the parts of the space.
        count: how many settings.
        seed: decides which.

    Raises:
        ParameterError: when a distribution has no quantiles (`ppf`).

    Example:
        >>> settings = latin_hypercube_settings([{"a": [0, 1, 2]}], 3, np.random.SeedSequence(0))
        >>> sorted(setting["a"] for setting in settings)
        [0, 1, 2]

    References:
        McKay, Beckman & Conover 1979.
    """
    return _settings(spaces, latin_hypercube_points(spaces, count, seed))


def latin_hypercube_points(spaces: Sequence[Space], count: int, seed: np.random.SeedSequence) -> list[Point]:
    """Return the points of `latin_hypercube_settings`.

    Raises:
        ParameterError: when a distribution has no quantiles (`ppf`).
    """

    def points(dimensions: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
        return qmc.LatinHypercube(dimensions, rng=generator).random(wanted)

    return _points(spaces, count, seed, points)


def _settings(spaces: Sequence[Space], points: Sequence[Point]) -> list[Setting]:
    """Return the settings at points."""
    return [setting_at(spaces[point.part], point.coordinates) for point in points]


def _points(spaces: Sequence[Space], count: int, seed: np.random.SeedSequence, draw: Draw) -> list[Point]:
    """Return points of the unit cube as points of a space; its parts take turns."""
    generators = [np.random.default_rng(child) for child in seed.spawn(len(spaces))]
    parts: list[list[Point]] = []
    for p, (part, generator) in enumerate(zip(checked_quantiles(spaces), generators, strict=True)):
        wanted = len(range(p, count, len(spaces)))
        cube = draw(len(part), wanted, generator) if part and wanted else np.zeros((wanted, 0))
        places = [map(coordinate_at, part.values(), shares) for shares in cube.tolist()]
        parts.append([Point(p, tuple(place)) for place in places])
    return [parts[i % len(spaces)][i // len(spaces)] for i in range(count)]
