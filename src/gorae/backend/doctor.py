"""What `gorae doctor` prints: versions, devices, workers, cache, extras."""

import importlib.metadata
import importlib.util
import platform
from typing import Any

import jax

from gorae.backend.cache import cache_folder
from gorae.backend.devices import Device, cores, select_devices, workers_for
from gorae.backend.memory import memory_budget
from gorae.backend.processes import process_count

_CORE = ("gorae", "jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn", "safetensors", "polars")
_EXTRAS = {
    "pandas": "pandas frames",
    "pyarrow": "Arrow tables",
    "torch": "PyTorch at the border",
    "onnx": "ONNX files",
}


def diagnose() -> dict[str, Any]:
    """Return the facts about this installation and machine as one dictionary of plain values."""
    devices = select_devices()
    folder = cache_folder()
    programs = sorted(folder.glob("*-cache")) if folder and folder.is_dir() else []
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: importlib.metadata.version(name) for name in _CORE},
        "cores": cores(),
        "devices": [
            {"platform": d.platform, "kind": d.device_kind, "memory_budget": memory_budget(d)}
            for d in devices
        ],
        "workers": len(workers_for(devices)),
        "processes": process_count(),
        "compile_cache": {
            "on": folder is not None,
            "programs": len(programs),
            "bytes": sum(path.stat().st_size for path in programs),
        },
        "extras": {name: importlib.util.find_spec(name) is not None for name in _EXTRAS},
        "advice": _advice(devices),
    }


def _advice(devices: list[Device]) -> list[str]:
    """Return one sentence for each thing that costs speed here."""
    advice = []
    if cache_folder() is None:
        advice.append("The compile cache is off (GORAE_CACHE is empty): every process compiles anew.")
    if cores() == 1 and devices[0].platform == "cpu":
        advice.append("This process may use one core only: members train one after the other.")
    if jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]  made at run time
        advice.append("jax_enable_x64 is on: gorae still trains in float32, your own arrays are float64.")
    return advice
