"""Spaces of settings: dictionaries from a parameter's name to a list of values or a distribution."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gorae.errors import ParameterError, closest

Space = Mapping[str, Any]
Setting = dict[str, Any]


def checked_spaces(space: Any, known: Iterable[str]) -> list[dict[str, Any]]:
    """Return a space as a list of dictionaries; a list stands for a conditional space, one part each.

    Args:
        space: a dictionary, or a list of dictionaries; a value is a list, an array, or anything with an `rvs`
            method (every frozen distribution of `scipy.stats`).
        known: the names of the parameters that there are.

    Raises:
        ParameterError: naming the parameter that is unknown (and the near one), or has no values.

    Example:
        >>> checked_spaces({"k": range(1, 3)}, ["k"])
        [{'k': [1, 2]}]
    """
    parts = [space] if isinstance(space, Mapping) else space
    if isinstance(parts, str) or not isinstance(parts, Sequence) or not parts:
        raise ParameterError(f"space must be a dictionary or a list of dictionaries, got {space!r:.80}.")
    known = list(known)
    return [{name: _values(name, value, known) for name, value in _as_mapping(p).items()} for p in parts]


def is_finite(spaces: Sequence[Space]) -> bool:
    """Return whether every parameter has a list of values, so that all settings can be written down."""
    return not any(is_distribution(value) for part in spaces for value in part.values())


def is_distribution(value: Any) -> bool:
    """Return whether values are drawn, not listed."""
    return hasattr(value, "rvs")


def plain_setting(setting: Mapping[str, Any]) -> Setting:
    """Return a setting with Python's own numbers and texts in place of numpy's.

    Example:
        >>> plain_setting({"k": np.int64(3), "p": np.float32(0.5)})
        {'k': 3, 'p': 0.5}
    """
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in setting.items()}


def _as_mapping(part: Any) -> Mapping[str, Any]:
    """Return one part of a space.

    Raises:
        ParameterError: when it is no dictionary.
    """
    if not isinstance(part, Mapping):
        raise ParameterError(f"each part of space must be a dictionary, got {part!r:.80}.")
    return part


def _values(name: str, value: Any, known: Sequence[str]) -> Any:
    """Return the values of one parameter as a list, or its distribution."""
    if name not in known:
        near = closest(str(name), known)
        hint = f"Did you mean {near!r}?" if near else f"It has {', '.join(known)}."
        raise ParameterError(f"space names {name!r}, which is no parameter of the estimator. {hint}")
    if is_distribution(value):
        return value
    scalar = isinstance(value, np.ndarray) and value.ndim == 0
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable) or scalar:
        raise ParameterError(
            f"space[{name!r}] must be a list of values or a distribution of scipy.stats, got {value!r:.80}; "
            f"write [{value!r:.20}] for a single value."
        )
    values = list(value)
    if not values:
        raise ParameterError(f"space[{name!r}] is empty; give at least one value.")
    return values
