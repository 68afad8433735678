"""Fitting a network estimator: from checked arrays to trained members."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gorae.backend import select_devices
from gorae.data.folds import Split, cut_stop_rows
from gorae.data.sequence_rows import PackedRows
from gorae.data.vectors import Found
from gorae.data.vocabulary import FIRST_TOKEN
from gorae.errors import ParameterError
from gorae.estimators.going_on import (
    check_same_levels,
    check_same_shape,
    members_to_train,
    state_to_go_on,
)
from gorae.estimators.learned import Learned, encoding_of, encoding_only, joined, set_learned
from gorae.estimators.parameters import check_choice, check_count, check_flag, check_real, root_seed
from gorae.estimators.population import (
    Recipe,
    Table,
    make_table,
    shape_of,
    train_recipes,
    within_widths,
)
from gorae.estimators.progress import training_bar
from gorae.estimators.sequence_encoding import fold_encoding
from gorae.estimators.starting_vectors import of_table, with_vectors
from gorae.estimators.storage import anchor_of, distinct_rows, stored_rows
from gorae.estimators.telling import tell_outcome
from gorae.estimators.training_rows import TrainingRows, check_training_rows, coded_class_weight
from gorae.train import Checkpoint, MemberResult, SplitRows, check_members


@contextmanager
def unchanged_on_failure(estimator: Any) -> Iterator[None]:
    """Leave an estimator as it was when what is done inside the block fails or is interrupted."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def fit_network(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    earlier: Learned | None = None,
    classes: Any = None,
    groups: Any = None,
    one_epoch: bool = False,
) -> None:
    """Train the estimator's members and set what was learned.

    Args:
        estimator: a network estimator.
        X: rows.
        y: targets.
        sample_weight: weights of the rows, or None.
        earlier: what an earlier fit has left, to go on from.
        classes: every class label that may come; None to take those of y.
        groups: a group a row, which early stopping does not tear apart, or None.
        one_epoch: whether to make one pass over the rows with a constant learning rate, and keep all that is
            needed to go on (`partial_fit`).
    """
    rows = check_training_rows(
        estimator, X, y, sample_weight, first=earlier is None, classes=classes, groups=groups
    )
    recipe, rows = recipe_for(estimator, rows)
    recipe = within_widths(recipe, vars(estimator).get("_within"))
    if one_epoch:
        recipe = replace(recipe, problem=replace(recipe.problem, schedule="constant"))
    if earlier is not None:
        check_same_shape(earlier.shape, shape_of(recipe.problem))
        check_same_levels(earlier.levels, recipe.levels)
    seed = root_seed(estimator.random_state) if earlier is None else earlier.seed
    anchors = _anchors(estimator, rows, earlier)
    table = table_of(estimator, rows, anchors, seed)
    if earlier is not None:
        table.splits[0] = table.splits[0]._replace(**encoding_of(earlier.encoding))
    recipe = beginning_with(recipe, of_table(estimator, rows.matrix), table.splits[0])
    asked = check_count("members", estimator.members)
    check_members(recipe.trained, asked)
    wanted = members_to_train(earlier, asked, recipe, epochs=1 if one_epoch else int(recipe.hyper["epochs"]))
    with training_bar(0 if one_epoch else estimator.verbose, asked) as progress:
        results, interrupted = train_recipes(
            table,
            [job.recipe for job in wanted],
            [(i, 0, job.stream) for i, job in enumerate(wanted)],
            seed=seed,
            devices=select_devices(estimator.device),
            progress=progress,
            checkpoint=None if one_epoch else _checkpoint(estimator),
            states=[state_to_go_on(job.earlier, recipe) for job in wanted],
            keep_state=one_epoch or bool(getattr(estimator, "warm_start", False)),
            alone=asked == 1,
        )
    pairs = [(job, _one_member(job.earlier, result)) for job, result in zip(wanted, results, strict=True)]
    kept = [(job, member) for job, member in pairs if member is not None]
    if rows.classes is not None:
        estimator.classes_ = rows.classes
    learned = Learned(
        shape=shape_of(recipe.problem),
        encoding=encoding_only(encoding_of(table.splits[0])),
        anchor=anchors[0],
        target_anchor=anchors[1],
        flat_target=rows.flat if earlier is None else earlier.flat_target,
        seed=seed,
        streams=tuple(job.stream for job, _ in kept),
        members=tuple(member for _, member in kept),
        levels=recipe.levels,
    )
    set_learned(estimator, learned)
    tell_outcome([(job.recipe, member) for job, member in kept], interrupted, asked, quick=one_epoch)


def recipe_for(
    estimator: Any, rows: TrainingRows, merge: Callable[[TrainingRows], TrainingRows] | None = None
) -> tuple[Recipe, TrainingRows]:
    """Return what the parameters ask of the engine, and the rows with equal ones merged where they may be.

    Groups are for early stopping; without it they decide nothing. `merge` is `merged`, or what remembers it.
    """
    if not getattr(estimator, "early_stopping", False):
        rows = rows._replace(groups=None)
    outputs = len(rows.classes) if rows.classes is not None else rows.targets.shape[1]
    recipe = estimator._recipe_of(rows.matrix, outputs)
    if not recipe.merge:
        return recipe, rows
    rows = (merge or merged)(rows)
    return estimator._recipe_of(rows.matrix, outputs), rows


def beginning_with(recipe: Recipe, found: Found | None, split: SplitRows) -> Recipe:
    """Return a recipe whose members begin with the vectors of a table's tokens, if there are any."""
    return recipe if found is None else with_vectors(recipe, found, split.codes[FIRST_TOKEN:])


def merged(rows: TrainingRows) -> TrainingRows:
    """Return distinct rows with their summed weights."""
    first, weight = distinct_rows(rows.matrix, rows.targets, rows.weight, rows.groups)
    return rows._replace(
        matrix=rows.matrix[first],
        targets=rows.targets[first],
        weight=weight,
        groups=None if rows.groups is None else rows.groups[first],
        positions=rows.positions[first],
    )


def anchors_of(
    estimator: Any, matrix: np.ndarray, values: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is subtracted from columns and from values; only what is standardised can be moved."""
    standard = _scale_kind(estimator.scale, matrix) == "standard" and not isinstance(matrix, PackedRows)
    anchor = anchor_of(matrix) if standard else np.zeros(matrix.shape[1])
    return anchor, np.zeros(0) if values is None else anchor_of(values)


def _anchors(estimator: Any, rows: TrainingRows, earlier: Learned | None) -> tuple[np.ndarray, np.ndarray]:
    """Return what rows and targets are stored as differences from: that of the fit that is gone on with."""
    if earlier is not None:
        return earlier.anchor, earlier.target_anchor
    return anchors_of(estimator, rows.matrix, None if rows.classes is not None else rows.targets)


def table_of(estimator: Any, rows: TrainingRows, anchors: tuple[np.ndarray, np.ndarray], seed: int) -> Table:
    """Return the rows as the engine reads them, with an encoding fitted on them."""
    classify = rows.classes is not None
    packed = rows.matrix if isinstance(rows.matrix, PackedRows) else None
    stored = stored_rows(rows.matrix, anchors[0])
    targets = rows.targets if classify else rows.targets - anchors[1]
    split = stop_split(estimator, targets, rows.groups, classify, seed)
    table = make_table(
        stored,
        targets,
        rows.weight,
        [split],
        classes=len(rows.classes) if rows.classes is not None else 0,
        scale=_scale_kind(estimator.scale, stored) if packed is None else "none",
        class_weight=coded_class_weight(getattr(estimator, "class_weight", None), rows.classes),
    )
    if packed is not None:
        own = fold_encoding(
            packed,
            split.train,
            rows.weight,
            max_tokens=check_count("max_tokens", estimator.max_tokens),
            min_count=check_count("min_count", estimator.min_count),
            standardise=_scale_kind(estimator.scale, stored) != "none",
        )
        table.splits[0] = table.splits[0]._replace(**own)
    return table


def stop_split(
    estimator: Any, targets: np.ndarray, groups: np.ndarray | None, stratify: bool, seed: int
) -> Split:
    """Return the rows to learn from and, with early stopping, the rows cut from them to stop on."""
    everything = np.arange(len(targets), dtype=np.int32)
    nothing = np.zeros(0, np.int32)
    fraction = check_real(
        "validation_fraction",
        getattr(estimator, "validation_fraction", 0.1),
        0,
        1,
        open_low=True,
        open_high=True,
    )
    if not check_flag("early_stopping", getattr(estimator, "early_stopping", False)):
        return Split(everything, nothing, nothing)
    values = targets if stratify else targets[:, 0]
    train, stop = cut_stop_rows(
        everything, values, fraction=fraction, seed=seed, stratify=stratify, groups=groups
    )
    return Split(train, stop, nothing)


def _scale_kind(scale: Any, matrix: np.ndarray) -> str:
    """Return how inputs are scaled: bytes by one number for all columns, the rest a column each."""
    check_choice("scale", scale, ["auto", "standard", "common", None])
    if scale == "auto":
        return "common" if matrix.dtype == np.uint8 else "standard"
    return "none" if scale is None else scale


def _checkpoint(estimator: Any) -> Checkpoint | None:
    """Return where members are kept while they train, if anywhere.

    Raises:
        ParameterError: when it is no path, or the fit is one that goes on from an earlier one.
    """
    folder = getattr(estimator, "checkpoint", None)
    if folder is None:
        return None
    if estimator.warm_start:
        raise ParameterError(
            "checkpoint and warm_start cannot be used together: a checkpoint holds one fit from its start; "
            "set one of them to its default."
        )
    try:
        return Checkpoint(Path(folder))
    except TypeError as error:
        raise ParameterError(f"checkpoint must be None or the path of a folder, got {folder!r}.") from error


def _one_member(earlier: MemberResult | None, result: MemberResult | None) -> MemberResult | None:
    """Return a member with the whole of its history; one that Ctrl-C left untrained is what it was."""
    if result is None or earlier is None:
        return result or earlier
    return result._replace(history=joined(earlier.history, result.history))
