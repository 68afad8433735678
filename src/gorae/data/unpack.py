"""Reads a file whole, unpacking gzip and xz, and stops before a small file becomes a huge one."""

import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from gorae.errors import DamagedFileError, FileError

__all__ = ["MAX_BYTES", "read_bounded", "read_head"]

MAX_BYTES = 2 * 2**30
"""Bytes that one file may hold after unpacking, unless the caller says otherwise."""

_WINDOW = 64 * 2**20  # unpacked bytes over which the expansion is measured
_MAX_RATIO = 200  # text rarely packs better than 20 to 1; deflate ends at 1,032 to 1
_BLOCK = 2**20
_LZMA_MEMORY = 256 * 2**20  # the largest xz preset asks for 65 MiB; a hostile header could ask for 4 GiB

_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"


def read_bounded(path: str | Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a file whole, unpacked when it is gzip or xz.

    What the file is, its first bytes decide, not its name. Two limits are watched while the bytes
    arrive: the size after unpacking, and its expansion: 64 MiB of output must not come out of less
    than a 200th of that. Measured per stretch of 64 MiB, the second limit refuses a bomb at once,
    wherever in the file it hides.

    Args:
        path: The file.
        max_bytes: Bytes that it may hold after unpacking.

    Returns:
        The bytes.

    Raises:
        FileError: The file is missing or cannot be read, or is larger than ``max_bytes``.
        DamagedFileError: The packed data is damaged, cut off, or expands like a bomb.

    Example:
        >>> import gzip, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     packed = Path(folder, "two.csv.gz")
        ...     _ = packed.write_bytes(gzip.compress(b"a,b"))
        ...     read_bounded(packed)
        b'a,b'
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _collect(file, path, max_bytes)
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise FileError(f"{path}: a file was wanted, this is a folder.") from None
    except OSError as error:
        raise FileError(f"{path}: the file cannot be read ({error.strerror or error}).") from error


def read_head(path: str | Path, count: int) -> bytes:
    """Return the first bytes of a file, unpacked when it is gzip or xz.

    Args:
        path: The file.
        count: How many, at most.

    Returns:
        The bytes; none where the file cannot be read: whoever reads it whole says why.

    Example:
        >>> read_head("nowhere.csv", 10)
        b''
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(_BLOCK)
            return next(iter(_blocks(_Source(file, head), head)), b"")[:count]
    except (OSError, zlib.error, lzma.LZMAError, EOFError):
        return b""


def _collect(file: BinaryIO, path: Path, max_bytes: int) -> bytes:
    """Gather the blocks of an open file under both limits."""
    head = file.read(_BLOCK)
    source = _Source(file, head)
    blocks = _blocks(source, head)
    kept = io.BytesIO()
    window_start = window_read = 0
    try:
        for block in blocks:
            kept.write(block)
            size = kept.tell()
            if size > max_bytes:
                raise FileError(
                    f"{path}: the file holds more than {max_bytes:,} bytes after unpacking, the limit of "
                    "what is read at once; give fewer rows, or raise max_bytes."
                )
            if size - window_start >= _WINDOW:
                if source.taken - window_read < _WINDOW // _MAX_RATIO:
                    raise DamagedFileError(
                        f"{path}: the packed file expands more than {_MAX_RATIO} times, as a decompression "
                        "bomb does, and was refused; if it is honest, unpack it first."
                    )
                window_start, window_read = size, source.taken
    except (zlib.error, lzma.LZMAError, EOFError) as error:
        raise DamagedFileError(
            f"{path}: the packed data is damaged or cut off ({error}); fetch or make the file again."
        ) from error
    return kept.getvalue()


class _Source:
    """An open file read in blocks that counts the bytes it has handed out."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._head = head
        self.taken = 0

    def __call__(self) -> bytes:
        block, self._head = self._head or self._file.read(_BLOCK), b""
        self.taken += len(block)
        return block


def _blocks(source: _Source, head: bytes) -> Iterator[bytes]:
    """Choose by the first bytes how the file is unpacked."""
    if head.startswith(_GZIP):
        return _inflate(source, lambda: zlib.decompressobj(wbits=31), _GZIP)
    if head.startswith(_XZ):
        return _inflate(source, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY), _XZ)
    return iter(source, b"")


def _inflate(source: _Source, make: Callable, magic: bytes) -> Iterator[bytes]:
    """Unpack one stream after the other, at most a block of output at a time."""
    pending = source()
    while pending:
        stream = make()
        while not stream.eof:
            block = stream.decompress(pending, _BLOCK)
            if block:
                yield block
            # zlib hands back what it has not used, lzma keeps it inside until it needs more
            pending = getattr(stream, "unconsumed_tail", b"")
            if not stream.eof and not pending and getattr(stream, "needs_input", True):
                pending = source()
                if not pending and not block:
                    raise EOFError("the data ends in the middle of a stream")
        pending = stream.unused_data.lstrip(b"\0")  # both formats allow zero padding behind a stream
        while len(pending) < len(magic) and (more := source()):
            pending = (pending + more).lstrip(b"\0")
        if pending and not pending.startswith(magic):
            raise EOFError("other data follows the packed stream")
