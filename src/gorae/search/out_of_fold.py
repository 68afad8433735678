"""Out-of-fold outputs: what settings answer for rows that they have not learned from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from gorae.search.trials import Entry, Trials

_LARGEST = 256 << 20


class OutOfFold:
    """The outputs of the best settings so far, as many as 256 MB hold.

    Args:
        trials: says which rows each split is scored on.
    """

    def __init__(self, trials: Trials):
        self._trials = trials
        self._parts: dict[int, tuple[float, list[np.ndarray]]] = {}
        self._bytes = 0

    def take(self, number: int, score: float, entries: Sequence[Entry]) -> None:
        """Take the outputs out of the entries of a setting that has trained to its end.

        Args:
            number: of the setting's entry in the table.
            score: its mean score; the worst are let go of where there are too many.
            entries: one a split.
        """
        outputs = [entry.pop("outputs", None) for entry in entries]
        if any(each is None for each in outputs) or not np.isfinite(score):
            return
        self._parts[number] = score, outputs
        self._bytes += _nbytes(outputs)
        while self._bytes > _LARGEST:
            worst = min(self._parts, key=lambda each: (self._parts[each][0], -each))
            self._bytes -= _nbytes(self._parts.pop(worst)[1])

    def collected(self) -> dict[int, np.ndarray]:
        """Return the outputs for all rows, by the number of the setting's entry."""
        splits, rows = [test for _, test in self._trials.splits], _num_samples(self._trials.X)
        return {number: over_rows(parts, splits, rows) for number, (_, parts) in sorted(self._parts.items())}


def over_rows(outputs: Sequence[np.ndarray], tests: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """Return the outputs of all splits in the order of the rows; NaN for rows that no split scores.

    Where splits repeat a row (repeated folds), its outputs are averaged.

    Args:
        outputs: for each split `(rows, ...)`.
        tests: for each split the positions of these rows.
        rows: how many there are.

    Example:
        >>> over_rows([np.array([1.0, 2.0]), np.array([4.0])], [np.array([0, 2]), np.array([0])], 3)
        array([2.5, nan, 2. ])
    """
    total = np.zeros((rows, *outputs[0].shape[1:]))
    count = np.zeros((rows, *[1] * (outputs[0].ndim - 1)))
    for own, test in zip(outputs, tests, strict=True):
        np.add.at(total, test, own)
        np.add.at(count, test, 1)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _nbytes(outputs: Sequence[Any]) -> int:
    """Return the bytes of all outputs."""
    return sum(each.nbytes for each in outputs)
