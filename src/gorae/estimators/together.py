"""Many fits of network estimators at once: each ends as it would have alone, all are trained as populations.

Folds and settings become members. Checks, merged rows, class weights, stopping rows, scaling and random
streams are made by the very functions that a fit alone uses, on the fit's own rows; only the rows themselves
are stored once. Fits of equal structure then share one program.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gorae.backend import select_devices
from gorae.errors import GoraeError, MemoryPlanError
from gorae.estimators.learned import Learned, encoding_of, encoding_only, joined, set_learned
from gorae.estimators.parameters import LARGEST_COUNT
from gorae.estimators.population import Recipe, padded_count, shape_of, with_padding
from gorae.estimators.preparation import (
    AllRows,
    Fit,
    ReadyFit,
    checked_rows,
    prepared_fits,
    stored_targets,
)
from gorae.estimators.sentence_fits import padded_rows
from gorae.estimators.storage import stored_rows
from gorae.estimators.width_plan import WidthPlan, plan_widths
from gorae.train import (
    MemberResult,
    Problem,
    Progress,
    SharedRows,
    SplitRows,
    Training,
    check_members,
    compiling,
    train,
)

__all__ = [
    "Fit",
    "Together",
    "begin_together",
    "fit_together",
    "forget",
    "learn",
    "sharing",
    "train_together",
]

_NEAR = 2


@dataclass(frozen=True)
class Together:
    """Fits that are trained together, and how far they are.

    Attributes:
        data: the rows of all fits.
        ready: the fits that can be trained, by their place.
        refused: for each fit None, or why it cannot be trained.
        members: the members of the fits that have been trained, by the fit's place.
    """

    data: AllRows
    ready: dict[int, ReadyFit]
    refused: list[GoraeError | None]
    members: dict[int, list[MemberResult]] = field(default_factory=dict)


def fit_together(
    fits: Sequence[Fit],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    groups: Any = None,
    progress: Callable[[Progress], object] | None = None,
) -> list[GoraeError | None]:
    """Fit network estimators, or taggers, each on its own rows, as populations.

    Each estimator ends as after `estimator.fit(X[rows], y[rows], sample_weight[rows], groups=groups[rows])`:
    bitwise where members run one by one, within rounding where small ones are stacked, where hidden layers of
    several widths share a program, where `fit` divides the steps of its only member over the cores, or where
    a column is so far from 0 that it is stored as the difference from an anchor.

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
    together = begin_together(fits, X, y, sample_weight, groups=groups)
    if not train_together(together, progress=progress):
        raise KeyboardInterrupt
    for place in together.ready:
        learn(together, place)
    return together.refused


def begin_together(
    fits: Sequence[Fit],
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    groups: Any = None,
    wider: Mapping[Problem, Problem] | None = None,
) -> Together:
    """Prepare fits that are trained in several parts, with `train_together`.

    Which of them share a program for wider layers than their own is decided here, over all fits, so that a
    fit becomes the same in whichever parts they are trained.

    Args:
        fits: as `fit_together` takes them.
        X: `(n, features)`, all rows.
        y: all targets.
        sample_weight: one weight a row, or None.
        groups: a group a row for early stopping, or None.
        wider: for problems of fits those with wider layers that they are trained in; None to plan for these
            fits, and no others.

    Raises:
        InputError: as `fit_together` does.
    """
    data = checked_rows(fits[0].estimator, X, y, sample_weight, groups)
    ready, refused = prepared_fits(fits, data)
    if wider is None:
        return sharing(Together(data, ready, refused), plan_widths(ready.values()))
    return Together(data, {place: one.widened(wider) for place, one in ready.items()}, refused)


def sharing(together: Together, plan: WidthPlan) -> Together:
    """Return fits, of which none has been trained, as fits whose programs are planned."""
    wider = plan.wider(together.ready.values())
    return replace(together, ready={place: one.widened(wider) for place, one in together.ready.items()})


def train_together(
    together: Together,
    which: Sequence[int] | None = None,
    *,
    until: int | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> bool:
    """Train prepared fits further: to their end, or until they have trained for so many epochs.

    In parts, a member becomes bitwise what it becomes at once. What its members are then, `learn` gives to
    a fit's estimator.

    Args:
        together: what `begin_together` gave; fits that were refused stay as they are.
        which: the fits to train, by their place; None for all. They have trained for equally many epochs.
        until: epochs in all, after which they pause; None trains to the end, after which there is no more.
        progress: told about ten times a second, of all these fits together; its answer True ends the
            training there.

    Returns:
        Whether all got as far as was asked. After Ctrl-C they need not: a fit that did not is then what it
        was before.
    """
    places = list(together.ready) if which is None else [place for place in which if place in together.ready]
    programs: dict[Hashable, list[int]] = {}
    for place in places:
        programs.setdefault(together.ready[place].program, []).append(place)
    count = _Count(progress, [together.ready[place] for place in places], until)
    trainings: list[tuple[list[int], Training]] = []
    for alike in programs.values():
        with _refusing(together, alike):
            trainings.append((alike, _training(together, alike)))
    with compiling([training for _, training in trainings[1:]]):
        for alike, training in trainings:
            trained = {}
            with _refusing(together, alike):
                trained = _trained(together, alike, training, until, count)
            if alike[0] not in together.ready:
                continue
            together.members.update(trained)
            if len(trained) < len(alike):
                return False
    return True


@contextmanager
def _refusing(together: Together, alike: Sequence[int]) -> Iterator[None]:
    """Refuse fits that memory cannot hold; others may be smaller."""
    try:
        yield
    except MemoryPlanError as error:
        for place in alike:
            together.refused[place] = error
            del together.ready[place]


class _Count:
    """Adds the progress of one program after the other up to that of all."""

    def __init__(
        self, progress: Callable[[Progress], object] | None, ready: Sequence[ReadyFit], until: int | None
    ):
        self._progress = progress
        longest = until or LARGEST_COUNT
        self._epochs = {id(one): one.members * min(longest, int(one.recipe.hyper["epochs"])) for one in ready}
        self._members = sum(one.members for one in ready)
        self._left = sum(self._epochs.values())
        self._before = Progress(self._members, 0, 0, self._left, -np.inf, 0.0)
        self._last = self._before

    def tell(self, now: Progress) -> object:
        """Hear how far one program is, and tell how far all are; the answer is whether to end."""
        before = self._before
        self._last = Progress(
            members=self._members,
            finished=before.finished + now.finished,
            epochs=before.epochs + now.epochs,
            epochs_planned=before.epochs + now.epochs_planned + self._left,
            best_score=max(before.best_score, now.best_score),
            seconds=before.seconds + now.seconds,
        )
        return None if self._progress is None else self._progress(self._last)

    def begin(self, alike: Sequence[ReadyFit]) -> None:
        """Hear that a program begins."""
        self._before = self._last
        self._left -= sum(self._epochs[id(one)] for one in alike)


def _training(together: Together, alike: Sequence[int]) -> Training:
    """Return the training of fits that share a program."""
    fits = [together.ready[place] for place in alike]
    first = fits[0]
    distinct = {id(one.split): one.split for one in fits}
    splits = {key: number for number, key in enumerate(distinct)}
    streams = [(one, stream) for one in fits for stream in range(one.members)]
    states = [None if before is None else before.state for before in _earlier(together, alike)]
    jobs = [
        one.recipe.member(splits[id(one.split)], seed=one.seed, stream=stream, state=state)
        for (one, stream), state in zip(streams, states, strict=True)
    ]
    check_members(first.recipe.trained, len(jobs))
    devices = select_devices(first.fit.estimator.device)
    if first.shared is not None:
        own = {id(one.split): one.shared for one in fits if one.shared is not None}
        shared, moved = _side_by_side(list(own.values()), list(distinct.values()))
        sized = _of_one_size(moved, 0)
        return Training(first.recipe.trained, padded_rows(shared), sized, jobs, devices)
    matrix = stored_rows(together.data.matrix, first.anchors[0])
    shared = SharedRows(with_padding(matrix), with_padding(stored_targets(first, together.data)))
    sized = _of_one_size(list(distinct.values()), len(matrix))
    return Training(first.recipe.trained, shared, sized, jobs, devices)


def _side_by_side(
    shared: Sequence[SharedRows], splits: Sequence[SplitRows]
) -> tuple[SharedRows, list[SplitRows]]:
    """Return the rows of splits that have rows of their own as those of all, and the splits as of these."""
    starts = np.cumsum([0, *(len(own.rows) for own in shared)])
    moved = [
        split._replace(
            train_rows=(split.train_rows + start).astype(np.int32),
            stop_rows=(split.stop_rows + start).astype(np.int32),
        )
        for split, start in zip(splits, starts, strict=False)
    ]
    rows, targets = (np.concatenate(parts) for parts in zip(*shared, strict=True))
    return SharedRows(rows, targets), moved


def _earlier(together: Together, alike: Sequence[int]) -> list[MemberResult | None]:
    """Return what the members of fits were so far, None where they begin."""
    return [
        member
        for place in alike
        for member in together.members.get(place, [None] * together.ready[place].members)
    ]


def _trained(
    together: Together, alike: Sequence[int], training: Training, until: int | None, count: _Count
) -> dict[int, list[MemberResult]]:
    """Train fits that share a program; return the members of each that got as far as was asked."""
    fits = [together.ready[place] for place in alike]
    earlier = _earlier(together, alike)
    count.begin(fits)
    try:
        outcome = train(
            training.problem,
            training.shared,
            training.splits,
            training.members,
            devices=training.devices,
            progress=count.tell,
            keep_state=until is not None,
            until=until,
        )
    except KeyboardInterrupt:  # before any member had finished an epoch
        return {}
    results = iter(zip(earlier, outcome.results, strict=True))
    trained = {
        place: [_whole(one.recipe, *next(results), until) for _ in range(one.members)]
        for place, one in zip(alike, fits, strict=True)
    }
    return {
        place: [member for member in members if member is not None]
        for place, members in trained.items()
        if None not in members
    }


def _whole(
    recipe: Recipe, earlier: MemberResult | None, result: MemberResult | None, until: int | None
) -> MemberResult | None:
    """Return a member with the whole of its history, or None where its training was cut short."""
    if result is None or not (result.stopped or (until is not None and result.epochs >= until)):
        return None
    result = recipe.result(result)
    if earlier is None:
        return result
    return result._replace(history=joined(earlier.history, result.history))


def _of_one_size(splits: Sequence[SplitRows], rows: int) -> list[SplitRows]:
    """Return splits whose rows are padded to one size: that of a fit on all rows, where it is not far.

    The final fit on all rows then needs no program of its own.
    """
    train, stop = (max(map(len, sizes)) for sizes in _row_arrays(splits))
    most = max(int(split.train_count) + int(split.stop_count) for split in splits)
    if rows <= _NEAR * most:
        train = max(train, padded_count(rows * max(int(s.train_count) for s in splits) // most))
        stop = max(stop, padded_count(rows * max(int(s.stop_count) for s in splits) // most)) if stop else 0

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


def learn(together: Together, place: int) -> Any:
    """Give a fit's estimator what its members have learned so far, and return it.

    Args:
        together: what `begin_together` gave.
        place: of a fit that has been trained, to its end or until a pause.
    """
    one, members = together.ready[place], together.members[place]
    estimator = one.fit.estimator
    vars(estimator).update({**together.data.given, **one.given})
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
        levels=one.recipe.levels,
    )
    set_learned(estimator, learned)
    return estimator


def forget(together: Together, place: int) -> None:
    """Let go of what a fit has learned; trained again, it begins anew."""
    if together.members.pop(place, None) is not None:
        vars(together.ready[place].fit.estimator).pop("_learned", None)
