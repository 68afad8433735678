"""Nested cross-validation of networks: all folds and settings are one population."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import clone

from gorae.backend import Device
from gorae.data import Split, cut_stop_rows
from gorae.data.sequence_rows import PackedRows
from gorae.estimators.population import Recipe, Table, fold_outputs, make_table, train_recipes
from gorae.estimators.sequence_encoding import fold_encoding
from gorae.estimators.storage import anchor_of
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
)
from gorae.train import MemberResult, Progress

_MEMBER_STREAM = 100_003

Job = tuple[int, int, int]
"""A member to train: its setting, its split, its stream of random numbers."""


@dataclass(frozen=True)
class _Population:
    """What all members of a nested cross-validation share."""

    rows: Rows
    splits: list[Split]
    table: Table
    recipes: list[Recipe]
    anchor: np.ndarray
    seed: int
    devices: list[Device]


def nested_networks(
    prototype: Any,
    settings: Sequence[Mapping[str, Any]],
    rows: Rows,
    folds: Sequence[OuterFold],
    *,
    members: int = 1,
    validation_fraction: float = 0.1,
    seed: int,
    devices: list[Device],
    progress: Tell | None = None,
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
        The result of a single network, and that of the ensemble (None where `members` is 1). Fits and seconds
        of the ensemble are those of its further members only, so that both results add up to all; the time is
        shared out by fits.

    Raises:
        KeyboardInterrupt: on Ctrl-C; a score of half a cross-validation is none.
    """
    began = time.perf_counter()
    tried = len(settings) if len(settings) > 1 else 0
    population, places = _population(
        prototype, settings, rows, folds, validation_fraction, seed, devices, inner=tried > 0
    )
    inner_jobs = [(s, p, p) for fold in places for p in fold[:-1] for s in range(tried)]
    total = len(inner_jobs) + len(folds) * members
    results = _trained(population, inner_jobs, _counted(progress, 0, total))
    choice = _choice(population, inner_jobs, results, folds, places)
    jobs = [
        (choice.chosen[o], fold[-1], fold[-1] + _MEMBER_STREAM * m)
        for o, fold in enumerate(places)
        for m in range(members)
    ]
    results = _trained(population, jobs, _counted(progress, len(inner_jobs), total))
    answers = _outer_answers(population, jobs, results, folds, members)
    seconds, fits = time.perf_counter() - began, len(inner_jobs) + len(folds)
    firsts = [of_fold[0] for of_fold in answers]
    single = nested_result(rows, folds, firsts, choice, fits=fits, seconds=seconds * fits / total)
    single.histories = [results[o * members].history for o in range(len(folds))]
    if members == 1:
        return single, None
    means = [
        FoldAnswer(
            np.mean([a.scored for a in of_fold], axis=0),
            np.mean([a.learned for a in of_fold], axis=0),
            of_fold[0].learned_rows,
        )
        for of_fold in answers
    ]
    further = total - fits
    ensemble = nested_result(rows, folds, means, choice, fits=further, seconds=seconds * further / total)
    ensemble.histories = [result.history for result in results[:members]]
    ensemble.histories_of = "member"
    return single, ensemble


def _population(
    prototype: Any,
    settings: Sequence[Mapping[str, Any]],
    rows: Rows,
    folds: Sequence[OuterFold],
    fraction: float,
    seed: int,
    devices: list[Device],
    *,
    inner: bool,
) -> tuple[_Population, list[list[int]]]:
    """Return what members share, and where each fold's splits are: the inner ones, then the outer one."""
    splits: list[Split] = []
    places: list[list[int]] = []
    for fold in folds:
        trains = [train for train, _ in fold.inner] if inner else []
        places.append(list(range(len(splits), len(splits) + len(trains) + 1)))
        for train in [*trains, fold.train]:
            learn, stop = cut_stop_rows(
                train,
                rows.strata,
                fraction=fraction,
                seed=seed + len(splits),
                stratify=rows.classes > 0,
                groups=rows.groups,
            )
            splits.append(Split(learn, stop, np.zeros(0, np.int32)))
    anchor = np.zeros(1) if rows.classes else anchor_of(rows.targets)
    targets = rows.targets if rows.classes else rows.targets - anchor
    table = make_table(rows.matrix, targets, None, splits, classes=rows.classes, scale=rows.scale)
    if isinstance(rows.matrix, PackedRows):
        table = _with_vocabularies(table, rows.matrix, splits, prototype)
    recipes = _recipes(prototype, settings, rows, max(len(split.train) for split in splits))
    return _Population(rows, splits, table, recipes, anchor, seed, devices), places


def _with_vocabularies(table: Table, matrix: PackedRows, splits: Sequence[Split], prototype: Any) -> Table:
    """Return the table of sequences: every fold knows the tokens of its own training rows."""
    options = {
        "max_tokens": prototype.max_tokens,
        "min_count": prototype.min_count,
        "standardise": prototype.scale is not None,
    }
    own = [fold_encoding(matrix, split.train, None, **options) for split in splits]
    return replace(table, splits=[one._replace(**read) for one, read in zip(table.splits, own, strict=True)])


def _recipes(prototype: Any, settings: Sequence[Mapping[str, Any]], rows: Rows, largest: int) -> list[Recipe]:
    """Return the recipe of each setting, for rows that may miss values."""
    outputs = rows.classes or rows.targets.shape[1]
    missing = rows.missing
    recipes = []
    for setting in settings:
        estimator: Any = clone(prototype)
        recipe = estimator.set_params(**setting)._recipe_of(rows.matrix[:largest], outputs)
        recipes.append(replace(recipe, problem=replace(recipe.problem, missing=missing)))
    return recipes


def _counted(progress: Tell | None, before: int, total: int) -> Callable[[Progress], None] | None:
    """Return what hears of a training as a part of the whole, or None."""
    if progress is None:
        return None

    def tell(now: Progress) -> None:
        trained = max(now.finished / now.members, now.epochs / max(now.epochs_planned, 1))
        share = (before + trained * now.members) / total
        progress(Step(before + now.finished, total, share, now.best_score))

    return tell


def _trained(
    population: _Population, jobs: Sequence[Job], progress: Callable[[Progress], None] | None
) -> list[MemberResult]:
    """Return all members, trained to their end."""
    if not jobs:
        return []
    results, interrupted = train_recipes(
        population.table,
        population.recipes,
        jobs,
        seed=population.seed,
        devices=population.devices,
        progress=progress,
    )
    if interrupted:
        raise KeyboardInterrupt
    return [result for result in results if result is not None]


def _choice(
    population: _Population,
    jobs: Sequence[Job],
    results: Sequence[MemberResult],
    folds: Sequence[OuterFold],
    places: Sequence[Sequence[int]],
) -> Choice:
    """Return the mean inner scores and losses of all settings, and what each outer fold chooses."""
    rows, settings = population.rows, len(population.recipes)
    scores, losses = np.zeros((2, len(folds), settings))
    if jobs:
        held_out = {
            place: score
            for fold, own in zip(folds, places, strict=True)
            for place, (_, score) in zip(own, fold.inner, strict=False)
        }
        questions = [(i, split, held_out[split]) for i, (_, split, _) in enumerate(jobs)]
        found: dict[int, list[list[tuple[float, float]]]] = {}
        for (setting, split, _), answer, result in zip(
            jobs, _ask(population, jobs, results, questions), results, strict=True
        ):
            told = found.setdefault(split, [[] for _ in range(settings)])[setting]
            target = rows.targets[held_out[split]]
            told.append(
                (-np.inf, np.inf)
                if result.diverged
                else (score_outputs(answer, target, rows.classes), mean_loss(answer, target, rows.classes))
            )
        for o, own in enumerate(places):
            if len(own) > 1:
                means = np.mean([found[place] for place in own[:-1]], axis=(0, 2))
                scores[o], losses[o] = means.T
    return Choice(scores, losses, [choose(scores[o], losses[o]) for o in range(len(folds))])


def _outer_answers(
    population: _Population,
    jobs: Sequence[Job],
    results: Sequence[MemberResult],
    folds: Sequence[OuterFold],
    members: int,
) -> list[list[FoldAnswer]]:
    """Return, for each fold and member, its answers for the scored rows and for those it learned from."""
    scored = [fold.score for fold in folds for _ in range(members)]
    learned = [population.splits[split].train for _, split, _ in jobs]
    questions = [
        (i, jobs[i][1], part) for i, pair in enumerate(zip(scored, learned, strict=True)) for part in pair
    ]
    flat = _ask(population, jobs, results, questions)
    answers = [FoldAnswer(*each) for each in zip(flat[::2], flat[1::2], learned, strict=True)]
    return [answers[o * members : (o + 1) * members] for o in range(len(folds))]


def _ask(
    population: _Population,
    jobs: Sequence[Job],
    results: Sequence[MemberResult],
    questions: Sequence[tuple[int, int, np.ndarray]],
) -> list[np.ndarray]:
    """Return answers in the unit of the task; members of equal structure are asked together."""
    answers: list[np.ndarray] = [np.zeros(0)] * len(questions)
    groups: dict[Any, list[int]] = {}
    for place, (member, _, _) in enumerate(questions):
        groups.setdefault(population.recipes[jobs[member][0]].problem, []).append(place)
    for problem, group in groups.items():
        asked = [questions[g] for g in group]
        found = fold_outputs(problem, population.table, results, asked, devices=population.devices)
        for place, answer in zip(group, found, strict=True):
            answers[place] = (
                softmax(answer, axis=-1) if population.rows.classes else answer + population.anchor
            )
    return answers
