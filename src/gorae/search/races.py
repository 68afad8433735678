"""Races: settings under trial, which may be trained in several parts, and how races are put together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from gorae.errors import ParameterError
from gorae.estimators.carrying import Cost
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials

Tell = Callable[[float], bool]
"""Told the share of the work done, from 0 to 1; answers whether to end here."""

Arrays = dict[str, np.ndarray]

MOST_A_PART = 64
"""Settings that are tried at once, at most, where finished ones are kept in a file."""


class Race(Protocol):
    """Settings under trial."""

    def run(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry] | None]:
        """Train some settings, to their end or until so many epochs, and score them.

        Returns:
            For each setting an entry a split; None where Ctrl-C, or the answer of `tell`, came before.
        """
        ...

    def planned(self, place: int, until: int | None) -> Cost:
        """Return what a setting takes at most to be trained further, over all splits."""
        ...

    def settings_a_part(self) -> int:
        """Return how many settings to train at once, where finished ones are to be kept in a file."""
        ...

    def states(self, which: Sequence[int]) -> Arrays:
        """Return where settings that have paused stand, for a file."""
        ...

    def restore(self, which: Sequence[int], arrays: Mapping[str, np.ndarray]) -> None:
        """Put settings where `states` has left them; one that is not in the arrays begins anew."""
        ...

    def drop(self, which: Sequence[int]) -> None:
        """Let go of what settings have learned."""
        ...

    def follow(self, place: int, setting: Setting, winner: int) -> None:
        """Give a setting's place to another one, which goes on from where the winner stands."""
        ...


Begin = Callable[[Any, Sequence[Setting], Trials], Race]
"""Begins a race of an estimator's settings."""


@dataclass(frozen=True)
class AtOnce:
    """A race of estimators that cannot pause.

    Args:
        evaluate: tries settings: estimator, settings, trials and whom to tell; an entry a setting and split,
            None for settings that were not tried because it was to end.
        estimator: whose settings.
        settings: all of them.
        trials: the data, splits and scorers.
        part: how many settings to try at once, where finished ones are to be kept.
    """

    evaluate: Callable[[Any, Sequence[Setting], Trials, Tell], list[list[Entry] | None]]
    estimator: Any
    settings: Sequence[Setting]
    trials: Trials
    part: int

    def run(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry] | None]:
        """Try some settings.

        Raises:
            ParameterError: when they are to pause.
        """
        if until is not None:
            raise self._no_epochs("halving")
        return self.evaluate(self.estimator, [self.settings[place] for place in which], self.trials, tell)

    def planned(self, place: int, until: int | None) -> Cost:
        """Refuse: there are no epochs."""
        raise self._no_epochs("a budget of epochs or flops")

    def settings_a_part(self) -> int:
        """Return how many settings to try at once."""
        return self.part

    def states(self, which: Sequence[int]) -> Arrays:
        """Return nothing: nobody has paused."""
        return {}

    def restore(self, which: Sequence[int], arrays: Mapping[str, np.ndarray]) -> None:
        """Do nothing: every setting begins anew."""

    def drop(self, which: Sequence[int]) -> None:
        """Do nothing: nothing is kept."""

    def follow(self, place: int, setting: Setting, winner: int) -> None:
        """Refuse: there is nothing to go on from."""
        raise self._no_epochs("sampler='pbt'")

    def _no_epochs(self, what: str) -> ParameterError:
        """Return the error that something needs epochs."""
        return ParameterError(
            f"{what} needs an estimator that trains by epochs, not {type(self.estimator).__name__}."
        )


class Share(NamedTuple):
    """A race that is a share of another one.

    Attributes:
        places: of its settings among all.
        splits: that it is about, in its own order.
        race: whose settings have places and splits of their own.
        own: makes of a setting what the race knows of it.
    """

    places: Sequence[int]
    splits: Sequence[int]
    race: Race
    own: Callable[[Setting], Setting] = dict


@dataclass(frozen=True)
class Combined:
    """Several races as one: each has some of the settings, and some of the splits.

    Args:
        shares: the races.
        count: the splits there are.
        failed: the entries of what no race is about, by setting and split.
    """

    shares: Sequence[Share]
    count: int
    failed: Mapping[tuple[int, int], Entry]

    def run(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry] | None]:
        """Run one race after the other; whoever misses a split at the end has not been tried."""
        found = {(place, split): entry for (place, split), entry in self.failed.items() if place in which}
        work = [(share, asked) for share in self.shares if (asked := _among(which, share.places))]
        total = max(1, sum(len(asked) * len(share.splits) for share, asked in work))
        before = 0
        for share, asked in work:
            here = len(asked) * len(share.splits)

            def told(part: float, before: int = before, here: int = here) -> bool:
                return tell((before + part * here) / total)

            entries = share.race.run([share.places.index(place) for place in asked], until, told)
            for place, own in zip(asked, entries, strict=True):
                if own is not None:
                    found |= {(place, s): entry for s, entry in zip(share.splits, own, strict=True)}
            if None in entries:
                break
            before += here
        return [self._whole(place, found) for place in which]

    def _whole(self, place: int, found: Mapping[tuple[int, int], Entry]) -> list[Entry] | None:
        """Return a setting's entries, or None where one is missing."""
        own = [found.get((place, split)) for split in range(self.count)]
        return None if None in own else [entry for entry in own if entry is not None]

    def planned(self, place: int, until: int | None) -> Cost:
        """Return the sum over the races."""
        costs = [share.race.planned(own, until) for share, own in self._of(place)]
        return Cost(sum(c.epochs for c in costs), sum(c.flops for c in costs))

    def settings_a_part(self) -> int:
        """Return what the race wants whose settings are the most work."""
        return min((share.race.settings_a_part() for share in self.shares), default=1)

    def states(self, which: Sequence[int]) -> Arrays:
        """Return the arrays of all races, each under the number of its race."""
        return {
            f"{number}/{key}": array
            for number, (race, own) in enumerate(self._asked(which))
            if own
            for key, array in race.states(own).items()
        }

    def restore(self, which: Sequence[int], arrays: Mapping[str, np.ndarray]) -> None:
        """Give every race what is under its number."""
        for number, (race, own) in enumerate(self._asked(which)):
            race.restore(own, under(f"{number}/", arrays))

    def drop(self, which: Sequence[int]) -> None:
        """Let every race let go."""
        for race, own in self._asked(which):
            race.drop(own)

    def follow(self, place: int, setting: Setting, winner: int) -> None:
        """Let the races that both are in do it.

        Raises:
            ParameterError: when the two are in other races: they differ in more than a network's numbers.
        """
        mine, others = (self._of(each) for each in (place, winner))
        if [share for share, _ in mine] != [share for share, _ in others]:
            raise ParameterError("sampler='pbt' can change the numbers of a network only, not other steps.")
        for (share, own), (_, other) in zip(mine, others, strict=True):
            share.race.follow(own, share.own(setting), other)

    def _of(self, place: int) -> list[tuple[Share, int]]:
        """Return the races that a setting is in, and its place there."""
        return [(share, share.places.index(place)) for share in self.shares if place in share.places]

    def _asked(self, which: Sequence[int]) -> list[tuple[Race, list[int]]]:
        """Return every race, with the places there of some settings."""
        return [
            (share.race, [share.places.index(place) for place in _among(which, share.places)])
            for share in self.shares
        ]


def _among(which: Sequence[int], places: Sequence[int]) -> list[int]:
    """Return those that are among some places."""
    return [place for place in which if place in places]


def under(prefix: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    """Return the arrays whose names begin with a prefix, without it.

    Example:
        >>> under("a/", {"a/x": np.ones(1), "b/x": np.zeros(1)})
        {'x': array([1.])}
    """
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
