"""Exact nearest neighbours by brute force, at the speed of a float32 matrix product or better.

A search goes through screens, each of which settles the queries that it can:

1. float32 scores of all training rows on the device, of which the smallest few are kept (`screening`);
2. float64 ranks of those few on the host; rows that a bound shows to be too far are skipped;
3. a query is settled when no row outside can be among its nearest, by the bound on float32's rounding, and
   no two of its k + 1 nearest ranks are equal or so near that float64's rounding decides;
4. what is left has all its ranks computed in float64 with scikit-learn's roundings and ties (`ties`).

Few training rows go to step 4 at once. The answer is exact either way; where ranks tie it is scikit-learn's.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped
from sklearn.metrics import pairwise_distances_chunked

from gorae.errors import DataError, ParameterError
from gorae.models.distances import find_metric, reference_ranks, row_norms
from gorae.models.screening import (
    Screen,
    compressed_screen,
    difference_screen,
    find_frame,
    product_screen,
)
from gorae.models.settling import nearest, open_search, run_screen, settle_ties
from gorae.models.ties import LOWEST_INDEX, TieRule

__all__ = ["NeighborIndex", "NeighborTable", "neighbor_table", "restrict", "without_self"]

_FEW_FEATURES = 16
"""Up to so many features the differences themselves cost no more than a product, and lose less."""
_REFERENCE_VALUES = {"euclidean": 2**20, "cosine": 2**20, "manhattan": 2**17, "chebyshev": 2**17}
"""Training values (rows x features) up to which float64 at once is as fast as a screen, by kind of metric."""
_REFERENCE_ROWS = 4096
_COMPRESSED_FEATURES, _COMPRESSED_ROWS, _COMPRESSED_QUERIES = 64, 8192, 256
"""The least of each for which finding directions and projecting all rows pays."""
_RANK_VALUES = 2**24
"""Float64 ranks held at once (128 MB)."""


class NeighborTable(NamedTuple):
    """The nearest training rows of each query, nearest first.

    Attributes:
        distances: float64, ascending along each row.
        indices: positions of the training rows.
    """

    distances: Float64[np.ndarray, "queries k"]
    indices: Int64[np.ndarray, "queries k"]


class NeighborIndex:
    """Training rows, ready to be searched; screens are made when a search first needs them, and kept.

    Args:
        train: (rows, features), finite, of any numeric type; kept as it is (bytes stay bytes).
        metric: scikit-learn's name of the metric.

    Raises:
        ParameterError: the metric is unknown.
    """

    def __init__(self, train: Shaped[np.ndarray, "rows width"], metric: str = "euclidean"):
        self.train = np.ascontiguousarray(train)
        self.metric = find_metric(metric)
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what lives on a device or can be made again."""
        return {"train": self.train, "metric": self.metric}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["train"], state["metric"].name)

    def search(
        self, queries: Shaped[np.ndarray, "queries width"] | None, k: int, rule: TieRule = LOWEST_INDEX
    ) -> NeighborTable:
        """Return the k nearest training rows of each query.

        Args:
            queries: finite rows; None for the training rows themselves (which then find themselves).
            k: how many, at most all training rows.
            rule: how equal distances are ordered.

        Raises:
            ParameterError: k is not between 1 and the number of training rows.
            DataError: a distance is beyond float64.
        """
        if not 1 <= k <= len(self.train):
            raise ParameterError(f"k must be between 1 and the {len(self.train)} training rows, got {k}.")
        if queries is not None and not len(queries):
            return NeighborTable(np.empty((0, k)), np.empty((0, k), np.int64))
        with np.errstate(over="ignore", invalid="ignore"):
            if self._is_small(k):
                asked = np.arange(len(self.train if queries is None else queries))
                ranks, indices = self._by_reference(queries, asked, k, rule)
            else:
                ranks, indices = self._by_screens(self.train if queries is None else queries, k, rule)
        if not np.isfinite(ranks).all():
            raise DataError(
                f"{self.metric.name} distances are beyond the largest float64; scale the features down first."
            )
        return NeighborTable(self.metric.distances(ranks), indices)

    def all_ranks(self, queries: Shaped[np.ndarray, "queries width"]) -> Float64[np.ndarray, "queries rows"]:
        """Return what all training rows are ordered by for each query, to the last bit as `search` has it.

        The metric is none that goes through products, whose rounding depends on how many are made at once.
        """
        wide = np.ascontiguousarray(queries, np.float64)
        return np.asarray(reference_ranks(wide, self.train, self.metric, None))

    def _is_small(self, k: int) -> bool:
        """Return whether all ranks in float64 are cheap; this does not depend on the number of queries."""
        rows, width = self.train.shape
        if 16 * k > rows or k + 16 > 400:
            return True
        return rows <= _REFERENCE_ROWS and rows * width <= _REFERENCE_VALUES[self.metric.kind]

    def _by_screens(
        self, queries: Shaped[np.ndarray, "queries width"], k: int, rule: TieRule
    ) -> tuple[Float64[np.ndarray, "queries k"], Int64[np.ndarray, "queries k"]]:
        """Settle queries by one screen after the other, and what stays open by reference."""
        search = open_search(self.train, self.metric.kind, queries, k)
        for screen, keep in self._screens(len(queries), k):
            run_screen(screen, keep, search)
            settle_ties(screen, rule, search)
        left = np.flatnonzero(search.open)
        if len(left):
            search.ranks[left], search.indices[left] = self._by_reference(queries, left, k, rule)
        return search.ranks, search.indices

    def _screens(self, queries: int, k: int) -> Iterator[tuple[Screen, int]]:
        """Make the screens of this metric, the cheapest first, each when it is its turn."""
        rows, width = self.train.shape
        frame = self._once("frame", lambda: find_frame(self.train, directions=self.metric.kind == "cosine"))
        operation = {"manhattan": "sum", "chebyshev": "max"}.get(self.metric.kind)
        if self.metric.kind == "euclidean" and width <= _FEW_FEATURES:
            operation = "square"
        if operation is not None:
            yield self._once("difference", lambda: difference_screen(self.train, frame, operation)), k + 8
            return
        keep = 64 + 4 * k
        if (
            queries >= _COMPRESSED_QUERIES
            and rows >= max(_COMPRESSED_ROWS, 16 * keep)
            and width >= _COMPRESSED_FEATURES
            and keep <= 400
        ):
            compressed = self._once("compressed", lambda: compressed_screen(self.train, frame))
            if compressed is not None:
                yield compressed, keep
        yield self._once("product", lambda: product_screen(self.train, frame)), k + 8

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was made under a name, or make it."""
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    def _by_reference(
        self,
        queries: Shaped[np.ndarray, "queries width"] | None,
        asked: Int64[np.ndarray, " asked"],
        k: int,
        rule: TieRule,
    ) -> tuple[Float64[np.ndarray, "asked k"], Int64[np.ndarray, "asked k"]]:
        """Compute all ranks of some queries in float64 and choose among them."""
        train = self.train
        step = max(1, _RANK_VALUES // len(train) // 256 * 256 or _RANK_VALUES // len(train))
        found = []
        if self.metric.kind == "cosine":
            wide = np.ascontiguousarray(train, np.float64)
            rows = wide if queries is None else np.ascontiguousarray(queries[asked], np.float64)
            # The same object twice makes scikit-learn's distance of a row from itself exactly zero.
            parts = pairwise_distances_chunked(rows, wide, metric="cosine")
            found = [nearest(np.asarray(ranks), k, rule) for ranks in parts]
        else:
            norms = self._once("norms", lambda: row_norms(train)) if self.metric.product else None
            queries = train if queries is None else queries
            for left in range(0, len(asked), step):
                rows = np.ascontiguousarray(queries[asked[left : left + step]], np.float64)
                found.append(nearest(reference_ranks(rows, train, self.metric, norms), k, rule))
        return np.concatenate([r for r, _ in found]), np.concatenate([i for _, i in found])


def neighbor_table(
    train: Shaped[np.ndarray, "rows width"],
    queries: Shaped[np.ndarray, "queries width"] | None,
    k: int,
    metric: str = "euclidean",
    *,
    rule: TieRule = LOWEST_INDEX,
) -> NeighborTable:
    """Return the k nearest training rows of each query, for any smaller k as well: the first columns.

    Args:
        train: (rows, features), finite.
        queries: (queries, features), finite; None for the training rows, each without itself.
        k: how many neighbours, at most all training rows (one less without queries).
        metric: scikit-learn's name.
        rule: how equal distances are ordered; by default the lowest index first, so that the first columns
            of a table are the table of a smaller k.

    Returns:
        Distances and indices, nearest first.

    Raises:
        ParameterError: k or metric is out of range.
        DataError: a distance is beyond float64.

    Example:
        >>> train = np.array([[0.0], [1.0], [4.0]])
        >>> neighbor_table(train, np.array([[3.0]]), 2).indices
        array([[2, 1]])
        >>> neighbor_table(train, None, 1).distances.ravel()
        array([1., 1., 3.])
    """
    index = NeighborIndex(train, metric)
    if queries is not None:
        return index.search(queries, k, rule)
    if not 1 <= k < len(train):
        raise ParameterError(f"k must be between 1 and the {len(train) - 1} other training rows, got {k}.")
    return without_self(index.search(None, k + 1, rule))


def without_self(table: NeighborTable) -> NeighborTable:
    """Take each training row out of its own neighbours, as scikit-learn does.

    Where more copies of a row than there are neighbours pushed it out, the first of the copies goes.

    Args:
        table: k + 1 neighbours of every training row.
    """
    keep = table.indices != np.arange(len(table.indices))[:, None]
    keep[keep.all(axis=1), 0] = False
    shape = (len(keep), keep.shape[1] - 1)
    return NeighborTable(table.distances[keep].reshape(shape), table.indices[keep].reshape(shape))


def restrict(table: NeighborTable, allowed: Bool[np.ndarray, " rows"], k: int) -> NeighborTable:
    """Return the k nearest among some of the training rows: one table of all rows serves every fold.

    Args:
        table: enough neighbours for each query to find k allowed ones among them.
        allowed: which training rows may be neighbours.
        k: how many.

    Raises:
        ParameterError: a query has fewer than k allowed neighbours in the table.

    Example:
        >>> table = neighbor_table(np.array([[0.0], [1.0], [4.0]]), np.array([[3.0]]), 3)
        >>> restrict(table, np.array([True, False, True]), 2).indices
        array([[2, 0]])
    """
    fine = allowed[table.indices]
    fewest = int(fine.sum(axis=1).min(initial=k))
    if fewest < k:
        raise ParameterError(
            f"k={k} allowed neighbours were asked for, but a query has only {fewest} among the "
            f"{fine.shape[1]} of the table; make the table with a larger k."
        )
    first = np.argsort(~fine, axis=1, kind="stable")[:, :k]
    return NeighborTable(
        np.take_along_axis(table.distances, first, axis=1), np.take_along_axis(table.indices, first, axis=1)
    )
