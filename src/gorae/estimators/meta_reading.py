"""Reading what a file says, when it may say anything: values are taken only in the right type and range."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.errors import DamagedFileError


def read_count(meta: Mapping[str, Any], name: str, *, low: int = 0, high: int) -> int:
    """Return a whole number between two bounds."""
    return checked_count(meta.get(name), name, low, high)


def checked_count(value: Any, name: str, low: int, high: int) -> int:
    """Return a value that is a whole number between two bounds, bounds included."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise DamagedFileError(f"{name} must be a whole number from {low} to {high}, got {value!r:.80}.")
    return value


def read_flag(meta: Mapping[str, Any], name: str) -> bool:
    """Return a truth value."""
    value = meta.get(name)
    if not isinstance(value, bool):
        raise DamagedFileError(f"{name} must be true or false, got {value!r:.80}.")
    return value


def read_text(meta: Mapping[str, Any], name: str) -> str:
    """Return a text."""
    value = meta.get(name)
    if not isinstance(value, str):
        raise DamagedFileError(f"{name} must be a text, got {value!r:.80}.")
    return value


def read_list(meta: Mapping[str, Any], name: str, *, most: int) -> list[Any]:
    """Return a list that is not too long."""
    value = meta.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise DamagedFileError(f"{name} must be a list of at most {most} values, got {value!r:.80}.")
    return value


def read_feature_names(meta: Mapping[str, Any], features: int) -> np.ndarray | None:
    """Return the names of the columns as scikit-learn keeps them, or None where they had none."""
    names = read_list(meta, "feature_names", most=features)
    if not names:
        return None
    if len(names) != features or not all(isinstance(name, str) for name in names):
        raise DamagedFileError(f"feature_names must be {features} texts.")
    return np.array(names, dtype=object)


def read_mapping(meta: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object of JSON."""
    value = meta.get(name)
    if not isinstance(value, Mapping):
        raise DamagedFileError(f"{name} must be an object, got {value!r:.80}.")
    return value


def read_array(
    arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...], dtype: Any = np.float32
) -> np.ndarray:
    """Return an array of this shape and type whose values are all finite."""
    array = arrays.get(name)
    if array is None or array.shape != shape or array.dtype != dtype:
        found = "none" if array is None else f"{array.dtype} of shape {array.shape}"
        raise DamagedFileError(f"array {name!r} must be {np.dtype(dtype)} of shape {shape}, got {found}.")
    if not np.isfinite(array).all():
        raise DamagedFileError(f"array {name!r} holds values that are not finite.")
    return array
