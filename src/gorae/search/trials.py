"""What every setting is tried on, and how a fitted estimator is scored there."""

import time
import traceback
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _score
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from gorae.estimators.neighbors import KNeighborsClassifier
from gorae.estimators.network import NetworkClassifier
from gorae.search.space import Setting

_IMMUTABLE = (str, int, float, bool, type(None))

Entry = dict[str, Any]
"""One fit of one setting in the words of scikit-learn: its scores, times, rows and error.

Besides, where they are known: `cost`, the epochs and operations it took; `outputs`, what it answers for the
rows it is scored on; `within`, the widths of the hidden layers of the program that trained it, where they are
shared.
"""


@dataclass(frozen=True)
class Trials:
    """The data, the splits and the scorers that all settings share.

    Args:
        X: rows as they were given.
        y: targets as they were given.
        splits: the rows to learn from and those to be scored on, of each split.
        fit_params: what `fit` is given besides (sample weights, cut by split).
        score_params: what scorers are given besides.
        groups: a group a row, or None.
        scorer: a scorer of scikit-learn, or a function.
        error_score: the score of a fit that failed, or "raise".
        return_train_score: whether rows learned from are scored too.
        seeds: a seed for each split, for estimators that have none.
        n_jobs: processes for estimators that are fitted one by one.
        expected: settings that are likely to be tried (`expected.Expected`); None where only those under
            trial are known.
    """

    X: Any
    y: Any
    splits: list[tuple[np.ndarray, np.ndarray]]
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]
    groups: Any
    scorer: Any
    error_score: Any
    return_train_score: bool
    seeds: Sequence[int]
    n_jobs: int | None = None
    expected: Any = None

    def prepared(self, estimator: Any, setting: Setting, split: int) -> Any:
        """Return a clone with a setting; where it has no seed, it gets the split's own.

        All settings have the same seed in a split, so that they differ in nothing but the setting.
        """
        one: Any = clone(estimator)
        one.set_params(**_copied(setting))
        return seeded(one, self.seeds[split])

    def prepared_for_all(self, estimator: Any, setting: Setting) -> list[Any]:
        """Return what `prepared` gives for each split, of an estimator whose parameters hold no other.

        A clone asks for the signature of the class, which takes longer than a small network's epoch: there
        is one a setting, and the splits have copies of it.
        """
        first = self.prepared(estimator, setting, 0)
        seedless = setting.get("random_state", estimator.random_state) is None
        ones = [first, *(copy(first) for _ in self.seeds[1:])]
        for one, seed in zip(ones[1:], self.seeds[1:], strict=True):
            for name, value in vars(first).items():
                if not isinstance(value, _IMMUTABLE):
                    setattr(one, name, clone(value, safe=False))
            if seedless:
                one.random_state = seed
        return ones

    @cached_property
    def labels(self) -> np.ndarray | None:
        """Every different target, sorted; None where there is not one a row."""
        y = None if self.y is None else np.asarray(self.y)
        return None if y is None or y.ndim != 1 else np.unique(y)

    @cached_property
    def test_parts(self) -> list[tuple[Any, Any]]:
        """The rows and targets that each split is scored on, as one object each."""
        return [self._part(test) for _, test in self.splits]

    @cached_property
    def train_parts(self) -> list[tuple[Any, Any]]:
        """The rows and targets that each split learns from."""
        return [self._part(train) for train, _ in self.splits]

    def _part(self, rows: np.ndarray) -> tuple[Any, Any]:
        """Return some rows and their targets."""
        return _safe_indexing(self.X, rows), None if self.y is None else _safe_indexing(self.y, rows)

    def fit_params_of(self, split: int) -> dict[str, Any]:
        """Return what `fit` is given besides, for the rows of a split."""
        return _check_method_params(self.X, dict(self.fit_params), self.splits[split][0])

    def score(self, estimator: Any, split: int, *, X_test: Any = None, X_train: Any = None) -> Entry:
        """Return the scores of a fitted estimator in a split.

        Args:
            estimator: fitted on the split's training rows.
            split: which.
            X_test: the rows to be scored on as the estimator takes them, if other than they were given.
            X_train: the same of the training rows.
        """
        began = time.perf_counter()
        train, test = self.splits[split]
        entry: Entry = {"fit_error": None, "n_test_samples": len(test)}
        rows, y = self.test_parts[split]
        entry["test_scores"] = self._scores(estimator, rows if X_test is None else X_test, y, test)
        entry["score_time"] = time.perf_counter() - began
        if self.return_train_score:
            rows, y = self.train_parts[split]
            entry["train_scores"] = self._scores(estimator, rows if X_train is None else X_train, y, train)
        return entry

    def failed(self, split: int, error: Exception | str) -> Entry:
        """Return the entry of a fit that could not be made.

        Raises:
            Exception: the error itself, where `error_score` is "raise".
        """
        if self.error_score == "raise" and isinstance(error, Exception):
            raise error
        told = error if isinstance(error, str) else "".join(traceback.format_exception_only(error))
        entry: Entry = {"fit_error": told, "n_test_samples": len(self.splits[split][1])}
        entry |= {"test_scores": self._error_scores(), "fit_time": 0.0, "score_time": 0.0}
        if self.return_train_score:
            entry["train_scores"] = self._error_scores()
        return entry

    def _scores(self, estimator: Any, X: Any, y: Any, rows: np.ndarray) -> Any:
        """Return the scores of an estimator for some rows."""
        if not self.score_params and _is_share_of_hits(self.scorer, estimator):
            hits = estimator.predict(X) == y
            if isinstance(hits, np.ndarray) and hits.shape == (len(rows),):
                return float(np.mean(hits))
        params = _check_method_params(self.X, dict(self.score_params), rows)
        return _score(estimator, X, y, self.scorer, params, self.error_score)

    def _error_scores(self) -> Any:
        """Return the score of a failure, under every name that a scorer of several has."""
        names = getattr(self.scorer, "_scorers", None)
        return self.error_score if names is None else dict.fromkeys(names, self.error_score)


def _is_share_of_hits(scorer: Any, estimator: Any) -> bool:
    """Return whether a score is scikit-learn's own of a classifier of ours, which it checks at length."""
    score = getattr(type(estimator), "score", None)
    own = score is NetworkClassifier.score or score is KNeighborsClassifier.score
    return own and asks_the_estimator(scorer)


def asks_the_estimator(scorer: Any) -> bool:
    """Return whether a scorer is the estimator's own `score`: what scikit-learn takes without `scoring`."""
    return type(scorer).__name__ == "_PassthroughScorer"


def _copied(setting: Setting) -> Setting:
    """Return a setting whose estimators, if any, are its own."""
    return {name: clone(value, safe=False) for name, value in setting.items()}


def seeded(estimator: Any, seed: int) -> Any:
    """Return the estimator with this seed for whatever in it has none.

    Example:
        >>> from sklearn.linear_model import SGDClassifier
        >>> seeded(SGDClassifier(), 3).random_state, seeded(SGDClassifier(random_state=1), 3).random_state
        (3, 1)
    """
    names = [
        name
        for name, value in estimator.get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    ]
    return estimator.set_params(**dict.fromkeys(names, seed)) if names else estimator
