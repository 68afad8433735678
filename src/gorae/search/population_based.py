"""Population-based training: losers go on from winners' parameters, with numbers that are a little other.

Within a split parameters pass from setting to setting only: they have seen that split's training rows alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gorae.errors import FileError, MemoryPlanError, ParameterError
from gorae.search.climbing import Climb, Climbed, Hear, LateRace, mean_score, run_part
from gorae.search.epochs import most_epochs
from gorae.search.evaluation import begin_race
from gorae.search.journal import Part
from gorae.search.space import Setting, Space, is_distribution
from gorae.search.trials import Entry

_ROUNDS = 10
_SHARE = 0.2
_FACTORS = (0.8, 1.2)
_EDGE = 1e-6
_NUMBERS = ("learning_rate", "weight_decay", "l1", "momentum", "dropout", "label_smoothing")


@dataclass
class Population:
    """A population under way.

    Args:
        settings: what each place is trained with now.
        parents: the place that each went on from in this round; its own where it simply goes on.
    """

    settings: list[Setting]
    parents: list[int]


def train_population(
    search: Climb, spaces: Sequence[Space], first: Sequence[Setting], seed: int, hear: Hear
) -> list[Climbed]:
    r"""Train settings together for at most ten rounds; after each, the worst fifth follows the best.

    A loser takes the parameters and the optimizer's state of one of the best fifth (exploit), and that one's
    setting with every number multiplied by 0.8 or 1.2, or moved to a neighbour in its list (explore).

    Args:
        search: what settings are tried on.
        spaces: the parts of the space, in which numbers stay.
        first: the settings that begin.
        seed: decides who follows whom, and how.
        hear: told the share of the work done, and what is finished.

    Returns:
        Every setting after every round, with the `parent` it went on from.

    Raises:
        ParameterError: when settings differ in more than numbers of a network's training.

    References:
        Jaderberg et al. 2017, Population based training of neural networks.
    """
    epochs = most_epochs(search.estimator, first)
    now = Population(list(first), list(range(len(first))))
    race = LateRace(lambda: begin_race(search.estimator, list(now.settings), search.trials))
    places = range(len(first))
    rounds = min(_ROUNDS, epochs)
    climbed: list[Climbed] = []
    for level in range(rounds):
        upto = round(epochs * (level + 1) / rounds)
        until = None if level + 1 == rounds else upto
        part = Part(0, 0, level, 0)
        told = partial(_hear_round, hear, level, rounds)
        settings, parents = list(now.settings), list(now.parents)

        def move(found: Mapping[int, list[Entry]], level: int = level) -> None:
            scores = [mean_score(found[place], search.refit) for place in places]
            moves = exploit(scores, np.random.default_rng([seed, level]))
            _move(now, moves, spaces, race, np.random.default_rng([seed, level, 1]))

        def move_and_keep(found: Mapping[int, list[Entry]], part: Part = part) -> None:
            _check_all_kept(race, found)
            move(found)
            search.journal.keep_states(part, lambda: race.race.states(places))

        # Where all stand is written before the round's entries: a round that is known can be gone on from.
        keeping = None if until is None else move_and_keep
        found = run_part(search, part, race, (places, settings), until, told, keeping)
        where = {"iter": level, "n_resources": upto}
        climbed += [Climbed(settings[p], own, where | {"parent": parents[p]}) for p, own in found.items()]
        if search.ended or until is None:
            break
        if race.has_begun:
            search.journal.forget_states(part)
        else:
            move(found)
            _skip(search, part, race, places)
    return climbed


def exploit(scores: Sequence[float], generator: np.random.Generator) -> dict[int, int]:
    """Return who follows whom: each of the worst fifth one of the best fifth, drawn at random.

    Args:
        scores: of every place; NaN is worst.
        generator: draws.

    Example:
        >>> exploit([0.9, 0.1, 0.5, 0.6, 0.7], np.random.default_rng(0))
        {1: 0}
    """
    count = max(1, int(_SHARE * len(scores))) if len(scores) > 1 else 0
    order = np.argsort(-np.nan_to_num(np.asarray(scores, float), nan=-np.inf), kind="stable")
    losers = order[len(order) - count :]
    return {int(loser): int(generator.choice(order[:count])) for loser in losers}


def explore(setting: Setting, spaces: Sequence[Space], generator: np.random.Generator) -> Setting:
    """Return a setting whose numbers are a little other, inside the part of the space that it is of."""
    space = next(part for part in spaces if _is_of(setting, part))
    return {name: _perturbed(value, space[name], generator) for name, value in setting.items()}


def _is_of(setting: Setting, part: Space) -> bool:
    """Return whether a setting can be of a part of the space."""
    return set(part) == set(setting) and all(
        is_distribution(values) or setting[name] in values for name, values in part.items()
    )


def _perturbed(value: Any, values: Any, generator: np.random.Generator) -> Any:
    """Return a number times 0.8 or 1.2, or the next or previous of a list."""
    if not is_distribution(values):
        step = 1 if generator.random() < 0.5 else -1
        return values[min(max(values.index(value) + step, 0), len(values) - 1)]
    changed = value * float(generator.choice(_FACTORS))
    low, high = values.ppf([_EDGE, 1 - _EDGE]) if hasattr(values, "ppf") else (-np.inf, np.inf)
    changed = float(min(max(changed, low), high))  # inside: the very ends of a range need not be valid
    return round(changed) if isinstance(value, int) else changed


def _move(
    now: Population,
    moves: dict[int, int],
    spaces: Sequence[Space],
    race: LateRace,
    generator: np.random.Generator,
) -> None:
    """Let the losers follow."""
    now.parents = list(range(len(now.settings)))
    for loser, winner in moves.items():
        setting = explore(now.settings[winner], spaces, generator)
        if race.has_begun:
            race.race.follow(loser, setting, winner)
        now.settings[loser], now.parents[loser] = setting, winner


def _skip(search: Climb, part: Part, race: LateRace, places: Sequence[int]) -> None:
    """Remember what tells where all stand after a round that is known."""

    def states() -> dict[str, np.ndarray]:
        found = search.journal.states(part)
        if not found:
            raise FileError(
                "the parameters of the population, which lie in the folder beside the file of the search, "
                "are missing or damaged; delete the file and begin anew."
            )
        return found

    race.skip(places, states)


def _check_all_kept(race: LateRace, found: Mapping[int, list[Entry]]) -> None:
    """Refuse to go on where memory had no room for all: some would begin anew, which is not what they are."""
    trained = [place for place, own in found.items() if any(entry["fit_error"] is None for entry in own)]
    if not all(race.race.states([place]) for place in trained):
        raise MemoryPlanError(
            f"memory does not hold a population of {len(found)}; use fewer settings or a smaller network, or "
            "set GORAE_MEMORY (bytes) if more may be used."
        )


def _hear_round(hear: Hear, level: int, rounds: int, share: float, finished: Sequence[Climbed]) -> bool:
    """Tell the share of a round as a share of all."""
    return hear((level + share) / rounds, finished)


def checked_numbers(spaces: Sequence[Space]) -> None:
    """Refuse a space in which something cannot be perturbed while training goes on.

    Raises:
        ParameterError: when it is no number of a network's training.
    """
    for part in spaces:
        for name, values in part.items():
            if name.split("__")[-1] not in _NUMBERS:
                raise ParameterError(
                    f"sampler='pbt' changes numbers while networks train ({', '.join(_NUMBERS)}), and "
                    f"{name!r} is none of them: leave it out of the space."
                )
            if not is_distribution(values) and not all(
                isinstance(v, int | float | np.number) and not isinstance(v, bool) and np.isfinite(v)
                for v in values
            ):
                raise ParameterError(
                    f"sampler='pbt' changes numbers while networks train; {name!r} has other values: leave "
                    "it out of the space."
                )
