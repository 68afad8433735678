"""Bayes' rule with a Gaussian for each class, as a scikit-learn estimator that can also draw rows."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from jaxtyping import Float64
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from gorae.errors import DamagedFileError, DataError, ParameterError, as_input_error
from gorae.estimators.given import given_pair, given_rows
from gorae.estimators.meta_reading import read_feature_names, read_mapping
from gorae.estimators.parameter_meta import parameters_from_meta
from gorae.estimators.parameters import check_choice, check_count, check_real, drawn_seed
from gorae.estimators.saving import Savable, labels_from_meta, labels_to_meta
from gorae.models.gaussian import COVARIANCES, GaussianClasses, draw, fit_gaussians, log_densities

_LARGEST_WEIGHT = 1e100
_PARTS = ("center", "scale", "active", "means", "factors")


class GaussianBayes(ClassifierMixin, Savable, BaseEstimator):
    r"""Classify rows by Bayes' rule with a Gaussian for each class.

    $p(c \mid x) \propto \pi_c\, \mathcal N(x; \mu_c, \Sigma_c)$, in logarithms throughout, with Cholesky
    factors in place of inverses. Means, covariances and priors are the maximum likelihood estimates (sums
    divided by n); covariances are then shrunk towards a sphere, $(1 - a) \Sigma + a v I$ with $v$ the mean
    variance, in coordinates where every feature has pooled variance 1 within the classes: a change of units
    changes nothing. A class without spread of its own (a single row) takes the pooled covariance.

    With `shrinkage=0`, "shared" is linear discriminant analysis, "full" is quadratic discriminant analysis
    (scikit-learn divides by n there since 1.9, by n - 1 before), and "diagonal" is Gaussian naive Bayes.

    Args:
        covariance: "full", one matrix for each class (curved boundaries, many parameters); "shared", one for
            all (straight boundaries); "diagonal", variances for each class (independent features).
        shrinkage: a, from 0 to 1, or "auto" for Ledoit and Wolf's estimate; more is safer with few rows.
        priors: the probability of each class in the order of `classes_`; the shares of the rows if None.

    Attributes:
        classes_: the class labels, sorted.
        class_prior_: (classes,).
        means_: (classes, features).
        covariances_: (classes, features, features); (features, features) if shared; variances (classes,
            features) if diagonal. Features that are constant over all rows take no part and have variance 0.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> model = GaussianBayes().fit(X, y)
        >>> model.score(X, y) > 0.97
        True
        >>> rows, labels = model.sample(5, random_state=0)
        >>> rows.shape, labels.shape
        ((5, 4), (5,))

    References:
        C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.2.
        O. Ledoit, M. Wolf, A well-conditioned estimator for large-dimensional covariance matrices, J.
        Multivariate Analysis 88 (2004).
    """

    score = as_input_error()(ClassifierMixin.score)

    def __init__(self, covariance: str = "full", *, shrinkage: float | str = 1e-3, priors: Any = None):
        self.covariance = covariance
        self.shrinkage = shrinkage
        self.priors = priors

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Estimate the Gaussians.

        Args:
            X: `(n, features)`, numbers.
            y: `(n,)`, class labels.
            sample_weight: one weight a row: weight k counts as k copies, weight 0 as removed.

        Returns:
            This estimator.

        Raises:
            InputError: X, y or the weights cannot be used, or a parameter is out of its range.
        """
        shrinkage = self._check_parameters()
        X, y = given_pair(self, X, y, dtype=np.float64)
        with as_input_error():
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise DataError("every sample_weight is 0: no row is left to learn from.")
        if weight.max() > _LARGEST_WEIGHT:
            raise DataError(
                f"a weight counts copies of its row and must be at most {_LARGEST_WEIGHT:g}, got "
                f"{weight.max():g}; divide sample_weight by its mean."
            )
        keep = weight > 0
        self.classes_, codes = np.unique(y[keep], return_inverse=True)
        self.class_prior_ = self._class_prior(np.bincount(codes, weight[keep]))
        self._model = fit_gaussians(
            X[keep],
            codes,
            weight[keep],
            len(self.classes_),
            covariance=self.covariance,
            shrinkage=shrinkage,
        )
        self._describe()
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row."""
        joint = self.predict_joint_log_proba(X)
        return self.classes_[joint.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Float64[np.ndarray, "n classes"]:
        """Return p(c | x), in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Float64[np.ndarray, "n classes"]:
        """Return log p(c | x), in the order of `classes_`."""
        return log_softmax(self.predict_joint_log_proba(X), axis=1)

    def predict_joint_log_proba(self, X: Any) -> Float64[np.ndarray, "n classes"]:
        """Return log p(x, c) = log p(c) + log p(x | c).

        Its logsumexp over the classes is log p(x), which is low for rows unlike the training rows.
        """
        with as_input_error():
            check_is_fitted(self)
        X = given_rows(self, X, dtype=np.float64)
        with np.errstate(divide="ignore"):
            log_prior = np.log(self.class_prior_)
        return log_densities(self._model, X) + log_prior

    def sample(self, n_samples: int = 1, random_state: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Draw rows and their classes from the fitted joint distribution.

        Args:
            n_samples: how many.
            random_state: the seed; None draws one from numpy's global generator.

        Returns:
            Rows `(n_samples, features)` and labels `(n_samples,)`.
        """
        with as_input_error():
            check_is_fitted(self)
        random = np.random.default_rng(drawn_seed(random_state))
        count = check_count("n_samples", n_samples)
        codes = random.choice(len(self.classes_), count, p=self.class_prior_)
        return draw(self._model, codes, random), self.classes_[codes]

    def _check_parameters(self) -> float | str:
        """Check what does not depend on the data, and return the shrinkage."""
        check_choice("covariance", self.covariance, COVARIANCES)
        if isinstance(self.shrinkage, str):
            if self.shrinkage == "auto":
                return "auto"
            raise ParameterError(f"shrinkage must be a number in [0, 1] or 'auto', got {self.shrinkage!r}.")
        return check_real("shrinkage", self.shrinkage, 0.0, 1.0)

    def _class_prior(self, counts: Float64[np.ndarray, " classes"]) -> Float64[np.ndarray, " classes"]:
        """Return the given priors, checked, or the shares of the classes."""
        if self.priors is None:
            return counts / counts.sum()
        try:
            priors = np.asarray(self.priors, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise ParameterError(
                f"priors must hold one number for each class, got {self.priors!r}."
            ) from None
        if priors.shape != counts.shape:
            raise ParameterError(
                f"priors must hold a number for each of the {len(counts)} classes, got shape {priors.shape}."
            )
        if not (priors >= 0).all() or not np.isclose(priors.sum(), 1.0, rtol=0, atol=1e-6):
            raise ParameterError(f"priors must not be negative and must sum to 1, got {priors.tolist()}.")
        return priors / priors.sum()

    def _describe(self) -> None:
        """Set the public attributes that follow from the Gaussians."""
        with np.errstate(over="ignore"):
            covariances = self._model.class_covariances()
        self.means_ = self._model.class_means()
        self.covariances_ = covariances[0] if self.covariance == "shared" else covariances

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a file of this estimator holds."""
        arrays = {name: getattr(self._model, name) for name in _PARTS}
        shrinkage = self.shrinkage if isinstance(self.shrinkage, str) else float(self.shrinkage)
        priors = None if self.priors is None else [float(p) for p in np.asarray(self.priors)]
        meta = {
            "parameters": {"covariance": str(self.covariance), "shrinkage": shrinkage, "priors": priors},
            "classes": labels_to_meta(self.classes_),
            "feature_names": [str(name) for name in getattr(self, "feature_names_in_", [])],
        }
        return {**arrays, "class_prior": self.class_prior_}, meta

    @classmethod
    def _from_state(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self:
        """Return the fitted estimator that a file holds.

        Raises:
            DamagedFileError: the arrays do not fit together.
        """
        estimator: Any = cls(**parameters_from_meta(cls, read_mapping(meta, "parameters")))
        estimator._check_parameters()
        estimator.classes_ = labels_from_meta(meta["classes"])
        estimator._model = _checked_model(arrays, len(estimator.classes_), estimator.covariance)
        estimator._class_prior(np.ones(len(estimator.classes_)))
        estimator.class_prior_ = arrays["class_prior"]
        estimator.n_features_in_ = len(estimator._model.center)
        names = read_feature_names(meta, estimator.n_features_in_)
        if names is not None:
            estimator.feature_names_in_ = names
        estimator._describe()
        return estimator


def _checked_model(arrays: Mapping[str, np.ndarray], classes: int, covariance: str) -> GaussianClasses:
    """Return the Gaussians of a file, or refuse arrays that no fit would have made."""
    try:
        model = GaussianClasses(**{name: arrays[name] for name in _PARTS})
        prior = arrays["class_prior"]
    except KeyError as error:
        raise DamagedFileError(f"the file of a GaussianBayes lacks the array {error}.") from None
    features, width = model.center.size, int(np.count_nonzero(model.active))
    shapes = {
        "full": (classes, width, width),
        "shared": (1, width, width),
        "diagonal": (classes, width),
    }
    fine = (
        model.active.dtype == bool
        and all(getattr(model, name).dtype == np.float64 for name in _PARTS if name != "active")
        and prior.dtype == np.float64
        and model.center.shape == model.scale.shape == model.active.shape == (features,)
        and model.means.shape == (classes, width)
        and model.factors.shape == shapes.get(covariance)
        and prior.shape == (classes,)
    )
    if not fine:
        raise DamagedFileError("the arrays of the file do not fit together as a GaussianBayes.")
    numbers = [getattr(model, name) for name in _PARTS if name != "active"]
    if not all(np.isfinite(part).all() for part in (*numbers, prior)):
        raise DamagedFileError("the arrays of a GaussianBayes hold values that are not finite.")
    if not (model.scale > 0).all():
        raise DamagedFileError("the scales of a GaussianBayes must be positive.")
    if not (prior >= 0).all() or not np.isclose(prior.sum(), 1.0, rtol=0, atol=1e-6):
        raise DamagedFileError("the class priors of a GaussianBayes do not sum to 1.")
    _check_factors(model.factors, covariance)
    return model


def _check_factors(factors: np.ndarray, covariance: str) -> None:
    """Refuse factors of covariances that no fit gives: not triangular, or not to be solved with."""
    sizes = factors if covariance == "diagonal" else np.diagonal(factors, axis1=-2, axis2=-1)
    triangular = covariance == "diagonal" or not np.triu(factors, 1).any()
    if not triangular or not (sizes > 0).all():
        raise DamagedFileError("the covariances of a GaussianBayes cannot be solved with.")
