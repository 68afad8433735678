"""Sentences for parameters and shapes that a layer cannot work with."""

from collections.abc import Iterable
from operator import index
from typing import Any

from jaxtyping import Array

from gorae.errors import InputError, ParameterError, closest

__all__ = [
    "known_name",
    "positive_integer",
    "proper_fraction",
    "require_channels",
    "require_features",
    "require_last_axis",
]


def positive_integer(name: str, value: Any, *, least: int = 1) -> int:
    """Return ``value`` as an int if it is an integer of at least ``least``.

    Raises:
        ParameterError: If it is smaller or no integer; True and False are no integers here.

    Example:
        >>> positive_integer("outputs", 3)
        3
    """
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise ParameterError(f"{name} must be an integer of at least {least}, got {value!r}.")
    return number


def proper_fraction(name: str, value: Any) -> Any:
    """Return ``value`` if 0 <= value < 1.

    Raises:
        ParameterError: If it is outside, NaN or no number.

    Example:
        >>> proper_fraction("rate", 0.5)
        0.5
    """
    try:
        inside = bool(0 <= value < 1)
    except (TypeError, ValueError):
        inside = False
    if not inside:
        raise ParameterError(f"{name} must be a number from 0 up to, but not including, 1, got {value!r}.")
    return value


def known_name(name: str, value: Any, candidates: Iterable[str]) -> str:
    """Return ``value`` if it is one of the names that exist.

    Raises:
        ParameterError: If it is not; the message tells the near name and all names.

    Example:
        >>> known_name("activation", "relu", ["relu", "tanh"])
        'relu'
    """
    names = sorted(candidates)
    if isinstance(value, str) and value in names:
        return value
    near = closest(value, names) if isinstance(value, str) else None
    meant = f" Did you mean {near!r}?" if near else ""
    raise ParameterError(f"{name} must be one of {', '.join(names)}, got {value!r}.{meant}")


def require_features(layer: str, x: Array, features: int) -> None:
    """Refuse a batch whose last axis does not hold the features that a layer was made for.

    Raises:
        InputError: If it does not; shapes are static, so this costs nothing in a compiled program.

    Example:
        >>> import numpy as np
        >>> require_features("Dense", np.zeros((2, 3)), 4)
        Traceback (most recent call last):
        gorae.errors.InputError: Dense expects a batch of shape (batch, 4), got shape (2, 3).
    """
    if x.ndim != 2 or x.shape[-1] != features:
        raise InputError(f"{layer} expects a batch of shape (batch, {features}), got shape {tuple(x.shape)}.")


def require_last_axis(layer: str, x: Array, features: int) -> None:
    """Refuse a batch, of vectors or of cells, whose last axis does not hold a layer's features.

    Raises:
        InputError: If it does not.

    Example:
        >>> import numpy as np
        >>> require_last_axis("LayerNorm", np.zeros((2, 8, 8, 3)), 4)
        Traceback (most recent call last):
        gorae.errors.InputError: LayerNorm expects a batch of shape (batch, ..., 4), got shape (2, 8, 8, 3).
    """
    if x.ndim < 2:
        require_features(layer, x, features)
    if x.shape[-1] != features:
        dots = "" if x.ndim == 2 else "..., "
        raise InputError(
            f"{layer} expects a batch of shape (batch, {dots}{features}), got shape {tuple(x.shape)}."
        )


def require_channels(layer: str, x: Array, axes: int, channels: int | None = None) -> None:
    """Refuse a batch that has not so many axes of cells, or not so many channels on its last axis.

    Raises:
        InputError: If it has not.

    Example:
        >>> import numpy as np
        >>> require_channels("Conv", np.zeros((2, 8, 8)), 2, 1)
        Traceback (most recent call last):
        gorae.errors.InputError: Conv expects a batch of shape (batch, height, width, 1), got shape (2, 8, 8).
    """
    if x.ndim == axes + 2 and channels in (None, x.shape[-1]):
        return
    names = {1: ("length",), 2: ("height", "width")}.get(axes, tuple(f"axis {k + 1}" for k in range(axes)))
    last = "channels" if channels is None else str(channels)
    wanted = ", ".join(("batch", *names, last))
    raise InputError(f"{layer} expects a batch of shape ({wanted}), got shape {tuple(x.shape)}.")
