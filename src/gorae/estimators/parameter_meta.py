"""Constructor parameters as JSON, and back; what belongs to a machine and not to a model stays behind."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from gorae.errors import DamagedFileError, closest
from gorae.models.parts import is_part, part_from_meta, part_to_meta
from gorae.nn import Augmentation

_OF_THE_MACHINE = ("checkpoint", "verbose", "vectors")
_PAIRS = "pairs"
_AUGMENTATION = "augmentation"


def parameters_to_meta(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return constructor parameters as JSON; one that is not in it has its default after loading.

    Left out are folders and files, what is shown on a terminal, a device other than the CPU (which every
    machine has), and values that JSON has no form for, such as a generator of random numbers.

    Example:
        >>> parameters_to_meta({"hidden": (8, 4), "random_state": np.random.RandomState(0), "device": "gpu"})
        {'hidden': [8, 4]}
    """
    kept = {name: _plain(value) for name, value in parameters.items() if name not in _OF_THE_MACHINE}
    if kept.get("device") != "cpu":
        kept.pop("device", None)
    return {name: value for name, value in kept.items() if value is not _plain}


def parameters_from_meta(cls: Any, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return constructor parameters from JSON; lists come back as tuples.

    Raises:
        DamagedFileError: when the class has no parameter of a name, or a value is none that is written.
    """
    known = cls._get_param_names()
    parameters = {}
    for name, value in meta.items():
        if name not in known:
            near = closest(name, known)
            hint = f" (near: {near!r})" if near else ""
            raise DamagedFileError(f"{cls.__name__} has no parameter {name[:80]!r}{hint}.")
        parameters[name] = _revived(name, value)
    return parameters


def _revived(name: str, value: Any) -> Any:
    """Return a parameter from JSON: a tuple, a dictionary, parts of a network, or a plain value."""
    if isinstance(value, list):
        return tuple(part_from_meta(item) if isinstance(item, Mapping) else item for item in value)
    if isinstance(value, Mapping) and set(value) == {_AUGMENTATION}:
        return Augmentation(**value[_AUGMENTATION])
    return _dictionary(name, value) if isinstance(value, Mapping) else value


def _plain(value: Any) -> Any:
    """Return a value in JSON's types, or this function itself where it has no such form."""
    if is_part(value):
        return {name: _plain(item) for name, item in part_to_meta(value).items()}
    if isinstance(value, Augmentation):
        return {_AUGMENTATION: asdict(value)}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple | range | np.ndarray):
        items = [_plain(item) for item in value]
        return _plain if any(item is _plain for item in items) else items
    if isinstance(value, Mapping):
        pairs = [[_plain(key), _plain(item)] for key, item in value.items()]
        return _plain if any(part is _plain for pair in pairs for part in pair) else {_PAIRS: pairs}
    return _plain


def _dictionary(name: str, value: Mapping[str, Any]) -> dict[Any, Any]:
    """Return a dictionary from its pairs."""
    pairs = value.get(_PAIRS)
    if not isinstance(pairs, list) or len(value) != 1 or not all(map(_is_pair, pairs)):
        raise DamagedFileError(f"parameter {name[:80]!r} must be a dictionary as gorae writes it.")
    return dict(pairs)


def _is_pair(pair: Any) -> bool:
    """Return whether JSON holds a key that a dictionary can have, and a value."""
    return isinstance(pair, list) and len(pair) == 2 and not isinstance(pair[0], list | dict)
