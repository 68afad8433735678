"""What the report of an audit needs to know, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

__all__ = ["AuditFacts", "Example", "SuspectRow", "Twins"]


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


@dataclass(frozen=True)
class AuditFacts:
    """An audit of labels: what was looked at, and what was found.

    Attributes:
        classes: the labels that there are.
        rows: how many rows were audited.
        noise: estimated share of wrong labels.
        low: the lower bound of that share, 95 %.
        high: the upper bound.
        joint: (classes, classes) estimated share of rows labelled i and truly j.
        agreement: share of the labels that are predicted out of fold, or None.
        wrong: how many rows have a label that is more probably wrong than right.
        suspects: the rows whose labels look most wrong, in order.
        twins: rows that are there more than once.
        leaks: suspects of leakage: mappings with `sentence` and `advice`.
        title: of the report.
        about: phrases under the title, as the number of columns.
        method: how it was found, a sentence.
        space: in which space rows are compared, in words.
        warnings: sentences to be aware of.
        notes: sentences on what was done to the data.
        created: a date.
        version: of gorae.
        machine: strings by name.
    """

    classes: Sequence[object]
    rows: int
    noise: float
    low: float
    high: float
    joint: Float[np.ndarray, "classes classes"]
    agreement: float | None = None
    wrong: int = 0
    suspects: Sequence[SuspectRow] = ()
    twins: Twins = field(default_factory=Twins)
    leaks: Sequence[Mapping[str, Any]] = ()
    title: str = "Audit of labels"
    about: Sequence[str] = ()
    method: str = ""
    space: str = ""
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()
    created: str | None = None
    version: str | None = None
    machine: Mapping[str, str] = field(default_factory=dict)
