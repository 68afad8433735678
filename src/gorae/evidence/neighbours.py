"""The nearest rows in a space of features: what an answer resembles.

Letters of shapes: ``rows`` to search in; ``queries``; ``width`` of the features; ``k`` neighbours.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist

from gorae.errors import InputError, ParameterError
from gorae.evidence.checks import check_choice, check_count, finite_matrix

__all__ = ["NEIGHBOUR_METRICS", "nearest"]

NEIGHBOUR_METRICS = ("l2", "cosine", "l1")
_BLOCK_BYTES = 64 * 2**20


def nearest(
    features_train: Any, features_query: Any, k: int, *, metric: str = "l2"
) -> tuple[Int[np.ndarray, "queries k"], Float[np.ndarray, "queries k"]]:
    """Return the k nearest rows to each query, the nearest first, rows at equal distance in their order.

    Distances are computed exactly, in float64 and in blocks of queries, so that memory stays near 64 MiB
    beyond the features themselves.

    Args:
        features_train: (rows, width) features of the rows to search in, for example of a last hidden layer.
        features_query: (queries, width) features of the queries.
        k: Neighbours wanted, at most as many as there are rows.
        metric: "l2": Euclidean; "l1": sum of absolute differences; "cosine": 1 - cosine of the angle, which
            is 1 for a row of zeros.

    Returns:
        Row numbers (queries, k) and distances (queries, k).

    Raises:
        InputError: If the widths differ, an array has no two axes, or a feature is not finite.
        ParameterError: If k is out of its range or the metric unknown.

    Example:
        >>> rows, distances = nearest([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0]], [[0.0, 0.0]], 2)
        >>> rows.tolist(), distances.tolist()
        ([[0, 2]], [[0.0, 1.0]])
    """
    check_choice("metric", metric, NEIGHBOUR_METRICS)
    check_count("k", k)
    train, queries = (
        finite_matrix("features_train", features_train),
        finite_matrix("features_query", features_query),
    )
    if train.shape[1] != queries.shape[1]:
        raise InputError(
            f"Both feature arrays must be equally wide, but training rows have {train.shape[1]} and queries "
            f"{queries.shape[1]}."
        )
    if k > len(train):
        raise ParameterError(f"k must be at most the {len(train)} rows there are, but it is {k}.")
    if metric == "cosine":
        train, queries = _unit_length(train), _unit_length(queries)
    rows = np.empty((len(queries), k), dtype=np.int64)
    distances = np.empty((len(queries), k))
    block = max(1, _BLOCK_BYTES // (8 * len(train)))
    for start in range(0, len(queries), block):
        stop = min(start + block, len(queries))
        table = _distances(queries[start:stop], train, metric)
        # The k-th smallest distance first: a full sort of 60,000 distances a query would take longer than
        # they do.
        bounds = np.partition(table, k - 1, axis=1)[:, k - 1]
        for query, (line, bound) in enumerate(zip(table, bounds, strict=True), start=start):
            near = np.flatnonzero(line <= bound)
            rows[query] = near[np.argsort(line[near], kind="stable")[:k]]
            distances[query] = line[rows[query]]
    return rows, distances


def _distances(queries: np.ndarray, train: np.ndarray, metric: str) -> np.ndarray:
    if metric == "cosine":
        return np.clip(1 - queries @ train.T, 0, 2)
    return cdist(queries, train, "euclidean") if metric == "l2" else cdist(queries, train, "cityblock")


def _unit_length(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.divide(features, length, out=np.zeros_like(features), where=length > 0)
