"""The space of a search in words, and whether the best setting lies at its end."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.report.names import shortened
from gorae.report.words import setting, tick

__all__ = ["ends_reached", "values_in_words"]

_MOST_VALUES = 12
_NEAR = 0.03  # of the range: nearer to its end than this is at its end
_DECADES = 100  # a range of this ratio is measured by its logarithm


def values_in_words(values: Any) -> str:
    """The values that a parameter may have.

    Args:
        values: a list, or a distribution of scipy.stats.

    Returns:
        The first twelve of a list, or the distribution's name and range.

    Example:
        >>> from scipy.stats import loguniform, randint
        >>> values_in_words(loguniform(1e-4, 0.1)), values_in_words([0, 0.5, None])
        ('log-uniform from 10⁻⁴ to 0.1', '0, 0.5, None')
        >>> values_in_words(randint(1, 10))
        'whole numbers from 1 to 9'
    """
    if hasattr(values, "rvs"):
        return _distribution(values)
    listed = list(values) if not isinstance(values, str | bytes | Mapping) else [values]
    shown = [setting(_plain(value)) for value in listed[:_MOST_VALUES]]
    more = f" and {len(listed) - _MOST_VALUES} more" if len(listed) > _MOST_VALUES else ""
    return ", ".join(shown) + more


def _plain(value: Any) -> Any:
    """Python's own number or text in place of numpy's."""
    return value.item() if isinstance(value, np.generic) else value


def _distribution(values: Any) -> str:
    """A frozen distribution in words."""
    name = shortened(getattr(getattr(values, "dist", None), "name", None) or type(values).__name__, 40)
    ends = _range(values)
    if ends is None:
        return f"drawn from {name}"
    reach = f"from {tick(ends[0])} to {tick(ends[1])}"
    known = {"loguniform": "log-uniform", "reciprocal": "log-uniform", "uniform": "uniform"}
    known["randint"] = "whole numbers"
    return f"{known[name]} {reach}" if name in known else f"drawn from {name}, {reach}"


def _range(values: Any) -> tuple[float, float] | None:
    """The ends of a distribution, or of a list of at least three numbers; None where there are none."""
    if hasattr(values, "rvs"):
        try:
            low, high = (float(end) for end in values.support())
        except Exception:  # whatever another's distribution raises: it has no ends that could be told
            return None
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None
    if isinstance(values, str | bytes | Mapping):
        return None
    numbers = {float(value) for value in values if _is_number(value)}
    return (min(numbers), max(numbers)) if len(numbers) >= 3 else None


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number that fits a float."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return bool(abs(value) < 1e300)


def ends_reached(space: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> list[str]:
    """Say of which parameters the best value lies at an end of what was searched.

    An end at zero, or at one of whole numbers, is left out: there is nothing beyond.

    Args:
        space: its parts.
        best: the best setting.

    Returns:
        A sentence for each such parameter.

    Example:
        >>> ends_reached([{"k": [1, 3, 9]}], {"k": 9})
        ['The best k, 9, lies at the upper end of what was searched (1 to 9): better may lie beyond.']
    """
    own = [part for part in space if part.keys() == best.keys()] or list(space)
    told = []
    for name, value in best.items():
        ranges = [ends for part in own if name in part and (ends := _range(part[name])) is not None]
        if not ranges or not _is_number(value):
            continue
        low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
        place = _place(float(value), low, high)
        natural = low == 0 or (low == 1 and isinstance(value, int | np.integer))
        end = "upper" if place > 1 - _NEAR else "lower" if place < _NEAR and not natural else None
        if end is not None and low < high:
            told.append(
                f"The best {shortened(name)}, {setting(_plain(value))}, lies at the {end} end of what was "
                f"searched ({tick(low)} to {tick(high)}): better may lie beyond."
            )
    return told


def _place(value: float, low: float, high: float) -> float:
    """Where a value lies in a range, from 0 to 1."""
    if low > 0 and high / low >= _DECADES and value > 0:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low) if high > low else 0.5
