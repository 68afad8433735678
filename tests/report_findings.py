"""Findings as a study would hand them to a report: real shapes and sizes, made-up models."""

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

MINIMAL: dict[str, Any] = {
    "title": "Two models",
    "ladder": [{"model": "chance"}, {"model": "mlp", "score": 0.5}],
}


def ladder(metric: str, scores: dict[str, float], spread: float) -> list[dict[str, Any]]:
    """One row a model, simplest first, the intervals growing narrower."""
    rows = []
    for place, (model, score) in enumerate(scores.items()):
        reach = spread / (1 + 0.3 * place)
        row: dict[str, Any] = {"model": model, "metric": metric, "score": score}
        row |= {"low": score - reach, "high": score + 0.8 * reach, "fits": 5 + 160 * (place > 2)}
        row |= {"seconds": 0.02 + 1.9 * place**1.7, "settings": None, "other": None}
        rows.append(row)
    return rows


def curves(members: int, epochs: int, *, scored: bool = True, seed: int = 0) -> list[dict[str, Any]]:
    """Learning curves that fall, and whose validation part turns up again."""
    rng = np.random.default_rng(seed)
    found = []
    for member in range(members):
        epoch = np.arange(1, epochs + 1)
        train = 2.2 * np.exp(-epoch / (6 + member)) + 0.02 + rng.normal(0, 0.004, epochs)
        validation = train + 0.08 + 0.0012 * epoch + rng.normal(0, 0.015, epochs)
        score = (
            1 - 0.85 * np.exp(-epoch / (5 + member)) - 0.03 - 0.0003 * epoch + rng.normal(0, 0.004, epochs)
        )
        found.append(
            {
                "member": f"fold {member}",
                "epoch": epoch,
                "train_loss": np.abs(train),
                "validation_loss": validation,
                "validation_score": score if scored else None,
            }
        )
    return found


def band(lines: list[dict[str, Any]], key: str = "validation_score") -> dict[str, Any]:
    """Mean and range of the members, epoch by epoch."""
    stack = np.stack([line[key] for line in lines])
    of = {"epoch": lines[0]["epoch"], "mean": stack.mean(0), "low": stack.min(0), "high": stack.max(0)}
    return of | {"of": key}


def confusion(labels: list[str], rows: int, *, seed: int = 0) -> dict[str, Any]:
    """A confusion matrix with a strong diagonal and a few favourite errors."""
    rng = np.random.default_rng(seed)
    counts = np.diag(rng.poisson(rows, len(labels)))
    for _ in range(2 * len(labels)):
        i, j = rng.integers(len(labels), size=2)
        counts[i, j] += rng.integers(1, max(rows // 8, 2)) * (i != j)
    return {"labels": labels, "counts": counts}


def reliability(*, rows: int = 1437) -> dict[str, Any]:
    """A model that is a little too sure of itself."""
    bins = []
    for confidence in np.linspace(0.35, 0.985, 9):
        count = int(rows * confidence**6 / 3) + 3
        accuracy = confidence - 0.12 * (1 - confidence) - 0.02
        reach = 1.96 * float(np.sqrt(accuracy * (1 - accuracy) / count))
        low, high = max(accuracy - reach, 0), min(accuracy + reach, 1)
        bins.append(
            {"confidence": confidence, "accuracy": accuracy, "low": low, "high": high, "count": count}
        )
    return {"bins": bins, "ece": 0.0184, "brier": 0.0412, "log_loss": 0.0893}


def caution(labels: list[str]) -> dict[str, Any]:
    """A model that was too sure of itself, and two ways to tell classes that it has never seen."""
    rng = np.random.default_rng(4)
    return {
        "scaling": "temperature",
        "temperature": 1.62,
        "before": {"ece": 0.041, "brier": 0.052, "log_loss": 0.164},
        "after": {"ece": 0.009, "brier": 0.05, "log_loss": 0.131},
        "detector": "cosine",
        "about": "distance in angle to the nearest training row",
        "left_out": labels,
        "areas": {name: rng.uniform(0.8, 0.99, len(labels)) for name in ("cosine", "max softmax")},
        "interval": [0.86, 0.94],
        "rows": 287,
    }


def growth(metric: str = "accuracy") -> dict[str, Any]:
    """A score that still rises with the rows."""
    sizes = [90, 180, 359, 718, 1437]
    score = 1 - 3.0 * np.array(sizes) ** -0.65
    point = [{"score": s, "low": s - 0.02, "high": min(s + 0.015, 1)} for s in score]
    more = np.geomspace(90, 4 * 1437, 20)
    law = [
        {"rows": n, "score": s, "low": s - 0.02 * (n > 1437), "high": min(s + 0.01 * (n > 1437), 1)}
        for n, s in zip(more, 1 - 3.0 * more**-0.65, strict=True)
    ]
    return {
        "metric": metric,
        "sizes": sizes,
        "scores": point,
        "train_scores": [{"score": 0.99, "low": 0.98, "high": 1.0}] * 5,
        "expected": law,
        "gains": [{"times": 2.0, "gain": 0.01, "low": 0.004, "high": 0.016}],
        "folds": 5,
        "repeats": 1,
        "verdict": "helps",
        "sentence": "Twice the rows would bring accuracy from 0.973 to about 0.983",
        "notes": ["These sizes do not tell whether errors vanish"],
        "model": "a single network of the ensemble",
    }


def doubt(labels: list[str], *, images: bool = False) -> dict[str, Any]:
    """An ensemble that disagrees on a fifth of what it doubts."""
    row = {"actual": labels[0], "predicted": labels[-1], "epistemic": 0.3, "aleatoric": 0.2}
    shown = {"image": np.eye(8)} if images else {"image": None}
    return {
        "members": 5,
        "total": [0.1, 0.08, 0.12],
        "epistemic": [0.02, 0.015, 0.025],
        "aleatoric": [0.08, 0.06, 0.1],
        "log_loss": 0.11,
        "share": 0.2,
        "sentence": "Of 0.1 nats of doubt a row, 0.02 is disagreement between the networks",
        "classes": labels,
        "by_class": [[0.02, 0.01 * place] for place in range(len(labels))],
        "rows": [
            {"row": 7, "most": "epistemic", **row, **shown},
            {"row": 8, "most": "aleatoric", **row, **shown},
        ],
    }


def digits_findings() -> dict[str, Any]:
    """Classification of images: every section but residuals."""
    X, y = load_digits(return_X_y=True)
    labels = [str(digit) for digit in range(10)]
    scores = {
        "chance": 0.101,
        "Gaussian Bayes": 0.893,
        "nearest neighbours": 0.978,
        "linear": 0.956,
        "mlp": 0.974,
        "mlp ensemble": 0.982,
    }
    rows = ladder("accuracy", scores, 0.018)
    rows[0] |= {"low": 0.094, "high": 0.108}
    rows[4]["settings"] = {"hidden": (128,), "learning_rate": 0.0031622, "dropout": 0.2, "weight_decay": 1e-4}
    rows[5]["settings"] = {**rows[4]["settings"], "members": 5}
    rng = np.random.default_rng(0)
    hard = [
        {
            "row": int(row),
            "actual": str(y[row]),
            "predicted": str((y[row] + 3) % 10),
            "probability": 0.004 * place,
            "image": X[row].reshape(8, 8),
            "values": None,
        }
        for place, row in enumerate(rng.choice(len(X), 16, replace=False))
    ]
    lines = curves(5, 60)
    means = [X[y == digit].mean(0) - X.mean(0) for digit in range(10)]
    sentence = (
        "The mlp ensemble is 0.4 points better than nearest neighbours, the simplest model that comes close; "
        "the interval (−0.5 to 1.3 points) holds zero, so the data do not show that the deeper model pays"
    )
    return {
        "title": "digits",
        "created": "2026-01-14",
        "version": "0.1.0",
        "data": {
            "name": "digits",
            "rows": 1797,
            "columns": 64,
            "classes": labels,
            "task": "classification",
            "target": "digit",
            "notes": ["3 columns are constant and were dropped: pixel_0_0, pixel_4_0, pixel_4_7."],
        },
        "plan": {
            "lines": [
                "5 outer folds, 3 inner folds, 16 settings each for linear and mlp",
                "360 rows (20 %) set aside as test rows",
                "5 members in the ensemble",
            ],
            "gave_up": ["repeats of the outer folds: 1 instead of 2, to stay within 10 minutes"],
        },
        "ladder": rows,
        "best": "mlp ensemble",
        "comparison": {
            "simpler": "nearest neighbours",
            "difference": 0.004,
            "low": -0.005,
            "high": 0.013,
            "verdict": "not shown to be better",
            "sentence": sentence,
        },
        "test": {
            "metric": "accuracy",
            "score": 0.9778,
            "low": 0.9567,
            "high": 0.9887,
            "rows": 360,
            "chance": 0.101,
        },
        "gap": {
            "train": 0.9991,
            "validation": 0.982,
            "low": 0.008,
            "high": 0.025,
            "verdict": "fits well",
            "reason": "training is 1.7 points above validation and both are far above chance",
        },
        "diagnosis": {
            "verdicts": [],
            "looked_at": ["the training loss over 60 epochs", "128 hidden units in 1000 rows"],
            "not_judged": [],
        },
        "confusion": confusion(labels, 36),
        "curves": lines,
        "curve_band": band(lines),
        "gradient_norms": {
            "layers": ["hidden_1", "hidden_2", "output"],
            "epoch": np.arange(1, 61),
            "norms": np.exp(-np.arange(60)[:, None] / 20) * np.array([0.4, 0.9, 1.6]) + 0.01,
        },
        "reliability": reliability(),
        "caution": caution(labels),
        "growth": growth(),
        "doubt": doubt(labels, images=True),
        "residuals": None,
        "hardest": hard,
        "weights": [{"label": str(digit), "image": means[digit].reshape(8, 8)} for digit in range(10)],
        "warnings": [],
        "seconds_total": 21.4,
        "machine": {
            "processor": "AMD EPYC, 2 cores",
            "python": "3.11.9",
            "jax": "0.10.2",
            "device": "cpu:0, cpu:1",
        },
    }


def regression_findings(*, rows: int = 442) -> dict[str, Any]:
    """Regression on twelve columns, with one model that went off the rails."""
    rng = np.random.default_rng(1)
    names = ["age", "sex", "body mass index", "blood pressure", *(f"serum_{k}" for k in range(1, 9))]
    scores = {"chance": -0.012, "nearest neighbours": 0.402, "linear": 0.488, "mlp": 0.471, "wide mlp": -81.4}
    found = ladder("R²", scores, 0.11)
    for place, row in enumerate(found):
        row["other"] = {"rmse": 77.0 - 6 * place if place < 4 else 690.3}
    predicted = rng.uniform(60, 300, rows)
    actual = predicted + rng.normal(0, 20 + predicted / 8, rows) - 0.001 * (predicted - 180) ** 2
    hard = [
        {
            "row": place,
            "actual": float(actual[place]),
            "predicted": float(predicted[place]),
            "probability": None,
            "image": None,
            "values": dict(zip(names, rng.normal(size=12), strict=True)),
        }
        for place in np.argsort(-np.abs(actual - predicted))[:10].tolist()
    ]
    lines = curves(12, 120, scored=False)
    return {
        "title": "Progression of diabetes",
        "created": "2026-01-14",
        "version": "0.1.0",
        "data": {
            "name": "diabetes.csv",
            "rows": rows,
            "columns": 12,
            "classes": None,
            "task": "regression",
            "target": "progression",
            "notes": [],
        },
        "ladder": found,
        "best": "linear",
        "comparison": {"simpler": "nearest neighbours", "difference": 0.086, "low": 0.012, "high": 0.16}
        | {
            "verdict": "better",
            "sentence": "linear is better than nearest neighbours by 0.086 (0.012 to 0.160).",
        },
        "test": {"metric": "R²", "score": 0.452, "low": 0.31, "high": 0.58, "rows": 89},
        "gap": {"train": 0.52, "validation": 0.488, "verdict": "underfits", "reason": "both scores are low"},
        "curves": lines,
        "curve_band": band(lines, "validation_loss"),
        "diagnosis": {
            "verdicts": [
                {
                    "illness": "underfits",
                    "figure": 0.52,
                    "sentence": "Training scores 0.52, validation 0.488: both are low.",
                    "advice": "wider hidden layers.",
                }
            ],
            "looked_at": ["the training loss over 120 epochs"],
            "not_judged": ["vanishing gradients: fewer than 3 epochs have any gradient"],
        },
        "residuals": {"predicted": predicted, "actual": actual},
        "hardest": hard,
        "warnings": ["wide mlp: 4 of 160 members diverged and were frozen at their last finite parameters."],
        "seconds_total": 203.0,
        "machine": {"python": "3.11.9"},
    }


def families_findings() -> dict[str, Any]:
    """Twenty-six classes with long names and 10,000 rows, as in sorting malware into families."""
    labels = [f"family_{chr(97 + place)}{'_variant' * (place % 3 == 0)}" for place in range(26)]
    found = ladder("balanced accuracy", {"chance": 0.038, "linear": 0.811, "mlp": 0.874}, 0.02)
    lines = curves(30, 400)
    values = [{f"section_{k}_entropy_of_bytes": k / 7 for k in range(11)} for _ in range(5)]
    return {
        "title": "malware.parquet",
        "data": {"name": "malware.parquet", "rows": 10868, "columns": 1804, "classes": labels}
        | {"task": "classification", "target": "family"},
        "ladder": found,
        "best": "mlp",
        "gap": {
            "train": 0.998,
            "validation": 0.874,
            "verdict": "overfits",
            "reason": "training is near perfect",
        },
        "confusion": confusion(labels, 400),
        "curves": lines,
        "hardest": [
            {
                "row": place,
                "actual": labels[place],
                "predicted": labels[-1],
                "probability": 1e-5,
                "values": row,
            }
            for place, row in enumerate(values)
        ],
        "reliability": {"bins": reliability()["bins"]},
        "warnings": ["Class family_z has 3 rows, fewer than the 5 folds; it was kept in training only."],
    }
