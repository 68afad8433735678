"""Devices, and the workers that feed them.

On a CPU one worker a core runs programs of its own on the one CPU device of JAX: measured, two workers on
one device train a population as fast as two devices with a sharded program, with one compilation instead of
two and without touching `jax_num_cpu_devices`. On GPUs and TPUs one worker feeds each device.
"""

import os
from dataclasses import dataclass

import jax

from gorae.errors import DeviceError, ParameterError, closest

_PLATFORMS = {"cpu": "cpu", "gpu": "gpu", "cuda": "gpu", "rocm": "gpu", "tpu": "tpu"}


@dataclass(frozen=True)
class Worker:
    """One thread that takes members from the queue and runs them on `device`."""

    device: jax.Device
    index: int


def cores() -> int:
    """Return the number of processor cores this process may use (its affinity, not the machine's count)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def select_devices(device: str | None = None) -> list[jax.Device]:
    """Return the local JAX devices that a fit runs on.

    Args:
        device: `None` or `"auto"` for JAX's default platform, or `"cpu"`, `"gpu"` (also `"cuda"`), `"tpu"`.

    Returns:
        Every local device of that platform.

    Raises:
        ParameterError: for a name that is no platform.
        DeviceError: when this machine or this installation of JAX has no such device.

    Example:
        >>> select_devices("cpu")[0].platform
        'cpu'
    """
    if device is None or device == "auto":
        return jax.local_devices()
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


def workers_for(devices: list[jax.Device]) -> list[Worker]:
    """Return the workers that keep `devices` busy: one a core on the CPU, one a device elsewhere."""
    if devices[0].platform == "cpu":
        count = max(cores(), len(devices))
        return [Worker(devices[i % len(devices)], i) for i in range(count)]
    return [Worker(device, i) for i, device in enumerate(devices)]
