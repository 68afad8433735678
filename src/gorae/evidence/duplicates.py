"""Rows that are there twice: exactly, or so near one another that chance does not bring rows so near.

Letters of shapes: ``rows``; ``width``; ``pairs``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from gorae.errors import InputError
from gorae.evidence.checks import check_same_length

__all__ = ["Duplicates", "find_duplicates"]

_ASKED = 1000
"""Rows whose two nearest others tell how near rows usually are."""

_LARGEST_SHARE = 0.05
"""Near duplicates are nearer than this share of the usual distance, however many dimensions rows have."""

_FALSE_PAIRS = 0.05
"""Pairs that may be as near by chance, in all rows together."""

_PROJECTED = 8
_BLOCK = 1 << 24


@dataclass(frozen=True)
class Duplicates:
    """Rows that are there more than once.

    Attributes:
        groups: row numbers of rows that are equal, a group each, by their first row.
        near: (pairs, 2) numbers of rows that are not equal and yet nearer than `threshold`, the nearest
            first; of equal rows the first stands for all.
        distances: (pairs,) how far they are apart, in the scaled columns.
        threshold: the distance below which rows count as near.
        usual: the median distance from a row to its nearest other row, equal rows not counted.
    """

    groups: tuple[Int[np.ndarray, " equal"], ...]
    near: Int[np.ndarray, "pairs 2"]
    distances: Float[np.ndarray, " pairs"]
    threshold: float
    usual: float

    @property
    def repeated(self) -> int:
        """How many rows are equal to one before them."""
        return sum(len(group) - 1 for group in self.groups)

    def disputed(self, labels: Any) -> tuple[Int[np.ndarray, " equal"], ...]:
        """Return the groups of equal rows whose labels differ."""
        found = np.asarray(labels)
        return tuple(group for group in self.groups if len(np.unique(found[group])) > 1)


def find_duplicates(values: Any, scaled: Any) -> Duplicates:
    r"""Find rows that are equal, and rows that are nearer than chance brings them.

    Rows are equal where all their values are, a missing one being equal to a missing one. Among the rest, let
    $r$ be the median distance of a row to its nearest other row, and $d$ the dimension that the rows locally
    fill. In a locally even density the nearest row is nearer than $s r$ with probability $1 - 2^{-s^d}$,
    about $0.7 s^d$. Near are rows below $s r$ with $s = \min(0.05, (0.05 / 0.7 n)^{1/d})$: at most every
    twentieth data set of $n$ rows has such a pair by chance.

    The search misses none: rows that near are as near after a projection on 8 orthogonal directions, where a
    tree finds them.

    Args:
        values: (rows, width) what is compared for equality; NaN where a value is missing.
        scaled: (rows, width) numbers in which distance means something: filled and scaled columns.

    Returns:
        The equal rows and the near pairs.

    Raises:
        InputError: If the two differ in their rows, or a scaled number is not finite.

    Example:
        >>> rows = np.array([[0.0], [1.0], [0.0], [5.0]])
        >>> [group.tolist() for group in find_duplicates(rows, rows).groups]
        [[0, 2]]

    References:
        The dimension by the ratio of the distances to the two nearest rows: Facco, d'Errico, Rodriguez, Laio
        (2017), "Estimating the intrinsic dimension of datasets by a minimal neighborhood information".
    """
    table, points = np.ascontiguousarray(values), np.asarray(scaled, np.float32)
    check_same_length(values=table, scaled=points)
    if table.ndim != 2 or points.ndim != 2:
        raise InputError(f"rows must be (rows, width), but the shapes are {table.shape} and {points.shape}.")
    if not np.isfinite(points).all():
        raise InputError("scaled rows must be finite; fill missing values first.")
    groups = _equal(table)
    later = np.concatenate([group[1:] for group in groups]) if groups else np.zeros(0, np.int64)
    single = np.setdiff1d(np.arange(len(table)), later)
    near, distances, threshold, usual = _near(points[single])
    return Duplicates(groups, single[near], distances, threshold, usual)


def _equal(table: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the groups of equal rows."""
    if table.dtype.kind == "f":
        table = np.where(np.isnan(table), np.nan, table + 0.0)  # one NaN, and no -0.0
    table = np.ascontiguousarray(table)
    if not table.shape[1]:
        return ()
    keys = table.view(np.dtype((np.void, table.dtype.itemsize * table.shape[1]))).reshape(-1)
    codes = np.unique(keys, return_inverse=True)[1].reshape(-1)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return tuple(sorted((part for part in parts if len(part) > 1), key=lambda part: int(part[0])))


def _near(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return the near pairs of different rows, their distances, the threshold, the usual distance."""
    none = np.zeros((0, 2), np.int64), np.zeros(0)
    first, second = _two_nearest(points)
    usual = float(np.median(first)) if len(first) else 0.0
    if usual <= 0:
        return *none, 0.0, usual
    share = (_FALSE_PAIRS / (np.log(2) * len(points))) ** (1 / _dimension(first, second))
    threshold = usual * min(_LARGEST_SHARE, float(share))
    pairs = KDTree(_projected(points)).query_pairs(threshold * (1 + 1e-4), output_type="ndarray")
    away = np.concatenate(
        [
            np.linalg.norm(points[a].astype(np.float64) - points[b], axis=1)
            for a, b in (part.T for part in np.array_split(pairs, -(-pairs.size * points.shape[1] // _BLOCK)))
        ]
        if len(pairs)
        else [np.zeros(0)]
    )
    kept = np.flatnonzero(away < threshold)
    order = kept[np.lexsort((pairs[kept, 1], pairs[kept, 0], away[kept]))]
    return pairs[order].astype(np.int64), away[order], threshold, usual


def _two_nearest(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of some rows, evenly drawn, to the nearest and the second nearest other row."""
    if len(points) < 3:
        return np.zeros(0), np.zeros(0)
    points = points - points.mean(axis=0)  # the squares below are then no larger than they need be
    asked = np.unique(np.linspace(0, len(points) - 1, _ASKED).astype(int))
    squares = np.einsum("ij,ij->i", points, points)
    found = np.empty((len(asked), 2))
    step = max(1, _BLOCK // len(points))
    for start in range(0, len(asked), step):
        some = asked[start : start + step]
        table = squares[some, None] + squares - 2 * points[some] @ points.T
        table[np.arange(len(some)), some] = np.inf
        places = np.argpartition(table, 1, axis=1)[:, :2]
        # Exactly once more: where rows are near, the difference of large squares above is rough.
        exact = np.linalg.norm(points[some][:, None].astype(np.float64) - points[places], axis=2)
        found[start : start + step] = np.sort(exact, axis=1)
    return found[:, 0], found[:, 1]


def _dimension(first: np.ndarray, second: np.ndarray) -> float:
    """Return the dimension that rows locally fill, at least 1.

    In d dimensions the ratio second / first is above x with probability x^-d, so its median is 2^(1/d). The
    median, as duplicates have ratios without bound.
    """
    there = first > 0
    middle = float(np.median(np.log(second[there] / first[there]))) if there.any() else 0.0
    return max(1.0, np.log(2) / middle) if middle > 0 else np.inf


def _projected(points: np.ndarray) -> np.ndarray:
    """Return rows on a few orthogonal directions: two are never farther apart than they were."""
    if points.shape[1] <= _PROJECTED:
        return points.astype(np.float64)
    draw = np.random.default_rng(0).normal(size=(points.shape[1], _PROJECTED))
    return points.astype(np.float64) @ np.linalg.qr(draw)[0]
