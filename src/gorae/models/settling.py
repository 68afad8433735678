"""Settling queries by a screen: candidates in float32, ranks in float64, a bound on all other rows."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped

from gorae.backend import cores
from gorae.models.distances import pair_ranks, rank_noise
from gorae.models.screening import Screen
from gorae.models.ties import TieRule, choose

__all__ = ["Search", "nearest", "open_search", "run_screen", "settle_ties"]

_QUERY_BLOCK = 4096
"""Queries prepared at once, in float64."""
_TRIAL_OPEN = 0.6
"""Share of open queries from which on a compressed screen costs more than it saves."""


class Search(NamedTuple):
    """A search under way: what is asked, and what is known of each query."""

    train: Shaped[np.ndarray, "rows width"]
    kind: str
    queries: Shaped[np.ndarray, "queries width"]
    ranks: Float64[np.ndarray, "queries k"]
    indices: Int64[np.ndarray, "queries k"]
    open: Bool[np.ndarray, " queries"]
    tied: Bool[np.ndarray, " queries"]


class _Block(NamedTuple):
    """Some of the queries, as rows of float64 and as a screen takes them."""

    numbers: Int64[np.ndarray, " block"]
    asked: Float64[np.ndarray, "block width"]
    encoded: Float32[np.ndarray, "block encoded"]
    lengths: Float64[np.ndarray, " block"]


def open_search(
    train: Shaped[np.ndarray, "rows width"], kind: str, queries: Shaped[np.ndarray, "queries width"], k: int
) -> Search:
    """Return a search in which every query is open."""
    count = len(queries)
    ranks, indices = np.empty((count, k)), np.empty((count, k), np.int64)
    return Search(train, kind, queries, ranks, indices, np.ones(count, bool), np.zeros(count, bool))


def run_screen(screen: Screen, keep: int, search: Search) -> None:
    """Settle what a screen can settle of the open queries, several batches at a time.

    The first batch is a trial: a compressed screen that leaves most of it open is not asked again.
    """
    waiting = np.flatnonzero(search.open & ~search.tied)
    # Products use all cores by themselves; a few workers keep them busy while others rank candidates.
    workers = min(4, max(2, cores())) if screen.operation == "product" else max(2, cores())
    with ThreadPoolExecutor(workers) as pool:
        for left in range(0, len(waiting), _QUERY_BLOCK):
            block = _prepare(screen, waiting[left : left + _QUERY_BLOCK], search)
            parts = screen.batches(len(block.numbers))
            if left == 0 and screen.directions is not None:
                first = parts.pop(0)
                _settle_batch(screen, keep, search, block, first)
                if search.open[block.numbers[first]].mean() > _TRIAL_OPEN:
                    return
            list(pool.map(partial(_settle_batch, screen, keep, search, block), parts))


def _prepare(screen: Screen, numbers: Int64[np.ndarray, " block"], search: Search) -> _Block:
    """Encode some of the queries."""
    asked = search.queries[numbers].astype(np.float64)
    placed = screen.frame.place(asked)
    return _Block(numbers, asked, screen.encode(placed), screen.lengths(placed))


def _settle_batch(screen: Screen, keep: int, search: Search, block: _Block, part: slice) -> None:
    """Ask the screen for the candidates of a batch, and settle its queries one by one."""
    numbers, asked, encoded, lengths = (values[part] for values in block)
    scores, rows = screen.candidates(encoded, lengths, keep)
    for i, number in enumerate(numbers):
        _settle(screen, search, int(number), asked[i], float(lengths[i]), scores[i], rows[i])


def _settle(
    screen: Screen,
    search: Search,
    number: int,
    asked: Float64[np.ndarray, " width"],
    length: float,
    scores: Float64[np.ndarray, " keep"],
    rows: Int64[np.ndarray, " keep"],
) -> None:
    """Rank the candidates of one query in float64, and settle it if nothing else can be nearer."""
    k, unit, kind = search.ranks.shape[1], screen.unit, search.kind
    near = rows[: k + 4]
    ranks = pair_ranks(asked, search.train[near], kind)
    limit = unit * float(np.partition(ranks, k - 1)[k - 1])
    reach = int(np.searchsorted(scores, limit + screen.slack(limit, length), side="right"))
    if reach > len(near):
        more = rows[len(near) : reach]
        near = rows[:reach]
        ranks = np.concatenate([ranks, pair_ranks(asked, search.train[more], kind)])
    order = np.argsort(ranks, kind="stable")[: k + 1]
    best = ranks[order]
    search.ranks[number], search.indices[number] = best[:k], near[order[:k]]
    noise = rank_noise(float(best[k]), float(np.sqrt(asked @ asked)), len(asked), kind)
    limit = unit * (float(best[k - 1]) + noise)
    search.tied[number] = bool((best[1:] - best[:-1] <= noise).any())
    search.open[number] = search.tied[number] or not scores[-1] > limit + screen.slack(limit, length)


def settle_ties(screen: Screen, rule: TieRule, search: Search) -> None:
    """Settle the tied queries for which float32 rounds nothing, by the scores of all rows."""
    tied = np.flatnonzero(search.open & search.tied)
    for part in screen.batches(len(tied)):
        block = _prepare(screen, tied[part], search)
        exact = screen.is_exact(block.asked)
        if exact.any():
            numbers, _, encoded, lengths = (values[exact] for values in block)
            ranks = np.rint(screen.ranks(encoded, lengths))
            search.ranks[numbers], search.indices[numbers] = nearest(ranks, search.ranks.shape[1], rule)
            search.open[numbers] = False


def nearest(
    ranks: Float64[np.ndarray, "queries rows"], k: int, rule: TieRule
) -> tuple[Float64[np.ndarray, "queries k"], Int64[np.ndarray, "queries k"]]:
    """Return the ranks and positions of the k nearest; infinite ranks where any rank is not finite."""
    if not np.isfinite(ranks).all():
        return np.full((len(ranks), k), np.inf), np.zeros((len(ranks), k), np.int64)
    indices = choose(ranks, k, rule)
    return np.take_along_axis(ranks, indices, axis=1), indices
