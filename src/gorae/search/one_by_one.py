"""Trying settings of any estimator: fitted one by one, by scikit-learn's own function, over processes."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from sklearn.model_selection._validation import _fit_and_score

from gorae.search.races import Tell
from gorae.search.space import Setting
from gorae.search.tasks import Task, Workers, received, sent_once
from gorae.search.trials import Entry, Trials


def evaluate_one_by_one(
    estimator: Any, settings: Sequence[Setting], trials: Trials, tell: Tell
) -> list[list[Entry] | None]:
    """Return an entry for each setting and split; None for settings that Ctrl-C, or `tell`, left untried."""
    splits = len(trials.splits)
    total = len(settings) * splits
    found: dict[int, Entry] = {}
    try:
        with Workers(trials.n_jobs) as workers:
            X, y = sent_once(trials.X), sent_once(trials.y)
            tasks = (
                Task(_entry, (X, y, trials.prepared(estimator, setting, split), _options(trials, split)))
                for setting in settings
                for split in range(splits)
            )
            with closing(workers.results(tasks)) as results:
                for done in results:
                    found |= dict(done)
                    if tell(len(found) / total):
                        break
    except KeyboardInterrupt:
        pass  # what is finished is kept; the caller sees that the rest is missing
    rows = [[found.get(first + split) for split in range(splits)] for first in range(0, total, splits)]
    return [None if None in row else [entry for entry in row if entry is not None] for row in rows]


def _options(trials: Trials, split: int) -> dict[str, Any]:
    """Return what scikit-learn is told of a fit besides estimator and data."""
    train, test = trials.splits[split]
    return {
        "scorer": trials.scorer,
        "train": train,
        "test": test,
        "verbose": 0,
        "parameters": None,
        "fit_params": dict(trials.fit_params),
        "score_params": dict(trials.score_params),
        "return_train_score": trials.return_train_score,
        "return_n_test_samples": True,
        "return_times": True,
        "error_score": trials.error_score,
    }


def _entry(X: Any, y: Any, estimator: Any, options: dict[str, Any]) -> Entry:
    """Fit and score an estimator in a worker."""
    return _fit_and_score(estimator, received(X), received(y), **options)
