"""What a report needs to know of a search, as plain values; read from a fitted search or made by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from gorae import errors
from gorae.report.names import shortened
from gorae.report.trails import column, find_trails
from gorae.report.words import count, setting
from gorae.search.lineage import find_parents

__all__ = ["SearchFacts", "count_fits", "epochs_saved", "search_facts"]


@dataclass(frozen=True)
class SearchFacts:
    """A search for settings: its question, its table and its answer.

    Only `results` is needed; what is missing is left out of the report.

    Attributes:
        results: `cv_results_`: `params`, `mean_test_*`, and where they are known `low_test_*`, `high_test_*`,
            `split*_test_*`, `iter`, `n_resources` and `bracket`.
        title: of the report.
        score: the name of the score that decided, as in `mean_test_score`.
        metric: what it measures, as "accuracy" or scikit-learn's "neg_log_loss"; higher is better.
        best: the best setting's entry in the table; None for the best mean score among those trained longest.
        estimator: what was searched, in words.
        space: the parts of the space, from a parameter's name to a list or a distribution of scipy.stats.
        sampler: how settings were drawn, in words that follow their number.
        splits: how rows were split, in words.
        n_splits: number of splits.
        halving: None, a factor, or "hyperband".
        budget: what the search might take, in words.
        ended: why it ended before its plan: "budget", "interrupted" or None.
        schedule: in population-based training, what the best was trained with: epochs after which the next
            setting took over (None: the end), and settings.
        refit: whether the best setting was fitted once more, on all rows.
        seconds: of fitting and scoring, summed over all fits.
        nested: score, low, high, scores (of the outer splits) and chosen (the setting of each); None where
            the procedure was not scored.
        simpler: simpler models beside the one that was found, on rows that none of them touched: rows (model,
            metric, score, low, high, seconds, settings, ahead), sentence and cost; None where that is not
            known.
        failures: why settings failed, by their entry in the table.
        about: phrases under the title, as the number of rows.
        warnings: sentences to be aware of.
        created: a date.
        version: of gorae.
        machine: strings by name.
    """

    results: Mapping[str, Any]
    title: str = "Search for settings"
    score: str = "score"
    metric: str = "score"
    best: int | None = None
    estimator: str = ""
    space: tuple[Mapping[str, Any], ...] = ()
    sampler: str = ""
    splits: str = ""
    n_splits: int = 0
    halving: Any = None
    budget: str = ""
    ended: str | None = None
    schedule: tuple[tuple[int | None, Mapping[str, Any]], ...] = ()
    refit: bool = False
    seconds: float | None = None
    nested: Mapping[str, Any] | None = None
    simpler: Mapping[str, Any] | None = None
    failures: Mapping[int, str] = field(default_factory=dict)
    about: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    created: str | None = None
    version: str | None = None
    machine: Mapping[str, str] = field(default_factory=dict)


def search_facts(search: Any, *, title: str | None = None) -> SearchFacts:
    """Read a fitted `gorae.SearchCV` by its public attributes.

    Args:
        search: fitted. Where it has `failures_`, a mapping from entries of `cv_results_` to what went wrong,
            the report tells that too.
        title: of the report; the estimator's name where None.

    Returns:
        Its facts; add what a search does not know with `dataclasses.replace`.

    Raises:
        NotFittedError: the search is not fitted.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> from gorae.estimators import KNeighborsClassifier
        >>> from gorae.search import SearchCV
        >>> search = SearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 5, 9]}, sampler="grid", cv=3)
        >>> facts = search_facts(search.fit(*load_wine(return_X_y=True)))
        >>> facts.metric, facts.splits, facts.estimator
        ('accuracy', '3 stratified folds', 'KNeighborsClassifier')
    """
    results = getattr(search, "cv_results_", None)
    if results is None:
        raise errors.NotFittedError("A report needs a fitted search; call fit on it first.")
    nested = getattr(search, "nested_", None)
    keys = ("score", "low", "high", "scores", "chosen")
    score = _deciding_score(search, results)
    estimator = _named(search.estimator)
    return SearchFacts(
        results=results,
        title=title or f"Search for settings of {estimator}",
        score=score,
        metric=_metric(search, score),
        best=getattr(search, "best_index_", None),
        estimator=estimator,
        space=tuple([search.space] if isinstance(search.space, Mapping) else search.space),
        sampler=_SAMPLERS.get(str(search.sampler), f"by the sampler {shortened(search.sampler, 60)}"),
        splits=_splits(search),
        n_splits=int(search.n_splits_),
        halving=search.halving,
        budget=_budget(getattr(search, "budget", None)),
        ended=getattr(search, "ended_", None),
        schedule=tuple(getattr(search, "schedule_", None) or ()),
        refit=bool(search.refit),
        seconds=_seconds(results, search),
        nested=None if nested is None else {key: getattr(nested, key) for key in keys},
        failures=dict(getattr(search, "failures_", None) or {}),
    )


_SAMPLERS = {
    "random": "drawn at random",
    "grid": "all of the grid",
    "sobol": "from a Sobol sequence",
    "latin_hypercube": "from a Latin hypercube",
    "tpe": "proposed by TPE from the scores so far",
    "cma_es": "proposed by CMA-ES from the scores so far",
    "evolution": "bred by evolution from the best so far",
    "pbt": "changed during population-based training",
}


def _budget(budget: Any) -> str:
    """A budget in words: a duration as it was given, or amounts by name."""
    if budget is None:
        return ""
    if isinstance(budget, Mapping):
        return ", ".join(f"{setting(amount)} {shortened(name, 20)}" for name, amount in budget.items())
    return shortened(budget, 40)


def _deciding_score(search: Any, results: Mapping[str, Any]) -> str:
    """The name of the score by which the best setting was chosen."""
    known = [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]
    if isinstance(search.refit, str) and search.refit in known:
        return search.refit
    return "score" if "score" in known else known[0]


def _metric(search: Any, score: str) -> str:
    """What the deciding score measures."""
    scoring: Any = search.scoring
    if isinstance(scoring, Mapping):
        scoring = scoring.get(score, score)
    if scoring is None:
        plain = "r2" if is_regressor(search.estimator) else "score"
        return "accuracy" if is_classifier(search.estimator) else plain
    if isinstance(scoring, str):
        return scoring
    return score if score != "score" else str(getattr(scoring, "__name__", "score"))


def _named(estimator: Any) -> str:
    """An estimator in words: its class, or the classes of a pipeline's steps."""
    if isinstance(estimator, Pipeline):
        return f"a pipeline of {', '.join(type(step).__name__ for _, step in estimator.steps)}"
    return type(estimator).__name__


def _splits(search: Any) -> str:
    """How rows were split, in words."""
    given = 5 if search.cv is None else search.cv
    if isinstance(given, int | np.integer):
        kind = "stratified " if is_classifier(search.estimator) else ""
        repeated = f", repeated {count(search.repeats)} times" if search.repeats != 1 else ""
        return f"{count(given)} {kind}folds{repeated}"
    if hasattr(given, "split"):
        return f"{count(search.n_splits_)} splits of {shortened(given, 120)}"
    return f"{count(search.n_splits_)} given splits"


def _seconds(results: Mapping[str, Any], search: Any) -> float:
    """The time of all fits and scores, and of the last fit on all rows."""
    each = column(results, "mean_fit_time") + column(results, "mean_score_time")
    return float(np.nansum(each)) * int(search.n_splits_) + float(getattr(search, "refit_time_", 0.0))


def count_fits(facts: SearchFacts) -> int:
    """How many fits stand behind the table: one a setting and split, however many rungs it climbed.

    In population-based training a setting that goes on from another's parameters is no further fit.

    Args:
        facts: of a search.

    Returns:
        Their number, without the last fit on all rows.

    Example:
        >>> count_fits(SearchFacts({"params": [{}, {}]}, n_splits=5))
        10
    """
    trails, parents = find_trails(facts.results), find_parents(facts.results)
    return sum(rows[0] not in parents for rows in trails) * facts.n_splits


def epochs_saved(facts: SearchFacts) -> tuple[float, float] | None:
    """What halving trained, and what training every setting to its end would have taken.

    Args:
        facts: of a search.

    Returns:
        Both in epochs of one split; None where nothing was halved (population-based training drops nothing).

    Example:
        >>> found = {"params": [{"a": 1}, {"a": 2}, {"a": 2}], "iter": [0, 0, 1], "n_resources": [3, 3, 9]}
        >>> epochs_saved(SearchFacts(found))
        (12.0, 18.0)
    """
    if "n_resources" not in facts.results or "parent" in facts.results:
        return None
    epochs = column(facts.results, "n_resources")
    trails: Sequence[tuple[int, ...]] = find_trails(facts.results)
    trained = float(sum(max(epochs[list(rows)]) for rows in trails))
    return trained, float(np.nanmax(epochs)) * len(trails)
