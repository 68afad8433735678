"""The loop: workers take tasks from one queue; the main thread waits, shows progress and hears Ctrl-C."""

import logging
import queue
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import NamedTuple

import jax
import numpy as np

from gorae.backend import Device, Worker, is_out_of_memory, own_numerics
from gorae.errors import GoraeWarning, MemoryPlanError
from gorae.train.checkpoint import Checkpoint, fingerprint, open_folder
from gorae.train.history import MemberResult
from gorae.train.planner import Plan, plan_members
from gorae.train.problem import Problem, SharedRows, SplitRows, as_read, with_spare_rows
from gorae.train.task import Member, Work, compile_ahead, is_drawn, steps_an_epoch, train_task

_log = logging.getLogger("gorae.train")
_POLL_SECONDS = 0.1
_HALVINGS = 5


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


@dataclass
class _Run:
    """What workers and the main thread share; `lock` guards every field but `work` and `wake`.

    `limit` is how many members a program may hold, and falls when memory runs out. `entered` and `left` count
    threads, `staying` the workers that will take another task; `wake` gets a word when one leaves.
    """

    work: Work
    tasks: list[list[int]]
    limit: int
    results: list[MemberResult | None]
    epochs: np.ndarray
    lock: threading.Lock = field(default_factory=threading.Lock)
    wake: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    entered: int = 0
    left: int = 0
    staying: int = 0
    error: BaseException | None = None
    halvings: int = 0
    retired: int = 0
    interrupted: bool = False
    best_score: float = -np.inf


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
) -> Outcome:
    """Train a population.

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

    Returns:
        The outcome. After Ctrl-C it holds the members as they were, and says so.

    Raises:
        KeyboardInterrupt: when Ctrl-C came before any member had finished an epoch.
        MemoryPlanError: when memory does not suffice for one member at a time.
        FileError: when the checkpoint is another fit's, is damaged, or cannot be written.
    """
    began = time.perf_counter()
    together = end_together(problem, members)
    plan = plan_members(problem, shared, splits[0], len(members), devices, together=together)
    if chunk is not None:
        plan = Plan(chunk, plan.workers, plan.member_bytes)
    fit = ""
    if checkpoint is not None:
        open_folder(checkpoint)
        fit = fingerprint(problem, shared, splits, members)
    work = Work(problem, members, [as_read(split) for split in splits], keep_state, checkpoint, fit, until)
    tasks = _tasks(work, plan.chunk)
    run = _Run(work, tasks, plan.chunk, [None] * len(members), np.zeros(len(members), np.int64))
    rows = SharedRows(with_spare_rows(shared.rows), with_spare_rows(shared.targets))
    with own_numerics():
        placed = {device: jax.device_put(rows, device) for device in {w.device for w in plan.workers}}
    jobs = [partial(_work, run, worker, placed[worker.device]) for worker in plan.workers[: len(tasks)]]
    if tasks and is_drawn(work, tasks[0]):
        first = plan.workers[0].device
        jobs.append(partial(_compile_ahead, run, tasks[0], first, placed[first]))
    threads = [threading.Thread(target=_counted, args=(run, job), daemon=True) for job in jobs]
    with _hearing(run):
        interrupted = _run_threads(run, threads, progress, began) or run.interrupted
    if run.error is not None:
        raise run.error
    if run.halvings or run.retired:
        warnings.warn(_what_memory_cost(run, plan), GoraeWarning, stacklevel=2)
    if interrupted and not any(run.results):
        raise KeyboardInterrupt
    return Outcome(run.results, interrupted, time.perf_counter() - began, plan)


def end_together(problem: Problem, members: Sequence[Member]) -> bool:
    """Return whether all members train for the same epochs, none of which can be saved."""
    whole = all(int(member.hyper["patience"]) >= int(member.hyper["epochs"]) for member in members)
    new = all(member.state is None for member in members)
    lengths = {int(member.hyper["epochs"]) for member in members}
    return whole and new and len(lengths) == 1 and problem.objective != "perceptron"


def _tasks(work: Work, chunk: int) -> list[list[int]]:
    """Return the members of each task; those of one task have equally many steps an epoch."""
    groups: dict[int, list[int]] = {}
    for i, member in enumerate(work.members):
        steps = steps_an_epoch(work.problem, work.splits[member.split]) if chunk > 1 else 0
        groups.setdefault(steps, []).append(i)
    return [group[i : i + chunk] for group in groups.values() for i in range(0, len(group), chunk)]


@contextmanager
def _hearing(run: _Run) -> Iterator[None]:
    """Let Ctrl-C set a flag inside the block, as `asyncio.run` does, and raise nothing.

    Raised while the main thread is in a callback of the garbage collector (JAX has one), it would be printed
    and forgotten. Handlers of the program that calls are left alone.
    """
    own = threading.current_thread() is threading.main_thread()
    if not own or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def hear(_number: int, _frame: FrameType | None) -> None:
        run.interrupted = run.work.stop = True

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _run_threads(
    run: _Run,
    threads: list[threading.Thread],
    progress: Callable[[Progress], object] | None,
    began: float,
) -> bool:
    """Start the workers and wait until none is left, whatever happens; return whether they were to stop.

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
                if all_left:
                    break
                _wait_for_word(run)
            for thread in threads:
                if thread.is_alive():
                    thread.join()
            break
        except KeyboardInterrupt:
            run.work.stop = interrupted = True
        except BaseException as error:
            run.work.stop = True
            failure = failure or error
    if failure is not None:
        raise failure
    return interrupted


def _all_left(run: _Run, started: int) -> bool:
    """Return whether no worker is at work, or will be."""
    with run.lock:
        return run.left == (run.entered if run.work.stop else started)


def _wait_for_word(run: _Run) -> None:
    """Wait until a worker leaves, but no longer than progress may be silent."""
    try:
        run.wake.get(timeout=_POLL_SECONDS)
    except queue.Empty:
        return


def _progress(run: _Run, began: float) -> Progress:
    """Return how far the training is; what early stopping saved is no longer planned."""
    planned = np.array([int(member.hyper["epochs"]) for member in run.work.members], np.int64)
    if run.work.until is not None:
        planned = np.minimum(planned, run.work.until)
    with run.lock:
        finished = np.array([result is not None for result in run.results], bool)
        planned = np.where(finished, run.epochs, np.maximum(planned, run.epochs))
        return Progress(
            members=len(planned),
            finished=int(finished.sum()),
            epochs=int(run.epochs.sum()),
            epochs_planned=int(planned.sum()),
            best_score=run.best_score,
            seconds=time.perf_counter() - began,
        )


def _counted(run: _Run, job: Callable[[], None]) -> None:
    """Do a worker's job, and let the main thread know when it is over; its error ends the training."""
    with run.lock:
        if run.work.stop:
            return
        run.entered += 1
    try:
        with own_numerics():
            job()
    except BaseException as error:
        with run.lock:
            run.error = run.error or error
        run.work.stop = True
    finally:
        with run.lock:
            run.left += 1
        run.wake.put(None)


def _work(run: _Run, worker: Worker, shared: SharedRows) -> None:
    """Train tasks until none is left."""
    with run.lock:
        run.staying += 1
    while (task := _next_task(run)) is not None and _train_or_shrink(run, worker, shared, *task):
        pass


def _compile_ahead(run: _Run, task: list[int], device: Device, shared: SharedRows) -> None:
    """Compile the training program while the workers compile and run the one that draws members."""
    try:
        compile_ahead(run.work, task, run.limit, device, shared)
    except Exception:
        _log.debug("compiling ahead failed; the worker that needs the program meets the error", exc_info=True)


def _next_task(run: _Run) -> tuple[list[int], int, bool] | None:
    """Return the next members, how many the program is for, and whether other workers are at work too."""
    with run.lock:
        if run.work.stop or not run.tasks:
            run.staying -= 1
            return None
        task = run.tasks.pop(0)
        if len(task) > run.limit:
            run.tasks.insert(0, task[run.limit :])
            task = task[: run.limit]
        return task, run.limit, run.staying > 1


def _train_or_shrink(
    run: _Run, worker: Worker, shared: SharedRows, task: list[int], size: int, crowded: bool
) -> bool:
    """Train a task, or make room if memory ran out; return whether this worker is to go on."""

    def tell(who: Sequence[int], epochs: np.ndarray, score: float) -> None:
        with run.lock:
            run.epochs[list(who)] = epochs
            run.best_score = max(run.best_score, score)

    try:
        results = train_task(run.work, task, size, worker.device, shared, tell)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return _shrink(run, task, size, crowded, error)
    with run.lock:
        for member, result in results.items():
            run.results[member] = result
    return True


def _shrink(run: _Run, task: list[int], size: int, crowded: bool, error: Exception) -> bool:
    """Put a task that ran out of memory back, and ask for less: half of the chunk, or one worker fewer.

    Returns whether this worker is to go on.

    Raises:
        MemoryPlanError: when there is nothing left to give up.
    """
    with run.lock:
        run.tasks.insert(0, task)
        run.epochs[task] = 0
        if size > run.limit:
            return True  # another worker has halved it meanwhile
        if size > 1 and run.halvings < _HALVINGS:
            run.halvings += 1
            run.limit = -(-size // 2)
            return True
        if size == 1 and run.staying > 1:
            run.staying -= 1
            run.retired += 1
            return False
        if size == 1 and crowded:
            return True  # the others have left meanwhile; alone it may fit
    raise MemoryPlanError(
        f"memory ran out with {size} member{'s' * (size > 1)} a program; use a smaller model or batch_size, "
        "or fewer rows."
    ) from error


def _what_memory_cost(run: _Run, plan: Plan) -> str:
    """Return what was given up because memory ran out."""
    cost = []
    if run.halvings:
        cost.append(f"went on with {run.limit} instead of {plan.chunk} members a program")
    if run.retired:
        cost.append("went on with fewer programs at a time")
    return f"memory ran out: {' and '.join(cost)} (same results)."
