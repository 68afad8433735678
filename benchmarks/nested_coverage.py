"""How often the interval of `SearchCV(nested=True)` covers the truth, by simulation.

Each cell draws data sets from a known problem, searches on each with `nested=True`, and counts how often the
95 % interval covers the true score of what the outer splits' searches chose: the mean over the splits of the
score that each split's model has on 10,000 fresh rows. Beside it, the same for what a search without nesting
offers: the best mean score with its interval (`low_test_score`, `high_test_score`), held against the mean
true score of the very models it is the mean of, the best setting's in each split.

Also counted: how often either covers the true score of `best_estimator_`, and how much the best score lies
above the truth on average, beside what `optimism` says of it. The trees of a cell differ in their seed alone,
so that the best of them is the luckiest.

    python benchmarks/nested_coverage.py --repetitions 400
"""

import argparse
import json
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import machine
import numpy as np
from coverage_models import Classes, Numbers
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

import gorae
from gorae.evidence import wilson

BAND = (0.93, 0.97)
FRESH = 10_000
SPACES: dict[str, tuple[Any, dict[str, list]]] = {
    "neighbours": (
        gorae.KNeighborsClassifier(),
        {"n_neighbors": [1, 3, 5, 9, 15, 25], "weights": ["uniform", "distance"]},
    ),
    "logistic": (LogisticRegression(), {"C": [0.001, 0.01, 0.1, 1, 10, 100]}),
    "ridge": (Ridge(), {"alpha": [0.1, 1, 10, 30, 100, 300]}),
    "trees of 12 seeds": (
        DecisionTreeClassifier(max_depth=2, splitter="random"),
        {"random_state": list(range(12))},
    ),
}


@dataclass(frozen=True)
class Cell:
    """A search, a problem and a number of rows."""

    search: str
    problem: Classes | Numbers
    rows: int

    @property
    def about(self) -> str:
        """The search and the problem in words."""
        return f"{self.search}, {self.problem.about}"


CELLS = [
    Cell(search, problem, rows)
    for search, problem in (
        ("neighbours", Classes(3, 2.0)),
        ("neighbours", Classes(10, 2.5)),
        ("logistic", Classes(20, 2.0)),
        ("trees of 12 seeds", Classes(5, 1.5)),
        ("ridge", Numbers(20, 0.6)),
        ("ridge", Numbers(8, 0.8, tails=5)),
    )
    for rows in (60, 200)
]


def repetition(cell: Cell, seed: int, number: int) -> dict[str, float]:
    """Search one data set; return both intervals, and the truths that they are held against."""
    rng = np.random.default_rng([seed, number, *f"{cell.about}|{cell.rows}".encode()])
    (features, targets), (fresh, truth) = (_drawn(cell, rng, rows) for rows in (cell.rows, FRESH))
    splitter = KFold if isinstance(cell.problem, Numbers) else StratifiedKFold
    cv = splitter(5, shuffle=True, random_state=number)
    estimator, space = SPACES[cell.search]
    search = gorae.SearchCV(estimator, space, sampler="grid", cv=cv, nested=True, random_state=number)
    search.fit(features, targets)

    def true_score(setting: dict[str, Any], train: np.ndarray) -> float:
        model: Any = clone(estimator).set_params(**setting)
        return _score(cell, truth, model.fit(features[train], targets[train]).predict(fresh))

    trains = [train for train, _ in cv.split(features, targets)]
    nested, best = search.nested_, search.best_index_
    return {
        "nested": nested.score,
        "nested_low": nested.low,
        "nested_high": nested.high,
        "nested_truth": float(
            np.mean([true_score(*pair) for pair in zip(nested.chosen, trains, strict=True)])
        ),
        "plain": float(search.best_score_),
        "plain_low": float(search.cv_results_["low_test_score"][best]),
        "plain_high": float(search.cv_results_["high_test_score"][best]),
        "plain_truth": float(np.mean([true_score(search.best_params_, train) for train in trains])),
        "refitted_truth": true_score(search.best_params_, np.arange(cell.rows)),
        "optimism": nested.optimism,
    }


def _drawn(cell: Cell, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features and targets of one data set."""
    features, targets = cell.problem.draw(rng, 1, rows)
    return features[0], targets[0]


def _score(cell: Cell, truth: np.ndarray, answers: np.ndarray) -> float:
    """Return accuracy, or R² with the problem's own variance."""
    if isinstance(cell.problem, Numbers):
        return float(1 - np.mean((truth - answers) ** 2) / cell.problem.variance)
    return float(np.mean(truth == answers))


def run(part: tuple[Cell, range], *, seed: int) -> list[dict[str, float]]:
    """Return some repetitions of a cell."""
    warnings.simplefilter("ignore")
    cell, numbers = part
    with threadpool_limits(1):
        return [repetition(cell, seed, number) for number in numbers]


def told(cell: Cell, found: list[dict[str, float]]) -> dict[str, Any]:
    """Return one line of the table."""
    values = {name: np.array([each[name] for each in found]) for name in found[0]}

    def covers(which: str, truth: str) -> float:
        # A truth's rounding error is none of the interval.
        low, high = values[f"{which}_low"] - 1e-12, values[f"{which}_high"] + 1e-12
        return float(np.mean((low <= values[truth]) & (values[truth] <= high)))

    line: dict[str, Any] = {"search": cell.search, "problem": cell.problem.about, "rows": cell.rows}
    line["metric"] = "r2" if isinstance(cell.problem, Numbers) else "accuracy"
    line["repetitions"] = len(found)
    line["true_score"] = round(float(values["nested_truth"].mean()), 4)
    for which in ("nested", "plain"):
        share = covers(which, f"{which}_truth")
        low, high = wilson(round(share * len(found)), len(found))
        width = values[f"{which}_high"] - values[f"{which}_low"]
        line |= {
            f"{which}_coverage": round(share, 4),
            f"{which}_coverage_low": round(float(low), 4),
            f"{which}_coverage_high": round(float(high), 4),
            f"{which}_covers_refitted": round(covers(which, "refitted_truth"), 4),
            f"{which}_bias": round(float((values[which] - values[f"{which}_truth"]).mean()), 5),
            f"{which}_median_width": round(float(np.median(width)), 4),
        }
    line["optimism_told"] = round(float(values["optimism"].mean()), 5)
    return line


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean coverage, how many cells are in the band, and the extremes."""
    found: dict[str, Any] = {"cells": len(lines), "repetitions": sum(line["repetitions"] for line in lines)}
    for which in ("nested", "plain"):
        each = np.array([line[f"{which}_coverage"] for line in lines])
        found[which] = {
            "mean_coverage": round(float(each.mean()), 4),
            "cells_in_band": int(np.sum((each >= BAND[0]) & (each <= BAND[1]))),
            "lowest": float(each.min()),
            "highest": float(each.max()),
            "mean_bias": round(float(np.mean([line[f"{which}_bias"] for line in lines])), 5),
        }
    return found


def show(line: dict[str, Any]) -> None:
    """Print a line of the table."""
    told = [
        f"{which} covers {line[f'{which}_coverage']:.3f} ({line[f'{which}_coverage_low']:.3f}-"
        f"{line[f'{which}_coverage_high']:.3f}), off by {line[f'{which}_bias']:+.4f}, width "
        f"{line[f'{which}_median_width']:.3f}"
        for which in ("nested", "plain")
    ]
    about = f"{line['search']:18} {line['problem']:30} rows {line['rows']:4d} true {line['true_score']:.3f}"
    print(f"{about}  {'; '.join(told)}", flush=True)


def main() -> None:
    """Run all cells, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=400, help="data sets a cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", default="", help="only cells whose search and problem contain this")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke test: 4 repetitions of 60 rows, no file"
    )
    given = parser.parse_args()
    count = 4 if given.quick else given.repetitions
    cells = [cell for cell in CELLS if given.only in cell.about and (cell.rows == 60 or not given.quick)]
    began, lines = time.perf_counter(), []
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for cell in cells:
            parts = [(cell, range(first, count, given.jobs)) for first in range(given.jobs)]
            found = pool.map(partial(run, seed=given.seed), parts)
            lines.append(told(cell, [each for part in found for each in part]))
            show(lines[-1])
    content = {
        "level": 0.95,
        "wanted": BAND,
        "repetitions_a_cell": count,
        "seconds": time.perf_counter() - began,
        "summary": summary(lines),
        "cells": lines,
    }
    print(json.dumps(content["summary"]))
    if not given.only:
        machine.record("nested_coverage", content, given)


if __name__ == "__main__":
    main()
