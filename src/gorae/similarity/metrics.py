"""How far rows are apart: four metrics, searched exactly on the device."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from gorae.errors import ParameterError, closest
from gorae.evidence import NEIGHBOUR_METRICS
from gorae.models.neighbors import neighbor_table

__all__ = ["METRICS", "check_metric", "nearest_known", "neighbors_of_all"]

METRICS = NEIGHBOUR_METRICS
"""Names of the metrics: "l2", "cosine", "l1", "chebyshev"."""

_NAMES = {"l2": "euclidean", "l1": "manhattan", "cosine": "cosine", "chebyshev": "chebyshev"}
_OTHER_NAMES = {
    "euclidean": "l2",
    "manhattan": "l1",
    "cityblock": "l1",
    "linf": "chebyshev",
    "max": "chebyshev",
}


def check_metric(metric: Any) -> str:
    """Return a metric's own name; scikit-learn's names are understood too.

    Raises:
        ParameterError: if there is no such metric; the message names the near one.

    Example:
        >>> check_metric("manhattan")
        'l1'
    """
    if isinstance(metric, str):
        name = _OTHER_NAMES.get(metric.lower(), metric.lower())
        if name in METRICS:
            return name
    near = closest(str(metric), [*METRICS, *_OTHER_NAMES])
    hint = f" Did you mean {near!r}?" if near else ""
    raise ParameterError(f"metric must be one of {', '.join(map(repr, METRICS))}, got {metric!r}.{hint}")


def nearest_known(
    known: Float[np.ndarray, "rows width"], queries: Float[np.ndarray, "queries width"], k: int, metric: str
) -> tuple[Float[np.ndarray, "queries k"], Int[np.ndarray, "queries k"]]:
    """Return distances and places of the k nearest known rows of each query, the nearest first.

    Args:
        known: rows to search in.
        queries: rows to search from.
        k: how many, at most all.
        metric: a name of `METRICS`.

    Example:
        >>> nearest_known(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[3.0, 3.0]]), 1, "chebyshev")
        (array([[1.]]), array([[1]]))
    """
    table = neighbor_table(known, queries, k, _NAMES[metric])
    return table.distances, table.indices


def neighbors_of_all(
    rows: Float[np.ndarray, "rows width"], k: int, metric: str
) -> tuple[Float[np.ndarray, "rows k"], Int[np.ndarray, "rows k"]]:
    """Return distances and places of the k nearest other rows of each row, the nearest first.

    Args:
        rows: at least k + 1.
        k: how many.
        metric: a name of `METRICS`.
    """
    table = neighbor_table(rows, None, k, _NAMES[metric])
    return table.distances, table.indices
