"""Does a confidence of 80 % mean that 80 % are right?"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.figure import Figure

from gorae.errors import InputError
from gorae.report.pictures.canvas import BLUE, PAPER, SOFT, draw, panel
from gorae.report.words import number, value

__all__ = ["reliability_figure"]


def reliability_figure(bins: Sequence[Mapping[str, Any]]) -> str:
    """Accuracy against confidence with intervals (above), and how many rows had which confidence (below).

    Args:
        bins: one mapping a bin with ``confidence`` (mean of the bin), ``accuracy``, ``low``, ``high`` (its
            interval) and ``count`` (rows); bins without rows may be there or not.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: no bin has rows.

    Example:
        >>> bin_ = {"confidence": 0.8, "accuracy": 0.7, "low": 0.6, "high": 0.8, "count": 90}
        >>> "accuracy 0.70 at confidence 0.80" in reliability_figure([bin_])
        True
    """
    filled = [row for row in bins if number(row, "count") and number(row, "confidence") is not None]
    if not filled:
        raise InputError("A reliability diagram needs at least one bin with rows; there is none.")
    filled = sorted(filled, key=lambda row: row["confidence"])
    sure = [float(row["confidence"]) for row in filled]
    right, low, high = ([number(row, key) for row in filled] for key in ("accuracy", "low", "high"))

    def paint(figure: Figure) -> None:
        axes = panel(figure, 56, 122, 12, 10)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(
            0.03, 0.93, "dashed: perfectly calibrated", fontsize=9.5, color=SOFT, transform=axes.transAxes
        )
        for place, centre, start, end in zip(sure, right, low, high, strict=True):
            if start is not None and end is not None:
                axes.plot([place, place], [start, end], color=BLUE, linewidth=1.8, solid_capstyle="butt")
            if centre is not None:
                axes.plot([place], [centre], "o", color=BLUE, markersize=6.5, markeredgecolor=PAPER)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy (share of rows right)")
        axes.grid()
        axes.tick_params(labelbottom=False)
        counts = panel(figure, 56, 42, 12, 268)
        heights = [float(row["count"]) for row in filled]
        counts.bar(sure, heights, width=_bar_width(sure), color=BLUE, alpha=0.75)
        counts.set(xlim=(0, 1), xlabel="confidence (probability given to the prediction)", ylabel="rows")
        counts.locator_params(axis="y", nbins=3)
        counts.grid(axis="y")

    pairs = zip(sure, right, strict=True)
    told = "; ".join(f"accuracy {value(b, 2)} at confidence {value(a, 2)}" for a, b in pairs)
    return draw(paint, size=(400, 380), label=f"Reliability diagram with 95 % intervals: {told}.")


def _bar_width(places: Sequence[float]) -> float:
    """Bars stand at mean confidences, which may lie closer together than the bins are wide."""
    apart = [after - before for before, after in pairwise(places)]
    return min([0.06, *(0.9 * step for step in apart if step > 0)])
