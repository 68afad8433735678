"""Spaces of settings in TOML files, and the space that a model has where none is given."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scipy.stats import loguniform, randint, uniform

from gorae.errors import FileError, ParameterError, closest

_KEYS = ("low", "high", "log", "integer")
_LARGEST = 1 << 20
_WHOLE, _FINITE = 1 << 53, 1e150


def read_space(path: str | Path) -> Any:
    """Return the space that a TOML file describes, as `SearchCV` takes it.

    A parameter has a list of values, or a table with the ends of a range:

        hidden = [[64], [128, 64]]                              # a list in a list is a tuple
        dropout = [0.0, 0.2, 0.5]
        learning_rate = { low = 1e-4, high = 1e-1, log = true }
        n_neighbors = { low = 1, high = 30, integer = true }    # both ends are possible

    A conditional space is an array of tables `[[part]]`, each with parameters of its own.

    Args:
        path: of the file.

    Raises:
        FileError: when it cannot be read, or is no TOML.
        ParameterError: when it describes no space.
    """
    shown = str(path)
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise FileError(f"the space {shown!r} is no file.")
        with open(path, "rb") as file:
            raw = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        raise FileError(f"the space {shown!r} could not be read: {told}.") from error
    if len(raw) > _LARGEST:
        raise FileError(f"the space {shown!r} is too large; a space has at most {_LARGEST} bytes.")
    try:
        content = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileError(f"{shown!r} is no TOML file: {str(error).splitlines()[0]}.") from error
    parts = content.pop("part", None)
    if parts is None:
        return _part(content, shown)
    if content or not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise ParameterError(
            f"{shown!r}: a conditional space consists of tables [[part]] alone; put "
            f"{', '.join(content) or 'its parameters'} into one of them."
        )
    return [_part(part, shown) for part in parts]


def _part(content: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return one part of a space.

    Raises:
        ParameterError: when it is empty.
    """
    if not content:
        raise ParameterError(f"{path!r} names no parameter; write for instance dropout = [0.0, 0.2].")
    return {name: _values(name, value, path) for name, value in content.items()}


def _values(name: str, value: Any, path: str) -> Any:
    """Return the values of a parameter: a list, or a distribution."""
    if isinstance(value, list) and value:
        return [_choice(each) for each in value]
    if not isinstance(value, dict):
        raise ParameterError(
            f"{path!r}: {name} must be a list of values or a range {{ low = .., high = .. }}, got "
            f"{value!r:.60}."
        )
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        near = closest(unknown[0], _KEYS)
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(
            f"{path!r}: the range of {name} has {unknown[0]!r}; it may have {', '.join(_KEYS)}.{hint}"
        )
    return _range(name, value, path)


def _choice(value: Any) -> Any:
    """Return a value; lists are tuples (widths of layers), and "none" is None, which TOML does not have."""
    if isinstance(value, list):
        return tuple(_choice(each) for each in value)
    return None if value == "none" else value


def _range(name: str, value: Mapping[str, Any], path: str) -> Any:
    """Return the distribution over a range."""
    low, high = value.get("low"), value.get("high")
    log, integer = value.get("log", False), value.get("integer", False)
    numbers = [isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)]
    if not all(numbers) or not all(isinstance(flag, bool) for flag in (log, integer)):
        raise ParameterError(
            f"{path!r}: the range of {name} needs numbers low and high, and true or false for log and "
            "integer."
        )
    assert low is not None  # told by the types above
    assert high is not None
    most = _WHOLE if integer else _FINITE
    if not (abs(low) <= most and abs(high) <= most):
        raise ParameterError(f"{path!r}: the range of {name} must end at numbers up to {most:g}.")
    whole = float(low).is_integer() and float(high).is_integer()
    if not low < high or (log and low <= 0) or (integer and (log or not whole)):
        raise ParameterError(
            f"{path!r}: the range of {name} must have low < high, both above 0 with log = true, and whole "
            f"numbers without log with integer = true; got low = {low}, high = {high}."
        )
    if integer:
        return randint(int(low), int(high) + 1)
    return loguniform(low, high) if log else uniform(low, high - low)


def default_space(model: str, rows: int) -> dict[str, Any]:
    """Return the space in which a model's settings are usually found.

    Args:
        model: "bayes", "knn", "linear", "mlp" or "sequence".
        rows: rows to learn from; there are never more neighbours than a tenth of them.

    Example:
        >>> sorted(default_space("knn", 100))
        ['metric', 'n_neighbors', 'weights']
    """
    if model == "bayes":
        return {"covariance": ["shared", "full", "diagonal"], "shrinkage": loguniform(1e-3, 0.9)}
    if model == "knn":
        return {
            "n_neighbors": list(range(1, max(2, min(31, rows // 10 + 1)))),
            "metric": ["euclidean", "manhattan", "cosine"],
            "weights": ["uniform", "distance"],
        }
    rates = {"learning_rate": loguniform(3e-4, 3e-2), "weight_decay": loguniform(1e-4, 1.0)}
    if model == "linear":
        return rates
    if model == "sequence":
        rates["learning_rate"] = loguniform(1e-3, 2e-2)
        return rates | {"cell": ["bag", "gru"], "pooling": ["mean", "max"], "dropout": [0.0, 0.2, 0.5]}
    return rates | {"hidden": [(64,), (128,), (128, 64)]}
