"""Samplers: each proposes settings in batches, and may learn from the scores of earlier ones.

A sampler is a generator: it yields a list of settings, and is sent their scores (larger is better, NaN where
a fit failed). One that needs no scores yields once.
"""

from collections.abc import Generator, Sequence

import numpy as np

from gorae.errors import ParameterError
from gorae.estimators.parameters import check_choice
from gorae.search.samplers.grid import every_setting
from gorae.search.samplers.quasirandom import latin_hypercube_settings, sobol_settings
from gorae.search.samplers.random import random_settings
from gorae.search.space import Setting, Space, is_finite

Sampling = Generator[list[Setting], Sequence[float], None]

SAMPLERS = ("grid", "random", "sobol", "latin_hypercube")

_AT_ONCE = {
    "random": random_settings,
    "sobol": sobol_settings,
    "latin_hypercube": latin_hypercube_settings,
}


def begin_sampling(name: str, spaces: Sequence[Space], n_settings: int, seed: int) -> Sampling:
    """Return a sampler at its start.

    Args:
        name: one of `SAMPLERS`.
        spaces: the parts of the space.
        n_settings: how many settings to propose in all; the grid proposes every one.
        seed: decides what is drawn.

    Raises:
        ParameterError: when the name is unknown, or the grid of a distribution is asked for.
    """
    check_choice("sampler", name, list(SAMPLERS))
    if name == "grid":
        if not is_finite(spaces):
            raise ParameterError(
                "sampler='grid' needs a list of values for each parameter; give lists, or sampler='random'."
            )
        return _at_once(every_setting(spaces))
    return _at_once(_AT_ONCE[name](spaces, n_settings, np.random.SeedSequence(seed)))


def _at_once(settings: list[Setting]) -> Sampling:
    """Propose all settings in one batch."""
    yield settings
