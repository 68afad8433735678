"""The header of a container: a safetensors header with four entries of gorae's own in front.

A safetensors file is eight bytes with the header's length (little-endian), the header as JSON padded
with spaces to a multiple of eight, then the arrays' bytes without gaps. The specification leaves the order
of names open; here it is fixed, so equal content gives equal bytes and the hash has one place::

    {"__metadata__":{"gorae":"1","sha256":"<64 hex digits>","kind":"...","meta":"<JSON>"},
     "name":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]}, ...}

Arrays with wide elements come first, so each begins at a multiple of its element's size.
Everything is checked both ways: by the same function after composing, so that no file is written that would
be refused, and before any of it is believed on reading.

References:
    Hugging Face, "Safetensors: format", https://github.com/huggingface/safetensors#format
"""

import json
import math
import re
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gorae.errors import InputError, as_input_error
from gorae.files.limits import MAX_HEADER_BYTES, MAX_TENSORS, parse_json

__all__ = [
    "FORMAT",
    "HASH_AT",
    "MAGIC",
    "NO_HASH",
    "ArrayInfo",
    "Header",
    "compose",
    "in_file_order",
    "parse",
]

FORMAT = "1"
MAGIC = b'{"__metadata__":{"gorae":"'
NO_HASH = "0" * 64
# From the first byte of the file, its length field included.
HASH_AT = 8 + len(MAGIC) + len(f'{FORMAT}","sha256":"')

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
_NAMES = {np.dtype(code): name for name, code in _DTYPES.items()}
_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class ArrayInfo(NamedTuple):
    """What the header says of one array, and where its bytes are, counted from the header's end."""

    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    stop: int


class Header(NamedTuple):
    """A header that was checked: kind, meta as JSON text, hash in hex, arrays in the file's order."""

    kind: str
    meta: str
    sha256: str
    arrays: dict[str, ArrayInfo]


def in_file_order(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays as they are stored: checked, little-endian, widest elements first, then by name.

    Args:
        arrays: Arrays of any shape and memory order by name; float16 to float64, integers of 8 to 64 bits,
            bool.

    Returns:
        The same arrays (views where possible, contiguity is left to the writer).

    Raises:
        InputError: If a name or a dtype cannot be stored; the message names the array.
    """
    if not isinstance(arrays, Mapping):
        raise InputError(f"arrays must be a mapping of names to arrays, got {type(arrays).__name__}.")
    stored = {}
    for name, value in arrays.items():
        if not isinstance(name, str) or not name or name == "__metadata__" or not _is_text(name):
            raise InputError(f"An array's name must be a str that is not empty or reserved, got {name!r}.")
        with as_input_error():  # ragged lists
            array = np.asarray(value)
        little = array.dtype.newbyteorder("<")
        if little not in _NAMES:
            raise InputError(
                f"The array {name!r} has dtype {array.dtype}; a container holds float16 to float64, "
                "integers of 8 to 64 bits and bool. Convert it, or put text into meta."
            )
        stored[name] = array.astype(little, copy=False)
    return dict(sorted(stored.items(), key=lambda item: (-item[1].itemsize, item[0])))


def compose(arrays: Mapping[str, np.ndarray], kind: str, meta: str) -> bytes:
    """Write the header, length field included, with zeros where the hash will stand.

    Args:
        arrays: Arrays as `in_file_order` gives them.
        kind: What the file is, such as ``"model"``: up to 64 letters, digits, ``.``, ``_`` and ``-``.
        meta: JSON text.

    Returns:
        The first bytes of the file, up to where the arrays begin.

    Raises:
        InputError: If the header is over one of the caps that a reader keeps to, or kind is malformed.
    """
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise InputError(f"kind must be 1 to 64 letters, digits, '.', '_' or '-', got {kind!r}.")
    own = {"gorae": FORMAT, "sha256": NO_HASH, "kind": kind, "meta": meta}
    entries: dict[str, Any] = {"__metadata__": own}
    stop = 0
    for name, array in arrays.items():
        start, stop = stop, stop + array.nbytes
        entries[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [start, stop],
        }
    text = json.dumps(entries, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    try:
        parse(text, stop)
    except InputError as error:
        raise InputError(
            f"This cannot be stored in one container: {error}. Store less meta or fewer, larger arrays."
        ) from error
    return struct.pack("<Q", len(text)) + text


def parse(text: bytes, data_size: int) -> Header:
    """Check a header's text against every rule, trusting none of it.

    Args:
        text: The header without the length field.
        data_size: How many bytes follow it in the file.

    Returns:
        The checked header.

    Raises:
        InputError: If it is over a cap, is not what `compose` writes, or its arrays overlap, leave gaps,
            or end before or after the file does.
    """
    if len(text) > MAX_HEADER_BYTES:
        raise InputError(f"a header of {len(text):,} bytes is over the limit of {MAX_HEADER_BYTES:,}")
    # Counted in the raw text: a file with too many is refused before the parser builds them all.
    if text.count(b'"data_offsets"') > MAX_TENSORS:
        raise InputError(f"there are more than {MAX_TENSORS:,} arrays")
    entries = parse_json(text)
    if not isinstance(entries, dict) or len(entries) > MAX_TENSORS + 1:
        raise InputError(f"the header is no list of at most {MAX_TENSORS:,} arrays")
    kind, meta, sha256 = _own_entries(entries.pop("__metadata__", None))
    arrays = {}
    stop = 0
    for name, entry in entries.items():
        arrays[name] = info = _array_info(name, entry)
        if info.start != stop:
            raise InputError(f"the array {name[:80]!r} does not begin where the one before it ends")
        stop = info.stop
    if stop != data_size:
        raise InputError(f"the arrays take {stop:,} bytes and the file has {data_size:,}")
    return Header(kind, meta, sha256, arrays)


def _own_entries(own: Any) -> tuple[str, str, str]:
    """Return kind, meta and hash from gorae's own part of the header."""
    names = ["gorae", "sha256", "kind", "meta"]
    if not isinstance(own, dict) or list(own) != names or not all(isinstance(v, str) for v in own.values()):
        raise InputError("the entries of gorae's own are not all there")
    if not _KIND.fullmatch(own["kind"]):
        raise InputError("its kind is malformed")
    return own["kind"], own["meta"], own["sha256"]


def _array_info(name: str, entry: Any) -> ArrayInfo:
    """Check what the header says of one array by itself."""
    shown = repr(name[:80])
    if not name or not _is_text(name):
        raise InputError(f"the name {shown} is malformed")
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise InputError(f"the entry of the array {shown} is malformed")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in _DTYPES:
        raise InputError(f"the array {shown} has the unknown dtype {str(code)[:20]!r}")
    if not _are_sizes(shape) or len(shape) > 64:
        raise InputError(f"the array {shown} has a malformed shape")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise InputError(f"the array {shown} has malformed offsets")
    dtype = np.dtype(_DTYPES[code])
    start, stop = offsets
    if math.prod(size for size in shape if size) * dtype.itemsize >= 2**63:
        raise InputError(f"the array {shown} has a shape that no array can have")
    if stop - start != math.prod(shape) * dtype.itemsize:
        raise InputError(f"the array {shown} does not fill its bytes")
    if start % dtype.itemsize:
        raise InputError(f"the array {shown} begins in the middle of an element")
    return ArrayInfo(dtype, tuple(shape), start, stop)


def _are_sizes(value: Any) -> bool:
    """Return whether a JSON value is a list of sizes that an array can have."""
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 2**63 for size in value)


def _is_text(name: str) -> bool:
    """Return whether UTF-8 can store a name; a lone surrogate it cannot."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
