"""How models are scored along a curve, and the error that a score stands for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.base import is_classifier
from sklearn.metrics import get_scorer

from gorae.errors import ParameterError, closest
from gorae.evidence import METRICS, higher_is_better, row_losses
from gorae.evidence.metrics import mean_loss
from gorae.trust.answers import stated

_NAMES = {
    "neg_log_loss": "log_loss",
    "neg_root_mean_squared_error": "rmse",
}
_LEAST = 1e-7


@dataclass(frozen=True)
class Scoring:
    """A score, and the error behind it: what falls towards a floor the more rows are learned from.

    Attributes:
        metric: its name; one of `gorae.evidence.METRICS` where it is a mean over rows.
        scorer: scikit-learn's, for any other score; None for a mean over rows.
        variance: of the targets, which R² divides by; 1 for other scores.
    """

    metric: str
    scorer: Any = None
    variance: float = 1.0

    def losses(
        self, model: Any, X: Any, y: np.ndarray, classes: np.ndarray | None
    ) -> Float[np.ndarray, " rows"]:
        """Return each row's loss by a fitted model."""
        if self.metric == "log_loss":
            assert classes is not None
            shares = np.clip(stated(model, X, classes), _LEAST, 1.0)
            return row_losses("log_loss", np.searchsorted(classes, y), shares)
        return row_losses(self.metric, y, np.asarray(model.predict(X)).reshape(y.shape))

    def score(self, error: Any) -> Any:
        """Return the score that an error stands for."""
        if self.metric == "rmse":
            return np.sqrt(np.maximum(error, 0.0))
        if self.metric == "log_loss":
            return error
        return -error if self._is_negative else 1.0 - error

    def error(self, score: Any) -> Any:
        """Return the error that a score stands for: 1 - accuracy, 1 - R², the square of RMSE, a loss."""
        if self.metric in METRICS:
            return mean_loss(self.metric, score, self.variance) / self.variance
        return -score if self._is_negative else 1.0 - score

    @property
    def is_share(self) -> bool:
        """Whether the score is at best 1."""
        return self.metric in ("accuracy", "r2") or (self.scorer is not None and not self._is_negative)

    @property
    def greater_is_better(self) -> bool:
        """Whether a larger score is a better one."""
        return higher_is_better(self.metric) if self.metric in METRICS else True

    @property
    def _is_negative(self) -> bool:
        """Whether the score is the negative of a loss."""
        return self.scorer is not None and getattr(self.scorer, "_sign", 1) < 0

    def fold_score(
        self, model: Any, X: Any, y: np.ndarray, classes: np.ndarray | None
    ) -> tuple[float, np.ndarray | None]:
        """Return a model's score on rows and, for a mean over rows, the losses of the rows.

        R² is 1 less the mean squared error over the variance of all targets, so that folds can be averaged.
        """
        if self.scorer is None:
            losses = self.losses(model, X, y, classes)
            return float(self.score(losses.mean() / self.variance)), losses
        score = float(self.scorer(model, X, y))
        if self.is_share and score > 1:
            raise ParameterError(
                f"a learning curve is fitted to an error that falls, so the score {self.metric} must be at "
                f"most 1 or the negative of a loss, but it is {score:.4g}."
            )
        return score, None


def scoring_of(scoring: Any, estimator: Any, y: np.ndarray) -> Scoring:
    """Return how models are scored.

    Args:
        scoring: None for accuracy or R²; "accuracy", "log_loss", "r2" or "rmse"; the name of a scorer of
            scikit-learn, or a scorer.
        estimator: the model: what it is for.
        y: the targets.

    Raises:
        ParameterError: for a name that is none, or a score that is not for this kind of model.
    """
    classify = is_classifier(estimator)
    own = ("accuracy", "log_loss") if classify else ("r2", "rmse")
    name = own[0] if scoring is None else scoring
    name = _NAMES.get(name, name) if isinstance(name, str) else name
    if isinstance(name, str) and name in METRICS:
        if name not in own:
            kind = "classes" if classify else "values"
            raise ParameterError(f"scoring must be a score of {kind}, such as {own[0]!r}, got {name!r}.")
        variance = float(np.var(y)) if name == "r2" else 1.0
        if variance == 0:
            raise ParameterError("R² is not defined where all targets are equal; take scoring='rmse'.")
        return Scoring(name, None, variance)
    if isinstance(name, str):
        try:
            return Scoring(name, get_scorer(name))
        except ValueError:
            near = closest(name, [*METRICS, "balanced_accuracy", "f1_macro", "roc_auc", "roc_auc_ovr"])
            hint = f" Did you mean {near!r}?" if near else ""
            raise ParameterError(
                f"scoring must be one of {', '.join(own)}, a scorer of scikit-learn or its name, got "
                f"{name!r}.{hint}"
            ) from None
    if not callable(name):
        raise ParameterError(
            f"scoring must be one of {', '.join(own)}, a scorer of scikit-learn or its name, got "
            f"{name!r:.60}."
        )
    return Scoring(getattr(name, "__name__", "score"), name)
