"""Nested cross-validation of nearest neighbours: one table of distances answers every k and weighting."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.data import fit_affine
from gorae.models.neighbors import NeighborTable, neighbor_table
from gorae.models.votes import neighbor_means, neighbor_probabilities
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


def nested_neighbors(
    settings: Sequence[Mapping[str, Any]],
    rows: Rows,
    folds: Sequence[OuterFold],
    *,
    most_train_rows: int | None = None,
    progress: Tell | None = None,
) -> NestedResult:
    """Score k nearest neighbours, and the choice of k, metric and weights, by nested cross-validation.

    For each split and metric the distances to the largest k are found once; every k and weighting is then a
    vote over the first columns of that table.

    Args:
        settings: dictionaries of `n_neighbors`, `metric` and `weights`.
        rows: the data.
        folds: outer folds with their inner splits.
        most_train_rows: the most rows that neighbours are looked for in, spread evenly over the fold's; None
            for all.
        progress: told after each table.

    Returns:
        The result; `fits` counts a setting on a split as one.
    """
    began = time.perf_counter()
    splits = sum(len(fold.inner) for fold in folds) if len(settings) > 1 else 0
    planned, done = splits * len({setting["metric"] for setting in settings}) + len(folds), 0

    def asked(train: np.ndarray, ask: np.ndarray, wanted: Sequence[Mapping[str, Any]]) -> list[np.ndarray]:
        nonlocal done
        kept = train if most_train_rows is None else train[:: -(-len(train) // most_train_rows)]
        tables = _tables(rows, train, kept, ask, wanted)
        done += len(tables)
        if progress is not None:
            progress(Step(done, planned, done / planned, float("nan")))
        return [_answer(tables[setting["metric"]], rows, kept, setting) for setting in wanted]

    scores, losses = np.zeros((2, len(folds), len(settings)))
    chosen, answers = [], []
    for o, fold in enumerate(folds):
        if splits and fold.inner:
            found = np.array(
                [_judged(asked(train, score, settings), rows, score) for train, score in fold.inner]
            )
            scores[o], losses[o] = found.mean(axis=0).T
        chosen.append(choose(scores[o], losses[o]))
        sample = train_sample(fold.train)
        both = asked(fold.train, np.concatenate([fold.score, sample]), [settings[chosen[-1]]])[0]
        answers.append(FoldAnswer(both[: len(fold.score)], both[len(fold.score) :], sample))
    seconds, fits = time.perf_counter() - began, splits * len(settings) + len(folds)
    return nested_result(rows, folds, answers, Choice(scores, losses, chosen), fits=fits, seconds=seconds)


def _tables(
    rows: Rows, train: np.ndarray, kept: np.ndarray, ask: np.ndarray, settings: Sequence[Mapping[str, Any]]
) -> dict[str, NeighborTable]:
    """Return for each metric the nearest of the kept rows, in the scale of the training rows."""
    affine = fit_affine(rows.matrix, train, kind=rows.scale)
    learn, queries = affine.apply(rows.matrix[kept]), affine.apply(rows.matrix[ask])
    largest: dict[str, int] = {}
    for setting in settings:
        largest[setting["metric"]] = max(largest.get(setting["metric"], 1), setting["n_neighbors"])
    return {
        metric: neighbor_table(learn, queries, min(k, len(kept)), metric) for metric, k in largest.items()
    }


def _judged(answers: Sequence[np.ndarray], rows: Rows, which: np.ndarray) -> list[tuple[float, float]]:
    """Return score and loss of each setting's answers for some rows."""
    targets = rows.targets[which]
    return [(score_outputs(a, targets, rows.classes), mean_loss(a, targets, rows.classes)) for a in answers]


def _answer(table: NeighborTable, rows: Rows, train: np.ndarray, setting: Mapping[str, Any]) -> np.ndarray:
    """Return the votes, or the mean, of the first k columns of a table."""
    k, weights = min(setting["n_neighbors"], table.indices.shape[1]), setting["weights"]
    targets = rows.strata[train]
    if rows.classes:
        return neighbor_probabilities(table, targets, rows.classes, k, weights).astype(np.float32)
    return neighbor_means(table, targets, k, weights).reshape(-1, 1)
