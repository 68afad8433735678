"""Lines of a text file one after the other, without holding the file: plain, gzip, xz or zip."""

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gorae.errors import DamagedFileError, FileError

__all__ = ["MAX_LINE_BYTES", "opened", "text_lines"]

MAX_LINE_BYTES = 256 * 2**20
"""Bytes that one line may have."""

_MAX_BYTES = 64 * 2**30
_GZIP, _XZ, _ZIP = b"\x1f\x8b", b"\xfd7zXZ\x00", b"PK\x03\x04"
_DAMAGED = (zlib.error, lzma.LZMAError, EOFError, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)


def text_lines(path: str | Path, *, max_bytes: int = _MAX_BYTES) -> Iterator[str]:
    r"""Yield the lines of a text file, without their ends; only one line is in memory at a time.

    What the file is, its first bytes decide. A zip must hold one file.

    Args:
        path: The file.
        max_bytes: Bytes that it may hold after unpacking.

    Yields:
        Each line, UTF-8; an empty one too, as rows are counted by lines.

    Raises:
        FileError: The file is missing or cannot be read, or is larger than `max_bytes`.
        DamagedFileError: It is damaged, not UTF-8 (the message has the line), has a line of more than
            `MAX_LINE_BYTES`, or is a zip of no or several files.

    Example:
        >>> path = getfixture("tmp_path") / "traces.txt.gz"
        >>> _ = path.write_bytes(gzip.compress(b"1,2\n3\n"))
        >>> list(text_lines(path))
        ['1,2', '3']
    """
    path = Path(path)
    read = 0
    with opened(path) as lines:
        number = 0
        while line := lines.readline(MAX_LINE_BYTES + 1):
            number += 1
            read += len(line)
            if len(line) > MAX_LINE_BYTES:
                raise DamagedFileError(
                    f"{path}: line {number:,} is longer than {MAX_LINE_BYTES:,} bytes; give a row a line."
                )
            if read > max_bytes:
                raise FileError(
                    f"{path}: the file holds more than {max_bytes:,} bytes after unpacking; give a part of "
                    "it, or raise max_bytes."
                )
            yield _decoded(line, number, path)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Give a file's bytes, unpacked when it is gzip, xz or a zip of one file, as they are asked for.

    Raises:
        FileError: The file is missing or cannot be read, inside the block too.
        DamagedFileError: The packed data is damaged, or a zip holds no or several files.
    """
    with _told(path), path.open("rb") as file, _unpacked(file, path) as content:
        yield content


def _decoded(line: bytes, number: int, path: Path) -> str:
    """Return a line as text without its end."""
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DamagedFileError(
            f"{path}: the file is not UTF-8 text: line {number:,} has the byte 0x{line[error.start]:02x}."
        ) from None


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of a file that cannot be read which it is and why."""
    try:
        yield
    except _DAMAGED as error:
        raise DamagedFileError(
            f"{path}: the packed data is damaged or cut off ({error}); fetch or make the file again."
        ) from error
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise FileError(f"{path}: a file was wanted, this is a folder.") from None
    except OSError as error:
        raise FileError(f"{path}: the file cannot be read ({error.strerror or error}).") from error


@contextmanager
def _unpacked(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """Choose by the first bytes how the file is unpacked."""
    head = file.read(len(_XZ))
    file.seek(0)
    if head.startswith(_GZIP):
        with gzip.GzipFile(fileobj=file) as lines:
            yield lines  # pyright: ignore[reportReturnType]
    elif head.startswith(_XZ):
        with lzma.LZMAFile(file) as lines:
            yield lines
    elif head.startswith(_ZIP):
        with zipfile.ZipFile(file) as archive:
            names = [info for info in archive.infolist() if not info.is_dir()]
            if len(names) != 1 or names[0].flag_bits & 1:
                raise DamagedFileError(
                    f"{path}: a zip of one file without a password was wanted, this one holds {len(names)}."
                )
            with archive.open(names[0]) as lines:
                yield lines
    else:
        yield file
