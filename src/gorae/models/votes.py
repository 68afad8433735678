"""What the neighbours say: class probabilities and means, for any k and weighting from one table."""

import numpy as np
from jaxtyping import Float, Float64, Int, Int64

from gorae.errors import ParameterError
from gorae.models.neighbors import NeighborTable

__all__ = ["WEIGHTS", "class_scores", "neighbor_means", "neighbor_probabilities", "vote_weights"]

WEIGHTS = ("uniform", "distance")
"""How neighbours are weighted: equally, or by the inverse of their distance."""


def vote_weights(
    distances: Float64[np.ndarray, "queries k"], weights: str = "uniform"
) -> Float64[np.ndarray, "queries k"]:
    """Return the weight of each neighbour: 1, or 1 / distance.

    Where neighbours lie at distance 0, they have weight 1 and all others 0, as in scikit-learn.

    Args:
        distances: of the neighbours.
        weights: "uniform" or "distance".

    Raises:
        ParameterError: for another name.

    Example:
        >>> vote_weights(np.array([[1.0, 4.0], [0.0, 2.0]]), "distance")
        array([[1.  , 0.25],
               [1.  , 0.  ]])
    """
    if weights not in WEIGHTS:
        raise ParameterError(f"weights must be one of {list(WEIGHTS)}, got {weights!r}.")
    if weights == "uniform":
        return np.ones(distances.shape)
    # A distance below 1 / max is as good as none: its inverse is infinite.
    with np.errstate(divide="ignore", over="ignore"):
        inverse = 1.0 / distances
    here = np.isinf(inverse)
    hit = here.any(axis=1)
    inverse[hit] = here[hit]
    return inverse


def neighbor_probabilities(
    table: NeighborTable,
    codes: Int[np.ndarray, " rows"],
    classes: int,
    k: int | None = None,
    weights: str = "uniform",
) -> Float64[np.ndarray, "queries classes"]:
    """Return the share of the votes that each class has among the nearest k.

    Args:
        table: at least k neighbours of each query.
        codes: the class of every training row, 0 to classes - 1.
        classes: how many classes there are.
        k: how many neighbours vote; all of the table if None.
        weights: "uniform" or "distance".

    Returns:
        Rows that sum to 1.

    Raises:
        ParameterError: the table has fewer than k neighbours, or weights is unknown.

    Example:
        >>> table = NeighborTable(np.array([[1.0, 2.0, 3.0]]), np.array([[2, 0, 1]]))
        >>> neighbor_probabilities(table, np.array([0, 0, 1]), 2, k=2, weights="distance").round(3)
        array([[0.333, 0.667]])
    """
    first = _nearest(table, k)
    votes = vote_weights(first.distances, weights)
    sums = np.zeros((len(votes), classes))
    everyone = np.arange(len(votes))
    for column, labels in enumerate(codes[first.indices].T):
        sums[everyone, labels] += votes[:, column]
    return sums / sums.sum(axis=1, keepdims=True)


def class_scores(
    labels: Int64[np.ndarray, "queries k"], votes: Float64[np.ndarray, "queries k"], classes: int
) -> Float64[np.ndarray, "queries classes"]:
    """Return the sum of the votes for each class, each sum rounded as scikit-learn's `weighted_mode` does.

    Where two classes have the same votes it is rounding that decides, so the order of summation matters.
    """
    scores = np.zeros((len(labels), classes))
    for code in np.unique(labels):
        scores[:, code] = np.where(labels == code, votes, 0.0).sum(axis=1)
    return scores


def neighbor_means(
    table: NeighborTable,
    targets: Float[np.ndarray, " rows *outputs"],
    k: int | None = None,
    weights: str = "uniform",
) -> Float64[np.ndarray, " queries *outputs"]:
    """Return the weighted mean of the targets of the nearest k.

    Args:
        table: at least k neighbours of each query.
        targets: one number or a row of numbers for every training row.
        k: how many neighbours count; all of the table if None.
        weights: "uniform" or "distance".

    Raises:
        ParameterError: the table has fewer than k neighbours, or weights is unknown.

    Example:
        >>> table = NeighborTable(np.array([[1.0, 2.0]]), np.array([[1, 0]]))
        >>> neighbor_means(table, np.array([6.0, 3.0]), weights="distance")
        array([4.])
    """
    first = _nearest(table, k)
    votes = vote_weights(first.distances, weights)
    values = targets[first.indices]
    if weights == "uniform":
        return values.mean(axis=1)
    total = votes.sum(axis=1)
    if values.ndim == 2:
        return (values * votes).sum(axis=1) / total
    # Output after output, each summed as scikit-learn sums it.
    sums = [(values[:, :, output] * votes).sum(axis=1) / total for output in range(values.shape[2])]
    return np.column_stack(sums)


def _nearest(table: NeighborTable, k: int | None) -> NeighborTable:
    """Return the first k columns."""
    width = table.indices.shape[1]
    k = int(width if k is None else k)
    if not 1 <= k <= width:
        raise ParameterError(f"k must be between 1 and the {width} neighbours of the table, got {k}.")
    return NeighborTable(table.distances[:, :k], table.indices[:, :k])
