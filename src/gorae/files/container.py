"""The safe container: named arrays and JSON in one file that never runs code and refuses damage.

The file is a safetensors file (any safetensors reader opens it) whose header also carries a SHA-256 over
every other byte of the file: the length field, the header with zeros in the hash's place, and the data.
Reading goes in this order, and each step only sees what passed the one before:

1. the size of the file, its first bytes, the length of the header: is it gorae's at all, within the caps;
2. the hash over the whole file, in blocks;
3. the header, parsed within the caps: arrays that follow one another without overlap or gap and fill
   the file exactly;
4. the arrays, as views into the bytes that were hashed.

There is no other loader to fall back to. A hash is no signature: it finds damage, it does not say who
wrote a file. A hostile file with a right hash still meets steps 1, 3 and 4, and ends as arrays and JSON.
"""

import hashlib
import os
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from typing import IO, Any, NamedTuple

import numpy as np

from gorae.errors import DamagedFileError, FileError, InputError, InputTypeError
from gorae.files.atomic import atomic_write
from gorae.files.layout import (
    FORMAT,
    HASH_AT,
    MAGIC,
    NO_HASH,
    ArrayInfo,
    Header,
    compose,
    in_file_order,
    parse,
)
from gorae.files.limits import MAX_FILE_BYTES, MAX_HEADER_BYTES
from gorae.files.meta import meta_from_json, meta_to_json

__all__ = ["Container", "Summary", "read_container", "read_meta", "write_container"]

_BLOCK = 2**20
_HEAD = HASH_AT + len(NO_HASH)
_FOREIGN = {
    **{bytes([0x80, version]): "a Python pickle, which gorae never opens" for version in range(2, 6)},
    b"PK\x03\x04": "a zip archive (PyTorch, Keras and npz files are), which gorae never opens",
    b"\x93NUMPY": "a numpy array file",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"\x89PNG": "a PNG picture",
}


class Container(NamedTuple):
    """What a container holds: its kind, its arrays by name (read-only), its JSON metadata."""

    kind: str
    arrays: dict[str, np.ndarray]
    meta: dict[str, Any]


class Summary(NamedTuple):
    """What a container says of itself: its kind, its JSON metadata, dtype and shape of its arrays."""

    kind: str
    meta: dict[str, Any]
    arrays: dict[str, ArrayInfo]


def write_container(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    meta: Mapping[str, Any],
    *,
    kind: str,
    force: bool = True,
) -> None:
    """Write arrays and metadata as one file, whole or not at all.

    The arrays go to the file one after the other; no second copy of them all is made. Equal
    content gives equal bytes, whatever the order of the arrays. The file says nothing of the user, the
    machine, the path or the time.

    Args:
        path: Where to write; its folder must exist. See `atomic_write` for what is promised.
        arrays: Arrays of any shape by name: float16, float32, float64, int8 to int64, uint8 to uint64, bool.
        meta: JSON values by name; see `gorae.files.meta.meta_to_json` for NaN, tuples and numpy scalars.
        kind: What the file is, such as ``"model"``; a reader that wants something else is told.
        force: Whether an existing file may be replaced.

    Raises:
        InputError: If an array or a value cannot be stored, or there is too much meta to be read back.
        FileExistsRefusal: If the file exists and ``force`` is False.
        WriteError: If it cannot be written; the old file is intact.

    Example:
        >>> path = getfixture("tmp_path") / "small.gorae"
        >>> write_container(path, {"weight": np.eye(2)}, {"classes": ["a", "b"]}, kind="model")
        >>> read_container(path).meta
        {'classes': ['a', 'b']}
    """
    stored = in_file_order(arrays)
    header = compose(stored, kind, meta_to_json(meta))

    def write(file: IO[bytes]) -> None:
        digest = hashlib.sha256(header)
        file.write(header)
        for array in stored.values():
            # reshape before view: a 0-d array has no bytes to view, and neither has an empty one
            data = np.asarray(array, order="C").reshape(-1).view(np.uint8).data
            digest.update(data)
            file.write(data)
        file.seek(HASH_AT)
        file.write(digest.hexdigest().encode("ascii"))

    atomic_write(path, write, force=force)


def read_container(
    path: str | os.PathLike[str], *, kind: str | None = None, max_bytes: int = MAX_FILE_BYTES
) -> Container:
    """Read a container whose hash and layout are right; refuse every other file.

    Takes as much memory as the file is long: the arrays are views into its bytes, and read-only.

    Args:
        path: The file.
        kind: What it must be, such as ``"model"``; None takes any kind.
        max_bytes: The largest file to read, in bytes.

    Returns:
        Its kind, arrays and metadata; the arrays come in the order of the file.

    Raises:
        DamagedFileError: If it is damaged, cut short, hostile, or no gorae file at all.
        FileError: If it is missing, unreadable, no file, over ``max_bytes``, or of another kind.

    Example:
        >>> path = getfixture("tmp_path") / "small.gorae"
        >>> write_container(path, {"weight": np.ones((2, 3))}, {}, kind="model")
        >>> read_container(path, kind="model").arrays["weight"].shape
        (2, 3)
    """
    with _opened(path, max_bytes) as (file, size, shown):
        head, data_size = _read_header(file, size)
        try:
            data = np.empty(data_size, np.uint8)
        except MemoryError as error:
            raise FileError(f"{shown} takes {size:,} bytes, more than there is memory.") from error
        blocks = (data[start : start + _BLOCK].data for start in range(0, data_size, _BLOCK))
        header = _checked(head, data_size, _hash(file, head, blocks))
        meta = meta_from_json(header.meta)
        _check_kind(header.kind, kind, shown)
        data.flags.writeable = False
        arrays = {name: _view(data, name, info) for name, info in header.arrays.items()}
    return Container(header.kind, arrays, meta)


def read_meta(
    path: str | os.PathLike[str], *, kind: str | None = None, max_bytes: int = MAX_FILE_BYTES
) -> Summary:
    """Read what a container says of itself, without its arrays.

    The hash IS checked: the data is read once in blocks of 1 MB and not kept, so memory is small and time is
    that of reading the file.

    Args:
        path: The file.
        kind: What it must be; None takes any kind.
        max_bytes: The largest file to read, in bytes.

    Returns:
        Its kind, metadata, and dtype and shape of each array.

    Raises:
        DamagedFileError: If it is damaged, cut short, hostile, or no gorae file at all.
        FileError: If it is missing, unreadable, no file, over ``max_bytes``, or of another kind.

    Example:
        >>> path = getfixture("tmp_path") / "small.gorae"
        >>> write_container(path, {"weight": np.ones((2, 3))}, {}, kind="model")
        >>> read_meta(path).arrays["weight"].shape
        (2, 3)
    """
    with _opened(path, max_bytes) as (file, size, shown):
        head, data_size = _read_header(file, size)
        block = memoryview(bytearray(_BLOCK))
        blocks = (block[: data_size - start] for start in range(0, data_size, _BLOCK))
        header = _checked(head, data_size, _hash(file, head, blocks))
        meta = meta_from_json(header.meta)
        _check_kind(header.kind, kind, shown)
    return Summary(header.kind, meta, header.arrays)


@contextmanager
def _opened(path: str | os.PathLike[str], max_bytes: int) -> Iterator[tuple[FileIO, int, str]]:
    """Open a plain file for reading; inside, name the path in whatever is refused or fails."""
    try:
        shown = repr(os.fsdecode(path))
    except TypeError as error:
        raise InputTypeError(f"A path must be a str or a Path, got {path!r}.") from error
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as file:
            yield file, _plain_size(file, shown, max_bytes), shown
    except FileNotFoundError as error:
        raise FileError(f"There is no file {shown}; check the path.") from error
    except IsADirectoryError as error:
        raise FileError(f"{shown} is a folder; give the path of a file in it.") from error
    except InputError as error:
        reason = f"{shown} is refused: {error}. Give an intact file that gorae saved."
        raise DamagedFileError(reason) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise FileError(f"Cannot read {shown}: {getattr(error, 'strerror', None) or error}.") from error


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe that nobody writes to would otherwise be waited for for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _plain_size(file: FileIO, shown: str, max_bytes: int) -> int:
    """Return the size of an open file that is a file, and not too large."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{shown} is a device or a pipe, not a file.")
    if status.st_size > max_bytes:
        raise FileError(f"{shown} has {status.st_size:,} bytes, over the limit of {max_bytes:,} (max_bytes).")
    return status.st_size


def _read_header(file: FileIO, size: int) -> tuple[bytearray, int]:
    """Read the length field and the header, once the first bytes say that this is gorae's format."""
    head = bytearray(min(size, _HEAD))
    _fill(file, memoryview(head))
    _check_origin(bytes(head))
    if size < _HEAD:
        raise InputError("it was cut short")
    (length,) = struct.unpack_from("<Q", head)
    if not _HEAD - 8 <= length <= MAX_HEADER_BYTES:
        limit = f"{MAX_HEADER_BYTES:,}"
        raise InputError(f"its header of {length:,} bytes is damaged or over the limit of {limit}")
    if 8 + length > size:
        raise InputError("it was cut short, or the length of its header is damaged")
    head += bytes(8 + length - _HEAD)
    _fill(file, memoryview(head)[_HEAD:])
    return head, size - 8 - length


def _check_origin(head: bytes) -> None:
    """Judge by the first bytes, never by the name, whether gorae wrote the file."""
    own = head[8 : 8 + len(MAGIC)]
    if len(head) >= 8 and own and MAGIC.startswith(own):
        version = head[8 + len(MAGIC) : HASH_AT].partition(b'"')[0].decode("ascii", "replace")
        if len(head) == _HEAD and version != FORMAT:
            raise InputError(f"it is damaged or newer: its format is {version!r}, {FORMAT!r} was expected")
        return
    looks = next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), None)
    if not head:
        raise InputError("it is empty")
    if looks:
        raise InputError(f"it is not a gorae file; it looks like {looks}")
    if head[8:9] == b"{":
        raise InputError("it is not a gorae file; it looks like a safetensors file that gorae did not write")
    raise InputError("it is not a gorae file, or its first bytes are damaged")


def _hash(file: FileIO, head: bytearray, blocks: Iterable[memoryview]) -> str:
    """Fill the blocks with the rest of the file; return the hash of all but the hash itself."""
    digest = hashlib.sha256(head[:HASH_AT])
    digest.update(NO_HASH.encode("ascii"))
    digest.update(head[_HEAD:])
    for block in blocks:
        _fill(file, block)
        digest.update(block)
    return digest.hexdigest()


def _fill(file: FileIO, target: memoryview) -> None:
    """Read exactly as many bytes as the target holds."""
    while target:
        count = file.readinto(target)
        if not count:
            raise InputError("it became shorter while it was read")
        target = target[count:]


def _checked(head: bytearray, data_size: int, computed: str) -> Header:
    """Return the header of a file whose hash is right."""
    if head[HASH_AT:_HEAD] != computed.encode("ascii"):
        raise InputError("it is damaged; its content does not have the SHA-256 that it was saved with")
    return parse(bytes(memoryview(head)[8:]), data_size)


def _check_kind(found: str, wanted: str | None, shown: str) -> None:
    if wanted is not None and found != wanted:
        raise FileError(f"{shown} holds a {found!r}; a {wanted!r} was wanted.")


def _view(data: np.ndarray, name: str, info: ArrayInfo) -> np.ndarray:
    """Return one array as a view into the file's bytes (a copy only where the machine is big-endian)."""
    raw = data[info.start : info.stop]
    if info.dtype == np.bool_ and raw.size and raw.max() > 1:
        raise InputError(f"the array {name[:80]!r} holds truth values that are neither 0 nor 1")
    return raw.view(info.dtype).reshape(info.shape).astype(info.dtype.newbyteorder("="), copy=False)
