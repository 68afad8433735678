"""From the results of a ladder to what is told: scores, intervals, comparison, verdict, pictures' data."""

import datetime
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.backend import cores
from gorae.evidence import (
    Gap,
    Interval,
    band,
    confusion,
    cross_validated_interval,
    gap_verdict,
    hardest,
    held_out_interval,
    reliability,
    row_losses,
)
from gorae.search import NestedResult, OuterFold, Rows, metric_of, score_outputs
from gorae.study.prepare import Prepared

_HARDEST = 12
_SHOWN_COLUMNS = 8
_PARTS = 5


def scored_rows(result: NestedResult) -> tuple[np.ndarray, np.ndarray]:
    """Return the repetition and the row of every out-of-fold answer."""
    repeat, row = np.nonzero(np.isfinite(result.outputs).all(axis=2))
    return repeat, row


def mean_answers(result: NestedResult) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that any fold scored, and the mean answer for each over the repetitions."""
    scored = np.flatnonzero(np.isfinite(result.outputs).all(axis=2).any(axis=0))
    return scored, np.asarray(np.nanmean(result.outputs[:, scored], axis=0, dtype=np.float64))


def scoring_losses(result: NestedResult, rows: Rows, which: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the loss of each scoring: 0 or 1 for classes, the squared error for values."""
    answers = result.outputs[which]
    if rows.classes:
        return row_losses("accuracy", rows.targets[which[1]], np.argmax(answers, axis=1))
    return row_losses("r2", rows.targets[which[1], 0], answers[:, 0].astype(np.float64))


def row_units(rows: Rows, which: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return what scorings belong to: rows, or groups, which several of them may share."""
    return which[1] if rows.groups is None else rows.groups[which[1]]


def data_finding(data: Prepared, name: str, target: str | None, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the data are, in figures and words.

    Args:
        data: the data.
        name: what they are called.
        target: the name of the target, or None.
        notes: sentences that follow the data's own.
    """
    return {
        "name": name,
        "rows": len(data.rows.matrix) + (0 if data.test is None else len(data.test.matrix)),
        "columns": data.columns,
        "classes": None if data.classes is None else [str(label) for label in data.classes],
        "task": data.task,
        "target": target,
        "image_shape": None if data.image_shape is None else list(data.image_shape),
        "texts": data.text_column,
        "notes": [*data.notes, *notes],
    }


def made() -> dict[str, str]:
    """Return when findings were made, and by which version."""
    return {"created": datetime.date.today().isoformat(), "version": importlib.metadata.version("gorae")}


def this_machine() -> dict[str, str]:
    """Return where findings were made."""
    return {"cores": str(cores()), "system": platform.machine(), "python": platform.python_version()}


def ladder_row(
    name: str, result: NestedResult, rows: Rows, settings: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return one row of the ladder: score with its 95 % interval, fits, seconds, the chosen setting."""
    metric = metric_of(rows.classes)
    which = scored_rows(result)
    losses = scoring_losses(result, rows, which)
    targets = None if rows.classes else rows.targets[which[1], 0]
    found = cross_validated_interval(
        metric,
        losses,
        train_scores=finite_scores(result.train_scores),
        targets=targets,
        units=row_units(rows, which),
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


def finite_scores(scores: np.ndarray) -> np.ndarray | None:
    """Return training scores for the interval (one of them stands for two), or None when a model diverged."""
    return np.resize(scores, max(len(scores), 2)) if np.isfinite(scores).all() else None


def gap_of(
    result: NestedResult,
    chance: NestedResult,
    folds: Sequence[OuterFold],
    best: Mapping[str, Any],
    rows: Rows,
) -> Gap | None:
    """Return the gap between training and validation with its verdict.

    None where a model diverged, or where chance is never wrong.
    """
    train, scores = result.train_scores, result.fold_scores
    parts = [fold.score for fold in folds]
    if len(folds) == 1:
        # The noise of a single split's score is seen in parts of its scored rows.
        parts = [part for part in np.array_split(folds[0].score, _PARTS) if len(part) > 1]
        scores = np.array(
            [score_outputs(result.outputs[0, part], rows.targets[part], rows.classes) for part in parts]
        )
        train = np.resize(train, len(parts))
    reference = float(np.mean(chance.fold_scores))
    if len(parts) < 2 or reference >= 1.0 or not np.isfinite([*train, *scores]).all():
        return None
    learned = [len(fold.train) for fold in folds]
    return gap_verdict(
        train,
        scores,
        test_sizes=[len(part) for part in parts],
        train_sizes=learned if len(folds) > 1 else learned[0],
        reference=reference,
        metric=metric_of(rows.classes),
        best_known=Interval(best["score"], best["low"], best["high"], 0.95, "ladder"),
    )


def test_finding(outputs: np.ndarray, test: Rows, rows: Rows, seen: int) -> dict[str, Any]:
    """Return the score on the test rows with its interval.

    Args:
        outputs: the winner's answers for them.
        test: the test rows.
        rows: the rows that the winner learned from: their most frequent class is what guessing would say.
        seen: how many of the test rows are among them.
    """
    metric, units = metric_of(test.classes), test.groups
    other: dict[str, Any] = {"seen": seen} if seen else {}
    if test.classes:
        found = held_out_interval(metric, test.targets, np.argmax(outputs, axis=1), units=units)
        other["chance"] = float(np.mean(test.targets == np.bincount(rows.targets).argmax()))
    else:
        values = np.asarray(outputs, np.float64).reshape(-1)
        found = held_out_interval(metric, test.targets[:, 0], values, units=units)
        other["rmse"] = float(np.sqrt(np.mean((values - test.targets[:, 0]) ** 2)))
    return {
        "metric": metric,
        "score": found.score,
        "low": found.low,
        "high": found.high,
        "rows": len(test.matrix),
        **other,
    }


def test_in_words(found: Mapping[str, Any]) -> str:
    """Return what `test_finding` found as a sentence's end.

    Example:
        >>> found = {"metric": "accuracy", "score": 0.9, "low": 0.7, "high": 1.0, "rows": 30, "seen": 2}
        >>> test_in_words(found)
        'on 30 test rows of which 2 were learned from too: accuracy 0.9000 (95 % interval 0.7000 to 1.0000)'
    """
    seen = found.get("seen", 0)
    touched = f"of which {seen} were learned from too" if seen else "that nothing else touched"
    rmse = f"; RMSE {found['rmse']:.4g}" if "rmse" in found else ""
    return (
        f"on {found['rows']} test rows {touched}: {found['metric']} {found['score']:.4f} "
        f"(95 % interval {found['low']:.4f} to {found['high']:.4f}){rmse}"
    )


def _predicted(result: NestedResult, scored: np.ndarray) -> dict[str, int]:
    """Return how many rows have an out-of-fold answer, and how the models that gave it came about."""
    return {"rows": len(scored), "folds": len(result.chosen), "tried": result.inner_scores.shape[1]}


def class_findings(result: NestedResult, data: Prepared) -> dict[str, Any]:
    """Return confusion, reliability and the hardest rows of a classifier, from its out-of-fold answers."""
    rows, labels = data.rows, [str(label) for label in data.labels]
    scored, mean = mean_answers(result)
    stated = mean / mean.sum(axis=1, keepdims=True)
    codes = rows.targets[scored]
    said = np.argmax(stated, axis=1)
    seen = confusion(codes, said, classes=np.arange(len(labels)))
    shown = reliability(stated, codes)
    given = stated[np.arange(len(codes)), codes]
    worst = hardest(-np.log(np.maximum(given, 1e-7)), codes, said, probability=given, count=_HARDEST)
    return {
        "predicted": _predicted(result, scored),
        "confusion": {"labels": labels, "counts": seen.counts},
        "reliability": {
            "bins": [
                {"confidence": c, "accuracy": a, "low": lo, "high": hi, "count": int(n)}
                for c, a, lo, hi, n in zip(
                    shown.confidence, shown.accuracy, shown.low, shown.high, shown.count, strict=True
                )
            ],
            "ece": shown.expected_error,
            "classes": len(labels),
            "brier": shown.brier,
            "log_loss": shown.log_loss,
        },
        "hardest": [
            {
                "row": int(data.row_numbers[scored[h.row]]),
                "actual": labels[int(h.truth)],
                "predicted": labels[int(h.prediction)],
                "probability": h.probability,
                **shown_row(data, scored[h.row]),
            }
            for h in worst
        ],
    }


def value_findings(result: NestedResult, data: Prepared) -> dict[str, Any]:
    """Return residuals and the hardest rows of a regressor, from its out-of-fold answers."""
    scored, mean = mean_answers(result)
    said, actual = mean[:, 0], data.rows.targets[scored, 0]
    worst = hardest((said - actual) ** 2, actual, said, count=_HARDEST)
    return {
        "predicted": _predicted(result, scored),
        "residuals": {"predicted": said, "actual": actual},
        "hardest": [
            {
                "row": int(data.row_numbers[scored[h.row]]),
                "actual": float(h.truth),
                "predicted": float(h.prediction),
                "probability": None,
                **shown_row(data, scored[h.row]),
            }
            for h in worst
        ],
    }


def as_picture(row: Any, image_shape: Sequence[int]) -> np.ndarray:
    """Return a row of pixels as a grey picture or one in red, green and blue; further channels are not shown.

    Example:
        >>> as_picture(np.arange(8), (2, 2, 2)).tolist()
        [[0, 2], [4, 6]]
    """
    image = np.asarray(row).reshape(image_shape)
    if image.ndim == 2 or image.shape[2] == 3:
        return image
    return image[..., :3] if image.shape[2] > 3 else image[..., 0]


def shown_row(data: Prepared, row: int) -> dict[str, Any]:
    """Return a row as a picture where it is one, else its first values."""
    if data.image_shape is not None:
        return {"image": as_picture(data.rows.matrix[row], data.image_shape), "values": None}
    if data.frame is not None:
        names = data.frame.columns[:_SHOWN_COLUMNS]
        return {"image": None, "values": {name: data.frame[name][int(row)] for name in names}}
    names = data.feature_names[:_SHOWN_COLUMNS]
    return {
        "image": None,
        "values": {n: float(v) for n, v in zip(names, data.rows.matrix[row], strict=False)},
    }


def history_findings(result: NestedResult, layers: Sequence[str], classes: int) -> dict[str, Any]:
    """Return learning curves, their band and the gradient norms, from the histories of networks."""
    if not result.histories:
        return {}
    curves = []
    for number, history in enumerate(result.histories, start=1):
        epochs = np.arange(1, len(history.train_loss) + 1)
        score = history.validation_score if classes else 1.0 + history.validation_score
        curves.append(
            {
                "member": f"{result.histories_of} {number}",
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
    first = result.histories[0]
    if np.isfinite(first.gradient_norms).all():
        found["gradient_norms"] = {
            "layers": list(layers),
            "epoch": curves[0]["epoch"],
            "norms": first.gradient_norms,
        }
    return found
