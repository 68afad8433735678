"""Fill values, shifts and scales of matrix columns, fitted on the training rows of a fold."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Integer, Num

from gorae.errors import DataError, InputError, ParameterError, closest

__all__ = ["Affine", "Weighted", "fit_affine", "fit_affine_of_blocks", "fit_affines"]

_KINDS = ("standard", "common", "none")
_BLOCK_CELLS = 2**16  # half a MiB of float64 at a time: it stays in the cache


@dataclass(frozen=True)
class Affine:
    """A map of the columns of a matrix: x -> (x - shift) * scale, with a fill value where x is missing.

    Attributes:
        fill: What stands for a missing value (NaN), before the shift.
        shift: What is subtracted.
        scale: What is multiplied with; 0 silences a column.

    Each has one entry per column. Of several maps, as :func:`fit_affines` returns them, each has a
    leading axis, and ``maps.at(i)`` is one of them.
    """

    fill: Float[np.ndarray, "*maps width"]
    shift: Float[np.ndarray, "*maps width"]
    scale: Float[np.ndarray, "*maps width"]

    def at(self, index: int) -> "Affine":
        """Return one of several maps."""
        return Affine(self.fill[index], self.shift[index], self.scale[index])

    def apply(self, matrix: Num[np.ndarray, "rows width"]) -> Float32[np.ndarray, "rows width"]:
        """Map a matrix.

        The arithmetic is done in float64, a block of rows at a time, and rounded once.

        Args:
            matrix: NaN where a value is missing.

        Returns:
            The mapped matrix, without NaN.

        Example:
            >>> columns = np.array([[1.0, 5.0], [3.0, np.nan]])
            >>> fit_affine(columns).apply(columns)
            array([[-1.,  0.],
                   [ 1.,  0.]], dtype=float32)
        """
        if self.shift.ndim != 1 or matrix.ndim != 2 or matrix.shape[1] != len(self.shift):
            raise InputError(f"a map of shape {self.shift.shape} cannot be applied to shape {matrix.shape}.")
        out = np.empty(matrix.shape, np.float32)
        for part in _parts(len(matrix), matrix.shape[1]):
            block = matrix[part].astype(np.float64)
            if matrix.dtype.kind == "f":
                np.copyto(block, self.fill, where=np.isnan(block))
            block -= self.shift
            block *= self.scale
            out[part] = block
        return out


def fit_affine(
    matrix: Num[np.ndarray, "rows width"],
    rows: Integer[np.ndarray, " chosen"] | None = None,
    weight: Num[np.ndarray, " weights"] | None = None,
    *,
    kind: str = "standard",
) -> Affine:
    r"""Fit the map of the columns on some rows.

    With weights :math:`w_i` and the sums over the chosen rows that are not missing,

    .. math:: \mu_j = \sum_i w_i x_{ij} / \sum_i w_i, \qquad
              \sigma_j^2 = \sum_i w_i (x_{ij} - \mu_j)^2 / \sum_i w_i .

    ``standard`` gives every column shift :math:`\mu_j`, scale :math:`1/\sigma_j` and fill :math:`\mu_j`;
    a column that the chosen rows never vary gets scale 0. ``common`` gives all columns the shift and
    the scale of all their values together, as suits images, so that their contrast stays. ``none``
    only fills. Blocks of rows are reduced in float64 and merged, so that no copy of the matrix is made.

    Args:
        matrix: NaN where a value is missing; of any numeric type, bytes included.
        rows: The rows to learn from, by index; None for all. A repeated index counts again.
        weight: One per row of the matrix. A weight of k counts as k copies, a weight of 0 as removed.
        kind: ``"standard"``, ``"common"`` or ``"none"``, see above.

    Returns:
        The map, in float64.

    Raises:
        ParameterError: Another kind.
        DataError: No row with a positive weight is left, a weight is negative or not finite, or a
            value is infinite.

    Example:
        >>> affine = fit_affine(np.array([[1.0, 7.0], [3.0, 7.0], [99.0, 8.0]]), rows=np.array([0, 1]))
        >>> affine.shift, affine.scale
        (array([2., 7.]), array([1., 0.]))

    References:
        T. F. Chan, G. H. Golub, R. J. LeVeque (1983), "Algorithms for computing the sample variance",
        The American Statistician 37(3), eq. 1.5, for the merging of blocks.
    """
    if kind not in _KINDS:
        near = closest(str(kind), _KINDS)
        hint = f"; did you mean {near!r}?" if near else ""
        raise ParameterError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}{hint}")
    return _as_affine(_moments(matrix, rows, _checked_weight(weight, len(matrix))), kind)


class Weighted(NamedTuple):
    """Rows of a block and their weights, None where they count alike."""

    rows: Num[np.ndarray, "rows width"]
    weight: Num[np.ndarray, " rows"] | None


def fit_affine_of_blocks(
    blocks: Iterable[Num[np.ndarray, "rows width"] | Weighted], *, kind: str = "standard"
) -> Affine:
    """Fit the map of columns whose rows come block by block, as :func:`fit_affine` does of all at once.

    Args:
        blocks: The rows to learn from, `Weighted` or as they are; one without rows is passed over.
        kind: See :func:`fit_affine`.

    Raises:
        DataError: No block has a row, or a value is infinite.

    Example:
        >>> fit_affine_of_blocks([np.array([[1.0], [3.0]]), np.array([[5.0]])]).shift
        array([3.])
    """
    total = None
    for block in blocks:
        rows, weight = block if isinstance(block, Weighted) else (block, None)
        if len(rows):
            reduced = _moments(rows, None, weight)
            total = reduced if total is None else _merge(total, reduced)
    if total is None:
        raise DataError("at least one row was wanted to fit on, got none.")
    return _as_affine(total, kind)


def _as_affine(moments: "_Moments", kind: str) -> Affine:
    """Return the map that moments give."""
    fill = np.where(moments.weight > 0, moments.mean, 0.0)
    if kind == "none":
        return Affine(fill, np.zeros_like(fill), np.ones_like(fill))
    used = _pooled(moments) if kind == "common" else moments
    shift = np.where(used.weight > 0, used.mean, 0.0)
    return Affine(fill, np.resize(shift, fill.shape), np.resize(_scale(used), fill.shape))


def fit_affines(
    matrix: Num[np.ndarray, "rows width"],
    row_sets: Sequence[Integer[np.ndarray, " _"]],
    weight: Num[np.ndarray, " weights"] | None = None,
    *,
    kind: str = "standard",
) -> Affine:
    """Fit one map per set of rows, as :func:`fit_affine` does, and stack them.

    Args:
        matrix: NaN where a value is missing.
        row_sets: The training rows of each fold, by index.
        weight: One per row of the matrix.
        kind: See :func:`fit_affine`.

    Returns:
        The maps; each array has shape (sets, width).

    Raises:
        ParameterError: Another kind, or no sets.
        DataError: As in :func:`fit_affine`.

    Example:
        >>> columns = np.array([[1.0], [3.0], [5.0]])
        >>> fit_affines(columns, [np.array([0, 1]), np.array([1, 2])]).shift
        array([[2.],
               [4.]])
    """
    if not len(row_sets):
        raise ParameterError("row_sets must hold at least one set of rows, got none.")
    fitted = [fit_affine(matrix, rows, weight, kind=kind) for rows in row_sets]
    return Affine(*(np.stack([getattr(one, name) for one in fitted]) for name in ("fill", "shift", "scale")))


class _Moments(NamedTuple):
    """Of each column: summed weight, mean, weighted sum of squared deviations, extremes."""

    weight: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    low: np.ndarray
    high: np.ndarray


def _parts(rows: int, width: int) -> Iterator[slice]:
    """Cut rows into blocks of bounded size."""
    step = max(1, _BLOCK_CELLS // max(1, width))
    return (slice(start, start + step) for start in range(0, rows, step))


def _checked_weight(weight: np.ndarray | None, rows: int) -> np.ndarray | None:
    """Return the weights in float64."""
    if weight is None:
        return None
    weight = np.asarray(weight, np.float64)
    if weight.shape != (rows,):
        raise DataError(f"one weight per row was wanted, shape ({rows},), got shape {weight.shape}.")
    wrong = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0)))
    if len(wrong):
        raise DataError(f"weights must be finite and not negative, got {weight[wrong[0]]} in row {wrong[0]}.")
    return weight


def _moments(matrix: np.ndarray, rows: np.ndarray | None, weight: np.ndarray | None) -> _Moments:
    """Reduce the chosen rows block by block."""
    if matrix.ndim != 2:
        raise DataError(f"a matrix of two dimensions (rows, columns) was wanted, got shape {matrix.shape}.")
    total = None
    for part in _parts(len(matrix) if rows is None else len(rows), matrix.shape[1]):
        chosen = part if rows is None else rows[part]
        block, block_weight = matrix[chosen], None
        if weight is not None:
            block_weight = weight[chosen]
            kept = block_weight > 0
            if not kept.all():
                block, block_weight = block[kept], block_weight[kept]
        if len(block):
            with np.errstate(invalid="ignore"):  # of infinite values, which are told below
                reduced = _reduce(block, block_weight)
            total = reduced if total is None else _merge(total, reduced)
    if total is None:
        raise DataError("at least one row with a positive weight was wanted to fit on, got none.")
    if not np.isfinite(total.mean).all():
        column = int(np.flatnonzero(~np.isfinite(total.mean))[0])
        raise DataError(f"encoded column {column} (from 0) holds an infinite value; values must be finite.")
    return total


def _reduce(block: np.ndarray, weight: np.ndarray | None) -> _Moments:
    """Compute the moments of one block."""
    values = block.astype(np.float64)
    weights = np.ones(len(values)) if weight is None else weight
    gaps = np.isnan(values) if block.dtype.kind == "f" else None
    if gaps is None or not gaps.any():
        total = np.full(values.shape[1], weights.sum())
        low, high = values.min(0), values.max(0)
        mean = weights @ values / total
        values -= mean
        values *= values
        return _Moments(total, mean, weights @ values, low, high)
    low = np.where(gaps, np.inf, values).min(0)
    high = np.where(gaps, -np.inf, values).max(0)
    total = weights @ ~gaps
    safe = np.where(total > 0, total, 1.0)
    mean = weights @ np.where(gaps, 0.0, values) / safe
    squares = weights @ np.where(gaps, 0.0, values - mean) ** 2
    return _Moments(total, mean, squares, low, high)


def _merge(one: _Moments, other: _Moments) -> _Moments:
    """Join the moments of two blocks (Chan, Golub and LeVeque)."""
    weight = one.weight + other.weight
    share = other.weight / np.where(weight > 0, weight, 1.0)
    gap = other.mean - one.mean
    return _Moments(
        weight,
        one.mean + gap * share,
        one.squares + other.squares + gap * gap * one.weight * share,
        np.minimum(one.low, other.low),
        np.maximum(one.high, other.high),
    )


def _pooled(moments: _Moments) -> _Moments:
    """Join the columns into one."""
    weight = moments.weight.sum()
    mean = (moments.weight @ moments.mean) / weight if weight > 0 else 0.0
    squares = moments.squares.sum() + moments.weight @ (moments.mean - mean) ** 2
    return _Moments(
        *(np.atleast_1d(v) for v in (weight, mean, squares, moments.low.min(), moments.high.max()))
    )


def _scale(moments: _Moments) -> np.ndarray:
    """Return 1 / deviation, 0 where all values are equal or the inverse is beyond float32."""
    varied = moments.high > moments.low  # exact, where a deviation of equal values may round to above 0
    deviation = np.sqrt(moments.squares / np.where(moments.weight > 0, moments.weight, 1.0))
    varied &= deviation > 1.0 / np.finfo(np.float32).max
    return np.divide(1.0, deviation, out=np.zeros_like(deviation), where=varied)
