"""CMA-ES: a normal distribution over the settings moves to the better ones and takes their shape."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.search.samplers.optuna_studies import check_installed, make_tpe, optuna_settings
from gorae.search.samplers.points import Sampling
from gorae.search.space import Space

_SMALLEST = 4


def cma_es_settings(spaces: Sequence[Space], n_settings: int, seed: np.random.SeedSequence) -> Sampling:
    r"""Return a sampler that proposes settings by Optuna's CMA-ES.

    Each generation is drawn from a normal distribution $N(m, \sigma^2 C)$ over the shares of probability, cut
    off at 0 and 1; it starts in the middle with $\sigma = 1/6$. The better half of the generation moves the
    mean $m$, and its steps teach the covariance $C$ and the width $\sigma$. Only the order of scores counts.
    A batch is a generation.

    A normal distribution needs an order: lists of numbers are taken by their places. For lists without an
    order Optuna falls back to random choices, which never learn; here TPE chooses them, each by itself. TPE
    chooses the part, too, where the space has several, each of which then has its own distribution.

    Args:
        spaces: the parts of the space.
        n_settings: how many settings to propose in all; lists only may have fewer.
        seed: decides what is drawn.

    Raises:
        ParameterError: when Optuna or cmaes is not installed, or a distribution has no quantiles (`ppf`).

    References:
        Hansen 2016, The CMA evolution strategy: a tutorial.
    """
    check_installed("cma_es", "optuna", "cmaes")
    return optuna_settings(spaces, n_settings, seed, _make)


def _make(axes: Mapping[str, Any], share: int, seed: int) -> Any:
    """Return Optuna's sampler for one part."""
    from optuna.distributions import FloatDistribution, IntDistribution
    from optuna.samplers import CmaEsSampler

    ordered = {
        name: axis
        for name, axis in sorted(axes.items())
        if isinstance(axis, FloatDistribution | IntDistribution)
    }

    class CmaEs(CmaEsSampler):
        """Knows its axes from the start; Optuna's would learn them from a first batch drawn at random."""

        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return ordered

    size = max(_SMALLEST, share)  # with fewer there is no covariance to be learned
    return CmaEs(
        n_startup_trials=0,
        popsize=size,
        independent_sampler=make_tpe(size, seed, jointly=False),
        warn_independent_sampling=False,
        seed=seed,
    )
