"""How unlike the training data a row is: scores from a model's answers and from its features.

Every score is larger for a stranger row. Letters of shapes: ``rows`` that were learned from; ``queries``;
``members`` of an ensemble; ``classes``; ``width`` of the features.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from gorae.errors import InputError
from gorae.evidence.checks import class_codes, finite_matrix, probability_rows
from gorae.evidence.neighbours import nearest
from gorae.evidence.uncertainty import uncertainty

__all__ = [
    "ClassGaussians",
    "by_disagreement",
    "by_distance",
    "by_energy",
    "by_largest_logit",
    "by_largest_probability",
    "fit_class_gaussians",
]

_RIDGE = 1e-6


def by_largest_probability(probabilities: Any) -> Float[np.ndarray, " queries"]:
    """Return 1 - the largest probability of each row: the baseline that others have to beat.

    Args:
        probabilities: (queries, classes) each row summing to 1.

    Example:
        >>> by_largest_probability([[0.25, 0.75]]).tolist()
        [0.25]

    References:
        Hendrycks, Gimpel (2017), "A baseline for detecting misclassified and out-of-distribution examples".
    """
    return 1 - probability_rows(probabilities).max(axis=1)


def by_largest_logit(logits: Any) -> Float[np.ndarray, " queries"]:
    """Return minus the largest logit of each row, which, unlike a probability, tells how far the row is.

    Args:
        logits: (queries, classes).

    References:
        Vaze, Han, Vedaldi, Zisserman (2022), "Open-set recognition: a good closed-set classifier is all you
        need", section 4.
    """
    return -finite_matrix("logits", logits, "(rows, classes)").max(axis=1)


def by_energy(logits: Any) -> Float[np.ndarray, " queries"]:
    r"""Return the energy of each row, $-\ln\sum_k e^{z_k}$.

    Args:
        logits: (queries, classes).

    Example:
        >>> by_energy([[0.0, 0.0]]).round(4).tolist()
        [-0.6931]

    References:
        Liu, Wang, Owens, Li (2020), "Energy-based out-of-distribution detection", equation 4.
    """
    return -logsumexp(finite_matrix("logits", logits, "(rows, classes)"), axis=1)


def by_disagreement(probabilities: Any) -> Float[np.ndarray, " queries"]:
    """Return how much the members of an ensemble disagree on each row: their mutual information in nats.

    Args:
        probabilities: (members, queries, classes).
    """
    return uncertainty(probabilities).epistemic


def by_distance(
    features_train: Any, features_query: Any, *, k: int = 5, metric: str = "l2"
) -> Float[np.ndarray, " queries"]:
    """Return the distance of each row to the k-th nearest training row.

    Args:
        features_train: (rows, width), for example of the last hidden layer.
        features_query: (queries, width).
        k: Which neighbour; the first one follows single odd rows, a later one is smoother.
        metric: "l2", "l1" or "cosine".

    Example:
        >>> by_distance([[0.0], [1.0], [2.0]], [[4.0]], k=2).tolist()
        [3.0]

    References:
        Sun, Ming, Zhu, Li (2022), "Out-of-distribution detection with deep nearest neighbors", equation 3.
    """
    return nearest(features_train, features_query, k, metric=metric)[1][:, -1]


@dataclass(frozen=True)
class ClassGaussians:
    """A Gaussian a class with one covariance for all, of features.

    Attributes:
        means: (classes, width).
        factor: (width, width) lower Cholesky factor of the shared covariance.
    """

    means: Float[np.ndarray, "classes width"]
    factor: Float[np.ndarray, "width width"]

    def distances(self, features: Any) -> Float[np.ndarray, "queries classes"]:
        r"""Return the squared Mahalanobis distance to each class, $(x-\mu_k)^\top \Sigma^{-1} (x-\mu_k)$."""
        values = finite_matrix("features", features)
        if values.shape[1] != self.means.shape[1]:
            raise InputError(
                f"features must have {self.means.shape[1]} columns, but they have {values.shape[1]}."
            )
        white = solve_triangular(self.factor, values.T, lower=True).T
        centres = solve_triangular(self.factor, self.means.T, lower=True).T
        squares = np.sum(white**2, axis=1)[:, None] + np.sum(centres**2, axis=1) - 2 * white @ centres.T
        return np.maximum(squares, 0.0)

    def scores(self, features: Any) -> Float[np.ndarray, " queries"]:
        """Return the squared distance to the nearest class."""
        return self.distances(features).min(axis=1)


def fit_class_gaussians(features: Any, labels: Any) -> ClassGaussians:
    r"""Fit the means of all classes and the covariance that they share, by maximum likelihood.

    $\Sigma = \frac1n\sum_i (x_i - \mu_{y_i})(x_i - \mu_{y_i})^\top$, to whose diagonal a millionth of its
    mean is added, so that features which never vary have no distance of their own.

    Args:
        features: (rows, width).
        labels: (rows,) class codes; every code from 0 to the largest has a row.

    Raises:
        InputError: If features are not finite, all the same, or a class has no row.

    Example:
        >>> found = fit_class_gaussians([[0.0], [2.0], [10.0], [12.0]], [0, 0, 1, 1])
        >>> found.means.tolist(), found.scores([[3.0]]).round(3).tolist()
        ([[1.0], [11.0]], [4.0])

    References:
        Lee, Lee, Lee, Shin (2018), "A simple unified framework for detecting out-of-distribution samples",
        equations 1 and 2.
    """
    values = finite_matrix("features", features)
    codes = class_codes("labels", labels, int(np.max(labels)) + 1 if np.size(labels) else 1)
    if len(codes) != len(values):
        raise InputError(f"One label a row is needed, but there are {len(codes)} for {len(values)} rows.")
    counts = np.bincount(codes)
    if not counts.all():
        raise InputError(f"class {int(np.argmin(counts))} has no row to take a mean of.")
    means = np.stack([values[codes == code].mean(axis=0) for code in range(len(counts))])
    away = values - means[codes]
    covariance = away.T @ away / len(values)
    level = float(np.trace(covariance)) / len(covariance)
    if not level > 0:
        raise InputError("features do not vary within any class: there is no distance to measure by.")
    return ClassGaussians(means, np.linalg.cholesky(covariance + _RIDGE * level * np.eye(len(covariance))))
