"""The loop: workers take tasks from one queue; the main thread waits, shows progress and hears Ctrl-C."""

import queue
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from gorae.backend import Device, hearing_interrupts, one_blas_thread, own_numerics
from gorae.errors import GoraeWarning
from gorae.train.checkpoint import Checkpoint, fingerprint, open_folder
from gorae.train.history import MemberResult
from gorae.train.planner import Plan, plan_members
from gorae.train.problem import Problem, SharedRows, SplitRows, as_read, with_spare_rows
from gorae.train.spread import Counts, Spread, Terms
from gorae.train.task import Member, Paused, Work, fewest_steps, is_drawn, steps_an_epoch
from gorae.train.workers import Run, compile_task, counted, keep, work_on

_POLL_SECONDS = 0.1
_LATE_SECONDS = 0.5


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


def train(
    problem: Problem,
    shared: SharedRows,
    splits: Sequence[SplitRows],
    members: Sequence[Member],
    *,
    devices: list[Device],
    chunk: int | None = None,
    progress: Callable[[Progress], object] | None = None,
    checkpoint: Checkpoint | None = None,
    keep_state: bool = False,
    until: int | None = None,
    weighed: bool = False,
    alone: bool = False,
) -> Outcome:
    """Train a population.

    Where `jax.distributed` has put several processes together, all of them make this call with the same
    arguments; each trains a share of the members on its own devices, and all return all results.

    Args:
        problem: what is fixed when the program is compiled.
        shared: rows and targets that all members read.
        splits: the folds: encoding, training rows, stopping rows; all padded to the same sizes.
        members: who is to be trained, each on one of the splits.
        devices: where.
        chunk: members a program, or None for the planner's choice.
        progress: called from this thread about ten times a second; what it raises ends the training, and so
            does the answer True, as Ctrl-C would.
        checkpoint: where each member is kept while it trains; an existing one is resumed.
        keep_state: whether results hold the state to go on from (warm starts, rungs of a search).
        until: the epoch (from 1) after which members pause, all begun by then for equally many epochs; what
            their schedules plan stays what it was. None trains every member to its end.
        weighed: whether training weights keep the mean that they have: splits are parts of larger ones.
        alone: whether there is one member and never another, so that its steps may be divided over the cores:
            it then is what it would be in a population within rounding, and not bitwise.

    Returns:
        The outcome. After Ctrl-C it holds the members as they were, and says so.

    Raises:
        KeyboardInterrupt: when Ctrl-C came before any member had finished an epoch.
        MemoryPlanError: when memory does not suffice for one member at a time.
        FileError: when the checkpoint is another fit's, is damaged, or cannot be written.
        InputError: when other processes train on other data, or with other parameters or seeds.
    """
    began = time.perf_counter()
    spread = Spread()

    def ready() -> tuple[tuple[Work, Plan, dict[Device, SharedRows]], Terms]:
        plan = plan_members(
            problem,
            shared,
            splits[0],
            spread.planned(len(members), devices),
            devices,
            together=end_together(problem, members),
            steps=fewest_steps(problem, splits, members),
            alone=alone,
        )
        if checkpoint is not None:
            open_folder(checkpoint)
        known = checkpoint is not None or spread.count > 1
        fit = fingerprint(problem, shared, splits, members) if known else ""
        read = [as_read(split, weighed=weighed) for split in splits]
        options = {"parts": plan.parts, "on_host": plan.on_host}
        work = Work(problem, members, read, keep_state, checkpoint, fit, until, **options)
        return (work, plan, _placed(shared, plan)), Terms(fit, plan.chunk if chunk is None else chunk)

    (work, plan, placed), terms = spread.begin(ready)
    plan = replace(plan, chunk=terms.chunk)
    tasks = spread.share(_tasks(work, plan.chunk))
    own = np.isin(np.arange(len(members)), [member for task in tasks for member in task])
    results: list[MemberResult | None] = [None] * len(members)
    epochs = np.zeros(len(members), np.int64)
    run = Run(work, spread, [*tasks], own, plan.chunk, plan.turns, results, epochs)
    jobs = _jobs(run, plan, placed)
    threads = [threading.Thread(target=counted, args=(run, job), daemon=True) for job in jobs]
    with hearing_interrupts(partial(_interrupt, run)), one_blas_thread() if plan.on_host else nullcontext():
        interrupted = _run_threads(run, threads, progress, began) or run.interrupted
    for task in run.tasks:  # those that waited for their turn when it was interrupted
        if isinstance(task, Paused):
            keep(run, task.results(work))
    results, interrupted = spread.collect(
        problem, run.results, keep_state=keep_state, interrupted=interrupted, error=run.error
    )
    if run.halvings or run.retired or run.undivided:
        warnings.warn(_what_memory_cost(run, plan), GoraeWarning, stacklevel=2)
    if interrupted and not any(results):
        raise KeyboardInterrupt
    return Outcome(results, interrupted, time.perf_counter() - began, plan)


def _jobs(run: Run, plan: Plan, placed: dict[Device, SharedRows]) -> list[Callable[[], None]]:
    """Return what threads are to do: each worker its tasks; first compiling, which takes longest."""
    tasks, jobs = run.tasks, []
    if tasks and not plan.on_host and not isinstance(tasks[0], Paused) and is_drawn(run.work, tasks[0]):
        first = plan.workers[0].device
        jobs.append(partial(compile_task, run, tasks[0], first, placed[first]))
    workers = plan.workers[: len(tasks)]
    return [*jobs, *[partial(work_on, run, worker, placed[worker.device]) for worker in workers]]


def _placed(shared: SharedRows, plan: Plan) -> dict[Device, SharedRows]:
    """Return rows and targets on every device of a plan."""
    if plan.on_host:
        return {worker.device: shared for worker in plan.workers}
    rows = SharedRows(with_spare_rows(shared.rows), with_spare_rows(shared.targets))
    with own_numerics():
        return {device: jax.device_put(rows, device) for device in {w.device for w in plan.workers}}


def end_together(problem: Problem, members: Sequence[Member]) -> bool:
    """Return whether all members train for the same epochs, none of which can be saved."""
    whole = all(int(member.hyper["patience"]) >= int(member.hyper["epochs"]) for member in members)
    new = all(member.state is None for member in members)
    lengths = {int(member.hyper["epochs"]) for member in members}
    return whole and new and len(lengths) == 1 and problem.objective != "perceptron"


def _tasks(work: Work, chunk: int) -> list[list[int]]:
    """Return the members of each task; those of one task have equally many steps an epoch.

    On the host they have equally many rows: a product with rows of padding may round otherwise.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, member in enumerate(work.members):
        split = work.splits[member.split]
        alike = (steps_an_epoch(work.problem, split),) if chunk > 1 else ()
        if work.on_host:
            alike = (int(split.train_count), int(split.stop_count))
        groups.setdefault(alike, []).append(i)
    return [group[i : i + chunk] for group in groups.values() for i in range(0, len(group), chunk)]


def _interrupt(run: Run) -> None:
    """Hear Ctrl-C: the workers are to stop."""
    run.interrupted = run.work.stop = True


def _run_threads(
    run: Run,
    threads: list[threading.Thread],
    progress: Callable[[Progress], object] | None,
    began: float,
) -> bool:
    """Start the workers and wait until none is left, whatever happens; return whether they were to stop.

    What `progress` raises becomes the error of the run.

    Ctrl-C may come at any point of this function. The workers are counted by themselves, because a thread
    whose start or join was interrupted does not know whether it runs; and the waiting is a `SimpleQueue`'s,
    because it is one call of C that an interrupt cannot leave half done. Each turn looks before it waits:
    with the key held down, interrupts come faster than any wait ends.
    """
    interrupted, failure = False, None
    waiting = list(reversed(threads))
    while True:
        try:
            while waiting and not run.work.stop:
                waiting[-1].start()
                waiting.pop()
            while True:
                all_left = _all_left(run, len(threads) - len(waiting))
                if progress is not None and not run.work.stop and progress(_progress(run, began)) is True:
                    run.work.stop = interrupted = True
                over, stop = run.spread.talk(all_left, run.work.stop, lambda: _own_counts(run))
                if stop:
                    run.work.stop = True
                if over:
                    break
                _wait_for_word(run)
            _join(threads, waiting[-1:])
            break
        except KeyboardInterrupt:
            run.work.stop = interrupted = True
        except BaseException as error:
            run.work.stop = True
            failure = failure or error
    run.error = failure or run.error
    return interrupted


def _join(threads: list[threading.Thread], perhaps: list[threading.Thread]) -> None:
    """Wait until threads have ended; one whose start was interrupted may be about to begin, and to leave."""
    patience = time.monotonic() + _LATE_SECONDS
    while any(thread.ident is None for thread in perhaps) and time.monotonic() < patience:
        time.sleep(_LATE_SECONDS / 100)
    for thread in threads:
        if thread.is_alive():
            thread.join()


def _all_left(run: Run, started: int) -> bool:
    """Return whether no worker is at work, or will be."""
    with run.lock:
        return run.left == (run.entered if run.work.stop else started)


def _wait_for_word(run: Run) -> None:
    """Wait until a worker leaves, but no longer than progress may be silent."""
    try:
        run.wake.get(timeout=_POLL_SECONDS)
    except queue.Empty:
        return


def _progress(run: Run, began: float) -> Progress:
    """Return how far the training is, in all processes."""
    counts = (_own_counts(run), *run.spread.others)
    return Progress(
        members=len(run.results),
        finished=sum(each.finished for each in counts),
        epochs=sum(each.epochs for each in counts),
        epochs_planned=sum(each.planned for each in counts),
        best_score=max(each.best_score for each in counts),
        seconds=time.perf_counter() - began,
    )


def _own_counts(run: Run) -> Counts:
    """Return how far this process is; what early stopping saved is no longer planned."""
    planned = np.array([int(member.hyper["epochs"]) for member in run.work.members], np.int64)
    if run.work.until is not None:
        planned = np.minimum(planned, run.work.until)
    with run.lock:
        finished = np.array([result is not None for result in run.results], bool)
        planned = np.where(finished, run.epochs, np.maximum(planned, run.epochs))
        own = planned[run.own]
        return Counts(int(finished.sum()), int(run.epochs.sum()), int(own.sum()), run.best_score)


def _what_memory_cost(run: Run, plan: Plan) -> str:
    """Return what was given up because memory ran out."""
    cost = []
    if run.halvings:
        cost.append(f"went on with {run.limit} instead of {plan.chunk} members a program")
    if run.retired:
        cost.append("went on with fewer programs at a time")
    if run.undivided:
        cost.append("went on with steps on one core")
    same = "the same results but for rounding" if run.undivided else "same results"
    return f"memory ran out: {' and '.join(cost)} ({same})."
