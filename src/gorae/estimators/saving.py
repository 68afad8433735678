"""Saving fitted estimators to the safe container, and loading them from it without running code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from jaxtyping import Shaped
from sklearn.utils.validation import check_is_fitted

from gorae.errors import DamagedFileError, InputError, as_input_error
from gorae.files import write_container

KIND = "estimator"
"""What a container with a fitted estimator says it is."""

_INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
_KINDS: dict[str, Any] = {
    "text": str,
    "object": (bool, int, float, str),
    "bool": bool,
    **dict.fromkeys(_INTEGERS, int),
    **dict.fromkeys(["float16", "float32", "float64"], (int, float)),
}
_MOST_LABEL_BYTES = 1 << 28


@runtime_checkable
class Stateful(Protocol):
    """What an estimator gives to be saved: its arrays, and all the rest as JSON."""

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]: ...

    @classmethod
    def _from_state(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self: ...


class Savable:
    """Gives an estimator `save`; the class itself says what its state is (`_state`, `_from_state`)."""

    def save(self, path: str | Path, *, force: bool = True) -> None:
        """Write the fitted estimator to a file that loads without running code.

        The file is a safetensors container with a SHA-256 over all of it; it is replaced atomically. Pickle
        works too, for joblib's sake, but a pickle runs code when it is loaded: give away this file instead.

        Args:
            path: the file; `.gorae` is the usual extension.
            force: whether an existing file may be replaced.

        Raises:
            NotFittedError: before `fit`.
            InputError: when class labels are of a type that no file holds.
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written; an old file is then intact.
        """
        arrays, meta = fitted_state(self)
        write_container(path, arrays, meta, kind=KIND, force=force)


def fitted_state(estimator: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return arrays and JSON of a fitted estimator, with the name of its class.

    Raises:
        NotFittedError: before `fit`.
    """
    with as_input_error():
        check_is_fitted(estimator)
    arrays, meta = estimator._state()
    return arrays, {"class": type(estimator).__name__, **meta}


def labels_to_meta(labels: Shaped[np.ndarray, " classes"]) -> dict[str, Any]:
    """Return class labels as JSON: their kind and their values.

    Raises:
        InputError: when a label is none that JSON can hold (a date, bytes).

    Example:
        >>> labels_to_meta(np.array(["ant", "cat"]))
        {'kind': 'text', 'values': ['ant', 'cat']}
    """
    kind = {"U": "text", "O": "object"}.get(labels.dtype.kind, labels.dtype.name)
    values = labels.tolist()
    wrong = [value for value in values if not isinstance(value, bool | int | float | str)]
    if wrong or kind not in _KINDS:
        told = wrong[0] if wrong else labels[0]
        raise InputError(
            f"class labels must be strings, numbers or truth values to be saved, got {told!r}; train with "
            "labels of these types."
        )
    return {"kind": kind, "values": values}


def labels_from_meta(meta: Mapping[str, Any]) -> Shaped[np.ndarray, " classes"]:
    """Return class labels from JSON.

    Raises:
        DamagedFileError: when they are none that `labels_to_meta` gives.

    Example:
        >>> labels_from_meta({"kind": "int64", "values": [3, 5]})
        array([3, 5])
    """
    kind, values = meta.get("kind"), meta.get("values")
    if not isinstance(kind, str) or kind not in _KINDS or not isinstance(values, list) or not values:
        raise DamagedFileError(f"class labels of the unknown kind {kind!r:.80}, or none at all.")
    if not all(isinstance(value, _KINDS[kind]) for value in values):
        raise DamagedFileError(f"a class label is not of the kind {kind!r} that all should be of.")
    if kind == "text" and 4 * len(values) * max(map(len, values)) > _MOST_LABEL_BYTES:
        raise DamagedFileError("the class labels are too long for so many of them.")
    try:
        labels = np.array(values, dtype={"text": np.str_, "object": object}.get(kind, kind))
        known = np.unique(labels)
    except OverflowError as error:
        raise DamagedFileError(f"a class label does not fit into {kind}.") from error
    except TypeError as error:
        raise DamagedFileError("the class labels are of types that have no order.") from error
    if not np.array_equal(known, labels):  # never equal where one is NaN
        raise DamagedFileError("the class labels must be distinct and sorted.")
    return labels
