"""What an audit found: a ranking of rows, as a CSV file, a report, and plain values."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gorae.evidence import Suspect
from gorae.files import atomic_write
from gorae.report.audits import AuditFacts, Example, SuspectRow, Twins, audit_report
from gorae.study.findings import as_picture, made, this_machine
from gorae.study.prepare import Prepared
from gorae.trust.audit import NONE, RowAudit

__all__ = ["Audit"]

_SHOWN, _FEWEST_SHOWN = 24, 8
_SHOWN_COLUMNS = 12
_COLUMNS = (
    "rank",
    "row",
    "label",
    "suggested",
    "probability_wrong",
    "nearest_same",
    "nearest_suggested",
    "distance_same",
    "distance_suggested",
)


@dataclass(frozen=True)
class Audit:
    """What an audit found. Rows are numbered as in the data it was given, from 0.

    Attributes:
        found: labels, suggestions and probabilities by position.
        classes: the class labels.
        numbers: (rows,) the number of each row that was judged.
        twins: rows that are there more than once.
        leaks: suspects of leakage.
        notes: sentences on what was done to the data.
        facts: what the data are and how they were audited, in words.
        data: the rows, for showing them.
    """

    found: RowAudit
    classes: np.ndarray
    numbers: np.ndarray
    twins: Twins
    leaks: tuple[Suspect, ...]
    notes: tuple[str, ...]
    facts: dict[str, Any]
    data: Prepared = field(repr=False)

    @property
    def noise(self) -> float:
        """The estimated share of labels that are wrong."""
        return max(self.found.found.noise, 0.0)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that share."""
        return self.found.low, self.found.high

    @property
    def wrong_rows(self) -> np.ndarray:
        """The rows whose label is more probably wrong than right, the most suspicious first."""
        return self.numbers[self.found.wrong_rows]

    def ranking(self, most: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows, the most suspicious first, as dictionaries by the columns of the CSV file.

        Ranks are by a more careful estimate than `probability_wrong` (`gorae.evidence.audit_labels`), which
        may therefore rise here and there.

        Args:
            most: how many; None for all.
        """
        own, found = self.found, self.found.found
        for rank, at in enumerate(found.order[:most], start=1):
            yield {
                "rank": rank,
                "row": int(self.numbers[at]),
                "label": self._label(own.labels[at]),
                "suggested": self._label(found.suggested[at]),
                "probability_wrong": float(found.wrong[at]),
                "nearest_same": self._number(own.nearest_own[at]),
                "nearest_suggested": self._number(own.nearest_suggested[at]),
                "distance_same": _known(own.own_distance[at]),
                "distance_suggested": _known(own.suggested_distance[at]),
            }

    def pairs(self) -> list[dict[str, Any]]:
        """Return how many rows each label was given that are truly of another class, most rows first."""
        joint = self.found.found.joint
        shares = joint - np.diag(np.diag(joint))
        order = [divmod(int(at), len(joint)) for at in np.argsort(-shares, axis=None, kind="stable")]
        return [
            {
                "label": self._label(given),
                "true": self._label(true),
                "share": float(shares[given, true]),
                "rows": float(shares[given, true] * len(self.numbers)),
            }
            for given, true in order
            if shares[given, true] > 0
        ]

    def to_dict(self, most: int = 10) -> dict[str, Any]:
        """Return what was found as plain values.

        Args:
            most: how many of the most suspicious rows.
        """
        low, high = self.interval
        return {
            "noise": {"share": self.noise, "low": low, "high": high},
            "agreement": self.found.agreement,
            "wrong_rows": self.wrong_rows.tolist(),
            "ranking": list(self.ranking(most)),
            "pairs": self.pairs(),
            "duplicates": {
                "groups": [[row for row, _ in group] for group in self.twins.groups],
                "repeated": self.twins.repeated,
                "disputed": self.twins.disputed,
                "near": [
                    {"rows": [one, other], "same_label": same, "distance": away}
                    for one, other, same, away in self.twins.near
                ],
                "near_pairs": self.twins.near_pairs,
                "test": [{"test_row": test, "row": row} for test, row in self.twins.across],
                "test_equal": self.twins.across_equal,
                "test_near": self.twins.across_near,
            },
            "leaks": [one.to_dict() for one in self.leaks],
            "notes": list(self.notes),
        }

    def to_csv(self, path: str | Path, *, force: bool = False) -> None:
        """Write all rows, the most suspicious first; see `ranking` for the columns.

        Raises:
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows([_cell(name, row[name]) for name in _COLUMNS] for row in self.ranking())
        atomic_write(path, text.getvalue().encode(), force=force)

    def report(self, path: str | Path, *, force: bool = False) -> None:
        """Write the report: one HTML file that needs nothing else.

        Raises:
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written.
        """
        audit_report(path, self._report_facts(), force=force)

    def _report_facts(self) -> AuditFacts:
        """Return what the report shows."""
        facts = self.facts
        about = [f"{facts['columns']} columns"]
        about += [f"target {facts['target']}"] if facts["target"] is not None else []
        low, high = self.interval
        return AuditFacts(
            classes=self.classes.tolist(),
            rows=len(self.numbers),
            noise=self.noise,
            low=low,
            high=high,
            joint=self.found.found.joint,
            agreement=self.found.agreement,
            wrong=len(self.found.wrong_rows),
            suspects=self.suspects(_SHOWN),
            twins=self.twins,
            leaks=[one.to_dict() for one in self.leaks],
            title=f"gorae audit: {facts['name']}",
            about=about,
            method=facts["method"],
            space=facts["space"],
            notes=self.notes,
            machine=this_machine(),
            **made(),
        )

    def suspects(self, most: int) -> list[SuspectRow]:
        """Return the rows that a report shows: those that need another label, and a few at least.

        Args:
            most: how many.
        """
        own, order = self.found, self.found.found.order
        changed = order[own.found.suggested[order] != own.labels[order]]
        fewest = min(_FEWEST_SHOWN, most)
        shown = changed[:most] if len(changed) >= fewest else order[:fewest]
        return [self._suspect(int(at)) for at in shown]

    def _suspect(self, at: int) -> SuspectRow:
        """Return a suspicious row with its neighbours, to be shown."""
        own, found = self.found, self.found.found
        near = (
            (own.nearest_own[at], own.own_distance[at]),
            (own.nearest_suggested[at], own.suggested_distance[at]),
        )
        same, other = (None if to == NONE else self._example(int(to), float(away)) for to, away in near)
        return SuspectRow(
            self._example(at), self._label(found.suggested[at]), float(found.wrong[at]), same, other
        )

    def _example(self, at: int, distance: float | None = None) -> Example:
        """Return a row to be shown."""
        data, image, values = self.data, None, None
        if data.image_shape is not None:
            image = as_picture(data.rows.matrix[at], data.image_shape)
        elif data.frame is not None:
            values = dict(list(data.frame.row(at, named=True).items())[:_SHOWN_COLUMNS])
        else:
            some = data.feature_names[:_SHOWN_COLUMNS]
            values = dict(zip(some, data.rows.matrix[at, : len(some)].astype(float).tolist(), strict=True))
        return Example(int(self.numbers[at]), self._label(self.found.labels[at]), distance, image, values)

    def _label(self, code: Any) -> Any:
        """Return a class label as Python's own."""
        return self.classes[int(code)].item()

    def _number(self, at: Any) -> int | None:
        """Return the number of a row, None where there is none."""
        return None if at == NONE else int(self.numbers[at])


def facts_of(data: Prepared, name: str, target: str | None, method: str) -> dict[str, Any]:
    """Return what audited data are, in figures and words.

    Args:
        data: the rows that were judged.
        name: what the data are called.
        target: the name of the target, or None.
        method: how labels were judged, a sentence.
    """
    return {
        "name": name,
        "target": target,
        "rows": len(data.rows.matrix),
        "columns": data.columns,
        "classes": [str(label) for label in data.labels],
        "space": _space(data),
        "method": method,
    }


def _space(data: Prepared) -> str:
    """Return what rows are compared in, in words."""
    if data.texts is not None:
        return "the counts of their n-grams"
    return "their pixels" if data.rows.images else "their columns, filled and scaled"


def _cell(name: str, value: Any) -> Any:
    """Return what a cell of the CSV file holds; a label stays as it is."""
    return f"{value:.6g}" if isinstance(value, float) and name not in ("label", "suggested") else value


def _known(value: Any) -> float | None:
    """Return a number, None for NaN."""
    return None if np.isnan(value) else float(value)
