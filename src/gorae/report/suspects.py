"""Rows that look wrong, rows that are there twice and suspects of leakage, as reports show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gorae.report import pictures
from gorae.report.examples import room, table_cell
from gorae.report.names import shortened
from gorae.report.words import count, value

__all__ = [
    "Example",
    "SuspectRow",
    "Twins",
    "leak_section",
    "rows_to_check",
    "suspect_section",
    "twin_section",
]

_MOST_CARDS = 24
_MOST_COLUMNS = 6
_MOST_GROUPS = 12
_MOST_IN_GROUP = 12


@dataclass(frozen=True)
class Example:
    """A row as it is shown.

    Attributes:
        row: its number in the user's data.
        label: as it was given.
        distance: from the row that it is shown beside; None for that row itself.
        image: its picture, or None.
        values: its values by column, or None.
    """

    row: int
    label: object
    distance: float | None = None
    image: np.ndarray | None = None
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SuspectRow:
    """A row whose label looks wrong.

    Attributes:
        example: the row.
        suggested: the label it seems to need.
        probability: that its label is wrong.
        same: the nearest row of its label, or None.
        other: the nearest row of the suggested label, or None.
    """

    example: Example
    suggested: object
    probability: float
    same: Example | None = None
    other: Example | None = None


@dataclass(frozen=True)
class Twins:
    """Rows that are there more than once; numbers are those of the user's data.

    Attributes:
        groups: equal rows, a group each, with their labels.
        repeated: how many rows are equal to one before them.
        disputed: how many groups have different labels.
        near: two rows that are nearly equal, whether their labels are equal, and their distance.
        across: a test row, and the training row that it is equal or nearly equal to.
        across_equal: how many test rows are equal to a training row.
        across_near: how many are nearly equal to one.
        near_pairs: how many pairs are nearly equal; `near` may hold fewer.
    """

    groups: Sequence[Sequence[tuple[int, object]]] = ()
    repeated: int = 0
    disputed: int = 0
    near: Sequence[tuple[int, int, bool, float]] = ()
    across: Sequence[tuple[int, int]] = ()
    across_equal: int = 0
    across_near: int = 0
    near_pairs: int = 0


def suspect_section(
    suspects: Sequence[SuspectRow], space: str, wrong: int, most: int = _MOST_CARDS
) -> dict[str, Any] | None:
    """The most suspicious rows, each with the nearest of both labels; None where there are none.

    Args:
        suspects: the most suspicious first.
        space: in which rows are compared, in words.
        wrong: how many rows have a label that is more probably wrong than right.
        most: how many are shown.

    Example:
        >>> suspect_section([], "their columns", 0) is None
        True
    """
    if not suspects:
        return None
    shown = list(suspects)[:most]
    columns: dict[str, None] = {}
    for one in shown:
        columns |= dict.fromkeys(one.example.values or {})
    names = list(columns)[:_MOST_COLUMNS]
    return {
        "images": all(one.example.image is not None for one in shown),
        "columns": names,
        "left_out": max(len(columns) - _MOST_COLUMNS, 0),
        "space": space,
        "rows": [_suspect(rank, one, names) for rank, one in enumerate(shown, start=1)],
        "more": max(wrong - len(shown), 0),
    }


def _suspect(rank: int, one: SuspectRow, names: Sequence[str]) -> dict[str, Any]:
    """One suspicious row as the template shows it."""
    beside = [
        (caption, _example(example, names))
        for caption, example in (("nearest of its label", one.same), ("nearest of the suggested", one.other))
        if example is not None
    ]
    return {
        "rank": rank,
        "own": _example(one.example, names),
        "suggested": shortened(one.suggested, 40),
        "probability": value(one.probability),
        "beside": beside,
    }


def _example(one: Example, names: Sequence[str]) -> dict[str, Any]:
    """A row with its picture or its values."""
    values: Mapping[str, Any] = one.values or {}
    return {
        "row": one.row,
        "label": shortened(one.label, 40),
        "distance": None if one.distance is None else value(one.distance),
        "image": None if one.image is None else pictures.image_uri(one.image),
        "values": [table_cell(values.get(name), room(names)) for name in names],
    }


def twin_section(twins: Twins) -> dict[str, Any] | None:
    """Rows that are there more than once; None where there are none.

    Args:
        twins: equal and nearly equal rows, by their numbers.

    Example:
        >>> twin_section(Twins()) is None
        True
    """
    if not (twins.groups or twins.near or twins.across):
        return None
    groups = [
        {
            "rows": ", ".join(str(row) for row, _ in group[:_MOST_IN_GROUP])
            + (f" and {len(group) - _MOST_IN_GROUP} more" if len(group) > _MOST_IN_GROUP else ""),
            "labels": shortened(", ".join(dict.fromkeys(str(label) for _, label in group)), 80),
            "disputed": len({str(label) for _, label in group}) > 1,
        }
        for group in sorted(twins.groups, key=lambda group: len({str(label) for _, label in group}) < 2)
    ]
    return {
        "groups": groups[:_MOST_GROUPS],
        "more_groups": max(len(groups) - _MOST_GROUPS, 0),
        "near": [
            {"one": one, "other": other, "same": same, "distance": value(away)}
            for one, other, same, away in list(twins.near)[:_MOST_GROUPS]
        ],
        "more_near": max(twins.near_pairs - _MOST_GROUPS, 0),
        "across": [{"test": test, "train": train} for test, train in list(twins.across)[:_MOST_GROUPS]],
        "more_across": max(len(twins.across) - _MOST_GROUPS, 0),
        "across_equal": count(twins.across_equal),
        "across_near": count(twins.across_near),
    }


def leak_section(leaks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What may leak the answer, each with what to do about it.

    Args:
        leaks: suspects with `sentence` and `advice`.

    Example:
        >>> leak_section([{"sentence": "It tells.", "advice": "Drop it."}])
        [('It tells.', 'Drop it.')]
    """
    return [(shortened(one["sentence"], 600), shortened(one["advice"], 600)) for one in leaks]


def rows_to_check(check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Labels that look wrong, rows there twice and suspects of leakage, of a fit; or None.

    Args:
        check: see `gorae.report.render_report`.

    Example:
        >>> rows_to_check({"leaks": [{"sentence": "It tells.", "advice": "Drop it."}]})["leaks"]
        [('It tells.', 'Drop it.')]
    """
    if not check:
        return None
    suspects, space = check.get("suspects") or (), str(check.get("space") or "")
    return {
        "labels": shortened(check["labels"], 600) if check.get("labels") else None,
        "suspects": suspect_section(suspects, space, int(check.get("wrong") or 0)),
        "method": shortened(check["method"], 600) if check.get("method") else "",
        "twins": twin_section(check.get("twins") or Twins()),
        "leaks": leak_section(check.get("leaks") or ()),
    }
