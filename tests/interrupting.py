"""Run by test_train_loop.py in a process of its own: Ctrl-C at random instants of a training.

Prints one JSON object: how each training ended, and what was left running after it.
"""

import json
import random
import signal
import sys
import threading
import time

import numpy as np

from gorae.backend import select_devices
from gorae.train import train
from population_cases import folds, members, network, table

MEMBERS, EPOCHS = 3, 600


def once(delay, again):
    """Train; Ctrl-C comes after `delay` seconds, and `again` seconds later once more."""
    who, shared, splits, devices = members(MEMBERS, EPOCHS), table(), folds(), select_devices("cpu")
    end, epochs = "before", []
    began = time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, delay, again)
        outcome = train(network(), shared, splits, who, devices=devices, chunk=1)
        signal.setitimer(signal.ITIMER_REAL, 0)
        end = "interrupted" if outcome.interrupted else "done"
        done = [result for result in outcome.results if result is not None]
        epochs = [result.epochs for result in done]
        assert all(np.isfinite(result.parameters.head.weight).all() for result in done)
        assert all(len(result.history.train_loss) == result.epochs for result in done)
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)
    running = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    return {"end": end, "epochs": epochs, "running": running, "seconds": time.perf_counter() - began}


def _interrupted(found):
    """How many trainings were interrupted once they had begun."""
    return sum(each["end"] == "interrupted" for each in found)


def main():
    """Interrupt as many trainings as the command line says."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    draw = random.Random(0)
    once(0, 0)  # compiles
    whole = once(0, 0)
    seconds, found, count = whole["seconds"], [], int(sys.argv[1])
    # On a machine whose load comes and goes the instants follow what a training takes now.
    while len(found) < count or (_interrupted(found) < count // 4 and len(found) < 10 * count):
        found.append(once(draw.uniform(0.001, 1.1 * seconds), draw.choice([0, 0.02])))
        if found[-1]["end"] == "done":
            seconds = found[-1]["seconds"]
    sys.stdout.write(json.dumps({"whole": whole, "found": found}))


if __name__ == "__main__":
    main()
