"""Many fits of network estimators at once: each ends as it would have alone, all are trained as populations.

Folds and settings become members. Checks, merged rows, class weights, stopping rows, scaling and random
streams are made by the very functions that a fit alone uses, on the fit's own rows; only the rows themselves
are stored once. Fits of equal structure then share one program.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Integer
from sklearn.base import clone

from gorae.backend import select_devices
from gorae.errors import GoraeError, ParameterError
from gorae.estimators.fitting import anchors_of, merged, recipe_for, table_of
from gorae.estimators.given import given_pair, given_rows
from gorae.estimators.learned import Learned, answering_problem, encoding_of, encoding_only, set_learned
from gorae.estimators.parameters import check_count, root_seed
from gorae.estimators.population import Recipe, shape_of
from gorae.estimators.storage import stored_rows
from gorae.estimators.training_rows import TrainingRows, check_training_rows
from gorae.train import (
    Asked,
    Member,
    MemberResult,
    Progress,
    SharedRows,
    SplitRows,
    check_members,
    hyper_scalars,
    member_outputs,
    train,
)


class Fit(NamedTuple):
    """One fit that is asked for.

    Attributes:
        estimator: an unfitted network estimator, which `fit_together` fits in place.
        rows: the rows it learns from, as positions; fits of the same array of positions share what is made of
            their rows.
    """

    estimator: Any
    rows: Integer[np.ndarray, " rows"]


@dataclass(frozen=True)
class _Data:
    """The rows of all fits, checked."""

    matrix: np.ndarray
    targets: np.ndarray
    weight: Any
    groups: Any
    given: dict[str, Any]
    """What `fit` sets on an estimator when it checks rows: the number and the names of the features."""


@dataclass(frozen=True)
class _Ready:
    """A fit that can be trained: what it asks of the engine, and its rows as the engine reads them.

    `anchors` are what the stored rows and targets are differences from.
    """

    fit: Fit
    recipe: Recipe
    rows: TrainingRows
    split: SplitRows
    anchors: tuple[np.ndarray, np.ndarray]
    seed: int
    members: int

    @property
    def program(self) -> Hashable:
        """What fits must have in common to be trained by one call of the engine."""
        classes = None if self.rows.classes is None else tuple(self.rows.classes.tolist())
        stops = self.split.stop_rows.shape[-1] > 0
        stored = (self.anchors[0].tobytes(), self.anchors[1].tobytes())
        return self.recipe.problem, classes, stops, stored, self.fit.estimator.device


def fit_together(
    fits: Sequence[Fit],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    groups: Any = None,
    progress: Callable[[Progress], None] | None = None,
) -> list[GoraeError | None]:
    """Fit network estimators, each on its own rows, as populations.

    Each estimator ends as after `estimator.fit(X[rows], y[rows], sample_weight[rows], groups=groups[rows])`:
    bitwise where members run one by one, within rounding where small ones are stacked, or where a column is
    so far from 0 that it is stored as the difference from an anchor.

    Args:
        fits: who is to be fitted on which rows; all of one class.
        X: `(n, features)`, all rows.
        y: all targets.
        sample_weight: one weight a row, or None.
        groups: a group a row for early stopping, or None.
        progress: told about ten times a second, of all fits together.

    Returns:
        For each fit None, or why it could not be made: a parameter out of its range, rows that leave one
        class. Such an estimator stays unfitted.

    Raises:
        InputError: when X or y cannot be used at all.
        KeyboardInterrupt: on Ctrl-C; no estimator is then fitted.
    """
    if not fits:
        return []
    data = _checked(fits[0].estimator, X, y, sample_weight, groups)
    ready, refused = _prepared(fits, data)
    programs: dict[Hashable, list[_Ready]] = {}
    for one in ready:
        programs.setdefault(one.program, []).append(one)
    count = _Count(progress, ready)
    for alike in programs.values():
        members = _trained(alike, data, count)
        for one in alike:
            _learn(one, [next(members) for _ in range(one.members)], data)
    return refused


def answers_together(
    asked: Sequence[tuple[Any, Any]],
) -> list[Float32[np.ndarray, "members rows outputs"] | None]:
    """Return the outputs of fitted network estimators, each for its own rows, in few programs.

    Args:
        asked: pairs of an estimator and rows `(n, features)`, as `predict` would be given; equal objects are
            stored once.

    Returns:
        For each pair the outputs of its members in the model's scale, or None where they are not finite.
    """
    groups: dict[Hashable, list[int]] = {}
    for i, (estimator, X) in enumerate(asked):
        learned: Learned = estimator._learned
        key = (learned.shape, estimator.device, id(X), learned.anchor.tobytes())
        groups.setdefault(key, []).append(i)
    found: list[np.ndarray | None] = [None] * len(asked)
    for group in groups.values():
        first, X = asked[group[0]]
        matrix = stored_rows(given_rows(first, X), first._learned.anchor)
        everything = np.arange(len(matrix))
        questions = [
            Asked(member.parameters, member.buffers, asked[i][0]._learned.encoding, everything)
            for i in group
            for member in asked[i][0]._learned.members
        ]
        problem = answering_problem(first._learned.shape)
        answers = iter(member_outputs(problem, matrix, questions, devices=select_devices(first.device)))
        for i in group:
            own = np.stack([next(answers) for _ in asked[i][0]._learned.members])
            found[i] = own if np.isfinite(own).all() else None
    return found


class _Count:
    """Adds the progress of one program after the other up to that of all."""

    def __init__(self, progress: Callable[[Progress], None] | None, ready: Sequence[_Ready]):
        self._progress = progress
        self._epochs = {id(one): one.members * int(one.recipe.hyper["epochs"]) for one in ready}
        self._members = sum(one.members for one in ready)
        self._left = sum(self._epochs.values())
        self._before = Progress(self._members, 0, 0, self._left, -np.inf, 0.0)
        self._last = self._before

    def tell(self, now: Progress) -> None:
        """Hear how far one program is, and tell how far all are."""
        before = self._before
        self._last = Progress(
            members=self._members,
            finished=before.finished + now.finished,
            epochs=before.epochs + now.epochs,
            epochs_planned=before.epochs + now.epochs_planned + self._left,
            best_score=max(before.best_score, now.best_score),
            seconds=before.seconds + now.seconds,
        )
        if self._progress is not None:
            self._progress(self._last)

    def begin(self, alike: Sequence[_Ready]) -> None:
        """Hear that a program begins."""
        self._before = self._last
        self._left -= sum(self._epochs[id(one)] for one in alike)


def _checked(estimator: Any, X: Any, y: Any, sample_weight: Any, groups: Any) -> _Data:
    """Return all rows as arrays, and what checking them has set."""
    probe = clone(estimator)
    matrix, targets = given_pair(probe, X, y)
    given = {name: value for name, value in vars(probe).items() if name.endswith("_in_")}
    weight = None if sample_weight is None else np.asarray(sample_weight)
    return _Data(matrix, targets, weight, None if groups is None else np.asarray(groups), given)


def _prepared(fits: Sequence[Fit], data: _Data) -> tuple[list[_Ready], list[GoraeError | None]]:
    """Return the fits that can be trained, and for each fit None or why it cannot."""
    ready: list[_Ready] = []
    refused: list[GoraeError | None] = []
    made: dict[Hashable, Any] = {}

    def once(key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in made:
            made[key] = make()
        return made[key]

    for fit in fits:
        try:
            ready.append(_prepare(fit, data, once))
            refused.append(None)
        except GoraeError as error:
            refused.append(error)
    return ready, refused


def _prepare(fit: Fit, data: _Data, once: Callable[[Hashable, Callable[[], Any]], Any]) -> _Ready:
    """Return a fit that can be trained; `once` remembers what fits share."""
    estimator, which = fit.estimator, id(fit.rows)
    if getattr(estimator, "checkpoint", None) is not None:
        raise ParameterError("checkpoint must be None where many fits are made at once: it holds one fit.")
    rows = once(("rows", which), lambda: _part(estimator, data, fit.rows))
    early = bool(getattr(estimator, "early_stopping", False))
    recipe, rows = recipe_for(
        estimator, rows, lambda own: once(("merged", which, early), lambda: merged(own))
    )
    members, seed = check_count("members", estimator.members), root_seed(estimator.random_state)
    values = None if rows.classes is not None else data.targets.reshape(len(data.targets), -1)
    scale = repr(estimator.scale)
    anchors = once(("anchors", scale), lambda: anchors_of(estimator, data.matrix, values))
    options = [repr(getattr(estimator, n, None)) for n in ("validation_fraction", "class_weight")]
    split = once(
        ("split", which, recipe.merge, scale, *options, early, seed if early else None),
        lambda: _split(estimator, rows, fit.rows, anchors, seed),
    )
    select_devices(estimator.device)
    return _Ready(fit, recipe, rows, split, anchors, seed, members)


def _part(estimator: Any, data: _Data, rows: np.ndarray) -> TrainingRows:
    """Return the rows of one fit, checked as the fit alone would check them."""
    return check_training_rows(
        clone(estimator),
        data.matrix[rows],
        data.targets[rows],
        None if data.weight is None else data.weight[rows],
        first=True,
        groups=None if data.groups is None else data.groups[rows],
    )


def _split(
    estimator: Any, part: TrainingRows, rows: np.ndarray, anchors: tuple[np.ndarray, np.ndarray], seed: int
) -> SplitRows:
    """Return the split that a fit alone would make of its rows, with their positions among all rows."""
    split = table_of(estimator, part, anchors, seed).splits[0]
    places = rows[part.positions].astype(np.int32)
    return split._replace(train_rows=places[split.train_rows], stop_rows=places[split.stop_rows])


def _trained(alike: Sequence[_Ready], data: _Data, count: _Count) -> Iterator[MemberResult]:
    """Return the members of fits that share a program, fit by fit."""
    first = alike[0]
    distinct = {id(one.split): one.split for one in alike}
    places = {key: place for place, key in enumerate(distinct)}
    members = [
        Member(hyper_scalars(**one.recipe.hyper, seed=one.seed, stream=stream), places[id(one.split)])
        for one in alike
        for stream in range(one.members)
    ]
    check_members(first.recipe.problem, len(members))
    shared = SharedRows(stored_rows(data.matrix, first.anchors[0]), _targets(first, data))
    devices = select_devices(first.fit.estimator.device)
    count.begin(alike)
    outcome = train(
        first.recipe.problem,
        shared,
        _of_one_size(list(distinct.values())),
        members,
        devices=devices,
        progress=count.tell,
    )
    if outcome.interrupted:
        raise KeyboardInterrupt
    return iter([result for result in outcome.results if result is not None])


def _targets(one: _Ready, data: _Data) -> np.ndarray:
    """Return the targets of all rows as the engine stores them, in the class codes of one fit."""
    if one.rows.classes is None:
        return (data.targets.reshape(len(data.targets), -1) - one.anchors[1]).astype(np.float32)
    places = np.searchsorted(one.rows.classes, data.targets)  # rows of other classes are none of its own
    return np.minimum(places, len(one.rows.classes) - 1).astype(np.int32)


def _of_one_size(splits: Sequence[SplitRows]) -> list[SplitRows]:
    """Return splits whose rows are padded to the sizes of the largest."""
    train, stop = (max(len(rows) for rows in sizes) for sizes in _row_arrays(splits))

    def padded(rows: np.ndarray, size: int) -> np.ndarray:
        return np.concatenate([rows, np.zeros(size - len(rows), rows.dtype)])

    return [
        split._replace(
            train_rows=padded(split.train_rows, train),
            train_weight=padded(split.train_weight, train),
            stop_rows=padded(split.stop_rows, stop),
            stop_weight=padded(split.stop_weight, stop),
        )
        for split in splits
    ]


def _row_arrays(splits: Sequence[SplitRows]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the training rows, and the stopping rows, of all splits."""
    return [split.train_rows for split in splits], [split.stop_rows for split in splits]


def _learn(one: _Ready, members: Sequence[MemberResult], data: _Data) -> None:
    """Give an estimator what its fit has left."""
    estimator = one.fit.estimator
    vars(estimator).update(data.given)
    if one.rows.classes is not None:
        estimator.classes_ = one.rows.classes
    learned = Learned(
        shape=shape_of(one.recipe.problem),
        encoding=encoding_only(encoding_of(one.split)),
        anchor=one.anchors[0],
        target_anchor=one.anchors[1],
        flat_target=one.rows.flat,
        seed=one.seed,
        streams=tuple(range(one.members)),
        members=tuple(members),
    )
    set_learned(estimator, learned)
