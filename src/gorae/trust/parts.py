"""A model fitted on many parts of the rows: networks as one population, other models one after the other."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing

from gorae.estimators.network import NetworkEstimator
from gorae.estimators.together import Fit, fit_together
from gorae.train import Progress


def fit_parts(
    estimators: Sequence[Any],
    X: Any,
    y: np.ndarray,
    parts: Sequence[np.ndarray],
    *,
    classes: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> list[Any]:
    """Return clones of estimators of one class, each fitted on its part of the rows.

    Args:
        estimators: one a part; they stay as they are.
        X: (rows, columns).
        y: (rows,) class labels, or values.
        parts: positions of the rows that each clone learns from.
        classes: all class labels, or None for values; a network has an output for each, though its part may
            lack some, so that all parts are one program.
        sample_weight: (rows,) or None; passed on where it is given.
        groups: (rows,) or None; what early stopping of networks keeps together.
        progress: told about ten times a second while networks train.

    Raises:
        GoraeError: what the first fit that could not be made says.
    """
    clones: list[Any] = [clone(estimator) for estimator in estimators]
    if isinstance(clones[0], NetworkEstimator):
        fits = [Fit(one, rows, classes) for one, rows in zip(clones, parts, strict=True)]
        for error in fit_together(fits, X, y, sample_weight, groups=groups, progress=progress):
            if error is not None:
                raise error
        return clones
    for one, rows in zip(clones, parts, strict=True):
        weight = {} if sample_weight is None else {"sample_weight": sample_weight[rows]}
        one.fit(_safe_indexing(X, rows), y[rows], **weight)
    return clones
