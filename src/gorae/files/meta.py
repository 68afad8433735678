"""The JSON side of a container: plain Python values to JSON text and back, without silent changes.

What JSON has is stored as it is. JSON has no NaN and no infinity, so these are stored as
``{"$float": "nan"}``, ``"inf"`` and ``"-inf"``; a key that itself begins with ``$`` gets one more ``$``,
so every mapping comes back as it was.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.errors import InputError
from gorae.files.limits import MAX_JSON_DEPTH, parse_json

__all__ = ["meta_from_json", "meta_to_json"]

_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def meta_to_json(meta: Mapping[str, Any]) -> str:
    """Write a mapping as JSON text.

    Args:
        meta: Keys are str; values are None, bool, int, float, str, mappings, lists and tuples of such, or
            numpy scalars. Tuples come back as lists, numpy scalars as Python's own numbers.

    Returns:
        JSON text in ASCII, keys in the order given, NaN and infinity spelled as told above.

    Raises:
        InputError: If a value cannot be stored; the message says where it is.

    Example:
        >>> meta_to_json({"score": 0.5, "stop": float("inf")})
        '{"score":0.5,"stop":{"$float":"inf"}}'
    """
    if not isinstance(meta, Mapping):
        raise InputError(f"meta must be a mapping, got {type(meta).__name__}.")
    plain = _encode(meta, "meta", 1)
    try:
        json.dumps(plain, ensure_ascii=False).encode(
            "utf-8"
        )  # refuses halves of characters, as the reader does
        return json.dumps(plain, allow_nan=False, separators=(",", ":"))
    except ValueError as error:  # an integer of more digits than Python converts, or no text
        raise InputError(f"meta cannot be stored as JSON: {error}.") from error


def meta_from_json(text: str) -> dict[str, Any]:
    """Read a mapping from the JSON text that `meta_to_json` wrote.

    Args:
        text: The JSON text; it is not trusted.

    Returns:
        The mapping.

    Raises:
        InputError: If the text is not what `meta_to_json` writes.

    Example:
        >>> meta_from_json('{"score":0.5,"stop":{"$float":"inf"}}')
        {'score': 0.5, 'stop': inf}
    """
    if not text.isascii():
        raise InputError("its meta is not ASCII")
    meta = _decode(parse_json(text.encode("ascii")))
    if not isinstance(meta, dict):
        raise InputError("its meta is no JSON object")
    return meta


def _encode(value: Any, where: str, depth: int) -> Any:
    """Return the value in JSON's own types, or say where it cannot be."""
    if depth > MAX_JSON_DEPTH:
        raise InputError(f"meta is nested more than {MAX_JSON_DEPTH} deep, or holds itself, at {where:.80}.")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": float.__repr__(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_encode(item, f"{where}[{place}]", depth + 1) for place, item in enumerate(value)]
    if isinstance(value, Mapping):
        items = ((_key(key, where), key, item) for key, item in value.items())
        return {stored: _encode(item, f"{where}[{key!r}]", depth + 1) for stored, key, item in items}
    advice = "; give it in arrays" if isinstance(value, np.ndarray) else ""
    raise InputError(f"{where} is a {type(value).__name__}, which JSON cannot hold{advice}.")


def _key(key: Any, where: str) -> str:
    """Return a key as it is stored."""
    if not isinstance(key, str):
        # json would store 1 as "1" without a word, and the reader would look for 1 in vain.
        raise InputError(f"{where} has the key {key!r}, a {type(key).__name__}; JSON keys are str.")
    return "$" + key if key.startswith("$") else key


def _decode(value: Any) -> Any:
    """Return what `_encode` was given."""
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$float" in value:
        name = value["$float"]
        if len(value) != 1 or not isinstance(name, str) or name not in _FLOATS:
            raise InputError("its meta holds a number that gorae does not write")
        return _FLOATS[name]
    return {_key_back(key): _decode(item) for key, item in value.items()}


def _key_back(key: str) -> str:
    if not key.startswith("$"):
        return key
    if not key.startswith("$$"):
        raise InputError(f"its meta holds the key {key[:40]!r}, which gorae does not write")
    return key[1:]
