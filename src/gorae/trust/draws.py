"""Draws that rows make themselves: the same for a row whenever it is asked about, and beside whom."""

import zlib
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
from jaxtyping import Float, Int

_BLOCK = 1 << 12
_SALT = b"share of the own class"
_BITS = 53


def rows_as_bytes(X: Any) -> Iterator[bytes]:
    """Yield each row's numbers as float64, -0 as 0: a row is the same of whatever type that holds them.

    One that float32 has rounded holds other numbers.
    """
    for start in range(0, len(X), _BLOCK):
        part = np.asarray(X[start : start + _BLOCK], np.float64).reshape(len(X[start : start + _BLOCK]), -1)
        yield from (row.tobytes() for row in np.ascontiguousarray(part) + 0.0)


def checksums(X: Any) -> Int[np.ndarray, " rows"]:
    """Return a checksum of each row's numbers."""
    return np.fromiter((zlib.crc32(row) for row in rows_as_bytes(X)), np.int64, len(X))


def row_draws(X: Any) -> Float[np.ndarray, " rows"]:
    """Return a number for each row that its own numbers draw, evenly from 0 to 1.

    Draws by place would give the first row of every question the same one: rows that are asked about one by
    one would all draw alike, and sets of classes would not hold the true one as often as is stated.

    Equal rows draw alike. Where a question has few different ones, each kind of row is right or wrong as a
    whole: of 600 rows of one truth value, sets stated to hold the true class in 80 % of rows hold it in 70 to
    90 %; of eight different rows in 75 to 85 %.

    Example:
        >>> X = np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> bool((row_draws(X)[::-1] == row_draws(X[::-1])).all())
        True
    """
    hashes = (blake2b(row, digest_size=8, key=_SALT).digest() for row in rows_as_bytes(X))
    numbers = np.fromiter(
        (int.from_bytes(one, "little") >> (64 - _BITS) for one in hashes), np.float64, len(X)
    )
    return numbers / 2.0**_BITS
