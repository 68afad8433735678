"""The rows a model found hardest."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gorae.evidence.checks import check_count, check_same_length, finite_vector, labels_vector

__all__ = ["HardRow", "hardest"]


@dataclass(frozen=True)
class HardRow:
    """One row and what a model that was not trained on it made of it.

    Attributes:
        row: Its number.
        truth: What is true.
        prediction: What the model said.
        probability: What the model gave to its prediction; None where it gives none.
        loss: The loss of the row.
    """

    row: int
    truth: Any
    prediction: Any
    probability: float | None
    loss: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return asdict(self)


def hardest(
    losses: Any, truth: Any, predictions: Any, *, probability: Any = None, count: int = 24
) -> tuple[HardRow, ...]:
    """Return the rows with the largest out-of-fold losses, the hardest first, equal ones in their order.

    A row with a large loss is hard, or its label is wrong: both are worth a look.

    Args:
        losses: (rows,) loss of each row by a model that was not trained on it.
        truth: (rows,) labels or numbers.
        predictions: (rows,) what the model said.
        probability: (rows,) probability the model gave to its prediction, where it gives one.
        count: How many rows; fewer come where there are fewer.

    Returns:
        The rows.

    Raises:
        InputError: If lengths differ or a loss or probability is not finite.
        ParameterError: If the count is not a whole number of at least 1.

    Example:
        >>> for row in hardest([0.1, 2.3, 0.7], ["a", "b", "a"], ["a", "a", "a"], count=2):
        ...     print(row.row, row.truth, row.prediction, row.loss)
        1 b a 2.3
        2 a a 0.7
    """
    check_count("count", count)
    losses = finite_vector("losses", losses)
    truth, predictions = labels_vector("truth", truth), labels_vector("predictions", predictions)
    given = None if probability is None else finite_vector("probability", probability)
    check_same_length(losses=losses, truth=truth, predictions=predictions, probability=given)
    order = np.argsort(-losses, kind="stable")[:count]
    labels, said = truth[order].tolist(), predictions[order].tolist()
    stated = [None] * len(order) if given is None else given[order].tolist()
    return tuple(
        HardRow(int(row), label, answer, chance, float(losses[row]))
        for row, label, answer, chance in zip(order, labels, said, stated, strict=True)
    )
