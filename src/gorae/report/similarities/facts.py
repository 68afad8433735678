"""What the report on similar rows needs to know, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SimilarityFacts", "VariantGroup"]


@dataclass(frozen=True)
class VariantGroup:
    """Rows that are far denser than what is around them.

    Attributes:
        number: of the group, from 0, the largest first.
        rows: numbers of the rows asked about that are in it.
        known: numbers of the known rows that are in it.
        labels: of those known rows, with how many have each, the most frequent first.
        predictions: for the rows asked about, likewise; none for numbers.
        denser: how many times as dense it is inside as at its border.
        inside: the usual distance between its rows.
        outside: the distance to anything else.
        unknown: how many of its rows are unlike the training data, or None where that was not asked.
    """

    number: int
    rows: tuple[int, ...]
    known: tuple[int, ...]
    labels: tuple[tuple[Any, int], ...]
    predictions: tuple[tuple[Any, int], ...]
    denser: float
    inside: float
    outside: float
    unknown: int | None = None

    @property
    def is_new(self) -> bool:
        """Whether no known row is in it: nothing of the training data explains it."""
        return not self.known

    def to_dict(self) -> dict[str, Any]:
        """Return the group as plain values."""
        return {
            "group": self.number,
            "rows": list(self.rows),
            "known": list(self.known),
            "labels": [list(pair) for pair in self.labels],
            "predictions": [list(pair) for pair in self.predictions],
            "denser": self.denser,
            "inside": self.inside,
            "outside": self.outside,
            "unknown": self.unknown,
            "new": self.is_new,
        }


@dataclass(frozen=True)
class SimilarityFacts:
    """What rows resemble: what was looked at, and what was found.

    Attributes:
        rows: how many rows were asked about.
        known: how many known rows they were compared with.
        classes: names of the classes, or None for numbers.
        space: in which rows are compared, in words.
        metric: of the distances.
        groups: of variants that hold rows asked about.
        grouped: how many of the rows are in a group.
        twins: rows that repeat another: row, other, known, equal.
        unlike: the rows that are most unlike any known one: row, prediction, nearest (a list of row, label,
            distance), share_farther, share_low, share_high, unknown.
        unknown: how many rows are unlike the training data, or None.
        false_alarms: the share of known rows that may be called so.
        wrong: how many rows were predicted wrongly, or None where that is not known.
        map: what `gorae.report.maps.map_view` takes, or None.
        title: of the report.
        about: phrases under the title.
        notes: sentences.
        created: a date.
        version: of gorae.
        machine: strings by name.
    """

    rows: int
    known: int
    classes: Sequence[object] | None = None
    space: str = ""
    metric: str = "l2"
    groups: Sequence[VariantGroup] = ()
    grouped: int = 0
    twins: Sequence[Mapping[str, Any]] = ()
    unlike: Sequence[Mapping[str, Any]] = ()
    unknown: int | None = None
    false_alarms: float | None = None
    wrong: int | None = None
    map: Mapping[str, Any] | None = None
    title: str = "Similar rows"
    about: Sequence[str] = ()
    notes: Sequence[str] = ()
    created: str | None = None
    version: str | None = None
    machine: Mapping[str, str] = field(default_factory=dict)
