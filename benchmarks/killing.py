"""kill -9 of a job at an instant: what kill_resume and kill_search share.

The parent has imported everything and started no device: a fork is a fresh process within milliseconds.
"""

import argparse
import json
import os
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any

import machine


def arguments(description: str, kills: int, about: str) -> argparse.Namespace:
    """Return the command line: how many kills, and the seed of their instants."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--kills", type=int, default=kills, help=about)
    parser.add_argument("--seed", type=int, default=0, help="decides the instants")
    parser.add_argument("--only-print", action="store_true", help="write no results file")
    # No device is up in this process, so there are no threads for a fork to lose.
    warnings.filterwarnings("ignore", message="os.fork", category=RuntimeWarning)
    return parser.parse_args()


def record(name: str, content: dict[str, Any], given: argparse.Namespace) -> None:
    """Print the figures, and write them unless the command line says no."""
    print(json.dumps(content, indent=1))
    if not given.only_print:
        machine.write(name, content)


def start(job: Callable[[], str]) -> tuple[int, int]:
    """Run a job in a child; return its process and the pipe of its result, which one byte goes before."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    status = 1
    try:
        os.write(writing, b"-")
        os.write(writing, job().encode())
        status = 0
    finally:
        os._exit(status)


def result_of(child: int, pipe: int) -> str:
    """Wait for a child's result."""
    os.read(pipe, 1)
    text = _rest(pipe)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a job ended with status {status}")
    return text


def killed(child: int, pipe: int, seconds: float) -> str | None:
    """Kill a child `seconds` after it began, and return None; or its result if it was faster."""
    os.read(pipe, 1)
    time.sleep(seconds)
    if os.waitpid(child, os.WNOHANG)[0]:
        return _rest(pipe) or "ended with an error"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(pipe)
    return None


def _rest(pipe: int) -> str:
    """Return what comes from a pipe until it ends."""
    with os.fdopen(pipe, "rb") as reading:
        return reading.read().decode()
