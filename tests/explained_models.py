"""Models whose formulas are known, for the tests of explanations."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class Formula(RegressorMixin, BaseEstimator):
    """Predicts what a function of the rows says, and counts how often it is asked."""

    def __init__(self, function=None):
        self.function = function
        self.calls = 0

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        """Return the function's values."""
        self.calls += 1
        return self.function(np.asarray(X, float))


class Odds(ClassifierMixin, BaseEstimator):
    """Two classes, "no" and "yes", whose log-odds a function of the rows gives."""

    def __init__(self, function=None):
        self.function = function
        self.classes_ = np.array(["no", "yes"])

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def predict_proba(self, X):
        """Return both probabilities."""
        yes = 1 / (1 + np.exp(-self.function(np.asarray(X, float))))
        return np.stack([1 - yes, yes], axis=1)

    def predict(self, X):
        """Return the more probable class."""
        return self.classes_[(self.function(np.asarray(X, float)) > 0).astype(int)]
