"""Choosing the strength of the penalty of a linear classifier on 10,000 MNIST images, against GridSearchCV.

20 strengths over 5 folds, scored by log-loss. scikit-learn: LogisticRegression with lbfgs and its stopping,
float32 pixels in [0, 1] (its faster way here), two processes of one thread. gorae: its softmax model by
Adam, for 4 epochs of batches of 64 along a cosine from a learning rate of 0.004, on the bytes as they are,
brought to one scale by one number s; its weight decay is 1 / (C n s²), which is what 1/C comes to there. The
strengths are the same, and so is the optimum that both approach; gorae stops before it. Batches, epochs and
rate were chosen on folds of seed 10, of which nothing is told. Both best log-losses are in the row.

Seconds are those of the whole `fit`, the last one on all rows too; `ratio_without_refit` leaves that out.
`cold` is a new process with an empty compile cache, `warm` the same call again; imports and the start of
worker processes are on neither side's clock.

    python benchmarks/search_linear.py --pairs 5
"""

import json
import warnings
from typing import Any

import machine
import mnist
import numpy as np
from mnist import FOLDS
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

STRENGTHS = np.geomspace(1e-3, 1e2, 20).tolist()
"""C of scikit-learn."""
ROWS, QUICK_ROWS = 10_000, 500
WANTED = 10


def own(seed: int, quick: bool, folder: str | None) -> dict[str, float]:
    """Search with gorae."""
    import gorae

    X, y, folds = mnist.images(QUICK_ROWS if quick else ROWS, folder, seed=seed)
    model = gorae.LinearClassifier(
        schedule="cosine", learning_rate=0.004, batch_size=64, epochs=4, patience=4, random_state=seed
    )
    unit = (len(X) * (1 - 1 / FOLDS)) * float((X / 255).std()) ** 2
    space = {"weight_decay": [1 / (strength * unit) for strength in STRENGTHS]}
    search = gorae.SearchCV(model, space, sampler="grid", cv=folds, scoring="neg_log_loss", random_state=seed)
    return machine.timed_search(search, X, y)


def peer(seed: int, quick: bool, folder: str | None) -> dict[str, float]:
    """Search with GridSearchCV."""
    X, y, folds = mnist.images(QUICK_ROWS if quick else ROWS, folder, seed=seed)
    pixels = (X / 255).astype(np.float32)
    small = LogisticRegression(max_iter=1)
    GridSearchCV(small, {"C": [1, 2]}, cv=2, n_jobs=2).fit(pixels[:100], y[:100])  # starts the workers
    grid = {"C": STRENGTHS}
    search = GridSearchCV(LogisticRegression(), grid, cv=folds, scoring="neg_log_loss", n_jobs=2)
    return machine.timed_search(search, pixels, y)


def child(side: str, seed: str, quick: str, folder: str) -> None:
    """Run one side in this process and print its figures; gorae once more, now that all is compiled."""
    warnings.simplefilter("ignore")
    asked = int(seed), quick == "True", folder or None
    if side == "peer":
        print(json.dumps(peer(*asked)))
        return
    import gorae

    gorae.SearchCV, gorae.LinearClassifier  # noqa: B018 - lazy names: touching them loads JAX
    print(json.dumps({"cold": own(*asked), "warm": own(*asked)}))


def compare(pairs: int, quick: bool, folder: str) -> list[dict[str, Any]]:
    """Alternate both sides; return a row cold and a row warm."""
    found = []
    for seed in range(pairs):
        found.append(machine.pair(__file__, seed, quick, folder, threads=1))
        print(f"pair {seed}: {found[-1]}", flush=True)
    rows = []
    for state in ("cold", "warm"):
        sides = [[theirs for theirs, _ in found], [mine[state] for _, mine in found]]
        whole = [[run["seconds"] for run in side] for side in sides]
        searched = [[run["seconds"] - run["refit"] for run in side] for side in sides]
        losses = [[-run["score"] for run in side] for side in sides]
        row = machine.compared(
            f"linear, {len(STRENGTHS)} strengths x {FOLDS} folds on "
            f"{QUICK_ROWS if quick else ROWS:,} MNIST images, {state}",
            "scikit-learn GridSearchCV(LogisticRegression, n_jobs=2)",
            whole[0],
            whole[1],
            WANTED,
            ratio_without_refit=machine.ratios(*searched),
            peer_best_log_losses=losses[0],
            own_best_log_losses=losses[1],
            equal_or_better=[mine <= theirs for theirs, mine in zip(*losses, strict=True)],
        )
        machine.show(row, "log-losses", losses)
        rows.append(row)
    return rows


def main() -> None:
    """Make the comparison and write the ratios."""
    if machine.ran_child(child):
        return
    parser = machine.pairs_parser(__doc__ or "")
    mnist.add_folder(parser)
    given = machine.pairs_given(parser)
    machine.record("search_linear", {"rows": compare(given.pairs, given.quick, given.data_dir)}, given)


if __name__ == "__main__":
    main()
