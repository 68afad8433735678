"""Learning curves: seconds against scikit-learn's `learning_curve`, and how often the gain's interval holds.

Speed: the digits, six sizes, five folds, one network of 100 units a fit. Both sides learn for the same epochs
in the same minibatches (no early stopping on either) and score training and held-out rows. Each run is a
process of its own with an empty compile cache; scikit-learn runs with `n_jobs` as many as there are cores,
its linear algebra with one thread each. "warm" is the same curve once more in the same process.

Coverage: a sample of a set is drawn, its learning curve measured, and the gain of twice the rows of the
largest size foretold with its 95 % interval. The truth is the mean gain of models that learned from so many
and from twice as many rows of the whole set, over many draws, scored on rows that neither learned from. It
has a standard error of its own, which is told; the share of intervals that hold the truth is told with and
without two of them. Sets are wanted of which half the rows leave others to compare with: digits, breast
cancer, wine, diabetes; Letter and MNIST where there is a folder with them. The priors of the law were chosen
on other samples of these sets.

    python benchmarks/learning_curve.py --data-dir FOLDER
"""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import machine
import numpy as np
import sets
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Ridge
from sklearn.model_selection import learning_curve
from sklearn.neural_network import MLPClassifier

import gorae
from gorae.data.targets import encode_labels
from gorae.trust.parts import fit_parts

UNITS, EPOCHS, BATCH, RATE = 100, 60, 128, 1e-3
SHARES = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
MOST_SCORED = 3000


class Job(NamedTuple):
    """A set whose samples have curves: its rows, those of a sample, the model, the most rows of the set."""

    load: sets.Load
    sample: int
    model: Callable[[int], Any]
    most: int = 100_000
    folder: bool = False


def diabetes(_: Path | None) -> sets.Rows:
    """Return the patients of scikit-learn."""
    found: Any = load_diabetes()
    return found.data, found.target


def network(*hidden: int, epochs: int = 40, **more: Any) -> Callable[[int], Any]:
    """Return what makes a network from a seed."""
    return lambda seed: gorae.MLPClassifier(hidden, epochs=epochs, random_state=seed, **more)


JOBS = {
    "digits, network": Job(sets.digits, 898, network(64)),
    "digits, Gaussian Bayes": Job(sets.digits, 898, lambda _: gorae.GaussianBayes()),
    "breast cancer, network": Job(sets.breast_cancer, 284, network(16, epochs=60, batch_size=32)),
    "breast cancer, Gaussian Bayes": Job(sets.breast_cancer, 284, lambda _: gorae.GaussianBayes()),
    "wine, network": Job(sets.wine, 89, network(16, epochs=60, batch_size=16)),
    "diabetes, ridge": Job(diabetes, 221, lambda _: Ridge(0.1)),
    "Letter, network": Job(sets.letter, 1000, network(64), folder=True),
    "Letter, neighbours": Job(sets.letter, 1000, lambda _: gorae.KNeighborsClassifier(1), folder=True),
    "MNIST, network": Job(sets.mnist, 1000, network(64, epochs=30), 12_000, folder=True),
}


def child(side: str, quick: str) -> None:
    """Measure one curve in this process; print seconds and the last score."""
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    X, epochs = (X[:400], 4) if quick == "True" else (X, EPOCHS)
    y = y[: len(X)]
    if side == "peer":
        options: dict[str, Any] = {"batch_size": BATCH}
        model = MLPClassifier(
            (UNITS,),
            **options,
            max_iter=epochs,
            learning_rate_init=RATE,
            n_iter_no_change=epochs + 1,
            random_state=0,
        )
        jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else -1
        seconds, found = machine.timed(
            lambda: learning_curve(
                model,
                (X - X.mean()) / X.std(),
                y,
                train_sizes=np.array(SHARES),
                cv=5,
                shuffle=True,
                random_state=0,
                n_jobs=jobs,
            )
        )
        score = float(found[2][-1].mean())
    else:
        own = gorae.MLPClassifier(
            (UNITS,), batch_size=BATCH, epochs=epochs, learning_rate=RATE, random_state=0
        )
        seconds, found = machine.timed(lambda: gorae.learning_curve(own, X, y, sizes=SHARES, cv=5, repeats=1))
        score = found.score
        again, _ = machine.timed(lambda: gorae.learning_curve(own, X, y, sizes=SHARES, cv=5, repeats=1))
        print(json.dumps({"seconds": seconds, "score": score, "warm": again}))
        return
    print(json.dumps({"seconds": seconds, "score": score, "warm": seconds}))


def speed(pairs: int, quick: bool) -> dict[str, Any]:
    """Return the row of the table on seconds."""
    runs = [machine.pair(__file__, quick, threads=1) for _ in range(pairs)]
    peers, owns = ([run[at]["seconds"] for run in runs] for at in (0, 1))
    warm = [run[1]["warm"] for run in runs]
    row = machine.compared(
        f"digits, {len(SHARES)} sizes x 5 folds, network of {UNITS}, {EPOCHS} epochs, compilation included",
        "scikit-learn learning_curve, n_jobs = cores",
        peers,
        owns,
        None,
        warm_seconds=machine.spread(warm),
        warm_ratio=machine.ratios(peers, warm),
        scores=[runs[0][at]["score"] for at in (0, 1)],
    )
    machine.show(row, "warm", row["warm_ratio"])
    return row


def gain_of_the_set(job: Job, X: np.ndarray, y: np.ndarray, draws: int) -> tuple[float, float]:
    """Return the gain from the largest size of a sample's curve to twice of it, with its standard error."""
    rng = np.random.default_rng(5)
    few = round(0.8 * job.sample)
    orders = [rng.permutation(len(y)) for _ in range(draws)]
    tests = [order[2 * few :][:MOST_SCORED] for order in orders]
    parts = [order[:size] for size in (few, 2 * few) for order in orders]
    model = job.model(0)
    classes = encode_labels(y)[1] if hasattr(model, "predict_proba") else None
    models = fit_parts([job.model(seed) for seed in range(draws)] * 2, X, y, parts, classes=classes)

    def error(model: Any, rows: np.ndarray) -> float:
        said = model.predict(X[rows])
        return float(
            np.mean(said != y[rows]) if classes is not None else np.mean((said - y[rows]) ** 2) / np.var(y)
        )

    gains = [
        error(one, rows) - error(two, rows)
        for one, two, rows in zip(models[:draws], models[draws:], tests, strict=True)
    ]
    return float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(draws))


def coverage(name: str, folder: Path | None, samples: int, draws: int) -> dict[str, Any]:
    """Return how often the interval of the gain holds the gain of a set."""
    job = JOBS[name]
    X, y = job.load(folder)
    rng = np.random.default_rng(7)
    kept = rng.permutation(len(y))[: job.most]
    X, y = X[kept], y[kept]
    truth, error = gain_of_the_set(job, X, y, draws)
    found = []
    for seed in range(samples):
        rows = rng.permutation(len(y))[: job.sample]
        curve = gorae.learning_curve(job.model(seed), X[rows], y[rows], random_state=seed)
        found.append((*curve.gain(2.0), curve.score))
    gain, low, high, score = np.array(found).T
    row = {
        "set": name,
        "sample": job.sample,
        "samples": samples,
        "score": float(score.mean()),
        "gain": truth,
        "gain_error": error,
        "foretold": float(gain.mean()),
        "width": float((high - low).mean()),
        "root_mean_squared_error": float(np.sqrt(np.mean((gain - truth) ** 2))),
        "covered": float(np.mean((low <= truth) & (truth <= high))),
        "covered_within_error": float(np.mean((low - 2 * error <= truth) & (truth <= high + 2 * error))),
    }
    print(row, flush=True)
    return row


def main() -> None:
    """Measure seconds and coverage and write the figures."""
    parser = machine.pairs_parser(__doc__ or "", pairs=3)
    parser.add_argument(
        "--data-dir", type=Path, help="folder with mnist and tables; without it neither is asked"
    )
    parser.add_argument("--samples", type=int, default=24, help="of each set, each with its curve")
    parser.add_argument("--draws", type=int, default=100, help="behind the truth")
    given = machine.pairs_given(parser)
    warnings.simplefilter("ignore")
    names = [name for name, job in JOBS.items() if given.data_dir is not None or not job.folder]
    if given.quick:
        names, given.samples, given.draws = ["breast cancer, Gaussian Bayes"], 3, 20
    rows = [coverage(name, given.data_dir, given.samples, given.draws) for name in names]
    mean = {key: float(np.mean([row[key] for row in rows])) for key in ("covered", "covered_within_error")}
    machine.record(
        "learning_curve", {"speed": speed(given.pairs, given.quick), "mean": mean, "coverage": rows}, given
    )


if __name__ == "__main__":
    if not machine.ran_child(child):
        main()
