"""The report of an explanation: one HTML file that needs nothing else and lets nothing in."""

import os
from collections.abc import Mapping
from typing import Any

from gorae.errors import InputError
from gorae.files import atomic_write
from gorae.report.importance import attributions, importance
from gorae.report.names import shortened
from gorae.report.sections import lines, machine
from gorae.report.template import rendered
from gorae.report.words import capital, count, interval, measure, number, value

__all__ = ["explanation_report", "render_explanation"]


def render_explanation(findings: Mapping[str, Any]) -> str:
    """What a model's answers depend on as one HTML page: no script, no request, light and dark.

    Args:
        findings: ``title``; ``importance`` (see `gorae.report.render_report`); ``attributions`` (output,
            members, rows); ``target``, the name of what is predicted; ``model``, what it is called; ``notes``
            (sentences to be aware of); ``created`` and ``version``.

    Returns:
        The page. Write it as UTF-8.

    Raises:
        InputError: the title or the importance is missing.

    Example:
        >>> one = {"name": "<b>", "importance": 0.2, "low": 0.1, "high": 0.3}
        >>> facts = {"columns": [one], "metric": "accuracy", "score": 0.9, "rows": 50, "repeats": 5}
        >>> page = render_explanation({"title": "people", "importance": facts})
        >>> "&lt;b&gt;" in page, "<b>:" in page
        (True, False)
    """
    if not findings.get("title") or not findings.get("importance"):
        raise InputError("The report of an explanation needs a title and an importance; one is missing.")
    facts, shown = findings["importance"], importance(findings["importance"], findings.get("target"))
    about = [
        findings.get("created"),
        f"model {findings['model']}" if findings.get("model") else None,
        None if facts.get("rows") is None else f"{count(facts['rows'])} rows",
        f"target {findings['target']}" if findings.get("target") is not None else None,
    ]
    page: dict[str, Any] = {
        "facts": [shortened(fact, 60) for fact in about if fact],
        "tiles": _tiles(facts),
        "sentences": [],
        "warnings": lines(findings.get("notes")),
        "importance": shown,
        "attributions": attributions(findings.get("attributions")),
        "machine": machine(findings),
    }
    return rendered("explanation", findings["title"], page)


def explanation_report(
    path: str | os.PathLike[str], findings: Mapping[str, Any], *, force: bool = False
) -> None:
    """Write the report of an explanation.

    Args:
        path: of the HTML file; its folder must exist.
        findings: see `render_explanation`.
        force: whether an existing file may be replaced.

    Raises:
        InputError: the title or the importance is missing.
        FileExistsRefusal: the file exists and ``force`` is False.
        WriteError: it cannot be written.
    """
    atomic_write(path, render_explanation(findings), force=force)


def _tiles(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """The figures of the answer."""
    columns, what = list(facts.get("columns") or ()), measure(facts.get("metric"))
    if not columns:
        return []
    first, above = columns[0], sum((number(row, "low") or 0.0) > 0 for row in columns)
    thing = "part" if facts.get("parts") else "column"
    way = "fall" if what.higher_is_better else "rise"
    return [
        {
            "caption": f"{capital(what.name)} on these rows",
            "figure": value(number(facts, "score")),
            "detail": f"{count(facts.get('rows'))} rows",
        },
        {
            "caption": f"Most important {thing}",
            "figure": shortened(first.get("name"), 24),
            "detail": f"{way} of {what.name} {value(number(first, 'importance'))} ({interval(first) or '–'})",
        },
        {
            "caption": f"{capital(thing)}s shown to matter",
            "figure": count(above),
            "detail": f"of {count(len(columns))}: interval above 0",
        },
    ]
