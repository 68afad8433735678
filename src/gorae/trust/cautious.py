"""A classifier that says how sure it is, which classes may be, and which rows are unlike all it has seen."""

from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float, Shaped
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.validation import check_is_fitted

from gorae.errors import ParameterError, as_input_error
from gorae.estimators.given import given_pair, given_rows
from gorae.estimators.mlp import MLPClassifier
from gorae.estimators.parameters import check_choice, check_count, check_flag, root_seed
from gorae.evidence import LabelAudit, Uncertainty, audit_labels
from gorae.trust.answers import Answers, ask
from gorae.trust.caution import Caution, make_caution
from gorae.trust.gathering import Gathered, gather

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
        calibrate: whether probabilities are scaled (by a temperature, or a factor and a bias a class) where
            that lowers the log-loss out of fold by more than its standard error.
        detector: a name of `gorae.trust.DETECTORS`, or "auto": the one that best tells rows of classes that
            were left out one by one, so that no unknown row is needed to choose it.
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
        Cross-conformal prediction: Vovk (2015). Calibration: Guo et al. (2017).
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
            X: (rows, columns) numbers.
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
        X, y = given_pair(self, X, y)
        found = gather(
            estimator,
            X,
            y,
            cv=check_count("cv", self.cv, low=2),
            repeats=self.repeats,
            sample_weight=None if sample_weight is None else np.asarray(sample_weight),
            groups=None if groups is None else np.asarray(groups),
            leave_out=self.detector == "auto",
            seed=seed,
        )
        caution = make_caution(found, calibrate=calibrate, detector=self.detector)
        self.estimator_, self.classes_ = found.estimator, found.classes
        self.gathered_, self.caution_ = found, caution
        return self

    @property
    def detector_(self) -> str:
        """The name of the detector of the unknown."""
        return self._caution.detector

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
            DataError: if there were too few training rows to state such a share: 0.01 needs 99.
        """
        if unknown is not None:
            check_choice("unknown", unknown, [_FLAG])
        answers = self._answers(X)
        labels = self.classes_[np.argmax(self._caution.probabilities(answers), axis=1)]
        return labels if unknown is None else (labels, self._caution.are_unknown(answers, false_alarms))

    def predict_proba(self, X: Any) -> Float[np.ndarray, "rows classes"]:
        """Return calibrated probabilities."""
        return self._caution.probabilities(self._answers(X))

    def predict_set(self, X: Any, coverage: float = 0.9) -> Bool[np.ndarray, "rows classes"]:
        """Return which classes each row may have; the true one is among them with the stated coverage.

        Raises:
            DataError: if there were too few training rows to state such a coverage.
        """
        return self._caution.sets(self._answers(X), coverage)

    def novelty_score(self, X: Any) -> Float[np.ndarray, " rows"]:
        """Return how unlike the training data each row is, in the detector's own unit."""
        return self._caution.novelty_scores(self._answers(X))

    def known_share(self, X: Any) -> Float[np.ndarray, " rows"]:
        """Return the share of known rows that are at least as strange as each row (a conformal p-value)."""
        return self._caution.known_shares(self._answers(X))

    def uncertainty(self, X: Any) -> Uncertainty:
        """Return the aleatoric and the epistemic part of each row's uncertainty, in nats.

        Raises:
            ParameterError: if the estimator has one member only, which disagrees with none.
        """
        answers = self._answers(X)
        if len(answers.members) < 2:
            raise ParameterError("uncertainty needs several members to disagree; fit with members=5.")
        return self._caution.uncertainty(answers)

    def audit(self) -> LabelAudit:
        """Return which labels of the training rows look wrong, judged out of fold."""
        found = self._gathered
        return audit_labels(found.probabilities, found.codes)

    @property
    def _caution(self) -> Caution:
        """What was learned about the estimator."""
        with as_input_error():
            check_is_fitted(self, "caution_")
        return self.caution_

    @property
    def _gathered(self) -> Gathered:
        """All that was gathered."""
        with as_input_error():
            check_is_fitted(self, "gathered_")
        return self.gathered_

    def _answers(self, X: Any) -> Answers:
        """Return what the estimator says of rows."""
        found = self._gathered
        return ask(found.estimator, given_rows(self, X), found.classes, found.space)
