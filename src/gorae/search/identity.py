"""What a value is, in words that are the same in every process: for telling settings, and searches, apart."""

import re
from collections.abc import Mapping
from functools import cached_property
from types import FunctionType, MethodType
from typing import Any

import joblib
import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

_DEEPEST = 8


def group_key(value: Any) -> str:
    """Return a text that equal values share, within a process: a hash, or the object's own place in memory.

    Example:
        >>> group_key(np.arange(3)) == group_key(np.arange(3)), group_key([1]) == group_key([2])
        (True, False)
    """
    try:
        return str(joblib.hash(value))
    except Exception:  # what cannot be pickled, such as a lambda, whatever it raises
        return f"{type(value).__qualname__} at {id(value)}"


def described(value: Any, depth: int = 0) -> str:
    """Return a value in words that are the same in every process, and others for another value.

    Functions are their code, their defaults and what they close over; estimators and other objects are their
    class and their attributes; arrays and tables are hashed.

    Args:
        value: anything.
        depth: how deep inside another value it lies.

    Example:
        >>> described(lambda x: x + 1) == described(lambda x: x + 2)
        False
    """
    inside = depth + 1
    if isinstance(value, str | bytes | int | float | complex | bool | None | np.generic):
        return f"{type(value).__name__} {value!r}"
    if depth > _DEEPEST:
        return _hashed(value)
    if isinstance(value, Mapping):
        return repr(sorted((described(k, inside), described(v, inside)) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} {[described(each, inside) for each in value]}"
    if isinstance(value, MethodType):
        return f"{described(value.__func__, inside)} of {described(value.__self__, inside)}"
    if isinstance(value, FunctionType):
        return _function(value, inside)
    if isinstance(value, type) or not hasattr(value, "__dict__") or isinstance(value, np.ndarray):
        return _hashed(value)
    if hasattr(value, "get_params"):
        return f"{_name(type(value))} {described(value.get_params(deep=False), inside)}"
    if hasattr(value, "dist") and hasattr(value, "rvs"):  # a frozen distribution of scipy.stats
        parts = getattr(value.dist, "name", ""), getattr(value, "args", ()), getattr(value, "kwds", {})
        return f"{_name(type(value.dist))} {described(parts, inside)}"
    if type(value).__module__.split(".")[0] in ("pandas", "polars", "pyarrow", "scipy"):
        return _hashed(value)
    return f"{_name(type(value))} {described(_own(value), inside)}"


def _own(value: Any) -> dict[str, Any]:
    """Return what a value is made of, without what it has worked out from that and keeps."""
    kind = type(value)
    return {
        name: part
        for name, part in vars(value).items()
        if not isinstance(getattr(kind, name, None), cached_property)
    }


def _function(value: FunctionType, depth: int) -> str:
    """Return a function in words."""
    code = value.__code__
    held = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
    consts = [const for const in code.co_consts if not hasattr(const, "co_code")]
    inner = [const.co_code.hex() for const in code.co_consts if hasattr(const, "co_code")]
    parts = code.co_code.hex(), code.co_names, consts, inner, value.__defaults__, value.__kwdefaults__, held
    return f"{_name(value)} {described(parts, depth)}"


def _is_filled(cell: Any) -> bool:
    """Return whether a cell of a closure holds something yet."""
    try:
        cell.cell_contents  # noqa: B018 - looking is the question
    except ValueError:
        return False
    return True


def _hashed(value: Any) -> str:
    """Return a hash, or where that cannot be, the value's own words without its place in memory."""
    try:
        return str(joblib.hash(value))
    except Exception:  # what cannot be pickled, whatever it raises
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _name(value: Any) -> str:
    """Return where a class or a function is defined."""
    return f"{value.__module__}.{value.__qualname__}"


def sample_hash(X: Any, y: Any) -> str:
    """Return a hash of the targets and of a few rows, which tells one data set from another."""
    rows = np.unique(np.linspace(0, _num_samples(X) - 1, 64).astype(int))
    return _hashed((None if y is None else _as_array(y), _safe_indexing(X, rows)))


def _as_array(y: Any) -> Any:
    """Return targets as an array, or as they are where they are lists of several lengths."""
    try:
        return np.asarray(y)
    except ValueError:
        return y
