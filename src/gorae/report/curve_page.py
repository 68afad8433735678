"""The report of a learning curve: one HTML file that needs nothing else and lets nothing in."""

from collections.abc import Mapping
from typing import Any

from gorae.errors import InputError
from gorae.report.growth import growth_view
from gorae.report.names import shortened
from gorae.report.sections import lines, machine
from gorae.report.template import rendered
from gorae.report.words import count, interval, measure, number, value

__all__ = ["render_curve_report"]

_VERDICTS = {"helps": "would help", "hardly": "would hardly help", "unclear": "not clear"}


def render_curve_report(
    growth: Mapping[str, Any],
    *,
    title: str = "gorae: would more data help?",
    about: Mapping[str, Any] | None = None,
) -> str:
    """A learning curve as one HTML page: no script, no request, light and dark, on a phone and on paper.

    Args:
        growth: what `gorae.trust.MeasuredCurve.to_dict` gives, and ``model``: what was measured.
        title: of the page.
        about: the data in a few phrases (``facts``), ``notes`` on them, ``version`` and ``machine``.

    Returns:
        The page. Write it as UTF-8.

    Raises:
        InputError: there is no curve.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from gorae import learning_curve
        >>> page = render_curve_report(learning_curve(GaussianNB(), *load_iris(return_X_y=True)).to_dict())
        >>> page[:15], "Would more data help?" in page
        ('<!DOCTYPE html>', True)
    """
    shown, about = growth_view(growth), about or {}
    if shown is None:
        raise InputError("A report of a learning curve needs its sizes and scores; there are none.")
    what, last = measure(growth.get("metric", "score")), growth["scores"][-1]
    gain = (growth.get("gains") or [{}])[0]
    tiles = [
        {
            "caption": f"{what.name} from {count(growth['sizes'][-1])} rows",
            "figure": value(number(last, "score")),
            "detail": f"95 % interval {interval(last)}",
        },
        {
            "caption": "Twice the rows",
            "figure": _VERDICTS.get(str(growth.get("verdict")), "–"),
            "detail": f"gain {value(number(gain, 'gain'))}, 95 % interval {interval(gain)}",
        },
    ]
    page = {
        "facts": lines(about.get("facts")),
        "tiles": tiles,
        "sentences": [],
        "warnings": [],
        "growth": shown,
        "notes": lines(about.get("notes")),
        "machine": machine(about),
    }
    return rendered("curve", shortened(title, 120), page)
