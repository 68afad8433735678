"""What sequence models reach on the labelled IMDB reviews: trained on 25,000, scored on the others.

Both stop early on a tenth of the training reviews; the vocabulary is that of the other nine tenths.

    python benchmarks/imdb.py --data-dir FOLDER
"""

import argparse
import json
import lzma
import time
import warnings
from pathlib import Path
from typing import Any

import machine
import numpy as np

WANTED = {"accuracy": 0.87, "seconds": 900}
SHARED = {
    "early_stopping": True,
    "patience": 2,
    "max_length": 400,
    "window": "head_tail",
    "dropout": 0.5,
    "random_state": 0,
}
MODELS: dict[str, dict[str, Any]] = {
    "bag": {"cell": "bag", "pooling": "mean", "min_count": 3, "epochs": 30},
    "lstm": {"cell": "lstm", "pooling": "max", "min_count": 5, "learning_rate": 1e-3, "epochs": 10},
}


def reviews(folder: str, part: str) -> tuple[list[str], np.ndarray]:
    """Return texts and labels of a file."""
    with lzma.open(Path(folder) / "imdb" / f"labelled-{part}.tsv.xz", "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1:]
    return [row[3].replace("<br />", " ") for row in rows], np.array([row[0] for row in rows])


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", required=True, help="folder with the sets")
    parser.add_argument("--only", choices=list(MODELS), help="one of the models")
    parser.add_argument("--quick", action="store_true", help="a smoke test: 500 reviews, no file")
    given = parser.parse_args()
    import gorae

    warnings.simplefilter("ignore")
    (X, y), (X_test, y_test) = (reviews(given.data_dir, part) for part in ("train", "test"))
    order = np.random.default_rng(0).permutation(len(X))[: 500 if given.quick else None]
    rows = []
    for name in [given.only] if given.only else MODELS:
        model = gorae.SequenceClassifier(**{**SHARED, **MODELS[name]})
        began, processor = time.perf_counter(), time.process_time()
        model.fit([X[place] for place in order], y[order])
        seconds, processor = time.perf_counter() - began, time.process_time() - processor
        rows.append(
            {
                "model": name,
                "options": {**SHARED, **MODELS[name]},
                "rows": len(order),
                "epochs": model.n_iter_,
                "accuracy": float(model.score(X_test, y_test)),
                "seconds": seconds,
                "processor_seconds": processor,
                "wanted": WANTED,
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    if not given.quick and not given.only:
        print(machine.write("imdb", {"rows": rows}))


if __name__ == "__main__":
    main()
