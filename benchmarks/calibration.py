"""Probabilities and sets of classes on real data sets: as stated, calibrated, and how often sets cover.

A network learns from half of the rows (3,000 at most) until it is sure of itself, as networks are; it is
asked about the other half. Told are the expected calibration error, the log loss and the Brier score of its
probabilities as it states them and as `CautiousClassifier` gives them, over the rows of all splits together
(of 75 rows alone even a perfect model would show an error of 7 points; what it would show is beside it), and
the mean error of the splits; and the share of rows whose set of classes holds the true one, with the 95 %
interval of a binomial of the stated coverage.

    python benchmarks/calibration.py --data-dir FOLDER
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

import machine
import numpy as np
import sets
from scipy.stats import binom
from sklearn.model_selection import train_test_split

import gorae
from gorae.evidence import reliability

COVERAGES = (0.8, 0.9, 0.95)
MOST = 6000
FIRST_SEED = 100
"""Of the splits that are told; how a calibration is chosen was decided while looking at seeds 0 to 24."""
SETS: dict[str, sets.Load] = {
    "digits": sets.digits,
    "iris": sets.iris,
    "wine": sets.wine,
    "breast cancer": sets.breast_cancer,
    "MNIST": sets.mnist,
    "Fashion-MNIST": sets.fashion,
    "Letter": sets.letter,
    "Dry bean": sets.dry_bean,
    "Mal-API-2019": sets.mal_api,
    "ClaMP": sets.clamp,
}


def one_split(X: np.ndarray, y: np.ndarray, seed: int) -> dict[str, Any]:
    """Learn from half of the rows, ask about the rest; return the figures."""
    if len(X) > MOST:
        some, _ = train_test_split(np.arange(len(X)), train_size=MOST, random_state=seed, stratify=y)
        X, y = X[some], y[some]
    learn, asked, own, truth = train_test_split(X, y, test_size=0.5, random_state=seed, stratify=y)
    network = gorae.MLPClassifier((128,), epochs=80, tol=0.0, random_state=seed)
    model = gorae.CautiousClassifier(network, random_state=seed, detector="max softmax").fit(learn, own)
    codes = np.searchsorted(model.classes_, truth)
    before, after = model.estimator_.predict_proba(asked), model.predict_proba(asked)
    covered = {}
    for coverage in COVERAGES:
        found = model.predict_set(asked, coverage)
        share = float(found[np.arange(len(codes)), codes].mean())
        low, high = (float(binom.ppf(p, len(codes), coverage)) / len(codes) for p in (0.025, 0.975))
        covered[str(coverage)] = {
            "share": share,
            "inside": low <= share <= high,
            "size": float(found.sum(axis=1).mean()),
        }
    scaling = model.calibration_.scaling
    return {
        "before": np.asarray(before, np.float64),
        "after": np.asarray(after, np.float64),
        "codes": codes,
        "scaling": scaling.kind + " and a curve" * scaling.is_curved,
        "covered": covered,
    }


def _figures(splits: list[dict[str, Any]], moment: str) -> dict[str, float]:
    """Return what probabilities are worth over the rows of all splits, and their mean error in one."""
    each = [reliability(one[moment] / one[moment].sum(axis=1, keepdims=True), one["codes"]) for one in splits]
    stated, codes = (np.concatenate([one[key] for one in splits]) for key in (moment, "codes"))
    found = reliability(stated / stated.sum(axis=1, keepdims=True), codes)
    return {
        "ece": found.expected_error,
        "ece_by_chance": found.expected_error_by_chance,
        "mean_ece_of_a_split": float(np.mean([one.expected_error for one in each])),
        "log_loss": found.log_loss,
        "brier": found.brier,
    }


def summary(name: str, splits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of a set over its splits."""
    return {
        "set": name,
        "rows": len(splits[0]["codes"]),
        "before": _figures(splits, "before"),
        "after": _figures(splits, "after"),
        "scalings": dict(Counter(one["scaling"] for one in splits)),
        "covered": {
            str(coverage): {
                key: float(np.mean([one["covered"][str(coverage)][key] for one in splits]))
                for key in ("share", "inside", "size")
            }
            for coverage in COVERAGES
        },
        "splits": len(splits),
    }


def main() -> None:
    """Go through all sets and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", type=Path, help="folder with the sets that scikit-learn has not")
    parser.add_argument(
        "--splits", type=int, default=10, help="of the rows into learned from and asked about"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke test: iris, two splits, no file")
    given = parser.parse_args()
    rows = []
    for name in ["iris"] if given.quick else SETS:
        X, y = SETS[name](given.data_dir)
        seeds = range(FIRST_SEED, FIRST_SEED + (2 if given.quick else given.splits))
        rows.append(summary(name, [one_split(X, y, seed) for seed in seeds]))
        print(rows[-1], flush=True)
    machine.record("calibration", {"rows": rows}, given)


if __name__ == "__main__":
    main()
