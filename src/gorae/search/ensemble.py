"""Ensemble selection: from the settings that a search has tried, those that answer best together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone, is_classifier
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from gorae.errors import DataError, ParameterError, as_input_error
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.parameters import check_count
from gorae.estimators.together import Fit, fit_together
from gorae.search.identity import sample_hash
from gorae.search.lineage import schedule_of
from gorae.search.out_of_fold import over_rows
from gorae.search.outputs import outputs_of
from gorae.search.replay import replayed
from gorae.search.trials import seeded

_LIBRARY = 50


def ensemble_from_search(search: Any, X: Any, y: Any, sample_weight: Any = None, *, size: int = 25) -> Any:
    r"""Return an ensemble of the settings of a search that answer best together.

    Greedy selection: beginning with nothing, the setting is added, again and again and as often as it helps,
    whose out-of-fold outputs $o_s$ make the mean of those chosen so far score best,
    $s_t = \arg\max_s \mathrm{score}\bigl(\tfrac1t(o_s + \sum_{i<t} o_{s_i})\bigr)$; of the `size` ensembles
    on the way the best is taken. Its settings are then fitted on all rows, networks as one population, and
    their outputs are averaged, weighted by how often each was chosen.

    Settings that err differently help each other most: a space may hold whole steps of a pipeline, several
    inputs and several models (see the second example). On few rows accuracy hardly tells settings apart; a
    search by probabilities, `scoring="neg_log_loss"`, then selects more steadily.

    Networks have kept their out-of-fold outputs (`out_of_fold_`); of other estimators the fifty best settings
    are fitted once more in every split.

    Args:
        search: a fitted `SearchCV`.
        X: the rows it was fitted on, `(n, features)`.
        y: their targets.
        sample_weight: one weight a row for all fits, or None.
        size: how often a setting is added.

    Returns:
        A fitted `VotingClassifier` (of probabilities, or of votes where there are none) or `VotingRegressor`
        of scikit-learn. Besides, `selected_` has the places in `cv_results_` in the order in which they were
        added, and `selection_scores_` the score after each. Like `best_score_` these are the best of many.

    Raises:
        ParameterError: when the search decides by a function, or `size` is no positive integer.
        DataError: when X and y are not those of the search, or nothing can be averaged.

    Example:
        >>> from scipy.stats import loguniform
        >>> from sklearn.datasets import load_wine
        >>> from gorae import MLPClassifier, SearchCV
        >>> X, y = load_wine(return_X_y=True)
        >>> space = {"learning_rate": loguniform(1e-4, 1e-1), "hidden": [(4,), (16,)]}
        >>> mlp = MLPClassifier(early_stopping=True)
        >>> search = SearchCV(mlp, space, n_settings=6, cv=3, random_state=0).fit(X, y)
        >>> ensemble = ensemble_from_search(search, X, y)
        >>> bool(max(ensemble.selection_scores_) >= search.best_score_ - 0.01)
        True

        Counts are best ranked for one model and scaled for another; each split learns both from its own rows:

        >>> from gorae import KNeighborsClassifier
        >>> from sklearn.pipeline import Pipeline
        >>> from sklearn.preprocessing import QuantileTransformer, StandardScaler
        >>> ranks, near = QuantileTransformer(n_quantiles=50), KNeighborsClassifier(9)
        >>> small = MLPClassifier((8,), learning_rate=0.01, early_stopping=True, scale=None, random_state=0)
        >>> space = {"inputs": [ranks, StandardScaler()], "model": [near, small]}
        >>> pipeline = Pipeline([("inputs", ranks), ("model", near)])
        >>> search = SearchCV(pipeline, space, sampler="grid", cv=3, scoring="neg_log_loss").fit(X, y)
        >>> ensemble_from_search(search, X, y).score(X, y) > 0.95
        True

    References:
        Caruana et al. 2004, Ensemble selection from libraries of models.
    """
    check_count("size", size)
    _check_search(search)
    _check_rows(search, X, y)
    weight = _checked_weight(search, sample_weight)
    library = search.out_of_fold_ or _refitted(search, X, y, weight)
    if not library:
        raise DataError("no setting of the search has outputs that can be averaged: they are single numbers.")
    places = list(library)
    outputs = np.stack([library[place] for place in places])
    scored = np.isfinite(outputs.reshape(len(outputs), outputs.shape[1], -1)).all(axis=(0, 2))
    labels = np.unique(np.asarray(y)) if is_classifier(search.estimator) else None
    chosen, scores = _select(search, outputs[:, scored], np.asarray(y)[scored], labels, size)
    best = int(np.argmax(scores)) + 1
    numbers, counts = np.unique([places[k] for k in chosen[:best]], return_counts=True)
    ensemble = _fitted(search, dict(zip(numbers.tolist(), counts.tolist(), strict=True)), X, y, weight)
    ensemble.selected_ = [places[k] for k in chosen[:best]]
    ensemble.selection_scores_ = np.array(scores[:best])
    return ensemble


def _check_search(search: Any) -> None:
    """Refuse what no ensemble can be selected from."""
    if not hasattr(search, "space") or not hasattr(search, "sampler"):
        raise ParameterError(
            f"an ensemble is selected from a fitted gorae.SearchCV, got {type(search).__name__}."
        )
    with as_input_error():
        check_is_fitted(search, "cv_results_")
    if callable(search.refit):
        raise ParameterError("a search whose refit is a function has no single score to select by.")
    if search.multimetric_ and not isinstance(search.refit, str):
        raise ParameterError("the search has several scores; name the one to select by with refit.")


def _check_rows(search: Any, X: Any, y: Any) -> None:
    """Refuse other rows than the search's."""
    if y is None or np.ndim(y) != 1:
        raise DataError("an ensemble needs targets, one a row.")
    if len(y) != search._rows:
        raise DataError(
            f"X and y must be the rows that the search was fitted on: it had {search._rows}, these {len(y)}."
        )
    if sample_hash(X, y) != search._rows_hash:
        raise DataError("X and y must be the rows that the search was fitted on, but they are others.")


def _checked_weight(search: Any, weight: Any) -> np.ndarray | None:
    """Return weights as an array, one a row."""
    if weight is None:
        return None
    if not has_fit_parameter(search.estimator, "sample_weight") or isinstance(search.estimator, Pipeline):
        raise ParameterError(f"{type(search.estimator).__name__} takes no sample_weight.")
    found = np.asarray(weight)
    if found.shape != (search._rows,):
        raise DataError(f"sample_weight must be one number a row ({search._rows}), got shape {found.shape}.")
    return found


class _Known(BaseEstimator):
    """Answers by place from outputs that are known: what scorers are given in an estimator's stead."""

    def __init__(self, outputs: np.ndarray, classes: np.ndarray | None = None):
        self.outputs = outputs
        self.classes_ = classes


class _KnownClassifier(ClassifierMixin, _Known):
    """Known probabilities."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities by place."""
        return self.outputs[X]

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable class."""
        assert self.classes_ is not None
        return self.classes_[np.argmax(self.outputs[X], axis=1)]


class _KnownRegressor(RegressorMixin, _Known):
    """Known predictions."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return predictions by place."""
        return self.outputs[X]


def _select(
    search: Any, outputs: np.ndarray, y: np.ndarray, classes: np.ndarray | None, size: int
) -> tuple[list[int], list[float]]:
    """Return which of the library are added, in their order, and the score after each."""
    scorer = search.scorer_[search.refit] if isinstance(search.scorer_, dict) else search.scorer_
    kind = _KnownRegressor if classes is None else _KnownClassifier
    if classes is not None:  # of float32: they sum to 1 within its rounding, and scorers ask for float64's
        outputs = outputs.astype(np.float64)
        sums = outputs.sum(axis=-1, keepdims=True)
        outputs = np.divide(outputs, sums, out=outputs, where=sums > 0)  # some say nothing of a row
    rows = np.arange(len(y))
    total = np.zeros(outputs.shape[1:])
    chosen: list[int] = []
    scores: list[float] = []
    for count in range(1, size + 1):
        found = [float(scorer(kind((total + one) / count, classes), rows, y)) for one in outputs]
        best = int(np.nanargmax(found))
        chosen.append(best)
        scores.append(found[best])
        total += outputs[best]
    return chosen, scores


def _refitted(search: Any, X: Any, y: Any, weight: Any) -> dict[int, np.ndarray]:
    """Return the out-of-fold outputs of the best settings, fitted once more in every split."""
    metric = f"mean_test_{search.refit if search.multimetric_ else 'score'}"
    means = np.asarray(search.cv_results_[metric])
    fine = np.isfinite(means) & ~np.isin(np.arange(len(means)), list(search.failures_))
    order = [place for place in np.argsort(-means, kind="stable") if fine[place]][:_LIBRARY]
    labels = np.unique(y) if is_classifier(search.estimator) else None
    jobs = [
        (place, _stage(search, place, search._seeds[split]), split)
        for place in order
        for split in range(search.n_splits_)
    ]
    found = Parallel(n_jobs=search.n_jobs)(
        delayed(_fitted_outputs)(one, X, y, weight, search._splits[split], labels) for _, one, split in jobs
    )
    parts: dict[int, list[Any]] = {}
    for (place, _, _), own in zip(jobs, found, strict=True):
        parts.setdefault(int(place), []).append(own)
    tests = [test for _, test in search._splits]
    return {
        place: over_rows(own, tests, len(y))
        for place, own in parts.items()
        if all(each is not None for each in own)
    }


def _fitted_outputs(
    estimator: Any,
    X: Any,
    y: Any,
    weight: Any,
    split: tuple[np.ndarray, np.ndarray],
    labels: np.ndarray | None,
) -> np.ndarray | None:
    """Return what an estimator answers for the rows of a split that it has not learned from."""
    train, test = split
    given = {} if weight is None else {"sample_weight": weight[train]}
    estimator.fit(_safe_indexing(X, train), _safe_indexing(y, train), **given)
    return outputs_of(estimator, _safe_indexing(X, test), labels)


def _stage(search: Any, place: int, seed: int) -> Any:
    """Return an unfitted estimator with a setting of the search."""
    one: Any = clone(search.estimator)
    setting = search.cv_results_["params"][place]
    one.set_params(**{name: clone(value, safe=False) for name, value in setting.items()})
    return seeded(one, seed)


def _fitted(search: Any, counts: Mapping[int, int], X: Any, y: Any, weight: Any) -> Any:
    """Return the vote of settings that are fitted on all rows, each with as many votes as it was chosen."""
    members = [_stage(search, place, search._refit_seed) for place in counts]
    if search.sampler == "pbt":
        given = {} if weight is None else {"sample_weight": weight}
        schedules = [schedule_of(search.cv_results_, place) for place in counts]
        members = [
            FrozenEstimator(replayed(search.estimator, one, (X, y), given, search._refit_seed))
            for one in schedules
        ]
    soft = all(hasattr(one, "predict_proba") for one in members)
    alike = all(type(one) is type(members[0]) and isinstance(one, NetworkEstimator) for one in members)
    if alike and (soft or not is_classifier(search.estimator)):  # votes are counted in scikit-learn's codes
        rows = np.arange(len(y))
        for error in fit_together([Fit(one, rows) for one in members], X, y, weight):
            if error is not None:
                raise error
        members = [FrozenEstimator(one) for one in members]
    named = [(f"setting_{place}", one) for place, one in zip(counts, members, strict=True)]
    votes = list(counts.values())
    if is_classifier(search.estimator):
        vote: Any = VotingClassifier(named, voting="soft" if soft else "hard", weights=votes)
    else:
        vote = VotingRegressor(named, weights=votes)
    return vote.fit(X, y) if weight is None else vote.fit(X, y, sample_weight=weight)
