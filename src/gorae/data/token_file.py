r"""Memory-mapped files of tokens: sequences of any length that are read a window at a time.

One file holds the codes of all sequences, one after the other, and where each begins::

    magic "gorae-tk", version, bytes a code (1, 2 or 4), sequences n, codes N      32 bytes
    SHA-256 of the codes, SHA-256 of these 64 bytes and the places                 64 bytes
    codes                                                                          N of 1, 2 or 4 bytes
    zeros up to a multiple of 8, then the places of the beginnings and the end     n + 1 of 8 bytes

All numbers are little-endian. Opening reads the header and the places, checks them and the size of the file,
and maps the codes: memory holds what is looked at. Codes are as a vocabulary gives them: 0 is padding and 1
an unknown token.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from jaxtyping import Int64, Integer

from gorae.data.tokenizers import Tokenizer, as_tokenizer
from gorae.data.vocabulary import Vocabulary
from gorae.errors import DamagedFileError, DataError, FileError
from gorae.files import atomic_write

__all__ = ["TokenFile", "open_tokens", "write_tokens"]

MAX_SEQUENCES = 1 << 28
_MAGIC, _VERSION = b"gorae-tk", 1
_HEADER = struct.Struct("<8sIIQQ")
_DIGEST = hashlib.sha256().digest_size
_START = _HEADER.size + 2 * _DIGEST
_CODES = {1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}
_BLOCK = 1 << 24


@dataclass(frozen=True)
class TokenFile:
    """Sequences in a file; made by `open_tokens`.

    It is a sequence of arrays: `len(file)` and `file[i]`, which copies nothing; so `pack_sequences` and
    `hashed_ngrams` take it as it is.

    Args:
        path: The file.
        codes: All codes, mapped from the file.
        places: Where each sequence begins among them, and the end of the last.
        digest: The SHA-256 that the file states of its codes.
    """

    path: Path
    codes: Integer[np.ndarray, " codes"]
    places: Int64[np.ndarray, " ends"]
    digest: bytes

    def __len__(self) -> int:
        """Return how many sequences there are."""
        return len(self.places) - 1

    def __getitem__(self, row: int) -> Integer[np.ndarray, " length"]:
        """Return the codes of a sequence; they are read when they are looked at.

        Raises:
            IndexError: If there is no such sequence.
        """
        if not -len(self) <= row < len(self):
            raise IndexError(f"{self.path}: there is no sequence {row}, the file holds {len(self):,}.")
        row %= len(self)
        return self.codes[self.places[row] : self.places[row + 1]]

    def __iter__(self) -> Iterator[Integer[np.ndarray, " length"]]:
        """Yield each sequence."""
        return (self[row] for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Return whether both are the same file."""
        return isinstance(other, TokenFile) and (self.path, self.digest) == (other.path, other.digest)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    @property
    def lengths(self) -> Int64[np.ndarray, " rows"]:
        """How many codes each sequence has."""
        return np.diff(self.places)

    def verify(self) -> None:
        """Read all codes and compare them with the hash that the file states.

        Raises:
            DamagedFileError: If they differ.
        """
        found = hashlib.sha256()
        for start in range(0, len(self.codes), _BLOCK):
            found.update(self.codes[start : start + _BLOCK].tobytes())
        if found.digest() != self.digest:
            raise DamagedFileError(f"{self.path}: the codes are not those that were written; make it again.")


def write_tokens(
    path: str | Path,
    rows: Iterable[Any],
    vocabulary: Vocabulary,
    *,
    tokenizer: Tokenizer | str = "calls",
    force: bool = True,
) -> TokenFile:
    """Write the codes of texts or traces to a token file, one after the other.

    Only one row is in memory at a time. The file is written whole or not at all; a code takes as many bytes
    as the vocabulary needs.

    Args:
        path: Where to write.
        rows: Texts or traces as the tokenizer takes them, such as `text_lines` of a file.
        vocabulary: The code of each token; fit it on training rows.
        tokenizer: What cuts a row.
        force: Whether an existing file may be replaced.

    Returns:
        The file, open.

    Raises:
        DataError: If a row holds no token; the message says which.
        WriteError: If the file cannot be written; an old one is then intact.
        FileExistsRefusal: If it exists and `force` is False.

    Example:
        >>> from gorae.data.vocabulary import fit_vocabulary
        >>> calls = fit_vocabulary([["a", "b"], ["a"]])
        >>> file = write_tokens(getfixture("tmp_path") / "calls.tokens", ["a,b,a", "c"], calls)
        >>> len(file), [row.tolist() for row in file], file.codes.dtype.name
        (2, [[2, 3, 2], [1]], 'uint8')
    """
    cut = as_tokenizer(tokenizer)
    size = 1 if len(vocabulary) <= 1 << 8 else 2 if len(vocabulary) <= 1 << 16 else 4

    def write(file: IO[bytes]) -> None:
        file.write(bytes(_START))
        places, codes_hash, total = [0], hashlib.sha256(), 0
        for row, text in enumerate(rows):
            tokens = cut(text)
            if not tokens:
                raise DataError(f"row {row:,} (from 0) holds no token; leave such rows out.")
            if row >= MAX_SEQUENCES:
                raise DataError(f"a token file holds at most {MAX_SEQUENCES:,} rows; write several.")
            data = vocabulary.encode(tokens).astype(_CODES[size]).tobytes()
            codes_hash.update(data)
            file.write(data)
            total += len(tokens)
            places.append(total)
        if len(places) == 1:
            raise DataError("a token file needs at least one row, got none.")
        file.write(bytes(-(total * size) % 8))
        ends = np.array(places, "<i8").tobytes()
        file.write(ends)
        head = _HEADER.pack(_MAGIC, _VERSION, size, len(places) - 1, total) + codes_hash.digest()
        file.seek(0)
        file.write(head + hashlib.sha256(head + ends).digest())

    atomic_write(path, write, force=force)
    return open_tokens(path)


def open_tokens(path: str | Path) -> TokenFile:
    """Open a token file without loading its codes.

    Args:
        path: A file that `write_tokens` wrote.

    Returns:
        Its sequences.

    Raises:
        FileError: The file is missing or cannot be read.
        DamagedFileError: It is no token file, its header or places were changed, or it is cut off.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _opened(file, path)
    except FileNotFoundError:
        raise FileError(f"{path}: there is no such file; check the path.") from None
    except IsADirectoryError:
        raise FileError(f"{path}: a file was wanted, this is a folder.") from None
    except OSError as error:
        raise FileError(f"{path}: the file cannot be read ({error.strerror or error}).") from error


def _opened(file: IO[bytes], path: Path) -> TokenFile:
    """Check the header, the size and the places of an open file, in this order, and map its codes."""
    head = file.read(_START)
    if len(head) < _START or not head.startswith(_MAGIC):
        raise DamagedFileError(f"{path}: a token file of gorae was wanted, this is none.")
    _, version, size, count, total = _HEADER.unpack(head[: _HEADER.size])
    if version != _VERSION:
        raise DamagedFileError(
            f"{path}: the token file is of version {version}, this gorae reads {_VERSION}."
        )
    if size not in _CODES or not 1 <= count <= min(MAX_SEQUENCES, total):
        raise DamagedFileError(f"{path}: the header of the token file is damaged.")
    behind = _START + total * size + -(total * size) % 8
    actual = file.seek(0, 2)
    if actual != behind + 8 * (count + 1):
        raise DamagedFileError(
            f"{path}: the header states {total:,} codes in {count:,} rows, which {actual:,} bytes are not; "
            "the file is cut off or damaged."
        )
    file.seek(behind)
    ends = file.read(8 * (count + 1))
    if hashlib.sha256(head[:-_DIGEST] + ends).digest() != head[-_DIGEST:]:
        raise DamagedFileError(f"{path}: the header or the places of the token file were changed.")
    places = np.frombuffer(ends, "<i8")
    if places[0] != 0 or places[-1] != total or (np.diff(places) < 1).any():
        raise DamagedFileError(
            f"{path}: the places of the token file do not rise from 0 to its codes' number."
        )
    codes = np.memmap(file, _CODES[size], "r", _START, (total,))
    return TokenFile(path, codes, places, head[_HEADER.size : -_DIGEST])
