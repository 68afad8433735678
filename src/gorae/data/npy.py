"""Reads one array from a .npy file; the header is checked before memory is asked for."""

import io
import math

import numpy as np

from gorae.errors import DamagedFileError

__all__ = ["NPY_MAGIC", "read_npy"]

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

NPY_MAGIC = b"\x93NUMPY"


def read_npy(data: bytes, name: str) -> np.ndarray:
    """Read the array in the bytes of a .npy file.

    A header may state any shape, so the bytes that follow it decide: a shape that does not match
    them exactly is refused, and nothing of its size is ever allocated. Object arrays, which hold
    pickled code, are refused.

    Args:
        data: The bytes of the file.
        name: What the messages call it, usually its path.

    Returns:
        The array, of the file's own type and shape.

    Raises:
        DamagedFileError: The header cannot be read, holds objects, or does not match the data.

    Example:
        >>> file = io.BytesIO()
        >>> np.save(file, np.eye(2, dtype=np.uint8))
        >>> read_npy(file.getvalue(), "eye.npy").tolist()
        [[1, 0], [0, 1]]
    """
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran, dtype = _HEADERS[version](file)
    except (ValueError, KeyError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise DamagedFileError(f"{name}: the .npy header cannot be read ({error}).") from None
    if dtype.hasobject or not dtype.itemsize:
        raise DamagedFileError(
            f"{name}: the array holds {dtype}, not numbers; Python objects could only be loaded "
            "by running code."
        )
    stated, present = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if stated != present or min(shape, default=0) < 0:
        raise DamagedFileError(
            f"{name}: the .npy header states shape {shape} of {dtype}, {stated:,} bytes, but "
            f"{present:,} follow it."
        )
    flat = np.frombuffer(data, dtype, offset=file.tell(), count=math.prod(shape))
    return flat.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))
