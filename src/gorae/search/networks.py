"""Nested cross-validation of networks: all folds and settings are one population."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from scipy.special import softmax
from sklearn.base import clone

from gorae.data import Split, cut_stop_rows
from gorae.estimators.population import Recipe, Table, fold_outputs, make_table, train_recipes
from gorae.search.folds import OuterFold
from gorae.search.result import NestedResult, Rows, choose, empty_outputs, mean_loss, score_outputs
from gorae.train import MemberResult, Progress

_MEMBER_STREAM = 100_003


def nested_networks(
    prototype: Any,
    settings: Sequence[Mapping[str, Any]],
    rows: Rows,
    folds: Sequence[OuterFold],
    *,
    members: int = 1,
    validation_fraction: float = 0.1,
    seed: int,
    devices: list[jax.Device],
    progress: Callable[[Progress], None] | None = None,
) -> tuple[NestedResult, NestedResult | None]:
    """Score a network, and an ensemble of it, by nested cross-validation.

    In each outer fold, every setting is trained on every inner split; the setting with the best mean inner
    score is trained again on the outer fold's training rows, `members` times from different seeds. Early
    stopping watches rows cut from the training part of each split.

    Args:
        prototype: a network estimator with the parameters that all settings share.
        settings: parameters to try.
        rows: the data.
        folds: outer folds with their inner splits.
        members: networks of the ensemble; 1 gives none.
        validation_fraction: share of training rows that early stopping watches.
        seed: the root seed.
        devices: where.
        progress: told about ten times a second.

    Returns:
        The result of a single network, and that of the ensemble (None where `members` is 1).

    Raises:
        KeyboardInterrupt: on Ctrl-C; a score of half a cross-validation is none.
    """
    began = time.perf_counter()
    splits, inner_places, outer_places = _all_splits(rows, folds, validation_fraction, seed)
    table = make_table(rows.matrix, rows.targets, None, splits, classes=rows.classes, scale=rows.scale)
    largest = max(len(split.train) for split in splits)
    recipes = _recipes(prototype, settings, rows, largest)

    def trained(jobs: list[tuple[int, int, int]]) -> list[MemberResult]:
        results, interrupted = train_recipes(
            table, recipes, jobs, seed=seed, devices=devices, progress=progress
        )
        if interrupted:
            raise KeyboardInterrupt
        return [result for result in results if result is not None]

    inner_jobs = []
    if len(settings) > 1:
        inner_jobs = [
            (s, place, place) for places in inner_places for place in places for s in range(len(settings))
        ]
    scores, losses = _inner_scores(
        inner_jobs,
        trained(inner_jobs) if inner_jobs else [],
        recipes,
        table,
        rows,
        folds,
        inner_places,
        devices,
    )
    chosen = [choose(scores[o], losses[o]) for o in range(len(folds))]
    jobs = [
        (chosen[o], place, place + _MEMBER_STREAM * m)
        for o, place in enumerate(outer_places)
        for m in range(members)
    ]
    results = trained(jobs)
    answers = _outer_answers(jobs, results, recipes, table, folds, members, devices, rows)
    shared = {
        "chosen": chosen,
        "inner_scores": scores,
        "setting": choose(scores.mean(axis=0), losses.mean(axis=0)),
        "seconds": time.perf_counter() - began,
    }
    fits = len(inner_jobs) + len(folds)
    single = _result([a[0] for a in answers], rows, folds, splits, outer_places, fits, shared)
    single.histories = [results[o * members].history for o in range(len(folds))]
    if members == 1:
        return single, None
    mean = (
        [np.mean(np.stack([m[0] for m in a]), axis=0) for a in answers],
        [np.mean(np.stack([m[1] for m in a]), axis=0) for a in answers],
    )
    ensemble = _result(
        list(zip(*mean, strict=True)), rows, folds, splits, outer_places, len(inner_jobs) + len(jobs), shared
    )
    ensemble.histories = [result.history for result in results[:members]]
    return single, ensemble


def _all_splits(
    rows: Rows, folds: Sequence[OuterFold], fraction: float, seed: int
) -> tuple[list[Split], list[list[int]], list[int]]:
    """Return every split with its stopping rows, and where the inner and outer ones are among them."""
    nothing = np.zeros(0, np.int32)
    splits: list[Split] = []

    def add(train: np.ndarray) -> int:
        learn, stop = cut_stop_rows(
            train,
            rows.targets if rows.classes else rows.targets[:, 0],
            fraction=fraction,
            seed=seed + len(splits),
            stratify=rows.classes > 0,
            groups=rows.groups,
        )
        splits.append(Split(learn, stop, nothing))
        return len(splits) - 1

    inner = [[add(train) for train, _ in fold.inner] for fold in folds]
    return splits, inner, [add(fold.train) for fold in folds]


def _recipes(prototype: Any, settings: Sequence[Mapping[str, Any]], rows: Rows, largest: int) -> list[Recipe]:
    """Return the recipe of each setting, for rows that may miss values."""
    outputs = rows.classes or rows.targets.shape[1]
    recipes = []
    for setting in settings:
        recipe = clone(prototype).set_params(**setting)._recipe(rows.matrix.shape[1], outputs, largest)
        recipes.append(replace(recipe, problem=replace(recipe.problem, missing=rows.missing)))
    return recipes


def _inner_scores(
    jobs: list[tuple[int, int, int]],
    results: list[MemberResult],
    recipes: Sequence[Recipe],
    table: Table,
    rows: Rows,
    folds: Sequence[OuterFold],
    places: list[list[int]],
    devices: list[jax.Device],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean inner score and loss of each setting in each outer fold, `(folds, settings)` each."""
    shape = (len(folds), len(recipes))
    if not jobs:
        return np.zeros(shape), np.zeros(shape)
    held_out = {
        p: score for o, fold in enumerate(folds) for p, (_, score) in zip(places[o], fold.inner, strict=True)
    }
    owner = {p: o for o, inside in enumerate(places) for p in inside}
    questions = [(i, split, held_out[split]) for i, (_, split, _) in enumerate(jobs)]
    outputs = _ask(recipes, jobs, results, table, questions, devices, rows)
    scores: list[list[list[float]]] = [[[] for _ in recipes] for _ in folds]
    losses: list[list[list[float]]] = [[[] for _ in recipes] for _ in folds]
    for (setting, split, _), answer, result in zip(jobs, outputs, results, strict=True):
        target = rows.targets[held_out[split]]
        bad = result.diverged
        scores[owner[split]][setting].append(-np.inf if bad else score_outputs(answer, target, rows.classes))
        losses[owner[split]][setting].append(np.inf if bad else mean_loss(answer, target, rows.classes))
    return np.mean(scores, axis=2), np.mean(losses, axis=2)


def _outer_answers(
    jobs: list[tuple[int, int, int]],
    results: list[MemberResult],
    recipes: Sequence[Recipe],
    table: Table,
    folds: Sequence[OuterFold],
    members: int,
    devices: list[jax.Device],
    rows: Rows,
) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Return, for each outer fold and member, its answers for the scored rows and for its training rows."""
    sets = [(fold.score, fold.train) for fold in folds for _ in range(members)]
    questions = [(i, jobs[i][1], part) for i, pair in enumerate(sets) for part in pair]
    flat = _ask(recipes, jobs, results, table, questions, devices, rows)
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    return [pairs[o * members : (o + 1) * members] for o in range(len(folds))]


def _ask(
    recipes: Sequence[Recipe],
    jobs: Sequence[tuple[int, int, int]],
    results: Sequence[MemberResult],
    table: Table,
    questions: Sequence[tuple[int, int, np.ndarray]],
    devices: list[jax.Device],
    rows: Rows,
) -> list[np.ndarray]:
    """Return answers in the unit of the task; members of equal structure are asked together."""
    answers: list[np.ndarray] = [np.zeros(0)] * len(questions)
    groups: dict[Any, list[int]] = {}
    for place, (member, _, _) in enumerate(questions):
        groups.setdefault(recipes[jobs[member][0]].problem, []).append(place)
    for problem, group in groups.items():
        found = fold_outputs(problem, table, results, [questions[g] for g in group], devices=devices)
        for place, answer in zip(group, found, strict=True):
            answers[place] = softmax(answer, axis=-1) if rows.classes else answer
    return answers


def _result(
    answers: Sequence[tuple[np.ndarray, np.ndarray]],
    rows: Rows,
    folds: Sequence[OuterFold],
    splits: Sequence[Split],
    outer_places: Sequence[int],
    fits: int,
    shared: Mapping[str, Any],
) -> NestedResult:
    """Return the result of one procedure from its answers for each outer fold."""
    outputs = empty_outputs(rows, folds[-1].repeat + 1)
    fold_scores, train_scores = [], []
    for fold, place, (scored, learned) in zip(folds, outer_places, answers, strict=True):
        outputs[fold.repeat, fold.score] = scored
        fold_scores.append(score_outputs(scored, rows.targets[fold.score], rows.classes))
        own = np.isin(fold.train, splits[place].train)
        train_scores.append(score_outputs(learned[own], rows.targets[fold.train[own]], rows.classes))
    return NestedResult(
        outputs=outputs,
        fold_scores=np.array(fold_scores),
        train_scores=np.array(train_scores),
        fits=fits,
        **shared,
    )
