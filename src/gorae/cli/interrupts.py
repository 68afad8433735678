"""Ctrl-C is heard, whatever the main thread is doing.

Python raises `KeyboardInterrupt` wherever the main thread happens to be. In a callback of the garbage
collector or a finaliser the exception is printed and forgotten, so that the program goes on; while a class
tells its attributes their names it becomes a RuntimeError; while a compiled module is initialised, or JAX's
C++ calls back into Python, it can end in a crash. There, it has to wait.
"""

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_DELICATE_FILES = ("/jax/_src/", "/jaxlib/")
_DELICATE_NAMES = (
    "__del__",
    "__set_name__",
    "_xla_gc_callback",
    "ExtensionFileLoader.create_module",
    "ExtensionFileLoader.exec_module",
)
_RETRY_SECONDS = 0.02

INTERRUPTED = 130
"""The exit code that tells of Ctrl-C."""

_waiting = False
_held = False


def hear_interrupts() -> None:
    """Raise `KeyboardInterrupt` on Ctrl-C, as soon as the main thread can take it.

    Does nothing where Ctrl-C is somebody else's: ignored (`nohup`), or handled by the program that calls.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _hear)
        sys.unraisablehook = _tell_unraisable


def _hear(_number: int, frame: FrameType | None) -> None:
    """Raise, or try again soon where an exception would be lost or do harm."""
    global _waiting
    if not _held and not is_delicate(frame):
        _waiting = False
        raise KeyboardInterrupt
    _hear_again()


def _hear_again() -> None:
    """See to it that the signal comes once more, a little later."""
    global _waiting
    if not _waiting:
        _waiting = True
        # Not a Timer: starting one takes locks, which the frame that was interrupted may hold.
        _thread.start_new_thread(_send_later, ())


def _send_later() -> None:
    """Wait, and send the signal unless it was heard meanwhile."""
    global _waiting
    time.sleep(_RETRY_SECONDS)
    if _waiting:
        _waiting = False
        _send()


def _send() -> None:
    """Send the signal to the main thread: sent to this one, it would not end a call that waits over there."""
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def _tell_unraisable(told: "sys.UnraisableHookArgs") -> None:
    """Let a Ctrl-C come again that Python would print and forget; print what else cannot be raised."""
    if issubclass(told.exc_type, KeyboardInterrupt):
        _hear_again()
    else:
        sys.__unraisablehook__(told)


def ignore_interrupts() -> None:
    """Hear no further Ctrl-C: the command is ending already, and its exit code shall tell why."""
    if signal.getsignal(signal.SIGINT) is _hear:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block, where results that took long are put away in no time."""
    global _held
    _held = True
    try:
        yield
    finally:
        _held = False


def is_delicate(frame: FrameType | None) -> bool:
    """Return whether a frame, or one that it was called from, is no place for an exception from outside."""
    while frame is not None:
        code = frame.f_code
        name = code.co_filename.replace("\\", "/")
        if code.co_qualname.endswith(_DELICATE_NAMES) or any(part in name for part in _DELICATE_FILES):
            return True
        frame = frame.f_back
    return False
