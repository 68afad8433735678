"""The tree of single linkage over mutual reachability: which rows join at which distance.

Letters of shapes: ``rows``; ``width`` of the features; ``k`` neighbours; ``joins``: one less than rows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from gorae.evidence import nearest
from gorae.similarity.metrics import nearest_known, neighbors_of_all

__all__ = ["Linkage", "link_rows"]

_NEIGHBORS = 15
_BRIDGE_ROWS = 4000
"""Rows, of all separate parts together, that are asked for the nearest row outside their part."""

_FEWEST_ASKED = 16
_SEARCHED = 64


@dataclass(frozen=True)
class Linkage:
    """Rows as they join, the nearest first.

    Attributes:
        first: a row of one side of each join.
        second: a row of the other side.
        heights: at which distance they join, ascending.
        neighbors: distances of each row to its nearest others, ascending.
    """

    first: Int[np.ndarray, " joins"]
    second: Int[np.ndarray, " joins"]
    heights: Float[np.ndarray, " joins"]
    neighbors: Float[np.ndarray, "rows k"]

    @property
    def dimension(self) -> float:
        r"""The dimension that rows locally fill, at least 1.

        In $d$ dimensions the ratio of the distances to the eighth and the fourth neighbour has the median
        $2^{1/d}$: the share of the larger ball's volume that the smaller one has is Beta(4, 4).
        """
        last = self.neighbors.shape[1]
        inner, outer = (self.neighbors[:, at - 1] for at in (min(4, max(1, last // 2)), min(8, last)))
        apart = inner > 0
        middle = float(np.median(np.log(outer[apart] / inner[apart]))) if apart.any() else 0.0
        return max(1.0, float(np.log(2)) / middle) if middle > 0 else 1.0


def link_rows(features: Float[np.ndarray, "rows width"], *, metric: str = "l2", fewest: int = 5) -> Linkage:
    r"""Return the tree of single linkage over mutual reachability.

    Two rows join at $\max(c_a, c_b, d(a, b))$, where $c$ is a row's distance to the row that makes it one of
    `fewest`: a lone row between two groups then joins neither early. Only the 15 nearest neighbours of each
    row are looked at, so that memory grows with the rows and not with their square; parts that are not
    connected by them are joined by the nearest of their rows (of at most 4,000 asked in all).

    Args:
        features: at least two rows, finite.
        metric: a name of `gorae.evidence.NEIGHBOUR_METRICS`.
        fewest: how many rows make a group.

    Example:
        >>> tree = link_rows(np.array([[0.0], [1.0], [5.0]]), fewest=2)
        >>> tree.heights.tolist()
        [1.0, 4.0]

    References:
        Campello, Moulavi, Sander (2013), "Density-based clustering based on hierarchical density estimates",
        sections 3 and 4.
    """
    rows = len(features)
    away, near = neighbors_of_all(features, min(max(_NEIGHBORS, fewest), rows - 1), metric)
    core = away[:, min(fewest - 1, away.shape[1]) - 1] if fewest > 1 else np.zeros(rows)
    start = np.repeat(np.arange(rows), near.shape[1])
    end = near.ravel()
    reach = np.maximum(np.maximum(core[start], core[end]), away.ravel())
    first, second, heights = _forest(rows, start, end, reach)
    parts = _parts(rows, first, second)
    if parts.max() > 0:
        bridges = _bridges(features, core, parts, metric)
        joined = (np.concatenate(pair) for pair in zip((first, second, heights), bridges, strict=True))
        first, second, heights = _forest(rows, *joined)
    return Linkage(first, second, heights, away)


def _forest(
    rows: int, start: np.ndarray, end: np.ndarray, heights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the edges of a spanning forest of least heights, the lowest first; equal heights by rows."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    order = np.lexsort((heights, high, low))
    low, high, heights = low[order], high[order], heights[order]
    new = np.r_[True, (np.diff(low) != 0) | (np.diff(high) != 0)]
    low, high, heights = low[new], high[new], heights[new]
    # Ranks instead of heights: a height of 0 would be no edge, and equal ones would be told apart by chance.
    ranks = np.empty(len(heights))
    by_height = np.lexsort((high, low, heights))
    ranks[by_height] = np.arange(1, len(heights) + 1)
    tree = coo_array(minimum_spanning_tree(csr_array((ranks, (low, high)), shape=(rows, rows))))
    chosen = by_height[np.sort(tree.data).astype(np.int64) - 1]
    return low[chosen], high[chosen], heights[chosen]


def _parts(rows: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the connected part of each row."""
    graph = csr_array((np.ones(len(first)), (first, second)), shape=(rows, rows))
    return connected_components(graph, directed=False)[1]


def _bridges(
    features: np.ndarray, core: np.ndarray, parts: np.ndarray, metric: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return edges that join all parts.

    Each round joins every part but the largest to the nearest row outside it; rounds are few, as parts at
    least halve.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    while (count := int(parts.max()) + 1) > 1:
        start, end, heights = _round(features, core, parts, metric)
        found.append((start, end, heights))
        graph = csr_array((np.ones(len(start)), (parts[start], parts[end])), shape=(count, count))
        parts = connected_components(graph, directed=False)[1][parts]
    start, end, heights = (np.concatenate(column) for column in zip(*found, strict=True))
    return start, end, heights


def _round(
    features: np.ndarray, core: np.ndarray, parts: np.ndarray, metric: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return an edge from every part but the largest to the nearest row outside it.

    Of parts with more rows than are searched at once, some rows are asked, evenly drawn.
    """
    sizes = np.bincount(parts)
    largest, wanted = int(sizes.argmax()), min(_SEARCHED, len(features))
    small = np.flatnonzero((sizes[parts] < wanted) & (parts != largest))
    edges: dict[int, tuple[int, int, float]] = {}

    def offer(one: np.ndarray, other: np.ndarray, away: np.ndarray) -> None:
        reach = np.maximum(np.maximum(core[one], core[other]), away)
        for at in np.lexsort((other, one, reach)).tolist():
            edges.setdefault(int(parts[one[at]]), (int(one[at]), int(other[at]), float(reach[at])))

    if len(small):  # among so many nearest rows, one is outside
        away, near = nearest_known(features, features[small], wanted, metric)
        first = np.argmax(parts[near] != parts[small, None], axis=1)
        at = np.arange(len(small))
        offer(small, near[at, first], away[at, first])
    most = max(_FEWEST_ASKED, _BRIDGE_ROWS // len(sizes))
    for part in np.flatnonzero(sizes >= wanted).tolist():
        if part == largest:
            continue
        inside, outside = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        asked = inside[np.unique(np.linspace(0, len(inside) - 1, min(most, len(inside))).astype(int))]
        near, away = nearest(features[outside], features[asked], 1, metric=metric)
        offer(asked, outside[near[:, 0]], away[:, 0])
    start, end, heights = zip(*edges.values(), strict=True)
    return np.array(start), np.array(end), np.array(heights)
