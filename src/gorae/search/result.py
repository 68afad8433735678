"""What nested cross-validation works on and what it gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from gorae.data.sequence_rows import PackedRows
from gorae.search.folds import OuterFold

_TRAIN_SAMPLE = 2000
_SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Rows:
    """A data set in the form that models are compared on.

    Args:
        matrix: `(n, features)` float32 with NaN for missing, or uint8; or packed sequences.
        targets: class codes `(n,)` int32, or values `(n, 1)` float64.
        classes: number of classes, 0 for regression.
        groups: a group a row, or None.
        image_shape: height and width, and channels where there are several, where columns are pixels.
    """

    matrix: np.ndarray
    targets: np.ndarray
    classes: int
    groups: np.ndarray | None = None
    image_shape: tuple[int, ...] | None = None

    @property
    def images(self) -> bool:
        """Whether columns are pixels, which share one scale."""
        return self.image_shape is not None

    @property
    def scale(self) -> Literal["common", "standard", "none"]:
        """How inputs are scaled: pixels and bytes by one number for all columns, others each by their own.

        Packed sequences are codes, which have no scale.
        """
        if isinstance(self.matrix, PackedRows):
            return "none"
        return "common" if self.images or self.matrix.dtype == np.uint8 else "standard"

    @property
    def missing(self) -> bool:
        """Whether any value is missing."""
        return self.matrix.dtype != np.uint8 and bool(np.isnan(self.matrix).any())

    @property
    def strata(self) -> np.ndarray:
        """What folds are made from, one a row: class codes, or values."""
        return self.targets if self.classes else self.targets[:, 0]


class Step(NamedTuple):
    """How far a nested cross-validation is.

    Args:
        done: fits finished.
        planned: fits planned.
        share: share of the work done, from 0 to 1.
        best: the best score so far, NaN where there is none.
    """

    done: int
    planned: int
    share: float
    best: float


Tell = Callable[[Step], None]


class FoldAnswer(NamedTuple):
    """What the model of an outer fold answers for the rows it is scored on, and for rows it learned from."""

    scored: np.ndarray
    learned: np.ndarray
    learned_rows: np.ndarray


class Choice(NamedTuple):
    """Mean inner scores and losses of all settings, `(folds, settings)` each, and what each fold chose."""

    scores: np.ndarray
    losses: np.ndarray
    chosen: list[int]


@dataclass
class NestedResult:
    """A procedure (a model and the choice of its settings), scored where it did not learn.

    Args:
        outputs: out-of-fold answers `(repeats, n, classes)` probabilities or `(repeats, n, 1)` values; NaN in
            rows that no fold scored, and only there.
        fold_scores: score of each outer fold.
        train_scores: score of each outer fold's model on the rows it learned from.
        chosen: the setting that each outer fold chose.
        inner_scores: mean inner score of each setting in each outer fold, `(folds, settings)`.
        setting: the setting that all inner folds together choose.
        fits: models trained.
        seconds: time taken.
        histories: training histories, where there are any.
        histories_of: whose histories: "fold", or "member" of an ensemble.
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
    histories_of: str = "fold"


def nested_result(
    rows: Rows,
    folds: Sequence[OuterFold],
    answers: Sequence[FoldAnswer],
    choice: Choice,
    *,
    fits: int,
    seconds: float,
) -> NestedResult:
    """Return the result that the answers of all outer folds give."""
    kind = np.float32 if rows.classes else np.float64
    outputs = np.full((folds[-1].repeat + 1, len(rows.matrix), rows.classes or 1), np.nan, kind)
    fold_scores, train_scores = [], []
    for fold, answer in zip(folds, answers, strict=True):
        scored = _spoken(answer.scored, rows, fold.train)
        outputs[fold.repeat, fold.score] = scored
        fold_scores.append(score_outputs(scored, rows.targets[fold.score], rows.classes))
        train_scores.append(score_outputs(answer.learned, rows.targets[answer.learned_rows], rows.classes))
    return NestedResult(
        outputs=outputs,
        fold_scores=np.array(fold_scores),
        train_scores=np.array(train_scores),
        chosen=choice.chosen,
        inner_scores=choice.scores,
        setting=choose(choice.scores.mean(axis=0), choice.losses.mean(axis=0)),
        fits=fits,
        seconds=seconds,
    )


def _spoken(answer: np.ndarray, rows: Rows, train: np.ndarray) -> np.ndarray:
    """Return answers in which rows without a number have what chance says: every scored row counts."""
    silent = np.any(~np.isfinite(answer), axis=1, keepdims=True)
    if not silent.any():
        return answer
    chance = 1.0 / rows.classes if rows.classes else rows.targets[train].mean(axis=0)
    return np.where(silent, chance, answer)


def train_sample(train: np.ndarray) -> np.ndarray:
    """Return about 2,000 of the training rows, evenly: enough for a score where asking all costs much."""
    return train[:: max(1, len(train) // _TRAIN_SAMPLE)]


def metric_of(classes: int) -> str:
    """Return the name of the score: accuracy for classes, r2 for values."""
    return "accuracy" if classes else "r2"


def score_outputs(outputs: np.ndarray, targets: np.ndarray, classes: int) -> float:
    """Return the accuracy of class probabilities, or R² of values; -inf where an output is not finite.

    Args:
        outputs: `(n, classes)` or `(n, 1)`.
        targets: `(n,)` codes or `(n, 1)` values.
        classes: number of classes, 0 for regression.

    Example:
        >>> score_outputs(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]), 2)
        0.5
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
    """Return the setting with the best mean score; among equals the one with the smaller mean loss.

    Example:
        >>> choose(np.array([0.8, 0.9, 0.9]), np.array([0.4, 0.3, 0.2]))
        2
    """
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
