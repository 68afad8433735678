"""Ctrl-C keeps the model so far, says so, and leaves nothing running (RELIABILITY R12)."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import threading, warnings
import numpy as np
from gorae.errors import GoraeWarning
from gorae.estimators import MLPClassifier

rng = np.random.default_rng(0)
X, y = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)
model = MLPClassifier((8,), batch_size=16, epochs=2, patience=10**9, tol=0, members=MEMBERS, random_state=0)
model.fit(X, y)
before = model.predict_proba(X)
model.set_params(epochs=10**9)
print("begin", flush=True)
try:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    told = [str(w.message) for w in caught if issubclass(w.category, GoraeWarning)]
    print("kept" if model.n_iter_ >= 1 else "empty", *told, sep="|")
except KeyboardInterrupt:
    print("stopped", np.array_equal(model.predict_proba(X), before), sep="|")
print(np.isfinite(model.predict_proba(X)).all(), threading.active_count(), flush=True)
"""


def interrupted(members: int, delay: float) -> list[str]:
    """Send Ctrl-C so many seconds after a fit without end has begun; return what the process then says."""
    program = PROGRAM.replace("MEMBERS", str(members))
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begin\n"
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0
    return said.splitlines()


@pytest.mark.parametrize(("members", "delay"), [(1, 0.7), (3, 1.0)])
def test_model_so_far_is_kept(members: int, delay: float) -> None:
    """Once an epoch is done the fit ends with a model that answers, and a warning that says how far it came."""
    outcome, state = interrupted(members, delay)

    kept, told = outcome.split("|")
    assert kept == "kept"
    assert told.startswith("training was interrupted: the model has")
    assert state == "True 1"


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05])
def test_early_instants(delay: float) -> None:
    """At the very beginning the fit ends as above, or as if it had never been called."""
    outcome, state = interrupted(1, delay)

    assert outcome == "stopped|True" or outcome.startswith("kept|training was interrupted")
    assert state == "True 1"
