"""What nested cross-validation works on and what it gives."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

TRAIN_SAMPLE = 2000
"""About how many training rows a training score rests on, where answering all of them would cost much."""

_SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Rows:
    """A data set in the form that models are compared on.

    Args:
        matrix: `(n, features)` float32 with NaN for missing, or uint8.
        targets: class codes `(n,)` int32, or values `(n, 1)`.
        classes: number of classes, 0 for regression.
        groups: a group a row, or None.
        images: whether columns are pixels, which share one scale.
    """

    matrix: np.ndarray
    targets: np.ndarray
    classes: int
    groups: np.ndarray | None = None
    images: bool = False

    @property
    def scale(self) -> Literal["common", "standard"]:
        """How inputs are scaled: pixels and bytes by one number for all columns, others each by their own."""
        return "common" if self.images or self.matrix.dtype == np.uint8 else "standard"

    @property
    def missing(self) -> bool:
        """Whether any value is missing."""
        return self.matrix.dtype != np.uint8 and bool(np.isnan(self.matrix).any())


@dataclass
class NestedResult:
    """A procedure (a model and the choice of its settings), scored where it did not learn.

    Args:
        outputs: out-of-fold answers `(repeats, n, classes)` probabilities or `(repeats, n, 1)` values; NaN in
            rows that no fold scored.
        fold_scores: score of each outer fold.
        train_scores: score of each outer fold's model on the rows it learned from.
        chosen: the setting that each outer fold chose.
        inner_scores: mean inner score of each setting in each outer fold, `(folds, settings)`.
        setting: the setting that all inner folds together choose.
        fits: models trained.
        seconds: time taken.
        histories: training histories of the outer folds' models, where they have any.
    """

    outputs: np.ndarray
    fold_scores: np.ndarray
    train_scores: np.ndarray
    chosen: list[int]
    inner_scores: np.ndarray
    setting: int
    fits: int
    seconds: float
    histories: list[Any] = field(default_factory=list)


def metric_of(classes: int) -> str:
    """Return the name of the score: accuracy for classes, r2 for values."""
    return "accuracy" if classes else "r2"


def score_outputs(outputs: np.ndarray, targets: np.ndarray, classes: int) -> float:
    """Return the accuracy of class probabilities, or R² of values; -inf where an output is not finite.

    Args:
        outputs: `(n, classes)` or `(n, 1)`.
        targets: `(n,)` codes or `(n, 1)` values.
        classes: number of classes, 0 for regression.
    """
    if not np.isfinite(outputs).all():
        return -np.inf
    if classes:
        return float(np.mean(np.argmax(outputs, axis=1) == targets))
    values = np.asarray(targets, np.float64)
    spread = float(np.sum((values - values.mean(axis=0)) ** 2))
    error = float(np.sum((values - outputs) ** 2))
    return 1.0 - error / spread if spread > 0 else float(error == 0.0)


def choose(scores: np.ndarray, losses: np.ndarray) -> int:
    """Return the setting with the best mean score; among equals the one with the smaller mean loss."""
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    return int(best[np.argmin(losses[best])])


def mean_loss(outputs: np.ndarray, targets: np.ndarray, classes: int) -> float:
    """Return the mean log-loss, or the mean squared error; inf where an output is not finite."""
    if not np.isfinite(outputs).all():
        return np.inf
    if classes:
        p = np.take_along_axis(outputs, targets[:, None].astype(np.int64), axis=1)
        return float(-np.mean(np.log(np.maximum(p, _SMALLEST_PROBABILITY))))
    return float(np.mean((outputs - targets) ** 2))


def empty_outputs(rows: Rows, repeats: int) -> np.ndarray:
    """Return the array that out-of-fold answers are put into."""
    return np.full((repeats, len(rows.matrix), rows.classes or 1), np.nan, np.float32)
