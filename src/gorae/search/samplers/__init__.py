"""Samplers: each proposes settings in batches, and may learn from the scores of earlier ones.

A sampler is a generator: it yields a list of settings, and is sent their scores (larger is better, NaN where
a fit failed). One that needs no scores yields once. What it proposes is decided by the space, the number of
settings, the seed and the scores alone, so that a search that goes on proposes what it did before.
"""

from collections.abc import Callable, Sequence

import numpy as np

from gorae.errors import ParameterError
from gorae.estimators.parameters import check_choice
from gorae.search.samplers.cma_es import cma_es_settings
from gorae.search.samplers.evolution import evolution_settings
from gorae.search.samplers.grid import every_setting
from gorae.search.samplers.points import Sampling
from gorae.search.samplers.quasirandom import latin_hypercube_settings, sobol_settings
from gorae.search.samplers.random import random_settings
from gorae.search.samplers.tpe import tpe_settings
from gorae.search.space import Setting, Space, is_finite

SAMPLERS = ("grid", "random", "sobol", "latin_hypercube", "tpe", "cma_es", "evolution")

_AT_ONCE = {
    "random": random_settings,
    "sobol": sobol_settings,
    "latin_hypercube": latin_hypercube_settings,
}

_LEARNING: dict[str, Callable[[Sequence[Space], int, np.random.SeedSequence], Sampling]] = {
    "tpe": tpe_settings,
    "cma_es": cma_es_settings,
    "evolution": evolution_settings,
}


def begin_sampling(name: str, spaces: Sequence[Space], n_settings: int, seed: int) -> Sampling:
    """Return a sampler at its start.

    Args:
        name: one of `SAMPLERS`.
        spaces: the parts of the space.
        n_settings: how many settings to propose in all; the grid proposes every one.
        seed: decides what is drawn.

    Raises:
        ParameterError: when the name is unknown, the grid of a distribution is asked for, a distribution has
            no quantiles where they are needed, or Optuna is needed and not installed.
    """
    check_choice("sampler", name, [*SAMPLERS, "pbt"])
    if name == "grid":
        if not is_finite(spaces):
            raise ParameterError(
                "sampler='grid' needs a list of values for each parameter; give lists, or sampler='random'."
            )
        return _at_once(every_setting(spaces))
    if name in _LEARNING:
        return _LEARNING[name](spaces, n_settings, np.random.SeedSequence(seed))
    return _at_once(_AT_ONCE[name](spaces, n_settings, np.random.SeedSequence(seed)))


def likely_settings(
    name: str, spaces: Sequence[Space], n_settings: int, seed: int, first: list[Setting]
) -> list[Setting]:
    """Return settings that are those a sampler proposes, or are spread like them over the space.

    Args:
        name: one of `SAMPLERS`.
        spaces: the parts of the space.
        n_settings: how many settings it proposes in all.
        seed: decides what is drawn.
        first: the first batch, which is the only one where nothing is learned from scores.
    """
    if name not in _LEARNING:
        return first
    return latin_hypercube_settings(spaces, n_settings, np.random.SeedSequence(seed))


def _at_once(settings: list[Setting]) -> Sampling:
    """Propose all settings in one batch."""
    yield settings
