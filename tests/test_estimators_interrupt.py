"""Ctrl-C keeps the model so far, says so, and leaves nothing running (RELIABILITY R12)."""

import json
import subprocess
import sys

import pytest

# A timer sends Ctrl-C at each of the instants to a fit that has no end: so many seconds after the fit has begun
# or, where asked, after its members have done an epoch, however long that takes.
PROGRAM = """
import json, os, signal, sys, threading, time, warnings
from contextlib import contextmanager
import numpy as np
from gorae.errors import GoraeWarning
from gorae.estimators import MLPClassifier, fitting

begun, members_needed = threading.Event(), [1]

@contextmanager
def hearing(*_):
    yield lambda told: begun.set() if told.epochs >= members_needed[0] else None

def press(instant, once_begun):
    if once_begun:
        begun.wait()
    time.sleep(instant)
    os.kill(os.getpid(), signal.SIGINT)

fitting.training_bar = hearing
rng = np.random.default_rng(0)
X, y = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)

def interrupted(members, instant, once_begun):
    first = MLPClassifier((8,), batch_size=16, epochs=2, patience=10**9, tol=0, members=members, random_state=0)
    before = first.fit(X, y).predict_proba(X)
    model = MLPClassifier(**first.get_params()).fit(X, y).set_params(epochs=10**9)
    begun.clear()
    timer = threading.Thread(target=press, args=(instant, once_begun))
    told, members_needed[0] = [], members
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            timer.start()
            model.fit(X, y)
        told = [str(w.message) for w in caught if issubclass(w.category, GoraeWarning)]
        outcome = "kept" if model.n_iter_ >= 1 else "empty"
    except KeyboardInterrupt:
        outcome = "as before" if np.array_equal(model.predict_proba(X), before) else "changed"
    timer.join()
    usable = bool(np.isfinite(model.predict_proba(X)).all())
    return [outcome, told, usable, threading.active_count()]

print(json.dumps([interrupted(*each) for each in json.loads(sys.argv[1])]))
"""


LATE = [(members, instant, True) for members in (1, 3) for instant in (0.0, 0.2, 0.3)]
EARLY = [(1, 0.0002 * step**2, False) for step in range(16)]


@pytest.fixture(scope="module")
def interrupted() -> list:
    """Return what became of a fit that was interrupted at each of the instants."""
    arguments = [sys.executable, "-c", PROGRAM, json.dumps(LATE + EARLY)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=250, check=True)
    return json.loads(done.stdout)


def test_model_so_far_is_kept(interrupted: list) -> None:
    """Once an epoch is done a fit ends with a model that answers, and a warning of how far it came."""
    for outcome, told, usable, threads in interrupted[: len(LATE)]:
        assert (outcome, usable, threads) == ("kept", True, 1)
        assert len(told) == 1
        assert told[0].startswith("training was interrupted: the model has")


def test_early_instants(interrupted: list) -> None:
    """At the very beginning a fit ends as above, or as if it had never been called."""
    assert len(interrupted) == len(LATE) + len(EARLY)
    for outcome, told, usable, threads in interrupted[len(LATE) :]:
        assert outcome in ("kept", "as before")
        assert (len(told), usable, threads) == (outcome == "kept", True, 1)
