"""The persistent compile cache: a program compiled once is loaded by every later process."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

_lock = threading.RLock()
_OPTIONS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def cache_folder() -> Path | None:
    """Return the folder of compiled programs, or None when caching is off.

    `GORAE_CACHE` names another folder; an empty value or `0` switches the cache off.
    """
    named = os.environ.get("GORAE_CACHE")
    if named is not None:
        return Path(named).expanduser() / "xla" if named not in ("", "0") else None
    base = os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    return root / "gorae" / "xla"


@contextmanager
def compile_cache() -> Iterator[None]:
    """Compile with gorae's cache folder inside the block, and leave JAX's configuration as it was.

    A cache folder that the user has given to JAX is used instead. One thread at a time compiles.
    """
    with _lock:
        folder = _usable_folder()
        if folder is None:
            yield
            return
        before = {name: getattr(jax.config, name) for name in _OPTIONS}
        jax.config.update("jax_compilation_cache_dir", str(folder))
        for name, value in _OPTIONS.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        try:
            yield
        finally:
            jax.config.update("jax_compilation_cache_dir", None)
            for name, value in before.items():
                jax.config.update(name, value)
            compilation_cache.reset_cache()


def _usable_folder() -> Path | None:
    """Return gorae's cache folder if JAX has none of its own and this one can be written."""
    folder = cache_folder()
    if folder is None or jax.config.jax_compilation_cache_dir is not None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
