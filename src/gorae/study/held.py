"""How often sets and intervals hold the truth, in the figures that a report shows."""

from typing import Any

import numpy as np

from gorae.evidence import class_scores, fewest_calibration_rows, thresholds_out_of_fold, wilson

COVERAGES = (0.8, 0.9, 0.95)
"""What is told of; a model states any other too."""

_SEED = 2


def held_interval(intervals: np.ndarray, actual: np.ndarray, coverage: float) -> dict[str, Any]:
    """Return how many of some rows' intervals hold the value, and how wide they are in the mean.

    Args:
        intervals: (rows, 2).
        actual: (rows,) true values.
        coverage: what was stated.
    """
    low, high = np.asarray(intervals, np.float64).T
    return {**_held((low <= actual) & (actual <= high), coverage), "size": float((high - low).mean())}


def held_set(sets: np.ndarray, codes: np.ndarray, coverage: float) -> dict[str, Any]:
    """Return how many of some rows' sets hold the class, and how many classes they have in the mean.

    Args:
        sets: (rows, classes) truth values.
        codes: (rows,) the true class.
        coverage: what was stated.
    """
    held = sets[np.arange(len(codes)), codes]
    return {
        **_held(held, coverage),
        "size": float(sets.sum(axis=1).mean()),
        "sizes": np.bincount(sets.sum(axis=1), minlength=sets.shape[1] + 1).tolist(),
    }


def sets_finding(probabilities: np.ndarray, codes: np.ndarray, folds: np.ndarray) -> dict[str, Any]:
    """Return how often sets of classes held the class out of fold, and how large they were.

    Args:
        probabilities: (rows, classes) out of fold, calibrated.
        codes: (rows,) the true class.
        folds: (rows,) the fold of each row; its set is made without the rows of its fold.
    """
    scores = class_scores(probabilities, seed=_SEED)
    own = scores[np.arange(len(codes)), codes]
    others = len(codes) - int(np.bincount(folds).max())
    found = []
    for coverage in COVERAGES:
        if others >= fewest_calibration_rows(coverage):
            thresholds = thresholds_out_of_fold(own, folds, coverage)
            found.append(held_set(scores <= thresholds[:, None], codes, coverage))
    return {"kind": "classes", "classes": probabilities.shape[1], "coverages": found}


def _held(held: np.ndarray, coverage: float) -> dict[str, Any]:
    """Return a share of rows with its 95 % interval."""
    low, high = wilson(int(held.sum()), len(held))
    return {
        "stated": coverage,
        "held": int(held.sum()),
        "rows": len(held),
        "share": float(held.mean()),
        "low": float(low),
        "high": float(high),
    }
