"""Programs compiled ahead of time, kept by what they are made of."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from gorae.backend.cache import compile_cache

_programs: dict[Hashable, Callable[..., Any]] = {}
_lock = threading.RLock()


def compiled(
    function: Callable[..., Any], key: Hashable, arguments: tuple[Any, ...], device: jax.Device
) -> Callable[..., Any]:
    """Return `function` compiled for arguments of these shapes on `device`.

    Args:
        function: a pure function of arrays.
        key: everything besides the shapes that the program depends on; equal keys share one program.
        arguments: arrays (or trees of them) with the shapes and dtypes of the later calls.
        device: where it will run.

    Returns:
        The executable; it may be called from several threads at once.
    """
    leaves, structure = jax.tree.flatten(arguments)
    shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
    full_key = (key, structure, shapes, device)
    program = _programs.get(full_key)
    if program is None:
        with _lock:
            program = _programs.get(full_key)
            if program is None:
                sharding = jax.sharding.SingleDeviceSharding(device)
                wanted = jax.tree.map(
                    lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=sharding), arguments
                )
                with compile_cache(), _own_numerics():
                    program = jax.jit(function).lower(*wanted).compile()
                _programs[full_key] = program
    return program


@contextmanager
def _own_numerics() -> Iterator[None]:
    """Trace with the same rules whatever the user has set: 32 bits, and random bits that ignore padding."""
    with (
        jax.enable_x64(False),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.debug_nans(False),
    ):
        yield


def clear_programs() -> None:
    """Forget every compiled program of this process (the cache on disk stays)."""
    with _lock:
        _programs.clear()
