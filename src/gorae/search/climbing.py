"""A batch of settings climbs its rungs: those that score best train on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gorae.estimators.carrying import Cost
from gorae.search.budget import Budget
from gorae.search.epochs import most_epochs
from gorae.search.evaluation import begin_race
from gorae.search.halving import Rung, best_settings, make_brackets
from gorae.search.journal import NoJournal, Part
from gorae.search.races import Arrays, Race, Tell
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials


class Climbed(NamedTuple):
    """A setting at a rung.

    Attributes:
        setting: which.
        entries: one a split.
        rung: `iter` (from 0), `n_resources` (epochs) and `bracket`; empty where nothing is halved.
    """

    setting: Setting
    entries: list[Entry]
    rung: dict[str, int]


Hear = Callable[[float, Sequence[Climbed]], bool]
"""Told the share of a batch that is done and what has been finished since; answers whether to end."""


@dataclass
class Climb:
    """What all batches of a search have in common.

    Args:
        estimator: whose settings are tried.
        trials: the data, splits and scorers.
        halving: see `make_brackets`.
        refit: the name of the score that decides, where there are several.
        journal: keeps what is finished.
        budget: what the search may take.
        ended: why the search ended before its plan: "interrupted" or "budget"; None while it has not.
    """

    estimator: Any
    trials: Trials
    halving: Any
    refit: Any
    journal: NoJournal = field(default_factory=NoJournal)
    budget: Budget = field(default_factory=lambda: Budget({}))
    ended: str | None = None


def climb(search: Climb, batch: Sequence[Setting], number: int, hear: Hear) -> list[Climbed]:
    """Try a batch of settings.

    Args:
        search: what all batches have in common; it is told when the search is to end.
        batch: the settings.
        number: of the batch, from 0.
        hear: told the share of the work done, and what is finished.

    Returns:
        Every setting at every rung that it has climbed, rung after rung.
    """
    if search.halving is None:
        return _climb_at_once(search, batch, number, hear)
    epochs = most_epochs(search.estimator, batch)
    wanted = len(batch)
    batch = batch[: _begun(search, batch, epochs)]
    brackets = make_brackets(search.halving, len(batch), epochs) if batch else []
    work = [sum(_epochs_of(rung, epochs) * rung.settings for rung in bracket) for bracket in brackets]
    shares = np.cumsum([0, *work]) / max(1, sum(work))
    climbed: list[Climbed] = []
    first = 0
    for which, bracket in enumerate(brackets):
        own = batch[first : first + bracket[0].settings]
        told = partial(_hear_part, hear, float(shares[which]), float(shares[which + 1]))
        found = _climb_bracket(search, own, Part(number, which, 0, 0), bracket, epochs, told)
        climbed += [each._replace(rung=each.rung | {"bracket": which}) for each in found]
        if search.ended:
            break
        first += len(own)
    if len(batch) < wanted:
        search.ended = search.ended or "budget"
    return climbed


def _climb_at_once(search: Climb, batch: Sequence[Setting], number: int, hear: Hear) -> list[Climbed]:
    """Train every setting to its end, part by part."""
    race = LateRace(partial(begin_race, search.estimator, batch, search.trials))
    size = search.journal.part_size(number, lambda: race.race.settings_a_part()) or len(batch)
    climbed: list[Climbed] = []
    first = part = 0
    while first < len(batch) and not search.ended:
        places = range(first, min(first + size, len(batch)))
        affordable = search.budget.affordable([_cost(search, race, place) for place in places])
        if not affordable:
            search.ended = "budget"
            break
        places = places[:affordable]
        told = partial(_hear_part, hear, first / len(batch), (places[-1] + 1) / len(batch))
        settings = [batch[place] for place in places]
        found = run_part(search, Part(number, 0, 0, part), race, (places, settings), None, told)
        climbed += [Climbed(batch[place], own, {}) for place, own in found.items()]
        first, part = places[-1] + 1, part + 1
    return climbed


class LateRace:
    """A race that begins when something of it is run for the first time.

    Args:
        begin: begins it.
    """

    def __init__(self, begin: Callable[[], Race]):
        self._begin = begin
        self._race: Race | None = None
        self._states: tuple[Sequence[int], Callable[[], Arrays]] | None = None

    @property
    def race(self) -> Race:
        """The race; it begins now, where those stand who went on from the last rung that is known."""
        if self._race is None:
            self._race = self._begin()
            if self._states is not None:
                which, states = self._states
                self._race.restore(which, states())
        return self._race

    def skip(self, which: Sequence[int], states: Callable[[], Arrays]) -> None:
        """Hear that a rung is known, which settings go on from it, and what tells where they stand."""
        if self._race is None:
            self._states = which, states

    @property
    def has_begun(self) -> bool:
        """Whether there is something to be kept."""
        return self._race is not None


def run_part(
    search: Climb,
    part: Part,
    race: LateRace,
    asked: tuple[Sequence[int], Sequence[Setting]],
    until: int | None,
    hear: Hear,
    before_keep: Callable[[Mapping[int, list[Entry]]], None] | None = None,
) -> dict[int, list[Entry]]:
    """Return the entries of a part by place: those that the journal knows, and those that are made now.

    What is made is kept at once, after `before_keep` has seen the whole part. The search is told when it is
    to end: because Ctrl-C, the time, or `hear` left something untried.
    """
    places, settings = asked
    known = search.journal.known(part, settings)
    found = {places[number]: own for number, own in known.items()}
    missing = [number for number in range(len(places)) if number not in known]
    if missing:
        tell: Tell = partial(_tell_or_end, search, hear)
        try:
            made = race.race.run([places[number] for number in missing], until, tell)
        except KeyboardInterrupt:
            made = [None] * len(missing)
        new = {n: own for n, own in zip(missing, made, strict=True) if own is not None}
        if until is not None:  # what is answered before the end is of no use
            for entry in (entry for own in new.values() for entry in own):
                entry.pop("outputs", None)
        found |= {places[number]: own for number, own in new.items()}
        if before_keep is not None and len(new) == len(missing):
            before_keep(found)
        search.journal.keep(part, settings, new, search.budget.seconds())
        if len(new) < len(missing):
            search.ended = "budget" if search.budget.is_time_up() else "interrupted"
    search.budget.spend(list(found.values()), new=part.rung == 0)
    where = dict(zip(places, settings, strict=True))
    ordered = {place: found[place] for place in places if place in found}
    hear(1.0, [Climbed(where[place], own, {}) for place, own in ordered.items()])
    return ordered


def _tell_or_end(search: Climb, hear: Hear, share: float) -> bool:
    """Tell how far a part is; answer whether it is to end."""
    return hear(share, ()) or search.budget.is_time_up()


def _climb_bracket(
    search: Climb, batch: Sequence[Setting], part: Part, bracket: Sequence[Rung], epochs: int, hear: Hear
) -> list[Climbed]:
    """Train all settings to the first rung, the best of them to the next, and so on.

    Where earlier rungs are known and a later one is not, those that go on do so from where the journal has
    them, or else from their beginning.
    """
    work = np.array([0, *(_epochs_of(rung, epochs) * rung.settings for rung in bracket)])
    shares = np.cumsum(work) / work.sum()
    race = LateRace(partial(begin_race, search.estimator, batch, search.trials))
    going = list(range(len(batch)))
    climbed: list[Climbed] = []
    for level, rung in enumerate(bracket):
        part = part._replace(rung=level)
        told = partial(_hear_part, hear, float(shares[level]), float(shares[level + 1]))
        settings = [batch[place] for place in going]
        found = run_part(search, part, race, (going, settings), rung.epochs, told)
        where = {"iter": level, "n_resources": _epochs_of(rung, epochs)}
        climbed += [Climbed(batch[place], own, where) for place, own in found.items()]
        if search.ended:
            break
        if level + 1 < len(bracket):
            scores = [mean_score(found[place], search.refit) for place in going]
            before = going
            going = [before[k] for k in best_settings(scores, bracket[level + 1].settings)]
            pass_on(search, part, race, going, sorted(set(before) - set(going)))
    return climbed


def pass_on(
    search: Climb, part: Part, race: LateRace, going: Sequence[int], dropped: Sequence[int] = ()
) -> None:
    """Keep where the settings stand that go on from a rung, and let go of the others."""
    if race.has_begun:
        race.race.drop(dropped)
        search.journal.keep_states(part, lambda: race.race.states(going))
        search.journal.forget_states(part)
    else:
        race.skip(going, lambda: search.journal.states(part))


def _begun(search: Climb, batch: Sequence[Setting], epochs: int) -> int:
    """Return how many settings of a batch may begin, so that the budget lasts until the last rung."""
    budget, count = search.budget, len(batch)
    if not count or budget.is_time_up():
        return 0
    splits = len(search.trials.splits)
    one = Cost(0, 0.0)
    if budget.needs_costs():
        race = begin_race(search.estimator, batch, search.trials)
        costs = [race.planned(place, None) for place in range(count)]
        one = Cost(max(c.epochs for c in costs), max(c.flops for c in costs))
    while count:
        share = sum(
            rung.settings * (_epochs_of(rung, epochs) - _epochs_before(bracket, level, epochs)) / epochs
            for bracket in make_brackets(search.halving, count, epochs)
            for level, rung in enumerate(bracket)
        )
        plan = {"fits": count * splits, "epochs": share * one.epochs, "flops": share * one.flops}
        if budget.affordable([plan]):
            break
        count -= 1
    return count


def _epochs_before(bracket: Sequence[Rung], level: int, epochs: int) -> int:
    """Return the epochs that settings have trained for when they come to a rung."""
    return _epochs_of(bracket[level - 1], epochs) if level else 0


def _cost(search: Climb, race: LateRace, place: int) -> Mapping[str, float]:
    """Return what a setting takes at most, of what the budget counts."""
    cost = {"fits": float(len(search.trials.splits))}
    if search.budget.needs_costs():
        planned = race.race.planned(place, None)
        cost |= {"epochs": float(planned.epochs), "flops": planned.flops}
    return cost


def _epochs_of(rung: Rung, epochs: int) -> int:
    """Return the epochs that settings have trained for at a rung."""
    return rung.epochs or epochs


def _hear_part(hear: Hear, before: float, upto: float, share: float, finished: Sequence[Climbed]) -> bool:
    """Tell the share of a part of the work as a share of all."""
    return hear(before + share * (upto - before), finished)


def mean_score(entries: Sequence[Entry], refit: Any) -> float:
    """Return the mean score that a sampler learns from."""
    scores = [entry["test_scores"] for entry in entries]
    if isinstance(scores[0], dict):
        scores = [each[refit if refit in each else next(iter(each))] for each in scores]
    return float(np.mean(scores))
