"""Distances between rows in float64, rounded as scikit-learn rounds them.

A *rank* is what neighbours are ordered by: the squared distance for the Euclidean kinds, which needs no root,
and the distance itself for the others. Two ways lead to it: `reference_ranks` gives all training rows with
scikit-learn's own sequence of roundings, `pair_ranks` a few of them with the fewest roundings.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Shaped
from scipy.linalg import get_blas_funcs
from sklearn import get_config
from sklearn.metrics import DistanceMetric

from gorae.backend import one_blas_thread
from gorae.errors import ParameterError, closest

__all__ = [
    "METRICS",
    "Metric",
    "find_metric",
    "pair_ranks",
    "rank_noise",
    "reference_ranks",
    "row_norms",
]

_ddot, _dgemm = get_blas_funcs(("dot", "gemm"), dtype=np.float64)
_UNIT = 2.0**-53
"""The unit roundoff of float64."""


@dataclass(frozen=True)
class Metric:
    """A way to measure how far two rows are apart.

    Attributes:
        name: scikit-learn's name.
        kind: what it measures: "euclidean", "manhattan", "chebyshev" or "cosine".
        root: whether the distance is the square root of the rank.
        product: whether scikit-learn expands the square, |q - a|² = |q|² - 2 q·a + |a|².
    """

    name: str
    kind: str
    root: bool = False
    product: bool = False

    def distances(self, ranks: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Return the distances that ranks stand for."""
        return np.sqrt(ranks) if self.root else ranks


METRICS = {
    metric.name: metric
    for metric in (
        Metric("euclidean", "euclidean", root=True, product=True),
        Metric("l2", "euclidean", root=True),
        Metric("sqeuclidean", "euclidean", product=True),
        Metric("manhattan", "manhattan"),
        Metric("l1", "manhattan"),
        Metric("cityblock", "manhattan"),
        Metric("chebyshev", "chebyshev"),
        Metric("cosine", "cosine"),
    )
}
"""Every metric by scikit-learn's name, synonyms included."""


def find_metric(name: str) -> Metric:
    """Return the metric of a name.

    Raises:
        ParameterError: the name is unknown; the message names the near one.

    Example:
        >>> find_metric("l1").kind
        'manhattan'
    """
    metric = METRICS.get(name) if isinstance(name, str) else None
    if metric is None:
        near = closest(str(name), METRICS)
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"metric must be one of {list(METRICS)}, got {name!r}.{hint}")
    return metric


def row_norms(rows: Shaped[np.ndarray, "rows width"]) -> Float64[np.ndarray, " rows"]:
    """Return the squared length of each row, each one dot product of BLAS, as in scikit-learn."""
    norms = np.empty(len(rows))
    for i, row in enumerate(rows):
        wide = np.asarray(row, np.float64)
        norms[i] = _ddot(wide, wide)
    return norms


def reference_ranks(
    queries: Float64[np.ndarray, "queries width"],
    train: Shaped[np.ndarray, "rows width"],
    metric: Metric,
    norms: Float64[np.ndarray, " rows"] | None = None,
) -> Float64[np.ndarray, "queries rows"]:
    """Return the ranks of all training rows, with scikit-learn's roundings (every metric but cosine).

    The Euclidean distance is expanded over tiles of 256 x 256 rows, as scikit-learn does, by the same BLAS
    routine on one thread: equal ranks here are equal ranks there. (Cosine distances are left to
    scikit-learn's own function, which is public.)

    Args:
        queries: the rows to measure from.
        train: the rows to measure to, of any numeric type.
        metric: any metric whose kind is not "cosine".
        norms: `row_norms(train)`, needed where the square is expanded.

    Returns:
        Squared distances for the Euclidean kinds, distances for the others.

    Example:
        >>> reference_ranks(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), find_metric("l2"))
        array([[25.]])
    """
    if not metric.product:
        if metric.kind == "euclidean":
            return _squared_ranks(queries, train)
        return DistanceMetric.get_metric(metric.kind).pairwise(
            queries, np.ascontiguousarray(train, np.float64)
        )
    norms = row_norms(train) if norms is None else norms
    own = row_norms(queries)
    ranks = np.empty((len(queries), len(train)))
    size = get_config()["pairwise_dist_chunk_size"]
    with one_blas_thread():
        for right in range(0, len(train), size):
            columns = slice(right, right + size)
            tile = np.ascontiguousarray(train[columns], np.float64)
            for left in range(0, len(queries), size):
                rows = slice(left, left + size)
                # Column-major BLAS computes the transpose: A Qᵀ there is Q Aᵀ in rows here.
                middle = _dgemm(-2.0, tile.T, queries[rows].T, trans_a=True).T
                ranks[rows, columns] = (own[rows, None] + middle) + norms[columns]
    return np.maximum(ranks, 0.0, out=ranks)


def _squared_ranks(
    queries: Float64[np.ndarray, "queries width"], train: Shaped[np.ndarray, "rows width"]
) -> Float64[np.ndarray, "queries rows"]:
    """Return squared distances summed feature after feature; DistanceMetric would only give their roots."""
    ranks = np.zeros((len(queries), len(train)))
    for column in range(queries.shape[1]):
        gap = queries[:, column, None] - np.asarray(train[:, column], np.float64)
        ranks += gap * gap
    return ranks


def pair_ranks(
    query: Float64[np.ndarray, " width"], rows: Shaped[np.ndarray, "rows width"], kind: str
) -> Float64[np.ndarray, " rows"]:
    """Return the ranks of a few rows as seen from one query, from the differences themselves.

    Example:
        >>> pair_ranks(np.array([1.0, 2.0]), np.array([[4, 6], [1, 2]]), "manhattan")
        array([7., 0.])
    """
    wide = rows.astype(np.float64)
    if kind == "cosine":
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        own = np.sqrt(query @ query)
        scale = lengths * own
        products = wide @ query
        cosines = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
        return np.clip(1.0 - cosines, 0.0, 2.0)
    wide -= query
    if kind == "euclidean":
        return np.einsum("ij,ij->i", wide, wide)
    np.abs(wide, out=wide)
    return wide.sum(axis=1) if kind == "manhattan" else wide.max(axis=1)


def rank_noise(rank: float, length: float, width: int, kind: str) -> float:
    """Return how far apart two ranks can be and yet be equal, or in the other order, in scikit-learn.

    Sums of n rounded terms carry an error of at most γ = n u / (1 - n u) relative to the sum of their sizes
    (u = 2⁻⁵³). The expanded square sums sizes up to (2|q| + d)², not d².

    Args:
        rank: the rank of the farther row.
        length: the Euclidean length of the query.
        width: the number of features.
        kind: the kind of the metric.

    References:
        N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, section 3.1.
    """
    gamma = (2 * width + 32) * _UNIT
    if kind == "euclidean":
        return gamma * (2.0 * length + np.sqrt(rank)) ** 2
    if kind == "manhattan":
        return gamma * rank
    return 0.0 if kind == "chebyshev" else 2.0 * gamma
