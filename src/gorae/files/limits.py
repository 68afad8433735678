"""Caps that are checked before anything is parsed, and a JSON reader that keeps to them.

A header's size costs time and memory long before its content can be judged: 67 MB of JSON took 26.8 s
to parse, and a text of nothing but ``[`` ends the interpreter's stack. So size, number of values and depth
are bounded first, by scans whose time is linear in the text.
"""

import json
import math
import re
from itertools import accumulate
from typing import Any

from gorae.errors import InputError

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_HEADER_BYTES",
    "MAX_JSON_DEPTH",
    "MAX_JSON_VALUES",
    "MAX_TENSORS",
    "parse_json",
]

MAX_FILE_BYTES = 16 * 2**30
MAX_HEADER_BYTES = 4 * 2**20
MAX_TENSORS = 20_000
MAX_JSON_DEPTH = 64
# Python spends up to 72 bytes on a value that takes 3 in the text (``[],``): 36 MB at most.
MAX_JSON_VALUES = 500_000

# A string, or what is left of one at the end of the text: it cannot fail once it began and never steps
# back (possessive quantifiers), so the time is linear whatever the text.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_STEPS = [(chr(code) in "[{") - (chr(code) in "]}") for code in range(256)]


def parse_json(data: bytes) -> Any:
    """Parse JSON that someone else wrote.

    Stricter than `json.loads`: ASCII only (other characters as escapes, none of them half a
    character), no name twice in an object, no
    NaN or infinity, spelled out or by overflow as in ``1e999``.

    Args:
        data: The text, at most ``MAX_HEADER_BYTES`` long, with at most ``MAX_JSON_VALUES`` values nested
            at most ``MAX_JSON_DEPTH`` deep.

    Returns:
        The value.

    Raises:
        InputError: If the text is no JSON of that kind, or is over one of the caps.

    Example:
        >>> parse_json(b'{"shape": [3, 4]}')
        {'shape': [3, 4]}
    """
    _check_size(data)
    try:
        value = json.loads(
            data.decode("ascii"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        if _SURROGATE.search(data):  # halves of a character are well formed in pairs only
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except InputError:
        raise
    except ValueError as error:  # JSON, ASCII, and integers of more digits than Python converts
        raise InputError(f"it is no JSON as gorae writes it ({error})") from error


def _check_size(data: bytes) -> None:
    """Bound what parsing can cost."""
    if len(data) > MAX_HEADER_BYTES:
        raise InputError(f"JSON of {len(data):,} bytes is over the limit of {MAX_HEADER_BYTES:,}")
    bare = _STRING.sub(b"", data)
    values = 1 + bare.count(b",") + bare.count(b"[") + bare.count(b"{")
    if values > MAX_JSON_VALUES:
        raise InputError(f"JSON of {values:,} values is over the limit of {MAX_JSON_VALUES:,}")
    brackets = bare.translate(None, delete=_NOT_BRACKETS)
    depth = max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)
    if depth > MAX_JSON_DEPTH:
        raise InputError(f"JSON nested {depth:,} deep is over the limit of {MAX_JSON_DEPTH}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, refusing a name that is there twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise InputError("a JSON object holds the same name twice")
    return made


def _no_constant(text: str) -> float:
    raise InputError(f"{text} is no JSON")


def _finite(text: str) -> float:
    """Return a number, refusing one that overflows."""
    number = float(text)
    if not math.isfinite(number):
        raise InputError("a number is larger than a float can hold")
    return number
