"""Threads of NumPy's BLAS: one, where gorae's own threads share the cores out."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.RLock()
_inside = 0
_before: list[int] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run BLAS and LAPACK on one thread inside the block.

    Rounding then depends on the shapes alone; and small factorisations do not wait for busy cores. Several
    threads may be inside at once: the first one in sets it for the process, the last one out puts it back.
    """
    global _inside, _before
    entered = False
    try:
        with _lock:
            _inside += 1
            entered = True
            if _inside == 1:
                _before = [library.num_threads for library in _libraries()]
                _set([1] * len(_before))
        yield
    finally:
        with _lock:
            _inside -= entered
            if entered and _inside == 0:
                _set(_before)


def _set(threads: Sequence[int]) -> None:
    """Set the threads of each library, whichever thread has set them before."""
    for library, count in zip(_libraries(), threads, strict=True):
        release = getattr(library, "clear_controlling_thread", lambda force: None)  # since threadpoolctl 3.8
        release(force=True)
        library.set_num_threads(count)
        release(force=True)


@cache
def _libraries() -> list[Any]:
    """Return the handles on the BLAS libraries of this process; finding them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas").lib_controllers
