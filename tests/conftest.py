"""What all tests share: one cache of compiled programs, one worker a core, how many examples hypothesis tries."""

import gc
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
# What decides whether a change may land tries the same examples each time; everybody else tries new ones.
settings.register_profile("landing", settings.get_profile("gorae"), derandomize=True)

MOST_WORKERS, MOST_BYTES = 4, 2 * 2**30
"""A worker lets go of compiled programs after a file with which it has come to hold so many bytes."""


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


@pytest.fixture
def compiled(monkeypatch):
    """Have programs train and answer every network, those too that NumPy would."""
    from gorae.estimators import uncompiled

    for limit in ("_STEPS", "_WEIGHTS"):
        monkeypatch.setattr(uncompiled, limit, -1)


@pytest.fixture(scope="module", autouse=True)
def memory_is_given_back():
    """Let go of compiled programs once they and all else take gigabytes: seven thousand tests leave six."""
    yield
    if resident_bytes() > MOST_BYTES:
        import jax

        from gorae.backend import clear_programs

        clear_programs()
        jax.clear_caches()
        gc.collect()


def resident_bytes():
    """The memory of this process; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
