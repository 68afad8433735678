"""Quasirandom settings: points that fill the space more evenly than independent ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import qmc

from gorae.errors import ParameterError
from gorae.search.space import Setting, Space, is_distribution, plain_setting

_EDGE = 2.0**-33


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

    return _settings(spaces, count, seed, points)


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

    def points(dimensions: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
        return qmc.LatinHypercube(dimensions, rng=generator).random(wanted)

    return _settings(spaces, count, seed, points)


def _settings(
    spaces: Sequence[Space], count: int, seed: np.random.SeedSequence, points: Any
) -> list[Setting]:
    """Return settings at points of the unit cube; parts of the space take turns."""
    generators = [np.random.default_rng(child) for child in seed.spawn(len(spaces))]
    parts = []
    for p, (part, generator) in enumerate(zip(spaces, generators, strict=True)):
        wanted = len(range(p, count, len(spaces)))
        cube = points(len(part), wanted, generator) if part and wanted else np.zeros((wanted, 0))
        parts.append([_at_point(part, point) for point in cube])
    return [parts[i % len(spaces)][i // len(spaces)] for i in range(count)]


def _at_point(part: Space, point: np.ndarray) -> Setting:
    """Return the setting at a point of the unit cube, whose faces have no finite quantile."""
    shares = zip(part.items(), np.clip(point, _EDGE, 1 - _EDGE).tolist(), strict=True)
    return plain_setting({name: _at(name, values, share) for (name, values), share in shares})


def _at(name: str, values: Any, share: float) -> Any:
    """Return the quantile of a distribution, or the value at that share of a list."""
    if not is_distribution(values):
        return values[min(int(share * len(values)), len(values) - 1)]
    if not hasattr(values, "ppf"):
        raise ParameterError(
            f"space[{name!r}] has no quantiles (ppf), which this sampler needs; use a distribution of "
            "scipy.stats, or sampler='random'."
        )
    value = values.ppf(share)
    return int(value) if hasattr(getattr(values, "dist", None), "pmf") else value
