"""Ctrl-C as a call instead of an exception, while something runs that must not be left half done."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def hearing_interrupts(act: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C call `act` inside the block, as `asyncio.run` does, and raise nothing.

    Raised while the main thread is in a callback of the garbage collector (JAX has one), it would be printed
    and forgotten. Handlers of the program that calls are left alone; so are threads besides the main one.

    Args:
        act: called in the main thread, between any two of its instructions.
    """
    own = threading.current_thread() is threading.main_thread()
    if not own or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def hear(_number: int, _frame: FrameType | None) -> None:
        act()

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
