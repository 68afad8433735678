"""Where the values of a hyper-parameter stand on an axis: numbers, powers of ten, texts, and a mixture.

An axis runs from 0 to 1. Numbers stand by their size or, where that spreads them more evenly over decades, by
their logarithm. What is no number (texts, None, booleans, tuples) has notches, evenly spaced; among numbers
the notches lie below them, as zero and a few negative numbers do below a logarithmic axis. A setting without
the parameter, from another part of a conditional space, stands at the notch "n/a".
"""

import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.ticker import MaxNLocator

from gorae.report.words import setting, tick

__all__ = ["Scale", "Tick", "fitting", "make_scale", "spread"]

_LARGEST = 1e200
_FEW = 6  # as many numbers are written beside the axis themselves
_DECADES = 10.0  # the least ratio of largest to smallest for a logarithmic axis
_FEW_APART = 2  # numbers without a logarithm that a logarithmic axis has notches for
_NOTCH, _GAP = 0.13, 0.05  # room of a notch below numbers, and between notches and numbers
_ROOM = 0.06  # free at the ends of an axis on which settings share numbers
_TEXT = 24  # the most columns of a label
_ABSENT: Hashable = ("absent",)


class Tick(NamedTuple):
    """A mark of an axis: where, its text, and whether it is a notch."""

    place: float
    text: str
    notch: bool


@dataclass(frozen=True)
class Scale:
    """The axis of one parameter.

    Attributes:
        places: where each setting stands, from 0 to 1.
        ticks: what is written beside the axis, low to high.
        log: whether numbers stand by their logarithm.
        room: how far each may be moved to either side to be told apart from those at the same place.
    """

    places: Float[np.ndarray, " settings"]
    ticks: tuple[Tick, ...]
    log: bool
    room: Float[np.ndarray, " settings"]


def make_scale(settings: Sequence[Mapping[str, Any]], name: str) -> Scale:
    """The axis of a parameter.

    Args:
        settings: values by name; some may lack the parameter.
        name: of the parameter.

    Returns:
        Its `Scale`.

    Example:
        >>> scale = make_scale([{"rate": 1e-4}, {"rate": 1e-3}, {"rate": 1e-1}, {}], "rate")
        >>> scale.log, [mark.text for mark in scale.ticks]
        (True, ['n/a', '10⁻⁴', '0.001', '0.1'])
    """
    keys = [_key(each[name]) if name in each else _ABSENT for each in settings]
    values = {key: each[name] for key, each in zip(keys, settings, strict=True) if key != _ABSENT}
    numbers = sorted(key for key in values if isinstance(key, float))
    others = _ordered([key for key in values if not isinstance(key, float)], values)
    absent = [_ABSENT] if _ABSENT in keys else []
    if others and len(numbers) < 3:
        return _scale(keys, [*absent, *numbers, *others], [], values, log=False)
    log = _is_logarithmic(numbers)
    apart = [amount for amount in numbers if log and amount <= 0]
    return _scale(keys, [*absent, *others, *apart], numbers[len(apart) :], values, log=log)


def _key(value: Any) -> Hashable:
    """A number as a float; anything else, and what no axis can reach, as its kind and text."""
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        try:
            amount = float(value)
        except OverflowError:
            amount = math.inf
        if amount == 0 or 1 / _LARGEST < abs(amount) < _LARGEST:
            return amount + 0.0  # -0.0 is 0.0
    return type(value).__name__, repr(value)


def _ordered(keys: list[Any], values: Mapping[Hashable, Any]) -> list[Any]:
    """Kinds one after the other, values of a kind in their own order, or that of their texts."""
    ordered = []
    for kind in sorted({key[0] for key in keys}):
        own = [key for key in keys if key[0] == kind]
        if kind == "str":
            ordered += sorted(own, key=lambda key: _counted(values[key]))
            continue
        try:
            ordered += sorted(own, key=lambda key: values[key])
        except (TypeError, ValueError):
            ordered += sorted(own)
    return ordered


def _counted(text: str) -> list[tuple[bool, int, str]]:
    """A key that puts "model 10" after "model 9"."""
    parts = re.findall(r"[0-9]{1,9}|[^0-9]+", text[:200])
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _is_logarithmic(numbers: Sequence[float]) -> bool:
    """Whether numbers, all but a few positive, span decades and lie more evenly by their logarithms."""
    positive = np.array([amount for amount in numbers if amount > 0])
    if len(positive) < 2 or len(numbers) - len(positive) > _FEW_APART:
        return False
    if positive[-1] / positive[0] < _DECADES * (1 - 1e-9):
        return False
    return _unevenness(np.log(positive)) <= _unevenness(positive)


def _unevenness(sorted_numbers: np.ndarray) -> float:
    """The distance between the numbers, as shares of their range, and evenly spaced ones."""
    shares = (sorted_numbers - sorted_numbers[0]) / (sorted_numbers[-1] - sorted_numbers[0])
    return float(np.abs(shares - np.linspace(0, 1, len(shares))).max())


def _scale(
    keys: Sequence[Hashable],
    notches: Sequence[Any],
    numbers: Sequence[float],
    values: Mapping[Hashable, Any],
    *,
    log: bool,
) -> Scale:
    """Notches from the low end on, numbers above them."""
    step = 1 / len(notches) if notches and not numbers else min(_NOTCH, 0.5 / max(len(notches), 1))
    where: dict[Hashable, float] = {key: (at + 0.5) * step for at, key in enumerate(notches)}
    texts = [_notch_text(key, values) for key in notches]
    ticks = [Tick(where[key], text, True) for key, text in zip(notches, texts, strict=True)]
    if numbers:
        free = _ROOM if len(keys) > len(set(keys)) else 0.0  # where settings at the ends move apart
        start = len(notches) * step + (_GAP if notches else free)
        span = 1 - free - start
        ends = _ends(numbers, log=log)
        where |= {amount: start + span * _share(amount, ends, log=log) for amount in numbers}
        marks = _marks(numbers, ends, log=log)
        places = (start + span * _share(amount, ends, log=log) for amount in marks)
        ticks += [Tick(place, tick(amount), False) for place, amount in zip(places, marks, strict=True)]
    lines = np.unique(list(where.values()))
    gaps = np.concatenate([[np.inf], np.diff(lines), [np.inf]])
    nearest = np.minimum(np.minimum(gaps[:-1], gaps[1:]), step if notches else 0.2)
    places = np.array([where[key] for key in keys])
    room = 0.3 * nearest[np.searchsorted(lines, places)]
    return Scale(places, tuple(ticks), log, room)


def _notch_text(key: Hashable, values: Mapping[Hashable, Any]) -> str:
    """What is written beside a notch."""
    if isinstance(key, float):
        return tick(float(f"{key:.4g}"))
    return "n/a" if key == _ABSENT else setting(values[key], _TEXT)


def _ends(numbers: Sequence[float], *, log: bool) -> tuple[float, float]:
    """The ends of the axis: those of the numbers; powers of ten where these are near."""
    low, high = numbers[0], numbers[-1]
    if not log:
        return low, high
    below, above = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
    return (below if 0 < low / below <= 2 else low), (above if above / high <= 2 else high)


def _share(amount: float, ends: tuple[float, float], *, log: bool) -> float:
    """Where a number stands between the ends."""
    low, high = ends
    if low == high:
        return 0.5
    if log:
        return math.log(amount / low) / math.log(high / low)
    return (amount / 2 - low / 2) / (high / 2 - low / 2)  # halves: a range may be larger than any float


def _marks(numbers: Sequence[float], ends: tuple[float, float], *, log: bool) -> list[float]:
    """The numbers to write: all where they are few, else round ones."""
    low, high = ends
    if len(numbers) <= _FEW and all(len(tick(amount)) <= 6 for amount in numbers):
        return list(numbers)
    if not log:
        whole = all(amount == round(amount) for amount in numbers)
        found = MaxNLocator(nbins=5, integer=whole, steps=(1, 2, 2.5, 5, 10)).tick_values(low, high)
        return [float(mark) for mark in found if low <= mark <= high] or [low]
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5)):
        found = [float(f"{digit}e{power}") for power in powers for digit in digits]
        inside = [mark for mark in found if low * (1 - 1e-9) <= mark <= high * (1 + 1e-9)]
        if len(inside) > 2:
            break
    return inside or [low, high]


def spread(
    scale: Scale, scores: Float[np.ndarray, " settings"], most: float = 1.0
) -> Float[np.ndarray, " settings"]:
    """The places of settings, those at one and the same place moved apart in the order of their scores.

    Args:
        scale: of a parameter.
        scores: of the settings; NaN stands first.
        most: the most to move to either side, where the scale has more room.

    Returns:
        Places from 0 to 1, near the scale's own.

    Example:
        >>> scale = make_scale([{"a": "x"}, {"a": "x"}, {"a": "y"}], "a")
        >>> spread(scale, np.array([0.9, 0.5, 0.7])).round(2).tolist()
        [0.4, 0.1, 0.75]
    """
    order = np.argsort(np.where(np.isnan(scores), -np.inf, scores), kind="stable")
    places = scale.places.copy()
    for place in np.unique(places):
        own = order[scale.places[order] == place]
        if len(own) > 1:
            reach = min(most, float(scale.room[own[0]]))
            places[own] += np.linspace(-reach, reach, len(own))
    return np.clip(places, 0, 1)


def fitting(ticks: Sequence[Tick], pixels: float, length: Callable[[str], float]) -> list[Tick]:
    """Those ticks whose texts fit side by side.

    Args:
        ticks: of an axis.
        pixels: how long the axis is.
        length: pixels that a text takes along it.

    Returns:
        All, or every second, third ... number; notches as far as they fit.

    Example:
        >>> marks = [Tick(place / 4, str(place), False) for place in range(5)]
        >>> [mark.text for mark in fitting(marks, 40, lambda text: 12.0)]
        ['0', '2', '4']
    """
    kept = _thinned([mark for mark in ticks if mark.notch], [], pixels, length)
    return sorted(kept + _thinned([mark for mark in ticks if not mark.notch], kept, pixels, length))


def _thinned(
    ticks: list[Tick], taken: list[Tick], pixels: float, length: Callable[[str], float]
) -> list[Tick]:
    """Every tick, or every second, third ... of them, so that none overlaps another or one that is taken."""
    for step in range(1, len(ticks) + 1):
        shown = [mark for mark in ticks[::step] if not any(_overlap(mark, t, pixels, length) for t in taken)]
        if not any(_overlap(a, b, pixels, length) for a, b in pairwise(shown)):
            return shown
    return []


def _overlap(one: Tick, other: Tick, pixels: float, length: Callable[[str], float]) -> bool:
    """Whether the texts of two ticks run into each other."""
    return abs(one.place - other.place) * pixels < (length(one.text) + length(other.text)) / 2
