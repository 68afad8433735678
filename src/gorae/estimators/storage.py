"""How rows are stored for the engine: bytes stay bytes, the rest is float32 that keeps its precision."""

import numpy as np

from gorae.errors import DataError

DTYPES = [np.float64, np.float32, np.uint8]
"""What arrays may arrive as; everything else becomes the first."""


def anchor_of(matrix: np.ndarray) -> np.ndarray:
    """Return what is subtracted from each column in float64 before the cast to float32.

    A column whose values are large beside their spread (years, timestamps) would lose it in float32; only
    such columns get an anchor, their median, so that elsewhere a row never touches another's rounding.
    """
    anchor = np.zeros(matrix.shape[1])
    if matrix.dtype == np.float64:
        middle = np.median(matrix, axis=0)
        spread = np.median(np.abs(matrix - middle), axis=0)
        far = np.abs(middle) > 1000 * spread
        anchor[far] = middle[far]
    return anchor


def stored_rows(matrix: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """Return rows as the engine stores them: bytes stay bytes, the rest is float32."""
    if matrix.dtype == np.uint8:
        return np.ascontiguousarray(matrix)
    with np.errstate(over="ignore"):
        stored = np.ascontiguousarray(matrix - anchor if anchor.any() else matrix, dtype=np.float32)
    if not np.isfinite(stored).all():
        raise DataError("X holds a value too large for dtype float32; scale that column down first.")
    return stored
