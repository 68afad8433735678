"""How many members one program holds, and how many workers run, inside the memory budget."""

import math
from dataclasses import dataclass
from functools import lru_cache

import jax
import numpy as np

from gorae.backend import Device, Worker, least, memory_budget, process_count, workers_for
from gorae.errors import MemoryPlanError
from gorae.train.member import state_shapes
from gorae.train.problem import Problem, SharedRows, SplitRows, parameter_shapes
from gorae.train.validation import VALIDATION_BLOCK

_TINY_STEP = 1 << 18
_SMALL_STEP = 1 << 20
_MANY_MEMBERS = 96
_TINY_CHUNK = 8
_STACKED_STEPS = 1 << 16
"""Steps of all members from which a stack pays: it saves about 20 µs a step, and the final fit of a search,
which is one network, then has to compile a program of its own."""
_LARGEST_CHUNK = 512
_HOST_CHUNK, _HOST_NUMBERS = 64, 1 << 18
"""Members that NumPy trains at a time, and their parameters: they share the overhead of a call, and wait less
for Python's one lock, as long as they stay near the processor."""
_DIVIDED_STEP = 1 << 25
"""Multiplications of a step's answers from which parts pay, measured: those of a half take about a
millisecond, and to make a step on the host half of one."""
_FEWEST_ROWS = 16
"""Rows of a part from which products are at a good part of their speed, measured on recurrent steps."""
_MEMBER_OVERHEAD = 20_000
"""Bytes of Python objects and records that a member takes, whatever its size."""


@dataclass(frozen=True)
class Plan:
    """The planner's answer: members a program (or a call of NumPy's), and who runs them.

    `turns` says whether members that would wait for a worker at the end may take turns with those at work:
    all of them are then in memory. `parts` is into how many a batch of a member alone is cut. `on_host` says
    whether NumPy trains them, and nothing is compiled.
    """

    chunk: int
    workers: tuple[Worker, ...]
    member_bytes: int
    turns: bool = False
    parts: int = 1
    on_host: bool = False


def plan_members(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    members: int,
    devices: list[Device],
    *,
    together: bool = False,
    steps: int = _STACKED_STEPS,
    alone: bool = False,
) -> Plan:
    """Return how to run `members` members on `devices`.

    On a CPU a member is a program of its own, except that tiny nets are stacked in eights where there are
    enough of them and of their steps (their cost is the overhead of an operation, which a stack shares;
    larger stacks fall out of the second-level cache), and small ones where none waits for another. On
    accelerators a chunk takes as many as fit. What NumPy trains is dealt out to all cores, as many at a time
    as stay near the processor.

    Args:
        problem: what is trained.
        shared: rows and targets that all members read.
        split: one of the folds, which are of one size.
        members: how many.
        devices: where.
        together: whether all end after the same epochs.
        steps: the fewest that a member may take.
        alone: whether there is one member, whose steps may be divided over the cores.

    Raises:
        MemoryPlanError: when not even one member fits into the budget.
    """
    device = devices[0]
    each = member_bytes(problem, split)
    budget = memory_budget(device)
    free = budget - _nbytes(shared)
    if free < each:
        raise MemoryPlanError(
            f"one member needs about {_megabytes(each + _nbytes(shared))} with its data, but the budget on "
            f"{device.platform} is {_megabytes(budget)}; use a smaller model or batch_size, fewer rows, or "
            "set GORAE_MEMORY (bytes) if more may be used."
        )
    workers = workers_for(devices)
    fitting = int(free // each)
    if trains_on_host(problem, device):
        at_once = max(1, min(_HOST_CHUNK, _HOST_NUMBERS // parameter_count(problem)))
        cores = len(workers) * process_count()
        chunk = max(1, min(fitting, at_once, -(-members // cores)))
        busy = min(len(workers), fitting // chunk, -(-members // chunk))
        return Plan(chunk, tuple(workers[: max(1, busy)]), each, on_host=True)
    if device.platform == "cpu":
        chunk = min(fitting, _cpu_chunk(problem, members, len(workers), together, steps))
        busy = min(len(workers), fitting // chunk, -(-members // chunk))
        turns = fitting // chunk >= 2 * busy - 1
        parts = batch_parts(problem, min(len(workers), fitting)) if alone else 1
        return Plan(chunk, tuple(workers[: max(1, busy)]), each, turns, parts)
    share = -(-members // len(workers))
    return Plan(max(1, min(share, fitting, _LARGEST_CHUNK)), tuple(workers[: max(1, members)]), each)


def trains_on_host(problem: Problem, device: Device) -> bool:
    """Return whether NumPy trains a problem's members, where this device is theirs."""
    return bool(problem.on_host) and device.platform == "cpu"


def member_bytes(problem: Problem, split: SplitRows) -> int:
    """Return about how many bytes a member needs while it trains.

    Counted are its state before and after a call, a gradient, the activations of a batch forwards and
    backwards with its encoded rows, and the epoch's order with what sorting it takes.
    """
    arrays, widths = _of_any_rows(problem)
    kept = problem.row_numbers or widths
    stops = VALIDATION_BLOCK if split.stop_rows.shape[-1] else 1
    rows = max(problem.batch_size, stops)
    at_once = max(problem.micro_batch or problem.batch_size, stops)
    activations = 4 * (at_once * 3 * kept + rows * 2 * int(np.prod(split.shift.shape[-1:])))
    order = 24 * split.train_rows.shape[-1]
    gathered = 0
    if problem.on_host:  # a copy of the split's rows, what an epoch tells of them, and rooms of two sizes
        inputs, outputs = int(split.shift.shape[-1]), problem.classes or int(split.target_shift.shape[-1])
        numbers = 2 * (inputs + 1) + 6 * outputs + 8
        gathered = 4 * numbers * (split.train_rows.shape[-1] + split.stop_rows.shape[-1]) + activations
    return arrays + activations + gathered + order


@lru_cache(maxsize=256)
def _of_any_rows(problem: Problem) -> tuple[int, int]:
    """Return the bytes of a member's state, before and after a call, and of a gradient; and its widths."""
    parameters, _ = parameter_shapes(problem)
    widths = sum(leaf.shape[-1] for leaf in jax.tree.leaves(parameters) if leaf.ndim >= 2)
    return 2 * _nbytes(state_shapes(problem)) + _nbytes(parameters), widths


def check_members(problem: Problem, members: int) -> None:
    """Refuse more members than memory can keep, in each process, when they are trained.

    Raises:
        MemoryPlanError: when their parameters alone exceed the budget.
    """
    budget = int(least("memory", memory_budget(jax.local_devices(backend="cpu")[0])))
    kept = members * (_nbytes(parameter_shapes(problem)) + _MEMBER_OVERHEAD)
    if kept > budget:
        raise MemoryPlanError(
            f"{members:,} member{'s' * (members > 1)} would keep about {_megabytes(kept)}, but the budget "
            f"is {_megabytes(budget)}; use fewer members or a smaller model, or set GORAE_MEMORY (bytes) if "
            "more may be used."
        )


def parameter_count(problem: Problem) -> int:
    """Return the number of parameters of one member."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(parameter_shapes(problem)[0]))


def batch_parts(problem: Problem, workers: int) -> int:
    """Return into how many equal parts the batches of a network that is trained alone are cut.

    A power of two, so that the parts of the usual batches are equal, and each for one worker.
    """
    if not 0 < problem.divided_from <= workers or _step_work(problem) < _DIVIDED_STEP:
        return 1
    most = min(workers, problem.batch_size // (problem.micro_batch or _FEWEST_ROWS))
    parts, unit = 1, problem.micro_batch or 1
    while 2 * parts <= most and problem.batch_size % (2 * parts * unit) == 0:
        parts *= 2
    return parts


def is_tiny(problem: Problem) -> bool:
    """Return whether a step is so little work that its operations' overhead, and compiling, cost more."""
    return _step_work(problem) <= _TINY_STEP


def _step_work(problem: Problem) -> int:
    """Return about how many multiplications a step's answers take."""
    return max(problem.row_work, parameter_count(problem)) * problem.batch_size


def _cpu_chunk(problem: Problem, members: int, workers: int, together: bool, steps: int) -> int:
    """Return the members a program holds on a CPU."""
    if members < max(_MANY_MEMBERS, 2 * workers * _TINY_CHUNK) or members * steps < _STACKED_STEPS:
        return 1
    small = together and _step_work(problem) <= _SMALL_STEP
    return _TINY_CHUNK if small or is_tiny(problem) else 1


def _nbytes(tree: object) -> int:
    """Return the bytes of all arrays (or shapes) of a tree."""
    return sum(math.prod(a.shape) * np.dtype(a.dtype).itemsize for a in jax.tree.leaves(tree))


def _megabytes(count: int) -> str:
    """Return a number of bytes in words."""
    return f"{count / 1e6:,.1f} MB"
