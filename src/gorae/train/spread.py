"""A training spread over the processes of a run: each trains its share of the tasks, all get all results.

Members need nothing of each other, so that processes only meet about once a second to hear how far the others
are, and whether one has failed or was interrupted; and once more in the end, for the results.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from gorae.backend import Device, Message, gather, process_count, process_index
from gorae.errors import InputError
from gorae.train.history import History, MemberResult
from gorae.train.member import blank_state
from gorae.train.problem import Problem

_TALK_SECONDS = 1.0
_TALK_SECONDS_A_PROCESS = 0.05

_Made = TypeVar("_Made")


class Terms(NamedTuple):
    """What all processes must agree on before they train: the fit's fingerprint, and members a program."""

    fit: str
    chunk: int


class Counts(NamedTuple):
    """How far a process is with its own members."""

    finished: int
    epochs: int
    planned: int
    best_score: float


@dataclass
class Spread:
    """This process's part in a training; a process that is alone has all of it, and exchanges nothing."""

    count: int = field(default_factory=process_count)
    index: int = field(default_factory=process_index)
    others: tuple[Counts, ...] = ()
    _next_talk: float = 0.0
    _parted: bool = False

    def planned(self, members: int, devices: Sequence[Device]) -> int:
        """Return how many members to plan for.

        On a CPU all of them: their number decides whether members are stacked, which must be as in a single
        process. On accelerators this process's share: more would leave places of a program empty.
        """
        return members if devices[0].platform == "cpu" else -(-members // self.count)

    def begin(self, make: Callable[[], tuple[_Made, Terms]]) -> tuple[_Made, Terms]:
        """Return what is made, and the terms that hold for all processes.

        Raises:
            InputError: when they train on different data, or with other parameters or seeds.
            GoraeError: what making it raised in any process.
        """
        if self.count == 1:
            return make()
        made: list[_Made] = []

        def told() -> Message:
            one, terms = make()
            made.append(one)
            return Message(terms._asdict())

        terms = [Terms(**each.facts) for each in gather("the start of a training", told)]
        if len({each.fit for each in terms}) > 1:
            raise InputError(
                "the processes of this run train on different data, or with different parameters or seeds; "
                "start the same script with the same data in all."
            )
        return made[0], Terms(terms[0].fit, min(each.chunk for each in terms))

    def share(self, tasks: Sequence[list[int]]) -> list[list[int]]:
        """Return the tasks of this process: every n-th, each as it would be in a single process."""
        return list(tasks[self.index :: self.count])

    def talk(self, done: bool, stop: bool, counts: Callable[[], Counts]) -> tuple[bool, bool]:
        """Tell the others how far this process is, where it is time to.

        Args:
            done: whether it has nothing left to train.
            stop: whether it was to stop.
            counts: how far it is.

        Returns:
            Whether all are done, and whether one of them was to stop.
        """
        if self.count == 1 or self._parted:
            return done, False
        if not (done or stop) and time.monotonic() < self._next_talk:
            return False, False
        told = {"done": done, "stop": stop, "counts": counts()}
        try:
            heard = [each.facts for each in gather("training", lambda: Message(told))]
        except Exception:
            self._parted = True
            raise
        self._next_talk = time.monotonic() + max(_TALK_SECONDS, _TALK_SECONDS_A_PROCESS * self.count)
        self.others = tuple(Counts(*each["counts"]) for i, each in enumerate(heard) if i != self.index)
        return all(each["done"] for each in heard), any(each["stop"] for each in heard)

    def collect(
        self,
        problem: Problem,
        own: Sequence[MemberResult | None],
        *,
        keep_state: bool,
        interrupted: bool,
        error: BaseException | None,
    ) -> tuple[list[MemberResult | None], bool]:
        """Return the results of all processes, and whether one was interrupted.

        Args:
            problem: of the members.
            own: the results of this process, one a member, None for those of the others.
            keep_state: whether results hold their state.
            interrupted: whether this process was interrupted.
            error: what ended the training here; it is raised in all processes.
        """
        if self.count == 1 or self._parted:
            if error is not None:
                raise error
            return list(own), interrupted

        def told() -> Message:
            if error is not None:
                raise error
            return _as_message(own, interrupted)

        results = list(own)
        heard = gather("the end of a training", told)
        for number, each in enumerate(heard):
            if number != self.index:
                for member, result in _results_of(problem, each, keep_state=keep_state).items():
                    results[member] = result
        return results, any(each.facts["interrupted"] for each in heard)


def _as_message(results: Sequence[MemberResult | None], interrupted: bool) -> Message:
    """Return the results that there are, for the other processes."""
    arrays: dict[str, np.ndarray] = {}
    numbers: dict[str, list[int]] = {}
    for member, one in enumerate(results):
        if one is not None:
            leaves = jax.tree.leaves((one.parameters, one.buffers, one.history, one.state))
            arrays |= {f"{member}/{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
            counts = (one.best_epoch, one.epochs, one.steps, one.diverged_step, one.stopped)
            numbers[str(member)] = [int(each) for each in counts]
    return Message({"interrupted": interrupted, "members": numbers}, arrays)


def _results_of(problem: Problem, message: Message, *, keep_state: bool) -> Mapping[int, MemberResult]:
    """Return the results that another process has sent, by member."""
    blank: Any = blank_state(problem)
    history = History(*[np.zeros(0)] * len(History._fields))
    structure = jax.tree.structure((blank.parameters, blank.buffers, history, blank if keep_state else None))
    found: dict[int, MemberResult] = {}
    for member, (best_epoch, epochs, steps, diverged_step, stopped) in message.facts["members"].items():
        leaves = [message.arrays[f"{member}/{i}"] for i in range(structure.num_leaves)]
        parameters, buffers, records, state = jax.tree.unflatten(structure, leaves)
        found[int(member)] = MemberResult(
            parameters, buffers, records, best_epoch, epochs, steps, diverged_step, state, bool(stopped)
        )
    return found
