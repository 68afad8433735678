"""The final fit of a search: where it can, in the program that its setting was trained in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sklearn.pipeline import Pipeline

from gorae.estimators.network import NetworkEstimator
from gorae.search.trials import Entry


def widest(entries: Sequence[Entry]) -> list[int] | None:
    """Return the widths of the program that a setting was trained in, the widest of its splits.

    Example:
        >>> widest([{"within": [32, 9]}, {"within": None}, {"within": [18, 10]}])
        [32, 10]
    """
    known = [entry["within"] for entry in entries if entry.get("within")]
    return [max(widths) for widths in zip(*known, strict=True)] or None


@contextmanager
def refitted_within(estimator: Any, widths: Sequence[int] | None) -> Iterator[None]:
    """Have a network, or one that a pipeline ends in, trained in a program of these widths inside the block.

    Args:
        estimator: which is to be fitted.
        widths: what `widest` has found.
    """
    last = estimator
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if widths is None or not isinstance(last, NetworkEstimator):
        yield
        return
    with last.trained_within(widths):
        yield
