"""What all network estimators share: from arrays to members, and from members to answers.

A class lists its parameters and says which recipe they make (`_recipe`); everything else is here.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from gorae.backend import select_devices
from gorae.errors import as_input_error
from gorae.estimators.fitting import fit_network
from gorae.estimators.learned import network_state, parameters_from_meta, restore_network
from gorae.estimators.population import Recipe, in_target_unit
from gorae.estimators.saving import Savable
from gorae.estimators.storage import DTYPES, stored_rows
from gorae.train import Asked, member_outputs


class NetworkEstimator(Savable, BaseEstimator):
    """The abstract base of every estimator that the population engine trains."""

    @abstractmethod
    def _recipe(self, inputs: int, outputs: int, rows: int) -> Recipe:
        """Return what the current parameters ask of the engine, all checked."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train `members` networks on all rows.

        Args:
            X: `(n, features)`, numbers; uint8 stays bytes until the batch.
            y: targets, one a row.
            sample_weight: one weight a row: weight k counts as k copies, weight 0 as removed.

        Returns:
            This estimator.

        Raises:
            InputError: when X or y cannot be used, or a parameter is out of its range.
            KeyboardInterrupt: after Ctrl-C when no member had finished an epoch; else the fit ends with the
                members as they are and a warning.
        """
        warm = bool(getattr(self, "warm_start", False)) and hasattr(self, "_members")
        fit_network(self, X, y, sample_weight, warm=warm, reset=not warm)
        return self

    @property
    def history_(self) -> list:
        """The history of each member: losses, scores and gradient norms, one entry an epoch."""
        check_is_fitted(self)
        return [member.history for member in self._members]

    def hidden_features(self, X: Any) -> np.ndarray:
        """Return the first member's last hidden layer, `(n, width)`: the space in which rows are compared."""
        check_is_fitted(self)
        return self._answers(X, features=True, members=self._members[:1])[0]

    def _answers(self, X: Any, *, features: bool = False, members: list | None = None) -> np.ndarray:
        """Return the outputs of each member, `(members, n, outputs)`, in the model's scale."""
        check_is_fitted(self)
        with as_input_error():
            X = validate_data(self, X, reset=False, dtype=DTYPES)
        matrix = stored_rows(X, self._anchor)
        members = self._members if members is None else members
        rows = np.arange(len(matrix))
        asked = [Asked(m.parameters, m.buffers, self._encoding, rows) for m in members]
        devices = select_devices(self.device)
        problem = self._recipe(*self._sizes).problem
        return np.stack(member_outputs(problem, matrix, asked, devices=devices, features=features))

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a file of this estimator holds."""
        return network_state(self)

    @classmethod
    def _from_state(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self:
        """Return the fitted estimator that a file holds."""
        estimator = cls(**parameters_from_meta(meta["parameters"]))
        restore_network(estimator, arrays, meta)
        return estimator


class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """The abstract base of network classifiers."""

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row: the largest mean output of the members."""
        scores = self._mean_scores(X)
        return self.classes_[np.argmax(scores, axis=1)]

    def _mean_scores(self, X: Any) -> np.ndarray:
        """Return what `predict` compares, `(n, classes)`: the members' mean probabilities."""
        return class_probabilities(self._answers(X)).mean(axis=0)


class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """The abstract base of network regressors."""

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of the members' predictions, `(n,)` or `(n, outputs)`."""
        return self.member_predictions_(X).mean(axis=0)

    def member_predictions_(self, X: Any) -> np.ndarray:
        """Return each member's predictions, `(members, n)` or `(members, n, outputs)`."""
        values = in_target_unit(self._answers(X), self._encoding)
        if self._target_anchor.any():
            values = values.astype(np.float64) + self._target_anchor
        return values[..., 0] if self._flat_target else values

    def __sklearn_tags__(self) -> Any:
        """Say that several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def class_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis, in float32."""
    return softmax(logits.astype(np.float32), axis=-1)


def one_margin(scores: np.ndarray) -> np.ndarray:
    """Return scores as scikit-learn's `decision_function` gives them: one column for two classes."""
    return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores
