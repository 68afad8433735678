"""What the functions of evidence ask of their arguments, each told once in a sentence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gorae.errors import InputError, InputTypeError, ParameterError, closest

__all__ = [
    "check_choice",
    "check_count",
    "check_level",
    "check_same_length",
    "class_codes",
    "finite_matrix",
    "finite_vector",
    "labels_vector",
    "probability_rows",
]


def finite_vector(name: str, values: Any, *, at_least: int = 1) -> np.ndarray:
    """Return values as a float64 vector, or say what is wrong with them.

    Args:
        name: What the message calls them.
        values: Anything that numpy can make one axis of numbers of.
        at_least: The smallest number of values that will do.

    Returns:
        The vector.

    Raises:
        InputTypeError: If they are no numbers.
        InputError: If they have another number of axes, are too few, or hold NaN or infinity.

    Example:
        >>> finite_vector("scores", [1, 2])
        array([1., 2.])
    """
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{name} must be one axis of numbers, but it came as {values!r:.80}.") from error
    if vector.ndim != 1:
        raise InputError(f"{name} must have one axis, but it came with shape {vector.shape}.")
    if len(vector) < at_least:
        raise InputError(f"{name} must hold at least {at_least} values, but it holds {len(vector)}.")
    if not np.isfinite(vector).all():
        place = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise InputError(f"{name} must be finite, but {name}[{place}] is {vector[place]}; remove that value.")
    return vector


def finite_matrix(name: str, values: Any, axes: str = "(rows, width)") -> np.ndarray:
    """Return values as a float64 matrix of at least one row and column, or say what is wrong with them.

    Raises:
        InputError: If they have another number of axes, none of one of them, or hold NaN or infinity.

    Example:
        >>> finite_matrix("features", [[1, 2]])
        array([[1., 2.]])
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise InputError(f"{name} must be {axes} with at least one of each, but its shape is {matrix.shape}.")
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise InputError(
            f"{name} must be finite, but row {row} is not; a diverged model has no features to compare."
        )
    return matrix


def labels_vector(name: str, values: Any) -> np.ndarray:
    """Return labels of any type as a vector of at least one, or say what is wrong with them."""
    labels = np.asarray(values)
    if labels.ndim != 1 or not len(labels):
        raise InputError(f"{name} must be one axis of at least one label, but it has shape {labels.shape}.")
    return labels


def probability_rows(values: Any) -> np.ndarray:
    """Return probabilities as float64 rows that sum to 1, or say what is wrong with them.

    Raises:
        InputError: If they are not (rows, classes) of at least 2 classes, or a row is no distribution.

    Example:
        >>> probability_rows([[0.25, 0.75]])
        array([[0.25, 0.75]])
    """
    stated = np.asarray(values, dtype=np.float64)
    if stated.ndim != 2 or stated.shape[1] < 2:
        raise InputError(
            f"probabilities must be (rows, classes), at least 2 classes, but their shape is {stated.shape}."
        )
    wrong = ~(np.abs(stated.sum(axis=1) - 1) <= 1e-3) | ~(stated >= 0).all(axis=1)
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"Each row of probabilities must be at least 0 and sum to 1, but row {place} is {stated[place]}."
        )
    # float32 rows sum to 1 only nearly, which scikit-learn would warn of.
    return stated / stated.sum(axis=1, keepdims=True)


def class_codes(name: str, values: Any, classes: int) -> np.ndarray:
    """Return class codes as a vector, or say which there may be.

    Raises:
        InputError: If there are none, or one of them is no whole number from 0 to classes - 1.

    Example:
        >>> class_codes("labels", [0, 2], 3)
        array([0, 2])
    """
    codes = labels_vector(name, values)
    if codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= classes:
        raise InputError(
            f"{name} must be class codes 0 to {classes - 1}, but they hold "
            f"{np.unique(codes)[:5].tolist()} ...; encode them first."
        )
    return codes


def check_same_length(**named: Any) -> None:
    """Raise InputError unless all named arrays that are given have the same number of rows."""
    lengths = {name: len(values) for name, values in named.items() if values is not None}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InputError(f"One value a row is needed in each of {', '.join(lengths)}, but {told}.")


def check_level(level: float) -> None:
    """Raise ParameterError unless a level lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise ParameterError(f"level must lie between 0 and 1, for example 0.95, but it is {level!r}.")


def check_count(name: str, value: int) -> None:
    """Raise ParameterError unless a count is a whole number of at least 1."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ParameterError(f"{name} must be a whole number of at least 1, but it is {value!r}.")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise ParameterError, with the near one where there is one, unless a value is among the choices."""
    if value not in choices:
        near = closest(value, choices) if isinstance(value, str) else None
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"{name} must be one of {', '.join(choices)}, but it is {value!r}.{hint}")
