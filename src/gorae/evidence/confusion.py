"""Which classes are taken for which.

Letters of shapes: ``classes``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import confusion_matrix

from gorae.errors import InputError
from gorae.evidence.checks import check_same_length, labels_vector
from gorae.evidence.proportion import wilson

__all__ = ["Confusion", "confusion"]


@dataclass(frozen=True)
class Confusion:
    """Counts of true against predicted classes. A share of no rows is NaN, with bounds 0 and 1.

    Attributes:
        classes: Labels, in the order of rows and columns.
        counts: (classes, classes) rows of a true class (first axis) predicted as a class (second axis).
        normalised: (classes, classes) each row of counts as shares of the true class.
        recall: (classes,) share of the rows of a class that were found.
        recall_low: Its lower bound.
        recall_high: Its upper bound.
        precision: (classes,) share of right ones among the rows predicted as a class.
        precision_low: Its lower bound.
        precision_high: Its upper bound.
        level: Of the bounds.
    """

    classes: np.ndarray
    counts: Int[np.ndarray, "classes classes"]
    normalised: Float[np.ndarray, "classes classes"]
    recall: Float[np.ndarray, " classes"]
    recall_low: Float[np.ndarray, " classes"]
    recall_high: Float[np.ndarray, " classes"]
    precision: Float[np.ndarray, " classes"]
    precision_low: Float[np.ndarray, " classes"]
    precision_high: Float[np.ndarray, " classes"]
    level: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of lists; a share of no rows is None, as JSON knows no NaN."""
        return {name: _plain(value) for name, value in vars(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(part) for part in value.tolist()]
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def confusion(truth: Any, predicted: Any, *, classes: Any = None, level: float = 0.95) -> Confusion:
    """Count true against predicted classes, with recall and precision of each class and Wilson's intervals.

    Args:
        truth: (rows,) true labels.
        predicted: (rows,) predicted labels.
        classes: The labels in the order wanted; None: all that occur, sorted.
        level: Of the intervals.

    Returns:
        The counts and shares.

    Raises:
        InputError: If the lengths differ or a label is not among the classes.
        ParameterError: If the level is not between 0 and 1.

    Example:
        >>> found = confusion(["cat", "cat", "dog", "dog"], ["cat", "dog", "dog", "dog"])
        >>> found.counts.tolist(), found.recall.tolist()
        ([[1, 1], [0, 2]], [0.5, 1.0])
    """
    truth, predicted = labels_vector("truth", truth), labels_vector("predicted", predicted)
    check_same_length(truth=truth, predicted=predicted)
    seen = np.union1d(truth, predicted)
    classes = seen if classes is None else labels_vector("classes", classes)
    unknown = np.setdiff1d(seen, classes)
    if len(unknown):
        raise InputError(
            f"Every label must be among the classes {classes.tolist()}, but {unknown.tolist()[0]!r} is not."
        )
    counts = confusion_matrix(truth, predicted, labels=classes)
    right, of_class, as_class = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    recall_low, recall_high = wilson(right, of_class, level=level)
    precision_low, precision_high = wilson(right, as_class, level=level)
    return Confusion(
        classes=classes,
        counts=counts,
        normalised=_shares(counts, of_class[:, None]),
        recall=_shares(right, of_class),
        recall_low=recall_low,
        recall_high=recall_high,
        precision=_shares(right, as_class),
        precision_low=precision_low,
        precision_high=precision_high,
        level=level,
    )


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
