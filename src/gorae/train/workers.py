"""Workers: threads that take tasks from one queue, let few that wait have turns, and make room in memory."""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from gorae.backend import Device, Worker, is_out_of_memory, own_numerics
from gorae.errors import MemoryPlanError
from gorae.train.history import MemberResult
from gorae.train.problem import SharedRows
from gorae.train.spread import Spread
from gorae.train.task import Paused, Work, compile_ahead, train_task

_log = logging.getLogger("gorae.train")
_HALVINGS = 5


@dataclass
class Run:
    """What workers and the main thread share; `lock` guards every field but `work` and `wake`.

    `limit` is how many members a program may hold, and falls when memory runs out. `entered` and `left` count
    threads, `staying` the workers that will take another task; `wake` gets a word when one leaves. `tasks`
    are this process's, and `own` says whose members; of the other processes `spread` hears.
    `turns`: see `Plan`.
    """

    work: Work
    spread: Spread
    tasks: list[list[int] | Paused]
    own: np.ndarray
    limit: int
    turns: bool
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
    undivided: bool = False
    interrupted: bool = False
    best_score: float = -np.inf


def counted(run: Run, job: Callable[[], None]) -> None:
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


def work_on(run: Run, worker: Worker, shared: SharedRows) -> None:
    """Train tasks until none is left."""
    with run.lock:
        run.staying += 1
    while (task := _next_task(run)) is not None and _train_or_shrink(run, worker, shared, *task):
        pass


def compile_task(run: Run, task: list[int], device: Device, shared: SharedRows) -> None:
    """Compile the training program while the workers compile and run the one that draws members."""
    try:
        compile_ahead(run.work, task, run.limit, device, shared)
    except Exception:
        _log.debug("compiling ahead failed; the worker that needs the program meets the error", exc_info=True)


def _next_task(run: Run) -> tuple[list[int] | Paused, int, bool] | None:
    """Return the next members, how many the program is for, and whether other workers are at work too."""
    with run.lock:
        if run.work.stop or not run.tasks:
            run.staying -= 1
            return None
        task = run.tasks.pop(0)
        if isinstance(task, Paused):
            if task.size <= run.limit:
                return task, task.size, run.staying > 1
            task = _anew(run, task)
        if len(task) > run.limit:
            run.tasks.insert(0, task[run.limit :])
            task = task[: run.limit]
        return task, run.limit, run.staying > 1


def _train_or_shrink(
    run: Run, worker: Worker, shared: SharedRows, task: list[int] | Paused, size: int, crowded: bool
) -> bool:
    """Train a task, perhaps until another has its turn, or make room if memory ran out.

    Returns whether this worker is to go on.
    """

    def tell(who: Sequence[int], epochs: np.ndarray, score: float) -> None:
        with run.lock:
            run.epochs[list(who)] = epochs
            run.best_score = max(run.best_score, score)

    try:
        trained = train_task(run.work, task, size, worker.device, shared, tell, partial(_makes_way, run))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return _shrink(run, task, size, crowded, error)
    if isinstance(trained, Paused):
        with run.lock:
            run.tasks.append(trained)
    else:
        keep(run, trained)
    return True


def keep(run: Run, results: Mapping[int, MemberResult]) -> None:
    """Keep what has become of members."""
    with run.lock:
        for member, result in results.items():
            run.results[member] = result


def _makes_way(run: Run) -> bool:
    """Return whether a task that waits is to have its turn: so few wait that some workers would idle later.

    Five equal members on two workers then take 2.5 times what one takes, and not 3 times.
    """
    with run.lock:
        return run.turns and 0 < len(run.tasks) < run.staying


def _anew(run: Run, task: Paused) -> list[int]:
    """Return the members of a task, which begin anew."""
    run.epochs[list(task.task)] = 0
    return list(task.task)


def _shrink(run: Run, task: list[int] | Paused, size: int, crowded: bool, error: Exception) -> bool:
    """Put a task that ran out of memory back, and ask for less: half of the chunk, a worker fewer, no parts.

    Returns whether this worker is to go on.

    Raises:
        MemoryPlanError: when there is nothing left to give up.
    """
    with run.lock:
        if isinstance(task, Paused):
            task = list(task.task)
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
        if run.work.parts > 1:
            run.work.parts, run.undivided = 1, True
            return True
    raise MemoryPlanError(
        f"memory ran out with {size} member{'s' * (size > 1)} a program; use a smaller model or batch_size, "
        "or fewer rows."
    ) from error
