"""Checks of constructor parameters, made when `fit` begins; each says what was wanted and what came."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from gorae.errors import ParameterError, as_input_error, closest

LARGEST_COUNT = 2**31 - 1
"""What whole numbers the engine can count to."""


def check_real(
    name: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> float:
    """Return a real parameter, or raise a ParameterError that says its range."""
    fine = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(float(value))
    if fine:
        number = float(value)
        fine = (low < number if open_low else low <= number) and (
            number < high if open_high else number <= high
        )
    if not fine:
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise ParameterError(f"{name} must be a number in {left}{low:g}, {high:g}{right}, got {value!r}.")
    return float(value)


def check_count(name: str, value: Any, low: int = 1) -> int:
    """Return a whole-number parameter, or raise a ParameterError."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= int(value) <= LARGEST_COUNT:
        raise ParameterError(f"{name} must be a whole number from {low} to {LARGEST_COUNT:,}, got {value!r}.")
    return int(value)


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """Return a parameter that is one of a few values, or raise a ParameterError that names the near one."""
    if not any(value is c or (isinstance(c, str) and value == c) for c in choices):
        near = closest(str(value), [c for c in choices if isinstance(c, str)])
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"{name} must be one of {list(choices)}, got {value!r}.{hint}")
    return value


def check_flag(name: str, value: Any) -> bool:
    """Return a parameter that is True or False, or raise a ParameterError."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def root_seed(random_state: Any) -> int:
    """Return the root seed of a fit: the integer itself, or one drawn from the given or global generator.

    Args:
        random_state: an integer, a `numpy.random.RandomState`, or None for numpy's global generator.

    Raises:
        ParameterError: for anything else.
    """
    if isinstance(random_state, Integral) and not isinstance(random_state, bool):
        if int(random_state) < 0:
            raise ParameterError(f"random_state must not be negative, got {random_state!r}.")
        return int(random_state) % (1 << 32)
    with as_input_error():
        generator = check_random_state(random_state)
    return int(generator.randint(1 << 31))
