"""The winner of the ladder, or of a search: fitted on all rows but the test rows, and asked about those."""

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from gorae.data import Affine, TextEncoding, fit_affine
from gorae.data.sequence_rows import PackedRows
from gorae.errors import GoraeWarning, InputError
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.sequence_files import known_to_any
from gorae.search import Rows
from gorae.study.bounded import fit_with_bounds
from gorae.study.careful import fit_carefully
from gorae.study.findings import test_finding
from gorae.study.held import COVERAGES, held_interval, held_set
from gorae.study.ladder import final_estimator
from gorae.study.model import Reference, StudyModel, features_of, probabilities
from gorae.study.plan import Plan
from gorae.study.prepare import Prepared
from gorae.trust import Bounds, Calibration, Panel

_REFERENCE_ROWS = 5000
_REFERENCE_BYTES = 32 << 20


@dataclass(frozen=True)
class Winner:
    """The best model of the ladder, or of a search, fitted.

    Args:
        name: the rung it is.
        estimator: the fitted estimator.
        affine: how rows are filled and scaled for it, or None where it does that itself.
        reference: training rows to compare new rows with.
        calibration: how its probabilities are scaled, or None.
        panel: says which rows are unlike the training data, or None.
        doubt: how much of an ensemble's doubt more data could settle, or None.
        finding: what was found while these were made, or None.
        bounds: what makes intervals of values, or None.
        growth: its learning curve, or None.
    """

    name: str
    estimator: Any
    affine: Affine | None
    reference: Reference
    calibration: Calibration | None = None
    panel: Panel | None = None
    finding: Mapping[str, Any] | None = None
    doubt: Mapping[str, Any] | None = None
    bounds: Bounds | None = None
    growth: Mapping[str, Any] | None = None


def best_of(table: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the best model; chance is none."""
    return max((row for row in table if row["model"] != "chance"), key=lambda row: row["score"])


def fit_winner(
    row: Mapping[str, Any], plan: Plan, data: Prepared, *, seed: int, device: str | None
) -> Winner:
    """Return the model of a ladder's row, fitted on all rows that are no test rows.

    Args:
        row: its row of the ladder.
        plan: epochs and members.
        data: the data.
        seed: the root seed.
        device: where.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    rows, matrix, affine = data.rows, data.rows.matrix, None
    estimator = final_estimator(row["model"], row["settings"], plan, rows, seed=seed, device=device)
    if matrix.dtype != np.uint8 and not isinstance(matrix, PackedRows):
        affine = fit_affine(matrix, kind=rows.scale)
        matrix = affine.apply(matrix)
        if isinstance(estimator, NetworkEstimator):
            estimator.set_params(scale=None)
    told: dict[str, Any] = {
        "a_fit": float(row["seconds"]) / max(int(row["fits"]), 1),
        "budget": plan.budget,
        "groups": rows.groups,
        "seed": seed,
    }
    if data.classes is not None:
        labels = [str(label) for label in data.classes]
        careful = fit_carefully(estimator, matrix, rows.strata, labels=labels, **told)
        if careful is not None:
            reference = reference_of(careful.estimator, affine, data)
            learned = careful.calibration, careful.panel, careful.finding, careful.doubt
            return Winner(row["model"], careful.estimator, affine, reference, *learned)
    else:
        bounded = fit_with_bounds(estimator, matrix, rows.strata, **told)
        if bounded is not None:
            fitted, bounds, finding = bounded
            reference = reference_of(fitted, affine, data)
            return Winner(row["model"], fitted, affine, reference, finding=finding, bounds=bounds)
    more = {"groups": rows.groups} if isinstance(estimator, NetworkEstimator) else {}
    _fit_whole(estimator, matrix, rows.strata, more)
    return Winner(row["model"], estimator, affine, reference_of(estimator, affine, data))


def reference_of(estimator: Any, affine: Affine | None, data: Prepared) -> Reference:
    """Return training rows to compare new rows with: every k-th one, where there are many.

    Args:
        estimator: the fitted estimator.
        affine: how rows are filled and scaled for it, or None.
        data: the data.
    """
    rows = data.rows
    kept = np.arange(0, len(rows.matrix), -(-len(rows.matrix) // _REFERENCE_ROWS))
    inputs = scaled(rows.matrix[kept], affine)
    features = features_of(estimator, inputs)
    numbers, labels = data.row_numbers[kept].astype(np.int64), rows.strata[kept]
    own = isinstance(estimator, NetworkEstimator) and inputs.nbytes <= _REFERENCE_BYTES
    # The codes of tokens are those of this fit's table, of which a file keeps a part.
    own = own and not isinstance(inputs, PackedRows)
    return Reference(features, numbers, labels, inputs if own else None)


def scaled(matrix: np.ndarray, affine: Affine | None) -> np.ndarray:
    """Return rows as the estimator reads them."""
    return matrix if affine is None else affine.apply(matrix)


def _fit_whole(estimator: Any, matrix: np.ndarray, targets: np.ndarray, more: Mapping[str, Any]) -> None:
    """Fit to the end or not at all: the ladder's score is of whole trainings, not of a part of one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "training was interrupted", GoraeWarning)
        try:
            estimator.fit(matrix, targets, **more)
        except GoraeWarning as cut:
            raise KeyboardInterrupt from cut


def score_on_test(winner: Winner, data: Prepared) -> dict[str, Any] | None:
    """Return the winner's score on rows that nothing else has touched, None where there are none."""
    if data.test is None:
        return None
    found = test_finding(outputs_of(winner, data.test), data.test, data.rows, data.seen)
    return {**found, "within": _held_on_test(winner, data.test)}


def _held_on_test(winner: Winner, test: Rows) -> list[dict[str, Any]]:
    """Return how often sets or intervals hold the truth of test rows; none where the winner has none."""
    matrix, found = scaled(test.matrix, winner.affine), []
    for coverage in COVERAGES:
        with suppress(InputError):  # too few rows to state so much
            if winner.bounds is not None:
                intervals = winner.bounds.intervals(winner.estimator, matrix, coverage)
                found.append(held_interval(intervals, test.targets[:, 0], coverage))
            if winner.calibration is not None:
                sets = np.zeros((len(matrix), test.classes), bool)
                stated = winner.estimator.predict_proba(matrix)
                own = np.asarray(winner.estimator.classes_, np.int64)
                sets[:, own] = winner.calibration.sets(stated, coverage, matrix)
                found.append(held_set(sets, test.targets, coverage))
    return found


def outputs_of(winner: Winner, test: Rows) -> np.ndarray:
    """Return what the winner answers for test rows: probabilities, or values."""
    matrix = scaled(test.matrix, winner.affine)
    if test.classes:
        return probabilities(winner.estimator, matrix, test.classes, winner.calibration)
    return np.asarray(winner.estimator.predict(matrix), np.float64).reshape(-1, 1)


def model_of(winner: Winner, data: Prepared, *, target: str | None, facts: Mapping[str, Any]) -> StudyModel:
    """Return the winner as a model that takes rows as the data were given.

    Args:
        winner: the fitted model.
        data: the data.
        target: the name of the target, or None.
        facts: what was found, as JSON.
    """
    encoding = data.encoding
    if isinstance(encoding, TextEncoding):
        judges = () if winner.panel is None else winner.panel.judges
        encoding = encoding.for_kind(known_to_any([winner.estimator, *(one.estimator for one in judges)]))
    return StudyModel(
        name=winner.name,
        estimator=winner.estimator,
        encoding=encoding,
        affine=winner.affine,
        classes=data.classes,
        feature_names=data.feature_names,
        target=target,
        reference=winner.reference,
        calibration=winner.calibration,
        panel=winner.panel,
        bounds=winner.bounds,
        facts=facts,
    )


def layers_of(winner: Winner) -> list[str]:
    """Return the names of a network's layers, none for other models."""
    if not isinstance(winner.estimator, NetworkEstimator):
        return []
    return winner.estimator.layer_names_


def weight_pictures(winner: Winner, data: Prepared) -> list[dict[str, Any]] | None:
    """Return a linear model's weights as pictures, where the rows are pictures."""
    grey = data.image_shape is not None and len(data.image_shape) == 2
    if winner.name != "linear" or not grey or data.classes is None:
        return None
    weight = np.asarray(winner.estimator._members[0].parameters.head.weight)
    return [
        {"label": str(label), "image": weight[:, i].reshape(data.image_shape)}
        for i, label in enumerate(data.classes)
    ]
