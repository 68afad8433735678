"""What a fitted estimator answers for rows that it has not seen, so that answers can be averaged."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier


def outputs_of(estimator: Any, X: Any, labels: np.ndarray | None) -> np.ndarray | None:
    """Return probabilities `(n, labels)`, or predictions `(n,)` or `(n, outputs)`; None where there are none.

    A classifier without probabilities is as sure as can be of what it predicts.

    Args:
        estimator: fitted; it may have met a part of the labels only.
        X: rows.
        labels: every label there is, sorted, or None.
    """
    if not is_classifier(estimator):
        found = np.asarray(estimator.predict(X)) if hasattr(estimator, "predict") else None
        return found if found is not None and found.dtype.kind in "fiu" else None
    if labels is None:
        return None
    if hasattr(estimator, "predict_proba"):
        given, classes = np.asarray(estimator.predict_proba(X)), estimator.classes_
    else:
        classes = labels
        given = (np.asarray(estimator.predict(X))[:, None] == labels[None, :]).astype(np.float32)
    if given.ndim != 2:
        return None
    outputs = np.zeros((len(given), len(labels)), np.float32)
    outputs[:, np.searchsorted(labels, classes)] = given
    return outputs
