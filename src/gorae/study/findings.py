"""From the results of a ladder to what is told: scores, intervals, comparison, verdict, pictures' data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.evidence import (
    Close,
    Comparison,
    Gap,
    Interval,
    band,
    confusion,
    cross_validated_interval,
    gap_verdict,
    hardest,
    held_out_interval,
    paired_row_comparison,
    reliability,
    row_losses,
    simplest_close,
)
from gorae.search import NestedResult, OuterFold, Rows, metric_of
from gorae.study.prepare import Prepared

_HARDEST = 12
_SHOWN_COLUMNS = 8


def scored_rows(result: NestedResult) -> tuple[np.ndarray, np.ndarray]:
    """Return the repetition and the row of every out-of-fold answer."""
    found = np.isfinite(result.outputs).all(axis=2)
    return np.nonzero(found)


def scoring_losses(result: NestedResult, rows: Rows, which: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the loss of each scoring: 0 or 1 for classes, the squared error for values."""
    answers = result.outputs[which]
    if rows.classes:
        return row_losses("accuracy", rows.targets[which[1]], np.argmax(answers, axis=1))
    return row_losses("r2", rows.targets[which[1], 0], answers[:, 0].astype(np.float64))


def _units(rows: Rows, which: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return what scorings belong to: rows, or groups, which several of them may share."""
    return which[1] if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1][which[1]]


def ladder_row(
    name: str, result: NestedResult, rows: Rows, settings: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return one row of the ladder: score with its 95 % interval, fits, seconds, the chosen setting."""
    metric = metric_of(rows.classes)
    which = scored_rows(result)
    losses = scoring_losses(result, rows, which)
    targets = None if rows.classes else rows.targets[which[1], 0]
    found = cross_validated_interval(
        metric, losses, train_scores=_finite(result.train_scores), targets=targets, units=_units(rows, which)
    )
    other = None if rows.classes else {"rmse": float(np.sqrt(losses.mean()))}
    return {
        "model": name,
        "metric": metric,
        "score": found.score,
        "low": found.low,
        "high": found.high,
        "fits": result.fits,
        "seconds": round(result.seconds, 3),
        "settings": dict(settings[result.setting]) if settings else {},
        "other": other,
    }


def _finite(scores: np.ndarray) -> np.ndarray | None:
    """Return training scores for the interval, or None when a model diverged."""
    return scores if np.isfinite(scores).all() else None


def compare_ladder(names: Sequence[str], results: Mapping[str, NestedResult], rows: Rows) -> Close:
    """Return the winner of the ladder and the simplest model that is not shown to be worse."""
    metric = metric_of(rows.classes)
    scores = [float(_overall(results[name], rows)) for name in names]

    def compare(a: int, b: int) -> Comparison:
        first, second = results[names[a]], results[names[b]]
        which = scored_rows(first)
        return paired_row_comparison(
            metric,
            scoring_losses(first, rows, which),
            scoring_losses(second, rows, which),
            train_scores_a=_finite(first.train_scores),
            train_scores_b=_finite(second.train_scores),
            targets=None if rows.classes else rows.targets[which[1], 0],
            units=_units(rows, which),
        )

    return simplest_close(names, scores, compare, metric=metric)


def _overall(result: NestedResult, rows: Rows) -> float:
    """Return the score of all out-of-fold answers together."""
    which = scored_rows(result)
    losses = scoring_losses(result, rows, which)
    if rows.classes:
        return 1.0 - losses.mean()
    return 1.0 - losses.mean() / np.var(rows.targets[which[1], 0])


def gap_of(
    result: NestedResult,
    chance: NestedResult,
    folds: Sequence[OuterFold],
    best: Mapping[str, Any],
    rows: Rows,
) -> Gap | None:
    """Return the gap between training and validation with its verdict; None for a single split."""
    if len(folds) < 2 or not np.isfinite([*result.train_scores, *result.fold_scores]).all():
        return None
    metric = metric_of(rows.classes)
    return gap_verdict(
        result.train_scores,
        result.fold_scores,
        test_sizes=[len(fold.score) for fold in folds],
        train_sizes=[len(fold.train) for fold in folds],
        reference=float(np.mean(chance.fold_scores)),
        metric=metric,
        best_known=ladder_interval(best),
    )


def ladder_interval(row: Mapping[str, Any]) -> Interval:
    """Return a ladder row's score as the interval it was made from."""
    return Interval(row["score"], row["low"], row["high"], 0.95, "ladder")


def test_finding(outputs: np.ndarray, test: Rows) -> dict[str, Any]:
    """Return the score on the held-out rows with its interval."""
    metric = metric_of(test.classes)
    if test.classes:
        found = held_out_interval(metric, test.targets, np.argmax(outputs, axis=1))
        other = {}
    else:
        values = np.asarray(outputs, np.float64).reshape(-1)
        found = held_out_interval(metric, test.targets[:, 0], values)
        other = {"rmse": float(np.sqrt(np.mean((values - test.targets[:, 0]) ** 2)))}
    return {
        "metric": metric,
        "score": found.score,
        "low": found.low,
        "high": found.high,
        "rows": len(test.matrix),
        **other,
    }


def class_findings(result: NestedResult, data: Prepared) -> dict[str, Any]:
    """Return confusion, reliability and the hardest rows of a classifier, from its out-of-fold answers."""
    rows, labels = data.rows, [str(name) for name in data.classes]
    mean = np.nanmean(result.outputs, axis=0)
    scored = np.flatnonzero(np.isfinite(mean).all(axis=1))
    stated = mean[scored] / mean[scored].sum(axis=1, keepdims=True)
    codes = rows.targets[scored]
    said = np.argmax(stated, axis=1)
    seen = confusion(codes, said, classes=np.arange(len(labels)))
    shown = reliability(stated, codes)
    given = stated[np.arange(len(codes)), codes]
    worst = hardest(-np.log(np.maximum(given, 1e-7)), codes, said, probability=given, count=_HARDEST)
    return {
        "confusion": {"labels": labels, "counts": seen.counts},
        "reliability": {
            "bins": [
                {"confidence": c, "accuracy": a, "low": lo, "high": hi, "count": int(n)}
                for c, a, lo, hi, n in zip(
                    shown.confidence, shown.accuracy, shown.low, shown.high, shown.count, strict=True
                )
            ],
            "ece": shown.expected_error,
            "brier": shown.brier,
            "log_loss": shown.log_loss,
        },
        "hardest": [
            {
                "row": int(data.row_numbers[scored[h.row]]),
                "actual": labels[int(h.truth)],
                "predicted": labels[int(h.prediction)],
                "probability": float(h.probability),
                **_shown(data, scored[h.row]),
            }
            for h in worst
        ],
    }


def value_findings(result: NestedResult, data: Prepared) -> dict[str, Any]:
    """Return residuals and the hardest rows of a regressor, from its out-of-fold answers."""
    mean = np.nanmean(result.outputs, axis=0)[:, 0].astype(np.float64)
    scored = np.flatnonzero(np.isfinite(mean))
    actual = data.rows.targets[scored, 0]
    worst = hardest((mean[scored] - actual) ** 2, actual, mean[scored], count=_HARDEST)
    return {
        "residuals": {"predicted": mean[scored], "actual": actual},
        "hardest": [
            {
                "row": int(data.row_numbers[scored[h.row]]),
                "actual": f"{float(h.truth):.4g}",
                "predicted": f"{float(h.prediction):.4g}",
                "probability": None,
                **_shown(data, scored[h.row]),
            }
            for h in worst
        ],
    }


def _shown(data: Prepared, row: int) -> dict[str, Any]:
    """Return a row as a picture where it is one, else its first values."""
    if data.image_shape is not None and len(data.image_shape) == 2:
        return {"image": np.asarray(data.rows.matrix[row]).reshape(data.image_shape), "values": None}
    if data.frame is not None:
        names = data.frame.columns[:_SHOWN_COLUMNS]
        return {"image": None, "values": {name: data.frame[name][int(row)] for name in names}}
    names = data.feature_names[:_SHOWN_COLUMNS]
    return {
        "image": None,
        "values": {n: float(v) for n, v in zip(names, data.rows.matrix[row], strict=False)},
    }


def history_findings(histories: Sequence[Any], layers: Sequence[str], classes: int) -> dict[str, Any]:
    """Return learning curves, their band and the gradient norms, from the histories of networks."""
    if not histories:
        return {}
    curves = []
    for number, history in enumerate(histories, start=1):
        epochs = np.arange(1, len(history.train_loss) + 1)
        score = history.validation_score if classes else 1.0 + history.validation_score
        curves.append(
            {
                "member": f"fold {number}",
                "epoch": epochs,
                "train_loss": history.train_loss,
                "validation_loss": history.validation_loss,
                "validation_score": score,
                "kept": int(np.nanargmin(history.validation_loss)) + 1
                if np.isfinite(history.validation_loss).any()
                else None,
            }
        )
    usable = [c["validation_score"] for c in curves if np.isfinite(c["validation_score"]).all()]
    found: dict[str, Any] = {"curves": curves}
    if len(usable) > 1:
        spread = band(usable)
        found["curve_band"] = {
            "epoch": np.arange(1, len(spread.mean) + 1),
            "mean": spread.mean,
            "low": spread.low,
            "high": spread.high,
        }
    first = histories[0]
    if np.isfinite(first.gradient_norms).all():
        found["gradient_norms"] = {
            "layers": list(layers),
            "epoch": curves[0]["epoch"],
            "norms": first.gradient_norms,
        }
    return found
