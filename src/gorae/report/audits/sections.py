"""What each section of an audit's report shows, as plain values; None leaves a section out."""

from typing import Any

import numpy as np

from gorae.report import pictures
from gorae.report.audits.facts import AuditFacts
from gorae.report.inlining import inline
from gorae.report.names import shortened
from gorae.report.sections import lines, machine
from gorae.report.suspects import leak_section, suspect_section, twin_section
from gorae.report.words import count, counted, percent

__all__ = ["audit_view", "share_in_words"]

_MOST_PAIRS = 12


def audit_view(facts: AuditFacts) -> dict[str, Any]:
    """Everything the template needs, one entry a section.

    Args:
        facts: of the audit.

    Returns:
        Sections by name; a section that has nothing to show is None.

    Raises:
        InputError: the joint is not of shape (classes, classes).

    Example:
        >>> audit_view(AuditFacts(["a", "b"], 20, 0.0, 0.0, 0.1, np.eye(2) / 2))["suspects"] is None
        True
    """
    told = [facts.created, f"{count(facts.rows)} rows", f"{len(facts.classes)} classes", *facts.about]
    return {
        "facts": [shortened(phrase, 120) for phrase in told if phrase],
        "sentences": [shortened(sentence, 2000) for sentence in _sentences(facts)],
        "tiles": _tiles(facts),
        "warnings": lines(facts.warnings),
        "machine": machine({"version": facts.version, "machine": facts.machine}),
        "suspects": suspect_section(facts.suspects, facts.space, facts.wrong),
        "pairs": _pairs(facts),
        "twins": twin_section(facts.twins),
        "leaks": leak_section(facts.leaks),
        "method": shortened(facts.method, 2000) if facts.method else "",
        "notes": lines(facts.notes),
    }


def share_in_words(noise: float, low: float, high: float) -> str:
    r"""The estimated share of wrong labels, with its interval.

    Args:
        noise: the share.
        low: its lower bound.
        high: its upper bound.

    Example:
        >>> share_in_words(0.031, 0.022, 0.041)
        '3.1\xa0% (2.2 to 4.1)'
    """
    return f"{percent(max(noise, 0.0))} ({100 * low:.1f} to {100 * high:.1f})"


def _sentences(facts: AuditFacts) -> list[str]:
    """The answer in a few sentences."""
    told = [f"About {share_in_words(facts.noise, facts.low, facts.high)} of the labels look wrong."]
    if facts.agreement is not None:
        told[0] += (
            f" Out of fold {percent(facts.agreement)} of them are predicted; rows that these columns cannot "
            "tell apart count as wrong too."
        )
    if facts.wrong:
        verb = "has" if facts.wrong == 1 else "have"
        told.append(
            f"{counted(facts.wrong, 'row')} {verb} a label that is more probably wrong than right; look "
            "at them first."
        )
    else:
        told.append("No row has a label that is more probably wrong than right.")
    twins = facts.twins
    if twins.repeated:
        disputed = f", {count(twins.disputed)} of them under different labels" if twins.disputed else ""
        told.append(f"{counted(len(twins.groups), 'row')} stand there more than once{disputed}.")
    if twins.across_equal or twins.across_near:
        total = twins.across_equal + twins.across_near
        told.append(f"{counted(total, 'test row')} also stand among the training rows, or nearly so.")
    if facts.leaks:
        told.append(f"{counted(len(facts.leaks), 'suspect')} of leakage: see below.")
    return told


def _tiles(facts: AuditFacts) -> list[dict[str, str]]:
    """The figures of the answer."""
    twins = facts.twins
    return [
        {
            "caption": "Labels that look wrong",
            "figure": percent(max(facts.noise, 0.0)),
            "detail": f"95 % interval {100 * facts.low:.1f} to {100 * facts.high:.1f} %",
        },
        {
            "caption": "Rows to look at",
            "figure": count(facts.wrong),
            "detail": f"of {count(facts.rows)}: label more probably wrong than right",
        },
        {
            "caption": "Rows that stand there again",
            "figure": count(twins.repeated),
            "detail": f"and {counted(twins.near_pairs, 'pair')} nearly equal",
        },
        {
            "caption": "Suspects of leakage",
            "figure": count(len(facts.leaks)),
            "detail": "columns, identifiers, order, test rows",
        },
    ]


def _pairs(facts: AuditFacts) -> dict[str, Any] | None:
    """Which labels are mistaken for which, as a picture and a table."""
    rows = np.rint(np.asarray(facts.joint, np.float64) * facts.rows).astype(np.int64)
    names = [str(label) for label in facts.classes]
    drawn = len(names) <= pictures.MOST_CLASSES
    words = {
        "down": "given label",
        "across": "estimated true class",
        "cells": "cells: estimated number of rows",
        "what": "Estimated true classes by label",
    }
    found = pictures.top_confusions(names, rows, most=_MOST_PAIRS)
    return {
        "picture": inline(pictures.confusion_figure(names, rows, **words)) if drawn else None,
        "many": len(names) > 14,
        "pairs": [
            {"label": given, "true": true, "rows": count(number), "share": percent(share)}
            for given, true, number, share in found
        ],
    }
