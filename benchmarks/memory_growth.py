"""Resident memory over 1,000 fits in one process; wanted: it grows by under 5 % (RELIABILITY R15).

Four estimators take turns, each fit with a seed and a learning rate of its own, on rows of three sizes, and
each is asked for predictions. The first 50 fits are the warm-up: they compile every program there is.
"""

import gc
import time
import warnings
from pathlib import Path

import machine
import numpy as np
from sklearn.exceptions import ConvergenceWarning

_FITS = 1000
_WARM_UP = 50
_WANTED = 0.05


def resident() -> int:
    """Return the bytes that this process holds in memory."""
    gc.collect()
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) * 1024


def fit_once(number: int) -> None:
    """Fit the estimator whose turn it is, and ask it."""
    import gorae

    rng = np.random.default_rng(number)
    rows = (40, 100, 300)[number % 3]
    X = rng.normal(size=(rows, 10)) + 3
    y = (X[:, 0] > 3).astype(int)
    shared = {"learning_rate": float(rng.uniform(1e-3, 1e-1)), "epochs": 10, "random_state": number}
    estimators = [
        gorae.MLPClassifier((16,), members=2, **shared),
        gorae.MLPRegressor((16,), early_stopping=True, **shared),
        gorae.LinearClassifier(batch_size=32, **shared),
        gorae.Perceptron(epochs=10, random_state=number),
    ]
    estimators[number % len(estimators)].fit(X, y).predict(X)


def main() -> None:
    """Make the fits and write how memory went."""
    machine.arguments(__doc__ or "", runs=1)
    warnings.simplefilter("ignore", ConvergenceWarning)
    held = []
    began = time.perf_counter()
    for number in range(_WARM_UP + _FITS):
        if number >= _WARM_UP and (number - _WARM_UP) % 100 == 0:
            held.append(resident())
        fit_once(number)
    held.append(resident())
    content = {
        "fits": _FITS,
        "resident_bytes_every_100_fits": held,
        "growth": held[-1] / held[0] - 1,
        "wanted_growth": _WANTED,
        "seconds": time.perf_counter() - began,
    }
    print(content)
    print(machine.write("memory_growth", content))


if __name__ == "__main__":
    main()
