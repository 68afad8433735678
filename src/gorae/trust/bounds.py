"""Intervals of a fitted regressor, from what its twins of the folds answered for rows they had not seen.

Unlike `CautiousRegressor`, which asks the models of folds, intervals stand around the answer of the one
model that is fitted on all rows, so that a file holds no other: those of five folds would make it six times
as large. Simulated with networks and linear functions of 200 rows, coverage was within a point of what is
stated; a guarantee for whatever estimator, as CV+ has one, there is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int

from gorae.data import make_folds
from gorae.errors import DamagedFileError
from gorae.estimators.loading import estimator_from_state
from gorae.estimators.parameters import check_levels
from gorae.estimators.quantiles import QuantileRegressor
from gorae.estimators.saving import fitted_state
from gorae.evidence import (
    conformal_threshold,
    interval_scores,
    quantile_scores,
    thresholds_out_of_fold,
    uncrossed,
)
from gorae.search.races import under
from gorae.trust.ends import answered, ends, levels_of, states_quantiles
from gorae.trust.parts import fit_parts

MOST_ROWS = 5000
"""Rows that are kept to state coverage from, at most; so many state 0.999 with an error of 0.0005."""


@dataclass(frozen=True)
class Bounds:
    """What makes intervals of a regressor's answers.

    Attributes:
        answers: (rows, answers) out of fold: predictions, or quantiles of the levels.
        targets: (rows,) the true values of the same rows.
        levels: of the quantiles, or None where intervals stand around predictions and are equally wide.
        quantiles: the estimator that answers them, fitted on all rows, or None.
    """

    answers: Float64[np.ndarray, "rows answers"]
    targets: Float64[np.ndarray, " rows"]
    levels: Float64[np.ndarray, " levels"] | None = None
    quantiles: Any = None

    def intervals(self, estimator: Any, X: Any, coverage: float) -> Float64[np.ndarray, "rows 2"]:
        """Return what each row's value lies between, with the stated coverage.

        Args:
            estimator: the regressor that was fitted on all rows.
            X: (rows, columns).
            coverage: wanted share of rows whose interval holds the true value.

        Raises:
            ParameterError: if `coverage` is no share between 0 and 1.
            InputError: if there were fewer rows than such a coverage can be stated from.
        """
        threshold = conformal_threshold(self._scores(coverage), coverage)
        asked = estimator if self.quantiles is None else self.quantiles
        low, high = ends(answered(asked, X, self.levels is not None), self.levels, coverage)
        return uncrossed(np.stack([low - threshold, high + threshold], axis=1))

    def out_of_fold(self, folds: Int[np.ndarray, " rows"], coverage: float) -> Float64[np.ndarray, "rows 2"]:
        """Return the intervals of the kept rows, each made without the rows of its own fold.

        Args:
            folds: (rows,) the fold of each row.
            coverage: wanted share of covered rows.

        Raises:
            InputError: if the rows of the other folds are fewer than the coverage needs.
        """
        thresholds = thresholds_out_of_fold(self._scores(coverage), folds, coverage)
        low, high = ends(self.answers, self.levels, coverage)
        return uncrossed(np.stack([low - thresholds, high + thresholds], axis=1))

    def to_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays and JSON for a file."""
        arrays = {"answers": self.answers, "targets": self.targets}
        meta: dict[str, Any] = {"levels": None, "quantiles": None}
        if self.levels is not None:
            own, meta["quantiles"] = fitted_state(self.quantiles)
            arrays |= {f"quantiles/{name}": array for name, array in own.items()}
            meta["levels"] = self.levels.tolist()
        return arrays, meta

    def _scores(self, coverage: float) -> Float64[np.ndarray, " rows"]:
        """Return how far each kept row lies outside what its fold's model says."""
        return quantile_scores(*ends(self.answers, self.levels, coverage), self.targets)


@dataclass(frozen=True)
class Bounded:
    """A regressor fitted on all rows, its bounds, and where the kept rows stand.

    Attributes:
        estimator: fitted on all rows.
        bounds: what makes intervals.
        folds: (kept,) the fold that each kept row was answered in.
        rows: (kept,) the place of each kept row.
    """

    estimator: Any
    bounds: Bounds
    folds: Int[np.ndarray, " kept"]
    rows: Int[np.ndarray, " kept"]


def fit_bounds(
    estimator: Any,
    X: Any,
    y: Float64[np.ndarray, " rows"],
    *,
    cv: int = 5,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> Bounded:
    """Fit a regressor on all rows and in folds, networks as one population, and make its bounds.

    Args:
        estimator: an unfitted regressor, which stays as it is; one that answers quantiles is bounded by them.
        X: (rows, columns).
        y: (rows,) values.
        cv: folds.
        groups: (rows,) or None; rows of a group are never on both sides of a fold.
        seed: decides the folds.

    Raises:
        GoraeError: if the model cannot be fitted on one of the parts.
    """
    quantiles = states_quantiles(estimator)
    levels = levels_of(estimator) if quantiles else None
    splits = make_folds(y, folds=cv, stratify=False, groups=groups, seed=seed)
    parts = [np.arange(len(y)), *(train for train, _ in splits)]
    whole, *twins = fit_parts([estimator] * len(parts), X, y, parts, groups=groups)
    order = np.argsort(np.concatenate([score for _, score in splits]))
    answers = [answered(twin, X[score], quantiles) for twin, (_, score) in zip(twins, splits, strict=True)]
    folds = np.repeat(np.arange(len(splits)), [len(score) for _, score in splits])[order]
    kept = np.unique(np.linspace(0, len(y) - 1, min(len(y), MOST_ROWS)).round().astype(np.int64))
    bounds = Bounds(
        answers=np.concatenate(answers)[order][kept],
        targets=np.asarray(y, np.float64)[kept],
        levels=levels,
        quantiles=whole if quantiles else None,
    )
    return Bounded(whole, bounds, folds[kept], kept)


def mean_interval_score(bounded: Bounded, coverage: float) -> float:
    """Return the mean interval score of the kept rows, out of fold: low for narrow intervals that hold."""
    low, high = bounded.bounds.out_of_fold(bounded.folds, coverage).T
    return float(interval_scores(low, high, bounded.bounds.targets, coverage).mean())


def bounds_from_state(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], width: int) -> Bounds:
    """Return what `Bounds.to_state` was given, for rows of so many columns, all checked.

    Raises:
        DamagedFileError: if a part is missing, or does not fit the others.
    """
    rest = {name: array for name, array in arrays.items() if "/" not in name}
    _want(set(rest) == {"answers", "targets"}, "its intervals are incomplete")
    answers, targets = rest["answers"], rest["targets"]
    for array in (answers, targets):
        _want(array.dtype == np.float64 and array.size > 0, "its intervals have parts that are no numbers")
        _want(bool(np.isfinite(array).all()), "its intervals have parts that are not finite")
    _want(answers.ndim == 2 and targets.shape == answers.shape[:1], "its intervals have parts of other rows")
    if meta.get("levels") is None:
        _want(answers.shape[1] == 1 and len(rest) == len(arrays), "its intervals have levels too many")
        return Bounds(answers, targets)
    estimator = estimator_from_state(under("quantiles/", arrays), meta["quantiles"])
    _want(isinstance(estimator, QuantileRegressor), "its intervals are of an estimator without quantiles")
    _want(estimator.n_features_in_ == width, "its intervals read another number of columns")
    levels = np.array(check_levels(meta["levels"]))
    _want(np.array_equal(levels, levels_of(estimator)), "its intervals have levels of another estimator")
    _want(answers.shape[1] == len(levels), "its intervals have another number of levels")
    return Bounds(answers, targets, levels, estimator)


def _want(sound: bool, otherwise: str) -> None:
    """Raise unless a part is sound."""
    if not sound:
        raise DamagedFileError(f"{otherwise}.")
