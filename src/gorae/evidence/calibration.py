"""Do the stated probabilities come true?

Letters of shapes: ``rows``; ``classes``; ``bins``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import log_loss

from gorae.evidence.checks import check_choice, check_count, check_same_length, class_codes, probability_rows
from gorae.evidence.proportion import wilson

__all__ = ["Reliability", "reliability"]

STRATEGIES = ("uniform", "quantile")


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram in numbers, with three summaries. Bins without rows are left out.

    Attributes:
        edges: (all bins + 1,) bounds of the bins of confidence, the empty ones included.
        confidence: (bins,) mean stated probability of the predicted class.
        accuracy: (bins,) share of rows where the predicted class was right.
        low: (bins,) lower bound of that share.
        high: (bins,) upper bound of it.
        count: (bins,) rows.
        expected_error: Expected calibration error: mean over the rows of |accuracy - confidence| of their
            bin.
        expected_error_by_chance: What a perfectly calibrated model would show on this many rows.
        brier: Mean over rows of the squared distance between probabilities and truth: summed over the classes
            where there are three or more (0 to 2), half of that sum where there are two, which is the squared
            error of one class's probability (0 to 1). So does scikit-learn's ``brier_score_loss``.
        log_loss: Mean over rows of minus the logarithm of the probability given to the true class.
        level: Of the bins' intervals.
    """

    edges: Float[np.ndarray, " edges"]
    confidence: Float[np.ndarray, " bins"]
    accuracy: Float[np.ndarray, " bins"]
    low: Float[np.ndarray, " bins"]
    high: Float[np.ndarray, " bins"]
    count: Int[np.ndarray, " bins"]
    expected_error: float
    expected_error_by_chance: float
    brier: float
    log_loss: float
    level: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }


def reliability(
    probabilities: Any, labels: Any, *, bins: int = 10, strategy: str = "uniform", level: float = 0.95
) -> Reliability:
    """Compare the stated probability of the predicted class with how often it was right.

    Rows are binned by the probability of the predicted class. The expected calibration error is positive even
    for a perfect model, because shares of few rows scatter; sqrt(2 / pi) times the standard deviation of each
    bin's share says by how much.

    Args:
        probabilities: (rows, classes) each row summing to 1.
        labels: (rows,) codes of the true classes, 0 ... classes - 1.
        bins: Number of bins.
        strategy: "uniform": bins of equal width; "quantile": of equally many rows, as far as ties allow.
        level: Of the bins' intervals.

    Returns:
        The diagram and its summaries.

    Raises:
        InputError: If lengths differ, rows do not sum to 1, or a code has no column.
        ParameterError: If ``bins``, ``strategy`` or ``level`` is out of its range.

    Example:
        >>> import numpy as np
        >>> stated = np.array([[0.75, 0.25]] * 4)
        >>> found = reliability(stated, [0, 0, 0, 1])
        >>> print(found.confidence, found.accuracy, found.expected_error, found.brier)
        [0.75] [0.75] 0.0 0.1875

    References:
        Guo, Pleiss, Sun, Weinberger (2017), "On calibration of modern neural networks", section 2.
        Bröcker, Smith (2007), "Increasing the reliability of reliability diagrams".
        Brier (1950), "Verification of forecasts expressed in terms of probability", equation 2.
    """
    check_count("bins", bins)
    check_choice("strategy", strategy, STRATEGIES)
    stated, codes = _checked(probabilities, labels)
    confidence = stated.max(axis=1)
    right = (stated.argmax(axis=1) == codes).astype(np.float64)
    if strategy == "uniform":
        edges = np.linspace(0.0, 1.0, bins + 1)
    else:
        edges = np.unique(np.quantile(confidence, np.linspace(0.0, 1.0, bins + 1)))
    # A confidence on an edge belongs to the bin below it, as in scikit-learn's calibration_curve.
    place = np.searchsorted(edges[1:-1], confidence)
    count = np.bincount(place, minlength=max(len(edges) - 1, 1))
    held = count > 0
    count = count[held]
    stated_mean = np.bincount(place, weights=confidence)[held[: place.max() + 1]] / count
    successes = np.bincount(place, weights=right)[held[: place.max() + 1]]
    low, high = wilson(successes, count, level=level)
    scatter = np.sqrt(2 / np.pi * stated_mean * (1 - stated_mean) / count)
    classes = np.arange(stated.shape[1])
    return Reliability(
        edges=edges,
        confidence=stated_mean,
        accuracy=successes / count,
        low=low,
        high=high,
        count=count,
        expected_error=float(np.average(np.abs(successes / count - stated_mean), weights=count)),
        expected_error_by_chance=float(np.average(scatter, weights=count)),
        brier=_brier(stated, codes),
        log_loss=float(log_loss(codes, stated, labels=classes)),
        level=level,
    )


def _brier(stated: np.ndarray, codes: np.ndarray) -> float:
    """Return the Brier score, halved for two classes, whose squared errors are equal: count them once."""
    squares = np.sum((stated - np.eye(stated.shape[1])[codes]) ** 2, axis=1)
    return float(squares.mean()) / (2 if stated.shape[1] == 2 else 1)


def _checked(probabilities: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    stated = probability_rows(probabilities)
    codes = class_codes("labels", labels, stated.shape[1])
    check_same_length(probabilities=stated, labels=codes)
    return stated, codes
