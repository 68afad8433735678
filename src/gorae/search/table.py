"""The table of a search: scikit-learn's `cv_results_`, with an interval of each mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics
from sklearn.base import is_classifier
from sklearn.model_selection._validation import (
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)

from gorae.estimators.tag_scoring import TagScorer
from gorae.evidence import fold_score_interval
from gorae.search.asking import answers_tags
from gorae.search.climbing import Climbed, mean_score
from gorae.search.progress import Tried
from gorae.search.trials import Trials, asks_the_estimator

_OWN = ("cost", "outputs", "within")
"""What entries hold that scikit-learn's do not."""


_SHARES = (
    metrics.accuracy_score,
    metrics.balanced_accuracy_score,
    metrics.f1_score,
    metrics.precision_score,
    metrics.recall_score,
    metrics.jaccard_score,
    metrics.roc_auc_score,
    metrics.average_precision_score,
    metrics.top_k_accuracy_score,
)
"""Scores between 0 and 1; what scikit-learn negates is a loss, and ends at 0."""


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
    sizes, scorers = split_sizes(trials), getattr(trials.scorer, "_scorers", {})
    for key in [key for key in results if key.startswith("mean_test_")]:
        name = key.removeprefix("mean_test_")
        scores = np.stack([results[f"split{k}_test_{name}"] for k in range(len(trials.splits))], axis=1)
        bounds = np.array([interval(row, *sizes) for row in scores])
        ends = _ends(scorers.get(name, trials.scorer), search.estimator)
        results[f"low_test_{name}"], results[f"high_test_{name}"] = np.clip(bounds.T, *ends)
    return results


def _ends(scorer: Any, estimator: Any) -> tuple[float, float]:
    """Return between which numbers a score lies, as far as that is known."""
    if asks_the_estimator(scorer):
        return (0.0 if is_classifier(estimator) or answers_tags(estimator) else -np.inf), 1.0
    if isinstance(scorer, TagScorer):
        return scorer.ends
    function, sign = getattr(scorer, "_score_func", None), getattr(scorer, "_sign", 1)
    if sign < 0:
        return -np.inf, 0.0
    return (0.0, 1.0) if function in _SHARES else (-np.inf, 1.0 if function is metrics.r2_score else np.inf)


def failures(climbed: Sequence[Climbed]) -> dict[int, str]:
    """Return why settings failed, by their place in the table: the last line of the first error of each."""
    errors = {
        place: next((entry["fit_error"] for entry in each.entries if entry["fit_error"]), None)
        for place, each in enumerate(climbed)
    }
    return {place: error.strip().splitlines()[-1] for place, error in errors.items() if error}


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


def as_tried(climbed: Climbed, trials: Trials, metric: Any, estimator: Any) -> Tried:
    """Return a setting's line for the live table."""
    scores = np.array([mean_score([entry], metric) for entry in climbed.entries], float)
    scorer = getattr(trials.scorer, "_scorers", {}).get(metric, trials.scorer)
    low, high = np.clip(interval(scores, *split_sizes(trials)), *_ends(scorer, estimator))
    return Tried(
        climbed.setting, float(scores.mean()), float(low), float(high), climbed.rung.get("n_resources")
    )


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
