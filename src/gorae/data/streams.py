"""Rows that do not fit into memory: read block by block, ahead of time, on threads.

A stream is cut into blocks of nearly equal size. Blocks are asked for in any order; while one is used, the
next ones are read, each in parts by several threads, so that a source that makes one wait (a disk, a network,
a decoder) is waited for by all of them at once. What comes out is the same whatever the threads did: parts
have their places.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from gorae.data.datasets import is_dataset, read_items
from gorae.errors import DataError, ParameterError

__all__ = ["Stream", "Waiting", "as_stream", "block_bounds", "in_blocks"]

_LARGE = 1 << 28
"""Bytes from which on a memory-mapped array is read as a stream without being asked to be."""

_BLOCK_BYTES = 1 << 25
"""Bytes of a block, about: enough that beginning one is nothing beside using it."""

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class Stream:
    """Rows to be read block by block instead of whole.

    Args:
        source: an array `(n, ...)`, such as `numpy.load(path, mmap_mode="r")` gives, or a map-style dataset.
        block_rows: rows of a block; None for about 32 MiB. At least some thousands, if training is to see
            well mixed rows: blocks come in a new order each epoch, and rows are shuffled inside of them.
        threads: how many read at a time.
        ahead: blocks that are read before they are asked for; so many and one more are in memory.

    Raises:
        ParameterError: when the source has no rows to read by number, or a number is below 1.

    Example:
        >>> len(Stream(np.zeros((10, 3)), block_rows=4))
        10
    """

    source: Any
    block_rows: int | None = None
    threads: int = 2
    ahead: int = 2

    def __post_init__(self):
        if not (hasattr(self.source, "shape") or is_dataset(self.source)):
            raise ParameterError(
                "a stream's source must be an array, such as a memory-mapped one, or have __len__ and "
                f"__getitem__, got {type(self.source).__name__}."
            )
        for name in ("block_rows", "threads", "ahead"):
            value = getattr(self, name)
            if not (value is None and name == "block_rows") and (not isinstance(value, int) or value < 1):
                raise ParameterError(f"{name} must be an integer of at least 1, got {value!r}.")

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.source)

    def read(self, start: int, stop: int) -> tuple[np.ndarray, list[Any]]:
        """Return the rows from one number to another, and their targets where the source has them."""
        if is_dataset(self.source):
            return read_items(self.source, range(start, stop))
        return np.asarray(self.source[start:stop]), []


@dataclass
class Waiting:
    """How long blocks were waited for.

    Args:
        seconds: from the first block asked for to the last one done with.
        waited: of these, how long nothing could be done because a block had not been read.
    """

    seconds: float = 0.0
    waited: float = 0.0
    _began: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def share(self) -> float:
        """The share of the time that was spent waiting."""
        return self.waited / self.seconds if self.seconds else 0.0


def as_stream(X: Any) -> Stream | None:
    """Return what is to be read block by block: a stream, or a large memory-mapped array; else None."""
    if isinstance(X, Stream):
        return X
    return Stream(X) if isinstance(X, np.memmap) and X.nbytes > _LARGE and X.ndim > 1 else None


def block_bounds(stream: Stream, row_bytes: int) -> list[tuple[int, int]]:
    """Return where blocks begin and end, of nearly equal size.

    Args:
        stream: the rows.
        row_bytes: bytes of one, for blocks whose size was not set.

    Raises:
        DataError: when there are no rows.

    Example:
        >>> block_bounds(Stream(np.zeros((10, 3)), block_rows=4), 24)
        [(0, 3), (3, 6), (6, 10)]
    """
    count = len(stream)
    if not count:
        raise DataError("the stream is empty: its source has no rows.")
    rows = stream.block_rows or max(1, _BLOCK_BYTES // max(1, row_bytes))
    blocks = -(-count // rows)
    return list(pairwise([count * place // blocks for place in range(blocks + 1)]))


def in_blocks(
    stream: Stream,
    order: Iterable[tuple[int, int]],
    make: Callable[[tuple[int, int], np.ndarray, list[Any]], _Made],
    waiting: Waiting | None = None,
) -> Iterator[_Made]:
    """Yield blocks in an order, each made of its rows on a thread, ahead of time.

    Args:
        stream: the rows.
        order: bounds of blocks, taken as they are needed.
        make: `(bounds, rows, targets) -> what is yielded`.
        waiting: told how long blocks were waited for.

    Raises:
        DataError: when a row cannot be read; the blocks before it have come.
    """
    told = waiting or Waiting()
    due: deque[Future[_Made]] = deque()
    with ThreadPoolExecutor(stream.threads) as readers, ThreadPoolExecutor(stream.ahead) as makers:

        def made(bounds: tuple[int, int]) -> _Made:
            return make(bounds, *_joined(readers, stream, bounds))

        try:
            for bounds in order:
                due.append(makers.submit(made, bounds))
                if len(due) > stream.ahead:
                    yield _next(due, told)
            while due:
                yield _next(due, told)
        finally:
            told.seconds = time.perf_counter() - told._began
            for each in due:
                each.cancel()


def _next(due: deque[Future[_Made]], told: Waiting) -> _Made:
    """Return the block that is due, and note how long it was waited for."""
    began = time.perf_counter()
    found = due.popleft().result()
    told.waited += time.perf_counter() - began
    return found


def _joined(
    readers: ThreadPoolExecutor, stream: Stream, bounds: tuple[int, int]
) -> tuple[np.ndarray, list[Any]]:
    """Return the rows of a block, read in parts, one a thread.

    Raises:
        DataError: when parts have rows of different sizes.
    """
    start, stop = bounds
    if isinstance(stream.source, np.ndarray):  # a view: its pages are read when it is copied
        return stream.read(start, stop)
    parts = min(stream.threads, stop - start)
    ends = [start + (stop - start) * place // parts for place in range(parts + 1)]
    jobs = [readers.submit(stream.read, low, high) for low, high in pairwise(ends)]
    found = [job.result() for job in jobs]
    rows = [part for part, _ in found]
    for part, low in zip(rows, ends, strict=False):
        if part.shape[1:] != rows[0].shape[1:]:
            raise DataError(
                f"rows from number {low} on have the shape {part.shape[1:]}, but row {start} has "
                f"{rows[0].shape[1:]}; all must be of one size."
            )
    targets = [target for _, some in found for target in some]
    return rows[0] if len(rows) == 1 else np.concatenate(rows), targets
