"""The nearest rows in a space of features: what an answer resembles.

Letters of shapes: ``rows`` to search in; ``queries``; ``width`` of the features; ``k`` neighbours.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import cdist

from gorae.errors import InputError, ParameterError
from gorae.evidence.checks import check_choice, check_count, check_same_length, class_codes, finite_matrix

__all__ = ["NEIGHBOUR_METRICS", "nearest", "neighbour_shares"]

NEIGHBOUR_METRICS = ("l2", "cosine", "l1", "chebyshev")
_SCIPY_NAMES: dict[str, Any] = {"l2": "euclidean", "l1": "cityblock", "chebyshev": "chebyshev"}
_BLOCK_BYTES = 64 * 2**20
_MOST_ASKED = 10_000


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
            is 1 for a row of zeros; "chebyshev": the largest absolute difference.

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


def neighbour_shares(
    features: Any, labels: Any, classes: int, *, k: int = 15, groups: Any = None, seed: int = 0
) -> Float[np.ndarray, "rows classes"]:
    """Return the share of each class among the nearest other rows of each row.

    No row has a say about itself, so these are probabilities out of fold. Of more than 10,000 rows, as many
    drawn evenly are the ones that are near or not.

    Args:
        features: (rows, width), finite.
        labels: (rows,) class codes.
        classes: How many classes there are.
        k: Nearest rows that are asked, Euclidean; fewer where there are fewer.
        groups: (rows,) or None; rows of a row's own group have no say either.
        seed: Decides which rows are drawn.

    Returns:
        The shares; all classes alike where no row has a say.

    Raises:
        InputError: If lengths differ, a feature is not finite, or a label is none of the classes.
        ParameterError: If k is not a whole number of at least 1.

    Example:
        >>> neighbour_shares([[0.0], [1.0], [2.0], [9.0]], [0, 0, 1, 1], 2, k=2).tolist()
        [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0], [0.5, 0.5]]
    """
    check_count("k", k)
    rows = finite_matrix("features", features).astype(np.float32)
    codes = class_codes("labels", labels, classes)
    units = np.arange(len(rows)) if groups is None else np.unique(groups, return_inverse=True)[1]
    check_same_length(features=rows, labels=codes, groups=units)
    asked = np.arange(len(rows))
    if len(asked) > _MOST_ASKED:
        asked = np.sort(np.random.default_rng(seed).choice(asked, _MOST_ASKED, replace=False))
    rows -= rows.mean(axis=0)  # the squares below are then no larger than they need be
    known, wanted = rows[asked], min(k, len(asked))
    lengths = np.einsum("ij,ij->i", known, known)
    shares = np.empty((len(rows), classes))
    block = max(1, _BLOCK_BYTES // (4 * len(asked)))
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        table = lengths - 2 * rows[part] @ known.T  # the row's own square changes no order
        table[units[part, None] == units[asked]] = np.inf
        places = np.argpartition(table, wanted - 1, axis=1)[:, :wanted]
        has_a_say = np.isfinite(np.take_along_axis(table, places, axis=1))
        votes = np.zeros((len(table), classes))
        voters = np.repeat(np.arange(len(table)), wanted)
        np.add.at(votes, (voters, codes[asked][places].ravel()), has_a_say.ravel().astype(float))
        count = votes.sum(axis=1, keepdims=True)
        even = np.full_like(votes, 1 / classes)
        shares[part] = np.divide(votes, count, out=even, where=count > 0)
    return shares


def _distances(queries: np.ndarray, train: np.ndarray, metric: str) -> np.ndarray:
    if metric == "cosine":
        return np.clip(1 - queries @ train.T, 0, 2)
    return cdist(queries, train, _SCIPY_NAMES[metric])


def _unit_length(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.divide(features, length, out=np.zeros_like(features), where=length > 0)
