"""What every benchmark writes beside its figures: machine, versions, and how figures were taken."""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("gorae", "jax", "numpy", "scikit-learn", "scipy")


def facts() -> dict[str, Any]:
    """Return processor, cores and versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "system": platform.system(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    """Return the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, smallest and largest of some figures."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "runs": len(values)}


def ratios(peer: Sequence[float], own: Sequence[float]) -> dict[str, float]:
    """Return how many times faster we are, pair by pair: the runs alternate, so drift falls out."""
    return spread([a / b for a, b in zip(peer, own, strict=True)])


def write(name: str, content: dict[str, Any]) -> Path:
    """Write a benchmark's figures with the machine's facts."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": facts(), **content}, indent=1) + "\n")
    return path


def arguments(description: str, runs: int = 5) -> argparse.Namespace:
    """Return the command line of a benchmark: how many runs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=runs, help="pairs of runs; the median is quoted")
    return parser.parse_args()
