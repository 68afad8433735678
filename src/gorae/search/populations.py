"""Trying settings of network estimators: all settings and splits are one population."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from gorae.backend import least, memory_budget, select_devices
from gorae.estimators.answers import answers_together
from gorae.estimators.carrying import (
    Cost,
    fit_arrays,
    follow,
    kept_bytes,
    planned_cost,
    set_fit_arrays,
    spent_cost,
)
from gorae.estimators.parameters import LARGEST_COUNT
from gorae.estimators.population import build_of
from gorae.estimators.preparation import prepared_fits
from gorae.estimators.together import Fit, begin_together, forget, learn, sharing, train_together
from gorae.estimators.width_plan import WidthPlan, plan_widths
from gorae.search.asking import answers_tags
from gorae.search.epoch_chains import as_ended, epochs_of, leaders
from gorae.search.expected import Expected
from gorae.search.outputs import outputs_of
from gorae.search.races import MOST_A_PART, Arrays, Tell, under
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials
from gorae.train import Problem, Progress, member_bytes

_DIVERGED = "DivergenceWarning: a member left the finite numbers; a smaller learning_rate may help."

_PART_FLOPS = 2e12
"""A part of a search that is kept when it is done: about a minute of two cores."""
_FEWEST_A_PART = 4

_WIDTHS = "hidden"
"""The parameter that networks of several widths differ in."""


class NetworkRace:
    """Settings of a network, or a tagger: every fit becomes what it would be alone, in parts or at once.

    Settings that differ only in their epochs share one training (`epoch_chains`).
    A setting whose members diverge in a split is scored there as a fit that failed. The time of a fit is its
    share of the population's. What settings have learned is kept between two parts as far as a quarter of the
    memory that may be used goes; whoever does not fit in begins anew, to bitwise the same end.

    Args:
        estimator: whose settings.
        settings: all of them.
        trials: the data, splits and scorers.
        wider: where these are some of a race's settings, what that race trains them in (see
            `begin_together`).
    """

    def __init__(
        self,
        estimator: Any,
        settings: Sequence[Setting],
        trials: Trials,
        *,
        wider: Mapping[Problem, Problem] | None = None,
    ):
        self._trials = trials
        self._estimator = estimator
        self._fits = self._fits_of(settings)
        weight = trials.fit_params.get("sample_weight")
        expected: Expected | None = trials.expected if wider is None else None
        self._together = begin_together(
            self._fits,
            trials.X,
            trials.y,
            weight,
            groups=trials.groups,
            wider=wider if expected is None else {},
        )
        if expected is not None:
            self._together = sharing(self._together, self._plan(settings, expected))

    def run(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry] | None]:
        """Train some settings, to their end or until so many epochs, and score them."""
        found: list[list[Entry] | None] = []
        room = self._room()
        for batch in self._batches(which, room):

            def told(share: float, before: int = len(found), here: int = len(batch)) -> bool:
                return tell((before + share * here) / len(which))

            found += self._run_batch(batch, until, told)
            if until is None or sum(self._kept(place) for place in which) > room:
                self.drop(batch)
            if found[-1] is None:
                break
        return found + [None] * (len(which) - len(found))

    def planned(self, place: int, until: int | None) -> Cost:
        """Return what a setting takes at most to be trained further, over all splits."""
        costs = [planned_cost(self._together, fit, until) for fit in self._of([place])]
        return Cost(sum(c.epochs for c in costs), sum(c.flops for c in costs))

    def settings_a_part(self) -> int:
        """Return how many settings make work of some seconds, however many cores there are."""
        settings = range(len(self._fits) // len(self._trials.splits))
        flops = sum(self.planned(place, None).flops for place in settings) / max(1, len(settings))
        return int(min(max(_PART_FLOPS // max(flops, 1.0), _FEWEST_A_PART), MOST_A_PART))

    def states(self, which: Sequence[int]) -> Arrays:
        """Return where settings that have paused stand."""
        return {
            f"{fit}/{key}": array
            for fit in self._of(which)
            for key, array in fit_arrays(self._together, fit).items()
        }

    def restore(self, which: Sequence[int], arrays: Mapping[str, np.ndarray]) -> None:
        """Put settings where `states` has left them."""
        for fit in self._of(which):
            set_fit_arrays(self._together, fit, under(f"{fit}/", arrays))

    def drop(self, which: Sequence[int]) -> None:
        """Let go of what settings have learned."""
        for fit in self._of(which):
            forget(self._together, fit)

    def follow(self, place: int, setting: Setting, winner: int) -> None:
        """Give a setting's place to another one, which goes on from where the winner stands."""
        for split, (own, other) in enumerate(zip(self._of([place]), self._of([winner]), strict=True)):
            estimator = self._trials.prepared(self._estimator, setting, split)
            fit = Fit(estimator, self._fits[own].rows)
            if other in self._together.ready:
                follow(self._together, own, fit, other)
                self._fits[own] = fit

    def _run_batch(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry] | None]:
        """Train and score settings that are in memory at once."""
        began = time.perf_counter()
        before = {place: spent_cost(self._together, place) for place in self._of(which)}
        followed = {} if until is not None else self._leaders(which)
        ended = self._train(which, followed, until, tell)
        splits = len(self._trials.splits)
        whole = [ended or self._got_there(one, until) for one in which]
        done = [place for one, there in zip(which, whole, strict=True) if there for place in self._of([one])]
        seconds = (time.perf_counter() - began) / max(len(done), 1)
        entries = iter(self._scored(done, seconds, before))
        return [[next(entries) for _ in range(splits)] if there else None for there in whole]

    def _leaders(self, which: Sequence[int]) -> dict[int, int]:
        """Return those of some settings that have not begun and that another's training passes through."""
        members = self._together.members
        new = [one for one in which if not any(place in members for place in self._of([one]))]
        return leaders(self._together.ready, {one: self._of([one]) for one in new})

    def _train(
        self, which: Sequence[int], followed: Mapping[int, int], until: int | None, tell: Tell
    ) -> bool:
        """Train settings, by way of those that end at another's pauses; return whether all got there."""
        pauses: dict[int, list[int]] = {}
        for one in followed:
            pauses.setdefault(self._epochs(one), []).append(one)
        legs: list[tuple[set[int], int | None, list[int]]] = [
            ({followed[one] for one in here}, epochs, here) for epochs, here in sorted(pauses.items())
        ]
        legs.append(({one for one in which if one not in followed}, until, []))
        total = sum(min(self._epochs(one), until or LARGEST_COUNT) for one in legs[-1][0])
        reached: dict[int, int] = {}
        for ahead, upto, here in legs:
            done = sum(reached.values())
            reached |= {one: min(self._epochs(one), upto or LARGEST_COUNT) for one in ahead}
            told = partial(_tell_leg, tell, done / max(1, total), sum(reached.values()) / max(1, total))
            for alike in self._of_equal_epochs(self._of(sorted(ahead))):
                if not train_together(self._together, alike, until=upto, progress=told):
                    return False
            for one in here:
                self._end(one, followed[one])
        return True

    def _epochs(self, one: int) -> int:
        """Return the epochs that a setting trains for; 0 where no fit of it can be trained."""
        ready = self._together.ready
        return max((epochs_of(ready[place]) for place in self._of([one]) if place in ready), default=0)

    def _end(self, one: int, leader: int) -> None:
        """Give a setting what its leader is now; where that was refused, refuse it too."""
        for place, ahead in zip(self._of([one]), self._of([leader]), strict=True):
            if ahead in self._together.ready:
                self._together.members[place] = [as_ended(m) for m in self._together.members[ahead]]
            else:
                self._together.refused[place] = self._together.refused[ahead]
                del self._together.ready[place]

    def _fits_of(self, settings: Sequence[Setting]) -> list[Fit]:
        """Return the fits of settings, one a split."""
        rows = [train for train, _ in self._trials.splits]
        return [
            Fit(one, train)
            for setting in settings
            for one, train in zip(self._trials.prepared_for_all(self._estimator, setting), rows, strict=True)
        ]

    def _plan(self, settings: Sequence[Setting], expected: Expected) -> WidthPlan:
        """Return which programs there are to be for all settings that are expected.

        They are planned once; what nobody has expected is planned for by itself.
        """
        ready, matrix = self._together.ready, self._together.data.matrix
        if not expected.settings:
            return plan_widths(ready.values())
        key = (*expected.key, *matrix.shape[1:], matrix.dtype.str)
        if key not in expected.plans:
            own = {id(setting) for setting in settings}
            others = [setting for setting in expected.settings if id(setting) not in own]
            if any(_WIDTHS in setting for setting in others):  # else all networks are of one width
                ready, _ = prepared_fits(self._fits_of(expected.settings), self._together.data)
            expected.plans[key] = plan_widths(ready.values())
        return expected.plans[key]

    def _of(self, which: Sequence[int]) -> list[int]:
        """Return the fits of some settings, one a split."""
        splits = len(self._trials.splits)
        return [setting * splits + split for setting in which for split in range(splits)]

    def _of_equal_epochs(self, places: Sequence[int]) -> list[list[int]]:
        """Return fits apart that paused at other epochs, those that begin first; who stopped is left out."""
        members = self._together.members
        groups: dict[int, list[int]] = {}
        for place in places:
            going = [member.epochs for member in members.get(place, []) if not member.stopped]
            if going or place not in members:
                groups.setdefault(max(going, default=0), []).append(place)
        return [groups[epochs] for epochs in sorted(groups)]

    def _got_there(self, setting: int, until: int | None) -> bool:
        """Return whether a setting has been trained as far as was asked, in every split."""
        trained = [self._together.members.get(fit) for fit in self._of([setting]) if self._is_ready(fit)]
        return all(
            members is not None
            and all(m.stopped or (until is not None and m.epochs >= until) for m in members)
            for members in trained
        )

    def _is_ready(self, fit: int) -> bool:
        """Return whether a fit can be trained."""
        return fit in self._together.ready

    def _batches(self, which: Sequence[int], room: int) -> list[list[int]]:
        """Return settings in groups whose members fit into memory at once."""
        batches: list[list[int]] = []
        free = 0
        for place in which:
            need = sum(self._bytes(fit) for fit in self._of([place]) if self._is_ready(fit))
            if not batches or need > free:
                batches.append([])
                free = room
            batches[-1].append(place)
            free -= need
        return batches

    def _bytes(self, fit: int) -> int:
        """Return the bytes that a fit's members take while they are trained."""
        ready = self._together.ready[fit]
        return ready.members * member_bytes(ready.recipe.trained, ready.split)

    def _kept(self, place: int) -> int:
        """Return the bytes that a setting's members hold."""
        return sum(kept_bytes(self._together, fit) for fit in self._of([place]))

    def _room(self) -> int:
        """Return the bytes that members may hold; with several processes, in the one that has the least."""
        ready = next(iter(self._together.ready.values()), None)
        if ready is None:
            return 1
        budget = memory_budget(select_devices(ready.fit.estimator.device)[0])
        return int(least("memory", budget)) // 4

    def _scored(self, places: Sequence[int], seconds: float, before: Mapping[int, Cost]) -> list[Entry]:
        """Return the entries of some fits; all answers are asked for at once."""
        splits = len(self._trials.splits)
        for place in places:
            if self._is_ready(place):
                learn(self._together, place)
        errors = {place: self._error(place) for place in places}
        known = self._answers([place for place in places if errors[place] is None])
        entries = []
        for place in places:
            now, then = spent_cost(self._together, place), before[place]
            entry: Entry = {"cost": [now.epochs - then.epochs, now.flops - then.flops]}
            if errors[place] is not None:
                entry |= self._trials.failed(place % splits, errors[place])
            else:
                entry |= {"fit_time": seconds, **self._entry(place, known[place])}
            entries.append(entry)
        return entries

    def _answers(self, places: Sequence[int]) -> dict[int, list[Any]]:
        """Return what fits answer for the rows they are scored on; taggers are asked one by one, later."""
        trials, splits = self._trials, len(self._trials.splits)
        known: dict[int, list[Any]] = {place: [] for place in places}
        if answers_tags(self._estimator):
            return known
        for part in [trials.test_parts] + ([trials.train_parts] if trials.return_train_score else []):
            rows = [part[place % splits][0] for place in places]
            asked = [(self._fits[place].estimator, X) for place, X in zip(places, rows, strict=True)]
            builds = [build_of(self._together.ready[place].recipe.trained) for place in places]
            answers = answers_together(asked, builds)
            for place, pair in zip(places, zip(rows, answers, strict=True), strict=True):
                known[place].append(pair)
        return known

    def _entry(self, place: int, known: Sequence[Any]) -> Entry:
        """Return the entry of a fit that is fine, as far as scores and answers go."""
        trials, split = self._trials, place % len(self._trials.splits)
        estimator = self._fits[place].estimator
        within = {"within": self._together.ready[place].recipe.within}
        if answers_tags(estimator):
            return trials.score(estimator, split) | within | {"outputs": None}
        with estimator.remembering(known):
            entry = trials.score(estimator, split)
            labels = trials.labels if is_classifier(estimator) else None
            outputs = outputs_of(estimator, trials.test_parts[split][0], labels)
        return entry | within | {"outputs": outputs}

    def _error(self, place: int) -> Any:
        """Return why a fit failed, or None."""
        refused = self._together.refused[place]
        if refused is None and self._fits[place].estimator.diverged_members_:
            return _DIVERGED
        return refused


def _tell_leg(tell: Tell, before: float, upto: float, now: Progress) -> bool:
    """Tell how far a part of the training is, as a share of all; answer whether it is to end."""
    return tell(before + (upto - before) * _share_of(now))


def _share_of(now: Progress) -> float:
    """Return the share of a training that is done."""
    return max(now.finished / max(now.members, 1), now.epochs / max(now.epochs_planned, 1))
