"""Nested cross-validation of a search: how good is the procedure, and how optimistic its best score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.validation import _check_method_params

from gorae.evidence import Interval, cross_validated_interval, fold_score_interval, row_losses
from gorae.search.asking import answers_tags
from gorae.search.budget import shared_budget
from gorae.search.journal import beside
from gorae.search.trials import Trials, asks_the_estimator

_BY_ROWS = {accuracy_score: "accuracy", r2_score: "r2"}


@dataclass(frozen=True)
class NestedScore:
    """The score of a whole search on rows that it has not seen.

    Attributes:
        score: mean score over the outer splits.
        low: lower bound of its 95 % interval.
        high: upper bound.
        scores: score of each outer split.
        chosen: the setting that the search chose in each outer split.
        optimism: how much the search's best mean score lies above `score`.
        method: how the interval was made.
    """

    score: float
    low: float
    high: float
    scores: np.ndarray
    chosen: list[dict[str, Any]]
    optimism: float
    method: str


def score_search(
    search: Any, trials: Trials, best_score: float, metric: str, tell: Callable[[float], None]
) -> NestedScore:
    """Run a search anew on the training rows of each split, and score what it chooses on the other rows.

    Accuracy and R² have the interval of their out-of-fold rows, other scores that of the splits' scores.

    Args:
        search: a `SearchCV`; it is cloned.
        trials: its data, splits and scorers; the splits are the outer ones.
        best_score: the best mean score of the search on all rows.
        metric: which of several scores decides; "score" where there is one.
        tell: told the share of the work done.

    References:
        Varma & Simon 2006, Bias in error estimation when using cross-validation for model selection.
    """
    scores, chosen, models = [], [], []
    for split in range(len(trials.splits)):
        inner = _search_inside(search, trials, split)
        found = trials.score(inner.best_estimator_, split)["test_scores"]
        scores.append(float(found[metric] if isinstance(found, dict) else found))
        chosen.append(inner.best_params_)
        models.append(inner.best_estimator_)
        tell((split + 1) / len(trials.splits))
    found = _interval(np.array(scores), models, trials, metric)
    return NestedScore(
        score=found.score,
        low=found.low,
        high=found.high,
        scores=np.array(scores),
        chosen=chosen,
        optimism=best_score - found.score,
        method=found.method,
    )


def _search_inside(search: Any, trials: Trials, split: int) -> Any:
    """Return the search, fitted on the training rows of a split."""
    inner: Any = clone(search)
    inner.set_params(
        nested=False,
        resume=None if search.resume is None else beside(search.resume, f"outer-{split}.db"),
        budget=shared_budget(search.budget, len(trials.splits) + 1),
        random_state=trials.seeds[split],
        verbose=0,
    )
    given = trials.fit_params_of(split)
    if trials.groups is not None:
        train = trials.splits[split][0]
        given |= _check_method_params(trials.X, {"groups": trials.groups}, train)
    return inner.fit(*trials.train_parts[split], **given)


def _interval(scores: np.ndarray, models: Sequence[Any], trials: Trials, metric: str) -> Interval:
    """Return the mean score over the splits with its interval."""
    by_rows = _metric_of_rows(trials.scorer, models[0], metric)
    if by_rows is None or trials.score_params:
        train, test = (np.array([len(part[side]) for part in trials.splits]) for side in (0, 1))
        return fold_score_interval(scores, test_sizes=test, train_sizes=train)
    losses, targets, trained = [], [], []
    for model, (X, y), (X_train, y_train) in zip(models, trials.test_parts, trials.train_parts, strict=True):
        losses.append(row_losses(by_rows, y, model.predict(X)))
        targets.append(np.asarray(y))
        trained.append(_score_on(by_rows, y_train, model.predict(X_train)))
    scored = np.concatenate([test for _, test in trials.splits])
    units = scored if trials.groups is None else np.unique(trials.groups, return_inverse=True)[1][scored]
    repeated = len(np.unique(units)) < len(units)
    return cross_validated_interval(
        by_rows,
        np.concatenate(losses),
        train_scores=np.resize(trained, max(len(trained), 2)),
        targets=np.concatenate(targets) if by_rows == "r2" else None,
        units=units if repeated else None,
    )


def _metric_of_rows(scorer: Any, model: Any, metric: str) -> str | None:
    """Return the metric that a scorer computes from single rows, or None."""
    one = getattr(scorer, "_scorers", {}).get(metric, scorer)
    if answers_tags(model):
        return None
    if asks_the_estimator(one):
        return "accuracy" if is_classifier(model) else "r2"
    return _BY_ROWS.get(getattr(one, "_score_func", None))


def _score_on(metric: str, truth: Any, outputs: Any) -> float:
    """Return the score of answers."""
    return float(accuracy_score(truth, outputs) if metric == "accuracy" else r2_score(truth, outputs))
