"""What a fit says of its own rows: labels that look wrong, rows there twice, suspects of leakage."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gorae.errors import DataError
from gorae.evidence import Suspect
from gorae.report import share_in_words
from gorae.report.suspects import Twins
from gorae.report.words import capital, counted
from gorae.search import NestedResult
from gorae.study.data_faults import find_leaks, find_twins, scaled_rows
from gorae.study.findings import mean_answers
from gorae.study.label_audit import Audit, facts_of
from gorae.study.prepare import Prepared, part_of
from gorae.trust.answers import shares_among
from gorae.trust.audit import audit_answers

_SHARE = 0.1
"""Of a study's time, what may be spent on looking for faults of the rows."""

_SECONDS_A_NUMBER = 4e-7
_SHOWN = 6


@dataclass(frozen=True)
class RowsToCheck:
    """What a fit found in its own rows.

    Args:
        audit: of the labels of the rows with an answer out of fold, or None.
        unjudged: why labels were not judged, a sentence; None where they were.
        twins: rows that are there more than once.
        leaks: what may leak the answer.
    """

    audit: Audit | None
    unjudged: str | None
    twins: Twins
    leaks: tuple[Suspect, ...]

    @property
    def sentences(self) -> list[str]:
        """What to look at before the score is believed; empty where nothing was found."""
        told = []
        wrong = 0 if self.audit is None else len(self.audit.wrong_rows)
        if wrong:
            told.append(f"{_rows_have(wrong)} a label more probably wrong than right.")
        if self.twins.repeated:
            rest = "is equal to one before it" if self.twins.repeated == 1 else "are equal to one before them"
            told.append(f"{counted(self.twins.repeated, 'row')} {rest}.")
        return [*told, *(one.sentence for one in self.leaks)]

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as plain values."""
        audit = self.audit
        return {
            "labels": None
            if audit is None
            else {
                "noise": {"share": audit.noise, "low": audit.interval[0], "high": audit.interval[1]},
                "agreement": audit.found.agreement,
                "wrong_rows": audit.wrong_rows.tolist(),
                "ranking": list(audit.ranking(_SHOWN)),
            },
            "unjudged": self.unjudged,
            "duplicates": {
                "repeated": self.twins.repeated,
                "disputed": self.twins.disputed,
                "near_pairs": self.twins.near_pairs,
                "test_equal": self.twins.across_equal,
                "test_near": self.twins.across_near,
            },
            "leaks": [one.to_dict() for one in self.leaks],
        }

    def finding(self) -> dict[str, Any]:
        """Return what the report of a fit shows."""
        found: dict[str, Any] = {
            "twins": self.twins,
            "leaks": [one.to_dict() for one in self.leaks],
            "labels": self.unjudged,
        }
        if self.audit is None:
            return found
        wrong = len(self.audit.wrong_rows)
        return found | {
            "labels": f"About {share_in_words(self.audit.noise, *self.audit.interval)} of the labels look "
            f"wrong; {_rows_have(wrong)} a label that is more probably wrong than right. Rows that the "
            "columns cannot tell apart count as wrong too.",
            "suspects": self.audit.suspects(_SHOWN),
            "space": self.audit.facts["space"],
            "wrong": wrong,
            "method": self.audit.facts["method"],
        }


def find_rows_to_check(
    data: Prepared, result: NestedResult, *, name: str, target: str | None, budget: float, seed: int
) -> RowsToCheck | None:
    """Look for faults in the rows of a classification; None where that would take too long.

    Labels are judged by what the best model said of each row out of fold, beside the row's nearest
    neighbours. `gorae.audit` judges more sharply: by models made for it, which do not learn wrong labels by
    heart, and in folds that are cut anew.

    Args:
        data: the data.
        result: of the best model.
        name: of the data.
        target: the name of the target, or None.
        budget: seconds that the study may take.
        seed: of the folds in which columns are judged.
    """
    if not data.rows.classes or data.rows.matrix.size * _SECONDS_A_NUMBER > _SHARE * budget:
        return None
    twins, shared = find_twins(data)
    leaks = (*shared, *find_leaks(data, seed))
    try:
        audit, unjudged = _audited(data, result, twins, leaks, name, target, seed), None
    except DataError as error:
        audit, unjudged = None, capital(str(error))
    return RowsToCheck(audit, unjudged, twins, leaks)


def _audited(
    data: Prepared,
    result: NestedResult,
    twins: Twins,
    leaks: tuple[Suspect, ...],
    name: str,
    target: str | None,
    seed: int,
) -> Audit:
    """Audit the labels of the rows that have an answer out of fold.

    Raises:
        DataError: if they are predicted no better than chance.
    """
    scored, answers = mean_answers(result)
    codes = data.rows.targets[scored]
    known = np.flatnonzero(np.bincount(codes, minlength=data.rows.classes) > 1)
    if len(known) < 2:
        raise DataError("labels are judged where two classes have two rows or more.")
    judged = np.isin(codes, known)
    part, stated = part_of(data, scored[judged]), shares_among(answers[judged], known)
    found = audit_answers(
        stated, part.rows.targets, scaled_rows(part.rows), groups=part.rows.groups, seed=seed
    )
    method = "Rows were judged by the best model out of fold and by their neighbours; gorae audit is sharper."
    facts = facts_of(part, name, target, method)
    return Audit(found, np.asarray(part.classes), part.row_numbers, twins, leaks, (), facts, part)


def _rows_have(rows: int) -> str:
    """Return how many rows, as the beginning of a sentence."""
    return f"{counted(rows, 'row')} {'has' if rows == 1 else 'have'}"


def leak_warnings(found: RowsToCheck | None) -> list[str]:
    """Return what stands above a report: a score that rests on a leak is worth nothing."""
    if found is None:
        return []
    return [f"Perhaps a leak: {one.sentence} {one.advice}" for one in found.leaks]
