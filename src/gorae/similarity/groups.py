"""Groups of variants: rows far denser than what is around them, as chance does not make them.

Letters of shapes: ``rows``; ``width`` of the features; ``joins``; ``branches`` of the tree of joins.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from gorae.similarity.linkage import Linkage, link_rows

__all__ = ["ALONE", "FEWEST", "Groups", "find_groups"]

ALONE = -1
"""The group of a row that is in none."""

FEWEST = 5
"""How many rows make a group."""

_DENSER = 4.0
"""How many times as dense as its border a group must be in many dimensions; see `find_groups`."""

_HELD = 0.1
"""A branch is told as the groups that it falls into where they hold this share of its rows."""

_SMALL = 10
"""A branch of at most one in so many rows may grow row by row; the core of all rows does so too."""

_FLOOR = 1e-3
"""Rows nearer than this share of the usual distance count as that near: duplicates weigh no more."""


@dataclass(frozen=True)
class Groups:
    """Which rows belong together.

    Attributes:
        labels: (rows,) the group of each row, numbered from 0 by their size, the largest first; -1 for none.
        contrasts: how many times as dense each group is inside as at its border.
        inside: the usual distance at which rows of a group join.
        outside: the distance at which each group joins anything else.
    """

    labels: Int[np.ndarray, " rows"]
    contrasts: Float[np.ndarray, " groups"]
    inside: Float[np.ndarray, " groups"]
    outside: Float[np.ndarray, " groups"]


@dataclass(frozen=True)
class _Tree:
    """Branches of the tree: rows first, then one a join.

    Attributes:
        children: the two branches that each join puts together.
        sizes: rows of each branch.
        parents: the branch that each becomes part of; the last has none (-1).
        heights: logarithm of the distance at which each came about; rows have the lowest.
        inside: mean logarithm of the distances of the joins inside each.
    """

    children: Int[np.ndarray, "joins 2"]
    sizes: Int[np.ndarray, " branches"]
    parents: Int[np.ndarray, " branches"]
    heights: Float[np.ndarray, " branches"]
    inside: Float[np.ndarray, " branches"]

    def besides(self) -> Int[np.ndarray, " branches"]:
        """Return the rows of the branch that each joins."""
        sizes = np.zeros(len(self.sizes), np.int64)
        sizes[self.children] = self.sizes[self.children[:, ::-1]]
        return sizes


def find_groups(
    features: Float[np.ndarray, "rows width"], *, metric: str = "l2", fewest: int = FEWEST
) -> Groups:
    r"""Return groups of rows that are far denser than what is around them.

    Rows join by single linkage over mutual reachability (`link_rows`). A branch of that tree whose joins have
    the geometric mean $g$, and which joins anything else at $h$, is $(h / g)^d$ times as dense as its border,
    in the $d$ dimensions that rows locally fill. It may be a group where that is at least
    $4 (1 + 4 / d^2) (1 + 5 / 2n)$ for its $n$ rows: in noise of any kind tried (even, normal, with heavy
    tails, cut off at 0; 1 to 30 dimensions, 60 to 3,000 rows) branches hardly ever come so far. A branch of
    more than a third of the rows is what is usual, and no group; one of more than a tenth is one only if what
    it joins are at least `fewest` rows, since the core of any cloud grows row by row.

    Of branches around one another, the one with the largest $\sqrt n \log(h / g)$ is taken, as the mean of
    $n$ joins is known to $1 / \sqrt n$; one that falls into several groups, which hold a tenth of it, is told
    as those. Rows that are equal count as one: repeats are no density.

    Args:
        features: (rows, width), finite.
        metric: a name of `gorae.similarity.METRICS`.
        fewest: how many rows make a group.

    Returns:
        The groups; none where there are fewer than twice as many different rows as make one.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> rows = np.concatenate([rng.normal(size=(60, 2)), rng.normal(8, 0.05, size=(7, 2))])
        >>> find_groups(rows).labels[-8:].tolist()
        [-1, 0, 0, 0, 0, 0, 0, 0]

    References:
        Campello, Moulavi, Sander (2013), "Density-based clustering based on hierarchical density estimates";
        the test against chance is our own, since HDBSCAN finds groups in even noise.
    """
    rows = np.ascontiguousarray(features, np.float64) + 0.0  # no -0.0
    keys = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).reshape(-1)
    first, which = np.unique(keys, return_index=True, return_inverse=True)[1:]
    order = np.argsort(first, kind="stable")  # as the rows stand, so that ties do not depend on their bytes
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    found = _of_distinct(rows[first[order]], metric, fewest)
    return replace(found, labels=found.labels[place[which.reshape(-1)]])


def _of_distinct(rows: np.ndarray, metric: str, fewest: int) -> Groups:
    """Return the groups of rows of which no two are equal."""
    none = np.zeros(0)
    if len(rows) < 2 * fewest:
        return Groups(np.full(len(rows), ALONE), none, none, none)
    linkage = link_rows(rows, metric=metric, fewest=fewest)
    tree = _tree(len(rows), linkage)
    last = len(tree.sizes) - 1
    parents = np.where(tree.parents < 0, last, tree.parents)
    contrast = np.exp(np.minimum(linkage.dimension * (tree.heights[parents] - tree.inside), 50.0))
    needed = _DENSER * (1 + 4 / linkage.dimension**2) * (1 + 2.5 / tree.sizes)
    able = (tree.sizes >= fewest) & (3 * tree.sizes <= len(rows)) & (contrast >= needed)
    able &= (tree.besides() >= fewest) | (_SMALL * tree.sizes <= len(rows))
    chosen = _chosen(tree, able, np.sqrt(tree.sizes) * (tree.heights[parents] - tree.inside))
    chosen = chosen[np.argsort(-tree.sizes[chosen], kind="stable")]
    inside, outside = np.exp(tree.inside[chosen]), np.exp(tree.heights[parents[chosen]])
    return Groups(_labels(tree, chosen, len(rows)), contrast[chosen], inside, outside)


def _tree(rows: int, linkage: Linkage) -> _Tree:
    """Return the branches that joins make one after the other."""
    usual = float(np.median(linkage.heights))
    heights = np.log(np.maximum(linkage.heights, _FLOOR * usual if usual > 0 else 1.0))
    branches = 2 * rows - 1
    sizes, parents = np.ones(branches, np.int64), np.full(branches, -1)
    total, children = np.zeros(branches), np.zeros((rows - 1, 2), np.int64)
    leader, branch_of = list(range(rows)), list(range(rows))

    def find(row: int) -> int:
        while leader[row] != row:
            leader[row] = leader[leader[row]]
            row = leader[row]
        return row

    for join, (one, other) in enumerate(zip(linkage.first.tolist(), linkage.second.tolist(), strict=True)):
        a, b = find(one), find(other)
        left, right, new = branch_of[a], branch_of[b], rows + join
        children[join] = left, right
        parents[left] = parents[right] = new
        sizes[new] = sizes[left] + sizes[right]
        total[new] = total[left] + total[right] + heights[join]
        leader[a] = b
        branch_of[b] = new
    of_branches = np.concatenate([np.full(rows, heights[0]), heights])
    return _Tree(children, sizes, parents, of_branches, total / np.maximum(sizes - 1, 1))


def _chosen(tree: _Tree, able: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return the branches that are groups.

    A branch with one group inside takes its place where its own gain is larger; one that falls into several
    is told as those.
    """
    rows = len(tree.children) + 1
    held = np.zeros(len(able), np.int64)  # rows of the groups within each branch
    groups = np.zeros(len(able), np.int64)  # how many they are
    best = np.full(len(able), -np.inf)  # the gain of the group within each, where it is one
    taken = np.zeros(len(able), bool)
    for join, (left, right) in enumerate(tree.children.tolist()):
        own = rows + join
        held[own], groups[own] = held[left] + held[right], groups[left] + groups[right]
        best[own] = max(best[left], best[right])
        few = held[own] < _HELD * tree.sizes[own] if groups[own] > 1 else gain[own] > best[own]
        if able[own] and few:
            taken[own], held[own], groups[own], best[own] = True, tree.sizes[own], 1, gain[own]
    return _topmost(tree, taken)


def _topmost(tree: _Tree, taken: np.ndarray) -> np.ndarray:
    """Return the branches that were taken and are within no other that was."""
    covered = np.zeros(len(taken), bool)
    for own in range(len(taken) - 2, -1, -1):
        parent = tree.parents[own]
        covered[own] = covered[parent] or taken[parent]
    return np.flatnonzero(taken & ~covered)


def _labels(tree: _Tree, chosen: np.ndarray, rows: int) -> np.ndarray:
    """Return the group of each row."""
    labels = np.full(len(tree.parents), ALONE)
    labels[chosen] = np.arange(len(chosen))
    for own in range(len(labels) - 2, -1, -1):
        if labels[own] == ALONE:
            labels[own] = labels[tree.parents[own]]
    return labels[:rows]
