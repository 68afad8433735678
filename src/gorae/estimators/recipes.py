"""From an estimator's parameters to the engine's numbers, checked; shared by all network estimators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gorae.data.folds import size_class
from gorae.estimators.parameters import check_count, check_real
from gorae.train import Problem, find_optimizer, find_schedule

_LARGEST = 1e30
_FEW_ROWS = 32


@dataclass(frozen=True)
class Recipe:
    """What one setting of an estimator asks of the engine.

    Args:
        problem: what its program is made for.
        hyper: the member's own numbers.
        merge: whether equal rows may be made one with their summed weight, because they share every step.
    """

    problem: Problem
    hyper: Mapping[str, float]
    merge: bool = False


def training_numbers(estimator: Any) -> dict[str, float]:
    """Return the member's numbers that every network estimator has.

    Raises:
        ParameterError: when one is out of its range, or a name is unknown.
    """
    find_optimizer(estimator.optimizer)
    find_schedule(estimator.schedule)
    return {
        "learning_rate": check_real("learning_rate", estimator.learning_rate, 0, _LARGEST, open_low=True),
        "weight_decay": check_real("weight_decay", estimator.weight_decay, 0, _LARGEST),
        "l1": check_real("l1", estimator.l1, 0, _LARGEST),
        "momentum": check_real("momentum", estimator.momentum, 0, 1, open_high=True),
        "tol": check_real("tol", estimator.tol, 0, _LARGEST),
        "epochs": check_count("epochs", estimator.epochs),
        "patience": check_count("patience", estimator.patience),
    }


def batch_rows(estimator: Any, rows: int) -> tuple[int, bool]:
    """Return the rows of a step, and whether a step sees only a part of all rows.

    A batch that holds every row is one step of the whole gradient: its size is the size class of the rows, so
    that nearby numbers of rows share a program, and nothing is shuffled.
    """
    batch = check_count("batch_size", estimator.batch_size)
    if batch < rows:
        return batch, True
    return padded_count(rows), False


def padded_count(rows: int) -> int:
    """Return the number of rows that a table of this many is padded to: one of few, so that programs are shared.

    Example:
        >>> [padded_count(rows) for rows in (1, 33, 130, 1000)]
        [32, 64, 160, 1024]
    """
    return size_class(rows, multiple=_FEW_ROWS)
