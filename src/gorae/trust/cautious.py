"""A classifier that says how sure it is, which classes may be, and which rows are unlike all it has seen."""

from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float, Shaped
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, is_classifier
from sklearn.utils.validation import check_is_fitted

from gorae.errors import ParameterError, as_input_error
from gorae.estimators.given import given_pair, given_rows
from gorae.estimators.mlp import MLPClassifier
from gorae.estimators.parameters import check_choice, check_count, check_flag, root_seed
from gorae.estimators.shaped import flat_rows, flattened
from gorae.evidence import Doubt, LabelAudit, Uncertainty, audit_labels, doubt, uncertainty
from gorae.trust.answers import member_probabilities, stated
from gorae.trust.calibration import Calibration, make_calibration
from gorae.trust.gathering import gather
from gorae.trust.given import check_kind, check_weights
from gorae.trust.panel import AUTO, make_panel

_FLAG = "flag"


class CautiousClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    r"""A classifier with its evidence: calibrated, and able to say that it does not know.

    The estimator is fitted on all rows and, in the same population, in folds and without each class. What
    these twins say of rows that they have not seen decides whether and how probabilities are scaled, how
    strange a row may be before it is flagged, and how large a set of classes has to be.

    Args:
        estimator: a classifier with `predict_proba` or `decision_function`, of gorae or of scikit-learn; None
            for `MLPClassifier(random_state=random_state)`. Networks are trained together.
        cv: folds.
        repeats: how often rows are cut into folds anew; more make `audit` steadier.
        calibrate: whether probabilities are calibrated where that lowers the log-loss out of fold, in the
            way that does so most (see `gorae.evidence.choose_scaling`).
        detector: a name of `gorae.trust.DETECTORS`, or "auto": the one that best tells rows of classes that
            were left out one by one, so that no unknown row is needed to choose it; "cosine", the distance in
            angle, where none is better by more than chance.
        random_state: seed of the folds.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X, y = load_digits(return_X_y=True)
        >>> known = y < 6
        >>> network = MLPClassifier((32,), epochs=20, random_state=0)
        >>> model = CautiousClassifier(network).fit(X[known], y[known])
        >>> labels, unknown = model.predict(X[~known], unknown="flag", false_alarms=0.05)
        >>> bool(unknown.mean() > 0.5)
        True

    References:
        Conformal prediction: Vovk, Gammerman, Shafer (2005). Calibration: Guo et al. (2017).
        Open sets: Vaze et al. (2022).
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        cv: int = 5,
        repeats: int = 1,
        calibrate: bool = True,
        detector: str = "auto",
        random_state: Any = 0,
    ):
        self.estimator = estimator
        self.cv = cv
        self.repeats = repeats
        self.calibrate = calibrate
        self.detector = detector
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None) -> Self:
        """Fit on all rows, in folds, and without each class.

        Args:
            X: (rows, columns) numbers, or what the estimator reads: images, sequences.
            y: (rows,) class labels.
            sample_weight: (rows,) or None.
            groups: (rows,) or None; rows of a group are never on both sides of a fold.

        Returns:
            This classifier.

        Raises:
            InputError: when X or y cannot be used, or a parameter is out of its range.
        """
        seed = root_seed(self.random_state)
        check_count("repeats", self.repeats)
        calibrate = check_flag("calibrate", self.calibrate)
        estimator = MLPClassifier(random_state=seed) if self.estimator is None else self.estimator
        check_kind(estimator, is_classifier, "a classifier")
        estimator, X = flattened(estimator, X)
        X, y = given_pair(self, X, y)
        found = gather(
            estimator,
            X,
            y,
            cv=check_count("cv", self.cv, low=2),
            repeats=self.repeats,
            sample_weight=check_weights(sample_weight, len(y)),
            groups=None if groups is None else np.asarray(groups),
            leave_out=self.detector == AUTO,
            seed=seed,
        )
        panel = make_panel(found, self.detector)
        self.estimator_, self.classes_, self.gathered_ = found.estimator, found.classes, found
        self.panel_, self.calibration_ = panel, make_calibration(found, calibrate=calibrate)
        return self

    @property
    def detector_(self) -> str:
        """The name of the detector of the unknown."""
        self._check_fitted()
        return self.panel_.detector

    def predict(
        self, X: Any, *, unknown: str | None = None, false_alarms: float = 0.01
    ) -> Shaped[np.ndarray, " rows"] | tuple[Shaped[np.ndarray, " rows"], Bool[np.ndarray, " rows"]]:
        """Return the most probable class of each row.

        Args:
            X: (rows, columns).
            unknown: None, or "flag" to be told as well which rows are unlike the training data.
            false_alarms: the share of known rows that may be flagged.

        Returns:
            Labels; with `unknown="flag"` labels and flags.

        Raises:
            DataError: if a fold holds too few rows to state such a share: 0.01 needs 99, a fifth of 495.
        """
        if unknown is not None:
            check_choice("unknown", unknown, [_FLAG])
        shares = self.predict_proba(X)
        labels = self.classes_[np.argmax(shares, axis=1)]
        if unknown is None:
            return labels
        return labels, self.panel_.are_unknown(self._rows(X), false_alarms)

    def predict_proba(self, X: Any) -> Float[np.ndarray, "rows classes"]:
        """Return calibrated probabilities."""
        return self._fitted.probabilities(self._stated(X))

    def predict_set(self, X: Any, coverage: float = 0.9) -> Bool[np.ndarray, "rows classes"]:
        """Return which classes each row may have; the true one is among them with the stated coverage.

        Raises:
            InputError: if there were too few training rows to state such a coverage.
        """
        rows = self._rows(X)
        return self._fitted.sets(stated(self.estimator_, rows, self.classes_), coverage, rows)

    def novelty_score(self, X: Any) -> Float[np.ndarray, " rows"]:
        """Return how unlike the training data each row is: 0 is usual, 1 stranger than 9 known rows in 10."""
        rows = self._rows(X)
        return self.panel_.scores(rows)

    def known_share(self, X: Any) -> Float[np.ndarray, " rows"]:
        """Return the share of known rows that are at least as strange as each row (a conformal p-value)."""
        rows = self._rows(X)
        return self.panel_.known_shares(rows)

    def uncertainty(self, X: Any) -> Uncertainty:
        """Return the aleatoric and the epistemic part of each row's uncertainty, in nats.

        Raises:
            ParameterError: if the estimator has one member only, which disagrees with none.
        """
        self._check_members()
        return uncertainty(member_probabilities(self.estimator_, self._rows(X)))

    def doubt(self, groups: Any = None) -> Doubt:
        """Return how much of the doubt about the training rows more data could settle, judged out of fold.

        The networks' probabilities are scaled first, as the model's are: one that is too modest has doubts
        that no data took away, nor will.

        Args:
            groups: (rows,) that were given to fit, or None: what the interval takes as independent.

        Raises:
            ParameterError: if the estimator has one member only, which disagrees with none.
        """
        self._check_members()
        members = [self.calibration_.probabilities(one) for one in self.gathered_.answers.members]
        return doubt(np.stack(members), self.gathered_.codes, units=groups)

    def audit(self) -> LabelAudit:
        """Return which labels of the training rows look wrong, judged out of fold."""
        self._check_fitted()
        return audit_labels(self.gathered_.probabilities, self.gathered_.codes)

    @property
    def _fitted(self) -> Calibration:
        """The calibration of a fitted classifier."""
        self._check_fitted()
        return self.calibration_

    def _rows(self, X: Any) -> Any:
        """Return rows to answer for, checked."""
        self._check_fitted()
        return given_rows(self, flat_rows(self.estimator_, X))

    def _stated(self, X: Any) -> Float[np.ndarray, "rows classes"]:
        """Return what the estimator states of rows."""
        return stated(self.estimator_, self._rows(X), self.classes_)

    def _check_members(self) -> None:
        """Refuse to tell of disagreement where there is nobody to disagree."""
        self._check_fitted()
        if getattr(self.estimator_, "members", 1) < 2:
            raise ParameterError("uncertainty needs several members to disagree; fit with members=5.")

    def _check_fitted(self) -> None:
        """Refuse to answer before `fit`."""
        with as_input_error():
            check_is_fitted(self, "panel_")
