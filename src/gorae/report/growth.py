"""What a report says of more data: would it help, and by how much."""

from collections.abc import Mapping
from typing import Any

from gorae.report.inlining import inline
from gorae.report.names import shortened
from gorae.report.pictures.growth import growth_figure
from gorae.report.words import capital, count, counted, ended, interval, measure, number, value

__all__ = ["growth_view"]


def growth_view(growth: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the section on more data shows.

    Args:
        growth: the ``growth`` of a report's findings, or None.

    Returns:
        Plain values, or None where no curve was measured.

    Example:
        >>> growth_view(None) is None
        True
    """
    if not growth or not growth.get("sizes"):
        return None
    what = measure(growth.get("metric", "score"))
    trained = growth.get("train_scores") or [None] * len(growth["sizes"])
    return {
        "sentence": ended(shortened(growth.get("sentence", ""), 1000)),
        "notes": [ended(shortened(note, 600)) for note in growth.get("notes") or ()],
        "metric": capital(what.name),
        "picture": inline(growth_figure(growth)),
        "rows": [
            {
                "rows": count(size),
                "score": value(number(row, "score")),
                "interval": interval(row) or "–",
                "train": "–" if own is None else value(number(own, "score")),
            }
            for size, row, own in zip(growth["sizes"], growth["scores"], trained, strict=True)
        ],
        "gains": [
            {
                "times": f"{float(row['times']):g}",
                "rows": count(round(float(row["times"]) * float(growth["sizes"][-1]))),
                "gain": value(number(row, "gain")),
                "interval": interval(row) or "–",
            }
            for row in growth.get("gains") or ()
        ],
        "model": shortened(growth.get("model", "the model"), 120),
        "how": _how(growth),
    }


def _how(growth: Mapping[str, Any]) -> str:
    """How the curve was measured, in a few words."""
    folds, repeats = int(growth.get("folds") or 0), int(growth.get("repeats") or 1)
    told = f"{counted(len(growth['sizes']), 'size')} in {counted(folds, 'fold')}"
    return told + (f", cut anew {repeats} times" if repeats > 1 else "")
