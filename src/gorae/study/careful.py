"""The winner with its caution: fitted on all rows, in folds and without each class, as far as time allows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from gorae.estimators.network import NetworkEstimator
from gorae.evidence import Reliability, logits_of, reliability, scaled_out_of_fold
from gorae.study.doubts import doubt_finding
from gorae.study.held import sets_finding
from gorae.trust import (
    DETECTORS,
    MOST_LEFT_OUT,
    Calibration,
    Gathered,
    Panel,
    gather,
    make_calibration,
    make_panel,
)

FOLDS = 5
SHARE = 0.25
"""Of the time of a study or a search, what may be spent on caution."""


@dataclass(frozen=True)
class Careful:
    """A classifier fitted on all rows, and what it carries along.

    Args:
        estimator: the fitted estimator.
        calibration: how its probabilities are scaled.
        panel: says which rows are unlike the training data.
        finding: what was found meanwhile, for the report.
        doubt: how much of its doubt more data could settle, or None.
    """

    estimator: Any
    calibration: Calibration
    panel: Panel
    finding: dict[str, Any]
    doubt: dict[str, Any] | None = None


def fit_carefully(
    estimator: Any,
    matrix: np.ndarray,
    codes: np.ndarray,
    *,
    a_fit: float,
    budget: float,
    labels: Sequence[str],
    groups: np.ndarray | None,
    seed: int,
) -> Careful | None:
    """Fit a classifier with its caution; None where the time, or the rows of a class, do not suffice.

    Args:
        estimator: the unfitted winner.
        matrix: all rows that are no test rows, scaled.
        codes: their classes.
        a_fit: seconds that a fit of one network, or of another model, takes.
        budget: seconds of which a quarter may be spent.
        labels: what the classes are called.
        groups: the group of each row, or None.
        seed: decides the folds.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    classes, counts = np.unique(codes, return_counts=True)
    rarest = int(counts.min()) if groups is None else min(len(np.unique(groups[codes == c])) for c in classes)
    if rarest < FOLDS or len(classes) < 2:
        return None
    folded = FOLDS * a_fit * int(getattr(estimator, "members", 1))
    left_out = min(len(classes), MOST_LEFT_OUT) * a_fit
    if folded > SHARE * budget:
        return None
    began = time.perf_counter()
    found = gather(
        estimator,
        matrix,
        codes,
        cv=FOLDS,
        leave_out=folded + left_out <= SHARE * budget,
        lone=isinstance(estimator, NetworkEstimator),
        groups=groups,
        seed=seed,
    )
    calibration, panel = make_calibration(found), make_panel(found)
    finding = caution_finding(found, calibration, panel, labels)
    finding["seconds"] = time.perf_counter() - began
    unsure = doubt_finding(found, calibration, labels, groups)
    return Careful(found.estimator, calibration, panel, finding, unsure)


def caution_finding(
    found: Gathered, calibration: Calibration, panel: Panel, labels: Sequence[str]
) -> dict[str, Any]:
    """Return what calibration did out of fold, and how well each detector tells a class left out.

    Args:
        found: what was gathered.
        calibration: what was made of it,
        panel: and also.
        labels: what the classes are called.
    """
    stated = found.answers.probabilities
    scaling, scaled = calibration.scaling, stated
    if scaling.changes:
        scaled = scaled_out_of_fold(
            scaling.kind, logits_of(stated), found.codes, found.folds, curved=scaling.is_curved
        )
    return {
        "scaling": scaling.kind,
        "temperature": scaling.temperature,
        "curved": scaling.is_curved,
        "before": _in_figures(reliability(stated, found.codes)),
        "after": _in_figures(reliability(scaled, found.codes)),
        "detector": panel.detector,
        "about": DETECTORS[panel.detector].about,
        "left_out": [str(labels[code]) for code in found.absent],
        "interval": _interval_of_mean(found.left_out.get(panel.detector, ())),
        "areas": {name: [float(area) for area in areas] for name, areas in found.left_out.items()},
        "rows": panel.fewest,
        "within": sets_finding(scaled, found.codes, found.folds),
    }


def _interval_of_mean(areas: Sequence[float] | np.ndarray) -> list[float] | None:
    """Return the 95 % interval of the mean area over classes like those left out, by Student's t."""
    count = len(areas)
    if count < 3:
        return None
    reach = float(student.ppf(0.975, count - 1) * np.std(areas, ddof=1) / np.sqrt(count))
    middle = float(np.mean(areas))
    return [max(0.0, middle - reach), min(1.0, middle + reach)]


def _in_figures(found: Reliability) -> dict[str, float]:
    """Return the summaries of a reliability diagram."""
    return {"ece": found.expected_error, "brier": found.brier, "log_loss": found.log_loss}
