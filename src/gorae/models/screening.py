"""Which training rows can be near a query at all, found in float32.

A *screen* gives each query the rows with the smallest float32 scores. A score is never above what it stands
for by more than `slack`, a rigorous bound on what float32 can have done to it, so the rows that were *not*
given are known to be farther than some rank. Three screens:

* product: |a|² - 2 q·a, one matrix product; the squared distance follows by adding |q|². The cosine distance
  is half of it for rows of length 1.
* compressed: the same on rows projected onto a few directions W that hold most of their spread, with one more
  number ρ for the length of what is left. As q·a <= Wq·Wa + ρ(q) ρ(a) (Cauchy-Schwarz), its scores are lower
  bounds, for a sixth of the arithmetic; more rows must be looked at, and a few queries stay undecided.
* difference: the entries of q - a themselves, summed, squared or maximised: for metrics that are no product,
  and for a few features, where it loses less.
"""

from dataclasses import dataclass, field
from functools import partial

import jax
import numpy as np
from jaxtyping import Array, Bool, Float32, Float64, Int64, Shaped

from gorae.backend import compiled, one_blas_thread, select_devices
from gorae.models.candidate_programs import LEAF, difference_scores, product_scores, smallest

__all__ = ["Frame", "Screen", "compressed_screen", "difference_screen", "find_frame", "product_screen"]

_UNIT = 2.0**-24
"""The unit roundoff of float32."""
_CHUNK_ROWS = 60_000
"""Training rows a program sees at once; 256 queries then have 60 MB of scores."""
_HELD, _LEAST_HELD = 0.95, 0.85
"""Share of the sum of squares that main directions are to hold, and the least that is worth a screen."""
_BLOCK_ROWS = 4096
"""Training rows that are brought into the frame at once, in float64."""
_HUGE = 2.0**40
"""Queries with larger coordinates (training rows have at most 1) are left undecided: float32 may overflow."""
_PRODUCT_BATCHES, _COMPRESSED_BATCHES, _DIFFERENCE_BATCHES = (8, 64, 256), (128,), (8, 64)
"""Queries a call takes: few sizes, so that few programs are compiled; larger ones leave the caches."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The coordinates of queries and training rows: (row - center) * scale, of the row or its direction.

    Attributes:
        center: what is subtracted; exact in float32.
        scale: a power of two that brings every coordinate of the training rows to at most 1.
        directions: whether rows are brought to length 1 first, for the cosine.
        whole: whether all training rows and the center are whole numbers.
    """

    center: Float32[np.ndarray, " width"]
    scale: float
    directions: bool = False
    whole: bool = False

    def place(self, rows: Shaped[np.ndarray, "rows width"]) -> Float64[np.ndarray, "rows width"]:
        """Return rows in these coordinates."""
        wide = rows.astype(np.float64)
        if self.directions:
            lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
            np.divide(wide, lengths, out=wide, where=lengths > 0)
        wide -= self.center
        wide *= self.scale
        return wide


def find_frame(train: Shaped[np.ndarray, "rows width"], *, directions: bool = False) -> Frame:
    """Return coordinates in which float32 loses little: centred, and scaled by a power of two."""
    if directions:
        plain = Frame(np.zeros(train.shape[1], np.float32), 1.0, directions=True)
        center = plain.place(_sample(train)).mean(axis=0).astype(np.float32)
        return Frame(center, 1.0, directions=True)
    limit = float(np.finfo(np.float32).max)
    center = np.clip(train.mean(axis=0, dtype=np.float64), -limit, limit).astype(np.float32)
    blocks = (train[left : left + _BLOCK_ROWS] for left in range(0, len(train), _BLOCK_ROWS))
    whole = np.issubdtype(train.dtype, np.integer) or all((b == np.rint(b)).all() for b in blocks)
    if whole:
        center = np.rint(center)
    low, high = train.min(axis=0) - center.astype(np.float64), train.max(axis=0) - center.astype(np.float64)
    largest = float(np.maximum(np.abs(low), np.abs(high)).max())
    exponent = np.clip(np.ceil(np.log2(largest)), -500, 500) if largest > 0 else 0.0
    return Frame(center, float(2.0**-exponent), whole=whole)


@dataclass(frozen=True, eq=False)
class Screen:
    """Training rows on the device, in a frame, with the operation that scores queries against them.

    Attributes:
        operation: "product", "sum", "square" or "max".
        frame: the coordinates.
        rows: how many training rows there are.
        width: how many features a score sums over.
        groups: rows of a chunk come in (steps x groups).
        chunks: the arrays of each chunk, and the index of its first row.
        directions: what rows are projected on, for the compressed screen.
    """

    operation: str
    frame: Frame
    rows: int
    width: int
    groups: int
    chunks: tuple[tuple[tuple[Array, ...], int], ...] = field(repr=False)
    directions: Float64[np.ndarray, "width kept"] | None = field(default=None, repr=False)

    @property
    def unit(self) -> float:
        """What a rank is multiplied by to be a score."""
        if self.frame.directions:
            return 2.0  # |q - a|² = 2 (1 - cos) for rows of length 1
        return self.frame.scale ** (2 if self.operation in ("product", "square") else 1)

    def batches(self, queries: int) -> list[slice]:
        """Return how so many queries are cut into calls: large ones, and few rows of padding."""
        parts, start = [], 0
        for size in reversed(self._sizes):
            while queries - start > (size // 3 if size > self._sizes[0] else 0):
                parts.append(slice(start, min(start + size, queries)))
                start += size
        return parts

    @property
    def _sizes(self) -> tuple[int, ...]:
        """The numbers of queries that programs are compiled for."""
        if self.directions is not None:
            return _COMPRESSED_BATCHES
        return _PRODUCT_BATCHES if self.operation == "product" else _DIFFERENCE_BATCHES

    def lengths(self, placed: Float64[np.ndarray, "queries width"]) -> Float64[np.ndarray, " queries"]:
        """Return the length of each placed query, in the norm of the operation."""
        order = {"sum": 1, "max": np.inf}.get(self.operation, 2)
        return np.linalg.norm(placed, ord=order, axis=1)

    def slack(self, score: float, length: float) -> float:
        """Return how much float32 can have raised the score of any row that is at most this far.

        With γ = (n + 16) u for sums of n terms (u = 2⁻²⁴), a distance d from a query of length l, and rows
        hence of length at most l + d:

        * product: γ (|a|² + 2 |q||a|) <= γ ((l + d)² + 2 l (l + d));
        * differences: the entries of q and a are rounded first, an error e <= 4 u (2 l + d) in the norm of
          the metric; then γ s + 2 d e + e² for squares, γ s + e for sums, and e for the maximum.

        References:
            N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, section 3.1.
        """
        gamma = (self.width + 16) * _UNIT
        underflow = 1e-35 * self.width
        if self.operation == "product":
            far = length + np.sqrt(score)
            return gamma * (far * far + 2.0 * length * far) + underflow
        if self.operation == "square":
            distance = np.sqrt(score)
            rounding = 4.0 * _UNIT * (2.0 * length + distance)
            return gamma * score + 2.0 * distance * rounding + rounding * rounding + underflow
        rounding = 4.0 * _UNIT * (2.0 * length + score)
        return rounding + underflow + (gamma * score if self.operation == "sum" else 0.0)

    def encode(self, placed: Float64[np.ndarray, "queries width"]) -> Float32[np.ndarray, "queries encoded"]:
        """Return placed queries as the program takes them."""
        if self.directions is not None:
            with one_blas_thread():
                placed = _compress(placed, self.directions)
        if self.operation == "product":
            placed = np.column_stack([-2.0 * placed, np.ones(len(placed))])
        with np.errstate(over="ignore"):
            return placed.astype(np.float32)

    def candidates(
        self,
        encoded: Float32[np.ndarray, "queries encoded"],
        lengths: Float64[np.ndarray, " queries"],
        keep: int,
    ) -> tuple[Float64[np.ndarray, "queries keep"], Int64[np.ndarray, "queries keep"]]:
        """Return the rows with the smallest scores, ascending; every other row has at least the last score.

        Args:
            encoded: queries by `encode`, no more than a batch.
            lengths: of the same queries, by `lengths`.
            keep: how many rows to give, at most `groups`.

        Returns:
            Scores in units of rank times `unit`, and rows. The scores of a query beyond float32 are -inf.
        """
        found = self._run(encoded, keep)
        scores = np.concatenate([scores for (scores, _), _ in found], axis=1).astype(np.float64)
        rows = np.concatenate([rows.astype(np.int64) + first for (_, rows), first in found], axis=1)
        if len(found) > 1:
            order = np.argsort(scores, axis=1, kind="stable")[:, :keep]
            scores, rows = np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
        if self.operation == "product":
            scores += (lengths**2)[:, None]
        scores[~(np.abs(encoded).max(axis=1) < _HUGE)] = -np.inf
        return scores, rows

    def ranks(
        self,
        encoded: Float32[np.ndarray, "queries encoded"],
        lengths: Float64[np.ndarray, " queries"],
    ) -> Float64[np.ndarray, "queries rows"]:
        """Return the ranks of all rows, as far as float32 knows them (see `is_exact`)."""
        found = self._run(encoded, None)
        scores = [scores.reshape(len(encoded), -1) for (scores,), _ in found]
        edges = [first for _, first in found] + [self.rows]
        kept = [part[:, : edges[i + 1] - edges[i]] for i, part in enumerate(scores)]
        base = lengths**2 if self.operation == "product" else np.zeros(len(lengths))
        return (np.concatenate(kept, axis=1).astype(np.float64) + base[:, None]) / self.unit

    def is_exact(self, queries: Float64[np.ndarray, "queries width"]) -> Bool[np.ndarray, " queries"]:
        """Return for which queries float32 rounds nothing: small whole numbers everywhere."""
        if not self.frame.whole or self.directions is not None:
            return np.zeros(len(queries), bool)
        reach = np.maximum(np.abs(queries - self.frame.center).max(axis=1), 1.0 / self.frame.scale)
        largest = {
            "product": 4.0 * self.width * reach * reach,
            "square": 4.0 * self.width * reach * reach,
            "sum": 2.0 * self.width * reach,
            "max": 2.0 * reach,
        }[self.operation]
        return (largest < 2.0**24) & (queries == np.rint(queries)).all(axis=1)

    def _run(
        self, encoded: Float32[np.ndarray, "queries encoded"], keep: int | None
    ) -> list[tuple[list[np.ndarray], int]]:
        """Run the program on every chunk of rows: the smallest scores and rows, or all scores."""
        size = next(size for size in self._sizes if size >= len(encoded))
        padded = np.zeros((size, encoded.shape[1]), np.float32)
        padded[: len(encoded)] = encoded
        if self.operation == "product":
            function = partial(_product, groups=self.groups, keep=keep)
        else:
            padded = _leaves(padded)
            function = partial(_difference, operation=self.operation, keep=keep)
        found = []
        for arrays, first in self.chunks:
            (device,) = arrays[0].devices()
            arguments = (jax.device_put(padded, device), *arrays)
            key = ("neighbors", self.operation, self.groups, keep)
            parts = compiled(function, key, arguments, device)(*arguments)
            found.append(([np.asarray(part)[: len(encoded)] for part in parts], first))
        return found


def _product(queries: Array, train: Array, *, groups: int, keep: int | None) -> tuple[Array, ...]:
    """Score by products, and keep the smallest or all."""
    scores = product_scores(queries, train, groups=groups)
    return (scores,) if keep is None else smallest(scores, keep=keep)


def _difference(
    queries: Array, train: Array, offset: Array, *, operation: str, keep: int | None
) -> tuple[Array, ...]:
    """Score by differences, and keep the smallest or all."""
    scores = difference_scores(queries, train, offset, operation=operation)
    return (scores,) if keep is None else smallest(scores, keep=keep)


def product_screen(train: Shaped[np.ndarray, "rows width"], frame: Frame) -> Screen:
    """Return the screen that takes one matrix product."""
    return _place_products(train, frame, None)


def compressed_screen(train: Shaped[np.ndarray, "rows width"], frame: Frame) -> Screen | None:
    """Return the screen on a few directions, or None where they hold too little of the spread to decide."""
    directions = _main_directions(train, frame)
    return None if directions is None else _place_products(train, frame, directions)


def _place_products(
    train: Shaped[np.ndarray, "rows width"],
    frame: Frame,
    directions: Float64[np.ndarray, "width kept"] | None,
) -> Screen:
    """Place all rows, projected where directions are given, with their squared lengths."""
    width = train.shape[1] if directions is None else directions.shape[1] + 1
    groups = _groups(len(train))
    device = select_devices()[0]
    chunks = []
    for start, stop in _chunk_edges(len(train)):
        size = -(-(stop - start) // groups) * groups
        rows = np.zeros((size, width + 1), np.float32)
        rows[:, -1] = np.inf
        for left in range(start, stop, _BLOCK_ROWS):
            block = train[left : min(left + _BLOCK_ROWS, stop)]
            placed = frame.place(block)
            here = slice(left - start, left - start + len(block))
            rows[here, :-1] = placed if directions is None else _compress(placed, directions)
            rows[here, -1] = np.einsum("ij,ij->i", placed, placed)
            if frame.directions:  # a row of zeros has no direction; its cosine distance is 1 by convention
                rows[here, -1] += ~block.any(axis=1)
        chunks.append(((jax.device_put(rows, device),), start))
    return Screen("product", frame, len(train), width, groups, tuple(chunks), directions)


def difference_screen(train: Shaped[np.ndarray, "rows width"], frame: Frame, operation: str) -> Screen:
    """Return the screen that takes the differences themselves.

    Args:
        train: the training rows.
        frame: the coordinates.
        operation: "sum" of sizes, "square" for the sum of squares, or "max" of sizes.
    """
    groups = _groups(len(train))
    device = select_devices()[0]
    leaves = -(-train.shape[1] // LEAF)
    chunks = []
    for start, stop in _chunk_edges(len(train)):
        steps = -(-(stop - start) // groups)
        rows = np.zeros((steps, leaves, LEAF, groups), np.float32)
        offset = np.full(steps * groups, np.inf, np.float32)
        offset[: stop - start] = 0.0
        for step in range(steps):
            left = start + step * groups
            placed = frame.place(train[left : min(left + groups, stop)]).astype(np.float32)
            rows[step, :, :, : len(placed)] = _leaves(placed)
        arrays = (jax.device_put(rows, device), jax.device_put(offset.reshape(steps, groups), device))
        chunks.append((arrays, start))
    return Screen(operation, frame, len(train), train.shape[1], groups, tuple(chunks))


def _leaves(rows: Float32[np.ndarray, "rows width"]) -> Float32[np.ndarray, "leaves leaf rows"]:
    """Return rows as columns, their features in leaves, the last one filled up with zeros."""
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % LEAF)))
    return np.ascontiguousarray(padded.T).reshape(-1, LEAF, len(rows))


def _groups(rows: int) -> int:
    """Return the rows of a group: no multiple of 1024, whose equal cache sets cost half the speed."""
    return 1200 if rows >= 12_000 else 400


def _chunk_edges(rows: int) -> list[tuple[int, int]]:
    """Return the first and last row of chunks of nearly equal size."""
    count = -(-rows // _CHUNK_ROWS)
    size = -(-rows // count)
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]


def _compress(
    placed: Float64[np.ndarray, "rows width"], directions: Float64[np.ndarray, "width kept"]
) -> Float64[np.ndarray, "rows kept+1"]:
    """Return the projections of rows, and the length of what is left of them."""
    projected = placed @ directions
    total = np.einsum("ij,ij->i", placed, placed)
    left = np.maximum(total - np.einsum("ij,ij->i", projected, projected), 0.0)
    # Too long a rest keeps the bound valid, too short a one would not: float64's own rounding is added.
    left += 4.0 * placed.shape[1] * 2.0**-53 * total
    return np.column_stack([projected, np.sqrt(left)])


def _sample(train: Shaped[np.ndarray, "rows width"]) -> Shaped[np.ndarray, "sample width"]:
    """Return a few thousand rows spread over all of them."""
    return train[:: max(1, len(train) // _BLOCK_ROWS)][:_BLOCK_ROWS]


def _main_directions(
    train: Shaped[np.ndarray, "rows width"], frame: Frame
) -> Float64[np.ndarray, "width kept"] | None:
    """Return orthonormal directions that hold most of the sum of squares of a sample of rows, or None.

    A subspace iteration is enough: any orthonormal directions give valid bounds, better ones tighter bounds.

    References:
        N. Halko, P. G. Martinsson, J. A. Tropp, Finding structure with randomness, SIAM Review 53 (2011),
        algorithm 4.4.
    """
    width = train.shape[1]
    most = min(width // 4, 256)
    sample = frame.place(_sample(train))
    total = float(np.einsum("ij,ij->", sample, sample))
    if most < 16 or total == 0.0:
        return None
    basis = np.random.default_rng(0).standard_normal((width, most))
    for _ in range(3):
        basis = sample.T @ (sample @ basis)
        with one_blas_thread():
            basis, _ = np.linalg.qr(basis)
    projected = sample @ basis
    moments = projected.T @ projected
    with one_blas_thread():
        values, rotation = np.linalg.eigh(moments)
    values, rotation = values[::-1], rotation[:, ::-1]
    held = np.cumsum(values) / total
    if held[-1] < _LEAST_HELD:
        return None
    wanted = int(np.searchsorted(held, min(_HELD, held[-1]))) + 1
    return basis @ rotation[:, : min(-(-wanted // 16) * 16, most)]
