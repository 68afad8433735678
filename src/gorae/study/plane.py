"""Known and new rows on a plane, as plain values for a report."""

from typing import Any

import numpy as np

from gorae.similarity import draw_map, evenly

__all__ = ["plane_of"]

_MOST_NEW = 1500
_MOST_KNOWN = {"pca": 2000}
_MOST_OTHERS = 1000
"""Training rows on a map by t-SNE or UMAP, whose time grows with the rows."""


def plane_of(
    known: np.ndarray,
    new: np.ndarray,
    *,
    method: str,
    numbers: tuple[np.ndarray, np.ndarray],
    values: tuple[np.ndarray, np.ndarray],
    wrong: np.ndarray | None,
    unknown: np.ndarray | None,
    told: list[str] | None = None,
    metric: str = "l2",
    seed: int = 0,
) -> dict[str, Any]:
    """Return known and new rows on a plane, as plain values; of many rows some, evenly drawn.

    Args:
        known: (known, width) features.
        new: (rows, width) features.
        method: of `gorae.similarity.MAPS`.
        numbers: of known and of new rows.
        values: class codes, or numbers, of known and of new rows; NaN where there is none.
        wrong: (rows,) whether each was predicted wrongly, or None.
        unknown: (rows,) whether each is unlike the training data, or None.
        told: (rows,) a phrase on each, or None for its value.
        metric: of the distances.
        seed: of the map.

    Raises:
        DataError: if there are too few rows for a map, or all of them are equal.
    """
    old, own = evenly(len(known), _MOST_KNOWN.get(method, _MOST_OTHERS)), evenly(len(new), _MOST_NEW)
    found = draw_map(np.concatenate([known[old], new[own]]), method, learn=len(old), metric=metric, seed=seed)
    reach = float(np.abs(found.points).max()) or 1.0
    points = np.round(found.points / reach, 4)  # a map has no unit; four digits are finer than its dots
    return {
        "method": method,
        "metric": metric,
        "shares": None if found.shares is None else [round(share, 4) for share in found.shares],
        "trust": None if found.trust is None else round(found.trust, 4),
        "known_of": len(known),
        "new_of": len(new),
        "known": _part(points[: len(old)], numbers[0][old], values[0][old]),
        "new": {
            **_part(points[len(old) :], numbers[1][own], values[1][own]),
            "wrong": None if wrong is None else wrong[own].tolist(),
            "unknown": None if unknown is None else unknown[own].tolist(),
            "told": None if told is None else [told[row] for row in own],
        },
    }


def _part(points: np.ndarray, numbers: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Return rows of a map as plain values."""
    plain = [None if np.isnan(v) else int(v) if float(v).is_integer() else float(f"{v:.5g}") for v in values]
    return {"points": points.tolist(), "rows": numbers.tolist(), "values": plain}
