"""How rows are stored for the engine: bytes stay bytes, the rest is float32 that keeps its precision."""

import numpy as np
from jaxtyping import Float64, Integer, Num

from gorae.errors import DataError

DTYPES = [np.float64, np.float32, np.uint8]
"""What arrays may arrive as; everything else becomes the first."""

LARGEST = 1e37
"""The largest size of a value: sums and products of a few such values are still finite in float32."""

SMALLEST = 1e-30
"""Targets all below this in size would be lost in float32, which ends at 1e-38."""

_WHOLE = [np.uint8, np.uint16, np.int32]
_FAR = 1000
_LOOKED_AT = 1024


def anchor_of(matrix: Num[np.ndarray, "rows width"]) -> Float64[np.ndarray, " width"]:
    """Return what is subtracted from each column in float64 before the cast to float32.

    A column whose values are large beside their spread (years, timestamps) would lose it in float32. Such a
    column gets an anchor, its median over about a thousand rows spread evenly; others keep their values.

    Example:
        >>> anchor_of(np.array([[1.7e9, 0.5], [1.7e9 + 60, 1.5], [1.7e9 + 120, 2.5]]))
        array([1.70000006e+09, 0.00000000e+00])
    """
    anchor = np.zeros(matrix.shape[1])
    if matrix.dtype == np.uint8:
        return anchor
    rows = matrix[:: -(-len(matrix) // _LOOKED_AT)].astype(np.float64)
    middle = np.median(rows, axis=0)
    far = np.abs(middle) > _FAR * np.median(np.abs(rows - middle), axis=0)
    anchor[far] = middle[far]
    return anchor


def stored_rows(
    matrix: Num[np.ndarray, "rows width"], anchor: Float64[np.ndarray, " width"]
) -> Num[np.ndarray, "rows width"]:
    """Return rows as the engine stores them: bytes and the codes of tokens stay, the rest is float32.

    Raises:
        DataError: when a value is too large to be trained on in float32.
    """
    if matrix.dtype in _WHOLE and not anchor.any():
        return np.ascontiguousarray(matrix)
    moved = matrix.astype(np.float64) - anchor if anchor.any() else matrix
    if not moved.size or max(moved.max(), -moved.min()) <= LARGEST:
        return np.ascontiguousarray(moved, dtype=np.float32)
    row, column = (int(place) for place in np.argwhere(np.abs(moved) > LARGEST)[0])
    raise DataError(
        f"X holds a value too large for dtype float32: {matrix[row, column]:g} in row {row}, column {column} "
        f"(from 0); values must be below {LARGEST:g} in size, scale that column down first."
    )


def distinct_rows(
    matrix: Num[np.ndarray, "rows width"],
    targets: Num[np.ndarray, " rows *outputs"],
    weight: Float64[np.ndarray, " rows"] | None,
    groups: Integer[np.ndarray, " rows"] | None = None,
) -> tuple[Integer[np.ndarray, " distinct"], Float64[np.ndarray, " distinct"]]:
    """Find the distinct rows, and sum the weights of equal rows with equal targets, in an order of their own.

    Where all rows of a fit share every step, it cannot matter how often a row is written down and where; so a
    fit with a weight of k is bitwise the fit with k copies, and any order of the rows gives the same model.

    Args:
        matrix: the rows.
        targets: class codes, or values.
        weight: one a row; None for ones.
        groups: the code of each row's group; rows of different groups are different.

    Returns:
        The position of each distinct row where it stands first, and its weight.

    Example:
        >>> X = np.array([[2.0], [1.0], [2.0]])
        >>> first, weight = distinct_rows(X, np.array([1, 0, 1]), None)
        >>> X[first].ravel().tolist(), weight.tolist()
        ([1.0, 2.0], [1.0, 2.0])
    """
    arrays = (targets, matrix) if groups is None else (groups, targets, matrix)
    parts = [np.ascontiguousarray(part).view(np.uint8).reshape(len(matrix), -1) for part in arrays]
    keys = np.ascontiguousarray(np.concatenate(parts, axis=1))
    keys = keys.view(np.dtype((np.void, keys.shape[1]))).ravel()
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    return first, np.bincount(place, weight).astype(np.float64)
