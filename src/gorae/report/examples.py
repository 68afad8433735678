"""The hardest rows and the weights of a linear model, as a report shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.report import pictures
from gorae.report.answer import Findings
from gorae.report.names import shortened
from gorae.report.words import entry, number, value

__all__ = ["hardest_section", "room", "table_cell", "weights_section"]

_MOST_HARDEST = 24
_MOST_COLUMNS = 8  # of values beside a hard example
_MOST_WEIGHTS = 30
_ROOM, _ROOM_OF_ONE = 28, 160


def hardest_section(findings: Findings) -> dict[str, Any] | None:
    """The rows on which the model is most wrong, as pictures or with their values; None without any.

    Args:
        findings: see `gorae.report.render_report`.

    Example:
        >>> hardest_section({"hardest": [{"row": 3, "actual": "a", "predicted": "b"}]})["rows"][0]["actual"]
        'a'
    """
    hardest = list(findings.get("hardest") or ())[:_MOST_HARDEST]
    if not hardest:
        return None
    columns: dict[Any, None] = {}
    for row in hardest:
        columns |= dict.fromkeys(row.get("values") or {})
    shown = list(columns)[:_MOST_COLUMNS]
    rows = [
        {
            "row": row.get("row"),
            "actual": table_cell(row.get("actual")),
            "predicted": table_cell(row.get("predicted")),
            "probability": None if number(row, "probability") is None else value(number(row, "probability")),
            "image": None if row.get("image") is None else pictures.image_uri(row["image"]),
            "values": [table_cell((row.get("values") or {}).get(name), room(shown)) for name in shown],
        }
        for row in hardest
    ]
    return {
        "rows": rows,
        "as_images": all(row["image"] for row in rows),
        "numbers": all(isinstance(row.get("actual"), float | np.floating) for row in hardest),
        "probabilities": any(row["probability"] for row in rows),
        "columns": shown,
        "prose": len(shown) == 1
        and any(isinstance((r.get("values") or {}).get(shown[0]), str) for r in hardest),
        "left_out": max(len(columns) - _MOST_COLUMNS, 0),
    }


def weights_section(weights: Sequence[Mapping[str, Any]] | None) -> dict[str, Any] | None:
    """The weights of a linear model as pictures, all on one scale; None without any.

    Args:
        weights: a list of label and image.

    Example:
        >>> weights_section([{"label": "a", "image": np.array([[0.5, -1.0]])}])["limit"]
        '1.000'
    """
    if not weights:
        return None
    drawn = weights[:_MOST_WEIGHTS]
    every = np.concatenate([np.asarray(row["image"], float).ravel() for row in drawn])
    limit = float(np.abs(every[np.isfinite(every)]).max(initial=0.0)) or 1.0
    images = [{"label": row["label"], "uri": pictures.weights_uri(row["image"], limit)} for row in drawn]
    return {"images": images, "limit": value(limit), "left_out": len(weights) - len(drawn)}


def room(columns: Sequence[Any]) -> int:
    """How many letters a cell of data has room for: many where there is one column, as of texts."""
    return _ROOM_OF_ONE if len(columns) == 1 else _ROOM


def table_cell(content: object, limit: int = 28) -> str:
    """One value of a table of data: numbers with four digits, names bounded, nothing as a dash.

    Args:
        content: a number, a name, or None.
        limit: letters of a name at most.

    Example:
        >>> table_cell(0.12345), table_cell(None), table_cell("red")
        ('0.1235', '–', 'red')
    """
    if content is None:
        return "–"
    if isinstance(content, float | np.floating):
        return entry(float(content))
    return shortened(content, limit)
