"""Classes that were never seen: how often known rows are flagged, and how well unknown ones are told.

In each split some classes are known and the others are not. `CautiousClassifier` learns from rows of the
known ones; it is asked about other rows of the known classes and about rows of all others. Told are

* the share of known rows flagged where 1 % and 5 % were stated, in each split and over all, with the 95 %
  interval of a binomial of the stated share: beside the chance of the rows asked about there is that of the
  rows calibrated on;
* the area under the ROC curve of unknown against known rows, by the detector that was chosen without unknown
  rows, and by the same models' largest probability (the baseline), with the interval of the difference.

    python benchmarks/unknowns.py --data-dir FOLDER
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np
import sets
from scipy.stats import binom
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import gorae
from gorae.trust import make_panel

SHARES = (0.01, 0.05)
FEWEST = 100
"""Rows that each fold keeps from its model: 1 % needs 99. The small malware set is cut into three folds."""


def _dense(**options: Any) -> Callable[[int], Any]:
    """Return what makes a multilayer perceptron of a seed."""
    return lambda seed: gorae.MLPClassifier(batch_size=128, random_state=seed, **options)


def _convolutional(seed: int) -> Any:
    """Return a small convolutional network, whose images move a little while they are learned."""
    return gorae.CNNClassifier(
        [
            gorae.ConvPart(16, 5, padding="valid"),
            gorae.PoolPart(),
            gorae.ConvPart(32, 5, padding="valid"),
            gorae.PoolPart(),
            gorae.DensePart(128),
        ],
        augmentation=gorae.Augmentation(shift=2),
        dropout=0.3,
        learning_rate=2e-3,
        schedule="cosine",
        batch_size=128,
        epochs=12,
        random_state=seed,
    )


JOBS: dict[str, tuple[sets.Load, int, int, Callable[[int], Any]]] = {
    "digits": (sets.digits, 6, 100_000, _dense(hidden=(64,), epochs=40)),
    "MNIST": (sets.mnist, 6, 18_000, _convolutional),
    "Letter": (sets.letter, 16, 100_000, _dense(hidden=(128, 64), epochs=30)),
    "Mal-API-2019": (sets.mal_api, 6, 100_000, _dense(hidden=(128,), epochs=40, dropout=0.2)),
}
"""For each set its rows, the known classes, the most rows to learn from, and the network of a seed."""


def one_split(
    X: np.ndarray, y: np.ndarray, known: int, most: int, network: Callable[[int], Any], seed: int
) -> dict:
    """Learn some classes, ask about all; return the figures."""
    rng = np.random.default_rng(seed)
    classes = np.sort(rng.permutation(np.unique(y))[:known])
    own = np.flatnonzero(np.isin(y, classes))
    learn, asked = train_test_split(own, test_size=0.4, random_state=seed, stratify=y[own])
    learn = np.sort(rng.permutation(learn)[:most])
    new = np.flatnonzero(~np.isin(y, classes))
    cv = min(5, len(learn) // FEWEST)
    model = gorae.CautiousClassifier(network(seed), cv=cv, random_state=seed)
    seconds, _ = machine.timed(lambda: model.fit(X[learn], y[learn]))
    truth = np.repeat([0, 1], [len(asked), len(new)])
    areas = [
        float(roc_auc_score(truth, panel.scores(X[np.concatenate([asked, new])])))
        for panel in (model.panel_, make_panel(model.gathered_, "max softmax"))
    ]
    flagged = {share: model.panel_.are_unknown(X[asked], share) for share in SHARES}
    return {
        "detector": model.detector_,
        "accuracy": float(np.mean(np.asarray(model.predict(X[asked])) == y[asked])),
        "area": areas[0],
        "softmax_area": areas[1],
        "known_rows": len(asked),
        "unknown_rows": len(new),
        "learned_rows": len(learn),
        "seconds": seconds,
        "flagged": {
            str(share): _flagged(int(flags.sum()), len(flags), share) for share, flags in flagged.items()
        },
    }


def _flagged(count: int, rows: int, share: float) -> dict[str, Any]:
    """Return the share flagged, and whether it lies in the interval of the stated one."""
    low, high = (float(binom.ppf(p, rows, share)) / rows for p in (0.025, 0.975))
    found = count / rows
    return {"count": count, "share": found, "low": low, "high": high, "inside": low <= found <= high}


def _over_all(splits: list[dict[str, Any]], rows: int, share: float) -> dict[str, Any]:
    """Return the share flagged over all splits, and in how many it lies in the interval of its split."""
    return {
        "over_all": _flagged(sum(one["count"] for one in splits), rows, share),
        "splits_inside": sum(one["inside"] for one in splits),
    }


def summary(name: str, splits: list[dict]) -> dict[str, Any]:
    """Return the figures of a set over its splits."""
    gains = np.array([one["area"] - one["softmax_area"] for one in splits])
    rows = sum(one["known_rows"] for one in splits)
    reach = (
        student.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0
    )
    return {
        "set": name,
        "area": machine.spread([one["area"] for one in splits]),
        "mean_area": float(np.mean([one["area"] for one in splits])),
        "mean_softmax_area": float(np.mean([one["softmax_area"] for one in splits])),
        "gain": [float(gains.mean()), float(gains.mean() - reach), float(gains.mean() + reach)],
        "flagged": {
            str(share): _over_all([one["flagged"][str(share)] for one in splits], rows, share)
            for share in SHARES
        },
        "splits": splits,
    }


def main() -> None:
    """Go through all sets and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", type=Path, help="folder with mnist, tables and mal-api-2019")
    parser.add_argument("--splits", type=int, default=5, help="of the classes into known and unknown")
    parser.add_argument("--only", choices=list(JOBS), help="one of the sets")
    parser.add_argument("--quick", action="store_true", help="a smoke test: digits, two splits, no file")
    given = parser.parse_args()
    names = ["digits"] if given.quick else [given.only] if given.only else list(JOBS)
    rows = []
    for name in names:
        load, known, most, network = JOBS[name]
        X, y = load(given.data_dir)
        splits = []
        for seed in range(2 if given.quick else given.splits):
            splits.append(one_split(X, y, known, most, network, seed))
            print(
                name, seed, {key: splits[-1][key] for key in ("area", "softmax_area", "seconds")}, flush=True
            )
        rows.append(summary(name, splits))
        print({key: value for key, value in rows[-1].items() if key != "splits"}, flush=True)
    if given.only:
        return
    machine.record("unknowns", {"rows": rows}, given)


if __name__ == "__main__":
    main()
