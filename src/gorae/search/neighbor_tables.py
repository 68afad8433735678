"""Trying settings of nearest neighbours: one table of distances a split and metric answers all of them."""

import time
from collections.abc import Sequence
from copy import copy
from typing import Any

from gorae.errors import GoraeError
from gorae.search.identity import group_key
from gorae.search.races import Tell
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials


def evaluate_neighbors(
    estimator: Any, settings: Sequence[Setting], trials: Trials, tell: Tell
) -> list[list[Entry] | None]:
    """Return an entry for each setting and split, as estimators fitted one by one would give.

    The time of a fit is its share of the table's. Ctrl-C, or `tell`, leaves the metrics untried (None) that
    were not finished.
    """
    entries: list[list[Entry] | None] = [None for _ in settings]
    metrics: dict[str, list[int]] = {}
    for place, setting in enumerate(settings):
        metrics.setdefault(group_key(setting.get("metric", estimator.metric)), []).append(place)
    done, total = 0, len(settings) * len(trials.splits)
    try:
        for places in metrics.values():
            asked = [settings[place] for place in places]
            splits: list[list[Entry]] = []
            for split in range(len(trials.splits)):
                splits.append(_of_one_metric(estimator, asked, trials, split))
                done += len(places)
                if tell(done / total) and done < total:
                    return entries
            for number, place in enumerate(places):
                entries[place] = [own[number] for own in splits]
    except KeyboardInterrupt:
        pass  # what is finished is kept; the caller sees that the rest is missing
    return entries


def _of_one_metric(estimator: Any, settings: Sequence[Setting], trials: Trials, split: int) -> list[Entry]:
    """Return the entries of settings that differ in the number and the weights of neighbours only."""
    began = time.perf_counter()
    ones = [trials.prepared(estimator, setting, split) for setting in settings]
    checked = [_refused(one) for one in ones]
    fine = [one for one, error in zip(ones, checked, strict=True) if error is None]
    known: list[Any] = []
    if fine:
        try:
            fitted = fine[0].fit(*trials.train_parts[split], **trials.fit_params_of(split))
        except Exception as error:
            return [trials.failed(split, other or error) for other in checked]
        most = max(one.n_neighbors for one in fine)
        parts = [trials.test_parts[split][0]]
        parts += [trials.train_parts[split][0]] if trials.return_train_score else []
        known = [(rows, fitted.nearest_first(rows, min(most, fitted.n_samples_fit_))) for rows in parts]
    seconds = (time.perf_counter() - began) / len(settings)
    entries = []
    for one, error in zip(ones, checked, strict=True):
        if error is not None:
            entries.append(trials.failed(split, error))
            continue
        answering = copy(fitted).set_params(n_neighbors=one.n_neighbors, weights=one.weights)
        with answering.remembering(known):
            entries.append(trials.score(answering, split) | {"fit_time": seconds})
    return entries


def _refused(estimator: Any) -> GoraeError | None:
    """Return why the parameters of an estimator are refused, or None."""
    try:
        estimator._check_parameters()
    except GoraeError as error:
        return error
    return None
