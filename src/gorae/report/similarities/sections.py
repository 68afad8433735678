"""What each section of the report on similar rows shows, as plain values; None leaves a section out."""

from collections.abc import Mapping, Sequence
from typing import Any

from gorae.report.examples import table_cell
from gorae.report.inlining import inline
from gorae.report.maps import map_view
from gorae.report.names import shortened
from gorae.report.sections import lines, machine
from gorae.report.similarities.facts import SimilarityFacts, VariantGroup
from gorae.report.words import count, counted, percent, value

__all__ = ["similarity_view"]

_MOST_GROUPS = 30
_MOST_ROWS = 12
_MOST_TWINS = 20
_MOST_LABELS = 3
_METRICS = {
    "l2": "Euclidean distance",
    "l1": "sum of absolute differences",
    "cosine": "1 − cosine of the angle",
    "chebyshev": "largest absolute difference",
}


def similarity_view(facts: SimilarityFacts) -> dict[str, Any]:
    """Everything the template needs, one entry a section.

    Args:
        facts: what was found.

    Returns:
        Sections by name; a section that has nothing to show is None.

    Example:
        >>> similarity_view(SimilarityFacts(3, 20))["groups"] is None
        True
    """
    told = [facts.created, f"{count(facts.rows)} rows", f"{count(facts.known)} training rows", *facts.about]
    drawn = map_view(facts.map)
    return {
        "facts": [shortened(phrase, 120) for phrase in told if phrase],
        "sentences": [shortened(sentence, 2000) for sentence in _sentences(facts)],
        "tiles": _tiles(facts),
        "warnings": lines(facts.notes),
        "machine": machine({"version": facts.version, "machine": facts.machine}),
        "space": shortened(facts.space, 200),
        "metric": _METRICS.get(facts.metric, facts.metric),
        "map": None if drawn is None else {**drawn, "picture": inline(drawn["picture"])},
        "groups": _groups(facts),
        "twins": _twins(facts.twins),
        "unlike": [_unlike(one) for one in facts.unlike],
        "asked": facts.unknown is not None,
    }


def _sentences(facts: SimilarityFacts) -> list[str]:
    """The answer in a few sentences."""
    groups = list(facts.groups)
    new = [group for group in groups if group.is_new]
    told = ["No group of variants was found: no rows are denser than chance makes them."]
    if groups:
        inside = f"{counted(facts.grouped, 'row')} of {count(facts.rows)}"
        told = [f"{inside} {_are(facts.grouped)} in {counted(len(groups), 'group')} of variants."]
    if new:
        rows = sum(len(group.rows) for group in new)
        told.append(
            f"{counted(len(new), 'group')}, of {counted(rows, 'row')}, hold{'s' * (len(new) == 1)} no "
            "training row: no class of the training data explains them; look at them first."
        )
    known = [twin for twin in facts.twins if twin["known"]]
    if known:
        equal = sum(bool(twin["equal"]) for twin in known)
        told.append(
            f"{counted(len(known), 'row')} repeat{'s' * (len(known) == 1)} a training row: {count(equal)} "
            f"equal, {count(len(known) - equal)} nearly."
        )
    if facts.unknown is not None:
        told.append(
            f"{counted(facts.unknown, 'row')} {_are(facts.unknown)} unlike the training data (false alarms: "
            f"{percent(facts.false_alarms)} of the known ones)."
        )
    return told


def _are(number: int) -> str:
    """The verb."""
    return "is" if number == 1 else "are"


def _tiles(facts: SimilarityFacts) -> list[dict[str, str]]:
    """The figures of the answer."""
    groups, known = list(facts.groups), sum(bool(twin["known"]) for twin in facts.twins)
    tiles = [
        {
            "caption": "Groups of variants",
            "figure": count(len(groups)),
            "detail": f"with {count(facts.grouped)} of {count(facts.rows)} rows",
        },
        {
            "caption": "Groups without a training row",
            "figure": count(sum(group.is_new for group in groups)),
            "detail": "that no class explains",
        },
        {
            "caption": "Rows that repeat a training row",
            "figure": count(known),
            "detail": f"and {count(len(facts.twins) - known)} that repeat another of these rows",
        },
    ]
    if facts.unknown is not None:
        detail = f"false alarms: {percent(facts.false_alarms)} of the known ones"
        tiles.append(
            {"caption": "Unlike the training data", "figure": count(facts.unknown), "detail": detail}
        )
    if facts.wrong is not None:
        share = percent(facts.wrong / max(facts.rows, 1))
        tiles.append({"caption": "Predicted wrongly", "figure": count(facts.wrong), "detail": share})
    return tiles


def _groups(facts: SimilarityFacts) -> dict[str, Any] | None:
    """The groups of variants: those that nothing explains first, then by size."""
    if not facts.groups:
        return None
    order = sorted(facts.groups, key=lambda group: (not group.is_new, group.number))
    return {
        "rows": [_group(group) for group in order[:_MOST_GROUPS]],
        "more": max(len(order) - _MOST_GROUPS, 0),
        "predictions": any(group.predictions for group in order),
    }


def _group(group: VariantGroup) -> dict[str, Any]:
    """One group as the template shows it."""
    more = f" and {len(group.rows) - _MOST_ROWS} more" if len(group.rows) > _MOST_ROWS else ""
    return {
        "number": group.number,
        "new": group.is_new,
        "rows": ", ".join(map(str, group.rows[:_MOST_ROWS])) + more,
        "count": count(len(group.rows)),
        "known": count(len(group.known)),
        "labels": _counts(group.labels),
        "predictions": _counts(group.predictions),
        "denser": value(group.denser, 2) if group.denser < 1e4 else "over 10,000",
        "inside": value(group.inside),
        "outside": value(group.outside),
        "unknown": None if group.unknown is None else count(group.unknown),
    }


def _counts(pairs: Sequence[tuple[Any, int]]) -> str:
    """Labels with how many rows have each."""
    told = [f"{table_cell(label)} ({count(rows)})" for label, rows in pairs[:_MOST_LABELS]]
    more = f" and {len(pairs) - _MOST_LABELS} more" if len(pairs) > _MOST_LABELS else ""
    return ", ".join(told) + more


def _twins(twins: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Rows that repeat another."""
    if not twins:
        return None
    order = sorted(twins, key=lambda twin: (not twin["known"], not twin["equal"], twin["row"]))
    return {
        "rows": [
            {
                "row": twin["row"],
                "other": f"{'training row' if twin['known'] else 'row'} {twin['other']}",
                "how": "equal" if twin["equal"] else "nearly equal",
            }
            for twin in order[:_MOST_TWINS]
        ],
        "more": max(len(order) - _MOST_TWINS, 0),
    }


def _unlike(one: Mapping[str, Any]) -> dict[str, Any]:
    """A row that is far from all known ones."""
    near = one["nearest"][0]
    return {
        "row": one["row"],
        "prediction": table_cell(one["prediction"]),
        "nearest": near["row"],
        "label": table_cell(near["label"]),
        "distance": value(near["distance"]),
        "share": percent(one["share_farther"]),
        "interval": f"{100 * one['share_low']:.1f} to {100 * one['share_high']:.1f}",
        "unknown": None if one.get("unknown") is None else "yes" if one["unknown"] else "no",
    }
