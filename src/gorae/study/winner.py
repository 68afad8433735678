"""The winner of the ladder: fitted on all rows but the test rows, and asked about those."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gorae.data import Affine, fit_affine
from gorae.errors import GoraeWarning
from gorae.estimators.network import NetworkEstimator
from gorae.search import Rows
from gorae.study.ladder import final_estimator
from gorae.study.model import Reference, features_of, probabilities
from gorae.study.plan import Plan
from gorae.study.prepare import Prepared

_REFERENCE_ROWS = 5000


@dataclass(frozen=True)
class Winner:
    """The best model of the ladder, fitted.

    Args:
        name: the rung it is.
        row: its row of the ladder.
        estimator: the fitted estimator.
        affine: how rows are filled and scaled for it, or None where it does that itself.
        reference: training rows to compare new rows with.
    """

    name: str
    row: Mapping[str, Any]
    estimator: Any
    affine: Affine | None
    reference: Reference


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
    if matrix.dtype != np.uint8:
        affine = fit_affine(matrix, kind=rows.scale)
        matrix = affine.apply(matrix)
        if isinstance(estimator, NetworkEstimator):
            estimator.set_params(scale=None)
    more = {"groups": rows.groups} if isinstance(estimator, NetworkEstimator) else {}
    _fit_whole(estimator, matrix, rows.strata, more)
    kept = np.arange(0, len(matrix), -(-len(matrix) // _REFERENCE_ROWS))
    reference = Reference(
        features_of(estimator, matrix[kept]), data.row_numbers[kept].astype(np.int64), rows.strata[kept]
    )
    return Winner(row["model"], row, estimator, affine, reference)


def _fit_whole(estimator: Any, matrix: np.ndarray, targets: np.ndarray, more: Mapping[str, Any]) -> None:
    """Fit to the end or not at all: the ladder's score is of whole trainings, not of a part of one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "training was interrupted", GoraeWarning)
        try:
            estimator.fit(matrix, targets, **more)
        except GoraeWarning as cut:
            raise KeyboardInterrupt from cut


def test_outputs(winner: Winner, test: Rows) -> np.ndarray:
    """Return what the winner answers for rows that nothing else has touched: probabilities, or values."""
    matrix = test.matrix if winner.affine is None else winner.affine.apply(test.matrix)
    if test.classes:
        return probabilities(winner.estimator, matrix, test.classes)
    return np.asarray(winner.estimator.predict(matrix), np.float64).reshape(-1, 1)


def layers_of(winner: Winner) -> list[str]:
    """Return the names of a network's layers, none for other models."""
    if not isinstance(winner.estimator, NetworkEstimator):
        return []
    return winner.estimator.layer_names_


def weight_pictures(winner: Winner, data: Prepared) -> list[dict[str, Any]] | None:
    """Return a linear model's weights as pictures, where the rows are pictures."""
    if winner.name != "linear" or data.image_shape is None or data.classes is None:
        return None
    weight = np.asarray(winner.estimator._members[0].parameters.head.weight)
    return [
        {"label": str(label), "image": weight[:, i].reshape(data.image_shape)}
        for i, label in enumerate(data.classes)
    ]
