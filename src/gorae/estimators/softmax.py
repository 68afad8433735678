"""What classifiers share whose outputs are logits: probabilities of each member, and their mean."""

from typing import Any

import numpy as np
from jaxtyping import Float32

from gorae.estimators.network import NetworkClassifier, class_probabilities, log_probabilities


class SoftmaxClassifier(NetworkClassifier):
    """The abstract base of network classifiers that are trained on the cross-entropy."""

    def predict_proba(self, X: Any) -> Float32[np.ndarray, "rows classes"]:
        """Return the mean of the members' class probabilities, `(n, classes)` float32."""
        return self.member_proba_(X).mean(axis=0)

    def predict_log_proba(self, X: Any) -> Float32[np.ndarray, "rows classes"]:
        """Return the logarithm of `predict_proba`."""
        return log_probabilities(self.predict_proba(X))

    def member_proba_(self, X: Any) -> Float32[np.ndarray, "members rows classes"]:
        """Return each member's class probabilities, `(members, n, classes)` float32."""
        return class_probabilities(self._answers(X))

    def _mean_scores(self, X: Any) -> Float32[np.ndarray, "rows classes"]:
        """Return the mean probabilities: what `predict_proba` and `predict` agree on."""
        return self.predict_proba(X)
