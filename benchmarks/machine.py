"""What every benchmark writes beside its figures: machine, versions, and how figures were taken."""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

RESULTS = Path(__file__).parent / "results"
Result = TypeVar("Result")
_PACKAGES = ("gorae", "jax", "numpy", "scikit-learn", "scipy")


def facts(packages: Sequence[str] = ()) -> dict[str, Any]:
    """Return processor, cores and versions, those of further packages too."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "system": platform.system(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        **{name: importlib.metadata.version(name) for name in (*_PACKAGES, *packages)},
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


def compared(
    job: str, peer: str, peers: Sequence[float], owns: Sequence[float], wanted: float | None, **further: Any
) -> dict[str, Any]:
    """Return a row of the table.

    Args:
        job: what was done, in words.
        peer: against what.
        peers: its seconds, one a pair.
        owns: our seconds.
        wanted: the ratio that is wanted, or None.
        **further: what else is told.
    """
    return {
        "job": job,
        "peer": peer,
        "peer_seconds": spread(peers),
        "own_seconds": spread(owns),
        "ratio": ratios(peers, owns),
        "wanted": wanted,
        **further,
    }


def show(row: dict[str, Any], *further: object) -> None:
    """Print a row of the table."""
    print(row["job"], "ratio", row["ratio"], "wanted", row["wanted"], *further, flush=True)


def write(name: str, content: dict[str, Any], *, packages: Sequence[str] = ()) -> Path:
    """Write a benchmark's figures with the machine's facts."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": facts(packages), **content}, indent=1) + "\n")
    return path


def record(
    name: str, content: dict[str, Any], given: argparse.Namespace, *, packages: Sequence[str] = ()
) -> None:
    """Write a benchmark's figures; those of a smoke test are printed only."""
    if given.quick:
        print(json.dumps(content, indent=1))
    else:
        print(write(name, content, packages=packages))


def arguments(description: str, runs: int = 5) -> argparse.Namespace:
    """Return the command line of a benchmark: how many runs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=runs, help="pairs of runs; the median is quoted")
    return parser.parse_args()


def pairs_parser(description: str, pairs: int = 5) -> argparse.ArgumentParser:
    """Return the command line of a benchmark whose sides alternate: how many pairs, or a smoke test."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=pairs, help="pairs of runs; the median is quoted")
    parser.add_argument("--quick", action="store_true", help="a smoke test: toy sizes, one pair, no file")
    return parser


def pairs_given(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return what the command line says; a smoke test is one pair."""
    given = parser.parse_args()
    if given.quick:
        given.pairs = 1
    return given


def ran_child(child: Callable[..., None]) -> bool:
    """Do what `in_new_process` has asked of this process, if it has; return whether it had."""
    if "--child" not in sys.argv:
        return False
    child(*sys.argv[sys.argv.index("--child") + 1 :])
    return True


def in_new_process(
    script: str, *words: object, threads: int | None = None, settings: dict[str, str] | None = None
) -> dict[str, Any]:
    """Run a script with `--child` and words, with an empty compile cache; return the JSON it prints last.

    Args:
        script: its path.
        words: what it is asked to do.
        threads: threads of each process's linear algebra; None leaves that to the libraries.
        settings: further variables of its environment.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    limits = {} if threads is None else dict.fromkeys(names, str(threads))
    with tempfile.TemporaryDirectory() as cache:
        environment = {
            **os.environ,
            "GORAE_CACHE": cache,
            "PYTHONWARNINGS": "ignore",
            **limits,
            **(settings or {}),
        }
        command = [sys.executable, script, "--child", *map(str, words)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def pair(script: str, *words: object, threads: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the peer's side of a script and then our own, each in a new process.

    Args:
        script: its path.
        words: what both are asked to do.
        threads: threads of the peer's linear algebra; None leaves that to the libraries.
    """
    peer = in_new_process(script, "peer", *words, threads=threads)
    return peer, in_new_process(script, "own", *words)


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds that a call took, and what it gave."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def timed_search(search: Any, X: Any, y: Any) -> dict[str, float]:
    """Fit a search that refits; return its seconds, those of the refit, and its best mean score."""
    seconds, _ = timed(lambda: search.fit(X, y))
    return {"seconds": seconds, "refit": search.refit_time_, "score": float(search.best_score_)}
