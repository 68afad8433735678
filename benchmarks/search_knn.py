"""Choosing k, the metric and the weights of nearest neighbours on 10,000 MNIST images, against GridSearchCV.

30 numbers of neighbours x 3 metrics x 2 weights, over 5 folds: 180 settings. `SearchCV` looks for the nearest
rows once a fold and metric; GridSearchCV once for every setting. Its whole grid takes an hour, so that a
stated share of it is timed: for each metric and weighting, GridSearchCV(n_jobs=2) runs a random choice of the
numbers of neighbours over all 5 folds, and its seconds are multiplied by 30 over their number; its time for a
fit does not depend on k beyond a percent. The row says from how many fits it is estimated. The mean scores of
what was timed must be gorae's.

scikit-learn gets float64 rows, its faster way here and the one whose answers are ours; ours are the bytes as
they come. `cold` is a new process with an empty compile cache, `warm` the same call again.

    python benchmarks/search_knn.py --pairs 3
"""

import json
import warnings
from typing import Any

import machine
import mnist
import numpy as np
from mnist import FOLDS
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier as Peer

METRICS = ("manhattan", "euclidean", "cosine")
WEIGHTS = ("uniform", "distance")
NEIGHBORS = list(range(1, 31))
ROWS, QUICK_ROWS = 10_000, 600
WANTED = 50
TIMED = 2
"""Numbers of neighbours of each metric and weighting that are timed with the peer, in each pair."""


def own(quick: bool, folder: str | None) -> dict[str, Any]:
    """Search with gorae twice; return both times and the mean scores by setting."""
    import gorae

    X, y, folds = mnist.images(QUICK_ROWS if quick else ROWS, folder)
    space = {"n_neighbors": NEIGHBORS, "metric": list(METRICS), "weights": list(WEIGHTS)}
    search = gorae.SearchCV(gorae.KNeighborsClassifier(), space, sampler="grid", cv=folds, refit=False)
    taken = [machine.timed(lambda: search.fit(X, y))[0] for _ in range(2)]
    settings, means = search.cv_results_["params"], search.cv_results_["mean_test_score"]
    return {
        "cold": taken[0],
        "warm": taken[1],
        "scores": {named(setting): float(mean) for setting, mean in zip(settings, means, strict=True)},
    }


def peer(seed: int, quick: bool, folder: str | None) -> dict[str, Any]:
    """Time a part of GridSearchCV's grid; return seconds of the whole, fits timed, and their mean scores."""
    X, y, folds = mnist.images(QUICK_ROWS if quick else ROWS, folder)
    wide = X.astype(np.float64)
    draw = np.random.default_rng(seed)
    GridSearchCV(Peer(), {"n_neighbors": [1, 2]}, cv=2, n_jobs=2).fit(wide[:50], y[:50])  # starts the workers
    seconds, scores = {}, {}
    for metric in METRICS:
        for weights in WEIGHTS:
            chosen = sorted(draw.choice(NEIGHBORS, TIMED, replace=False).tolist())
            grid = {"n_neighbors": chosen, "metric": [metric], "weights": [weights]}
            search = GridSearchCV(Peer(), grid, cv=folds, n_jobs=2, refit=False)
            seconds[f"{metric}, {weights}"], _ = machine.timed(lambda one=search: one.fit(wide, y))
            for setting, mean in zip(
                search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
            ):
                scores[named(setting)] = float(mean)
    return {
        "seconds": sum(seconds.values()) * len(NEIGHBORS) / TIMED,
        "timed_seconds": seconds,
        "fits": len(scores) * FOLDS,
        "scores": scores,
    }


def named(setting: dict[str, Any]) -> str:
    """Return a setting as a key."""
    return f"{setting['metric']}, {setting['weights']}, k={setting['n_neighbors']}"


def child(side: str, seed: str, quick: str, folder: str) -> None:
    """Run one side in this process and print its figures."""
    warnings.simplefilter("ignore")
    asked = quick == "True", folder or None
    print(json.dumps(own(*asked) if side == "own" else peer(int(seed), *asked)))


def compare(pairs: int, quick: bool, folder: str) -> list[dict[str, Any]]:
    """Alternate both sides; return a row cold and a row warm."""
    found = []
    for seed in range(pairs):
        found.append(machine.pair(__file__, seed, quick, folder))
        print(f"pair {seed}: {found[-1][0]['timed_seconds']}, {found[-1][1]['cold']:.2f} s cold", flush=True)
    apart = [
        abs(mine["scores"][key] - score) for theirs, mine in found for key, score in theirs["scores"].items()
    ]
    about = f"180 settings x 5 folds on {QUICK_ROWS if quick else ROWS:,} MNIST images"
    fits, whole = found[0][0]["fits"], len(NEIGHBORS) * len(METRICS) * len(WEIGHTS) * FOLDS
    rows = []
    for state in ("cold", "warm"):
        peers, owns = [theirs["seconds"] for theirs, _ in found], [mine[state] for _, mine in found]
        row = machine.compared(
            f"kNN, {about}, {state}",
            f"scikit-learn GridSearchCV(n_jobs=2), estimated from {fits} of {whole} fits",
            peers,
            owns,
            WANTED,
            fits_timed=fits,
            fits_of_the_grid=whole,
            timed_seconds=[theirs["timed_seconds"] for theirs, _ in found],
            scores_compared=len(apart),
            largest_difference_of_a_mean_score=max(apart),
        )
        machine.show(row, "scores differ by", max(apart))
        rows.append(row)
    return rows


def main() -> None:
    """Make the comparison and write the ratios."""
    if machine.ran_child(child):
        return
    parser = machine.pairs_parser(__doc__ or "", pairs=3)
    mnist.add_folder(parser)
    given = machine.pairs_given(parser)
    machine.record("search_knn", {"rows": compare(given.pairs, given.quick, given.data_dir)}, given)


if __name__ == "__main__":
    main()
