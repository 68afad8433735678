"""From an estimator's parameters to the engine's numbers, checked; shared by all network estimators."""

from typing import Any

from gorae.errors import ParameterError
from gorae.estimators.parameters import briefly, check_choice, check_count, check_real
from gorae.estimators.population import padded_count
from gorae.train import OPTIMIZERS, SCHEDULES

_LARGEST = 1e30


AUTO = "auto"
"""As many epochs as `steps_as_epochs` says."""

_STEPS, _FEWEST_EPOCHS, _MOST_EPOCHS = 1000, 20, 100


def steps_as_epochs(rows: int, batch_size: int) -> int:
    """Return the epochs that make 1,000 steps, but no fewer than 20 and no more than 100.

    Few rows make few steps an epoch, and it is steps that a network learns by.

    Args:
        rows: to learn from.
        batch_size: rows a step.

    Example:
        >>> [steps_as_epochs(rows, 128) for rows in (100, 1437, 2000, 60_000)]
        [100, 84, 63, 20]
    """
    steps_an_epoch = -(-rows // batch_size)
    return min(max(-(-_STEPS // steps_an_epoch), _FEWEST_EPOCHS), _MOST_EPOCHS)


def checked_epochs(epochs: Any, batch_size: Any, rows: int) -> int:
    """Return the epochs that are asked for, where "auto" leaves them to the rows.

    Raises:
        ParameterError: when they are no whole number from 1 on.
    """
    if isinstance(epochs, str) and epochs == AUTO:
        return steps_as_epochs(rows, check_count("batch_size", batch_size))
    if isinstance(epochs, str):
        raise ParameterError(f"epochs must be 'auto' or a whole number from 1, got {briefly(epochs)}.")
    return check_count("epochs", epochs)


def training_numbers(estimator: Any, rows: int | None = None) -> dict[str, float]:
    """Return the member's numbers that every network estimator has.

    Args:
        estimator: whose parameters.
        rows: to learn from, where their number may decide the epochs.

    Raises:
        ParameterError: when one is out of its range, or a name is unknown.
    """
    check_choice("optimizer", estimator.optimizer, list(OPTIMIZERS))
    check_choice("schedule", estimator.schedule, list(SCHEDULES))
    if rows is None:
        epochs = check_count("epochs", estimator.epochs)
    else:
        epochs = checked_epochs(estimator.epochs, estimator.batch_size, rows)
    return {
        "learning_rate": check_real("learning_rate", estimator.learning_rate, 0, _LARGEST, open_low=True),
        "weight_decay": check_real("weight_decay", estimator.weight_decay, 0, _LARGEST),
        "l1": check_real("l1", estimator.l1, 0, _LARGEST),
        "momentum": check_real("momentum", estimator.momentum, 0, 1, open_high=True),
        "tol": check_real("tol", estimator.tol, 0, _LARGEST),
        "epochs": epochs,
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
