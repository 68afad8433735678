"""What is to be predicted, as the user gives it: class labels, or values."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from gorae.data import check_classes, encode_known_labels, encode_labels, guess_task
from gorae.errors import DataError, ParameterError
from gorae.estimators.storage import LARGEST, SMALLEST


@dataclass(frozen=True)
class Outcomes:
    """Targets, one a row.

    Args:
        targets: class codes `(n,)` int32, or values `(n, 1)` float64.
        classes: class labels, or None for regression.
    """

    targets: np.ndarray
    classes: np.ndarray | None

    @property
    def count(self) -> int:
        """Number of classes, 0 for regression."""
        return 0 if self.classes is None else len(self.classes)

    @property
    def strata(self) -> np.ndarray:
        """What folds are made from, one a row: class codes, or values."""
        return self.targets if self.classes is not None else self.targets[:, 0]


def read_outcomes(y: Any, task: str | None) -> Outcomes:
    """Return targets as codes with the class labels, or as a column of values.

    Args:
        y: a list, an array, or a series of any library.
        task: "classification", "regression", or None to tell from the values.

    Raises:
        DataError: when they cannot be learned from.
        ParameterError: when the task is none.

    Example:
        >>> read_outcomes(["b", "a", "b"] * 2, None).targets.tolist()
        [1, 0, 1, 1, 0, 1]
    """
    values = row_values(y, "targets")
    if task is None:
        task = guess_task(values)
    if not isinstance(task, str):
        raise ParameterError(f"task must be 'classification', 'regression' or None, got {task!r}.")
    if task == "regression":
        numbers = _numbers(values)
        if np.ptp(numbers) == 0:
            raise DataError(f"every target is {numbers[0]:g}: there is nothing to predict.")
        if np.abs(numbers).max() < SMALLEST:
            raise DataError(
                f"every target is below {SMALLEST:g} in size, which float32 cannot tell apart; give them in "
                "a smaller unit."
            )
        return Outcomes(numbers[:, None], None)
    if task != "classification":
        raise ParameterError(f"task must be 'classification', 'regression' or None, got {task!r}.")
    codes, classes = encode_labels(values)
    check_classes(codes, classes, 2)
    return Outcomes(codes, classes)


def known_outcomes(y: Any, outcomes: Outcomes) -> np.ndarray:
    """Return the targets of further rows in the form of the first.

    Raises:
        DataError: when a label is none of the classes, or a value is no finite number.
    """
    values = row_values(y, "test targets")
    if outcomes.classes is not None:
        return encode_known_labels(values, outcomes.classes)
    return _numbers(values)[:, None]


def row_values(values: Any, what: str) -> np.ndarray:
    """Return values, one a row, as an array of one dimension.

    Raises:
        DataError: when they have several columns.
    """
    if nw.dependencies.is_into_series(values):
        values = nw.from_native(values, series_only=True).to_numpy()
    elif nw.dependencies.is_into_dataframe(values):
        values = nw.from_native(values, eager_only=True).to_numpy()
    elif isinstance(values, list | tuple) and any(isinstance(value, str) for value in values):
        values = np.array(values, dtype=object)  # numpy would turn 1 and None beside a text into texts
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{what} must have one dimension, one a row, got shape {array.shape}.")
    return array


def _is_number(value: Any) -> bool:
    """Return whether a value can be read as a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _numbers(values: np.ndarray) -> np.ndarray:
    """Return targets of a regression as float64."""
    missing = (
        [row for row, value in enumerate(values.tolist()) if value is None] if values.dtype == object else []
    )
    if missing:
        raise DataError(f"the target of row {missing[0]} (from 0) is missing; leave such rows out first.")
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        row, value = next((i, v) for i, v in enumerate(values.tolist()) if not _is_number(v))
        raise DataError(
            f"regression needs numbers as targets, but row {row} (from 0) has {value!r}; use "
            "task='classification' (--task classification) for labels."
        ) from None
    wrong = np.flatnonzero(~(np.abs(numbers) <= LARGEST))
    if len(wrong):
        raise DataError(
            f"the target of row {wrong[0]} (from 0) is {numbers[wrong[0]]:g}; targets must be finite and at "
            f"most {LARGEST:g} in size, leave such rows out first."
        )
    return numbers
