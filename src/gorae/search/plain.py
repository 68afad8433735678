"""Nested cross-validation of any scikit-learn estimator, fold by fold."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from gorae.data import fit_affine
from gorae.search.folds import OuterFold
from gorae.search.result import (
    TRAIN_SAMPLE,
    NestedResult,
    Rows,
    choose,
    empty_outputs,
    mean_loss,
    score_outputs,
)


def nested_estimator(
    prototype: Any,
    settings: Sequence[Mapping[str, Any]],
    rows: Rows,
    folds: Sequence[OuterFold],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NestedResult:
    """Score an estimator by nested cross-validation.

    Every fold fills missing values and scales columns by its own training rows.

    Args:
        prototype: a classifier with `predict_proba`, or a regressor.
        settings: parameters to try; with one, nothing is chosen.
        rows: the data.
        folds: outer folds with their inner splits.
        progress: told (fits done, fits planned) after each fit.

    Returns:
        The result.
    """
    began = time.perf_counter()
    inner = sum(len(fold.inner) for fold in folds) * len(settings) if len(settings) > 1 else 0
    planned, done = inner + len(folds), 0
    scores = np.zeros((len(folds), len(settings)))
    losses = np.zeros_like(scores)

    def fitted(train: np.ndarray, setting: int) -> tuple[Any, Any]:
        nonlocal done
        encoding = fit_affine(rows.matrix, train, kind=rows.scale)
        targets = rows.targets if rows.classes else rows.targets[:, 0]
        model = clone(prototype).set_params(**settings[setting])
        model.fit(encoding.apply(rows.matrix[train]), targets[train])
        done += 1
        if progress is not None:
            progress(done, planned)
        return model, encoding

    outputs = empty_outputs(rows, folds[-1].repeat + 1)
    fold_scores, train_scores, chosen = [], [], []
    for o, fold in enumerate(folds):
        if len(settings) > 1:
            for s in range(len(settings)):
                found = []
                for train, score in fold.inner:
                    answer = _answer(*fitted(train, s), rows, score)
                    target = rows.targets[score]
                    found.append(
                        (score_outputs(answer, target, rows.classes), mean_loss(answer, target, rows.classes))
                    )
                scores[o, s], losses[o, s] = np.mean(found, axis=0)
        chosen.append(choose(scores[o], losses[o]))
        model, encoding = fitted(fold.train, chosen[-1])
        answer = _answer(model, encoding, rows, fold.score)
        outputs[fold.repeat, fold.score] = answer
        fold_scores.append(score_outputs(answer, rows.targets[fold.score], rows.classes))
        sample = fold.train[:: max(1, len(fold.train) // TRAIN_SAMPLE)]
        learned = _answer(model, encoding, rows, sample)
        train_scores.append(score_outputs(learned, rows.targets[sample], rows.classes))
    return NestedResult(
        outputs=outputs,
        fold_scores=np.array(fold_scores),
        train_scores=np.array(train_scores),
        chosen=chosen,
        inner_scores=scores,
        setting=choose(scores.mean(axis=0), losses.mean(axis=0)),
        fits=done,
        seconds=time.perf_counter() - began,
    )


def _answer(model: Any, encoding: Any, rows: Rows, which: np.ndarray) -> np.ndarray:
    """Return probabilities for all classes (0 for those the fold never saw), or values in a column."""
    matrix = encoding.apply(rows.matrix[which])
    if not rows.classes:
        return np.asarray(model.predict(matrix), np.float32).reshape(-1, 1)
    answer = np.zeros((len(which), rows.classes), np.float32)
    answer[:, np.asarray(model.classes_, np.int64)] = model.predict_proba(matrix)
    return answer
