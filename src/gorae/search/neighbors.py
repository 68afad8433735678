"""Nested cross-validation of nearest neighbours: one table of distances answers every k and weighting."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gorae.data import fit_affine
from gorae.models.neighbors import NeighborTable, neighbor_table
from gorae.models.votes import neighbor_means, neighbor_votes
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


def nested_neighbors(
    settings: Sequence[Mapping[str, Any]],
    rows: Rows,
    folds: Sequence[OuterFold],
    *,
    most_train_rows: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NestedResult:
    """Score k nearest neighbours, and the choice of k, metric and weights, by nested cross-validation.

    For each split and metric the distances to the largest k are found once; every k and weighting is then a
    vote over the first columns of that table.

    Args:
        settings: dictionaries of `n_neighbors`, `metric` and `weights`.
        rows: the data.
        folds: outer folds with their inner splits.
        most_train_rows: the most rows that neighbours are looked for in (the first ones of a fold's order);
            None for all.
        progress: told (tables done, tables planned) after each table.

    Returns:
        The result; `fits` counts a setting on a split as one.
    """
    began = time.perf_counter()
    chooses = len(settings) > 1
    metrics = sorted({setting["metric"] for setting in settings})
    splits = sum(len(fold.inner) for fold in folds) if chooses else 0
    planned, done = splits * len(metrics) + len(folds), 0

    def tables(train: np.ndarray, score: np.ndarray, wanted: Sequence[Mapping[str, Any]]) -> list[np.ndarray]:
        nonlocal done
        kept = train if most_train_rows is None else train[:: max(1, -(-len(train) // most_train_rows))]
        encoding = fit_affine(rows.matrix, train, kind=rows.scale)
        learn, ask = encoding.apply(rows.matrix[kept]), encoding.apply(rows.matrix[score])
        found: dict[str, NeighborTable] = {}
        for metric in {setting["metric"] for setting in wanted}:
            largest = max(s["n_neighbors"] for s in wanted if s["metric"] == metric)
            found[metric] = neighbor_table(learn, ask, min(largest, len(kept)), metric)
            done += 1
            if progress is not None:
                progress(done, planned)
        return [_answer(found[s["metric"]], rows, kept, s) for s in wanted]

    outputs = empty_outputs(rows, folds[-1].repeat + 1)
    scores, losses = np.zeros((2, len(folds), len(settings)))
    fold_scores, train_scores, chosen = [], [], []
    for o, fold in enumerate(folds):
        if chooses:
            found = np.array(
                [
                    [
                        (
                            score_outputs(answer, rows.targets[score], rows.classes),
                            mean_loss(answer, rows.targets[score], rows.classes),
                        )
                        for answer in tables(train, score, settings)
                    ]
                    for train, score in fold.inner
                ]
            )
            scores[o], losses[o] = found.mean(axis=0).T
        chosen.append(choose(scores[o], losses[o]))
        setting = settings[chosen[-1]]
        sample = fold.train[:: max(1, len(fold.train) // TRAIN_SAMPLE)]
        both = tables(fold.train, np.concatenate([fold.score, sample]), [setting])[0]
        scored, learned = both[: len(fold.score)], both[len(fold.score) :]
        outputs[fold.repeat, fold.score] = scored
        fold_scores.append(score_outputs(scored, rows.targets[fold.score], rows.classes))
        train_scores.append(score_outputs(learned, rows.targets[sample], rows.classes))
    return NestedResult(
        outputs=outputs,
        fold_scores=np.array(fold_scores),
        train_scores=np.array(train_scores),
        chosen=chosen,
        inner_scores=scores,
        setting=choose(scores.mean(axis=0), losses.mean(axis=0)),
        fits=splits * len(settings) + len(folds),
        seconds=time.perf_counter() - began,
    )


def _answer(table: NeighborTable, rows: Rows, train: np.ndarray, setting: Mapping[str, Any]) -> np.ndarray:
    """Return the votes, or the mean, of the first k columns of a table."""
    k, weights = min(setting["n_neighbors"], table.indices.shape[1]), setting["weights"]
    targets = rows.targets[train]
    if rows.classes:
        return neighbor_votes(table, targets, rows.classes, k, weights).astype(np.float32)
    return neighbor_means(table, targets, k, weights).astype(np.float32).reshape(-1, 1)
