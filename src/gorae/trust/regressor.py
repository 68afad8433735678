"""A regressor that says within what its answers are right."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from jaxtyping import Float64
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, is_regressor
from sklearn.utils.validation import check_is_fitted

from gorae.data import make_folds
from gorae.errors import DataError, as_input_error
from gorae.estimators.given import finite_values, given_pair, given_rows
from gorae.estimators.mlp import MLPRegressor
from gorae.estimators.parameters import check_choice, check_count, root_seed
from gorae.estimators.quantiles import middle_level
from gorae.estimators.shaped import flat_rows, flattened
from gorae.evidence import conformal_threshold, cross_conformal_intervals, quantile_scores, uncrossed
from gorae.trust.draws import checksums
from gorae.trust.ends import answered, ends, levels_of, states_quantiles
from gorae.trust.given import check_kind, check_weights
from gorae.trust.parts import fit_parts

METHODS = ("fold", "plus")


class CautiousRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    r"""A regressor with intervals that hold the true value as often as stated.

    The estimator is fitted on all rows and, in the same population, in folds. With $r_i$ the error of row $i$
    by the model of its fold, $\hat f_{-k(i)}$, which has not learned from it, the interval of a new row is
    $\hat f_{-k}(x) \mp q$: $k$ is a fold that the row's own numbers pick, and $q$ the
    $\lceil (n + 1) c \rceil$-th smallest of the $|r_i|$ for the coverage $c$. What the model of a fold misses
    of a new row is distributed as what it missed of its own, so intervals hold as often as stated, but for
    how folds differ. No row is held out, and nothing is assumed of the errors' distribution. With
    `method="plus"` all folds' models are asked, and the interval reaches between quantiles of
    $\hat f_{-k(i)}(x) - |r_i|$ and $\hat f_{-k(i)}(x) + |r_i|$ (CV+): it holds for certain in $2 c - 1$ of
    rows, and more often than stated where the models of the folds do not agree.

    These intervals are about equally wide for all rows. Of an estimator that answers quantiles
    (`predict_quantiles` and `levels`, as `MLPQuantileRegressor` has them) intervals are made of its quantiles
    at $(1 \mp c) / 2$: $r_i$ is then how far row $i$ lies outside those of its fold, negative inside, and the
    ends of $x$ move from its own quantiles (conformalised quantile regression). They are wide where the noise
    is. A level that is not there is taken between those that are (`gorae.evidence.quantiles_between`);
    intervals hold all the same.

    Args:
        estimator: a regressor of one target, of gorae or of scikit-learn; None for
            `MLPRegressor(random_state=random_state)`. Networks are trained together.
        cv: folds; with few of them and of rows (5 of 100) intervals are a little too wide.
        method: "fold", each row asks the model of one fold; "plus", CV+.
        random_state: seed of the folds.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import Ridge
        >>> X, y = load_diabetes(return_X_y=True)
        >>> model = CautiousRegressor(Ridge()).fit(X[:300], y[:300])
        >>> low, high = model.predict_interval(X[300:], 0.9).T
        >>> bool(0.8 < np.mean((low <= y[300:]) & (y[300:] <= high)) < 1)
        True

    References:
        Vovk (2015), "Cross-conformal predictors". Barber, Candès, Ramdas, Tibshirani (2021), "Predictive
        inference with the jackknife+", section 3. Romano, Patterson, Candès (2019), "Conformalized quantile
        regression", equation 6.
    """

    def __init__(self, estimator: Any = None, *, cv: int = 10, method: str = "fold", random_state: Any = 0):
        self.estimator = estimator
        self.cv = cv
        self.method = method
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None) -> Self:
        """Fit on all rows and in folds.

        Args:
            X: (rows, columns) numbers.
            y: (rows,) values.
            sample_weight: (rows,) or None.
            groups: (rows,) or None; rows of a group are never on both sides of a fold.

        Returns:
            This regressor.

        Raises:
            InputError: when X or y cannot be used, or a parameter is out of its range.
        """
        seed = root_seed(self.random_state)
        folds = check_count("cv", self.cv, low=2)
        check_choice("method", self.method, METHODS)
        estimator = MLPRegressor(random_state=seed) if self.estimator is None else self.estimator
        check_kind(estimator, is_regressor, "a regressor")
        quantiles = states_quantiles(estimator)
        levels = levels_of(estimator) if quantiles else None
        estimator, X = flattened(estimator, X)
        X, y = given_pair(self, X, y)
        values = finite_values(y)
        if values.ndim != 1:
            raise DataError(f"intervals are for one target, but y has the shape {values.shape}.")
        groups = None if groups is None else np.asarray(groups)
        splits = make_folds(values, folds=folds, stratify=False, groups=groups, seed=seed)
        weight = check_weights(sample_weight, len(values))
        parts = [np.arange(len(values)), *(train for train, _ in splits)]
        models = fit_parts([estimator] * len(parts), X, values, parts, sample_weight=weight, groups=groups)
        out = [answered(one, X[score], quantiles) for one, (_, score) in zip(models[1:], splits, strict=True)]
        order = np.argsort(np.concatenate([score for _, score in splits]))
        self.estimator_, self.fold_estimators_, self.levels_ = models[0], models[1:], levels
        self.folds_ = np.repeat(np.arange(len(splits)), [len(score) for _, score in splits])[order]
        self.answers_, self.targets_ = np.concatenate(out)[order], values
        return self

    def predict(self, X: Any) -> Float64[np.ndarray, " rows"]:
        """Return the value of each row, by the model fitted on all rows."""
        self._check_fitted()
        return np.asarray(
            self.estimator_.predict(given_rows(self, flat_rows(self.estimator_, X))), np.float64
        )

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Float64[np.ndarray, "rows 2"]:
        """Return what each row's value lies between, with the stated coverage.

        Args:
            X: (rows, columns).
            coverage: wanted share of rows whose interval holds the true value.

        Returns:
            Lower and upper end of each row.

        Raises:
            ParameterError: if `coverage` is no share between 0 and 1.
            InputError: if there were too few training rows to state such a coverage: 0.99 needs 99.
        """
        self._check_fitted()
        rows = given_rows(self, flat_rows(self.estimator_, X))
        known = quantile_scores(*ends(self.answers_, self.levels_, coverage), self.targets_)
        if self.method == "plus":
            lows, highs = (np.array(each) for each in zip(*self._ends(rows, coverage), strict=True))
            return cross_conformal_intervals(known, self.folds_, lows, coverage, highs=highs)
        threshold, whose = conformal_threshold(known, coverage), checksums(rows) % len(self.fold_estimators_)
        found = np.empty((len(rows), 2))
        for fold in np.unique(whose):
            own = np.flatnonzero(whose == fold)
            low, high = self._ends(rows[own], coverage, [fold])[0]
            found[own] = np.stack([low - threshold, high + threshold], axis=1)
        return uncrossed(found)

    def _ends(
        self, rows: Any, coverage: float, folds: Sequence[int] | None = None
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the ends that the models of folds state, of all or of some."""
        models = self.fold_estimators_ if folds is None else [self.fold_estimators_[fold] for fold in folds]
        quantiles = self.levels_ is not None
        return [ends(answered(model, rows, quantiles), self.levels_, coverage) for model in models]

    @property
    def residuals_(self) -> Float64[np.ndarray, " rows"]:
        """The absolute out-of-fold errors of the predictions; of quantiles, those of the middle one."""
        self._check_fitted()
        middle = 0 if self.levels_ is None else middle_level(self.levels_)
        return np.abs(self.answers_[:, middle] - self.targets_)

    def _check_fitted(self) -> None:
        """Refuse to answer before `fit`."""
        with as_input_error():
            check_is_fitted(self, "answers_")
