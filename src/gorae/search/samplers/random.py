"""Random search: each setting is drawn on its own."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import ParameterSampler

from gorae.search.space import Setting, Space, plain_setting


def random_settings(spaces: Sequence[Space], count: int, seed: np.random.SeedSequence) -> list[Setting]:
    """Return settings drawn by scikit-learn's `ParameterSampler`.

    Lists only are drawn from without replacement; where they have fewer settings than asked for, all are
    returned.

    Args:
        spaces: the parts of the space; each is as probable as the others.
        count: how many settings.
        seed: decides which.

    Example:
        >>> len(random_settings([{"a": [1, 2, 3]}], 2, np.random.SeedSequence(0)))
        2

    References:
        Bergstra & Bengio 2012, Random search for hyper-parameter optimization.
    """
    state = int(seed.generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The total space of parameters", UserWarning)
        drawn = list(ParameterSampler([dict(part) for part in spaces], count, random_state=state))
    return [plain_setting(setting) for setting in drawn]
