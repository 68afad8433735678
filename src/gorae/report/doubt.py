"""What a report says of doubt: how much of it more data could settle."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.report.inlining import inline
from gorae.report.names import shortened
from gorae.report.pictures.doubt import doubt_figure
from gorae.report.pictures.pixels import image_uri
from gorae.report.words import count, ended, interval, number, percent, value

__all__ = ["doubt_view"]

_MOST_ROWS = 8
_TOO_SURE = 2.0
_PARTS = (
    ("epistemic", "the networks disagree", "Rows that more data would settle"),
    ("aleatoric", "each network is undecided", "Rows that are undecided"),
)


def doubt_view(doubt: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the section on doubt shows.

    Args:
        doubt: the ``doubt`` of a report's findings, or None.

    Returns:
        Plain values, or None where there is one network only.

    Example:
        >>> doubt_view(None) is None
        True
    """
    if not doubt or not doubt.get("total"):
        return None
    names, by_class = list(doubt.get("classes") or ()), np.asarray(doubt.get("by_class") or (), float)
    total, loss = float(doubt["total"][0]), number(doubt, "log_loss")
    return {
        "sentence": ended(shortened(doubt.get("sentence", ""), 1000)),
        "members": count(doubt.get("members")),
        "share": percent(number(doubt, "share")),
        # The picture escapes every name that it draws.
        "picture": inline(doubt_figure(names, by_class)) if len(names) else None,
        "parts": [
            {"name": name, "mean": value(float(amount[0])), "interval": _ends(amount)}
            for name, amount in (
                ("all doubt", doubt["total"]),
                ("the networks disagree (epistemic)", doubt["epistemic"]),
                ("each network is undecided (aleatoric)", doubt["aleatoric"]),
            )
        ],
        "log_loss": None if loss is None else value(loss),
        "too_sure": loss is not None and loss > _TOO_SURE * total,
        "tables": [
            {"title": title, "why": why, "rows": _rows(doubt, part)}
            for part, why, title in _PARTS
            if _rows(doubt, part)
        ],
        "as_images": all(row.get("image") is not None for row in doubt.get("rows") or ()),
    }


def _ends(amount: Any) -> str:
    """An interval as text."""
    return interval({"low": float(amount[1]), "high": float(amount[2])}) or "–"


def _rows(doubt: Mapping[str, Any], part: str) -> list[dict[str, Any]]:
    """The rows with the most of a part."""
    return [
        {
            "row": row["row"],
            "actual": shortened(row["actual"], 28),
            "predicted": shortened(row["predicted"], 28),
            "epistemic": value(number(row, "epistemic")),
            "aleatoric": value(number(row, "aleatoric")),
            "image": None if row.get("image") is None else image_uri(row["image"]),
        }
        for row in doubt.get("rows") or ()
        if row.get("most") == part
    ][:_MOST_ROWS]
