"""The known rows that a row resembles most, and how usual it is to resemble them no more.

Letters of shapes: known ``rows``; ``queries``; ``width`` of the features; ``k`` neighbours; ``asked`` rows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gorae.errors import DataError, ParameterError
from gorae.evidence import wilson
from gorae.similarity.metrics import nearest_known

__all__ = ["Examples", "nearest_examples", "usual_distances"]

_ASKED = 2000
"""Known rows, evenly drawn, that are asked how far their own nearest other row is."""


@dataclass(frozen=True)
class Examples:
    """The known rows nearest to each query.

    Attributes:
        places: of the known rows, the nearest first.
        distances: of them.
        farther: the share of known rows whose own nearest other row is at least as far as the query's.
        low: the lower bound of that share, 95 %.
        high: the upper bound.
    """

    places: Int[np.ndarray, "queries k"]
    distances: Float[np.ndarray, "queries k"]
    farther: Float[np.ndarray, " queries"]
    low: Float[np.ndarray, " queries"]
    high: Float[np.ndarray, " queries"]


def nearest_examples(
    known: Float[np.ndarray, "rows width"],
    queries: Float[np.ndarray, "queries width"],
    k: int = 5,
    *,
    metric: str = "l2",
) -> Examples:
    """Return the k known rows that each query resembles most, and how usual its distance is.

    A distance means nothing by itself. Here it is compared with the distances of known rows to their own
    nearest other row: of new rows of the same kind, the share that is found is even between 0 and 1, and 0.01
    is as far as 1 known row in 100 is. In a hidden layer this holds for rows that the model has not learned
    from only if the known rows were not learned from either; else new rows look somewhat too strange.

    Args:
        known: at least two rows.
        queries: rows to look from.
        k: how many, at most all known rows.
        metric: a name of `gorae.similarity.METRICS`.

    Returns:
        The examples, and the shares with their 95 % intervals (Wilson's, of up to 2,000 known rows asked).

    Raises:
        ParameterError: if k is out of its range.
        DataError: if there are too few known rows, or all of them are equal.

    Example:
        >>> known = np.array([[0.0], [1.0], [3.0], [6.0]])
        >>> found = nearest_examples(known, np.array([[8.5]]), 1)
        >>> found.places.tolist(), found.distances.tolist(), found.farther.tolist()
        ([[3]], [[2.5]], [0.25])
    """
    if len(known) < 2:
        raise DataError(f"rows can be compared with at least 2 known ones, but there is {len(known)}.")
    if known.shape[1] != queries.shape[1]:
        raise DataError(f"known rows have {known.shape[1]} numbers and the others {queries.shape[1]}.")
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= len(known):
        raise ParameterError(f"neighbors must be between 1 and the {len(known)} known rows, got {k!r}.")
    if not (known != known[0]).any():
        raise DataError(
            f"all {len(known)} known rows are equal in this space (constant columns?): nothing can be "
            "compared."
        )
    distances, places = nearest_known(known, queries, int(k), metric)
    usual = usual_distances(known, metric)
    # Equal up to rounding is as far: a copy of a known row is found at a distance near 0 in some metrics.
    count = len(usual) - np.searchsorted(usual, distances[:, 0] * (1 - 1e-9), side="left")
    low, high = wilson(count, np.full(len(count), len(usual)))
    return Examples(places, distances, count / len(usual), low, high)


def usual_distances(known: Float[np.ndarray, "rows width"], metric: str) -> Float[np.ndarray, " asked"]:
    """Return how far known rows, evenly drawn, are from their own nearest other row, ascending.

    Args:
        known: at least two rows.
        metric: a name of `gorae.similarity.METRICS`.
    """
    asked = np.unique(np.linspace(0, len(known) - 1, min(_ASKED, len(known))).astype(int))
    # A row finds itself, or a copy that is no farther, first.
    return np.sort(nearest_known(known, known[asked], 2, metric)[0][:, 1])
