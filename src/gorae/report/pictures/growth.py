"""What more data would bring: scores by the rows learned from, and the law that goes on beyond them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from gorae.errors import InputError
from gorae.report.pictures.canvas import BLUE, PAPER, SOFT, VERMILLION, draw, panel
from gorae.report.words import count, measure, value

__all__ = ["growth_figure"]

_AWAY = 1.6  # a training score this many times the held-out scores' range away would flatten them


def growth_figure(growth: Mapping[str, Any]) -> str:
    """Draw held-out and training scores by rows learned from, and the law on to four times the rows.

    Points are means over the folds with their 95 % intervals as a band; the dashed line is the law and,
    beyond the last size, what it expects, with the interval in a lighter band. The axis of rows is
    logarithmic. Training scores that lie far from the others leave the picture at its edge.

    Args:
        growth: ``sizes``, ``scores`` and ``train_scores`` (a list of score, low, high each), ``expected`` (a
            list of rows, score, low, high) and ``metric``.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: there are no sizes, or not one score for each.

    Example:
        >>> point = {"score": 0.9, "low": 0.88, "high": 0.92}
        >>> growth = {"metric": "accuracy", "sizes": [100], "scores": [point], "train_scores": [point]}
        >>> "rows to learn from" in growth_figure(growth | {"expected": [{"rows": 200} | point]})
        True
    """
    sizes = [float(size) for size in growth.get("sizes") or ()]
    held, train = list(growth.get("scores") or ()), list(growth.get("train_scores") or ())
    law = list(growth.get("expected") or ())
    if not sizes or len(held) != len(sizes):
        raise InputError(
            f"A learning curve needs a score for each size, but there are {len(sizes)} sizes and {len(held)} "
            "scores."
        )
    what = measure(growth.get("metric", "score"))

    def paint(figure: Figure) -> None:
        axes = panel(figure, 60, 42, 14, 30)
        if len(train) == len(sizes):
            _banded(axes, sizes, train, VERMILLION, (0, (1, 1.2)), "s", "training rows")
        beyond = [row for row in law if row["rows"] > 0.999 * sizes[-1]]
        _dashed(axes, law, beyond)
        _banded(axes, sizes, held, BLUE, "-", "o", "held-out rows")
        low, high = _limits(held, train, beyond)
        axes.set_ylim(low, high)
        axes.axvline(sizes[-1], color=SOFT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        _rows_axis(axes, sizes, max([*sizes, *(row["rows"] for row in law)]))
        axes.set_ylabel(what.axis.split(" (")[0])
        axes.legend(
            ncols=3, loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.2, handlelength=1.6
        )
        axes.grid(axis="y")

    pairs = zip(sizes, held, strict=True)
    told = "; ".join(f"{value(row['score'])} from {count(size)} rows" for size, row in pairs)
    if law:
        told += f"; the law expects {value(law[-1]['score'])} from {count(round(law[-1]['rows']))} rows"
    return draw(paint, size=(400, 270), label=f"Learning curve, {what.name} on held-out rows: {told}.")


def _banded(
    axes: Axes,
    sizes: Sequence[float],
    rows: Sequence[Mapping[str, Any]],
    colour: str,
    dash: Any,
    marker: str,
    label: str,
) -> None:
    """Draw scores as a line with markers, their intervals as a band."""
    score, low, high = (np.array([float(row[key]) for row in rows]) for key in ("score", "low", "high"))
    axes.fill_between(sizes, low, high, color=colour, alpha=0.2, linewidth=0)
    style = {"marker": marker, "markersize": 5.5, "markeredgecolor": PAPER, "linewidth": 1.6}
    axes.plot(sizes, score, color=colour, linestyle=dash, label=label, zorder=3, **style)


def _dashed(axes: Axes, law: Sequence[Mapping[str, Any]], beyond: Sequence[Mapping[str, Any]]) -> None:
    """Draw the law, and beyond the measured sizes its interval."""
    if law:
        places, score = ([float(row[key]) for row in law] for key in ("rows", "score"))
        axes.plot(places, score, color=BLUE, linestyle=(0, (4, 3)), linewidth=1.3, label="law", zorder=2)
    if beyond:
        places, low, high = ([float(row[key]) for row in beyond] for key in ("rows", "low", "high"))
        axes.fill_between(places, low, high, color=BLUE, alpha=0.1, linewidth=0)
        axes.plot(places, low, color=BLUE, linewidth=0.7, alpha=0.6)
        axes.plot(places, high, color=BLUE, linewidth=0.7, alpha=0.6)


def _limits(
    held: Sequence[Mapping[str, Any]],
    train: Sequence[Mapping[str, Any]],
    beyond: Sequence[Mapping[str, Any]],
) -> tuple[float, float]:
    """Return the ends of the axis of scores."""
    shown = [float(row[key]) for row in (*held, *beyond) for key in ("low", "high", "score")]
    low, high = min(shown), max(shown)
    reach = _AWAY * (high - low)
    near = [float(row["score"]) for row in train if low - reach <= float(row["score"]) <= high + reach]
    low, high = min([low, *near]), max([high, *near])
    room = 0.05 * (high - low) or 0.01
    return low - room, high + room


def _rows_axis(axes: Axes, sizes: Sequence[float], most: float) -> None:
    """Set the axis of rows: logarithmic, with a mark at the sizes and at two and four times the last."""
    axes.set_xscale("log")
    axes.set_xlim(0.92 * sizes[0], 1.05 * most)
    last = sizes[-1]
    wanted = [last, *(times * last for times in (2, 4) if times * last <= 1.01 * most)]
    for size in reversed(sizes[:-1]):
        if all(abs(np.log(size / other)) > 0.55 for other in wanted):
            wanted.append(size)
    axes.xaxis.set_major_locator(FixedLocator(sorted(wanted)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda amount, _: count(round(amount))))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("rows to learn from (logarithmic)")
