"""The metrics that intervals and comparisons know, as means of a loss per row.

Letters of shapes: ``rows``; ``classes``.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from gorae.errors import InputError
from gorae.evidence.checks import check_choice, check_same_length, finite_vector, labels_vector

__all__ = ["METRICS", "higher_is_better", "mean_loss", "oriented", "perfect_score", "row_losses", "score_of"]

METRICS = ("accuracy", "r2", "rmse", "log_loss")
_HIGHER = {"accuracy": True, "r2": True, "rmse": False, "log_loss": False}


def higher_is_better(metric: str) -> bool:
    """Tell whether more of a metric is better: accuracy and R2, but not RMSE and log-loss.

    Raises:
        ParameterError: If the metric is unknown.

    Example:
        >>> higher_is_better("r2"), higher_is_better("rmse")
        (True, False)
    """
    check_choice("metric", metric, METRICS)
    return _HIGHER[metric]


def oriented(metric: str, score: Any) -> Any:
    """Return a score, or an array of them, with its sign turned so that more is better."""
    return score if higher_is_better(metric) else -score


def perfect_score(metric: str) -> float:
    """Return the score of a model that makes no error: 1 for accuracy and R2, 0 for RMSE and log-loss."""
    return 1.0 if higher_is_better(metric) else 0.0


def row_losses(metric: str, truth: Any, outputs: Any) -> Float[np.ndarray, " rows"]:
    """Return what each row adds to a metric, smaller being better.

    ``accuracy``: 0 where the predicted label is right, 1 where it is wrong. ``r2`` and ``rmse``: the squared
    error. ``log_loss``: minus the logarithm of the probability given to the true class.

    Args:
        metric: One of METRICS.
        truth: What is true for each row: labels; numbers; for ``log_loss`` class codes 0 ... classes - 1.
        outputs: What the model said: labels; numbers; for ``log_loss`` probabilities (rows, classes).

    Returns:
        One loss a row.

    Raises:
        ParameterError: If the metric is unknown.
        InputError: If lengths differ, a value is not finite, a code has no column, or a true class was given
            probability 0, whose log-loss is infinite.

    Example:
        >>> row_losses("accuracy", ["a", "b", "b"], ["a", "b", "a"])
        array([0., 0., 1.])
        >>> row_losses("rmse", [1.0, 2.0], [1.5, 2.0])
        array([0.25, 0.  ])
    """
    check_choice("metric", metric, METRICS)
    if metric == "accuracy":
        return _wrong_labels(labels_vector("truth", truth), labels_vector("outputs", outputs))
    if metric == "log_loss":
        return _log_losses(labels_vector("truth", truth), np.asarray(outputs, dtype=np.float64))
    truth, outputs = finite_vector("truth", truth), finite_vector("outputs", outputs)
    check_same_length(truth=truth, outputs=outputs)
    with np.errstate(over="ignore"):
        squared = (truth - outputs) ** 2
    return finite_vector("squared errors", squared)


def _wrong_labels(truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    check_same_length(truth=truth, outputs=outputs)
    # Words never equal numbers: comparing them would call every row wrong without a sound.
    if "O" not in truth.dtype.kind + outputs.dtype.kind and (
        (truth.dtype.kind in "US") != (outputs.dtype.kind in "US")
    ):
        raise InputError(
            f"truth and outputs must hold the same kind of labels, but {truth.tolist()[0]!r} is compared "
            f"with {outputs.tolist()[0]!r}; decode the codes first."
        )
    return (truth != outputs).astype(np.float64)


def _log_losses(codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    if probabilities.ndim != 2:
        raise InputError(
            f"outputs must be (rows, classes) probabilities, but their shape is {probabilities.shape}."
        )
    check_same_length(truth=codes, outputs=probabilities)
    if codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= probabilities.shape[1]:
        raise InputError(
            f"truth must hold class codes 0 to {probabilities.shape[1] - 1}, one for each column of outputs, "
            f"but it holds {np.unique(codes)[:5].tolist()} ...; encode the labels first."
        )
    given = probabilities[np.arange(len(codes)), codes]
    if not (given > 0).all():
        place = int(np.flatnonzero(~(given > 0))[0])
        raise InputError(
            f"log-loss needs a probability above 0 for the true class, but row {place} has {given[place]}; "
            "clip the probabilities."
        )
    return -np.log(given)


def score_of(metric: str, losses: Any, targets: Any = None) -> float:
    """Return the score that rows with these losses have together.

    Args:
        metric: One of METRICS.
        losses: One loss a row, as ``row_losses`` gives them.
        targets: The true numbers, one a row; only ``r2`` needs them.

    Returns:
        ``accuracy``: 1 - mean; ``rmse``: square root of the mean; ``log_loss``: the mean; ``r2``: 1 - mean /
        variance of the targets, the R2 of all rows together and not the mean of R2 over the folds.

    Raises:
        ParameterError: If the metric is unknown.
        InputError: If lengths differ, or the targets of ``r2`` are missing or constant.

    Example:
        >>> score_of("r2", [0.0, 1.0, 1.0], targets=[1.0, 2.0, 3.0])
        0.0
    """
    check_choice("metric", metric, METRICS)
    mean = float(finite_vector("losses", losses).mean())
    if metric == "accuracy":
        return 1.0 - mean
    if metric == "rmse":
        return float(np.sqrt(mean))
    if metric == "log_loss":
        return mean
    return 1.0 - mean / target_variance(targets, len(losses))


def target_variance(targets: Any, rows: int) -> float:
    """Return the variance of the targets that R2 divides by."""
    if targets is None:
        raise InputError("r2 needs the true numbers as targets, one a row, but none were given.")
    numbers = finite_vector("targets", targets)
    if len(numbers) != rows:
        raise InputError(f"targets must hold one number for each of {rows} losses, but holds {len(numbers)}.")
    variance = float(numbers.var())
    # Rounding leaves a trace of variance in a constant column.
    if variance <= (1e-12 * np.abs(numbers).max()) ** 2:
        raise InputError(f"r2 is not defined for constant targets, but all are {numbers[0]}; use rmse.")
    return variance


def mean_loss(metric: str, score: Any, variance: float | None = None) -> Any:
    """Return the mean loss of rows that have a score: what ``score_of`` came from.

    Args:
        metric: One of METRICS.
        score: A score or an array of scores.
        variance: Variance of the targets; only ``r2`` needs it.

    Returns:
        The mean loss, or an array of them.
    """
    check_choice("metric", metric, METRICS)
    if metric == "accuracy":
        return 1.0 - score
    if metric == "rmse":
        return score**2
    if metric == "log_loss":
        return score
    if variance is None:
        raise InputError("r2 needs the variance of the targets to become a loss, but none was given.")
    return (1.0 - score) * variance
