"""Which of several equally distant rows become neighbours.

scikit-learn promises nothing here, but what it does can be said exactly. Its brute force (all metrics but
cosine) pushes the rows in order onto a binary max-heap of size k, and a row enters only if it is *strictly*
nearer than the farthest one kept. For k = 1 the lowest index wins. For larger k the row that leaves is the
one at the root, and which of several equally far rows stands there depends on how the heap was built: neither
the lowest nor the highest index wins in general. Two strategies share the work:

* many queries (more than training rows, or more than four chunks a thread): one heap a query over all rows;
* few queries: the training rows are cut into one run of whole chunks a thread; each run has its own heap, and
  the heaps are pushed into a last one in the order of the threads. Which of several ties wins then depends on
  the number of threads.

The cosine distance goes through `numpy.argpartition` instead. `scikit_learn_ties` says which of these
applies, `choose` follows it. `LOWEST_INDEX` is a rule of its own that depends on nothing but the distances.
"""

import os
from dataclasses import dataclass
from itertools import pairwise
from sys import float_info

import numpy as np
from jaxtyping import Float64, Int64
from joblib import cpu_count
from sklearn import get_config
from threadpoolctl import threadpool_info

__all__ = ["LOWEST_INDEX", "TieRule", "choose", "scikit_learn_ties"]


@dataclass(frozen=True)
class TieRule:
    """How equal distances are ordered.

    Attributes:
        way: "index" (the lowest index first), "heap" or "partition" (as scikit-learn).
        runs: for "heap", the training rows (start, stop) of each thread's heap, merged in order; empty for a
            single heap over all rows.
    """

    way: str
    runs: tuple[tuple[int, int], ...] = ()


LOWEST_INDEX = TieRule("index")
"""Among equal distances the lowest index wins, whatever the machine or the number of queries."""


def scikit_learn_ties(kind: str, queries: int, rows: int, *, only_votes: bool = False) -> TieRule:
    """Return the rule that scikit-learn follows for so many queries and training rows, here and now.

    Args:
        kind: the kind of the metric.
        queries: how many rows are asked for together.
        rows: how many training rows there are.
        only_votes: whether only votes are counted: scikit-learn then always takes one heap.

    Example:
        >>> scikit_learn_ties("manhattan", 2000, 1000)
        TieRule(way='heap', runs=())
    """
    if kind == "cosine":
        return TieRule("partition")
    chunk = get_config()["pairwise_dist_chunk_size"]
    threads = openmp_threads()
    if only_votes or rows < queries or 4 * chunk * threads < queries:
        return TieRule("heap")
    chunks = -(-rows // chunk)
    count = min(chunks, threads)
    # OpenMP's static schedule: contiguous shares, the first ones longer by one.
    share, longer = divmod(chunks, count)
    edges = np.cumsum([0, *(share + (i < longer) for i in range(count))]) * chunk
    return TieRule("heap", tuple((int(a), int(min(b, rows))) for a, b in pairwise(edges)))


def openmp_threads() -> int:
    """Return how many threads scikit-learn's compiled loops use now."""
    found = [pool for pool in threadpool_info() if pool["user_api"] == "openmp"]
    own = [pool for pool in found if "scikit_learn" in pool["filepath"]] or found
    limit = min((pool["num_threads"] for pool in own), default=1)
    return limit if os.environ.get("OMP_NUM_THREADS") else min(limit, cpu_count(only_physical_cores=True))


def choose(
    ranks: Float64[np.ndarray, "queries rows"], k: int, rule: TieRule
) -> Int64[np.ndarray, "queries k"]:
    """Return the k nearest rows of each query, nearest first, equal ones by a rule.

    Args:
        ranks: what rows are ordered by, smaller is nearer; finite.
        k: how many to choose, at most all rows.
        rule: how ties are ordered.

    Example:
        >>> row = np.array([[5.0, 5.0, 5.0, 1.0, 1.0]])
        >>> choose(row, 3, LOWEST_INDEX)
        array([[3, 4, 0]])
        >>> choose(row, 3, TieRule("heap"))
        array([[3, 4, 1]])
    """
    if rule.way == "partition":
        chosen = np.argpartition(ranks, k - 1, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(ranks, chosen, axis=1), axis=1)
        return np.take_along_axis(chosen, order, axis=1)
    wanted = min(k + 1, ranks.shape[1])
    chosen = _smallest(ranks, wanted)
    values = np.take_along_axis(ranks, chosen, axis=1)
    tied = (values[:, 1:] == values[:, :-1]).any(axis=1)
    for row in np.flatnonzero(tied):
        chosen[row, :k] = (
            _lowest(ranks[row], k) if rule.way == "index" else _heap_choice(ranks[row], k, rule.runs)
        )
    return chosen[:, :k]


def _smallest(ranks: Float64[np.ndarray, "queries rows"], k: int) -> Int64[np.ndarray, "queries k"]:
    """Return the k smallest of each row in ascending order, ties in no particular one."""
    if k < ranks.shape[1]:
        chosen = np.argpartition(ranks, k - 1, axis=1)[:, :k]
    else:
        chosen = np.broadcast_to(np.arange(k), ranks.shape)
    order = np.argsort(np.take_along_axis(ranks, chosen, axis=1), axis=1)
    return np.take_along_axis(chosen, order, axis=1)


def _lowest(row: Float64[np.ndarray, " rows"], k: int) -> Int64[np.ndarray, " k"]:
    """Return the k smallest of one row, the lower index first where they are equal."""
    limit = np.partition(row, k - 1)[k - 1]
    near = np.flatnonzero(row <= limit)
    return near[np.argsort(row[near], kind="stable")][:k]


def _heap_choice(
    row: Float64[np.ndarray, " rows"], k: int, runs: tuple[tuple[int, int], ...]
) -> Int64[np.ndarray, " k"]:
    """Return the rows left in scikit-learn's heap, nearest first.

    The heap's array is sorted stably at the end, which is what scikit-learn does up to 15 neighbours; beyond
    that only the order of equal distances within the result can differ from it, never which rows are there.
    """
    if not runs:
        values, indices = _heap_of_run(row, 0, len(row), k)
    else:
        values, indices = [float_info.max] * k, [0] * k
        for start, stop in runs:
            for value, index in zip(*_heap_of_run(row, start, stop, k), strict=True):
                _push(values, indices, value, index)
    order = np.argsort(np.array(values), kind="stable")
    return np.array(indices, dtype=np.int64)[order]


def _heap_of_run(
    row: Float64[np.ndarray, " rows"], start: int, stop: int, k: int
) -> tuple[list[float], list[int]]:
    """Push the rows of a run in order; most are seen to be too far without being looked at one by one."""
    values, indices = [float_info.max] * k, [0] * k
    size = k
    while start < stop:
        part = row[start : min(start + size, stop)]
        for offset in np.flatnonzero(part < values[0]).tolist():
            _push(values, indices, float(part[offset]), start + offset)
        start += size
        size *= 2
    return values, indices


def _push(values: list[float], indices: list[int], value: float, index: int) -> None:
    """Put a nearer row in the place of the farthest of a max-heap, exactly as scikit-learn's heap_push."""
    if value >= values[0]:
        return
    size = len(values)
    here = 0
    while True:
        child = 2 * here + 1
        if child >= size:
            break
        if child + 1 < size and values[child + 1] > values[child]:
            child += 1
        if values[child] <= value:
            break
        values[here], indices[here] = values[child], indices[child]
        here = child
    values[here], indices[here] = value, index
