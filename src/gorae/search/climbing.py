"""A batch of settings climbs its rungs: those that score best train on."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gorae.errors import ParameterError
from gorae.estimators.parameters import check_count
from gorae.search.evaluation import begin_race
from gorae.search.halving import Rung, best_settings, make_brackets
from gorae.search.space import Setting
from gorae.search.trials import Entry, Tell, Trials


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


def climb(
    estimator: Any, batch: Sequence[Setting], trials: Trials, halving: Any, refit: Any, tell: Tell
) -> list[Climbed]:
    """Try a batch of settings.

    Args:
        estimator: whose settings.
        batch: all of them.
        trials: the data, splits and scorers.
        halving: see `make_brackets`.
        refit: the name of the score that decides, where there are several.
        tell: told the share of the work done.

    Returns:
        Every setting at every rung that it has climbed, rung after rung.
    """
    if halving is None:
        found = begin_race(estimator, batch, trials).run(range(len(batch)), None, tell)
        return [Climbed(place, entries, {}) for place, entries in enumerate(found)]
    epochs = most_epochs(estimator, batch)
    brackets = make_brackets(halving, len(batch), epochs)
    work = [sum(_epochs_of(rung, epochs) * rung.settings for rung in bracket) for bracket in brackets]
    shares = np.cumsum([0, *work]) / sum(work)
    climbed: list[Climbed] = []
    first = 0
    for number, bracket in enumerate(brackets):
        own = batch[first : first + bracket[0].settings]
        part = partial(_tell_part, tell, float(shares[number]), float(shares[number + 1]))
        for place, entries, rung in _climb_bracket(estimator, own, trials, bracket, epochs, refit, part):
            climbed.append(Climbed(first + place, entries, rung | {"bracket": number}))
        first += len(own)
    return climbed


def _climb_bracket(
    estimator: Any,
    batch: Sequence[Setting],
    trials: Trials,
    bracket: Sequence[Rung],
    epochs: int,
    refit: Any,
    tell: Tell,
) -> list[Climbed]:
    """Train all settings to the first rung, the best of them to the next, and so on."""
    work = np.array([0, *(_epochs_of(rung, epochs) * rung.settings for rung in bracket)])
    shares = np.cumsum(work) / work.sum()
    race = begin_race(estimator, batch, trials)
    going = list(range(len(batch)))
    climbed: list[Climbed] = []
    for level, rung in enumerate(bracket):
        part = partial(_tell_part, tell, float(shares[level]), float(shares[level + 1]))
        found = race.run(going, rung.epochs, part)
        where = {"iter": level, "n_resources": _epochs_of(rung, epochs)}
        climbed += [Climbed(place, own, where) for place, own in zip(going, found, strict=True)]
        if level + 1 < len(bracket):
            scores = [mean_score(own, refit) for own in found]
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
