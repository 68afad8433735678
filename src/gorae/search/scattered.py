"""Networks trained on a cluster: the settings of a race are cut into tasks for the workers of joblib.

The race itself is begun here as ever: what is checked, transformed, refused, followed and written to a file
is what it is on one machine. Only the training, and the scoring, is done elsewhere: a task carries settings
and where they stand, and brings back their entries and where they stand then.
"""

import threading
import warnings
import weakref
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from gorae.backend import select_devices
from gorae.estimators.carrying import Cost
from gorae.estimators.preparation import ReadyFit
from gorae.search.populations import NetworkRace
from gorae.search.races import MOST_A_PART, Arrays, Combined, Race, Tell
from gorae.search.space import Setting
from gorae.search.tasks import Task, Workers, received, sent_once
from gorae.search.trials import Entry, Trials
from gorae.train import Member, Problem, SharedRows, hyper_scalars, plan_members
from gorae.train.loop import end_together
from gorae.train.task import steps_an_epoch

_TASKS_A_WORKER = 8
"""Few, as each prepares its settings anew; but Ctrl-C is to lose little, and nobody is to wait long."""


class Asked(NamedTuple):
    """Settings that a worker is to train.

    Attributes:
        begun: the setting that each place began with: it decides which rows stop its training.
        now: the setting that it goes on with; None where it is the same.
        states: where each stands, its fits counted from 0; empty where it begins.
        until: epochs in all, or None for the end.
        wider: the problems that are trained in programs for wider layers, and those programs'.
    """

    begun: list[Setting]
    now: list[Setting | None]
    states: list[Arrays]
    until: int | None
    wider: dict[Problem, Problem]


Warned = tuple[str, type[Warning], str, int]
"""A warning: its text, its category, and the file and the line that it is of."""


class Trained(NamedTuple):
    """What a worker has made of the settings it was asked for; `warned` is what it heard meanwhile."""

    entries: list[list[Entry] | None]
    states: list[Arrays]
    warned: list[Warned]


class Share(NamedTuple):
    """Settings of a race that one task is about, and what they cost."""

    race: "RemoteRace"
    places: list[int]
    until: int | None
    cost: float


class RemoteRace(NetworkRace):
    """Settings of a network estimator that workers train; here is where they stand, and what they scored.

    Args:
        estimator: whose settings.
        settings: all of them.
        trials: the data, splits and scorers.
    """

    def __init__(self, estimator: Any, settings: Sequence[Setting], trials: Trials):
        super().__init__(estimator, settings, trials)
        self._splits = len(trials.splits)
        self._begun: list[Setting] = list(settings)
        self._now: list[Setting | None] = [None] * len(settings)
        self._came: dict[int, list[Entry]] = {}
        self._held: dict[int, int] = {}
        self._sent: tuple[Any, Any, Any] | None = None

    def run(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry] | None]:
        """Hand out what has come back."""
        return [self._came.pop(place, None) for place in which]

    def drop(self, which: Sequence[int]) -> None:
        """Let go of what settings have learned."""
        super().drop(which)
        for place in which:
            self._held.pop(place, None)

    def follow(self, place: int, setting: Setting, winner: int) -> None:
        """Give a setting's place to another one, which goes on from where the winner stands."""
        super().follow(place, setting, winner)
        self._begun[place], self._now[place] = self._begun[winner], setting

    def has_come(self, place: int) -> bool:
        """Return whether a setting has come back, and waits to be handed out."""
        return place in self._came

    def shares(
        self, which: Sequence[int], until: int | None, costs: Mapping[int, float], size: float
    ) -> list[Share]:
        """Cut settings into shares that cost about so much; those of equal structure stay together.

        Args:
            which: the settings.
            until: epochs in all that they are to train for, or None.
            costs: of each.
            size: what a share is to cost.
        """
        pieces: list[list[int]] = []
        for group in self._alike(which):
            fewest, most = self._pieces(group)
            wanted = ceil(sum(costs[place] for place in group) / size)
            number = min(max(wanted, fewest), most)
            cut = [[int(place) for place in part] for part in np.array_split(group, number)]
            if pieces and sum(costs[place] for place in pieces[-1] + cut[0]) <= size:
                pieces[-1] += cut.pop(0)
            pieces += cut
        return [Share(self, part, until, sum(costs[place] for place in part)) for part in pieces]

    def send(self) -> None:
        """Send what all tasks are about: the data, the splits and the scorers."""
        if self._sent is None:
            trials = self._trials
            others = replace(trials, X=None, y=None, expected=None)  # and without what it has cut from them
            self._sent = sent_once(trials.X), sent_once(trials.y), sent_once(others)

    def task(self, share: Share) -> Task:
        """Return the task of a share; `send` was called before."""
        asked = Asked(
            begun=[self._begun[place] for place in share.places],
            now=[self._now[place] for place in share.places],
            states=[_moved(self.states([place]), -place * self._splits) for place in share.places],
            until=share.until,
            wider=self._wider(share.places),
        )
        return Task(train_settings, (*(self._sent or ()), clone(self._estimator), asked))

    def take(self, share: Share, trained: Trained) -> None:
        """Take back a share: its entries, and where its settings stand as far as memory holds it."""
        room = self._room()
        for place, own, arrays in zip(share.places, trained.entries, trained.states, strict=True):
            if own is None:
                continue
            self._came[place] = own
            self._held[place] = sum(array.nbytes for array in arrays.values())
            if share.until is None or sum(self._held.values()) > room:
                self.drop([place])
            else:
                self.restore([place], _moved(arrays, place * self._splits))

    def _wider(self, which: Sequence[int]) -> dict[Problem, Problem]:
        """Return what settings are trained in, where it is a program for wider layers."""
        recipes = [self._together.ready[fit].recipe for fit in self._of(which) if self._is_ready(fit)]
        return {recipe.problem: recipe.wide for recipe in recipes if recipe.wide is not None}

    def _alike(self, which: Sequence[int]) -> list[list[int]]:
        """Return settings in groups that are trained together: of equal structure, and equally far."""
        groups: dict[Any, list[int]] = {}
        for place in which:
            fits = [fit for fit in self._of([place]) if self._is_ready(fit)]
            programs = tuple(self._together.ready[fit].program for fit in fits)
            done = tuple(member.epochs for fit in fits for member in self._together.members.get(fit, []))
            groups.setdefault((programs, max(done, default=0)), []).append(place)
        return list(groups.values())

    def _pieces(self, group: Sequence[int]) -> tuple[int, int]:
        """Return the fewest and the most pieces of a group in which its scores stay the same to the last bit.

        On a CPU small networks are stacked where there are many, and a stack rounds in another way: what
        would be stacked here is to be stacked there, and nothing else.
        """
        known = self._together.ready
        fits = [fit for fit in self._of(group) if self._is_ready(fit)]
        if not fits or select_devices(known[fits[0]].fit.estimator.device)[0].platform != "cpu":
            return 1, len(group)
        first, sizes = known[fits[0]], [self._members(place) for place in group]
        together = end_together(first.recipe.trained, [job for fit in fits for job in self._jobs(fit)])
        steps = [_steps(known[fit]) for fit in fits]
        if self._stacks(first, sum(sizes), together, min(steps)):
            fewest = self._fewest_stacked(first, sum(sizes), together, min(steps))
            return 1, max(1, len(group) // ceil(fewest / min(sizes)))
        if self._stacks(first, sum(sizes), True, max(steps)):  # longer ones could end together
            most = (self._fewest_stacked(first, sum(sizes), True, max(steps)) - 1) // max(sizes)
            return ceil(len(group) / max(1, most)), len(group)
        return 1, len(group)

    def _members(self, place: int) -> int:
        """Return the members that a setting trains."""
        return sum(self._together.ready[fit].members for fit in self._of([place]) if self._is_ready(fit))

    def _jobs(self, fit: int) -> list[Member]:
        """Return the members that a fit trains, as far as it matters to who ends when."""
        ready = self._together.ready[fit]
        earlier = self._together.members.get(fit, [None] * ready.members)
        hyper = hyper_scalars(**ready.recipe.hyper)
        return [Member(hyper, 0, None if member is None else member.state) for member in earlier]

    def _stacks(self, ready: ReadyFit, members: int, together: bool, steps: int) -> bool:
        """Return whether so many members like those of a fit are stacked."""
        data, devices = self._together.data, select_devices(ready.fit.estimator.device)
        rows = ready.shared or SharedRows(data.matrix, data.targets)
        problem, split = ready.recipe.trained, ready.split
        plan = plan_members(problem, rows, split, members, devices, together=together, steps=steps)
        return plan.chunk > 1

    def _fewest_stacked(self, ready: ReadyFit, members: int, together: bool, steps: int) -> int:
        """Return the fewest members that are stacked, where so many are."""
        numbers = range(1, members + 1)
        return numbers[bisect_left(numbers, True, key=lambda n: self._stacks(ready, n, together, steps))]


def _steps(ready: ReadyFit) -> int:
    """Return the steps that a fit may take."""
    return int(ready.recipe.hyper["epochs"]) * steps_an_epoch(ready.recipe.problem, ready.split)


class Scattered:
    """A race whose networks are trained by the workers of joblib's active backend.

    Args:
        race: the race; its networks are each a `RemoteRace`.
        trials: what it is about.
    """

    def __init__(self, race: Race, trials: Trials):
        self._race = race
        self._workers = Workers(trials.n_jobs)
        self._told: set[Warned] = set()
        weakref.finalize(self, self._workers.close).atexit = False

    def run(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry] | None]:
        """Train some settings, to their end or until so many epochs, and score them."""
        remote = {place for place in which if any(_remote(self._race, [place]))}
        part = len(remote) / max(1, len(which))
        try:
            ended = self._train(which, until, lambda share: tell(part * share))
        except KeyboardInterrupt:
            ended = True
        whole = [place for place in which if (place in remote or not ended) and self._has_come(place)]
        entries = self._race.run(whole, until, lambda share: tell(part + (1 - part) * share))
        for race, places in _remote(self._race, which):  # what has come of a part of the splits only
            race.run(places, until, tell)
        found = dict(zip(whole, entries, strict=True))
        return [found.get(place) for place in which]

    def planned(self, place: int, until: int | None) -> Cost:
        """Return what a setting takes at most to be trained further, over all splits."""
        return self._race.planned(place, until)

    def settings_a_part(self) -> int:
        """Return how many settings to train at once, so that many workers have something to do."""
        return MOST_A_PART

    def states(self, which: Sequence[int]) -> Arrays:
        """Return where settings that have paused stand, as on one machine."""
        return self._race.states(which)

    def restore(self, which: Sequence[int], arrays: Mapping[str, np.ndarray]) -> None:
        """Put settings where `states` has left them."""
        self._race.restore(which, arrays)

    def drop(self, which: Sequence[int]) -> None:
        """Let go of what settings have learned."""
        self._race.drop(which)

    def follow(self, place: int, setting: Setting, winner: int) -> None:
        """Give a setting's place to another one, which goes on from where the winner stands."""
        self._race.follow(place, setting, winner)

    def _train(self, which: Sequence[int], until: int | None, tell: Tell) -> bool:
        """Have the workers train; return whether that ended before all had."""
        if not any(_remote(self._race, which)):
            return False
        shares = self._shares(which, until, _TASKS_A_WORKER * self._workers.open())
        for share in shares:
            share.race.send()
        total, spent = sum(share.cost for share in shares), 0.0
        tasks = (share.race.task(share) for share in shares)
        with closing(self._workers.results(tasks)) as results:
            for done in results:
                for number, trained in done:
                    shares[number].race.take(shares[number], trained)
                    self._tell_warnings(trained)
                    spent += shares[number].cost
                cut_short = any(None in trained.entries for _, trained in done)
                if tell(spent / total) or cut_short:
                    return True
        return False

    def _shares(self, which: Sequence[int], until: int | None, number: int) -> list[Share]:
        """Cut what is to be trained into about so many shares of about equal cost."""
        work = [
            (race, {place: max(1.0, race.planned(place, until).flops) for place in places})
            for race, places in _remote(self._race, which)
        ]
        size = sum(sum(costs.values()) for _, costs in work) / number
        return [share for race, costs in work for share in race.shares(list(costs), until, costs, size)]

    def _has_come(self, place: int) -> bool:
        """Return whether all that workers were asked of a setting has come back."""
        return all(race.has_come(own) for race, (own,) in _remote(self._race, [place]))

    def _tell_warnings(self, trained: Trained) -> None:
        """Warn of what a worker was warned of, once."""
        new = [each for each in trained.warned if each not in self._told]
        self._told.update(new)
        for text, category, filename, line in new:
            warnings.warn_explicit(text, category, filename, line)


def _remote(race: Race, places: Sequence[int]) -> Iterator[tuple[RemoteRace, list[int]]]:
    """Yield the races of a race that workers train, each with its own places of some settings."""
    if isinstance(race, Combined):
        for share in race.shares:
            own = [share.places.index(place) for place in places if place in share.places]
            yield from _remote(share.race, own)
    elif isinstance(race, RemoteRace) and places:
        yield race, list(places)


def train_settings(X: Any, y: Any, others: Any, estimator: Any, asked: Asked) -> Trained:
    """Train and score settings in a worker.

    Args:
        X: rows, as `sent_once` has sent them.
        y: their targets, too.
        others: the trials without both, too.
        estimator: whose settings.
        asked: what is to be trained.
    """
    trials = replace(received(others), X=received(X), y=received(y))
    splits, places = len(trials.splits), range(len(asked.begun))
    with _listening() as warned:
        race = NetworkRace(estimator, asked.begun, trials, wider=asked.wider)
        for place, setting, arrays in zip(places, asked.now, asked.states, strict=True):
            race.restore([place], _moved(arrays, place * splits))
            if setting is not None:
                race.follow(place, setting, place)
        entries = race.run(places, asked.until, lambda share: False)
        kept = [asked.until is not None and own is not None for own in entries]
        states = [
            _moved(race.states([place]), -place * splits) if keep else {}
            for place, keep in zip(places, kept, strict=True)
        ]
    return Trained(entries, states, warned)


def _moved(arrays: Mapping[str, np.ndarray], by: int) -> Arrays:
    """Return the states of fits under names that count them from another place.

    Example:
        >>> list(_moved({"4/0/weight": np.ones(1)}, -4))
        ['0/0/weight']
    """
    parted = ((key.partition("/"), array) for key, array in arrays.items())
    return {f"{int(fit) + by}/{rest}": array for (fit, _, rest), array in parted}


@contextmanager
def _listening() -> Iterator[list[Warned]]:
    """Keep the warnings inside the block, to be told where the search runs.

    Which warnings are shown is one setting of a whole process: a worker that is a thread leaves it alone.
    """
    heard: list[Warned] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield heard
    heard += dict.fromkeys((str(w.message), w.category, w.filename, w.lineno) for w in caught)
