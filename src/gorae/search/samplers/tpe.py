"""TPE: good settings and bad ones each get a density, and what is likelier good than bad is tried next."""

from collections.abc import Sequence

import numpy as np

from gorae.search.samplers.optuna_studies import check_installed, make_tpe, optuna_settings
from gorae.search.samplers.points import Sampling
from gorae.search.space import Space


def tpe_settings(spaces: Sequence[Space], n_settings: int, seed: np.random.SeedSequence) -> Sampling:
    r"""Return a sampler that proposes settings by Optuna's tree-structured Parzen estimator.

    Of the settings $x$ tried so far the best tenth give a density $\ell(x)$, the others $g(x)$: mixtures of
    one kernel a setting, over all parameters of a part jointly. Of 24 draws from $\ell$ that with the largest
    $\ell(x) / g(x)$ is tried. The first batch is random; settings of the batch that is being made count as
    bad ones, so that they keep apart. Where the space has several parts, one estimator chooses the part and
    each part has its own. Lists of numbers are taken in their order, other lists have none.

    Args:
        spaces: the parts of the space.
        n_settings: how many settings to propose in all; lists only may have fewer.
        seed: decides what is drawn.

    Raises:
        ParameterError: when Optuna is not installed, or a distribution has no quantiles (`ppf`).

    References:
        Bergstra, Bardenet, Bengio & Kégl 2011, Algorithms for hyper-parameter optimization, section 4;
        Watanabe 2023, Tree-structured Parzen estimator, section 3.
    """
    check_installed("tpe", "optuna")
    return optuna_settings(spaces, n_settings, seed, lambda axes, share, number: make_tpe(share, number))
