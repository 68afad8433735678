"""Families of malware by their API calls (Mal-API-2019, 8 families of 101): nested cross-validation.

In each of five outer folds the settings are chosen by three inner folds and the network is fitted again on
the outer training rows; runs of one call are made one call first. The peer is a random forest on the
logarithms of call counts, on the same outer folds. Macro F1 of the pooled answers, with an interval from
resampled rows.

    python benchmarks/mal_api.py --data-dir FOLDER
"""

import argparse
import json
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

import machine
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

CALLS, RESAMPLED = 342, 2000
MODEL = {
    "cell": "gru",
    "width": 64,
    "pooling": "max",
    "max_tokens": CALLS,
    "window": "head_tail",
    "epochs": 40,
}
SETTINGS = {"dropout": [0.2, 0.5], "learning_rate": [2e-3, 5e-3]}


def traces(folder: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the calls of each sample, runs of one call as one, and the families."""
    place = Path(folder) / "mal-api-2019"
    with zipfile.ZipFile(place / "100_calls.zip") as file:
        lines = file.read("100_calls.txt").decode("ascii").split()
    with zipfile.ZipFile(place / "100_types.zip") as file:
        families = np.array(file.read("100_types.txt").decode("ascii").split())
    whole = [np.array(line.split(","), np.int64) for line in lines]
    return [calls[np.r_[True, calls[1:] != calls[:-1]]] for calls in whole], families


def described(y: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    """Return accuracy and macro F1, with the middle 95 % of resampled rows."""
    rng = np.random.default_rng(0)
    drawn = (rng.integers(0, len(y), len(y)) for _ in range(RESAMPLED))
    scores = [f1_score(y[rows], found[rows], average="macro") for rows in drawn]
    low, high = np.quantile(scores, [0.025, 0.975])
    macro = float(f1_score(y, found, average="macro"))
    return {"accuracy": float((found == y).mean()), "macro_f1": macro, "low": float(low), "high": float(high)}


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with the sets")
    parser.add_argument("--max-length", type=int, default=600, help="calls that are kept of a trace")
    parser.add_argument("--quick", action="store_true", help="a smoke test: two epochs, no file")
    given = parser.parse_args()
    import gorae

    warnings.simplefilter("ignore")
    X, y = traces(given.data_dir)
    counts = np.log1p(np.stack([np.bincount(calls, minlength=CALLS) for calls in X]))
    answers = {name: np.empty(len(y), y.dtype) for name in ("network", "random forest")}
    chosen, began = [], time.perf_counter()
    small = {"max_length": 20, "epochs": 2} if given.quick else {"max_length": given.max_length}
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(y, y):
        model = gorae.SequenceClassifier(**{**MODEL, **small}, tol=0.0, random_state=0)
        search = gorae.SearchCV(model, SETTINGS, cv=3).fit([X[place] for place in train], y[train])
        answers["network"][test] = search.predict([X[place] for place in test])
        chosen.append(search.best_params_)
        forest = RandomForestClassifier(500, random_state=0).fit(counts[train], y[train])
        answers["random forest"][test] = forest.predict(counts[test])
        print(chosen[-1], f"{time.perf_counter() - began:.0f} s", flush=True)
    rows = [{"model": name, **described(y, found)} for name, found in answers.items()]
    content = {
        "rows": rows,
        "chosen": chosen,
        "model": {**MODEL, **small},
        "seconds": time.perf_counter() - began,
    }
    if given.quick:
        print(json.dumps(content, indent=1))
    else:
        print(machine.write("mal_api", content))


if __name__ == "__main__":
    main()
