"""How much memory a fit may take, and how running out of it looks."""

import os
from pathlib import Path

import jax

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

from gorae.backend.devices import Device
from gorae.errors import ParameterError

_SHARE = 0.5
_FALLBACK = 2 << 30
_GROUP = Path("/sys/fs/cgroup")
_STATUS = Path("/proc/self/status")


def memory_budget(device: Device) -> int:
    """Return the bytes that training may hold on `device`: half of what is free there.

    `GORAE_MEMORY` (bytes) sets it by hand. On a CPU the limits of the control group and of the process
    (`ulimit -v`, `ulimit -d`) count, where there are any.

    Raises:
        ParameterError: when `GORAE_MEMORY` is no number of bytes.
    """
    named = os.environ.get("GORAE_MEMORY", "").strip()
    if named:
        if not (named.isascii() and named.isdigit() and int(named) > 0):
            raise ParameterError(f"GORAE_MEMORY must be a number of bytes such as 4000000000, got {named!r}.")
        return int(named)
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        limit = stats.get("bytes_limit", 0) - stats.get("bytes_in_use", 0)
        return int(limit * _SHARE) if limit > 0 else _FALLBACK
    free = [value for value in (_available(), _group_free(), _process_free()) if value is not None]
    return int(min(free, default=_FALLBACK) * _SHARE)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether `error` is the device or the host saying that memory ran out."""
    is_refused = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return isinstance(error, MemoryError) or is_refused


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


def _group_free() -> int | None:
    """Return what this process's control group has left; pages of files that it could drop count as free."""
    try:
        limit = (_GROUP / "memory.max").read_text("ascii").strip()
        used = int((_GROUP / "memory.current").read_text("ascii"))
        stat = dict(line.split() for line in (_GROUP / "memory.stat").read_text("ascii").splitlines())
    except (OSError, ValueError):
        return None
    if not limit.isdigit():
        return None
    return max(0, int(limit) - used + int(stat.get("inactive_file", 0)))


def _process_free() -> int | None:
    """Return what the limits of this process leave: its address space, and its data."""
    if resource is None:
        return None
    limits = {
        "VmSize": resource.getrlimit(resource.RLIMIT_AS)[0],
        "VmData": resource.getrlimit(resource.RLIMIT_DATA)[0],
    }
    limits = {name: limit for name, limit in limits.items() if limit != resource.RLIM_INFINITY}
    try:
        lines = _STATUS.read_text("ascii").splitlines() if limits else []
    except (OSError, ValueError):
        return None
    used = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith("Vm")}
    return min((max(0, limit - used.get(name, 0)) for name, limit in limits.items()), default=None)
