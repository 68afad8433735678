"""Trying settings of network estimators: all settings and splits are one population."""

import time
from collections.abc import Sequence
from typing import Any

from gorae.estimators.answers import answers_together
from gorae.estimators.together import Fit, begin_together, train_together
from gorae.search.space import Setting
from gorae.search.trials import Entry, Tell, Trials
from gorae.train import Progress

_DIVERGED = "DivergenceWarning: a member left the finite numbers; a smaller learning_rate may help."


class NetworkRace:
    """Settings of a network estimator: every fit becomes what it would be alone, in parts or at once.

    A setting whose members diverge in a split is scored there as a fit that failed. The time of a fit is its
    share of the population's.

    Args:
        estimator: whose settings.
        settings: all of them.
        trials: the data, splits and scorers.
    """

    def __init__(self, estimator: Any, settings: Sequence[Setting], trials: Trials):
        self._trials = trials
        rows = [train for train, _ in trials.splits]
        self._fits = [
            Fit(trials.prepared(estimator, setting, split), train)
            for setting in settings
            for split, train in enumerate(rows)
        ]
        weight = trials.fit_params.get("sample_weight")
        self._together = begin_together(self._fits, trials.X, trials.y, weight, groups=trials.groups)

    def run(self, which: Sequence[int], until: int | None, tell: Tell) -> list[list[Entry]]:
        """Train some settings, to their end or until so many epochs, and score them."""
        began = time.perf_counter()
        splits = len(self._trials.splits)
        places = [setting * splits + split for setting in which for split in range(splits)]
        train_together(self._together, places, until=until, progress=lambda now: tell(_share_of(now)))
        seconds = (time.perf_counter() - began) / max(len(places), 1)
        entries = self._scored(places, seconds)
        return [entries[at : at + splits] for at in range(0, len(entries), splits)]

    def _scored(self, places: Sequence[int], seconds: float) -> list[Entry]:
        """Return the entries of some fits; all answers are asked for at once."""
        trials, splits = self._trials, len(self._trials.splits)
        errors = {place: self._error(place) for place in places}
        fine = [place for place in places if errors[place] is None]
        parts = [trials.test_parts] + ([trials.train_parts] if trials.return_train_score else [])
        known: dict[int, list[Any]] = {place: [] for place in fine}
        for part in parts:
            rows = [part[place % splits][0] for place in fine]
            asked = [(self._fits[place].estimator, X) for place, X in zip(fine, rows, strict=True)]
            for place, pair in zip(fine, zip(rows, answers_together(asked), strict=True), strict=True):
                known[place].append(pair)
        entries = []
        for place in places:
            if errors[place] is not None:
                entries.append(trials.failed(place % splits, errors[place]))
                continue
            estimator = self._fits[place].estimator
            with estimator.remembering(known[place]):
                entries.append(trials.score(estimator, place % splits) | {"fit_time": seconds})
        return entries

    def _error(self, place: int) -> Any:
        """Return why a fit failed, or None."""
        refused = self._together.refused[place]
        if refused is None and self._fits[place].estimator.diverged_members_:
            return _DIVERGED
        return refused


def _share_of(now: Progress) -> float:
    """Return the share of a training that is done."""
    return max(now.finished / max(now.members, 1), now.epochs / max(now.epochs_planned, 1))
