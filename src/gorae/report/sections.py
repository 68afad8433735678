"""What each section of a report shows, as plain values for the template; None leaves a section out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gorae.report import pictures
from gorae.report.answer import Findings, ahead_in_words, best_row
from gorae.report.doubt import doubt_view
from gorae.report.examples import hardest_section, weights_section
from gorae.report.growth import growth_view
from gorae.report.importance import importance
from gorae.report.inlining import inline
from gorae.report.maps import map_view
from gorae.report.marked import marked_view
from gorae.report.names import shortened
from gorae.report.scheme import curves_of, is_split, settings_differ, where_scored, whose_rows
from gorae.report.suspects import rows_to_check
from gorae.report.unknowns import unknowns
from gorae.report.within import within
from gorae.report.words import (
    capital,
    count,
    duration,
    ended,
    interval,
    measure,
    number,
    percent,
    settings,
    value,
)

__all__ = ["lines", "machine", "view"]

_MOST_LINES = 60  # of plan, notes and warnings each
_MOST_NAMED = 10  # classes in the line under the title


def view(findings: Findings) -> dict[str, Any]:
    """Everything the template needs, one entry a section.

    Args:
        findings: see `gorae.report.render_report`.

    Returns:
        Sections by name; a section whose findings are missing is None.

    Example:
        >>> view({"ladder": [{"model": "mlp", "score": 0.9}]})["confusion"] is None
        True
    """
    return {
        "data": _data(findings.get("data"), findings.get("title")),
        "ladder": _ladder(findings),
        "fit": _fit(findings),
        "diagnosis": _diagnosis(findings.get("diagnosis")),
        "confusion": _confusion(findings.get("confusion")),
        "reliability": _reliability(findings.get("reliability")),
        "rows_shown": whose_rows(findings),
        "models_shown": settings_differ(findings),
        "split": is_split(findings),
        "unknowns": _unknowns(findings.get("caution")),
        "importance": importance(findings.get("importance"), _target(findings)),
        "doubt": doubt_view(findings.get("doubt")),
        "growth": growth_view(findings.get("growth")),
        "within": _within(findings),
        "map": _map(findings),
        "residuals": _residuals(findings),
        "curves": _curves(findings),
        "rows_to_check": rows_to_check(findings.get("check")),
        "hardest": hardest_section(findings),
        "marked": marked_view(findings.get("marked")),
        "weights": weights_section(findings.get("weights")),
        "plan": _plan(findings.get("plan")),
        "notes": lines((findings.get("data") or {}).get("notes")),
        "warnings": lines(findings.get("warnings")),
        "machine": machine(findings),
    }


def _span(epochs: Sequence[int]) -> str | None:
    if not epochs:
        return None
    return str(epochs[0]) if min(epochs) == max(epochs) else f"{min(epochs)} to {max(epochs)}"


def lines(told: Iterable[object] | None) -> list[str]:
    """Sentences from outside, each bounded, many cut with a word about it.

    Args:
        told: sentences, or None.

    Returns:
        At most sixty, and how many more there are.

    Example:
        >>> lines(["one", "two"])
        ['one', 'two']
    """
    kept = [shortened(line, 2000) for line in told or ()]
    return kept if len(kept) <= _MOST_LINES else [*kept[:_MOST_LINES], f"and {len(kept) - _MOST_LINES} more"]


def _data(data: Mapping[str, Any] | None, title: object) -> list[str]:
    """The data set in a few phrases."""
    data = data or {}
    facts = []
    if data.get("name") and data["name"] != title:
        facts.append(shortened(data["name"], 60))
    if data.get("rows") is not None:
        facts.append(f"{count(data['rows'])} rows")
    if data.get("columns") is not None:
        facts.append(f"{count(data['columns'])} columns")
    classes = data.get("classes")
    if classes is not None:
        first = ", ".join(shortened(name, 20) for name in classes[:_MOST_NAMED])
        more = f" and {count(len(classes) - _MOST_NAMED)} more" if len(classes) > _MOST_NAMED else ""
        facts.append(f"{count(len(classes))} classes ({first}{more})")
    if data.get("task"):
        facts.append(shortened(data["task"], 40))
    if data.get("target") is not None:
        facts.append(f"target {shortened(data['target'], 60)}")
    return facts


def _ladder(findings: Findings) -> dict[str, Any]:
    ladder, best = findings["ladder"], best_row(findings)
    others = list(dict.fromkeys(key for row in ladder for key in row.get("other") or {}))[:3]
    rows = [
        {
            "model": row.get("model"),
            "settings": settings(row.get("settings")),
            "score": value(number(row, "score")),
            "interval": interval(row) or "–",
            "ahead": ahead_in_words(row),
            "others": [value(number(row.get("other"), key)) for key in others],
            "fits": count(row.get("fits")),
            "time": duration(number(row, "seconds")),
            "best": row is best,
        }
        for row in ladder
    ]
    return {
        "metric": measure(ladder[0].get("metric", "score")).name,
        "others": [measure(key).name for key in others],
        "rows": rows,
        "where": where_scored(findings),
        "fits": count(sum(int(row.get("fits") or 0) for row in ladder)),
        "seconds": duration(sum(number(row, "seconds") or 0.0 for row in ladder)),
        "compared": any(row.get("ahead") for row in ladder),
        "ensemble_adds": {"mlp", "ensemble"} <= {row.get("model") for row in ladder},
        "picture": inline(pictures.ladder_figure(ladder, best.get("model"))),
    }


def _fit(findings: Findings) -> dict[str, Any] | None:
    gap, test = findings.get("gap"), findings.get("test")
    scores = [number(gap, "train"), number(gap, "validation"), number(test, "score")]
    if all(score is None for score in scores):
        return None
    metric = (test or {}).get("metric", best_row(findings).get("metric", "score"))
    rows = (test or {}).get("rows")
    return {
        "picture": inline(pictures.gap_figure(gap, test, metric=metric)),
        "metric": capital(measure(metric).name),
        "test": value(scores[2]) if scores[2] is not None else None,
        "test_interval": interval(test),
        "test_rows": count(rows) if rows is not None else None,
        "test_seen": count(test["seen"]) if test and test.get("seen") else None,
        "gap": _gap(gap, scores),
        "gap_interval": interval(gap),
        "verdict": capital(shortened(gap["verdict"], 60)) if gap and gap.get("verdict") else None,
        "reason": ended(shortened(gap["reason"], 2000)) if gap and gap.get("reason") else None,
    }


def _gap(gap: Mapping[str, Any] | None, scores: Sequence[float | None]) -> str | None:
    given, train, validation = number(gap, "gap"), scores[0], scores[1]
    if given is None and (train is None or validation is None):
        return None
    return value(given if given is not None else (train or 0.0) - (validation or 0.0))


def _diagnosis(diagnosis: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The verdicts, and what they are the verdicts on."""
    verdicts, looked, missing = (
        list((diagnosis or {}).get(key) or ()) for key in ("verdicts", "looked_at", "not_judged")
    )
    if not verdicts and not looked:
        return None
    return {
        "verdicts": [
            {
                "illness": capital(shortened(verdict.get("illness"), 60)),
                "sentence": ended(shortened(verdict.get("sentence"), 2000)),
                "advice": ended(shortened(verdict.get("advice"), 600)),
            }
            for verdict in verdicts[:_MOST_LINES]
        ],
        "looked_at": "; ".join(lines(looked)),
        "not_judged": "; ".join(lines(missing)),
    }


def _confusion(confusion: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not confusion or confusion.get("counts") is None or not len(confusion.get("labels") or ()):
        return None
    labels, counts = list(confusion["labels"]), np.asarray(confusion["counts"])
    drawn = len(labels) <= pictures.MOST_CLASSES
    pairs = pictures.top_confusions(labels, counts, most=10 if drawn else 30)
    return {
        "picture": inline(pictures.confusion_figure(labels, counts)) if drawn else None,
        "many": len(labels) > 14,
        "classes": count(len(labels)),
        "most_drawn": pictures.MOST_CLASSES,
        "pairs": [
            {"actual": actual, "predicted": predicted, "rows": count(rows), "share": percent(share)}
            for actual, predicted, rows, share in pairs
        ],
        "per_class": _per_class(labels, counts),
    }


def _per_class(labels: Sequence[object], counts: np.ndarray) -> list[dict[str, str]]:
    """Recall and precision of up to 30 classes, the ones found least first."""
    right, actual, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    recall = [float(r / n) if n else float("nan") for r, n in zip(right, actual, strict=True)]
    precision = [float(r / n) if n else float("nan") for r, n in zip(right, predicted, strict=True)]
    order = np.argsort(np.nan_to_num(recall, nan=2.0), kind="stable")[:30]
    return [
        {
            "label": str(labels[place]),
            "rows": count(actual[place]),
            "recall": percent(recall[place]),
            "precision": percent(precision[place]),
        }
        for place in map(int, order)
    ]


def _unknowns(caution: Mapping[str, Any] | None) -> dict[str, Any] | None:
    found = unknowns(caution)
    if found is None or found["picture"] is None:
        return found
    return {**found, "picture": inline(found["picture"])}


def _within(findings: Findings) -> dict[str, Any] | None:
    target = (findings.get("data") or {}).get("target")
    found = within(findings.get("caution"), findings.get("test"), target=target)
    return found and {**found, "pictures": [inline(svg) for svg in found["pictures"]]}


def _map(findings: Findings) -> dict[str, Any] | None:
    target = (findings.get("data") or {}).get("target")
    drawn = map_view({**found, "target": target} if (found := findings.get("map")) else None)
    return None if drawn is None else {**drawn, "picture": inline(drawn["picture"])}


def _reliability(reliability: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not reliability:
        return None
    bins = [row for row in reliability.get("bins") or () if number(row, "count")]
    scores = [
        (name, value(number(reliability, key)), meaning)
        for key, name, meaning in (
            ("ece", "expected calibration error", "0 is best; mean distance from the dashed line"),
            ("brier", "Brier score", _brier_meaning(number(reliability, "classes"))),
            ("log_loss", "log loss", "0 is best; nats (natural-log units) per row: mean of −ln P(actual)"),
        )
        if number(reliability, key) is not None
    ]
    if not bins and not scores:
        return None
    return {"picture": inline(pictures.reliability_figure(bins)) if bins else None, "scores": scores}


def _target(findings: Findings) -> object:
    return (findings.get("data") or {}).get("target")


def _brier_meaning(classes: float | None) -> str:
    if classes is None:
        return "0 is best; mean squared error of the probabilities"
    if classes > 2:
        return "0 is best, 2 is worst; squared errors of the probabilities, summed over classes, mean per row"
    return "0 is best, 1 is worst; mean squared error of one class's probability (the other's is equal)"


def _residuals(findings: Findings) -> dict[str, Any] | None:
    residuals = findings.get("residuals")
    if not residuals or residuals.get("predicted") is None or residuals.get("actual") is None:
        return None
    predicted, actual = np.asarray(residuals["predicted"], float), np.asarray(residuals["actual"], float)
    if not (np.isfinite(predicted).any() and np.isfinite(actual).any()):
        return None
    target = (findings.get("data") or {}).get("target")
    drawn = [draw(predicted, actual, target=target) for draw in _RESIDUAL_PICTURES]
    return {"pictures": [inline(svg) for svg in drawn]}


_RESIDUAL_PICTURES = (pictures.predicted_actual_figure, pictures.residual_figure)


def _curves(findings: Findings) -> dict[str, Any] | None:
    curves, norms = findings.get("curves"), findings.get("gradient_norms")
    if not curves and not norms:
        return None
    metric = best_row(findings).get("metric", "score")
    picture = gradients = None
    if curves:
        picture = inline(
            pictures.curves_figure(curves, findings.get("curve_band"), metric=metric, of=curves_of(findings))
        )
    if norms and len(norms.get("layers") or ()):
        gradients = inline(pictures.gradient_figure(norms["layers"], norms["epoch"], norms["norms"]))
    kept = [epoch for epoch in map(pictures.kept_epoch, curves or ()) if epoch is not None]
    return {
        "picture": picture,
        "gradients": gradients,
        "members": len(curves or ()),
        "of": curves_of(findings),
        "most_drawn": pictures.MOST_MEMBERS,
        "band": findings.get("curve_band") is not None,
        "kept": _span(kept),
    }


def _plan(plan: Mapping[str, Any] | None) -> dict[str, list[str]] | None:
    planned, gave_up = lines((plan or {}).get("lines")), lines((plan or {}).get("gave_up"))
    return {"lines": planned, "gave_up": gave_up} if planned or gave_up else None


def machine(findings: Findings) -> list[tuple[str, str]]:
    """Versions, machine and time at the foot of a page.

    Args:
        findings: may hold ``version``, ``machine`` and ``seconds_total``.

    Returns:
        What, and its text.

    Example:
        >>> machine({"version": "0.1.0", "machine": {"cores": 2}})
        [('gorae', '0.1.0'), ('cores', '2')]
    """
    facts = [("gorae", shortened(findings["version"], 40))] if findings.get("version") else []
    found = (findings.get("machine") or {}).items()
    facts += [(shortened(name, 40), shortened(told, 120)) for name, told in found]
    if number(findings, "seconds_total") is not None:
        facts.append(("time in all", duration(number(findings, "seconds_total"))))
    return facts[:_MOST_LINES]
