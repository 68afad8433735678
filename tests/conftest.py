"""What all tests share: one cache of compiled programs, and how many examples hypothesis tries."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("gorae", deadline=None, max_examples=25)
settings.load_profile("gorae")


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
