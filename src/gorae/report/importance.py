"""What the answers of a model depend on, as a report shows it: columns or parts of pictures, curves, maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.report.inlining import inline
from gorae.report.names import shortened
from gorae.report.pictures import (
    MOST_OUTPUTS,
    Bar,
    bars_figure,
    dependence_figure,
    image_uri,
    weights_uri,
)
from gorae.report.words import count, counted, interval, measure, number, value

__all__ = ["attributions", "importance"]

_MOST_BARS = 15
_MOST_LISTED = 60
_MOST_CURVES = 6
_MOST_PICTURES = 8
_UNITS = {
    "accuracy": "share of rows",
    "r2": "share of variance",
    "log_loss": "nats per row",
    "rmse": "units of the target",
}


def importance(finding: Mapping[str, Any] | None, target: object = None) -> dict[str, Any] | None:
    """What the section on the columns that answers depend on shows, or None where nothing was found.

    Args:
        finding: ``columns`` (a list of name, importance, low, high, the most important first), metric, score,
            rows, repeats, left_out (columns that were not asked about), parts (True where the columns are
            parts of pictures); ``dependence`` (curves, see `gorae.report.pictures.dependence_figure`);
            ``pixels`` (image of shape (height, width), rows, members, examples: a list of row, of, image,
            map, baseline).
        target: what is predicted, of a regression.

    Returns:
        Values for the template.

    Example:
        >>> one = {"name": "age", "importance": 0.2, "low": 0.1, "high": 0.3}
        >>> facts = {"metric": "accuracy", "score": 0.9, "rows": 50, "repeats": 5}
        >>> found = importance({"columns": [one], **facts})
        >>> print(found["sentence"])
        Without the values of age accuracy falls most: by 0.200 (0.100 to 0.300).
        >>> found["shown"]
        '1 of 1 column is shown to matter: its interval lies above 0.'
    """
    columns = list((finding or {}).get("columns") or ())
    pixels = _pixels((finding or {}).get("pixels"))
    if finding is None or not (columns or pixels):
        return None
    parts = bool(finding.get("parts"))
    return {
        "sentence": _sentence(columns, finding, parts) if columns else None,
        "shown": _shown(columns, "part" if parts else "column") if columns else None,
        "picture": inline(_bars(columns, finding)) if columns else None,
        "drawn": min(len(columns), _MOST_BARS),
        "columns": [
            {
                "name": shortened(row["name"], 40),
                "importance": value(number(row, "importance")),
                "interval": interval(row) or "–",
            }
            for row in columns[:_MOST_LISTED]
        ],
        "of": len(columns),
        "parts": parts,
        "metric": measure(finding.get("metric")).name,
        "score": value(number(finding, "score")),
        "rows": count(finding.get("rows")),
        "repeats": count(finding.get("repeats")),
        "left_out": finding.get("left_out") or 0,
        "curves": [
            inline(dependence_figure(curve, target=target))
            for curve in list(finding.get("dependence") or ())[:_MOST_CURVES]
        ],
        "curve_rows": count(max((c.get("rows") or 0 for c in finding.get("dependence") or ()), default=0)),
        "most_outputs": MOST_OUTPUTS,
        "classes": max((len(c["outputs"]) for c in finding.get("dependence") or ()), default=0),
        "map": _map(finding.get("map")),
        "pixels": pixels,
    }


def attributions(finding: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the section on the answers for single rows shows, or None where there are none.

    Args:
        finding: ``output`` ("logit", "probability" or "value"), members, and ``rows``: a list of row, of (the
            class), start, end, columns (a list of column, value, attribution, low, high), and where rows are
            pictures image and map.

    Returns:
        Values for the template.

    Example:
        >>> one = {"column": "age", "value": 33, "attribution": 0.5, "low": None, "high": None}
        >>> row = {"row": 7, "of": "high", "start": 0.1, "end": 0.6, "columns": [one]}
        >>> found = attributions({"output": "logit", "members": 1, "rows": [row]})
        >>> found["rows"][0]["from"], "age = 33" in found["rows"][0]["picture"]
        ('0.100', True)
    """
    rows = list((finding or {}).get("rows") or ())[:_MOST_PICTURES]
    if finding is None or not rows:
        return None
    what = {"logit": "score of the class", "probability": "probability", "value": "prediction"}
    axis = f"added to the {what[str(finding.get('output'))]}"
    span = _span_of(rows)
    return {
        "what": what[str(finding.get("output"))],
        "logit": finding.get("output") == "logit",
        "classes": finding.get("output") != "value",
        "members": int(finding.get("members") or 1),
        "maps": _examples(rows) if all(row.get("map") is not None for row in rows) else None,
        "rows": [
            {
                "row": row.get("row"),
                "of": shortened(row.get("of"), 30),
                "from": value(number(row, "start")),
                "to": value(number(row, "end")),
                "picture": inline(_row_bars(row, axis, span)),
            }
            for row in rows
            if row.get("map") is None
        ],
    }


def _sentence(columns: Sequence[Mapping[str, Any]], finding: Mapping[str, Any], parts: bool) -> str:
    """What matters most, with its figure."""
    what, first = measure(finding.get("metric")), columns[0]
    verb = "falls" if what.higher_is_better else "rises"
    if (number(first, "low") or 0.0) <= 0:
        thing = "part of the pictures" if parts else "column"
        return f"No single {thing} is shown to matter: {what.name} changes little without each of them."
    which = shortened(first["name"], 60)
    of = f"the part {which} of the pictures" if parts else f"the values of {which}"
    amount = value(number(first, "importance"))
    return f"Without {of} {what.name} {verb} most: by {amount} ({interval(first)})."


def _shown(columns: Sequence[Mapping[str, Any]], thing: str) -> str:
    """How many columns are shown to matter, in a sentence."""
    above = sum((number(row, "low") or 0.0) > 0 for row in columns)
    verb, whose = ("is", "its interval lies") if above == 1 else ("are", "their intervals lie")
    return f"{count(above)} of {counted(len(columns), thing)} {verb} shown to matter: {whose} above 0."


def _bars(columns: Sequence[Mapping[str, Any]], finding: Mapping[str, Any]) -> str:
    """The most important columns as bars with their intervals."""
    what = measure(finding.get("metric"))
    way = "fall" if what.higher_is_better else "rise"
    unit = _UNITS.get(str(finding.get("metric")), "units of the score")
    bars = [
        Bar(shortened(r["name"], 24), number(r, "importance") or 0.0, number(r, "low"), number(r, "high"))
        for r in columns[:_MOST_BARS]
    ]
    told = "; ".join(f"{bar.name} {value(bar.amount)}" for bar in bars)
    label = f"{way} of {what.name} without each column, with 95 % intervals: {told}."
    return bars_figure(bars, f"{way} of {what.name} ({unit})", label=label)


def _span_of(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The least and the largest amount of all rows, so that their pictures share an axis."""
    columns = [one for row in rows for one in list(row.get("columns") or ())[:_MOST_BARS]]
    known = [number(one, key) for one in columns for key in ("attribution", "low", "high")]
    amounts = [0.0, *(amount for amount in known if amount is not None)]
    return min(amounts), max(amounts)


def _row_bars(row: Mapping[str, Any], axis: str, span: tuple[float, float]) -> str:
    """What the columns add to the answer for one row."""
    bars = [
        Bar(
            shortened(_with_value(one), 24),
            number(one, "attribution") or 0.0,
            number(one, "low"),
            number(one, "high"),
        )
        for one in list(row.get("columns") or ())[:_MOST_BARS]
    ]
    told = "; ".join(f"{bar.name} {value(bar.amount)}" for bar in bars)
    label = f"What each column adds for row {row.get('row')}: {told}."
    return bars_figure(bars, axis, span=span, label=label)


def _with_value(one: Mapping[str, Any]) -> str:
    """A column with the value that the row has in it."""
    given = one.get("value", "missing")
    if isinstance(given, float | np.floating):
        given = f"{given:.4g}"
    return f"{one.get('column')} = {'missing' if given is None else given}"


def _map(image: Any) -> dict[str, str] | None:
    """A map of amounts, and the amount that has the full colour."""
    if image is None:
        return None
    amounts = np.asarray(image, float)
    limit = float(np.abs(amounts[np.isfinite(amounts)]).max(initial=0.0)) or 1.0
    return {"uri": weights_uri(amounts, limit), "limit": value(limit)}


def _pixels(pixels: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Which pixels answers depend on: the map of all rows, and of some of them."""
    if not pixels or pixels.get("image") is None:
        return None
    return {
        "map": _map(pixels["image"]),
        "rows": count(pixels.get("rows")),
        "examples": _examples(list(pixels.get("examples") or ())[:_MOST_PICTURES]),
    }


def _examples(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pictures beside the maps of what their pixels add; each map has its own full colour."""
    return [
        {
            "row": row.get("row"),
            "of": shortened(row.get("of"), 20),
            "image": image_uri(np.asarray(row["image"])),
            "map": _map(row["map"]),
        }
        for row in rows
    ]
