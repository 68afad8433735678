"""Files of word vectors, read a vector at a time: lines of text, or word2vec's binary form.

Which of the two it is, what follows the first line decides: behind the first space of a text file's line
stand numbers in digits.
"""

import codecs
import re
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Float32

from gorae.data.token_lines import opened
from gorae.errors import DamagedFileError, FileError

__all__ = ["read_vector_file"]

_MAX_BYTES = 64 * 2**30
_MAX_NUMBERS = 2**30
_MAX_WIDTH = 1 << 14
_MAX_TOKEN_BYTES = 4_000
_BLOCK = 1 << 20
_MOST_EXPANSION, _ALWAYS = 200, 1 << 20
"""Bytes that a packed file may become, for each of its own, and besides; vectors pack three to one."""

_HEADER = re.compile(rb"(\d{1,12}) (\d{1,6})\s*")
_DIGITS = re.compile(rb"[-+.0-9eE \t\r\naninfNAINF]*")


def read_vector_file(
    path: str | Path, keep: Callable[[str], bool], *, max_bytes: int | None = None
) -> tuple[list[str], Float32[np.ndarray, "tokens width"]]:
    """Return tokens and their vectors.

    Args:
        path: The file.
        keep: Whether a token is wanted; the vectors of others are not read.
        max_bytes: Bytes that it may hold after unpacking; None for 64 GiB.

    Returns:
        The tokens that are wanted, each once, and a row for each.

    Raises:
        FileError: If the file cannot be read, or is too large.
        DamagedFileError: If it is not of one of the forms; the message says where.
    """
    path = Path(path)
    most = _MAX_BYTES if max_bytes is None else max_bytes
    places: dict[str, int] = {}
    numbers = array("f")
    width = 0
    with opened(path) as file:
        honest = _MOST_EXPANSION * path.stat().st_size + _ALWAYS
        for where, token, vector in _vectors(path, _Bounded(file, path, most, honest)):
            if token in places or not keep(token):
                continue
            found = vector()
            if found is None or not np.isfinite(found).all():
                raise DamagedFileError(
                    f"{path}: {where}, the vector of {token!r:.40} holds what is no finite number."
                )
            places[token], width = len(places), len(found)
            if len(numbers) + width > _MAX_NUMBERS:
                raise FileError(
                    f"{path}: its vectors take more than {4 * _MAX_NUMBERS / 2**30:g} GiB; say with tokens= "
                    "which are wanted."
                )
            numbers.frombytes(found.tobytes())
    values = np.frombuffer(numbers, np.float32).reshape(len(places), -1) if places else np.zeros((0, 0))
    return list(places), values.astype(np.float32)


class _Bounded:
    """An open file that may give so many bytes.

    Args:
        file: whose bytes, unpacked.
        path: its name, for messages.
        most: how many it may give.
        honest: how many are the most that a file of its size holds, if it is none that was made to fill
            memory or time.
    """

    def __init__(self, file: IO[bytes], path: Path, most: int, honest: int):
        self._file, self._path, self._most, self._honest = file, path, most, honest
        self._read = 0

    def line(self, limit: int) -> bytes:
        """Return the next line, or as much of it."""
        return self._counted(self._file.readline(limit))

    def block(self) -> bytes:
        """Return the next bytes."""
        return self._counted(self._file.read(_BLOCK))

    def _counted(self, data: bytes) -> bytes:
        """Return bytes that are counted.

        Raises:
            FileError: when there are more than may be.
            DamagedFileError: when there are more than can honestly be.
        """
        self._read += len(data)
        if self._read > self._most:
            raise FileError(
                f"{self._path}: the file holds more than {self._most:,} bytes after unpacking; give a part "
                "of it, or raise max_bytes."
            )
        if self._read > self._honest:
            raise DamagedFileError(
                f"{self._path}: the packed file expands more than {_MOST_EXPANSION} times, as a bomb does, "
                "and was refused; if it is honest, unpack it first."
            )
        return data


_Vector = tuple[str, str, Callable[[], np.ndarray | None]]
"""Where it stands, its token, and what reads its numbers; None where one is none."""


def _vectors(path: Path, file: _Bounded) -> Iterator[_Vector]:
    """Yield all vectors of a file."""
    first = file.line(_BLOCK).removeprefix(codecs.BOM_UTF8)
    header = _HEADER.fullmatch(first)
    if header is None:
        yield from _of_text(path, file, first, 1, len(first.rstrip().split(b" ")) - 1)
        return
    count, width = (int(part) for part in header.groups())
    probe = file.line(_BLOCK)
    if not 1 <= width <= _MAX_WIDTH:
        raise DamagedFileError(f"{path}: line 1 promises vectors of {width:,} numbers, 1 to {_MAX_WIDTH:,}.")
    _, space, written = probe.partition(b" ")
    cut = space and len(written.split()) < width  # one of a number's bytes may be that of a line end
    if _DIGITS.fullmatch(written) and probe.rstrip() and not cut:
        yield from _of_text(path, file, probe, 2, width, count)
    else:
        yield from _of_binary(path, file, probe, count, width)


def _of_text(
    path: Path, file: _Bounded, line: bytes, number: int, width: int, promised: int | None = None
) -> Iterator[_Vector]:
    """Yield the vectors of lines of text; a token may have spaces, as GloVe's do."""
    if not 1 <= width <= _MAX_WIDTH:
        raise DamagedFileError(
            f"{path}: a token and 1 to {_MAX_WIDTH:,} numbers were wanted in each line, but line {number} "
            f"has {width:,} numbers: {line[:60]!r}"
        )
    count = 0
    while line:
        if len(line) > _BLOCK:
            raise DamagedFileError(f"{path}: line {number:,} is longer than {_BLOCK:,} bytes.")
        text = _decoded(line, f"{path}: line {number:,}").rstrip(" \r\n")
        token, *parts = text.rsplit(" ", width)
        if text and (len(parts) < width or not token):
            raise DamagedFileError(
                f"{path}: line {number:,} has {len(parts)} numbers behind its token, {width} were wanted: "
                f"{text!r:.60}"
            )
        if text and _is_number(token.rpartition(" ")[2]) and " " in token:
            raise DamagedFileError(
                f"{path}: line {number:,} has more than the {width} numbers of the others."
            )
        if text:
            count += 1
            yield f"line {number:,}", token, lambda parts=parts: _numbers(parts)
        line, number = file.line(_BLOCK + 1), number + 1
    if promised is not None and count != promised:
        raise DamagedFileError(f"{path}: line 1 promises {promised:,} vectors, but there are {count:,}.")


def _is_number(text: str) -> bool:
    """Return whether a text is a number that is written out."""
    return _numbers([text]) is not None


def _numbers(parts: list[str]) -> np.ndarray | None:
    """Return numbers that are written out, or None where one is none."""
    try:
        with np.errstate(over="ignore"):
            return np.array(parts, np.float64).astype(np.float32)
    except ValueError:
        return None


def _of_binary(path: Path, file: _Bounded, block: bytes, count: int, width: int) -> Iterator[_Vector]:
    """Yield the vectors of word2vec's binary form: a token, a space, and numbers of four bytes each."""
    size, at = 4 * width, 0
    for number in range(1, count + 1):
        end = block.find(b" ", at)
        while end < 0 or len(block) < end + 1 + size:
            more = file.block()
            if not more or (end < 0 and len(block) - at > _MAX_TOKEN_BYTES):
                raise DamagedFileError(
                    f"{path}: {count:,} vectors of {width} numbers in word2vec's binary form were promised, "
                    f"but {'the file ends in' if not more else 'there is no token before'} number {number:,}."
                )
            block, at = block[at:] + more, 0
            end = block.find(b" ", at)
        token = _decoded(block[at:end].lstrip(b"\n"), f"{path}: vector {number:,}")
        values = np.frombuffer(block, "<f4", width, end + 1)
        at = end + 1 + size
        yield f"vector {number:,}", token, lambda values=values: values.astype(np.float32)


def _decoded(data: bytes, where: str) -> str:
    """Return UTF-8 as text."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{where} is not UTF-8 text: byte 0x{data[error.start]:02x}.") from None
