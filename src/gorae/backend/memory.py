"""How much memory a fit may take, and how running out of it looks."""

import os

import jax

_SHARE = 0.5
_FALLBACK = 2 << 30


def memory_budget(device: jax.Device) -> int:
    """Return the bytes that training may hold on `device`: half of what is free there.

    `GORAE_MEMORY` (bytes) sets it by hand. On a CPU the control group's limit counts, where there is one.
    """
    named = os.environ.get("GORAE_MEMORY")
    if named and named.isdigit():
        return int(named)
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        limit = stats.get("bytes_limit", 0) - stats.get("bytes_in_use", 0)
        return int(limit * _SHARE) if limit > 0 else _FALLBACK
    free = min((value for value in (_available(), _group_limit()) if value), default=_FALLBACK)
    return int(free * _SHARE)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether `error` is the device or the host saying that memory ran out."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def _available() -> int | None:
    """Return the bytes Linux says can be had without swapping."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None


def _group_limit() -> int | None:
    """Return the memory limit of this process's control group, if it has one."""
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
