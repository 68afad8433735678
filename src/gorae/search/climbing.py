"""A batch of settings climbs its rungs: those that score best train on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gorae.errors import ParameterError
from gorae.estimators.parameters import check_count
from gorae.search.evaluation import begin_race
from gorae.search.halving import Rung, best_settings, make_brackets
from gorae.search.journal import Part, Recall, make_anew
from gorae.search.space import Setting
from gorae.search.trials import Entry, Race, Tell, Trials


class Climbed(NamedTuple):
    """A setting at a rung.

    Attributes:
        place: of the setting in the batch.
        entries: one a split.
        rung: `iter` (from 0), `n_resources` (epochs) and `bracket`; empty where nothing is halved.
    """

    place: int
    entries: list[Entry]
    rung: dict[str, int]


@dataclass(frozen=True)
class Climb:
    """What all batches of a search have in common.

    Args:
        estimator: whose settings are tried.
        trials: the data, splits and scorers.
        halving: see `make_brackets`.
        refit: the name of the score that decides, where there are several.
        recall: gives the entries of a part, known or made anew.
        parts: settings a part, where nothing is halved; None for one part.
    """

    estimator: Any
    trials: Trials
    halving: Any
    refit: Any
    recall: Recall = make_anew
    parts: int | None = None


def climb(search: Climb, batch: Sequence[Setting], number: int, tell: Tell) -> list[Climbed]:
    """Try a batch of settings.

    Args:
        search: what all batches have in common.
        batch: the settings.
        number: of the batch, from 0.
        tell: told the share of the work done.

    Returns:
        Every setting at every rung that it has climbed, rung after rung.
    """
    if search.halving is None:
        return _climb_at_once(search, batch, number, tell)
    epochs = most_epochs(search.estimator, batch)
    brackets = make_brackets(search.halving, len(batch), epochs)
    work = [sum(_epochs_of(rung, epochs) * rung.settings for rung in bracket) for bracket in brackets]
    shares = np.cumsum([0, *work]) / sum(work)
    climbed: list[Climbed] = []
    first = 0
    for which, bracket in enumerate(brackets):
        own = batch[first : first + bracket[0].settings]
        told = partial(_tell_part, tell, float(shares[which]), float(shares[which + 1]))
        part = Part(number, which, 0, 0)
        for place, entries, rung in _climb_bracket(search, own, part, bracket, epochs, told):
            climbed.append(Climbed(first + place, entries, rung | {"bracket": which}))
        first += len(own)
    return climbed


def _climb_at_once(search: Climb, batch: Sequence[Setting], number: int, tell: Tell) -> list[Climbed]:
    """Train every setting to its end, part by part."""
    size = search.parts or len(batch)
    race = _Late(partial(begin_race, search.estimator, batch, search.trials))
    climbed: list[Climbed] = []
    for which, first in enumerate(range(0, len(batch), size)):
        places = range(first, min(first + size, len(batch)))
        told = partial(_tell_part, tell, first / len(batch), places[-1] / len(batch))
        found = search.recall(
            Part(number, 0, 0, which),
            [batch[place] for place in places],
            partial(race.run, places, None, told),
        )
        climbed += [Climbed(place, own, {}) for place, own in zip(places, found, strict=True)]
    return climbed


class _Late:
    """A race that begins when something of it is run for the first time."""

    def __init__(self, begin: Callable[[], Race]):
        self._begin = begin
        self._race: Race | None = None

    def run(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry]]:
        """Run some settings."""
        if self._race is None:
            self._race = self._begin()
        return self._race.run(which, until, tell)


def _climb_bracket(
    search: Climb, batch: Sequence[Setting], part: Part, bracket: Sequence[Rung], epochs: int, tell: Tell
) -> list[Climbed]:
    """Train all settings to the first rung, the best of them to the next, and so on.

    Where earlier rungs are known and a later one is not, those that go on are trained from their beginning.
    """
    work = np.array([0, *(_epochs_of(rung, epochs) * rung.settings for rung in bracket)])
    shares = np.cumsum(work) / work.sum()
    race = _Late(partial(begin_race, search.estimator, batch, search.trials))
    going = list(range(len(batch)))
    climbed: list[Climbed] = []
    for level, rung in enumerate(bracket):
        told = partial(_tell_part, tell, float(shares[level]), float(shares[level + 1]))
        found = search.recall(
            part._replace(rung=level),
            [batch[place] for place in going],
            partial(race.run, going, rung.epochs, told),
        )
        where = {"iter": level, "n_resources": _epochs_of(rung, epochs)}
        climbed += [Climbed(place, own, where) for place, own in zip(going, found, strict=True)]
        if level + 1 < len(bracket):
            scores = [mean_score(own, search.refit) for own in found]
            going = [going[k] for k in best_settings(scores, bracket[level + 1].settings)]
    return climbed


def _epochs_of(rung: Rung, epochs: int) -> int:
    """Return the epochs that settings have trained for at a rung."""
    return rung.epochs or epochs


def _tell_part(tell: Tell, before: float, upto: float, share: float) -> None:
    """Tell the share of a part of the work as a share of all."""
    tell(before + share * (upto - before))


def most_epochs(estimator: Any, settings: Sequence[Setting]) -> int:
    """Return the epochs that every setting may train for.

    Raises:
        ParameterError: when settings differ in them, or the estimator does not train by epochs.
    """
    names = [name for name in estimator.get_params() if name == "epochs" or name.endswith("__epochs")]
    if not names:
        raise ParameterError(
            f"halving needs an estimator that trains by epochs, not {type(estimator).__name__}; use "
            "halving=None."
        )
    if any(name in setting for setting in settings for name in names):
        raise ParameterError("halving decides the epochs; leave them out of the space.")
    return check_count(names[0], estimator.get_params()[names[0]])


def mean_score(entries: Sequence[Entry], refit: Any) -> float:
    """Return the mean score that a sampler learns from."""
    scores = [entry["test_scores"] for entry in entries]
    if isinstance(scores[0], dict):
        scores = [each[refit if refit in each else next(iter(each))] for each in scores]
    return float(np.mean(scores))
