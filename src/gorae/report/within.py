"""Within what answers are right, as a report shows it: intervals of values, or sets of classes."""

from collections.abc import Mapping
from typing import Any

from gorae.report.pictures.coverage import coverage_figure, intervals_figure, set_sizes_figure
from gorae.report.words import count, number, percent, value

_SHOWN_AT = 0.9
_BY = {
    "quantiles": "They are made of quantiles, learned beside the model, and are wide where values scatter.",
    "residuals": "They are about equally wide for all rows, and stand around the prediction.",
}


def within(
    caution: Mapping[str, Any] | None, test: Mapping[str, Any] | None = None, *, target: object = None
) -> dict[str, Any] | None:
    r"""What the section on intervals or sets shows, or None where nothing was learned of them.

    Args:
        caution: its ``within`` holds kind ("values" or "classes"), coverages (a list of stated, held, rows,
            share, low, high, and size: a width or a number of classes; of classes also sizes), by
            ("quantiles" or "residuals") and shown (see `intervals_figure`).
        test: its ``within`` is such a list for test rows.
        target: name of the target.

    Returns:
        Values for the template; pictures are not marked as safe yet.

    Example:
        >>> row = {"stated": 0.9, "held": 9, "rows": 10, "share": 0.9, "low": 0.6, "high": 0.98, "size": 2}
        >>> found = within({"within": {"kind": "values", "by": "residuals", "coverages": [row]}})
        >>> found["rows"][0]["held"], found["rows"][0]["test"]
        ('90.0\xa0%', None)
    """
    found = (caution or {}).get("within") or {}
    known = [row for row in found.get("coverages") or () if number(row, "share") is not None]
    if not known:
        return None
    tested = {number(row, "stated"): row for row in (test or {}).get("within") or ()}
    values = found.get("kind") != "classes"
    pictures = [coverage_figure(known)]
    if values and found.get("shown"):
        pictures.append(intervals_figure(found["shown"], target=target))
    shown = min(known, key=lambda row: abs(row["stated"] - _SHOWN_AT))
    if not values and shown.get("sizes"):
        pictures.append(set_sizes_figure(shown["sizes"], shown["stated"]))
    return {
        "of_values": values,
        "by": _BY.get(str(found.get("by"))),
        "rows": [_row(row, tested.get(row["stated"])) for row in known],
        "tested": count(max((int(number(row, "rows") or 0) for row in tested.values()), default=0)),
        "counted": count(int(number(known[0], "rows") or 0)),
        "shown": percent(number(found.get("shown") or shown, "stated")),
        "pictures": pictures,
    }


def _row(row: Mapping[str, Any], test: Mapping[str, Any] | None) -> dict[str, str | None]:
    """One stated coverage as a line of the table."""
    return {
        "stated": percent(number(row, "stated")),
        "held": percent(number(row, "share")),
        "interval": _percents(row),
        "size": value(number(row, "size")),
        "test": None if test is None else percent(number(test, "share")),
        "test_interval": None if test is None else _percents(test),
    }


def _percents(row: Mapping[str, Any]) -> str | None:
    """An interval of shares as percentages."""
    ends = number(row, "low"), number(row, "high")
    return None if None in ends else " to ".join(map(percent, ends))
