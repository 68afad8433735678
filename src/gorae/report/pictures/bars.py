"""Amounts as bars from zero, each with its interval: what columns are worth, or add to an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gorae.errors import InputError
from gorae.report.names import width
from gorae.report.pictures.canvas import BLUE, INK, SOFT, VERMILLION, draw, panel, text_width
from gorae.report.words import tick, value

__all__ = ["Bar", "bars_figure"]

_ROW = 24  # pixels per bar
_REACH = 0.18  # half the height of the ends of an interval, in rows


@dataclass(frozen=True)
class Bar:
    """One amount with its interval.

    Attributes:
        name: written before the row; made readable and short by the caller.
        amount: how far the bar reaches from zero, to the left where it is negative.
        low: lower end of the interval, or None.
        high: upper end.
    """

    name: str
    amount: float
    low: float | None = None
    high: float | None = None


def bars_figure(
    bars: Sequence[Bar],
    axis: str,
    *,
    span: tuple[float, float] = (0.0, 0.0),
    width_px: float = 400,
    label: str,
) -> str:
    """Draw bars from zero under one another, positive ones blue, negative ones vermillion.

    Args:
        bars: top to bottom; at least one.
        axis: what is measured, with its unit.
        span: amounts that the axis reaches at least, to share it between pictures that are compared.
        width_px: of the picture at natural text size.
        label: what the picture shows, for readers who cannot see it.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: there is no bar.

    Example:
        >>> svg = bars_figure([Bar("age", 0.2, 0.1, 0.3)], "fall of accuracy", label="one bar")
        >>> "fall of accuracy" in svg
        True
    """
    if not bars:
        raise InputError("A picture of bars needs at least one; there is none.")
    told = [value(bar.amount) for bar in bars]
    left = max(text_width(max(width(bar.name) for bar in bars)) + 8, 60)
    right = text_width(max(map(len, told))) + 16

    def paint(figure: Figure) -> None:
        axes = panel(figure, left, 40, right, 6)
        _scale(axes, bars, span)
        for place, (bar, text) in enumerate(zip(bars, told, strict=True)):
            _bar(axes, place, bar, text)
        axes.set_xlabel(axis)

    return draw(paint, size=(width_px, 46 + _ROW * len(bars)), label=label)


def _scale(axes: Axes, bars: Sequence[Bar], span: tuple[float, float]) -> None:
    """Set both axes: rows downwards, and amounts with zero among them."""
    numbers = [0.0, *span, *(n for bar in bars for n in (bar.amount, bar.low, bar.high) if n is not None)]
    low, high = min(numbers), max(numbers)
    room = 0.04 * (high - low) or 0.05
    axes.set(xlim=(low - room * (low < 0), high + room * (high > 0 or low == high)))
    axes.set_ylim(len(bars) - 0.45, -0.55)
    axes.set_yticks(range(len(bars)), labels=[bar.name for bar in bars])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda amount, _: tick(round(amount, 12))))
    axes.grid(axis="x")
    axes.axvline(0, color=SOFT, linewidth=1.1, zorder=1)


def _bar(axes: Axes, place: int, bar: Bar, text: str) -> None:
    """Draw one bar, its interval over it, and its amount beside the axes."""
    colour = BLUE if bar.amount >= 0 else VERMILLION
    axes.barh([place], [bar.amount], height=0.62, color=colour, zorder=2)
    if bar.low is not None and bar.high is not None:
        axes.plot([bar.low, bar.high], [place, place], color=INK, linewidth=1.4, zorder=3)
        for end in (bar.low, bar.high):
            axes.plot([end, end], [place - _REACH, place + _REACH], color=INK, linewidth=1.4, zorder=3)
    axes.annotate(
        text,
        (1, place),
        (8, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        va="center_baseline",
        fontsize=10,
        color=INK,
    )
