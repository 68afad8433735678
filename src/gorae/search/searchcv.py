"""The search for settings by cross-validation, as a scikit-learn estimator."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import indexable
from sklearn.utils.validation import _check_method_params, _num_samples

from gorae.backend import check_alike, process_count
from gorae.errors import BudgetError, GoraeWarning, ParameterError, as_input_error
from gorae.estimators.parameters import check_count, root_seed
from gorae.search.asking import (
    asked_scorers,
    check_rows,
    check_search,
    check_settings,
    check_splits,
    given_pair,
)
from gorae.search.budget import Budget, read_budget, shared_budget
from gorae.search.climbing import Climb, Climbed, climb, mean_score
from gorae.search.epochs import raced_estimator
from gorae.search.expected import Expected
from gorae.search.hearing import Hearing
from gorae.search.identity import sample_hash
from gorae.search.journal import fingerprint
from gorae.search.lineage import schedule_of
from gorae.search.nested import score_search
from gorae.search.population_based import checked_numbers, train_population
from gorae.search.progress import Listener, listening
from gorae.search.refitting import refitted_within, widest
from gorae.search.replay import replayed
from gorae.search.samplers import begin_sampling, likely_settings
from gorae.search.samplers.random import random_settings
from gorae.search.shared_journal import open_shared, shared_seed
from gorae.search.space import checked_spaces
from gorae.search.table import failures, finished, make_table
from gorae.search.trials import Trials, seeded

_LARGEST_SEED = 2**31 - 1


class SearchCV(BaseSearchCV):
    r"""Choose settings by cross-validation, all folds and settings trained together.

    Each setting $s$ is fitted on the training rows of each split and scored on the others; the mean score
    $\bar s = \frac1K \sum_k s_k$ decides. Network estimators are trained as one population, nearest
    neighbours answer every setting from one table of distances, a pipeline's transformers are fitted once a
    split, and any other estimator is fitted one by one. Networks that differ in the widths of their hidden
    layers share a program for wider ones where compiling takes longer than the products with zeros: units of
    zeros are appended, which nothing hears of, and cut off again. Which widths share one follows from the
    space and the data, not from what is compiled already; scores, and the final fit, are what they would be
    alone up to rounding. The results are those of scikit-learn's
    `GridSearchCV` and `RandomizedSearchCV`, under the same names.

    On a cluster of Ray (extra `ray`) or Dask (`dask[distributed]`) its workers train the networks, to the
    same table: `ray.util.joblib.register_ray()`, or a `distributed.Client`, and then
    `with joblib.parallel_config(backend="ray"): search.fit(X, y)`, or `backend="dask"`. A worker uses all
    cores, or the accelerators, that it sees.

    Args:
        estimator: whose settings are searched; any of scikit-learn's contract. Where it has no
            `random_state`, the search gives it one, the same for all settings of a split.
        space: a dictionary from a parameter's name to a list of values or a distribution (anything with
            `rvs`, as of `scipy.stats`); or a list of dictionaries, each a part with parameters of its own.
            Settings of a network that differ only in `epochs` share one training, where the schedule is
            constant: trying 10, 20 and 50 costs what 50 costs.
        n_settings: how many settings are tried; "grid" tries all there are.
        sampler: "random"; "grid"; "sobol" or "latin_hypercube" (evenly spread); "tpe" or "cma_es" (learn from
            the scores so far; extra `tune`); "evolution" (generations of whole trainings); "pbt"
            (population-based training of networks: the settings train together, and after each of ten rounds
            the worst fifth goes on from the parameters of the best, with numbers that are a little other).
        cv: the number of folds (stratified for classifiers), a splitter of scikit-learn, or a list of splits.
        repeats: how often a number of folds is repeated, each time on another order of the rows.
        scoring: the name of a score, a function, or several of either; None for the estimator's own. A
            tagger's names are those of `gorae.estimators.tag_scorer`, over all words.
        refit: whether to fit the best setting on all rows; the name of the score that decides, where there
            are several; or a function from `cv_results_` to the place of the best.
        halving: a factor such as 3: all settings train for a few epochs, the best third for three times as
            many, and so on until the last train to their end (successive halving); "hyperband" for several
            such brackets, from many short ones to few long ones; None trains every setting to its end.
        nested: whether to run the whole search anew inside each split's training rows, and score what it
            chooses on the rows left out: the score of the procedure, which being the best of many does not
            flatter. It costs about as many searches more as there are splits.
        budget: what the search may take, the final fit aside: a duration such as "10m", or a dictionary with
            any of "fits", "epochs" (of each network and split), "flops" (of the products) and "seconds";
            whichever is spent first ends it. A setting is begun only if it can be finished within fits,
            epochs and flops; time ends what is under way. With `nested=True` each of the searches has an
            equal share.
        resume: path of a file in which every finished part of the search is kept (SQLite: settings, scores,
            times, seed, versions); where it exists the search goes on, after a kill at any instant, to
            bitwise the same table. A part is 4 to 64 settings, about a minute of work. Outputs, and
            parameters that train on, lie in a folder beside it. None keeps nothing.
        random_state: seed of the sampler, the repeats, and of estimators that have none.
        verbose: 0 is silent, 1 shows a progress bar on standard error, 2 also the best settings so far.
        error_score: the score of a setting whose fit failed, or "raise".
        return_train_score: whether the rows learned from are scored too.
        n_jobs: processes for estimators that are fitted one by one; on a cluster the number of workers, for
            networks too, None for all there are.

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
        out_of_fold_: for networks that trained to their end, from the place in `cv_results_` to what the
            setting answers for each row when it has not learned from it: probabilities `(n, classes)` or
            predictions; of the best settings, as many as 256 MB hold. `ensemble_from_search` selects there.
        schedule_: with sampler="pbt" the settings that the best was trained with, each with the epochs after
            which the next took over; `best_params_` is the last. The final fit follows it.
        failures_: why settings failed, by their place in `cv_results_`.
        ended_: None, or why the search ended before its plan: "budget" or "interrupted".
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
        budget: Any = None,
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
        self.budget = budget
        self.resume = resume
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Try every setting, and fit the best on all rows.

        Args:
            X: `(n, features)`, as the estimator takes it; for a tagger sentences, which folds keep whole.
            y: targets, one a row.
            **params: `groups` for splitters that need them; all else goes to the estimator's `fit`, cut by
                split where it has one entry a row (`sample_weight`).

        Returns:
            This search. After Ctrl-C it holds the settings that were finished by then, and says so.

        Raises:
            ParameterError: when a parameter of the search is out of its range.
            InputError: when X or y cannot be used.
            BudgetError: when the budget does not suffice for one setting.
            ValueError: when every fit failed.
            KeyboardInterrupt: on Ctrl-C before a setting was finished.
        """
        X, y = given_pair(self.estimator, X, y)
        check_search(self, y)
        spaces = checked_spaces(self.space, self.estimator.get_params(deep=True))
        seed = self._root_seed()
        with as_input_error():
            scorers, metric = asked_scorers(self)
            X, y = indexable(X, y)
        check_rows(X, y, params)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        trials = self._trials(X, y, routed, scorers, seed)
        self.n_splits_ = len(trials.splits)
        self._splits, self._seeds, self._refit_seed = trials.splits, trials.seeds, seed % _LARGEST_SEED
        self._rows, self._rows_hash = _num_samples(X), sample_hash(X, y)
        with listening(self.verbose) as listener:
            self._search(spaces, trials, seed, metric, listener)
        if self.refit:
            self._refit(trials, routed, seed)
        self.scorer_ = getattr(scorers, "_scorers", scorers)
        return self

    def _root_seed(self) -> int:
        """Return the root seed: that of the search which goes on, if it has none of its own."""
        known = shared_seed(self.resume) if self.resume is not None and self.random_state is None else None
        return root_seed(self.random_state) if known is None else known

    def _search(
        self, spaces: Sequence[Any], trials: Trials, seed: int, metric: Any, listener: Listener
    ) -> None:
        """Try every setting, choose the best, and score the procedure where that is asked for."""
        budget = read_budget(shared_budget(self.budget, len(trials.splits) + 1 if self.nested else 1))
        climb = Climb(raced_estimator(self, trials), trials, self.halving, self.refit, budget=budget)
        found: list[Climbed]
        kind = "" if self.resume is None and process_count() == 1 else fingerprint(self, spaces, trials)
        check_alike("search", kind)
        if self.resume is None:
            found = self._try_settings(climb, spaces, seed, listener)
        else:
            with open_shared(self.resume, kind, seed) as journal:
                climb.journal = journal
                budget.seconds_before = journal.seconds()
                found = self._try_settings(climb, spaces, seed, listener)
        self.ended_ = climb.ended
        if not found:
            raise self._nothing_tried(budget)
        self._within = [widest(each.entries) for each in found]
        self.cv_results_ = make_table(self, found, trials)
        self.failures_ = failures(found)
        metric = self._choose(self.cv_results_, metric, found)
        if climb.ended == "interrupted":
            number = len({id(each.setting) for each in found})
            warnings.warn(
                "the search was interrupted; what is chosen is the best of the "
                f"{number} setting{'s' * (number > 1)} that were finished.",
                GoraeWarning,
                stacklevel=3,
            )
        elif self.nested:
            best = self.best_score_
            self.nested_ = score_search(
                self, trials, best, metric, lambda share: listener.progress("nested searches", share, best)
            )

    def _nothing_tried(self, budget: Budget) -> BaseException:
        """Return the error of a search that has finished no setting."""
        if self.ended_ == "interrupted":
            return KeyboardInterrupt()
        return BudgetError(
            f"the budget ({budget.words()}) does not suffice for one setting, which is fitted once a split; "
            "give more, or fewer splits."
        )

    def _trials(self, X: Any, y: Any, routed: Any, scorers: Any, seed: int) -> Trials:
        """Return what every setting is tried on."""
        splitter = self._splitter(y, seed)
        with as_input_error():
            splits = [
                (np.asarray(train), np.asarray(test))
                for train, test in splitter.split(X, y, **routed.splitter.split)
            ]
        check_splits(splits, _num_samples(X))
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
        self, search: Climb, spaces: Sequence[Any], seed: int, listener: Listener
    ) -> list[Climbed]:
        """Return all settings that were tried, once a rung, with their entries."""
        wanted = check_settings(self.n_settings)
        hearing = Hearing(search, listener, self.refit)
        if self.sampler == "pbt":
            tried = self._train_population(search, spaces, wanted, seed, hearing)
        else:
            tried = self._sample(search, spaces, wanted, seed, hearing)
        self.out_of_fold_ = hearing.out_of_fold.collected()
        return tried

    def _sample(
        self, search: Climb, spaces: Sequence[Any], wanted: int, seed: int, hearing: Hearing
    ) -> list[Climbed]:
        """Try what the sampler proposes, batch by batch."""
        sampling = begin_sampling(self.sampler, spaces, wanted, seed)
        tried: list[Climbed] = []
        batch, number, begun = next(sampling, None), 0, 0
        likely = likely_settings(self.sampler, spaces, wanted, seed, batch or [])
        search.trials = replace(search.trials, expected=Expected(likely, likely))
        while batch and not search.ended:
            planned = len(batch) if self.sampler == "grid" else max(wanted, begun + len(batch))
            climbed = climb(search, batch, number, hearing.of(begun, len(batch), planned))
            tried += climbed
            begun += len(batch)
            last = {id(each.setting): mean_score(each.entries, self.refit) for each in climbed}
            try:
                batch, number = sampling.send([last.get(id(each), np.nan) for each in batch]), number + 1
            except StopIteration:
                break
        return tried

    def _train_population(
        self, search: Climb, spaces: Sequence[Any], wanted: int, seed: int, hearing: Hearing
    ) -> list[Climbed]:
        """Train a population whose losers follow its winners."""
        if self.halving is not None:
            raise ParameterError("sampler='pbt' drops losers by itself; use halving=None.")
        if search.budget.limits.keys() - {"seconds"}:
            raise ParameterError("sampler='pbt' keeps a budget of seconds only; n_settings decides the rest.")
        checked_numbers(spaces)
        first = random_settings(spaces, wanted, np.random.SeedSequence(seed))
        return train_population(search, spaces, first, seed, hearing.of(0, 1, 1))

    def _choose(self, results: dict[str, Any], metric: Any, found: Sequence[Climbed]) -> Any:
        """Set what is known of the best setting, and return the name of the score that decided."""
        first = found[0].entries[0]["test_scores"]
        self.multimetric_ = isinstance(first, dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(first)
            metric = self.refit
        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, metric, finished(results, self.refit))
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        return metric

    def _refit(self, trials: Trials, routed: Any, seed: int) -> None:
        """Fit the best setting on all rows."""
        X, y = trials.X, trials.y
        given = (X,) if y is None else (X, y)
        began = time.perf_counter()
        if self.sampler == "pbt":
            self.schedule_ = schedule_of(self.cv_results_, int(self.best_index_))
            self.best_estimator_ = replayed(
                raced_estimator(self, trials),
                self.schedule_,
                given,
                routed.estimator.fit,
                seed % _LARGEST_SEED,
            )
        else:
            chosen = {name: clone(value, safe=False) for name, value in self.best_params_.items()}
            best: Any = clone(self.estimator)
            best.set_params(**chosen)
            self.best_estimator_ = seeded(best, seed % _LARGEST_SEED)
            with refitted_within(self.best_estimator_, self._within[int(self.best_index_)]):
                self.best_estimator_.fit(*given, **routed.estimator.fit)
        self.refit_time_ = time.perf_counter() - began
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
