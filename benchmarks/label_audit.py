"""Planted label noise: gorae's audit against cleanlab on scikit-learn's MLPClassifier, in the same run.

A tenth of the labels of each data set becomes another class, drawn evenly. Both sides rank all rows by how
probably their label is wrong; counted are the average precision of the ranking, and the seconds of all of it:
training in folds, probabilities, ranking. Each run is a new process; imports are not counted. `cold` begins
with an empty compile cache, `warm` is the same call again.

The peer is what cleanlab's documentation shows: `cross_val_predict(method="predict_proba")` in 5 folds of
scikit-learn's MLPClassifier with its own settings, on standardised columns (bytes by 255), and
`get_label_quality_scores`. Of its scores the best on the planted labels is taken: "self_confidence" and
"normalized_margin", as they are and adjusted by class, and "confidence_weighted_entropy". Ours is
`gorae.audit` as it comes, with 5 folds in 3 repeats, and with duplicates and leaks, which the peer does not
look for. Both sides have the same number of threads.

    python benchmarks/label_audit.py --pairs 3 --data-dir FOLDER --letter letter-recognition.data.gz
"""

import argparse
import gzip
import json
import os
import warnings
from pathlib import Path
from typing import Any

import machine
import mnist
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score

NOISE = 0.1
ROWS = 10_000
QUICK_ROWS = 600
WANTED = 5
SETS = ("digits", "mnist", "letter")


def problem(name: str, seed: int, quick: bool, folder: str | None, letter: str) -> tuple[np.ndarray, ...]:
    """Return rows, labels of which a tenth is wrong, and which ones are."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
    elif name == "mnist":
        X, y, _ = mnist.images(QUICK_ROWS if quick else ROWS, folder)
    else:
        with gzip.open(letter, "rt") as file:
            cells = np.array([line.split(",") for line in file.read().split()])
        X, y = cells[:, 1:].astype(np.float64), cells[:, 0]
    if quick:
        X, y = X[:QUICK_ROWS], y[:QUICK_ROWS]
    classes, codes = np.unique(y, return_inverse=True)
    draw = np.random.default_rng(seed)
    wrong = draw.choice(len(codes), round(NOISE * len(codes)), replace=False)
    given = codes.copy()
    given[wrong] = (codes[wrong] + draw.integers(1, len(classes), len(wrong))) % len(classes)
    return X, given, given != codes


def own(X: np.ndarray, given: np.ndarray, wrong: np.ndarray, seed: int) -> dict[str, Any]:
    """Audit with gorae twice; return both times and the average precision."""
    from gorae.study import audit

    cold, found = machine.timed(lambda: audit(X, given, random_state=seed))
    warm, _ = machine.timed(lambda: audit(X, given, random_state=seed))
    places = np.empty(len(given))
    places[found.found.found.order] = -np.arange(len(given))
    return {
        "cold": cold,
        "warm": warm,
        "precision": float(average_precision_score(wrong, places)),
        "noise": found.noise,
    }


def peer(X: np.ndarray, given: np.ndarray, wrong: np.ndarray, seed: int) -> dict[str, Any]:
    """Rank with cleanlab; return seconds, and the average precision of its best score and of all."""
    from cleanlab.rank import get_label_quality_scores
    from sklearn.model_selection import cross_val_predict
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network: Any = MLPClassifier(random_state=seed)
    if X.dtype == np.uint8:
        X = X / 255.0
    else:
        network = make_pipeline(StandardScaler(), network)
    asked = [
        (method, adjusted)
        for method in ("self_confidence", "normalized_margin")
        for adjusted in (False, True)
    ]
    asked.append(("confidence_weighted_entropy", False))

    def ranked() -> dict[str, np.ndarray]:
        """Train in folds, and score by each method."""
        stated = cross_val_predict(network, X, given, cv=5, method="predict_proba")
        return {
            f"{method}{', adjusted' * adjusted}": get_label_quality_scores(
                given, stated, method=method, adjust_pred_probs=adjusted
            )
            for method, adjusted in asked
        }

    seconds, scores = machine.timed(ranked)
    precisions = {name: float(average_precision_score(wrong, -score)) for name, score in scores.items()}
    return {"seconds": seconds, "precision": max(precisions.values()), "precisions": precisions}


def child(side: str, name: str, seed: str, quick: str, folder: str, letter: str) -> None:
    """Run one side in this process and print its figures."""
    warnings.simplefilter("ignore")
    made = problem(name, int(seed), quick == "True", folder or None, letter)
    print(json.dumps((own if side == "own" else peer)(*made, int(seed))))


def compare(name: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Alternate both sides on a data set, each pair with other mistakes; return a row cold and a row warm."""
    found = []
    for seed in range(given.pairs):
        words = name, seed, given.quick, given.data_dir, given.letter
        found.append(machine.pair(__file__, *words, threads=machine.facts()["cores"]))
        theirs, mine = found[-1]
        print(f"{name}, pair {seed}: {theirs['precision']:.4f} in {theirs['seconds']:.1f} s, ", end="")
        print(f"ours {mine['precision']:.4f} in {mine['cold']:.1f} s cold", flush=True)
    rows = []
    for state in ("cold", "warm"):
        row = machine.compared(
            f"labels to check, {name}{f', {QUICK_ROWS} rows' * given.quick}, {state}",
            "cleanlab on scikit-learn's MLPClassifier, 5 folds",
            [theirs["seconds"] for theirs, _ in found],
            [mine[state] for _, mine in found],
            WANTED,
            own_precision=machine.spread([mine["precision"] for _, mine in found]),
            peer_precision=machine.spread([theirs["precision"] for theirs, _ in found]),
            peer_precisions=[theirs["precisions"] for theirs, _ in found],
            own_noise=[mine["noise"] for _, mine in found],
        )
        machine.show(row, "average precision", row["own_precision"], "peer", row["peer_precision"])
        rows.append(row)
    return rows


def main() -> None:
    """Make the comparison and write the ratios."""
    if machine.ran_child(child):
        return
    parser = machine.pairs_parser(__doc__ or "", pairs=3)
    mnist.add_folder(parser)
    parser.add_argument("--letter", default="", help="letter-recognition.data.gz; else Letter is left out")
    given = machine.pairs_given(parser)
    has_mnist = bool(given.data_dir or os.environ.get("GORAE_DATA"))
    there = {"digits": True, "mnist": has_mnist, "letter": Path(given.letter).is_file()}
    rows = [row for name in SETS if there[name] for row in compare(name, given)]
    left = [name for name in SETS if not there[name]]
    machine.record("label_audit", {"rows": rows, "left_out": left}, given, packages=["cleanlab"])


if __name__ == "__main__":
    main()
