"""Nested cross-validation of any scikit-learn estimator, fold by fold."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from threadpoolctl import threadpool_limits

from gorae.data import fit_affine
from gorae.search.folds import OuterFold
from gorae.search.result import (
    Choice,
    FoldAnswer,
    NestedResult,
    Rows,
    Step,
    Tell,
    choose,
    mean_loss,
    nested_result,
    score_outputs,
    train_sample,
)

_NARROW = 256


def nested_estimator(
    prototype: Any,
    settings: Sequence[Mapping[str, Any]],
    rows: Rows,
    folds: Sequence[OuterFold],
    *,
    progress: Tell | None = None,
) -> NestedResult:
    """Score an estimator by nested cross-validation.

    Every fold fills missing values and scales columns by its own training rows. Up to 256 columns the linear
    algebra keeps to one thread: on matrices that small, threads only wait for each other (measured on a busy
    machine: seven times slower).

    Args:
        prototype: a classifier with `predict_proba`, or a regressor.
        settings: parameters to try; with one, nothing is chosen.
        rows: the data.
        folds: outer folds with their inner splits.
        progress: told after each fit.

    Returns:
        The result.
    """
    began = time.perf_counter()
    tried = range(len(settings)) if len(settings) > 1 else range(0)
    planned, done = sum(len(fold.inner) for fold in folds) * len(tried) + len(folds), 0

    def fitted(train: np.ndarray, setting: int) -> tuple[Any, Any]:
        nonlocal done
        pair = _fitted(prototype, settings[setting], rows, train)
        done += 1
        if progress is not None:
            progress(Step(done, planned, done / planned, float("nan")))
        return pair

    scores, losses = np.zeros((2, len(folds), len(settings)))
    chosen, answers = [], []
    with threadpool_limits(1 if rows.matrix.shape[1] <= _NARROW else None):
        for o, fold in enumerate(folds):
            for s in tried if fold.inner else ():
                pairs = [(fitted(train, s), score) for train, score in fold.inner]
                found = [_judged(_answer(*pair, rows, score), rows, score) for pair, score in pairs]
                scores[o, s], losses[o, s] = np.mean(found, axis=0)
            chosen.append(choose(scores[o], losses[o]))
            pair, sample = fitted(fold.train, chosen[-1]), train_sample(fold.train)
            scored, learned = (_answer(*pair, rows, part) for part in (fold.score, sample))
            answers.append(FoldAnswer(scored, learned, sample))
    seconds = time.perf_counter() - began
    return nested_result(rows, folds, answers, Choice(scores, losses, chosen), fits=done, seconds=seconds)


def _fitted(prototype: Any, setting: Mapping[str, Any], rows: Rows, train: np.ndarray) -> tuple[Any, Any]:
    """Return a model fitted on some rows, and how they were filled and scaled.

    Rows of one class leave nothing to learn but that class.
    """
    affine = fit_affine(rows.matrix, train, kind=rows.scale)
    targets = rows.strata[train]
    single = rows.classes > 0 and len(np.unique(targets)) == 1
    model: Any = DummyClassifier(strategy="prior") if single else clone(prototype)
    if not single:
        model.set_params(**setting)
    return model.fit(affine.apply(rows.matrix[train]), targets), affine


def _judged(answer: np.ndarray, rows: Rows, which: np.ndarray) -> tuple[float, float]:
    """Return score and loss of the answers for some rows."""
    targets = rows.targets[which]
    return score_outputs(answer, targets, rows.classes), mean_loss(answer, targets, rows.classes)


def _answer(model: Any, affine: Any, rows: Rows, which: np.ndarray) -> np.ndarray:
    """Return probabilities for all classes (0 for those the fold never saw), or values in a column."""
    matrix = affine.apply(rows.matrix[which])
    if not rows.classes:
        return np.asarray(model.predict(matrix), np.float64).reshape(-1, 1)
    answer = np.zeros((len(which), rows.classes), np.float32)
    answer[:, np.asarray(model.classes_, np.int64)] = model.predict_proba(matrix)
    return answer
