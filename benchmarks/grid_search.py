"""A grid of 32 settings over 5 folds, as one population, against scikit-learn's GridSearchCV.

Breast cancer (MLP of 64, batch 32, 50 epochs), digits (MLP of 100, batch 128, 60 epochs): the same folds,
rows, epochs and batches on both sides; scikit-learn has n_jobs=2 and one BLAS thread a job. They alternate.

`cold` is a new process with an empty compile cache: from the call to its result, with tracing and
compilation, without the imports, on both sides. `warm` is the same call again in that process.
"""

import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import machine
import numpy as np
from threadpoolctl import threadpool_limits

JOBS = {
    "breast-cancer": {"hidden": 64, "batch": 32, "epochs": 50},
    "digits": {"hidden": 100, "batch": 128, "epochs": 60},
}
RATES = np.geomspace(1e-4, 3e-2, 8)
DECAYS = [1e-5, 1e-4, 1e-3, 1e-2]
SHARES = ("share", "share_of_own_shapes")
TARGETS = {"breast-cancer": {"warm": 20, "cold": 7}, "digits": {"warm": 5, "cold": 3.5}}


def data(name: str) -> tuple[np.ndarray, np.ndarray, list]:
    """Return scaled rows, targets and the folds."""
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.model_selection import StratifiedKFold

    load = load_breast_cancer if name == "breast-cancer" else load_digits
    X, y = load(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0) if name == "breast-cancer" else X / 16
    return X, y, list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))


def own(name: str) -> tuple[float, float]:
    """Train the grid as a population; return seconds and the best mean score."""
    import gorae
    from gorae.backend import select_devices
    from gorae.data import Split
    from gorae.estimators.learned import answering_problem
    from gorae.estimators.population import fold_outputs, make_table, shape_of, train_recipes

    X, y, folds = data(name)
    job, nothing = JOBS[name], np.zeros(0, np.int32)
    began = time.perf_counter()
    splits = [Split(train.astype(np.int32), nothing, nothing) for train, _ in folds]
    table = make_table(X.astype(np.float32), y, None, splits, classes=int(y.max()) + 1, scale="none")
    recipes = [
        gorae.MLPClassifier(
            (job["hidden"],),
            batch_size=job["batch"],
            epochs=job["epochs"],
            patience=10**6,
            learning_rate=float(rate),
            weight_decay=float(decay),
        )._recipe(X.shape[1], int(y.max()) + 1, min(len(train) for train, _ in folds))
        for rate in RATES
        for decay in DECAYS
    ]
    members = [(r, f, f) for r in range(len(recipes)) for f in range(len(folds))]
    devices = select_devices("cpu")
    results, _ = train_recipes(table, recipes, members, seed=0, devices=devices)
    questions = [(i, f, folds[f][1].astype(np.int32)) for i, (_, f, _) in enumerate(members)]
    problem = recipes[0].problem
    asked = replace(problem, on_host=answering_problem(shape_of(problem)).on_host)  # as the estimator asks
    outputs = fold_outputs(asked, table, results, questions, devices=devices)
    hits = [(o.argmax(1) == y[q[2]]).mean() for o, q in zip(outputs, questions, strict=True)]
    best = np.reshape(hits, (len(recipes), -1)).mean(1).max()
    return time.perf_counter() - began, float(best)


def peer(name: str) -> tuple[float, float]:
    """Run GridSearchCV; return seconds and the best mean score."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier

    X, y, folds = data(name)
    job = JOBS[name]
    model = MLPClassifier(
        (job["hidden"],),
        batch_size=job["batch"],
        max_iter=job["epochs"],
        n_iter_no_change=1000,
        random_state=0,
    )
    grid = {"learning_rate_init": RATES.tolist(), "alpha": DECAYS}
    began = time.perf_counter()
    search = GridSearchCV(model, grid, cv=folds, n_jobs=2, refit=False).fit(X, y)
    return time.perf_counter() - began, float(search.best_score_)


def flop_rate(name: str, seconds: float) -> dict[str, float]:
    """Return the floating-point rate of a run beside what this machine's BLAS reaches.

    Counted are the products that a step needs (none with the first layer's inputs' gradient) for the real
    rows. `share` is of one large matmul on all cores; `share_of_own_shapes` of the same five products alone,
    at the batch's own shapes, one thread a core: what no training loop made of such products can pass.
    """
    X, y, folds = data(name)
    job = JOBS[name]
    batch, inputs, hidden, outputs = job["batch"], X.shape[1], job["hidden"], int(y.max()) + 1
    each = 4 * inputs * hidden + 6 * hidden * outputs
    work = each * sum(len(train) for train, _ in folds) * len(RATES) * len(DECAYS) * job["epochs"]
    draw = np.random.default_rng(0)
    a = draw.random((1024, 1024), dtype=np.float32)
    large = 2 * 1024**3 / quickest(lambda: a @ a, 12)
    x, h, d, first, second = (
        draw.random(shape, dtype=np.float32)
        for shape in ((batch, inputs), (batch, hidden), (batch, outputs), (inputs, hidden), (hidden, outputs))
    )
    with threadpool_limits(1):
        step = quickest(lambda: (x @ first, h @ second, x.T @ h, h.T @ d, d @ second.T), 3000)
    own = len(os.sched_getaffinity(0)) * each * batch / step
    return {
        "gflops": work / seconds / 1e9,
        "matmul_gflops": large / 1e9,
        "own_shapes_gflops": own / 1e9,
        "share": work / seconds / large,
        "share_of_own_shapes": work / seconds / own,
    }


def quickest(function: Callable[[], object], times: int) -> float:
    """Return the least seconds that a function took."""
    return min(machine.timed(function)[0] for _ in range(times))


def child(side: str, name: str) -> None:
    """Run one side twice in this process and print the seconds."""
    warnings.simplefilter("ignore")
    if side == "own":
        import gorae  # imports are not part of either side's time

        gorae.MLPClassifier  # noqa: B018 - a lazy name: touching it loads JAX
        first, second = own(name), own(name)
        print(
            json.dumps(
                {"cold": first[0], "warm": second[0], "score": second[1], **flop_rate(name, second[0])}
            )
        )
    else:
        seconds, score = peer(name)
        print(json.dumps({"cold": seconds, "warm": seconds, "score": score}))


def main() -> None:
    """Alternate both sides and write the ratios."""
    if machine.ran_child(child):
        return
    runs = machine.arguments(__doc__ or "").runs
    rows = []
    for name in JOBS:
        pairs = [machine.pair(__file__, name, threads=1) for _ in range(runs)]
        peers = [p["cold"] for p, _ in pairs]
        for state in ("warm", "cold"):
            owns, warm = [o[state] for _, o in pairs], state == "warm"
            shares = {share: machine.spread([o[share] for _, o in pairs]) for share in SHARES if warm}
            row = machine.compared(
                f"{name}, 32 settings x 5 folds, {state}",
                "scikit-learn GridSearchCV(n_jobs=2)",
                peers,
                owns,
                TARGETS[name][state],
                peer_score=pairs[0][0]["score"],
                own_score=pairs[0][1]["score"],
                **shares,
            )
            machine.show(row, *(f"{share} {found['median']:.2f}" for share, found in shares.items()))
            rows.append(row)
    print(machine.write("grid_search", {"rows": rows}))


if __name__ == "__main__":
    main()
