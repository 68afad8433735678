"""A task: the members of one program, trained segment by segment on one device.

Between two segments the host hears of the epochs trained, writes the checkpoint if there is one, and sees
whether to stop.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from gorae.backend import Device, compiled
from gorae.train.checkpoint import Checkpoint, load_member, save_member
from gorae.train.divided import Given, compile_gradient, divided_programs, train_divided
from gorae.train.history import MemberResult, as_result
from gorae.train.member import (
    RECORD,
    SEGMENT_EPOCHS,
    MemberState,
    blank_state,
    draw_model,
    put_back,
    train_segment,
)
from gorae.train.on_host import host_rows, train_on_host
from gorae.train.planner import is_tiny
from gorae.train.problem import Problem, SharedRows, SplitRows, layer_names

_SEGMENT_SECONDS = 0.4


Draw = Callable[[Mapping[str, np.generic], Device], tuple[Any, Any]]
"""Makes parameters and buffers of a member's numbers, on a device."""


class Member(NamedTuple):
    """One member to train.

    Attributes:
        hyper: its numbers (see `hyper_scalars`).
        split: its fold.
        state: where it goes on, if it does not begin.
        draw: what draws it, where the problem does not; its `repr` is the same in every process.
    """

    hyper: Mapping[str, np.generic]
    split: int
    state: Any = None
    draw: Draw | None = None


@dataclass
class Work:
    """What the tasks of one training have in common.

    `until` is the epoch after which members pause; None trains them to their end.
    `on_host` says whether NumPy trains them: rows are then where they were given, and not on a device.
    Workers share all without a lock: `stop` only ever turns true, `seconds_an_epoch` is a hint, and a split
    that was put on a device twice is the same split.
    """

    problem: Problem
    members: Sequence[Member]
    splits: Sequence[SplitRows]
    keep_state: bool
    checkpoint: Checkpoint | None
    fit: str
    until: int | None = None
    stop: bool = False
    seconds_an_epoch: float = 0.0
    parts: int = 1
    placed: dict[tuple[int, Device], SplitRows] = field(default_factory=dict)
    on_host: bool = False


Tell = Callable[[Sequence[int], np.ndarray, float], None]
"""Told after each segment: which members, how many epochs each has now, the best of their last scores."""


@dataclass
class Paused:
    """A task that has begun and made way for another: its members, where they stand, their records.

    `state` is that of one member, or a stack of `size` of them.
    """

    task: Sequence[int]
    size: int
    state: MemberState
    records: list[np.ndarray]

    def results(self, work: Work) -> dict[int, MemberResult]:
        """Return the result of each member that has finished an epoch."""
        state = self.state if work.keep_state else _read_of(self.state, _stops_early(work))
        return _results(work, self.task, _apart(state, self.size), self.records)


def steps_an_epoch(problem: Problem, split: SplitRows) -> int:
    """Return the steps an epoch: members of one program have equally many."""
    return -(-int(split.train_count) // problem.batch_size)


def fewest_steps(problem: Problem, splits: Sequence[SplitRows], members: Sequence[Member]) -> int:
    """Return the steps of the member that takes the fewest, if none stops early; 0 where there is none."""
    steps = [steps_an_epoch(problem, split) for split in splits]
    return min((int(member.hyper["epochs"]) * steps[member.split] for member in members), default=0)


def is_drawn(work: Work, task: Sequence[int]) -> bool:
    """Return whether a task begins with a member that is to be drawn, and not with one that goes on."""
    found = work.checkpoint is not None and work.checkpoint.path(task[0]).exists()
    return work.members[task[0]].state is None and not found


def compile_ahead(work: Work, task: Sequence[int], size: int, device: Device, shared: SharedRows) -> None:
    """Compile the program of a task before its members are drawn: both programs then compile together."""
    member = work.members[task[0]]
    split = work.splits[member.split]
    trees = (split, dict(member.hyper), blank_state(work.problem))
    steps = np.int32(steps_an_epoch(work.problem, split))
    if work.parts > 1:
        compile_gradient(work.problem, work.parts, device, (shared, *trees, steps))
        return
    if size > 1:
        trees = jax.tree.map(lambda a: np.broadcast_to(a, (size, *np.shape(a))), trees)
    _program(work.problem, size, (shared, *trees, np.int32(1), steps), device)


def train_task(
    work: Work,
    task: Sequence[int] | Paused,
    size: int,
    device: Device,
    shared: SharedRows,
    tell: Tell,
    make_way: Callable[[], bool] = lambda: False,
) -> dict[int, MemberResult] | Paused:
    """Train members until all of them stop or pause, or the work stops.

    Args:
        work: what this training is about.
        task: which members, at most `size`; or what an earlier call has left of them.
        size: how many members the program is for; copies of the last member fill it, so that one program
            serves full and half empty tasks.
        device: where.
        shared: rows and targets, on that device.
        tell: called after each segment.
        make_way: asked between two segments whether another task is to have its turn.

    Returns:
        The result of each member that has finished an epoch; or what is to be gone on with.
    """
    if work.on_host and not isinstance(task, Paused):
        size = len(task)  # nothing is compiled for more
    now = task if isinstance(task, Paused) else _begun(work, task, size, device)
    task, state, records = now.task, now.state, now.records
    segment, had_a_turn = None, False
    while not work.stop and (left := _epochs_left(work, state)) > 0:
        if had_a_turn and make_way():
            return Paused(task, size, state, records)
        had_a_turn = True
        segment = segment or _segment(work, task, size, device, shared, state)
        before, began = np.atleast_1d(state.epoch), time.perf_counter()
        state, rows = segment(state, min(_segment_epochs(work), left))
        state = put_back(state)
        after = np.atleast_1d(state.epoch)
        work.seconds_an_epoch = (time.perf_counter() - began) / max(1, int(np.max(after - before)))
        rows = np.asarray(rows).reshape(size, *rows.shape[-2:])
        records = [
            np.concatenate([old, new[: int(count)]])
            for old, new, count in zip(records, rows, (after - before), strict=False)
        ]
        tell(task, after[: len(task)], _best_score(records))
        if work.checkpoint is not None:
            for member, one, record in zip(task, _apart(state, size), records, strict=False):
                save_member(work.checkpoint, member, work.fit, one, record)
    return Paused(task, size, state, records).results(work)


def _segment(
    work: Work, task: Sequence[int], size: int, device: Device, shared: SharedRows, state: MemberState
) -> Callable[[MemberState, int], tuple[MemberState, Any]]:
    """Return what trains a task for some epochs, from its state to that and its records."""
    members = [work.members[i] for i in [*task, *[task[-1]] * (size - len(task))]]
    if work.on_host:
        return _host_segment(work, members, shared)
    if size > 1:
        hyper = _stack([member.hyper for member in members])
        split = _stack([work.splits[member.split] for member in members])
    else:
        hyper, split = dict(members[0].hyper), _placed(work, members[0].split, device)
    steps = np.int32(steps_an_epoch(work.problem, work.splits[members[0].split]))
    given: Given = (shared, split, hyper, state, steps)
    if work.parts > 1:
        programs = divided_programs(work.problem, work.parts, device, given)
        return partial(train_divided, work.problem, programs, device, given)
    *rows, _, steps = given
    program = _program(work.problem, size, (*given[:4], np.int32(0), steps), device)
    return lambda state, epochs: program(*rows, state, np.int32(epochs), steps)


def _host_segment(
    work: Work, members: Sequence[Member], shared: SharedRows
) -> Callable[[MemberState, int], tuple[MemberState, Any]]:
    """Return what trains members on the host; one alone is a stack of one there."""
    rows = host_rows(work.problem, shared, work.splits, [member.split for member in members])
    hyper = _stack([dict(member.hyper) for member in members])

    def segment(state: MemberState, epochs: int) -> tuple[MemberState, Any]:
        if len(members) > 1:
            return train_on_host(work.problem, rows, hyper, state, epochs)
        stack = jax.tree.map(lambda leaf: np.asarray(leaf)[None], state)
        after, records = train_on_host(work.problem, rows, hyper, stack, epochs)
        return jax.tree.map(lambda leaf: leaf[0], after), records

    return segment


def _begun(work: Work, task: Sequence[int], size: int, device: Device) -> Paused:
    """Return a task at its beginning."""
    states, records = _start(work, task, device)
    states += states[-1:] * (size - len(task))
    return Paused(task, size, _stack(states) if size > 1 else states[0], records)


def _start(work: Work, task: Sequence[int], device: Device) -> tuple[list[MemberState], list[np.ndarray]]:
    """Return where members stand, and their records: from a checkpoint, an earlier fit, or newly drawn."""
    states, records = [], []
    none_yet = np.zeros((0, len(RECORD) + len(layer_names(work.problem))), np.float32)
    for i in task:
        found = load_member(work.checkpoint, i, work.fit, work.problem) if work.checkpoint else None
        state, rows = found or (work.members[i].state, none_yet)
        states.append(_new_state(work.problem, work.members[i], device) if state is None else state)
        records.append(rows)
    return states, records


def draw_member(problem: Problem, member: Member, device: Device) -> tuple[Any, Any]:
    """Return the parameters and buffers that a member starts from."""
    if member.draw is not None:
        return member.draw(member.hyper, device)
    return draw_compiled(problem, member.hyper, device)


def draw_compiled(problem: Problem, hyper: Mapping[str, np.generic], device: Device) -> tuple[Any, Any]:
    """Return what a problem draws of a member's numbers."""
    arguments = (dict(hyper),)
    program = compiled(
        lambda h: draw_model(problem, h), ("draw", problem.build), arguments, device, once=True
    )
    return program(*arguments)


def _new_state(problem: Problem, member: Member, device: Device) -> MemberState:
    """Return a member at step 0."""
    parameters, buffers = draw_member(problem, member, device)
    return blank_state(problem)._replace(
        parameters=parameters, buffers=buffers, best_parameters=parameters, best_buffers=buffers
    )


def _program(problem: Problem, size: int, arguments: tuple, device: Device) -> Callable[..., Any]:
    """Return the compiled program for one member, or for a chunk of `size`.

    A chunk of one is not vmapped: a stack of one matrix misses the fast path of a product.
    """

    def one(*a: Any) -> Any:
        return train_segment(problem, *a)

    function = one if size == 1 else jax.vmap(one, in_axes=(None, 0, 0, 0, None, None))
    return compiled(function, ("train", problem, size), arguments, device, quickly=is_tiny(problem))


def _placed(work: Work, split: int, device: Device) -> SplitRows:
    """Return a split on the device, sent there once."""
    if (split, device) not in work.placed:
        work.placed[split, device] = jax.device_put(work.splits[split], device)
    return work.placed[split, device]


def _epochs_left(work: Work, state: MemberState) -> int:
    """Return how many epochs may be trained until a member is to pause; 0 where all have stopped.

    Members of one task that have not stopped have trained for equally many epochs.
    """
    going = ~np.atleast_1d(np.asarray(state.stopped))
    if not going.any():
        return 0
    if work.until is None:
        return SEGMENT_EPOCHS
    return max(0, work.until - int(np.atleast_1d(np.asarray(state.epoch))[going].min()))


def _segment_epochs(work: Work) -> int:
    """Return the epochs of the next segment: about `_SEGMENT_SECONDS`, or what the checkpoint wants."""
    if work.checkpoint is not None:
        return min(work.checkpoint.every, SEGMENT_EPOCHS)
    if work.seconds_an_epoch == 0.0:
        return 1
    return max(1, min(SEGMENT_EPOCHS, int(_SEGMENT_SECONDS / work.seconds_an_epoch)))


def _best_score(records: Sequence[np.ndarray]) -> float:
    """Return the best of the members' last validation scores; -inf where nothing was validated."""
    scores = [float(rows[-1, RECORD.index("validation_score")]) for rows in records if len(rows)]
    return max((score for score in scores if np.isfinite(score)), default=-np.inf)


def _results(
    work: Work, task: Sequence[int], states: Sequence[MemberState], records: Sequence[np.ndarray]
) -> dict[int, MemberResult]:
    """Return the results of the members that have finished an epoch."""
    return {
        member: as_result(state, rows, early_stopping=_stops_early(work), keep_state=work.keep_state)
        for member, state, rows in zip(task, states, records, strict=False)
        if int(state.epoch) > 0
    }


def _stops_early(work: Work) -> bool:
    """Return whether members stop on rows of their own, so that the best epoch counts."""
    return work.splits[0].stop_rows.shape[-1] > 0


def _read_of(state: MemberState, early_stopping: bool) -> MemberState:
    """Return a state without the trees that its result does not read: wide networks are long to copy."""
    unread = ("parameters", "buffers") if early_stopping else ("best_parameters", "best_buffers")
    return state._replace(optimizer=None, **dict.fromkeys(unread))


def _stack(trees: Sequence[Any]) -> Any:
    """Return trees of equal structure as one, with a leading axis of members."""
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *trees)


def _apart(state: MemberState, size: int) -> list[MemberState]:
    """Return the members' states on the host, in arrays of their own: a view would keep the whole stack."""
    if size == 1:
        return [jax.tree.map(np.array, state)]
    host = jax.tree.map(np.asarray, state)
    return [jax.tree.map(lambda leaf, p=place: np.array(leaf[p]), host) for place in range(size)]
