"""Trying settings of network estimators: all settings and splits are one population."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from gorae.estimators.together import Fit, answers_together, fit_together
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials
from gorae.train import Progress

_DIVERGED = "DivergenceWarning: a member left the finite numbers; a smaller learning_rate may help."


def evaluate_networks(
    estimator: Any, settings: Sequence[Setting], trials: Trials, tell: Callable[[float], None]
) -> list[list[Entry]]:
    """Return an entry for each setting and split; every estimator is what it would be, fitted alone.

    A setting whose members diverge in a split is scored there as a fit that failed. The time of a fit is its
    share of the population's.
    """
    began = time.perf_counter()
    rows = [train for train, _ in trials.splits]
    fits = [
        Fit(trials.prepared(estimator, setting, split), train)
        for setting in settings
        for split, train in enumerate(rows)
    ]
    errors: list[Any] = list(
        fit_together(
            fits,
            trials.X,
            trials.y,
            trials.fit_params.get("sample_weight"),
            groups=trials.groups,
            progress=lambda now: tell(share_of(now)),
        )
    )
    seconds = (time.perf_counter() - began) / max(len(fits), 1)
    for i, fit in enumerate(fits):
        if errors[i] is None and fit.estimator.diverged_members_:
            errors[i] = _DIVERGED
    return score_networks(fits, errors, trials, seconds)


def share_of(now: Progress) -> float:
    """Return the share of a training that is done."""
    return max(now.finished / max(now.members, 1), now.epochs / max(now.epochs_planned, 1))


def score_networks(
    fits: Sequence[Fit], errors: Sequence[Any], trials: Trials, seconds: float
) -> list[list[Entry]]:
    """Return the entries of fits in the order of settings, then splits; all answers are asked for at once."""
    splits = len(trials.splits)
    fine = [i for i, error in enumerate(errors) if error is None]
    test = answers_together([(fits[i].estimator, trials.test_parts[i % splits][0]) for i in fine])
    train: list[Any] = [None] * len(fine)
    if trials.return_train_score:
        train = answers_together([(fits[i].estimator, trials.train_parts[i % splits][0]) for i in fine])
    known = dict(zip(fine, zip(test, train, strict=True), strict=True))
    entries = []
    for i, fit in enumerate(fits):
        split = i % splits
        if errors[i] is not None:
            entries.append(trials.failed(split, errors[i]))
            continue
        remembered = [(trials.test_parts[split][0], known[i][0])]
        if trials.return_train_score:
            remembered.append((trials.train_parts[split][0], known[i][1]))
        with fit.estimator.remembering(remembered):
            entries.append(trials.score(fit.estimator, split) | {"fit_time": seconds})
    return [entries[at : at + splits] for at in range(0, len(entries), splits)]
