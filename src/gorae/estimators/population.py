"""Where models and training meet: networks become problems, folds become tables, settings become members."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Array

from gorae.backend import Device
from gorae.data.folds import Split, pack_splits, size_class
from gorae.data.scaling import fit_affines
from gorae.data.targets import class_weights
from gorae.errors import ParameterError
from gorae.estimators.padding import into_wide, out_of_wide, widened
from gorae.estimators.widths import can_be_widened
from gorae.models.mlp import MLP, MLPShape, build_unit_mlp
from gorae.models.mlp_widths import with_room
from gorae.models.network import Network, parameters_by_layer
from gorae.models.shape import NetworkShape
from gorae.train import (
    Asked,
    Checkpoint,
    Draw,
    Member,
    MemberResult,
    Problem,
    Progress,
    SharedRows,
    SplitRows,
    hyper_scalars,
    member_outputs,
    train,
)

_FEW_ROWS = 64
_LARGEST_COPY = 64 << 20


@dataclass(frozen=True)
class Build:
    """Makes a network of a shape from a key and a member's numbers; equal shapes are equal builds.

    Args:
        shape: its structure.
        unit: whether its weights are left as they are drawn, for `scaled_mlp`; of an `MLPShape` only.
        room: whether its hidden layers are told how many of their units are their own; of an `MLPShape` only.
    """

    shape: NetworkShape
    unit: bool = False
    room: bool = False

    def __call__(self, key: Array, hyper: Mapping[str, Array]) -> Network:
        """Return a new network."""
        if self.unit and isinstance(self.shape, MLPShape):
            return build_unit_mlp(key, self.shape, dropout_rate=hyper["dropout"])
        model = self.shape.build(key, hyper)
        return with_room(model) if self.room and isinstance(model, MLP) else model


@dataclass(frozen=True)
class Recipe:
    """What one setting of an estimator asks of the engine.

    Args:
        problem: what its members are.
        hyper: the member's own numbers, and the levels where it answers quantiles.
        merge: whether equal rows may be made one with their summed weight, because they share every step.
        wide: the problem, with wider layers, of the program that trains its members; None: their own.
        draw: what its members begin with, where that is not drawn by the problem.
    """

    problem: Problem
    hyper: Mapping[str, Any]
    merge: bool = False
    wide: Problem | None = None
    draw: Draw | None = None

    @property
    def trained(self) -> Problem:
        """What its program is made for."""
        return self.wide or self.problem

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of the quantiles that its members answer; none where they answer something else."""
        return tuple(self.hyper.get("levels", ()))

    @property
    def within(self) -> list[int] | None:
        """The widths of the hidden layers of a program for wider layers; None where it is their own."""
        shape = None if self.wide is None else shape_of(self.wide)
        return list(shape.hidden) if isinstance(shape, MLPShape) else None

    def member(self, split: int, *, seed: int, stream: int, state: Any = None) -> Member:
        """Return one of its members as its program trains it.

        Args:
            split: the fold.
            seed: the root seed.
            stream: of random numbers.
            state: where it goes on, or None.
        """
        one = Member(hyper_scalars(**self.hyper, seed=seed, stream=stream), split, state, self.draw)
        return one if self.wide is None else into_wide(one, self.problem, self.wide)

    def result(self, trained: MemberResult) -> MemberResult:
        """Return what its program has made of a member, as the member's own."""
        return trained if self.wide is None else out_of_wide(trained, self.problem)


@dataclass(frozen=True)
class Table:
    """Rows and targets that all members share (padded at their end), and the folds that they learn from."""

    shared: SharedRows
    splits: list[SplitRows]


def network_problem(shape: NetworkShape, **options: Any) -> Problem:
    """Return the problem of training networks of this shape."""
    return Problem(
        build=Build(shape),
        layers=parameters_by_layer,
        row_work=shape.row_work,
        row_numbers=shape.row_numbers,
        **options,
    )


def build_of(problem: Problem) -> Build:
    """Return what makes the networks that a problem trains."""
    assert isinstance(problem.build, Build)
    return problem.build


def shape_of(problem: Problem) -> NetworkShape:
    """Return the shape of the networks that a problem trains."""
    return build_of(problem).shape


def within_widths(recipe: Recipe, widths: Sequence[int] | None) -> Recipe:
    """Return a recipe for a program of these widths, where its networks can be trained in one."""
    shape = shape_of(recipe.problem)
    if (
        widths is None
        or not isinstance(shape, MLPShape)
        or not can_be_widened(shape)
        or recipe.problem.on_host
    ):
        return recipe
    if len(widths) != len(shape.hidden) or any(a > b for a, b in zip(shape.hidden, widths, strict=True)):
        return recipe
    return replace(recipe, wide=widened(recipe.problem, widths))


def make_table(
    matrix: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray | None,
    splits: Sequence[Split],
    *,
    classes: int,
    scale: str,
    class_weight: Any = None,
) -> Table:
    """Return the table of a fit: every fold with its own encoding, fitted on its own training rows.

    Args:
        matrix: `(n, features)` uint8 or float32, NaN for missing.
        targets: class codes `(n,)` or values `(n, outputs)`.
        weight: one weight a row, or None for ones; only their ratios count.
        splits: which rows each fold learns from and stops on.
        classes: number of classes, 0 for regression.
        scale: "standard" (a column each), "common" (one for all columns) or "none".
        class_weight: None, "balanced" or a dictionary from class code to weight.

    Returns:
        Rows, targets and folds in the form the engine reads.
    """
    weight = _ratios(len(matrix), weight)
    train_rows = [split.train for split in splits]
    encoding = fit_affines(matrix, train_rows, weight, kind=scale)
    if classes:
        targets = np.asarray(targets, np.int32)
        shift = np.zeros((len(splits), 0), np.float32)
        target_scale = shift
    else:
        targets = np.asarray(targets, np.float32)
        units = fit_affines(targets, train_rows, weight, kind="standard")
        shift = np.asarray(units.shift, np.float32)
        target_scale = np.where(units.scale > 0, units.scale, 1.0).astype(np.float32)
    packed = pack_splits(splits, weight, multiple=_FEW_ROWS)
    stops = packed.stop_rows.shape[1] if packed.stop_count.any() else 0
    factors = [class_factors(targets, weight, split, classes, class_weight) for split in splits]
    rows = [
        SplitRows(
            fill=np.asarray(encoding.fill[s], np.float32),
            shift=np.asarray(encoding.shift[s], np.float32),
            scale=np.asarray(encoding.scale[s], np.float32),
            target_shift=shift[s],
            target_scale=target_scale[s],
            train_rows=packed.train_rows[s],
            train_weight=_times(packed.train_weight[s], factors[s], targets[packed.train_rows[s]]),
            train_count=np.int32(packed.train_count[s]),
            stop_rows=packed.stop_rows[s, :stops],
            stop_weight=_times(packed.stop_weight[s], factors[s], targets[packed.stop_rows[s]])[:stops],
            stop_count=np.int32(packed.stop_count[s]),
        )
        for s in range(len(splits))
    ]
    return Table(SharedRows(with_padding(matrix), with_padding(targets)), rows)


def padded_count(rows: int) -> int:
    """Return the number of rows that so many are padded to: one of few, so that programs are shared.

    Example:
        >>> [padded_count(rows) for rows in (1, 33, 130, 1000)]
        [64, 64, 192, 1024]
    """
    return size_class(rows, multiple=_FEW_ROWS)


def with_padding(array: np.ndarray) -> np.ndarray:
    """Return the rows with zeros after them, to which no split points; a large array stays as it is."""
    extra = padded_count(len(array)) - len(array)
    if extra == 0 or array.nbytes > _LARGEST_COPY:
        return array
    return np.concatenate([array, np.zeros((extra, *array.shape[1:]), array.dtype)])


def _ratios(rows: int, weight: np.ndarray | None) -> np.ndarray:
    """Return weights over their mean, so that those of any size keep their ratios in float32."""
    if weight is None:
        return np.ones(rows, np.float32)
    values = np.asarray(weight, np.float64)
    largest = float(values.max(initial=0.0))
    if not largest > 0:
        return np.zeros(rows, np.float32)
    shares = values / largest
    return (shares / shares.mean()).astype(np.float32)


def class_factors(
    targets: np.ndarray, weight: np.ndarray, split: Split, classes: int, class_weight: Any
) -> np.ndarray | None:
    """Return the weight of each class that the fold's training rows give, or None where classes have none."""
    if not classes or class_weight is None:
        return None
    learned = split.train[weight[split.train] > 0]
    codes, own = targets[learned], weight[learned].astype(np.float64)
    factors = np.ones(classes)
    factors[codes] = class_weights(class_weight, codes, np.arange(classes), own) / own
    largest = factors[codes].max()
    if not largest > 0:
        raise ParameterError(f"class_weight is 0 for every class that there is, got {class_weight!r}.")
    # Only their ratios count; a power of two changes no bit of those, and none overflows in float32.
    return np.ldexp(factors, -int(np.frexp(largest)[1]))


def _times(weight: np.ndarray, factors: np.ndarray | None, codes: np.ndarray) -> np.ndarray:
    """Return row weights times the weights of the rows' classes; padding stays 0."""
    return weight if factors is None else (weight * factors[codes]).astype(np.float32)


def train_recipes(
    table: Table,
    recipes: Sequence[Recipe],
    members: Sequence[tuple[int, int, int]],
    *,
    seed: int,
    devices: list[Device],
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
    states: Sequence[Any] | None = None,
    keep_state: bool = False,
    alone: bool = False,
) -> tuple[list[MemberResult | None], bool]:
    """Train members of several settings; settings of equal structure are one population.

    Args:
        table: the data and its folds.
        recipes: the settings.
        members: for each member its recipe, its split and its stream of random numbers.
        seed: the root seed.
        devices: where.
        progress: told about ten times a second.
        checkpoint: where members are kept while they train.
        states: for each member the state to go on from, or None.
        keep_state: whether results hold their state.
        alone: whether there is one member, whose steps may be divided over the cores.

    Returns:
        One result a member, and whether Ctrl-C cut the training short.
    """
    results: list[MemberResult | None] = [None] * len(members)
    groups: dict[Problem, list[int]] = {}
    for i, (recipe, _, _) in enumerate(members):
        groups.setdefault(recipes[recipe].trained, []).append(i)
    for problem, group in groups.items():
        jobs = []
        for i in group:
            recipe, split, stream = members[i]
            state = states[i] if states else None
            jobs.append(recipes[recipe].member(split, seed=seed, stream=stream, state=state))
        outcome = train(
            problem,
            table.shared,
            table.splits,
            jobs,
            devices=devices,
            progress=progress,
            checkpoint=checkpoint,
            keep_state=keep_state,
            alone=alone,
        )
        for i, result in zip(group, outcome.results, strict=True):
            results[i] = None if result is None else recipes[members[i][0]].result(result)
        if outcome.interrupted:
            return results, True
    return results, False


def fold_outputs(
    problem: Problem,
    table: Table,
    results: Sequence[MemberResult],
    questions: Sequence[tuple[int, int, np.ndarray]],
    *,
    devices: list[Device],
    features: bool = False,
) -> list[np.ndarray]:
    """Return the outputs of trained members for rows of the table.

    Args:
        problem: the members' problem.
        table: the data they were trained on.
        results: trained members.
        questions: (member, split, rows) triples.
        devices: where.
        features: whether to return the last hidden layer instead.

    Returns:
        For each question an array `(rows, outputs)`; regression in the target's own unit.
    """
    asked = [
        Asked(results[m].parameters, results[m].buffers, table.splits[s], rows) for m, s, rows in questions
    ]
    answers = member_outputs(problem, table.shared.rows, asked, devices=devices, features=features)
    if problem.classes or features:
        return answers
    return [
        in_target_unit(answer, table.splits[s]) for answer, (_, s, _) in zip(answers, questions, strict=True)
    ]


def in_target_unit(outputs: np.ndarray, split: SplitRows) -> np.ndarray:
    """Return regression outputs in the unit of the targets instead of the fold's, in float64."""
    scale, shift = (np.asarray(part, np.float64) for part in (split.target_scale, split.target_shift))
    return outputs / scale + shift
