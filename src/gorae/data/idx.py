"""Reads idx files, the form in which MNIST and its relatives are given.

References:
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Num

from gorae.data.unpack import MAX_BYTES, read_bounded
from gorae.errors import DamagedFileError

__all__ = ["read_idx"]

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 8


def read_idx(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Num[np.ndarray, "..."]:
    r"""Read an idx file, plain or packed as gzip.

    The stated shape must match the bytes that are there exactly, and they are unpacked under the
    limits of :func:`gorae.data.unpack.read_bounded`.

    Args:
        path: The file.
        max_bytes: Bytes that it may hold after unpacking.

    Returns:
        The array, of the file's own type (bytes stay bytes) in this machine's byte order.

    Raises:
        FileError: The file is missing, cannot be read or is too large.
        DamagedFileError: It is no idx file, or cut off, or states another shape than it holds.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> _ = (folder / "labels").write_bytes(b"\0\0\x08\x01" + b"\0\0\0\x02" + b"\x07\x02")
        >>> read_idx(folder / "labels")
        array([7, 2], dtype=uint8)
    """
    data = read_bounded(path, max_bytes=max_bytes)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or not 1 <= data[3] <= _MAX_DIMENSIONS:
        raise DamagedFileError(f"{path}: an idx file was wanted, but the file starts with {data[:4]!r}.")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise DamagedFileError(f"{path}: the idx file ends within its header.")
    shape = tuple(int.from_bytes(data[place : place + 4], "big") for place in range(4, start, 4))
    dtype = np.dtype(_TYPES[data[2]])
    stated = math.prod(shape) * dtype.itemsize
    if stated != len(data) - start:
        raise DamagedFileError(
            f"{path}: the header states shape {shape} of {dtype.name}, {stated:,} bytes, but "
            f"{len(data) - start:,} follow it; the file is cut off or damaged."
        )
    array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))
