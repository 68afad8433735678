"""The processes of one run, put together by `jax.distributed`, and how bytes get from each to all others.

The user starts the same script in every process and calls `jax.distributed.initialize` first. Short messages
lie in JAX's coordination service, where nobody can be late: gloo's first collective gives up after 30 s, a
later one after 30 minutes. Long ones follow, once all have met, by a collective between CPU devices, which
needs nothing of an accelerator that trains.
"""

import atexit
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType
from typing import Any

import jax
import numpy as np
from jax._src.distributed import global_state  # the coordination service has no public name
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gorae.backend.compile import own_numerics
from gorae.errors import DeviceError

_LEFT = b"left"
"""What a process says for the last time, when Python ends."""

_SHORT = 16 << 10
_BLOCK = 1 << 20
_POLL_MS = 1000
_PATIENCE = 10.0
"""Seconds that others are waited for after Ctrl-C."""

_lock = threading.Lock()
_meetings = 0


def process_count() -> int:
    """Return the number of processes of this run; 1 where `jax.distributed` is not in use.

    Example:
        >>> process_count()
        1
    """
    return jax.process_count() if jax.distributed.is_initialized() else 1


def process_index() -> int:
    """Return the number of this process, from 0."""
    return jax.process_index() if jax.distributed.is_initialized() else 0


def gather_bytes(message: bytes) -> list[bytes]:
    """Return the messages of all processes, in their order; each must call this equally often.

    Ctrl-C is heard when the messages are there: half an exchange would leave the processes at odds. Where
    another process stays away, it ends the waiting after ten seconds.

    Args:
        message: what this process has to say.

    Raises:
        DeviceError: when another process has ended, cannot be reached, or stays away for too long.

    Example:
        >>> gather_bytes(b"alone")
        [b'alone']
    """
    if process_count() == 1:
        return [message]
    try:
        with _lock, _uninterrupted() as heard:
            heads = _meet(_head(message), heard)
            if (gone := _head(_LEFT)) in heads:
                raise DeviceError(
                    f"process {heads.index(gone)} of this run has ended, so that the others cannot go on; "
                    "see why, and start all of them again."
                )
            lengths = [int.from_bytes(each[:8], "little") for each in heads]
            if max(lengths) <= _SHORT:
                return [each[8:] for each in heads]
            return _collect(message, lengths)
    except (jax.errors.JaxRuntimeError, ValueError) as error:  # gloo's errors are ValueErrors
        raise DeviceError(
            "another process of this run has ended or cannot be reached; start all of them again "
            f"({str(error).splitlines()[0]:.200})."
        ) from error


def _meet(head: bytes, heard: Sequence[float]) -> list[bytes]:
    """Lay down the head of a message, and wait for those of all processes."""
    global _meetings
    if _meetings == 0:
        atexit.register(_leave)
    _meetings += 1
    client: Any = global_state.client
    client.key_value_set_bytes(_key(_meetings, process_index()), head)
    heads = [_waited_for(client, _key(_meetings, index), heard) for index in range(process_count())]
    if _meetings > 1:  # whoever has come here has read what was said before
        client.key_value_delete(_key(_meetings - 1, process_index()))
    return heads


def _head(message: bytes) -> bytes:
    """Return how long a message is, and the message itself where it is short."""
    return len(message).to_bytes(8, "little") + (message if len(message) <= _SHORT else b"")


def _key(meeting: int, index: int) -> str:
    """Return the name under which a process's message lies."""
    return f"gorae/{meeting}/{index}"


def _waited_for(client: Any, key: str, heard: Sequence[float]) -> bytes:
    """Return what lies under a key, however long it takes to come."""
    while True:
        try:
            return client.blocking_key_value_get_bytes(key, _POLL_MS)
        except jax.errors.JaxRuntimeError as error:
            if "DEADLINE_EXCEEDED" not in str(error):
                raise
        if heard and time.monotonic() - heard[0] > _PATIENCE:
            raise DeviceError("interrupted while another process of this run stayed away; end all of them.")


def _leave() -> None:
    """Say that this process comes to no meeting any more, so that nobody waits for it."""
    client: Any = global_state.client
    if client is not None:
        try:
            client.key_value_set_bytes(_key(_meetings + 1, process_index()), _head(_LEFT))
        except jax.errors.JaxRuntimeError:
            return  # there is nobody left to hear it


@contextmanager
def _uninterrupted() -> Iterator[list[float]]:
    """Hold Ctrl-C back until the block is left; give the times at which it came."""
    heard: list[float] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield heard
        return

    def hear(_number: int, _frame: FrameType | None) -> None:
        heard.append(time.monotonic())

    signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        signal.raise_signal(signal.SIGINT)


def _collect(message: bytes, lengths: Sequence[int]) -> list[bytes]:
    """Return the messages of all processes, block by block, by a collective."""
    bodies = [bytearray() for _ in lengths]
    for at in range(0, max(lengths), _BLOCK):
        block = np.zeros(_BLOCK, np.uint8)
        part = np.frombuffer(message, np.uint8)[at : at + _BLOCK]
        block[: len(part)] = part
        for body, row, length in zip(bodies, _gathered(block), lengths, strict=True):
            body += row[: max(0, length - at)].tobytes()
    return [bytes(body) for body in bodies]


def _gathered(row: np.ndarray) -> np.ndarray:
    """Return the rows of all processes, one below the other."""
    mesh = _hosts()
    own = next(device for device in mesh.devices if device.process_index == jax.process_index())
    everywhere = NamedSharding(mesh, PartitionSpec())
    with own_numerics():
        rows = jax.make_array_from_single_device_arrays(
            (len(mesh.devices), *row.shape),
            NamedSharding(mesh, PartitionSpec("processes")),
            [jax.device_put(row[None], own)],
        )
        return np.asarray(_replicate(everywhere)(rows).addressable_data(0))


@lru_cache
def _hosts() -> Mesh:
    """Return one CPU device of each process, in their order."""
    firsts: dict[int, Any] = {}
    for device in jax.devices("cpu"):
        firsts.setdefault(device.process_index, device)
    return Mesh(np.array([firsts[index] for index in sorted(firsts)]), ("processes",))


@lru_cache
def _replicate(where: NamedSharding) -> Any:
    """Return the program that gives every process all rows."""
    return jax.jit(lambda rows: rows, out_shardings=where)
