"""Intervals of values: how often they hold, where they are wide, and what quantiles cost; simulated and real.

Simulated: targets whose noise grows along one column. `CautiousRegressor` is fitted on 200 and on 500 rows of
each drawn data set, with a network of means (absolute residuals) and with networks and linear functions of
quantiles (conformalised quantile regression), one network as unsteady as early stopping on a fifth of few
rows makes it. Told are the share of 2,000 fresh rows that intervals hold, in all and in thirds of the rows by
their noise, the widths, and one standard error of the mean coverage.

Real: half of the rows, 2,000 at most, are learned from, the same of the others are asked about. Told are
coverage (with the 95 % interval of a binomial of what was stated), width and interval score, and the pinball
loss of quantiles beside that of scikit-learn's linear programme and of its gradient boosting, untuned all.

    python benchmarks/interval_sets.py --data-dir FOLDER
"""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np
import sets
from scipy.stats import binom
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import QuantileRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gorae
from gorae.evidence import interval_scores, pinball_losses

COVERAGES = (0.8, 0.9)
LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
MOST = 4000
ASKED = 2000
RESIDUALS = "network, absolute residuals"
SETS: dict[str, sets.Load] = {
    "diabetes": sets.diabetes,
    "California housing": sets.california_housing,
    "protein": sets.protein,
    "bike": sets.bike,
    "elevators": sets.elevators,
}
_NETWORK: dict[str, Any] = {
    "hidden": (32,),
    "learning_rate": 5e-3,
    "weight_decay": 1e-3,
    "epochs": 60,
    "tol": 0.0,
}
_EARLY: dict[str, Any] = {**_NETWORK, "epochs": 200, "early_stopping": True, "validation_fraction": 0.2}
FORMS: dict[str, Callable[[int], Any]] = {
    RESIDUALS: lambda seed: gorae.MLPRegressor(**_NETWORK, random_state=seed),
    "network, quantiles": lambda seed: gorae.MLPQuantileRegressor(
        **_NETWORK, levels=LEVELS, random_state=seed
    ),
    "network that stops early, quantiles": lambda seed: gorae.MLPQuantileRegressor(
        **_EARLY, levels=LEVELS, random_state=seed
    ),
    "linear, quantiles": lambda seed: gorae.LinearQuantileRegressor(
        levels=LEVELS, epochs=100, random_state=seed
    ),
}


def drawn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of four columns, targets, and the noise of each: from 0.2 to 2.2 by the second column."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (rows, 4))
    noise = 1.2 + X[:, 1]
    return X, 2 * X[:, 0] + np.sin(3 * X[:, 2]) + noise * rng.normal(size=rows), noise


def one_simulation(form: str, rows: int, seed: int) -> dict[str, Any]:
    """Fit on one drawn data set; return coverage and widths of fresh rows for each stated coverage."""
    X, y, _ = drawn(rows, seed)
    asked, truth, noise = drawn(ASKED, 10**6 + seed)
    model = gorae.CautiousRegressor(FORMS[form](seed), random_state=seed).fit(X, y)
    third = np.digitize(noise, np.quantile(noise, [1 / 3, 2 / 3]))
    found = {}
    for coverage in COVERAGES:
        low, high = model.predict_interval(asked, coverage).T
        held = (low <= truth) & (truth <= high)
        found[str(coverage)] = {
            "share": float(held.mean()),
            "width": float((high - low).mean()),
            "thirds": [float(held[third == k].mean()) for k in range(3)],
            "widths": [float((high - low)[third == k].mean()) for k in range(3)],
            "score": float(interval_scores(low, high, truth, coverage).mean()),
        }
    return found


def simulated(form: str, rows: int, repetitions: int) -> dict[str, Any]:
    """Return the means over drawn data sets."""
    runs = [one_simulation(form, rows, seed) for seed in range(repetitions)]
    told: dict[str, Any] = {"form": form, "rows": rows, "repetitions": repetitions}
    for coverage in map(str, COVERAGES):
        shares = np.array([run[coverage]["share"] for run in runs])
        told[coverage] = {
            key: np.mean([run[coverage][key] for run in runs], axis=0).tolist() for key in runs[0][coverage]
        }
        told[coverage]["error"] = float(shares.std(ddof=1) / np.sqrt(len(shares)))
    return told


def one_split(X: np.ndarray, y: np.ndarray, seed: int) -> dict[str, Any]:
    """Learn from half of the rows, ask about the rest; return intervals and pinball losses of each form."""
    if len(X) > MOST:
        X, _, y, _ = train_test_split(X, y, train_size=MOST, random_state=seed)
    learn, asked, own, truth = train_test_split(X, y, test_size=0.5, random_state=seed)
    told: dict[str, Any] = {"rows": len(truth), "forms": {}, "pinball": {}}
    for form, make in FORMS.items():
        model = gorae.CautiousRegressor(make(seed), random_state=seed).fit(learn, own)
        told["forms"][form] = {str(c): _held(model, asked, truth, c) for c in COVERAGES}
        if form != RESIDUALS:
            stated = model.estimator_.predict_quantiles(asked)
            told["pinball"][f"gorae {form}"] = float(pinball_losses(stated, truth, LEVELS).mean())
    peers: dict[str, Callable[[float], Any]] = {
        "QuantileRegressor": lambda level: make_pipeline(
            StandardScaler(), QuantileRegressor(quantile=level, alpha=0)
        ),
        "HistGradientBoosting": lambda level: HistGradientBoostingRegressor(
            loss="quantile", quantile=level, random_state=seed
        ),
    }
    for name, peer in peers.items():
        stated = np.sort(
            np.stack([peer(level).fit(learn, own).predict(asked) for level in LEVELS], 1), axis=1
        )
        told["pinball"][name] = float(pinball_losses(stated, truth, LEVELS).mean())
    return told


def _held(model: Any, asked: np.ndarray, truth: np.ndarray, coverage: float) -> dict[str, Any]:
    """Return how often intervals hold, and what they cost."""
    low, high = model.predict_interval(asked, coverage).T
    share = float(((low <= truth) & (truth <= high)).mean())
    least, most = (float(binom.ppf(p, len(truth), coverage)) / len(truth) for p in (0.025, 0.975))
    return {
        "share": share,
        "inside": least <= share <= most,
        "width": float((high - low).mean()),
        "score": float(interval_scores(low, high, truth, coverage).mean()),
    }


def summary(name: str, splits: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the means of a set over its splits; the pinball losses against the gradient boosting's."""
    forms = {
        form: {
            str(c): {
                key: float(np.mean([one["forms"][form][str(c)][key] for one in splits]))
                for key in ("share", "inside", "width", "score")
            }
            for c in COVERAGES
        }
        for form in FORMS
    }
    losses = {key: float(np.mean([one["pinball"][key] for one in splits])) for key in splits[0]["pinball"]}
    return {"set": name, "rows": splits[0]["rows"], "splits": len(splits), "forms": forms, "pinball": losses}


def main() -> None:
    """Simulate, go through all sets, and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-dir", type=Path, help="folder with the sets that scikit-learn has not")
    parser.add_argument("--repetitions", type=int, default=100, help="data sets drawn for each size")
    parser.add_argument("--splits", type=int, default=5, help="of real rows into two halves")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few data sets, no file")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    simulations, rows = [], []
    for form in FORMS:
        for size in (200,) if given.quick else (200, 500):
            simulations.append(simulated(form, size, 3 if given.quick else given.repetitions))
            print(simulations[-1], flush=True)
    for name in ["diabetes"] if given.quick else SETS:
        X, y = SETS[name](given.data_dir)
        rows.append(summary(name, [one_split(X, y, s) for s in range(1 if given.quick else given.splits)]))
        print(rows[-1], flush=True)
    machine.record("interval_sets", {"simulations": simulations, "rows": rows}, given)


if __name__ == "__main__":
    main()
