"""Which hidden layer of a network is meant by a name or a number."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from gorae.errors import ParameterError, closest

__all__ = ["hidden_place"]


def hidden_place(layer: Any, names: Sequence[str]) -> int:
    """Return the place of a hidden layer, from 0.

    Args:
        layer: its name, as "hidden 1", or its place; negative places count from the last.
        names: of the hidden layers, in the order of the data.

    Raises:
        ParameterError: if there is no such layer; the message names the near one.

    Example:
        >>> names = ["hidden 1", "hidden 2"]
        >>> hidden_place("hidden 2", names), hidden_place(-1, names)
        (1, 1)
    """
    if not names:
        raise ParameterError(f"layer={layer!r} was asked for, but this model has no hidden layer.")
    if isinstance(layer, Integral) and not isinstance(layer, bool):
        place = int(layer)
        if -len(names) <= place < len(names):
            return place % len(names)
        raise ParameterError(f"layer must be between {-len(names)} and {len(names) - 1}, got {place}.")
    if isinstance(layer, str) and layer in names:
        return names.index(layer)
    near = closest(str(layer), list(names))
    hint = f" Did you mean {near!r}?" if near else ""
    raise ParameterError(f"layer must be one of {', '.join(map(repr, names))}, got {layer!r}.{hint}")
