"""What was found about rows beside the known ones: a table of them, a report, and plain values."""

import csv
import io
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from gorae.backend import cores
from gorae.files import atomic_write
from gorae.report.similarities import SimilarityFacts, VariantGroup, similarity_report
from gorae.similarity import ALONE, Examples
from gorae.study.findings import made

__all__ = ["Similarity", "Twin", "VariantGroup"]


@dataclass(frozen=True)
class Twin:
    """A row that is equal, or nearly equal, to another.

    Attributes:
        row: its number among the rows asked about.
        other: the number of the row that it repeats.
        known: whether that is a known row; else it is one of those asked about.
        equal: whether they are equal, and not only nearly so.
    """

    row: int
    other: int
    known: bool
    equal: bool


@dataclass(frozen=True)
class Similarity:
    """What rows resemble.

    Attributes:
        predictions: (rows,) the model's answers.
        probabilities: (rows,) of the class that is predicted; None for numbers.
        actual: (rows,) what is true, or None where it is not known.
        examples: the nearest known rows by place, their distances, and how usual such a distance is.
        numbers: (known,) the number of each known row in its own data.
        labels: (known,) the label or value of each known row, or None.
        groups: (rows,) the group of variants of each row; -1 for none.
        variants: the groups.
        twins: rows that repeat another.
        unknown: (rows,) whether each is unlike the training data, or None where that was not asked.
        known_share: (rows,) the share of known rows at least as strange, or None.
        map: rows on a plane, as plain values, or None.
        notes: sentences on what could not be done.
        facts: space, metric, model, in words.
    """

    predictions: np.ndarray
    probabilities: Float[np.ndarray, " rows"] | None
    actual: np.ndarray | None
    examples: Examples
    numbers: Int[np.ndarray, " known"]
    labels: np.ndarray | None
    groups: Int[np.ndarray, " rows"]
    variants: tuple[VariantGroup, ...]
    twins: tuple[Twin, ...]
    unknown: Bool[np.ndarray, " rows"] | None
    known_share: Float[np.ndarray, " rows"] | None
    map: Mapping[str, Any] | None
    notes: tuple[str, ...]
    facts: dict[str, Any] = field(repr=False)

    def rows(self, most: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield what is said of each row: plain values by name.

        Args:
            most: how many rows; None for all.
        """
        twins = {twin.row: twin for twin in reversed(self.twins)}
        count = len(self.predictions)
        for row in range(count if most is None else min(most, count)):
            twin = twins.get(row)
            yield {
                "row": row,
                "prediction": _plain(self.predictions[row]),
                "probability": None if self.probabilities is None else float(self.probabilities[row]),
                "actual": None if self.actual is None else _plain(self.actual[row]),
                "nearest": self.nearest(row),
                "share_farther": float(self.examples.farther[row]),
                "share_low": float(self.examples.low[row]),
                "share_high": float(self.examples.high[row]),
                "group": None if self.groups[row] == ALONE else int(self.groups[row]),
                "repeats": None if twin is None else _told(twin),
                "unknown": None if self.unknown is None else bool(self.unknown[row]),
                "known_share": None if self.known_share is None else float(self.known_share[row]),
            }

    def nearest(self, row: int) -> list[dict[str, Any]]:
        """Return the known rows that a row resembles most, the nearest first."""
        found = zip(self.examples.places[row], self.examples.distances[row], strict=True)
        return [
            {
                "row": int(self.numbers[place]),
                "label": None if self.labels is None else _plain(self.labels[place]),
                "distance": float(away),
            }
            for place, away in found
        ]

    def most_unlike(self, most: int = 10) -> list[int]:
        """Return the rows whose nearest known row is farthest, the farthest first."""
        order = np.lexsort((-self.examples.distances[:, 0], self.examples.farther))
        return order[:most].tolist()

    def to_dict(self, most: int | None = None) -> dict[str, Any]:
        """Return what was found as plain values.

        Args:
            most: rows that are listed; None for all.
        """
        return {
            **self.facts,
            "rows": list(self.rows(most)),
            "groups": [group.to_dict() for group in self.variants],
            "most_unlike": self.most_unlike(),
            "repeats": [{"row": twin.row, **_told(twin)} for twin in self.twins],
            "map": None
            if self.map is None
            else {key: self.map[key] for key in ("method", "shares", "trust")},
            "notes": list(self.notes),
        }

    def to_csv(self, path: str | Path, *, force: bool = False) -> None:
        """Write a line for each row, with its nearest known rows side by side.

        Raises:
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written.
        """
        atomic_write(path, self.csv_text().encode(), force=force)

    def csv_text(self) -> str:
        """Return what `to_csv` writes."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        optional = {
            "probability": self.probabilities,
            "actual": self.actual,
            "unknown": self.unknown,
            "known_share": self.known_share,
        }
        plain = ["row", "prediction", *(name for name, there in optional.items() if there is not None)]
        plain += ["share_farther", "share_low", "share_high", "group", "repeats"]
        places = range(1, self.examples.places.shape[1] + 1)
        writer.writerow([*plain, *(f"{w}_{n}" for n in places for w in ("nearest", "label", "distance"))])
        for row in self.rows():
            near = [_cell(one[w]) for one in row["nearest"] for w in ("row", "label", "distance")]
            writer.writerow([*(_cell(row[name]) for name in plain), *near])
        return text.getvalue()

    def report(self, path: str | Path, *, force: bool = False) -> None:
        """Write the report: one HTML file that needs nothing else.

        Raises:
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written.
        """
        similarity_report(path, self.report_facts(), force=force)

    def report_facts(self) -> SimilarityFacts:
        """Return what the report shows."""
        shown = self.most_unlike(20)
        listed = {row["row"]: row for row in self.rows()}
        wrong = None
        if self.actual is not None and self.probabilities is not None:
            wrong = int(np.sum(self.actual.astype(str) != self.predictions.astype(str)))
        return SimilarityFacts(
            rows=len(self.predictions),
            known=len(self.numbers),
            classes=None if self.probabilities is None else self.facts.get("classes"),
            space=self.facts["space_words"],
            metric=self.facts["metric"],
            groups=self.variants,
            grouped=int(np.sum(self.groups != ALONE)),
            twins=[{"row": t.row, **_told(t)} for t in self.twins],
            unlike=[listed[row] for row in shown],
            unknown=None if self.unknown is None else int(self.unknown.sum()),
            false_alarms=self.facts.get("false_alarms"),
            wrong=wrong,
            map=self.map,
            title=f"gorae similar: {self.facts['name']}",
            about=[f"model {self.facts['model']}"],
            notes=self.notes,
            machine={
                "cores": str(cores()),
                "system": platform.machine(),
                "python": platform.python_version(),
            },
            **made(),
        )


def _told(twin: Twin) -> dict[str, Any]:
    """Return what a row repeats."""
    return {"other": twin.other, "known": twin.known, "equal": twin.equal}


def _plain(value: Any) -> Any:
    """Return a label or a number as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _cell(value: Any) -> Any:
    """Return what a cell of the CSV file holds."""
    if isinstance(value, dict):
        whose = "training row" if value["known"] else "row"
        return f"{'equal to' if value['equal'] else 'near'} {whose} {value['other']}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else value
