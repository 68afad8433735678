"""The persistent compile cache: a program compiled once is loaded by every later process."""

import hashlib
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

_lock = threading.RLock()
_inside = 0
_before: dict[str, Any] = {}
_OPTIONS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def cache_folder() -> Path | None:
    """Return the folder of compiled programs, or None when caching is off.

    `GORAE_CACHE` names another folder; an empty value or `0` switches the cache off. Each kind of processor
    has a folder of its own, so that machines that share a home never load each other's instructions.
    """
    named = os.environ.get("GORAE_CACHE")
    if named in ("", "0"):
        return None
    try:
        if named:
            root = Path(named).expanduser()
        else:
            root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gorae"
    except RuntimeError:  # this user has no home
        return None
    return root / "xla" / _processor()


@contextmanager
def compile_cache() -> Iterator[None]:
    """Compile with gorae's cache folder inside the block, and leave JAX's configuration as it was.

    A cache folder that the user has given to JAX is used instead. Several threads may be inside at once: the
    first one in sets the folder, the last one out puts JAX's configuration back.
    """
    global _inside
    entered = False
    try:
        with _lock:
            _inside += 1
            entered = True
            if _inside == 1:
                _configure(_usable_folder())
        yield
    finally:
        with _lock:
            _inside -= entered
            if _inside == 0:
                _restore()


def _configure(folder: Path | None) -> None:
    """Have JAX use the folder, if there is one, and remember what was set before."""
    if folder is None:
        return
    options = {"jax_compilation_cache_dir": str(folder), **_OPTIONS}
    for name, value in options.items():
        _before.setdefault(name, getattr(jax.config, name))  # what an interrupted `_restore` has left stays
        jax.config.update(name, value)
    compilation_cache.reset_cache()


def _restore() -> None:
    """Put JAX's configuration back."""
    if _before:
        for name, value in _before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        _before.clear()


def _usable_folder() -> Path | None:
    """Return gorae's cache folder if JAX has none of its own and this one can be written."""
    folder = cache_folder()
    users = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]  made at run time
    if folder is None or users is not None:
        return None
    try:
        for step in (*reversed(folder.parents), folder):  # with parents=True the mode is the last one's alone
            step.mkdir(exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


@lru_cache
def _processor() -> str:
    """Return a short name of this kind of processor: a hash of its instruction set."""
    described = [platform.machine(), platform.processor()]
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            described += [line for line in file if line.startswith(("model name", "flags", "Features"))][:2]
    except OSError:
        pass  # not Linux: the names above must do
    return hashlib.sha256("\n".join(described).encode()).hexdigest()[:12]
