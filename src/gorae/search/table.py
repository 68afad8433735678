"""The table of a search: scikit-learn's `cv_results_`, with an interval of each mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection._validation import (
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)

from gorae.evidence import fold_score_interval
from gorae.search.climbing import Climbed, mean_score
from gorae.search.progress import Tried
from gorae.search.trials import Trials

_OWN = ("cost", "outputs")
"""What entries hold that scikit-learn's do not."""


def make_table(search: Any, climbed: Sequence[Climbed], trials: Trials) -> dict[str, Any]:
    """Return `cv_results_` of a search, made by scikit-learn's own functions.

    Args:
        search: a `SearchCV`.
        climbed: every setting at every rung.
        trials: what they were tried on.
    """
    out = [entry for each in climbed for entry in each.entries]
    for entry in out:
        for name in _OWN:
            entry.pop(name, None)
    _warn_or_raise_about_fit_failures(out, search.error_score)
    if callable(search.scoring):
        _insert_error_scores(out, search.error_score)
    rungs: dict[str, list[int]] = {}
    for each in climbed:
        for name, number in each.rung.items():
            rungs.setdefault(name, []).append(number)
    results = search._format_results([each.setting for each in climbed], len(trials.splits), out, rungs)
    sizes = split_sizes(trials)
    for key in [key for key in results if key.startswith("mean_test_")]:
        name = key.removeprefix("mean_test_")
        scores = np.stack([results[f"split{k}_test_{name}"] for k in range(len(trials.splits))], axis=1)
        bounds = np.array([interval(row, *sizes) for row in scores])
        results[f"low_test_{name}"], results[f"high_test_{name}"] = bounds.T
    return results


def split_sizes(trials: Trials) -> tuple[np.ndarray, np.ndarray]:
    """Return how many rows each split learns from, and is scored on."""
    train, test = (np.array([len(part[side]) for part in trials.splits]) for side in (0, 1))
    return train, test


def interval(scores: np.ndarray, train_sizes: np.ndarray, test_sizes: np.ndarray) -> tuple[float, float]:
    """Return the interval of a mean score; NaN where a fold has none, or there is one fold only."""
    if len(scores) < 2 or not np.isfinite(scores).all():
        return np.nan, np.nan
    found = fold_score_interval(scores, test_sizes=test_sizes, train_sizes=train_sizes)
    return found.low, found.high


def as_tried(climbed: Climbed, trials: Trials, metric: Any) -> Tried:
    """Return a setting's line for the live table."""
    scores = np.array([mean_score([entry], metric) for entry in climbed.entries], float)
    low, high = interval(scores, *split_sizes(trials))
    return Tried(climbed.setting, float(scores.mean()), low, high, climbed.rung.get("n_resources"))


def finished(results: dict[str, Any], refit: Any) -> dict[str, Any]:
    """Return results in which settings that trained less than others rank last; a function sees all."""
    if "n_resources" not in results or callable(refit):
        return results
    whole = results["n_resources"] == results["n_resources"].max()
    ranked = {
        name: np.where(whole, values, len(values) + values)
        for name, values in results.items()
        if name.startswith("rank_test_")
    }
    return results | ranked
