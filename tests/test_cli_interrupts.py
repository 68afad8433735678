"""Ctrl-C: raised where it is heard, and put off where it would be lost."""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import pytest

from gorae.cli import interrupts
from gorae.cli.interrupts import hear_interrupts, held_interrupts, is_delicate

LONG = 200
"""Seconds that nobody waits for where Ctrl-C is heard, however busy the machine."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to one process")


@pytest.fixture(autouse=True)
def heard():
    """Ctrl-C is heard as on the command line."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hear_interrupts()


def test_is_raised_at_once():
    """In ordinary code Ctrl-C is what it always is."""
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


class _Finalised:
    """Something whose finaliser meets Ctrl-C, where Python forgets what is raised."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_is_not_lost_in_a_finaliser():
    """Ctrl-C in a finaliser, where Python would print and forget it, is raised after it."""

    def finalise():
        _Finalised()
        time.sleep(LONG)

    with pytest.raises(KeyboardInterrupt):
        finalise()


def test_is_not_lost_in_a_callback():
    """Ctrl-C in a callback of a weak reference, which Python also forgets, comes once more."""

    def drop():
        target = {1, 2}
        watched = weakref.ref(target, lambda _: signal.raise_signal(signal.SIGINT))
        del target
        time.sleep(LONG)
        return watched

    with pytest.raises(KeyboardInterrupt):
        drop()


def test_is_no_other_error_where_a_class_is_made():
    """Ctrl-C while attributes learn their names, which Python makes a RuntimeError of, is raised after it."""

    class Named:
        def __set_name__(self, owner, name):
            signal.raise_signal(signal.SIGINT)

    def make():
        type("Made", (), {"named": Named()})
        time.sleep(LONG)

    with pytest.raises(KeyboardInterrupt):
        make()


def test_waits_for_the_end_of_a_block():
    """What is held is done whole, and then Ctrl-C is raised."""
    done = []

    def put_away():
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            time.sleep(3 * interrupts._RETRY_SECONDS)
            done.append(True)
        time.sleep(LONG)

    with pytest.raises(KeyboardInterrupt):
        put_away()
    assert done == [True]


def test_ends_a_call_that_waits():
    """Ctrl-C that had to wait ends a wait of the main thread that nothing else would end."""

    def wait():
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
        never.wait()

    never = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        wait()


def test_is_raised_once():
    """One Ctrl-C that had to wait, and another in that time, is one interrupt."""

    def press_twice():
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        time.sleep(LONG)

    with pytest.raises(KeyboardInterrupt):
        press_twice()
    time.sleep(3 * interrupts._RETRY_SECONDS)


def test_delicate_frames():
    """A finaliser and what it calls are delicate; a test is not."""
    seen = []

    class Looks:
        def __del__(self):
            seen.append(is_delicate(sys._getframe()))

    Looks()
    assert seen == [True]
    assert not is_delicate(sys._getframe())


def test_leaves_others_alone():
    """Where Ctrl-C is ignored, as under nohup, it stays so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hear_interrupts()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.parametrize("instant", [0.6, 1.1, 1.6, 2.1, 2.6])
def test_while_a_fit_begins(tmp_path, instant):
    """While libraries load and the first programs are compiled, Ctrl-C ends the command: no crash, no file."""
    code = "import sys; import gorae.cli; print('begun', flush=True); gorae.cli.main()"
    command = [sys.executable, "-c", code, "fit", "spirals", "--models", "linear", "--quiet"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as fit:
        assert fit.stdout.readline() == "begun\n"
        time.sleep(instant)
        fit.send_signal(signal.SIGINT)
        told = fit.stderr.read()
    assert (fit.returncode, told.strip()) == (130, "gorae: interrupted")
    assert list(tmp_path.iterdir()) == []
