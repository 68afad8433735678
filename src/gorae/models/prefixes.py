"""One search for the most neighbours answers every smaller number of them, ties included."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Shaped

from gorae.models.neighbors import NeighborIndex, NeighborTable
from gorae.models.ties import TieRule


class NearestFirst:
    """The nearest training rows of some queries, found once, of which any first k can be had.

    Where the k-th and the next are equally far, which of them comes depends on k and the rule of ties; those
    queries alone are searched again.

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
        found = NeighborTable(distances[:, :k].copy(), indices[:, :k].copy())
        tied = np.flatnonzero(distances[:, k - 1] == distances[:, k])
        if len(tied):
            again = self._index.search(self.queries[tied], k, rule())
            found.distances[tied], found.indices[tied] = again
        return found
