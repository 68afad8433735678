"""Who hears what a search has finished: outputs are taken, and the listener is told."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gorae.search.climbing import Climb, Climbed, Hear, mean_score
from gorae.search.out_of_fold import OutOfFold
from gorae.search.progress import Listener
from gorae.search.table import as_tried


class Hearing:
    """Takes what is finished: outputs are kept, the listener is told.

    Args:
        search: what settings are tried on.
        listener: draws.
        refit: the name of the score that decides, where there are several.
    """

    def __init__(self, search: Climb, listener: Listener, refit: Any):
        self.out_of_fold = OutOfFold(search.trials)
        self._search, self._listener, self._refit = search, listener, refit
        self._count = 0
        self._best = float("nan")

    def of(self, before: int, now: int, planned: int) -> Hear:
        """Return who hears of a batch of `now` settings, tried after `before` others."""

        def hear(share: float, climbed: Sequence[Climbed]) -> bool:
            self._take(climbed)
            self._listener.progress("settings", (before + share * now) / planned, self._best)
            return False

        return hear

    def _take(self, climbed: Sequence[Climbed]) -> None:
        """Take settings that are finished."""
        for each in climbed:
            score = mean_score(each.entries, self._refit)
            self.out_of_fold.take(self._count, score, each.entries)
            self._count += 1
            self._best = float(np.fmax(self._best, score))
        if climbed:
            trials, metric = self._search.trials, self._refit
            self._listener.finished(
                [as_tried(each, trials, metric, self._search.estimator) for each in climbed]
            )
