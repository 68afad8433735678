"""Saving fitted estimators to the safe container, and loading them from it without running code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

import gorae.errors as errors
from gorae.files import write_container

KIND = "estimator"


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
    if not hasattr(estimator, "n_features_in_"):
        raise errors.NotFittedError(
            f"this {type(estimator).__name__} is not fitted yet; call fit before save."
        )
    arrays, meta = estimator._state()
    return arrays, {"class": type(estimator).__name__, **meta}


def labels_to_meta(labels: np.ndarray) -> dict[str, Any]:
    """Return class labels as JSON: their kind and their values."""
    kind = labels.dtype.kind
    if kind == "b":
        return {"kind": "bool", "values": [bool(v) for v in labels]}
    if kind in "iu":
        return {"kind": labels.dtype.name, "values": [int(v) for v in labels]}
    if kind == "f":
        return {"kind": labels.dtype.name, "values": [float(v) for v in labels]}
    return {"kind": "object" if kind == "O" else "text", "values": [str(v) for v in labels]}


def labels_from_meta(meta: Mapping[str, Any]) -> np.ndarray:
    """Return class labels from JSON.

    Raises:
        DamagedFileError: when the kind is none that is written.
    """
    kind, values = meta["kind"], meta["values"]
    if kind == "text":
        return np.array(values, dtype=str)
    if kind == "object":
        return np.array(values, dtype=object)
    if kind == "bool" or np.dtype(kind).kind in "iuf":
        return np.array(values, dtype=kind)
    raise errors.DamagedFileError(f"class labels of the unknown kind {kind!r}; the file is not gorae's.")
