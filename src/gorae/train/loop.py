"""The loop: workers take members from one queue and train them segment by segment.

Between two segments a worker hands its records to the host, writes the checkpoint if there is one, and sees
whether to stop. The main thread waits, shows progress and listens for Ctrl-C.
"""

import math
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np

from gorae.backend import Worker, compiled, is_out_of_memory
from gorae.errors import GoraeWarning, MemoryPlanError
from gorae.train.checkpoint import Checkpoint, fingerprint, load_member, save_member
from gorae.train.history import MemberResult, as_history
from gorae.train.member import SEGMENT_EPOCHS, MemberState, blank_state, train_segment
from gorae.train.planner import Plan, plan_members
from gorae.train.problem import Problem, SharedRows, SplitRows

_SEGMENT_SECONDS = 0.4
_POLL_SECONDS = 0.1
_HALVINGS = 5


class Member(NamedTuple):
    """One member to train: its numbers (see `hyper_scalars`), its split, a state to go on from if any."""

    hyper: Mapping[str, np.generic]
    split: int
    state: Any = None


class Progress(NamedTuple):
    """How far a training is, told while it runs."""

    members: int
    finished: int
    epochs: int
    epochs_planned: int
    best_score: float
    seconds: float


@dataclass
class Outcome:
    """What a training gave: a result a member (None where Ctrl-C came before its first epoch)."""

    results: list[MemberResult | None]
    interrupted: bool
    seconds: float
    plan: Plan


class _Task(NamedTuple):
    """Members that one program trains, and how many it is made for; the rest of it repeats the last one."""

    members: list[int]
    size: int


@dataclass
class _Run:
    """The state that workers share while a training runs; every field is guarded by `lock`."""

    problem: Problem
    members: Sequence[Member]
    splits: Sequence[SplitRows]
    tasks: list["_Task"]
    keep_state: bool
    checkpoint: Checkpoint | None
    fit: str
    results: list[MemberResult | None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None
    epochs: int = 0
    finished: int = 0
    halvings: int = 0
    warning: str = ""
    best_score: float = -math.inf
    seconds_an_epoch: float = 0.0
    placed: dict = field(default_factory=dict)


def train(
    problem: Problem,
    shared: SharedRows,
    splits: Sequence[SplitRows],
    members: Sequence[Member],
    *,
    devices: list[jax.Device],
    chunk: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: Checkpoint | None = None,
    keep_state: bool = False,
) -> Outcome:
    """Train a population.

    Args:
        problem: what is fixed when the program is compiled.
        shared: rows and targets that all members read.
        splits: the folds: encoding, training rows, stopping rows; all padded to the same sizes.
        members: who is to be trained, each on one of the splits.
        devices: where.
        chunk: members a program, or None for the planner's choice.
        progress: called from this thread about ten times a second.
        checkpoint: where each member is kept while it trains; an existing one is resumed.
        keep_state: whether results hold the state to go on from (warm starts).

    Returns:
        The outcome. After Ctrl-C it holds the members as they were, and says so.

    Raises:
        KeyboardInterrupt: when Ctrl-C came before any member had finished an epoch.
        MemoryPlanError: when memory does not suffice for one member at a time.
    """
    began = time.perf_counter()
    plan = plan_members(problem, shared, splits[0], len(members), devices)
    if chunk is not None:
        plan = Plan(chunk, plan.workers, plan.member_bytes)
    fit = fingerprint(problem, shared, splits, [(m.hyper, m.split) for m in members]) if checkpoint else ""
    tasks = _tasks(problem, splits, members, plan.chunk)
    run = _Run(problem, members, splits, tasks, keep_state, checkpoint, fit, [None] * len(members))
    placed = {device: jax.device_put(shared, device) for device in {w.device for w in plan.workers}}
    threads = [
        threading.Thread(target=_work, args=(run, worker, placed[worker.device]), daemon=True)
        for worker in plan.workers[: len(run.tasks)]
    ]
    for thread in threads:
        thread.start()
    interrupted = _wait(run, threads, progress, began)
    if run.error is not None:
        raise run.error
    if run.warning:
        warnings.warn(run.warning, GoraeWarning, stacklevel=2)
    if interrupted and not any(run.results):
        raise KeyboardInterrupt
    return Outcome(run.results, interrupted, time.perf_counter() - began, plan)


def _tasks(
    problem: Problem, splits: Sequence[SplitRows], members: Sequence[Member], chunk: int
) -> list[_Task]:
    """Return the members of each task; a chunk holds members with equal steps an epoch, all new or none."""
    if chunk == 1:
        return [_Task([i], 1) for i in range(len(members))]
    groups: dict[Any, list[int]] = {}
    for i, member in enumerate(members):
        key = (_steps(problem, splits[member.split]), i if member.state is not None else -1)
        groups.setdefault(key, []).append(i)
    return [
        _Task(group[i : i + chunk], chunk) for group in groups.values() for i in range(0, len(group), chunk)
    ]


def _steps(problem: Problem, split: SplitRows) -> int:
    """Return the steps an epoch."""
    return -(-int(split.train_count) // problem.batch_size)


def _wait(
    run: _Run,
    threads: list[threading.Thread],
    progress: Callable[[Progress], None] | None,
    began: float,
) -> bool:
    """Wait for the workers, telling progress; return whether Ctrl-C came."""
    planned = sum(int(member.hyper["epochs"]) for member in run.members)
    interrupted = False
    while any(thread.is_alive() for thread in threads):
        try:
            for thread in threads:
                thread.join(_POLL_SECONDS)
            if progress is not None:
                seconds = time.perf_counter() - began
                progress(
                    Progress(len(run.members), run.finished, run.epochs, planned, run.best_score, seconds)
                )
        except KeyboardInterrupt:
            interrupted = True
            run.stop.set()
        except BaseException:
            run.stop.set()
            raise
    return interrupted


def _work(run: _Run, worker: Worker, shared: SharedRows) -> None:
    """Train tasks until none is left; halve a task that memory does not suffice for."""
    while not run.stop.is_set():
        with run.lock:
            if not run.tasks:
                return
            task = run.tasks.pop(0)
        try:
            _train_task(run, worker.device, shared, task)
        except BaseException as error:
            if not _split_task(run, task, error):
                with run.lock:
                    run.error = run.error or error
                run.stop.set()


def _split_task(run: _Run, task: _Task, error: BaseException) -> bool:
    """Put the halves of a task that ran out of memory back into the queue; return whether that was done."""
    if not is_out_of_memory(error):
        return False
    with run.lock:
        run.halvings += 1
        if task.size > 1 and run.halvings <= _HALVINGS * max(1, len(run.members) // task.size):
            half = -(-task.size // 2)
            parts = [task.members[:half], task.members[half:]]
            run.tasks[:0] = [_Task(part, half) for part in parts if part]
            run.warning = run.warning or (
                f"memory ran out with {task.size} members a program; went on with {half} (same results)."
            )
            return True
        run.error = MemoryPlanError(
            "memory ran out with one member a program; use a smaller model or batch_size, or fewer rows."
        )
    run.stop.set()
    return True


def _train_task(run: _Run, device: jax.Device, shared: SharedRows, task: _Task) -> None:
    """Train the members of one task, segment by segment, until they stop or the run does."""
    places = task.members + task.members[-1:] * (task.size - len(task.members))
    members = [run.members[i] for i in places]
    early_stopping = run.splits[0].stop_rows.shape[-1] > 0
    blank = blank_state(run.problem)
    state, records, fresh = _start(run, places, members, blank)
    stacked = task.size > 1
    split = _stack([run.splits[m.split] for m in members]) if stacked else _placed(run, members[0], device)
    hyper = _stack([m.hyper for m in members]) if stacked else dict(members[0].hyper)
    steps = np.int32(_steps(run.problem, run.splits[members[0].split]))
    while not np.all(state.stopped) and not run.stop.is_set():
        epochs = np.int32(_segment_epochs(run))
        arguments = (shared, split, hyper, state, np.bool_(fresh), epochs, steps)
        program = _program(run.problem, early_stopping, task.size, arguments, device)
        began = time.perf_counter()
        before = np.asarray(state.epoch)
        state, rows = program(*arguments)
        rows = np.asarray(rows)
        seconds = time.perf_counter() - began
        fresh = False
        trained = np.atleast_1d(np.asarray(state.epoch) - before)
        _append(records, rows if stacked else rows[None], trained)
        _tell(run, trained[: len(task.members)], seconds, records)
        if run.checkpoint is not None:
            for place, member in enumerate(task.members):
                one = jax.tree.map(lambda a, p=place: a[p], state) if stacked else state
                save_member(run.checkpoint, member, run.fit, one, records[place])
    _finish(run, task.members, state, records, stacked)


def _start(
    run: _Run, places: list[int], members: Sequence[Member], blank: MemberState
) -> tuple[Any, list[np.ndarray], bool]:
    """Return where the task's members stand: from a checkpoint, from a warm start, or blank."""
    states, records = [], []
    for i, member in zip(places, members, strict=True):
        found = load_member(run.checkpoint, i, run.fit, blank) if run.checkpoint else None
        state, rows = found if found is not None else (member.state, None)
        states.append(state)
        records.append(rows)
    fresh = all(state is None for state in states)
    if not fresh and any(state is None for state in states):
        # A kill fell between the first writes of a chunk: its members start again together.
        states, records, fresh = [None] * len(places), [None] * len(places), True
    states = [blank if state is None else state for state in states]
    width = 0
    rows = [np.zeros((0, width), np.float32) if r is None else r for r in records]
    return (_stack(states) if len(places) > 1 else states[0]), rows, fresh


def _program(
    problem: Problem, early_stopping: bool, size: int, arguments: tuple, device: jax.Device
) -> Callable[..., Any]:
    """Return the compiled program for one member, or for a chunk of `size`."""

    def one(*a: Any) -> Any:
        return train_segment(problem, *a)

    axes = (None, 0, 0, 0, None, None, None)
    function = one if size == 1 else jax.vmap(one, in_axes=axes)
    return compiled(function, ("train", problem, early_stopping, size), arguments, device)


def _placed(run: _Run, member: Member, device: jax.Device) -> SplitRows:
    """Return the member's split on the device, sent there once."""
    key = (member.split, device)
    if key not in run.placed:
        run.placed[key] = jax.device_put(run.splits[member.split], device)
    return run.placed[key]


def _segment_epochs(run: _Run) -> int:
    """Return the epochs of the next segment: about `_SEGMENT_SECONDS`, fewer where a checkpoint wants it."""
    if run.checkpoint is not None:
        return max(1, min(run.checkpoint.every, SEGMENT_EPOCHS))
    if run.seconds_an_epoch == 0.0:
        return 1
    return max(1, min(SEGMENT_EPOCHS, int(_SEGMENT_SECONDS / run.seconds_an_epoch)))


def _append(records: list[np.ndarray], rows: np.ndarray, trained: np.ndarray) -> None:
    """Add the epochs just trained to each member's records."""
    for i, count in enumerate(trained):
        new = rows[i, : int(count)]
        records[i] = np.concatenate([records[i], new]) if records[i].size else new


def _tell(run: _Run, trained: np.ndarray, seconds: float, records: list[np.ndarray]) -> None:
    """Let the main thread know what was trained, and how long an epoch takes."""
    scores = [float(rows[-1, 2]) for rows in records if len(rows)]
    with run.lock:
        run.epochs += int(trained.sum())
        if trained.max() > 0:
            run.seconds_an_epoch = seconds / float(trained.max())
        finite = [score for score in scores if math.isfinite(score)]
        run.best_score = max([run.best_score, *finite])


def _finish(run: _Run, task: list[int], state: Any, records: list[np.ndarray], stacked: bool) -> None:
    """Put the results of a task where the main thread finds them."""
    host = jax.tree.map(np.asarray, state)
    for place, member in enumerate(task):
        one: MemberState = jax.tree.map(lambda a, p=place: a[p], host) if stacked else host
        if int(one.epoch) == 0:
            continue
        early_stopping = run.splits[0].stop_rows.shape[-1] > 0
        fallen_back = early_stopping or int(one.diverged_step) >= 0
        result = MemberResult(
            parameters=one.best_parameters if fallen_back else one.parameters,
            buffers=one.best_buffers if fallen_back else one.buffers,
            history=as_history(records[place]),
            best_epoch=int(one.best_epoch) if early_stopping else int(one.epoch),
            epochs=int(one.epoch),
            steps=int(one.step),
            diverged_step=int(one.diverged_step),
            state=one if run.keep_state else None,
        )
        with run.lock:
            run.results[member] = result
            run.finished += 1


def _stack(trees: Sequence[Any]) -> Any:
    """Return trees of equal structure as one, with a leading axis of members."""
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *trees)
