"""What all tests share: one cache of compiled programs, one worker a core, how many examples hypothesis tries."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Neither a deadline nor "too slow": a busy machine is no mistake.
settings.register_profile(
    "gorae", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("gorae")

MOST_WORKERS = 4
"""Each holds up to three gigabytes: libraries, compiled programs and fitted studies."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Run the whole suite with a worker a core; what is asked for by file, or with `-n`, runs as was asked.

    A worker's linear algebra has one thread, and so have the processes that it starts: more of them wait for
    one another by spinning, which is half of the work where every core has a worker.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:  # a worker that starts workers never ends
        return
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    option, whole = config.option, config.args_source is pytest.Config.ArgsSource.TESTPATHS
    alone = any(
        getattr(option, name, None) for name in ("collectonly", "usepdb", "keyword", "lf", "failedfirst")
    )
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    if whole and not alone and workers > 1 and getattr(option, "numprocesses", 0) is None:
        option.numprocesses, option.dist = workers, "worksteal"


@pytest.fixture(autouse=True)
def ctrl_c_is_heard_as_before():
    """Put back who hears Ctrl-C: the command line takes it over, and in the end lets nobody hear it."""
    hook, before = sys.unraisablehook, signal.getsignal(signal.SIGINT)
    yield
    sys.unraisablehook = hook
    if signal.getsignal(signal.SIGINT) is not before:
        signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def programs_are_compiled_once():
    """Keep compiled programs in a folder of the tests' own, from one run to the next."""
    folder = Path(tempfile.gettempdir()) / f"gorae-tests-{os.getuid() if hasattr(os, 'getuid') else 0}"
    with pytest.MonkeyPatch.context() as patch:
        if "GORAE_CACHE" not in os.environ:
            patch.setenv("GORAE_CACHE", str(folder))
        yield
