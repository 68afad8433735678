"""From an estimator's parameters to the engine's numbers, checked; shared by all network estimators."""

from typing import Any

from gorae.estimators.parameters import check_choice, check_count, check_real
from gorae.estimators.population import padded_count
from gorae.train import OPTIMIZERS, SCHEDULES

_LARGEST = 1e30


def training_numbers(estimator: Any) -> dict[str, float]:
    """Return the member's numbers that every network estimator has.

    Raises:
        ParameterError: when one is out of its range, or a name is unknown.
    """
    check_choice("optimizer", estimator.optimizer, list(OPTIMIZERS))
    check_choice("schedule", estimator.schedule, list(SCHEDULES))
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
