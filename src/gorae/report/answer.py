"""The answer on top of a report: which model, how good, does it fit, was it worth it; in plain words."""

import re
from collections.abc import Mapping
from typing import Any

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.scheme import where_scored
from gorae.report.words import Measure, count, ended, interval, measure, number, percent, value

__all__ = ["Findings", "ahead_in_words", "best_row", "chance_row", "scored", "sentences", "tiles"]

Findings = Mapping[str, Any]
_MINUS = re.compile(r"(?<= )-(?=\d)")  # before a number; evidence writes plain ASCII


def best_row(findings: Findings) -> Mapping[str, Any]:
    """The ladder's row of the best model: the one named ``best``, else the one with the best score.

    Args:
        findings: see `gorae.report.render_report`; its ladder holds at least one row.

    Returns:
        The row.

    Raises:
        InputError: ``best`` is not in the ladder.

    Example:
        >>> best_row({"ladder": [{"model": "a", "score": 0.5}, {"model": "b", "score": 0.7}]})["model"]
        'b'
    """
    ladder = findings["ladder"]
    if findings.get("best") is not None:
        for row in ladder:
            if row.get("model") == findings["best"]:
                return row
        tried = ", ".join(shortened(row.get("model"), 30) for row in ladder)
        raise InputError(
            f"The best model must be one of the ladder ({tried}), but is {shortened(findings['best'])!r}."
        )
    sign = 1 if measure(ladder[0].get("metric", "score")).higher_is_better else -1
    scored = [row for row in ladder if number(row, "score") is not None]
    return max(scored, key=lambda row: sign * row["score"], default=ladder[-1])


def chance_row(findings: Findings) -> Mapping[str, Any] | None:
    """The ladder's row of the model that ignores its input, or None.

    Args:
        findings: see `gorae.report.render_report`.

    Returns:
        The row whose model is called chance.

    Example:
        >>> chance_row({"ladder": [{"model": "chance", "score": 0.1}]})["score"]
        0.1
    """
    rows = (row for row in findings["ladder"] if str(row.get("model", "")).lower().startswith("chance"))
    return next(rows, None)


def ahead_in_words(row: Mapping[str, Any]) -> str:
    r"""How far the best model is ahead of one of the ladder, with the interval; a dash for itself.

    Args:
        row: of the ladder; ``ahead`` holds difference, low and high.

    Example:
        >>> ahead_in_words({"ahead": {"difference": 0.0104, "low": 0.0013, "high": 0.0196}})
        '0.010 (0.001 to 0.020)'
    """
    ahead = row.get("ahead")
    around = interval(ahead)
    return f"{value(number(ahead, 'difference'))} ({around})" if around else "–"


def sentences(findings: Findings) -> list[str]:
    r"""The answer as a few sentences.

    Args:
        findings: see `gorae.report.render_report`.

    Returns:
        One to four sentences.

    Example:
        >>> sentences({"ladder": [{"model": "mlp", "metric": "accuracy", "score": 0.9}]})
        ['Only one model was tried, mlp. In cross-validation it gets 90.0\xa0% of the rows right.']
    """
    told = [_how_good(findings)]
    gap = findings.get("gap") or {}
    if gap.get("verdict"):
        told.append(_sentence(f"It {_verb(str(gap['verdict']))}", gap.get("reason")))
    comparison = findings.get("comparison") or {}
    if comparison.get("sentence"):
        told.append(_MINUS.sub("−", ended(str(comparison["sentence"]))))
    elif comparison.get("verdict") and comparison.get("simpler"):
        told.append(ended(f"Against the simpler {shortened(comparison['simpler'])}: {comparison['verdict']}"))
    if comparison.get("cost"):
        told[-1] += f" {ended(str(comparison['cost']))}"
    return told


def tiles(findings: Findings) -> list[dict[str, str]]:
    """The figures of the answer, each with a caption and a line of detail.

    Args:
        findings: see `gorae.report.render_report`.

    Returns:
        Mappings with ``caption``, ``figure`` and ``detail``.

    Example:
        >>> tiles({"ladder": [{"model": "mlp", "metric": "accuracy", "score": 0.9}]})[0]["figure"]
        'mlp'
    """
    row = best_row(findings)
    what = measure(row.get("metric", "score"))
    around = interval(row)
    shown = [
        {
            "caption": "Best model",
            "figure": shortened(row.get("model"), 24),
            "detail": f"{what.name} {value(number(row, 'score'))} {where_scored(findings)}"
            + (f" ({around})" if around else ""),
        }
    ]
    test, gap, comparison = (findings.get(key) or {} for key in ("test", "gap", "comparison"))
    if number(test, "score") is not None:
        around = interval(test)
        detail = f"95 % interval {around}" if around else ""
        caption = f"{measure(test.get('metric', row.get('metric', 'score'))).name} on test rows"
        shown.append({"caption": caption, "figure": value(number(test, "score")), "detail": detail})
    if gap.get("verdict"):
        detail = f"training {value(number(gap, 'train'))}, validation {value(number(gap, 'validation'))}"
        shown.append({"caption": "Fit", "figure": shortened(gap["verdict"], 24), "detail": detail})
    if comparison.get("simpler") and comparison.get("verdict"):
        around = interval(comparison)
        detail = f"difference {value(number(comparison, 'difference'))}" + (f" ({around})" if around else "")
        caption = f"Against {shortened(comparison['simpler'], 24)}"
        shown.append({"caption": caption, "figure": shortened(comparison["verdict"], 28), "detail": detail})
    return shown


def _how_good(findings: Findings) -> str:
    row, test = best_row(findings), findings.get("test") or {}
    name, tried = shortened(row.get("model")), len(findings["ladder"])
    opening = (
        f"Of {tried} models tried, {name} is the best." if tried > 1 else f"Only one model was tried, {name}."
    )
    if number(test, "score") is not None:
        rows = f"{count(test['rows'])} test rows" if test.get("rows") is not None else "test rows"
        seen = test.get("seen") or 0
        touched = f"of which {count(seen)} were learned from too" if seen else "that nothing else touched"
        source, place = test, f"On {rows} {touched} it"
    else:
        source, place = row, f"{where_scored(findings).capitalize()} it"
    if number(source, "score") is None:
        return f"{opening} It has no score."
    what = measure(source.get("metric", row.get("metric", "score")))
    told = f"{opening} {place} {scored(source, what)}"
    chance = number(test, "chance") if source is test else number(chance_row(findings), "score")
    if chance is not None and what.share and chance_row(findings) is not row:
        told += f"; guessing would get {percent(chance)}"
    return f"{told}."


def scored(source: Mapping[str, Any], what: Measure) -> str:
    r"""A score and its interval as they continue "It ...".

    Args:
        source: holds ``score`` and, where they are known, ``low`` and ``high``.
        what: the measure.

    Returns:
        Words without a full stop.

    Example:
        >>> scored({"score": 0.9}, measure("accuracy")), scored({"score": 2.5}, measure("rmse"))
        ('gets 90.0\xa0% of the rows right', 'has a RMSE of 2.500')
    """
    score, low, high = (number(source, key) for key in ("score", "low", "high"))
    known = score is not None and low is not None and high is not None
    if what.share:
        around = f" (95 % interval {percent(low)} to {percent(high)})" if known else ""
        return f"gets {percent(score)} of the rows right{around}"
    around = f", 95 % interval {interval(source)}" if known else ""
    if what.name == "R²" and score is not None and score > 0:
        return f"explains {percent(score)} of the variance (R² {value(score)}{around})"
    if what.name == "R²":
        return f"does no better than always answering the mean (R² {value(score)}{around})"
    return f"has a {what.name} of {value(score)}{around.replace(', ', ' (', 1) + ')' if around else ''}"


def _verb(verdict: str) -> str:
    """A verdict as it continues "It ...": overfits, fits well; anything else is quoted as a judgement."""
    first = verdict.split()[:1]
    return verdict if first and first[0].endswith(("fits", "cannot")) else f"was judged: {verdict}"


def _sentence(opening: str, reason: object) -> str:
    return ended(f"{opening}: {reason}" if reason else opening)
