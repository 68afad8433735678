"""The test rows on a map, over the training rows that the winner keeps."""

from typing import Any

import numpy as np

from gorae.errors import DataError
from gorae.similarity.spaces import hidden_names
from gorae.study.model import features_of, probabilities
from gorae.study.plane import plane_of
from gorae.study.prepare import Prepared
from gorae.study.winner import Winner, scaled

__all__ = ["map_finding"]

_FALSE_ALARMS = 0.01


def map_finding(winner: Winner, data: Prepared) -> dict[str, Any] | None:
    """Return test rows and training rows in the winner's last hidden layer, or its inputs, on a plane.

    The plane is that of the largest variance of the training rows, since it takes no time, which a study has
    promised to keep.

    Args:
        winner: the fitted model.
        data: the data.

    Returns:
        What `gorae.report.maps.map_view` takes; None where there are too few rows, or all are equal.
    """
    kept = winner.reference
    new, numbers = np.zeros((0, kept.features.shape[1])), np.zeros(0, np.int64)
    values, wrong, unknown, told = np.zeros(0), None, None, None
    if data.test is not None:
        rows = scaled(data.test.matrix, winner.affine)
        new, numbers = features_of(winner.estimator, rows), np.arange(len(rows))
        values, wrong, told = _judged(winner, data, rows)
        unknown = _unknown(winner, rows)
    try:
        plane = plane_of(
            np.asarray(kept.features, np.float64),
            np.asarray(new, np.float64),
            method="pca",
            numbers=(kept.numbers, numbers),
            values=(np.asarray(kept.labels, np.float64).reshape(len(kept.numbers), -1)[:, 0], values),
            wrong=wrong,
            unknown=unknown,
            told=told,
        )
    except DataError:
        return None
    hidden = hidden_names(winner.estimator)
    return {
        **plane,
        "space": "the last hidden layer" if hidden else "the input columns, scaled",
        "classes": None if data.classes is None else [str(label) for label in data.classes],
        "new_name": "test row",
    }


def _judged(
    winner: Winner, data: Prepared, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Return what is true of test rows, which are predicted wrongly (classes only), and both in words."""
    assert data.test is not None
    if data.classes is None:
        said = np.asarray(winner.estimator.predict(rows), np.float64).reshape(-1)
        truth = np.asarray(data.test.targets[:, 0], np.float64)
        return truth, None, [f"actual {t:.4g}, predicted {s:.4g}" for t, s in zip(truth, said, strict=True)]
    codes = np.asarray(data.test.targets, np.int64)
    stated = probabilities(winner.estimator, rows, len(data.classes), winner.calibration)
    said, labels = np.argmax(stated, axis=1), data.labels
    told = [f"actual {labels[t]}, predicted {labels[s]}" for t, s in zip(codes, said, strict=True)]
    return codes.astype(np.float64), said != codes, told


def _unknown(winner: Winner, rows: np.ndarray) -> np.ndarray | None:
    """Return which rows are unlike the training data, at 1 false alarm in 100 or the fewest it can state."""
    if winner.panel is None:
        return None
    return winner.panel.are_unknown(rows, max(_FALSE_ALARMS, 1.0001 / (winner.panel.fewest + 1)))
