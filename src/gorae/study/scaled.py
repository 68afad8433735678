"""Filling and scaling as a step of a pipeline: fitted on whatever rows the pipeline is fitted on."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from gorae.data import Affine, fit_affine


class Scaled(TransformerMixin, BaseEstimator):
    """Missing values become the column's mean; columns are shifted and scaled.

    Args:
        kind: "standard" for mean 0 and deviation 1 of each column, "common" for one scale of all.
    """

    affine_: Affine

    def __init__(self, kind: str = "standard"):
        self.kind = kind

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Measure the columns.

        Args:
            X: `(n, features)`, NaN for missing.
            y: not used.
        """
        self.affine_ = fit_affine(X, kind=self.kind)  # pyright: ignore[reportArgumentType]  one of the two names
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return filled and scaled rows, float32."""
        return self.affine_.apply(X)
