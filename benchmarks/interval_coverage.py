"""How often the intervals of gorae.evidence cover the truth, by simulation.

Each cell of the table draws data sets from a known problem, cross-validates a cheap model on each and counts
how often an interval stated at 95 % covers the truth, which is known in closed form or by quasi-random
points:

* models:    mean true score of the models that were scored, what the interval promises to cover;
* procedure: mean true score over all data sets of the cell;
* refitted:  true score of the model fitted on all rows of the data set.

Constructions: ``rows`` is gorae's default, ``rows, train unknown`` the same without training scores, ``rows,
plain`` the central limit interval with nothing corrected, ``folds`` the corrected resampled t. Pairs of
equally good models tell how often a difference is found where there is none.

    python benchmarks/interval_coverage.py --datasets 400 --seed 0
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import scipy
import sklearn
from coverage_models import MODELS, Classes, Drawn, Numbers, cross_validate, score, true_mean
from scipy.special import stdtrit
from threadpoolctl import threadpool_limits

from gorae.evidence import (
    cross_validated_interval,
    fold_score_interval,
    held_out_interval,
    paired_comparison,
    paired_row_comparison,
    score_of,
    wilson,
)

LEVEL = 0.95
BAND = (0.93, 0.97)


@dataclass(frozen=True)
class Cell:
    """One problem, model, size, number of folds and of repeats."""

    kind: str
    model: str
    problem: Classes | Numbers
    rows: int
    folds: int
    repeats: int = 1

    @property
    def about(self) -> str:
        """Model and problem in words."""
        return f"{self.model}, {self.problem.about}{f', repeats {self.repeats}' if self.repeats > 1 else ''}"

    def cross_validate(self, features: np.ndarray, targets: np.ndarray) -> Drawn:
        """Cross-validate the model on all data sets at once."""
        return cross_validate(self.problem, MODELS[self.model], self.folds, self.repeats, features, targets)


def plain_interval(metric: str, losses: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Return the central limit interval on the metric's own scale with nothing corrected."""
    rows, mean = len(losses), losses.mean()
    influence = losses - mean * (targets - targets.mean()) ** 2 / targets.var() if metric == "r2" else losses
    reach = stdtrit(rows - 1, (1 + LEVEL) / 2) * influence.std(ddof=1) / np.sqrt(rows)
    centre = score_of(metric, losses, targets)
    slope = {
        "accuracy": 1.0,
        "log_loss": 1.0,
        "r2": 1 / targets.var(),
        "rmse": 0.5 / max(np.sqrt(mean), 1e-300),
    }
    return centre - reach * slope[metric], centre + reach * slope[metric]


def fold_scores(metric: str, losses: np.ndarray, targets: np.ndarray, fold: np.ndarray) -> list[float]:
    """Return the score of each fold by itself."""
    parts = [fold == part for part in range(fold.max() + 1)]
    return [score_of(metric, losses[part], targets[part]) for part in parts]


def covering(cell: Cell, rng: np.random.Generator, datasets: int) -> Iterator[dict]:
    """Yield one line for each metric and construction of a cell."""
    drawn = cell.cross_validate(*cell.problem.draw(rng, datasets, cell.rows))
    units = np.tile(np.arange(cell.rows), cell.repeats) if cell.repeats > 1 else None
    sizes = {"test_sizes": np.bincount(drawn.fold), "train_sizes": cell.rows - np.bincount(drawn.fold)}
    for metric, losses in drawn.losses.items():
        truth = true_mean(metric, drawn.truth[metric])
        bounds: dict[str, list[tuple[float, float]]] = {}
        for row, targets, train in zip(losses, drawn.targets, drawn.train[metric], strict=True):
            given = {"targets": targets if metric == "r2" else None, "units": units, "level": LEVEL}
            known = cross_validated_interval(metric, row, train_scores=train, **given)
            unknown = cross_validated_interval(metric, row, **given)
            folds = fold_score_interval(fold_scores(metric, row, targets, drawn.fold), level=LEVEL, **sizes)
            bounds.setdefault("rows", []).append((known.low, known.high))
            bounds.setdefault("rows, train unknown", []).append((unknown.low, unknown.high))
            if cell.repeats == 1:
                bounds.setdefault("rows, plain", []).append(plain_interval(metric, row, targets))
            bounds.setdefault("folds", []).append((folds.low, folds.high))
        for construction, found in bounds.items():
            line = told(cell, metric, construction, float(truth.mean()), np.array(found), truth)
            if construction == "rows":
                line["covers_procedure"] = share_inside(np.array(found), np.full(datasets, truth.mean()))
                line["covers_refitted"] = share_inside(np.array(found), drawn.refitted[metric])
            yield line


def pairing(cell: Cell, rng: np.random.Generator, datasets: int) -> Iterator[dict]:
    """Yield how often two equally good models, each on its own features, are told apart."""
    targets, features = cell.problem.draw_pair(rng, datasets, cell.rows)
    first, second = (cell.cross_validate(each, targets) for each in features)
    sizes = {"test_sizes": np.bincount(first.fold), "train_sizes": cell.rows - np.bincount(first.fold)}
    for metric, losses in first.losses.items():
        bounds: dict[str, list[tuple[float, float]]] = {"rows": [], "folds": []}
        for place in range(datasets):
            a, b = losses[place], second.losses[metric][place]
            own = targets[place] if metric == "r2" else None
            rows = paired_row_comparison(
                metric,
                a,
                b,
                train_scores_a=first.train[metric][place],
                train_scores_b=second.train[metric][place],
                targets=own,
                level=LEVEL,
            )
            folds_a, folds_b = (fold_scores(metric, each, targets[place], first.fold) for each in (a, b))
            folds = paired_comparison(folds_a, folds_b, metric=metric, level=LEVEL, **sizes)
            bounds["rows"].append((rows.low, rows.high))
            bounds["folds"].append((folds.low, folds.high))
        truth = true_mean(metric, first.truth[metric]) - true_mean(metric, second.truth[metric])
        centre = float(true_mean(metric, first.truth[metric]).mean())
        for construction, found in bounds.items():
            line = told(cell, metric, construction, centre, np.array(found), truth)
            line["false_positives"] = 1 - share_inside(np.array(found), np.zeros(datasets))
            yield line


def holding_out(cell: Cell, rng: np.random.Generator, datasets: int) -> Iterator[dict]:
    """Yield the coverage of held-out intervals: one model each, fitted on 200 rows, scored on fresh ones."""
    fit = MODELS[cell.model]
    fitted = fit(*cell.problem.draw(rng, datasets, 200))
    features, targets = cell.problem.draw(rng, datasets, cell.rows)
    outputs = cell.problem.outputs(fitted, features)
    true = cell.problem.true_losses(fitted)
    for metric, values in true.items():
        truth = score(metric, values, cell.problem.variance)
        found = [
            held_out_interval(metric, t, o, level=LEVEL)
            for t, o in zip(targets, outputs[metric], strict=True)
        ]
        bounds = np.array([(each.low, each.high) for each in found])
        yield told(cell, metric, "held out", float(truth.mean()), bounds, truth)


def share_inside(bounds: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of truths between their bounds; a truth's rounding error is none of the interval."""
    return float(np.mean((bounds[:, 0] <= truth + 1e-12) & (truth - 1e-12 <= bounds[:, 1])))


def told(
    cell: Cell, metric: str, construction: str, centre: float, bounds: np.ndarray, truth: np.ndarray
) -> dict:
    """Return one line of the table."""
    inside = share_inside(bounds, truth)
    low, high = wilson(round(inside * len(truth)), len(truth))
    return {
        "kind": cell.kind,
        "problem": cell.about,
        "metric": metric,
        "rows": cell.rows,
        "folds": cell.folds,
        "construction": construction,
        "true_score": round(centre, 4),
        "coverage": inside,
        "coverage_low": round(float(low), 4),
        "coverage_high": round(float(high), 4),
        "median_width": round(float(np.median(bounds[:, 1] - bounds[:, 0])), 5),
    }


def plan() -> list[Cell]:
    """Return the cells, the longest first."""
    sizes, small = (60, 100, 200, 500, 1000), (60, 100, 200)
    listed: list[tuple[str, Classes | Numbers, tuple[int, ...], tuple[int, ...]]] = [
        *[("Gaussian Bayes", Classes(3, distance), sizes, (5, 10)) for distance in (0.8, 2.0, 3.5)],
        *[("discriminant", Classes(5, distance), sizes, (5, 10)) for distance in (0.8, 2.2, 4.0)],
        *[("discriminant", Classes(20, distance), sizes, (5,)) for distance in (2.0, 3.5)],
        ("logistic", Classes(10, 2.0), sizes, (5, 10)),
        ("logistic", Classes(5, 3.5), sizes, (5,)),
        *[("1 neighbour", Classes(3, distance), (60, 100, 200, 500), (5,)) for distance in (1.0, 2.0, 3.5)],
        ("7 neighbours", Classes(3, 2.0), small, (5,)),
        *[("random features", Classes(3, distance), sizes[:4], (5,)) for distance in (1.0, 2.5)],
        ("tree of depth 3", Classes(4, 2.0), small, (5,)),
        ("one split", Classes(5, 2.0, informative=1), sizes, (5, 10)),
        ("one split", Classes(5, 2.0), sizes, (5, 10)),
        *[("ridge", Numbers(2, share), sizes, (5, 10)) for share in (0.2, 0.6)],
        *[("ridge", Numbers(8, share), sizes, (5, 10)) for share in (0.6, 0.95)],
        ("ridge", Numbers(8, 0.6, tails=5), sizes, (5,)),
        ("ridge", Numbers(20, 0.6), sizes, (5,)),
        ("ridge chosen inside", Numbers(20, 0.6), sizes, (5,)),
        ("5 neighbours", Numbers(3, 0.8), small, (5,)),
    ]
    repeated: list[tuple[str, Classes | Numbers]] = [
        ("discriminant", Classes(20, 3.5)),
        ("one split", Classes(5, 2.0, informative=1)),
        ("one split", Classes(5, 2.0)),
        ("random features", Classes(3, 2.5)),
        ("ridge", Numbers(8, 0.6)),
        ("ridge chosen inside", Numbers(20, 0.6)),
    ]
    cells = [
        Cell("interval", model, problem, rows, folds)
        for model, problem, row_counts, fold_counts in listed
        for rows in row_counts
        for folds in fold_counts
        if rows * folds < 10_000  # the slowest cells tell nothing that 5 folds do not
    ]
    # Two sets of features cost twice as much: the slow models are paired at 60 rows only.
    slow = ("1 neighbour", "7 neighbours", "5 neighbours", "tree of depth 3")
    pairs = [
        cell for cell in cells if cell.rows == 60 or (cell.rows in (200, 500) and cell.model not in slow)
    ]
    cells += [replace(cell, kind="null pair") for cell in pairs if cell.model != "ridge chosen inside"]
    cells += [
        Cell("interval", model, problem, rows, 5, repeats=3) for model, problem in repeated for rows in small
    ]
    held = [("discriminant", Classes(5, distance)) for distance in (0.8, 2.2, 4.0)]
    held += [("ridge", Numbers(8, share, tails)) for share in (0.2, 0.6, 0.95) for tails in (0, 5)]
    cells += [Cell("held out", model, problem, rows, 0) for model, problem in held for rows in sizes]
    return sorted(cells, key=lambda cell: -cell.rows * cell.folds * cell.repeats)


RUNS: dict[str, Callable[[Cell, np.random.Generator, int], Iterator[dict]]] = {
    "interval": covering,
    "null pair": pairing,
    "held out": holding_out,
}


def run(cell: Cell, *, datasets: int, seed: int) -> list[dict]:
    """Return the lines of one cell; its random numbers depend on the seed and the cell alone."""
    words = f"{cell.kind}|{cell.about}|{cell.rows}|{cell.folds}"
    rng = np.random.default_rng([seed, *words.encode()])
    with threadpool_limits(1):
        return list(RUNS[cell.kind](cell, rng, datasets))


def summary(lines: list[dict]) -> list[dict]:
    """Return mean coverage and share of cells in the band for each kind, metric and construction."""
    # The one problem that no construction here holds for is kept apart, under its own name.
    tied = f"one split, {Classes(5, 2.0).about}"
    groups: dict[tuple[str, str, str], list[dict]] = {}
    for line in lines:
        is_tied = line["problem"].startswith(tied) and "informative" not in line["problem"]
        about = line["metric"] + (", tied split" if is_tied else "")
        groups.setdefault((line["kind"], about, line["construction"]), []).append(line)
    found = []
    for (kind, metric, construction), members in sorted(groups.items()):
        each = np.array([line["coverage"] for line in members])
        noise = np.array([line["coverage_high"] - line["coverage_low"] for line in members]) / 2
        entry = {
            "kind": kind,
            "metric": metric,
            "construction": construction,
            "cells": len(members),
            "mean_coverage": round(float(each.mean()), 4),
            "in_band": round(float(np.mean((each >= BAND[0]) & (each <= BAND[1]))), 3),
            "in_band_but_for_noise": round(
                float(np.mean((each >= BAND[0] - noise) & (each <= BAND[1] + noise))), 3
            ),
            "lowest": float(each.min()),
            "highest": float(each.max()),
            "median_width": round(float(np.median([line["median_width"] for line in members])), 4),
        }
        if kind == "null pair":
            entry["false_positives"] = round(float(np.mean([line["false_positives"] for line in members])), 4)
        found.append(entry)
    return found


def show(lines: list[dict]) -> None:
    """Print the table, one line a cell and construction."""
    for line in sorted(lines, key=lambda each: (each["kind"], each["metric"], each["problem"], each["rows"])):
        extra = "".join(
            f"  {name.removeprefix('covers_')} {line[name]:.3f}"
            for name in ("covers_procedure", "covers_refitted", "false_positives")
            if name in line
        )
        print(
            f"{line['kind']:9} {line['metric']:8} {line['problem']:42} rows {line['rows']:4d} "
            f"folds {line['folds']:2d} score {line['true_score']:6.3f}  {line['construction']:20} "
            f"covers {line['coverage']:.3f} ({line['coverage_low']:.3f}-{line['coverage_high']:.3f})  "
            f"width {line['median_width']:.4f}{extra}"
        )


def written(report: dict) -> str:
    """Return the report as JSON with one line a cell, so that two runs can be compared line by line."""
    parts = []
    for name, value in report.items():
        if isinstance(value, list):
            value = "[\n" + ",\n".join(json.dumps(line) for line in value) + "\n]"
        else:
            value = json.dumps(value)
        parts.append(f"{json.dumps(name)}: {value}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Run all cells, print the table and write the JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datasets", type=int, default=400, help="data sets a cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--only", default="", help="only cells whose model and problem contain this")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results" / "interval_coverage.json"
    )
    asked = parser.parse_args()
    cells = [cell for cell in plan() if asked.only in cell.about]
    started = time.perf_counter()
    work = partial(run, datasets=asked.datasets, seed=asked.seed)
    with ProcessPoolExecutor(asked.jobs) as pool:
        lines = [line for found in pool.map(work, cells) for line in found]
    seconds = time.perf_counter() - started
    show(lines)
    totals = summary(lines)
    for entry in totals:
        print("  ".join(f"{name} {value}" for name, value in entry.items()))
    print(f"{len(cells)} cells of {asked.datasets} data sets in {seconds:.0f} s")
    if asked.only:
        return
    asked.out.parent.mkdir(exist_ok=True)
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    report = {
        "schema": 1,
        "command": f"python benchmarks/interval_coverage.py --datasets {asked.datasets} --seed {asked.seed}",
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "seconds": round(seconds)},
        "versions": versions | {"scikit-learn": sklearn.__version__},
        "level": LEVEL,
        "summary": totals,
        "cells": lines,
    }
    asked.out.write_text(written(report))


if __name__ == "__main__":
    main()
