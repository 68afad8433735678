"""Devices, and the workers that feed them.

On a CPU one worker a core runs programs of its own on the one CPU device of JAX: measured, two workers on
one device train a population as fast as two devices with a sharded program, with one compilation instead of
two and without touching `jax_num_cpu_devices`. On GPUs and TPUs one worker feeds each device.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jax

from gorae.errors import DeviceError, ParameterError, closest

if TYPE_CHECKING:
    from jaxlib._jax import Device  # what jax.Device is; a type checker cannot see through it
else:
    Device = jax.Device

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_PLATFORMS = {"cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "rocm": "gpu", "tpu": "tpu"}


@dataclass(frozen=True)
class Worker:
    """One thread that takes members from the queue and runs them on `device`."""

    device: Device
    index: int


def cores() -> int:
    """Return the number of processor cores this process may use: its affinity, and its group's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text("ascii").split()
        return min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no control group, or one without a quota ("max")
        return count


def select_devices(device: str | None = None) -> list[Device]:
    """Return the local JAX devices that a fit runs on.

    Args:
        device: `None` or `"auto"` for JAX's default (`jax_default_device`, else its first platform), or
            `"cpu"`, `"gpu"` (also `"cuda"`), `"tpu"`.

    Returns:
        Every local device of that platform; just the one that the user has made JAX's default, if any.

    Raises:
        ParameterError: for a name that is no platform.
        DeviceError: when this machine or this installation of JAX has no such device, or the default is
            another process's.

    Example:
        >>> select_devices("cpu")[0].platform
        'cpu'
    """
    if device is None or (isinstance(device, str) and device == "auto"):
        return _default_devices()
    platform = _PLATFORMS.get(device) if isinstance(device, str) else None
    if platform is None:
        near = closest(str(device), ["auto", *_PLATFORMS])
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"device must be None or one of {['auto', *_PLATFORMS]}, got {device!r}.{hint}")
    try:
        return jax.local_devices(backend=platform)
    except RuntimeError as error:
        found = sorted({d.platform for d in jax.local_devices()})
        raise DeviceError(
            f"device={device!r} was asked for, but JAX finds only {found} here; "
            "install the matching jaxlib (for NVIDIA: pip install 'gorae[gpu]') or use device='cpu'."
        ) from error


def workers_for(devices: list[Device]) -> list[Worker]:
    """Return the workers that keep `devices` busy: one a core on the CPU, one a device elsewhere.

    However many CPU devices the user has made of the cores, one takes all the programs: a program is compiled
    for one device.
    """
    if devices[0].platform == "cpu":
        return [Worker(devices[0], i) for i in range(cores())]
    return [Worker(device, i) for i, device in enumerate(devices)]


def _default_devices() -> list[Device]:
    """Return the device that the user has set as JAX's default, or all of JAX's first platform."""
    chosen = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]  made at run time
    if chosen is None:
        return jax.local_devices()
    if isinstance(chosen, str):
        return jax.local_devices(backend=chosen)
    if chosen.process_index != jax.process_index():
        raise DeviceError(
            f"jax_default_device is {chosen} of process {chosen.process_index}, but this is process "
            f"{jax.process_index()}; set one of jax.local_devices()."
        )
    return [chosen]
