"""Do intervals and sets hold the truth as often as they state, and how wide or large are they for it?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.canvas import BLUE, INK, PAPER, SOFT, VERMILLION, draw, panel
from gorae.report.words import number, percent, scientific

__all__ = ["coverage_figure", "intervals_figure", "set_sizes_figure"]

_SIZE = (400, 300)


def coverage_figure(rows: Sequence[Mapping[str, Any]]) -> str:
    """Measured against stated coverage, with intervals; on the dashed line both are the same.

    Args:
        rows: one mapping a stated coverage with ``stated``, ``share``, ``low`` and ``high``.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: there is no coverage.

    Example:
        >>> row = {"stated": 0.9, "share": 0.91, "low": 0.88, "high": 0.93}
        >>> "91 of 100 held where 90 were stated" in coverage_figure([row])
        True
    """
    known = [row for row in rows if number(row, "stated") is not None and number(row, "share") is not None]
    if not known:
        raise InputError("A picture of coverage needs at least one stated coverage; there is none.")
    stated, share = ([float(row[key]) for row in known] for key in ("stated", "share"))
    ends = [end for row in known for key in ("low", "high") if (end := number(row, key)) is not None]
    low, high = min([*stated, *share, *ends]), max([*stated, *share, *ends])
    room = 0.12 * max(high - low, 0.05)
    reach = (max(low - room, 0.0), min(high + room, 1.02))

    def paint(figure: Figure) -> None:
        axes = panel(figure, 56, 42, 12, 10)
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        for row, place, held in zip(known, stated, share, strict=True):
            start, end = number(row, "low"), number(row, "high")
            if start is not None and end is not None:
                axes.plot([place, place], [start, end], color=BLUE, linewidth=1.8, solid_capstyle="butt")
            axes.plot([place], [held], "o", color=BLUE, markersize=6.5, markeredgecolor=PAPER)
        axes.set(xlim=(min(stated) - 0.04, min(max(stated) + 0.04, 1.0)), ylim=reach)
        axes.set_xticks(stated, labels=[_tick(place) for place in stated])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: _tick(amount)))
        axes.set(xlabel="stated (share of rows)", ylabel="held (share of rows)")
        axes.grid()

    pairs = [(f"{100 * held:.3g}", f"{100 * place:.3g}") for place, held in zip(stated, share, strict=True)]
    told = "; ".join(f"{held} of 100 held where {place} were stated" for held, place in pairs)
    return draw(paint, size=_SIZE, label=f"Stated and measured coverage with 95 % intervals: {told}.")


def intervals_figure(shown: Mapping[str, Any], *, target: object = None) -> str:
    """Intervals of some rows, lowest prediction first, and the values that they hold or miss.

    Args:
        shown: ``predicted``, ``low``, ``high`` and ``actual`` of rows, in the order of predictions, and
            ``stated``, the coverage.
        target: name of the target.

    Returns:
        An ``<svg>`` element; a value that its interval misses has a colour and a shape of its own.

    Raises:
        InputError: there are no rows, or not all of them are finite.

    Example:
        >>> rows = {"predicted": [1.0], "low": [0.0], "high": [2.0], "actual": [3.0], "stated": 0.9}
        >>> "0 of 1 values" in intervals_figure(rows)
        True
    """
    columns = [np.asarray(shown.get(key, ()), float) for key in ("predicted", "low", "high", "actual")]
    if not len(columns[0]) or len({each.shape for each in columns}) > 1 or not np.isfinite(columns).all():
        raise InputError("A picture of intervals needs rows whose ends and values are finite.")
    largest = float(np.abs(columns).max())
    ten = 1.0 if largest == 0 or 1e-3 <= largest < 1e5 else 10.0 ** (3 * np.floor(np.log10(largest) / 3))
    predicted, low, high, actual = (each / ten for each in columns)
    held = (low <= actual) & (actual <= high)
    name = shortened(target, 24) if target is not None else "target"
    unit = "" if ten == 1.0 else f" ({scientific(ten)})"

    def paint(figure: Figure) -> None:
        axes = panel(figure, 64, 42, 12, 30)
        places = np.arange(len(predicted))
        axes.vlines(places, low, high, color=SOFT, linewidth=1.6, alpha=0.75)
        axes.plot(places, predicted, color=INK, linewidth=1, label="predicted")
        axes.plot(places[held], actual[held], "o", color=BLUE, markersize=3.6, label="value, held")
        axes.plot(places[~held], actual[~held], "X", color=VERMILLION, markersize=6, label="value, missed")
        axes.set_xticks([])
        axes.set(xlabel="rows, from the lowest prediction to the highest", ylabel=f"{name}{unit}")
        axes.grid(axis="y")
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            borderaxespad=0.2,
            ncols=3,
            columnspacing=1.0,
            handletextpad=0.4,
        )

    stated = percent(number(shown, "stated"))
    told = f"{int(held.sum())} of {len(held)} values"
    return draw(paint, size=_SIZE, label=f"Intervals stated at {stated} for {name}: {told} lie inside.")


def set_sizes_figure(sizes: Sequence[int], stated: float) -> str:
    """How many rows have sets of how many classes.

    Args:
        sizes: rows with sets of 0, 1, 2 ... classes.
        stated: the coverage of the sets.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: there are no rows.

    Example:
        >>> "7 rows have 1 class" in set_sizes_figure([0, 7, 3], 0.9)
        True
    """
    counts = np.asarray(sizes, float)
    if counts.ndim != 1 or not counts.sum() > 0 or not np.isfinite(counts).all():
        raise InputError("A picture of the sizes of sets needs at least one row; there is none.")
    filled = np.flatnonzero(counts)
    first, last = min(int(filled[0]), 1), int(filled[-1])

    def paint(figure: Figure) -> None:
        axes = panel(figure, 56, 42, 12, 10)
        axes.bar(np.arange(first, last + 1), counts[first : last + 1], width=0.8, color=BLUE, alpha=0.75)
        axes.set(xlim=(first - 0.6, max(last, first + 3) + 0.6))
        axes.set(xlabel=f"classes in the set, stated at {percent(stated)}", ylabel="rows")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")

    told = "; ".join(
        f"{int(counts[size])} rows have {size} {'class' if size == 1 else 'classes'}" for size in filled[:12]
    )
    return draw(paint, size=_SIZE, label=f"Sizes of the sets stated at {percent(stated)}: {told}.")


def _tick(share: float) -> str:
    """A share as a tick."""
    return f"{100 * share:.4g} %"
