"""The search for settings by cross-validation, as a scikit-learn estimator."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils import indexable
from sklearn.utils.validation import _check_method_params

from gorae.errors import DataError, ParameterError, as_input_error
from gorae.estimators.parameters import check_count, check_flag, root_seed
from gorae.evidence import fold_score_interval
from gorae.search.climbing import Climb, climb, mean_score
from gorae.search.journal import Recall, fingerprint, make_anew, open_journal, stored_seed
from gorae.search.nested import score_search
from gorae.search.progress import Heard, search_bar
from gorae.search.samplers import begin_sampling
from gorae.search.space import Setting, checked_spaces
from gorae.search.trials import Entry, Trials, seeded

_LARGEST_SEED = 2**31 - 1
_PART = 16
"""Settings that a journal keeps at once."""


class SearchCV(BaseSearchCV):
    r"""Choose settings by cross-validation, all folds and settings trained together.

    Each setting $s$ is fitted on the training rows of each split and scored on the others; the mean score
    $\bar s = \frac1K \sum_k s_k$ decides. Network estimators are trained as one population, nearest
    neighbours answer every setting from one table of distances, a pipeline's transformers are fitted once a
    split, and any other estimator is fitted one by one. The results are those of scikit-learn's
    `GridSearchCV` and `RandomizedSearchCV`, under the same names.

    Args:
        estimator: whose settings are searched; any of scikit-learn's contract. Where it has no
            `random_state`, the search gives it one, the same for all settings of a split.
        space: a dictionary from a parameter's name to a list of values or a distribution (anything with
            `rvs`, as of `scipy.stats`); or a list of dictionaries, each a part with parameters of its own.
        n_settings: how many settings are tried; "grid" tries all there are.
        sampler: "random", "grid", "sobol" or "latin_hypercube" (evenly spread).
        cv: the number of folds (stratified for classifiers), a splitter of scikit-learn, or a list of splits.
        repeats: how often a number of folds is repeated, each time on another order of the rows.
        scoring: the name of a score, a function, or several of either; None for the estimator's own.
        refit: whether to fit the best setting on all rows; the name of the score that decides, where there
            are several; or a function from `cv_results_` to the place of the best.
        halving: a factor such as 3: all settings train for a few epochs, the best third for three times as
            many, and so on until the last train to their end (successive halving); "hyperband" for several
            such brackets, from many short ones to few long ones; None trains every setting to its end.
        nested: whether to run the whole search anew inside each split's training rows, and score what it
            chooses on the rows left out: the score of the procedure, which being the best of many does not
            flatter. It costs about as many searches more as there are splits.
        resume: path of a file in which every finished part of the search is kept (SQLite: settings, scores,
            times, seed, versions); where it exists the search goes on, after a kill at any instant, to
            bitwise the same table. Settings are then tried sixteen at a time. None keeps nothing.
        random_state: seed of the sampler, the repeats, and of estimators that have none.
        verbose: 0 is silent, 1 shows a progress bar on standard error.
        error_score: the score of a setting whose fit failed, or "raise".
        return_train_score: whether the rows learned from are scored too.
        n_jobs: processes for estimators that are fitted one by one.

    Attributes:
        cv_results_: a dictionary of arrays, one entry a setting: `params`, `param_*`, `split*_test_*`,
            `mean_test_*`, `std_test_*`, `rank_test_*`, `mean_fit_time` (a share of the population's), and the
            interval of the mean, `low_test_*` and `high_test_*` (95 %, corrected for overlapping folds). With
            `halving` a setting has an entry for every rung it has climbed: `iter`, `n_resources` (epochs) and
            `bracket` tell which, and the best is looked for among those that trained to their end.
        best_estimator_, best_params_, best_score_, best_index_: of the setting with the best mean. Being the
            best of many, its score is too good: `nested=True` tells by how much.
        nested_: with `nested=True` a `NestedScore`: `score`, `low` and `high` (95 %), `scores` and `chosen`
            of each split, and `optimism`, how much `best_score_` lies above `score`.
        scorer_, n_splits_, multimetric_, refit_time_: as in scikit-learn.

    Example:
        >>> from sklearn.datasets import load_wine
        >>> from gorae import KNeighborsClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> space = {"n_neighbors": [1, 5, 9], "metric": ["manhattan", "euclidean"]}
        >>> search = SearchCV(KNeighborsClassifier(), space, sampler="grid").fit(X, y)
        >>> search.best_params_["metric"], len(search.cv_results_["params"])
        ('manhattan', 6)

    References:
        Bergstra & Bengio 2012 (random search); Nadeau & Bengio 2003 (the interval).
    """

    def __init__(
        self,
        estimator: Any,
        space: Any,
        *,
        n_settings: int = 64,
        sampler: str = "random",
        cv: Any = 5,
        repeats: int = 1,
        scoring: Any = None,
        refit: Any = True,
        halving: Any = None,
        nested: bool = False,
        resume: Any = None,
        random_state: Any = None,
        verbose: int = 0,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        n_jobs: int | None = None,
    ):
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.space = space
        self.n_settings = n_settings
        self.sampler = sampler
        self.repeats = repeats
        self.halving = halving
        self.nested = nested
        self.resume = resume
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Try every setting, and fit the best on all rows.

        Args:
            X: `(n, features)`, as the estimator takes it.
            y: targets, one a row.
            **params: `groups` for splitters that need them; all else goes to the estimator's `fit`, cut by
                split where it has one entry a row (`sample_weight`).

        Returns:
            This search.

        Raises:
            ParameterError: when a parameter of the search is out of its range.
            InputError: when X or y cannot be used.
            ValueError: when every fit failed.
        """
        spaces = checked_spaces(self.space, self.estimator.get_params(deep=True))
        check_flag("return_train_score", self.return_train_score)
        if check_flag("nested", self.nested) and (callable(self.refit) or not self.refit):
            raise ParameterError("nested=True needs refit=True or the name of a score, which then decides.")
        seed = self._root_seed()
        with as_input_error():
            scorers, metric = self._get_scorers()
            X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        trials = self._trials(X, y, routed, scorers, seed)
        self.n_splits_ = len(trials.splits)
        with search_bar(self.verbose) as hear:
            self._search(spaces, trials, seed, metric, hear)
        if self.refit:
            self._refit(X, y, routed, seed)
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        return self

    def _root_seed(self) -> int:
        """Return the root seed: that of the search which goes on, if it has none of its own."""
        known = stored_seed(self.resume) if self.resume is not None and self.random_state is None else None
        return root_seed(self.random_state) if known is None else known

    def _search(self, spaces: Sequence[Any], trials: Trials, seed: int, metric: Any, hear: Heard) -> None:
        """Try every setting, choose the best, and score the procedure where that is asked for."""
        if self.resume is None:
            tried, entries, rungs = self._try_settings(spaces, trials, seed, hear, make_anew, None)
        else:
            kind = fingerprint(self, spaces, trials)
            with open_journal(self.resume, kind, seed) as journal:
                found = self._try_settings(spaces, trials, seed, hear, journal.recall, _PART)
            tried, entries, rungs = found
        self.cv_results_ = results = self._results(tried, entries, rungs, trials)
        metric = self._choose(results, metric, entries)
        if self.nested:
            best = self.best_score_
            self.nested_ = score_search(
                self, trials, best, metric, lambda share: hear("nested searches", share, best)
            )

    def _trials(self, X: Any, y: Any, routed: Any, scorers: Any, seed: int) -> Trials:
        """Return what every setting is tried on."""
        splitter = self._splitter(y, seed)
        with as_input_error():
            splits = [
                (np.asarray(train), np.asarray(test))
                for train, test in splitter.split(X, y, **routed.splitter.split)
            ]
        if not splits:
            raise DataError("cv gives no split; ask for at least two folds.")
        seeds = np.random.SeedSequence(seed).generate_state(len(splits) + 1)[1:] % _LARGEST_SEED
        return Trials(
            X=X,
            y=y,
            splits=splits,
            fit_params=routed.estimator.fit,
            score_params=routed.scorer.score,
            groups=routed.splitter.split.get("groups"),
            scorer=scorers,
            error_score=self.error_score,
            return_train_score=self.return_train_score,
            seeds=[int(each) for each in seeds],
            n_jobs=self.n_jobs,
        )

    def _splitter(self, y: Any, seed: int) -> Any:
        """Return what makes the splits.

        Raises:
            ParameterError: when something other than a number of folds is to be repeated.
        """
        repeats = check_count("repeats", self.repeats)
        cv: Any = self.cv
        with as_input_error():
            splitter = check_cv(cv, y, classifier=is_classifier(self.estimator))
        if repeats == 1:
            return splitter
        if not isinstance(self.cv, int):
            raise ParameterError(
                f"repeats={repeats} needs cv to be a number of folds, got {self.cv!r:.80}; give a splitter "
                "that repeats, such as RepeatedKFold, and repeats=1."
            )
        stratify = type(splitter).__name__ == "StratifiedKFold"
        repeated = RepeatedStratifiedKFold if stratify else RepeatedKFold
        return repeated(n_splits=self.cv, n_repeats=repeats, random_state=seed % _LARGEST_SEED)

    def _try_settings(
        self,
        spaces: Sequence[Any],
        trials: Trials,
        seed: int,
        hear: Heard,
        recall: Recall,
        parts: int | None,
    ) -> tuple[list[Setting], list[list[Entry]], dict[str, list[int]]]:
        """Return all settings that were tried, once a rung, their entries, and which rung it was."""
        wanted = check_count("n_settings", self.n_settings)
        sampling = begin_sampling(self.sampler, spaces, wanted, seed)
        tried: list[Setting] = []
        entries: list[list[Entry]] = []
        rungs: dict[str, list[int]] = {}
        search = Climb(self.estimator, trials, self.halving, self.refit, recall, parts)
        best, batch, number = float("nan"), next(sampling, None), 0
        while batch:
            planned = len(batch) if self.sampler == "grid" else max(wanted, len(tried) + len(batch))
            tell = partial(_tell_settings, hear, len(tried), len(batch), planned, best)
            climbed = climb(search, batch, number, tell)
            scores = [np.nan] * len(batch)
            for place, found, rung in climbed:
                tried.append(batch[place])
                entries.append(found)
                scores[place] = mean_score(found, self.refit)
                for name, number in rung.items():
                    rungs.setdefault(name, []).append(number)
            best = float(np.fmax.reduce([best, *scores]))
            try:
                batch, number = sampling.send(scores), number + 1
            except StopIteration:
                break
        return tried, entries, rungs

    def _results(
        self,
        tried: list[Setting],
        entries: list[list[Entry]],
        rungs: dict[str, list[int]],
        trials: Trials,
    ) -> dict[str, Any]:
        """Return `cv_results_`."""
        out = [entry for own in entries for entry in own]
        _warn_or_raise_about_fit_failures(out, self.error_score)
        if callable(self.scoring):
            _insert_error_scores(out, self.error_score)
        results = self._format_results(tried, len(trials.splits), out, rungs)
        sizes = [np.array([len(part[side]) for part in trials.splits]) for side in (0, 1)]
        for key in [key for key in results if key.startswith("mean_test_")]:
            name = key.removeprefix("mean_test_")
            scores = np.stack([results[f"split{k}_test_{name}"] for k in range(len(trials.splits))], axis=1)
            bounds = np.array([_bounds(row, *sizes) for row in scores])
            results[f"low_test_{name}"], results[f"high_test_{name}"] = bounds.T
        return results

    def _choose(self, results: dict[str, Any], metric: Any, entries: Sequence[Sequence[Entry]]) -> Any:
        """Set what is known of the best setting, and return the name of the score that decided."""
        first = entries[0][0]["test_scores"]
        self.multimetric_ = isinstance(first, dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(first)
            metric = self.refit
        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, metric, _finished(results, self.refit))
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        return metric

    def _refit(self, X: Any, y: Any, routed: Any, seed: int) -> None:
        """Fit the best setting on all rows."""
        chosen = {name: clone(value, safe=False) for name, value in self.best_params_.items()}
        best: Any = clone(self.estimator)
        best.set_params(**chosen)
        self.best_estimator_ = seeded(best, seed % _LARGEST_SEED)
        began = time.perf_counter()
        given = (X,) if y is None else (X, y)
        self.best_estimator_.fit(*given, **routed.estimator.fit)
        self.refit_time_ = time.perf_counter() - began
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_


def _tell_settings(hear: Heard, before: int, now: int, planned: int, best: float, share: float) -> None:
    """Tell how far all settings are, of which `now` are tried after `before` others."""
    hear("settings", (before + share * now) / planned, best)


def _finished(results: dict[str, Any], refit: Any) -> dict[str, Any]:
    """Return results in which settings that did not train to their end rank last; a function sees all."""
    if "n_resources" not in results or callable(refit):
        return results
    whole = results["n_resources"] == results["n_resources"].max()
    ranked = {
        name: np.where(whole, values, len(values) + values)
        for name, values in results.items()
        if name.startswith("rank_test_")
    }
    return results | ranked


def _bounds(scores: np.ndarray, train_sizes: np.ndarray, test_sizes: np.ndarray) -> tuple[float, float]:
    """Return the interval of a mean score; NaN where a fold has none, or there is one fold only."""
    if len(scores) < 2 or not np.isfinite(scores).all():
        return np.nan, np.nan
    found = fold_score_interval(scores, test_sizes=test_sizes, train_sizes=train_sizes)
    return found.low, found.high
