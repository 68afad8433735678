"""One MLP fit against scikit-learn's MLPClassifier: the same rows, epochs, batch and optimizer.

`warm` is a second fit in the same process; `cold` a fit in a new process with an empty compile cache,
without the imports. Cold single fits of tiny models lose: compilation takes longer than scikit-learn's
whole training.
"""

import json
import warnings

import machine
import numpy as np

SHAPES = [(569, 30, 2, 64, 32, 50), (1797, 64, 10, 100, 128, 60), (3000, 784, 10, 128, 128, 5)]


def problem(shape: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of a known difficulty: two shifted Gaussians a class."""
    rows, features, classes, *_ = shape
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, rows)
    return rng.normal(size=(rows, features)) + rng.normal(size=(classes, features))[y] * 0.5, y


def own(shape: tuple, X: np.ndarray, y: np.ndarray) -> float:
    """Return the seconds of one fit of ours."""
    import gorae

    *_, hidden, batch, epochs = shape
    model = gorae.MLPClassifier(
        (hidden,), batch_size=batch, epochs=epochs, patience=10**6, tol=0.0, scale=None, random_state=0
    )
    return machine.timed(lambda: model.fit(X, y))[0]


def peer(shape: tuple, X: np.ndarray, y: np.ndarray) -> float:
    """Return the seconds of one fit of scikit-learn's."""
    from sklearn.neural_network import MLPClassifier

    *_, hidden, batch, epochs = shape
    model = MLPClassifier(
        (hidden,), batch_size=batch, max_iter=epochs, n_iter_no_change=10**6, random_state=0
    )
    return machine.timed(lambda: model.fit(X, y))[0]


def child(place: str, runs: str) -> None:
    """Time a cold fit, then alternate warm ones with the peer."""
    warnings.simplefilter("ignore")
    import gorae

    gorae.MLPClassifier  # noqa: B018 - a lazy name: touching it loads JAX
    shape = SHAPES[int(place)]
    X, y = problem(shape)
    cold = own(shape, X, y)
    pairs = [(peer(shape, X, y), own(shape, X, y)) for _ in range(int(runs))]
    print(json.dumps({"cold": cold, "peer": [p for p, _ in pairs], "own": [o for _, o in pairs]}))


def main() -> None:
    """Write the ratios of each shape."""
    if machine.ran_child(child):
        return
    runs = machine.arguments(__doc__ or "").runs
    rows = []
    for index, shape in enumerate(SHAPES):
        found = machine.in_new_process(__file__, index, runs)
        n, features, classes, hidden, batch, epochs = shape
        job = f"one fit {features}-{hidden}-{classes}, {n} rows, batch {batch}, {epochs} epochs"
        for state, owns in (("warm", found["own"]), ("cold", [found["cold"]] * runs)):
            wanted = 5 if (state == "warm" and index == 0) else None
            job_now = f"{job}, {state}"
            rows.append(machine.compared(job_now, "scikit-learn MLPClassifier", found["peer"], owns, wanted))
            machine.show(rows[-1])
    print(machine.write("single_fit", {"rows": rows}))


if __name__ == "__main__":
    main()
