"""One search for the most neighbours answers every smaller number of them, ties included."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from gorae.models.neighbors import NeighborIndex, NeighborTable
from gorae.models.settling import nearest
from gorae.models.ties import TieRule

_MOST_WORK = 4_000_000_000
"""Numbers that are looked at to rank all training rows: about three seconds."""


class NearestFirst:
    """The nearest training rows of some queries, found once, of which any first k can be had.

    Where the k-th and the next are equally far, which of them comes depends on k and the rule of ties. Those
    queries are ranked among all training rows, once for every k; or searched again, where they are too many.

    Args:
        index: the training rows.
        queries: (queries, width).
        most: the largest number of neighbours that will be asked for.

    Example:
        >>> from gorae.models.ties import LOWEST_INDEX
        >>> index = NeighborIndex(np.array([[0.0], [1.0], [4.0]]))
        >>> NearestFirst(index, np.array([[3.0]]), 2).first(1, lambda: LOWEST_INDEX).indices
        array([[2]])
    """

    def __init__(self, index: NeighborIndex, queries: Shaped[np.ndarray, "queries width"], most: int):
        self.queries = queries
        self._index = index
        self._table = index.search(queries, min(most + 1, len(index.train)))
        self._known: dict[tuple[int, TieRule], NeighborTable] = {}

    def first(self, k: int, rule: Callable[[], TieRule]) -> NeighborTable:
        """Return the k nearest of each query, as `NeighborIndex.search` would.

        Args:
            k: how many.
            rule: gives the rule of ties, where there are any: to find it out takes longer than the rest.
        """
        distances, indices = self._table
        if k == distances.shape[1] < len(self._index.train) or k > distances.shape[1]:
            return self._index.search(self.queries, k, rule())
        if k == distances.shape[1]:
            return self._table
        tied = np.flatnonzero(distances[:, k - 1] == distances[:, k])
        if not len(tied):
            return NeighborTable(distances[:, :k], indices[:, :k])
        key = k, rule()
        if key not in self._known:
            found = NeighborTable(distances[:, :k].copy(), indices[:, :k].copy())
            found.distances[tied], found.indices[tied] = self._again(tied, *key)
            self._known[key] = found
        return self._known[key]

    def _again(self, tied: Int64[np.ndarray, " tied"], k: int, rule: TieRule) -> NeighborTable:
        """Return the k nearest of queries at whose k-th neighbour there is a tie."""
        if self._ranked is None:
            return self._index.search(self.queries[tied], k, rule)
        every, ranks = self._ranked
        ranks, indices = nearest(ranks[np.searchsorted(every, tied)], k, rule)
        return NeighborTable(self._index.metric.distances(ranks), indices)

    @cached_property
    def _ranked(self) -> tuple[Int64[np.ndarray, " tied"], Float64[np.ndarray, "tied rows"]] | None:
        """The queries with a tie anywhere, and how they rank all training rows; None where it is too much."""
        distances = self._table.distances
        every = np.flatnonzero((distances[:, 1:] == distances[:, :-1]).any(axis=1))
        rows, width = self._index.train.shape
        by_products = self._index.metric.product or self._index.metric.kind == "cosine"
        if by_products or len(every) * rows * max(width, 32) > _MOST_WORK:
            return None
        return every, self._index.all_ranks(self.queries[every])
