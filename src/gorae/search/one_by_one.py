"""Trying settings of any estimator: fitted one by one, by scikit-learn's own function, over processes."""

from collections.abc import Sequence
from typing import Any

from joblib import Parallel, delayed
from sklearn.model_selection._validation import _fit_and_score

from gorae.search.races import Tell
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials


def evaluate_one_by_one(
    estimator: Any, settings: Sequence[Setting], trials: Trials, tell: Tell
) -> list[list[Entry] | None]:
    """Return an entry for each setting and split; None for settings that Ctrl-C, or `tell`, left untried."""
    splits = len(trials.splits)
    jobs = (
        delayed(_fit_and_score)(
            trials.prepared(estimator, setting, split),
            trials.X,
            trials.y,
            scorer=trials.scorer,
            train=train,
            test=test,
            verbose=0,
            parameters=None,
            fit_params=dict(trials.fit_params),
            score_params=dict(trials.score_params),
            return_train_score=trials.return_train_score,
            return_n_test_samples=True,
            return_times=True,
            error_score=trials.error_score,
        )
        for setting in settings
        for split, (train, test) in enumerate(trials.splits)
    )
    entries: list[Entry] = []
    found: Any = Parallel(n_jobs=trials.n_jobs, return_as="generator")(jobs)
    try:
        for entry in found:
            entries.append(entry)
            if tell(len(entries) / (len(settings) * splits)):
                break
    except KeyboardInterrupt:
        pass  # what is finished is kept; the caller sees that the rest is missing
    finally:
        found.close()
    whole = [entries[at : at + splits] for at in range(0, len(entries) - splits + 1, splits)]
    return [*whole, *[None] * (len(settings) - len(whole))]
