"""What the report of an audit needs to know, as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from gorae.report.suspects import Example, SuspectRow, Twins

__all__ = ["AuditFacts", "Example", "SuspectRow", "Twins"]


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
