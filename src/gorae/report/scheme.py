"""On which rows the numbers of a report were found, in words: cross-validation or single splits."""

from collections.abc import Mapping
from typing import Any

from gorae.report.words import count, number

__all__ = ["curves_of", "is_split", "settings_differ", "where_scored", "whose_rows"]


def is_split(findings: Mapping[str, Any]) -> bool:
    """Whether models were scored on a part of the rows only, not on each row in its turn.

    Args:
        findings: see `gorae.report.render_report`; without a plan's ``outer``, it was cross-validation.

    Returns:
        True where the plan has a single outer split.

    Example:
        >>> is_split({"plan": {"outer": 1}}), is_split({})
        (True, False)
    """
    return number(findings.get("plan"), "outer") == 1


def where_scored(findings: Mapping[str, Any]) -> str:
    """Where the ladder's scores come from, as it continues "accuracy 0.9 ...".

    Args:
        findings: see `gorae.report.render_report`.

    Returns:
        "in cross-validation", "on one held-out split" or "on 3 held-out splits".

    Example:
        >>> where_scored({"plan": {"outer": 5}}), where_scored({"plan": {"outer": 1, "repeats": 3}})
        ('in cross-validation', 'on 3 held-out splits')
    """
    if not is_split(findings):
        return "in cross-validation"
    splits = _repeats(findings)
    return "on one held-out split" if splits == 1 else f"on {splits} held-out splits"


def whose_rows(findings: Mapping[str, Any]) -> str:
    """Which rows the pictures of the best model are of, and what model predicted them.

    Args:
        findings: see `gorae.report.render_report`; ``predicted`` says how many rows, else the counts of the
            confusion matrix or the residuals do.

    Returns:
        One sentence.

    Example:
        >>> whose_rows({"predicted": {"rows": 287}, "plan": {"outer": 1}})
        'These are the 287 rows of one held-out split, predicted by a model that did not learn from them.'
    """
    rows, repeats = _rows(findings), _repeats(findings)
    known = "" if rows is None else f" {count(rows)}"
    if is_split(findings):
        if repeats == 1:
            told = f"These are the{known} rows of one held-out split, predicted by a model"
            return f"{told} that did not learn from them."
        return (
            f"These are the{known} rows of {repeats} held-out splits, each predicted by models that did not "
            "learn from it (their mean where several were asked)."
        )
    told = f"Each of the{known} rows was predicted"
    if repeats == 1:
        return f"{told} by a model that did not learn from it, in cross-validation."
    return (
        f"{told} by models that did not learn from it, one in each of {repeats} repetitions of "
        "cross-validation; shown is their mean."
    )


def settings_differ(findings: Mapping[str, Any]) -> str:
    """Why the saved model may differ from those that predicted these rows.

    Args:
        findings: see `gorae.report.render_report`; ``predicted`` says how many settings were tried and how
            many models, one a fold, predicted.

    Returns:
        One sentence.

    Example:
        >>> print(settings_differ({"predicted": {"rows": 90, "folds": 5, "tried": 1}}))
        The saved model is fitted again, on the rows of all folds, and may differ.
    """
    of_folds = findings.get("predicted") or {}
    if (number(of_folds, "tried") or 2) > 1 and (number(of_folds, "folds") or 2) > 1:
        whose = "split" if is_split(findings) else "fold"
        return (
            f"Each {whose} chose its own settings for its model; the saved model is fitted with one setting "
            f"on the rows of all {whose}s, and may differ."
        )
    where = "these rows too" if is_split(findings) else "the rows of all folds"
    return f"The saved model is fitted again, on {where}, and may differ."


def curves_of(findings: Mapping[str, Any]) -> str:
    """What a single learning curve belongs to: a "fold", a "split" or a "member" of an ensemble.

    Args:
        findings: see `gorae.report.render_report`; the names of its curves' members say it.

    Returns:
        The word for it.

    Example:
        >>> curves_of({"curves": [{"member": "fold 1"}, {"member": "fold 2"}]})
        'fold'
    """
    names = [str(curve.get("member", "")) for curve in findings.get("curves") or ()]
    if not names or not all(name.startswith("fold ") for name in names):
        return "member"
    return "split" if is_split(findings) else "fold"


def _repeats(findings: Mapping[str, Any]) -> int:
    return int(number(findings.get("plan"), "repeats") or 1)


def _rows(findings: Mapping[str, Any]) -> int | None:
    told = number(findings.get("predicted"), "rows")
    if told is not None:
        return int(told)
    counts = (findings.get("confusion") or {}).get("counts")
    if counts is not None:
        return int(sum(map(int, (amount for row in counts for amount in row))))
    actual = (findings.get("residuals") or {}).get("actual")
    return None if actual is None else len(actual)
