"""Compiling the programs of trainings that come next, while another one runs."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import jax
import numpy as np

from gorae.backend import Device, own_numerics
from gorae.train.loop import end_together
from gorae.train.planner import plan_members, trains_on_host
from gorae.train.problem import Problem, SharedRows, SplitRows, as_read, with_spare_rows
from gorae.train.spread import Spread
from gorae.train.task import Member, Work, compile_ahead, draw_member, fewest_steps

_log = logging.getLogger("gorae.train")


class Training(NamedTuple):
    """A training that is still to come: the arguments of `train`."""

    problem: Problem
    shared: SharedRows
    splits: Sequence[SplitRows]
    members: Sequence[Member]
    devices: list[Device]


@contextmanager
def compiling(trainings: Sequence[Training]) -> Iterator[None]:
    """Compile the programs of trainings in the background inside the block, one after the other.

    Whoever needs a program that is being compiled waits for it; what fails to compile fails there too.

    Args:
        trainings: those whose turn comes, in their order.
    """
    if not trainings:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_compile_all, args=(trainings, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _compile_all(trainings: Sequence[Training], stop: threading.Event) -> None:
    """Compile the programs of trainings until it is enough."""
    for training in trainings:
        for step in (_draw, _train):
            if stop.is_set():
                return
            try:
                with own_numerics():
                    step(training)
            except Exception:
                _log.debug("compiling ahead failed; the training meets the error", exc_info=True)


def _draw(training: Training) -> None:
    """Compile the program that draws a member, by drawing one, unless the members go on."""
    if training.members[0].state is None and not trains_on_host(training.problem, training.devices[0]):
        draw_member(training.problem, training.members[0], training.devices[0])


def _train(training: Training) -> None:
    """Compile the program that trains."""
    problem, shared, splits, members, devices = training
    if trains_on_host(problem, devices[0]):
        return
    work = Work(problem, (), [as_read(splits[members[0].split])], False, None, "")
    plan = plan_members(
        problem,
        shared,
        splits[0],
        Spread().planned(len(members), devices),
        devices,
        together=end_together(problem, members),
        steps=fewest_steps(problem, splits, members),
    )
    work.members = [members[0]._replace(split=0)]
    compile_ahead(work, [0], plan.chunk, plan.workers[0].device, SharedRows(*map(_shape, shared)))


def _shape(rows: np.ndarray) -> jax.ShapeDtypeStruct:
    """Return the shape that rows have on a device."""
    spare = with_spare_rows(rows)
    return jax.ShapeDtypeStruct(spare.shape, spare.dtype)
