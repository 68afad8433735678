"""Programs compiled ahead of time, kept by what they are made of."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax

from gorae.backend.cache import compile_cache
from gorae.backend.devices import Device

_LARGEST = 256
"""The most programs kept in a process; the oldest goes first."""

_QUICKLY: dict[str, Any] = {"xla_backend_optimization_level": 1}
"""Less of LLVM, on a CPU: drawing an MLP compiles in 0.3 s instead of 0.8, training it in 1.2 not 1.35.

XLA's GPU compiler supports the full level only.
"""
_MORE_QUICKLY = _QUICKLY | {"xla_cpu_use_fusion_emitters": False}
"""XLA's older way to write loops: drawing an MLP takes 0.7 s of a processor instead of 1.2. Not for training:
there, a stack and a member alone would round differently.
"""

_programs: dict[Hashable, Callable[..., Any]] = {}
_gates: dict[Hashable, threading.Lock] = {}
_lock = threading.Lock()
_tracing = threading.Lock()
"""Tracing is Python's work: two threads at it take longer than one after the other."""


def compiled(
    function: Callable[..., Any],
    key: Hashable,
    arguments: tuple[Any, ...],
    device: Device,
    *,
    quickly: bool = False,
    once: bool = False,
) -> Callable[..., Any]:
    """Return `function` compiled for arguments of these shapes on `device`.

    Several threads may compile at once; those that want the same program wait for the first of them.

    Args:
        function: a pure function of arrays.
        key: everything besides the shapes that the program depends on; equal keys share one program.
        arguments: arrays (or trees of them) with the shapes and dtypes of the later calls.
        device: where it will run.
        quickly: whether the program does so little work that compiling it soon is worth more than its speed.
        once: whether it even runs only once, or once a member.

    Returns:
        The executable; it may be called from several threads at once.
    """
    leaves, structure = jax.tree.flatten(arguments)
    shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
    full_key = (key, structure, shapes, device)
    program = _programs.get(full_key)
    if program is not None:
        return program
    with _lock:
        gate = _gates.setdefault(full_key, threading.Lock())
    try:
        with gate:
            program = _programs.get(full_key)
            if program is None:
                options = _MORE_QUICKLY if once else _QUICKLY if quickly else None
                options = options if device.platform == "cpu" else None
                program = _compile(function, arguments, device, options)
                with _lock:
                    while len(_programs) >= _LARGEST:
                        del _programs[next(iter(_programs))]
                    _programs[full_key] = program
    finally:
        with _lock:
            _gates.pop(full_key, None)
    return program


def _compile(
    function: Callable[..., Any], arguments: tuple[Any, ...], device: Device, options: dict[str, Any] | None
) -> Callable[..., Any]:
    """Return the executable, from the cache on disk if it is there."""
    sharding = jax.sharding.SingleDeviceSharding(device)
    wanted = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=sharding), arguments)
    with compile_cache(), own_numerics():
        with _tracing:
            lowered = jax.jit(function).lower(*wanted)
        try:
            program = lowered.compile(compiler_options=options)
        except RuntimeError as error:  # an XLA that knows one way only
            if options != _MORE_QUICKLY or "No such compile option" not in str(error):
                raise
            program = lowered.compile(compiler_options=_QUICKLY)
        return partial(_call, program)


def _call(program: Callable[..., Any], *arguments: Any) -> Any:
    """Run a program; NaN is a result like another, even where the user has JAX look for it."""
    with own_numerics():
        return program(*arguments)


@contextmanager
def own_numerics() -> Iterator[None]:
    """Trace and run with the same rules whatever the user has set; theirs are back afterwards.

    32 bits; random bits that ignore padding; float32 products in float32, where a GPU would round their
    factors to 10 bits (TF32), so that a member is the same alone and in a stack; no trap on NaN; no guard on
    transfers.
    """
    with (
        jax.enable_x64(False),
        jax.default_matmul_precision("highest"),
        jax.default_prng_impl("threefry2x32"),
        jax.threefry_partitionable(True),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        jax.debug_nans(False),
        jax.debug_infs(False),
        jax.disable_jit(False),
        jax.transfer_guard("allow"),
    ):
        yield


def clear_programs() -> None:
    """Forget every compiled program of this process (the cache on disk stays)."""
    with _lock:
        _programs.clear()
