"""Checks of constructor parameters, made when `fit` begins; each says what was wanted and what came."""

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from gorae.backend import Message, from_first
from gorae.errors import ParameterError, as_input_error, closest

LARGEST_COUNT = 2**31 - 1
"""What whole numbers the engine can count to."""

_LARGEST_SEED = 2**32 - 1
_LONGEST = 60


def check_real(
    name: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> float:
    """Return a real parameter, or raise a ParameterError that says its range."""
    number = _as_float(value)
    fine = (low < number if open_low else low <= number) and (number < high if open_high else number <= high)
    if not fine:
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise ParameterError(
            f"{name} must be a number in {left}{low:g}, {high:g}{right}, got {briefly(value)}."
        )
    return number


def briefly(value: Any) -> str:
    """Return how a value is written, cut where it is long.

    Example:
        >>> briefly("x" * 100)
        "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    try:
        text = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        return "a number of thousands of digits"
    return " ".join(text.split()) if len(text) <= _LONGEST else " ".join(text[: _LONGEST - 1].split()) + "..."


def _as_float(value: Any) -> float:
    """Return a real number, or NaN where a value is none (truth values are none here)."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def check_count(name: str, value: Any, low: int = 1) -> int:
    """Return a whole-number parameter, or raise a ParameterError."""
    if not isinstance(value, Integral) or isinstance(value, bool) or not low <= int(value) <= LARGEST_COUNT:
        raise ParameterError(
            f"{name} must be a whole number from {low} to {LARGEST_COUNT:,}, got {briefly(value)}."
        )
    return int(value)


def check_levels(levels: Any) -> tuple[float, ...]:
    """Return levels of quantiles, or raise a ParameterError.

    Args:
        levels: increasing numbers between 0 and 1, or one of them.

    Example:
        >>> check_levels([0.1, 0.5, 0.9])
        (0.1, 0.5, 0.9)
    """
    given = [levels] if isinstance(levels, Real) else levels
    if isinstance(given, np.ndarray) and given.ndim:
        given = given.tolist()
    if isinstance(given, str | bytes) or not isinstance(given, Sequence) or not len(given):
        raise ParameterError(
            f"levels must be numbers between 0 and 1, such as (0.05, 0.5, 0.95), got {briefly(levels)}."
        )
    found = tuple(_as_float(level) for level in given)
    with np.errstate(under="ignore", over="ignore"):
        wrong = [given[i] for i, level in enumerate(found) if not 0 < np.float32(level) < 1]
    if wrong:
        raise ParameterError(f"every level must lie between 0 and 1, got {briefly(wrong[0])}.")
    for before, after in pairwise(found):
        if after <= before:
            why = "twice" if after == before else f"after {before:g}"
            raise ParameterError(
                f"levels must increase, but {after:g} comes {why}; give {sorted(set(found))}."
            )
    return found


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """Return a parameter that is one of a few values, or raise a ParameterError that names the near one."""
    if not any(value is c or (isinstance(c, str) and isinstance(value, str) and value == c) for c in choices):
        near = closest(str(value), [c for c in choices if isinstance(c, str)])
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"{name} must be one of {list(choices)}, got {briefly(value)}.{hint}")
    return value


def check_flag(name: str, value: Any) -> bool:
    """Return a parameter that is True or False, or raise a ParameterError."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name} must be True or False, got {briefly(value)}.")
    return bool(value)


def root_seed(random_state: Any) -> int:
    """Return the root seed of a fit: the integer itself, or one drawn, the same in all processes of a run.

    Args:
        random_state: as `drawn_seed` takes it.

    Raises:
        ParameterError: for anything else.
    """
    seed = drawn_seed(random_state)
    if isinstance(random_state, Integral):
        return seed
    return int(from_first("random_state", lambda: Message({"seed": seed})).facts["seed"])


def drawn_seed(random_state: Any) -> int:
    """Return a seed: the integer itself, or one drawn from the given or global generator.

    Args:
        random_state: an integer, a `numpy.random.RandomState`, or None for numpy's global generator.

    Raises:
        ParameterError: for anything else.
    """
    if isinstance(random_state, Integral) and not isinstance(random_state, bool):
        if not 0 <= int(random_state) <= _LARGEST_SEED:
            raise ParameterError(
                f"random_state must be a whole number from 0 to {_LARGEST_SEED:,}, got "
                f"{briefly(random_state)}."
            )
        return int(random_state)
    with as_input_error():
        generator = check_random_state(random_state)
    return int(generator.randint(1 << 31))
