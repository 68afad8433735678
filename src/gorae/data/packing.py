"""Sequences of different lengths as one matrix of codes, and which part of a long one is kept.

Letters: n sequences become a matrix of T columns; sequence i stands in the first `lengths[i]` of them, and
padding (code 0) behind it.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Int32

from gorae.data.vocabulary import PADDING
from gorae.errors import DataError, ParameterError, closest

__all__ = ["WINDOWS", "Packed", "Window", "kept_places", "pack_sequences"]

Window = Literal["head", "tail", "head_tail", "spaced"]

WINDOWS: tuple[str, ...] = get_args(Window)
"""What may be kept of a sequence that is too long."""

_SPACED = 8


class Packed(NamedTuple):
    """Sequences as a matrix.

    Attributes:
        codes: the codes, padding behind each sequence.
        lengths: how many codes of each row are its own.
    """

    codes: Int32[np.ndarray, "n T"]
    lengths: Int32[np.ndarray, " n"]


def pack_sequences(
    sequences: Sequence[Any],
    *,
    max_length: int | None = None,
    window: Window = "head",
    width: int | None = None,
    name: str = "X",
) -> Packed:
    """Put sequences of codes into one matrix.

    Args:
        sequences: One array or list of codes a sequence; a memory-mapped token file will do, of which only
            what is kept is read.
        max_length: How many codes of a sequence are kept; None for all.
        window: Which are kept of a longer one (`kept_places`).
        width: Columns of the matrix, T; None for as many as the longest sequence keeps.
        name: What a message calls the sequences.

    Returns:
        The matrix and the lengths.

    Raises:
        DataError: If a sequence is empty; the message says which.
        ParameterError: If `max_length`, `window` or `width` is out of range.

    Example:
        >>> packed = pack_sequences([[5, 6, 7, 8], [9]], max_length=2, window="tail")
        >>> packed.codes.tolist(), packed.lengths.tolist()
        ([[7, 8], [9, 0]], [2, 1])
    """
    _check(max_length, window)
    if len(sequences) == 0:
        raise DataError(f"{name} must hold at least one sequence, got none.")
    lengths = np.fromiter((len(sequence) for sequence in sequences), np.int64, len(sequences))
    if (lengths == 0).any():
        empty = np.flatnonzero(lengths == 0)
        more = f" (and {len(empty) - 1:,} more)" if len(empty) > 1 else ""
        raise DataError(
            f"every sequence of {name} must hold at least one token, but row {empty[0]:,} (from 0){more} is "
            "empty; leave such rows out."
        )
    kept = lengths if max_length is None else np.minimum(lengths, max_length)
    longest = int(kept.max())
    if width is not None and width < longest:
        raise ParameterError(f"width must be at least the {longest:,} codes that are kept, got {width!r}.")
    codes = np.full((len(sequences), width or longest), PADDING, np.int32)
    for row, sequence in enumerate(sequences):
        for place, part in _parts(int(lengths[row]), int(kept[row]), window):
            codes[row, place : place + part.stop - part.start] = sequence[part]
    return Packed(codes, kept.astype(np.int32))


def kept_places(length: int, max_length: int, window: Window = "head") -> Int32[np.ndarray, " kept"]:
    """Return the places of a sequence that are kept, in their order.

    "head" keeps the first, "tail" the last, "head_tail" the first half and the last half (the middle one of
    an odd number is the head's), "spaced" eight runs of equal length (as far as that divides), the first at
    the start, the last at the end and the others evenly between.

    Args:
        length: Tokens of the sequence.
        max_length: How many are kept; all of a sequence that is no longer.
        window: One of `WINDOWS`.

    Returns:
        The places, rising, all different.

    Raises:
        ParameterError: If `max_length` is no whole number of at least 1, or there is no such window.

    Example:
        >>> [kept_places(9, 3, window).tolist() for window in WINDOWS]
        [[0, 1, 2], [6, 7, 8], [0, 1, 8], [0, 4, 8]]
        >>> kept_places(100, 16, "spaced").tolist()
        [0, 1, 14, 15, 28, 29, 42, 43, 56, 57, 70, 71, 84, 85, 98, 99]
    """
    _check(max_length, window)
    parts = _parts(length, min(length, max_length), window)
    return np.concatenate([np.arange(part.start, part.stop, dtype=np.int32) for _, part in parts])


def _parts(length: int, kept: int, window: str) -> list[tuple[int, slice]]:
    """Return the runs that are kept of a sequence, each with the place where it is put."""
    if kept == length or window == "head":
        return [(0, slice(0, kept))]
    if window == "tail":
        return [(0, slice(length - kept, length))]
    count = min(kept, 2 if window == "head_tail" else _SPACED)
    sizes = [kept // count + (run < kept % count) for run in range(count)]
    places = np.cumsum([0, *sizes]).tolist()
    free = length - kept  # what is left out, in equal gaps between the runs
    gaps = [free * run // max(1, count - 1) for run in range(count)]
    if count == 1:
        gaps = [0]
    return [
        (place, slice(place + gap, place + gap + size))
        for place, gap, size in zip(places, gaps, sizes, strict=False)
    ]


def _check(max_length: Any, window: Any) -> None:
    """Refuse a length or a window that is none."""
    whole = isinstance(max_length, int | np.integer) and not isinstance(max_length, bool)
    if max_length is not None and (not whole or max_length < 1):
        raise ParameterError(f"max_length must be None or a whole number of at least 1, got {max_length!r}.")
    if window not in WINDOWS:
        near = closest(window, WINDOWS) if isinstance(window, str) else None
        meant = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"window must be one of {', '.join(WINDOWS)}, got {window!r}.{meant}")
