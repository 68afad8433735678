"""Scores as rows of dots with intervals, on an axis that may leave out an empty stretch."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gorae.report.names import width
from gorae.report.pictures.canvas import BLUE, INK, PAPER, SOFT, VERMILLION, draw, panel, text_width
from gorae.report.words import Measure, value

__all__ = ["Dot", "dot_figure"]

_ROW = 27  # pixels per dot
_LEFT_OUT = 1.2  # an empty stretch this many times the others' range is cut out of the axis
_NARROW = 0.2  # share of the width that the reference gets beyond the cut


@dataclass(frozen=True)
class Dot:
    """One score with its interval; any of the numbers may be None.

    Attributes:
        name: written before the row; made readable and short by the caller.
        score: where the dot stands.
        low: lower end of the interval.
        high: upper end of the interval.
        chosen: whether to point it out, by colour, shape and bold letters.
    """

    name: str
    score: float | None
    low: float | None = None
    high: float | None = None
    chosen: bool = False

    def numbers(self) -> list[float]:
        """Those of score, low and high that are known."""
        return [amount for amount in (self.score, self.low, self.high) if amount is not None]


@dataclass(frozen=True)
class _Stretch:
    """A part of the axis and the share of the width it gets."""

    low: float
    high: float
    share: float = 1.0


def dot_figure(
    dots: Sequence[Dot], what: Measure, *, reference: Dot | None = None, width_px: float = 400, label: str
) -> str:
    """Draw dots under one another, each with its interval and its value.

    Where the reference lies so far from all others that their intervals could not be seen, the axis is cut
    between them. A dot that is much worse than the reference becomes an arrow at the edge.

    Args:
        dots: top to bottom; at least one.
        what: the measure on the axis.
        reference: one of the dots, whose score is drawn as a dashed line.
        width_px: of the picture at natural text size.
        label: what the picture shows, for readers who cannot see it.

    Returns:
        An ``<svg>`` element.

    Example:
        >>> from gorae.report.words import measure
        >>> svg = dot_figure([Dot("mlp", 0.9, 0.8, 0.95)], measure("accuracy"), label="one dot")
        >>> "accuracy (share of rows, 0 to 1)" in svg
        True
    """
    stretches = _stretches(dots, reference, what)
    left = max(text_width(max(width(dot.name) for dot in dots)) + 8, 60)
    right = text_width(max(len(value(dot.score)) for dot in dots)) + 14

    def paint(figure: Figure) -> None:
        room = width_px - left - right - 8 * (len(stretches) - 1)
        start = left
        for place, stretch in enumerate(stretches):
            wide = room * stretch.share
            axes = panel(figure, start, 40, width_px - start - wide, 8)
            start += wide + 8
            _paint_stretch(axes, stretch, dots, reference, first=place == 0, last=start > width_px - right)
            if len(stretches) == 2:
                _cut(axes, at_start=place == 1)
        middle = (left + width_px - right) / 2
        figure.text(middle / width_px, 0.5 * 14 / figure.get_size_inches()[1] / 72, what.axis, ha="center")

    return draw(paint, size=(width_px, _ROW * len(dots) + 48), label=label)


def _stretches(dots: Sequence[Dot], reference: Dot | None, what: Measure) -> list[_Stretch]:
    """The parts of the axis, left to right."""
    better = 1 if what.higher_is_better else -1
    base = None if reference is None else reference.score
    others = [dot for dot in dots if dot.score is not None and (base is None or dot is not reference)]
    if base is not None:
        best = max((better * dot.score for dot in others if dot.score is not None), default=better * base)
        floor = better * base - 0.6 * abs(best - better * base)
        others = [dot for dot in others if dot.score is not None and better * dot.score >= floor]
    numbers = [amount for dot in others for amount in dot.numbers()]
    own = [] if reference is None else reference.numbers()
    if numbers and own:
        low, high = min(numbers), max(numbers)
        empty = max(low - max(own), min(own) - high)
        if high > low and empty > _LEFT_OUT * (high - low):
            cut = [_roomy(own, high - low, _NARROW), _roomy(numbers, 0, 1 - _NARROW)]
            return sorted(cut, key=lambda stretch: stretch.low)
    return [_roomy([*numbers, *own] or [0.0, 1.0], 0, 1.0)]


def _roomy(numbers: Sequence[float], least: float, share: float) -> _Stretch:
    """A stretch around the numbers, at least ``least`` long, with some room at its ends."""
    low, high = min(numbers), max(numbers)
    if high - low < least or high == low:
        reach = least / 2 or 0.05 * (abs(high) or 1.0)
        low, high = (low + high) / 2 - reach, (low + high) / 2 + reach
    room = 0.05 * (high - low)
    return _Stretch(low - room, high + room, share)


def _paint_stretch(
    axes: Axes, stretch: _Stretch, dots: Sequence[Dot], reference: Dot | None, *, first: bool, last: bool
) -> None:
    axes.set(xlim=(stretch.low, stretch.high), ylim=(len(dots) - 0.45, -0.55))
    axes.set_yticks(range(len(dots)), labels=[dot.name if first else "" for dot in dots])
    for tick, dot in zip(axes.get_yticklabels(), dots, strict=True):
        tick.set_fontweight("bold" if dot.chosen else "normal")
    base = None if reference is None else reference.score
    if stretch.share == _NARROW and base is not None:
        axes.set_xticks([base], labels=[value(base, 2)])
    else:
        axes.set_xticks(_ticks(stretch, first=first, last=last))
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if base is not None and stretch.low <= base <= stretch.high:
        axes.axvline(base, color=SOFT, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
    for place, dot in enumerate(dots):
        _mark(axes, place, dot, stretch, first=first, last=last)


def _ticks(stretch: _Stretch, *, first: bool, last: bool) -> list[float]:
    """Round numbers on the stretch, none so near the cut that it would run into the reference's."""
    ticks = MaxNLocator(nbins=5).tick_values(stretch.low, stretch.high)
    near = 0.1 * (stretch.high - stretch.low)
    low = stretch.low if first else stretch.low + near
    high = stretch.high if last else stretch.high - near
    return [float(tick) for tick in ticks if low <= tick <= high]


def _mark(axes: Axes, place: int, dot: Dot, stretch: _Stretch, *, first: bool, last: bool) -> None:
    colour = VERMILLION if dot.chosen else BLUE
    if last:
        told = "no score" if dot.score is None else value(dot.score)
        style = {"fontsize": 10, "fontweight": "bold" if dot.chosen else "normal", "color": INK}
        axes.annotate(
            told,
            (1, place),
            (8, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            va="center_baseline",
            **style,
        )
    if dot.score is None:
        return
    if stretch.low <= dot.score <= stretch.high:
        if dot.low is not None and dot.high is not None:
            ends = [max(dot.low, stretch.low), min(dot.high, stretch.high)]
            axes.plot(ends, [place, place], color=colour, linewidth=2.6 if dot.chosen else 2, zorder=2)
        shape, size = ("D", 7.5) if dot.chosen else ("o", 7)
        style = {"color": colour, "markersize": size, "markeredgecolor": PAPER, "zorder": 3, "clip_on": False}
        axes.plot([dot.score], [place], shape, **style)
        return
    off_left, off_right = first and dot.score < stretch.low, last and dot.score > stretch.high
    if off_left or off_right:
        shape, edge = ("<", 0.02) if off_left else (">", 0.98)
        axes.plot([edge], [place], shape, color=colour, markersize=7, transform=axes.get_yaxis_transform())


def _cut(axes: Axes, *, at_start: bool) -> None:
    """Two slanted strokes where the axis was cut."""
    slant = [(-0.6, -1), (0.6, 1)]
    style = {"marker": slant, "markersize": 9, "color": SOFT, "markeredgewidth": 1, "linestyle": "none"}
    axes.plot([0 if at_start else 1], [0], transform=axes.transAxes, clip_on=False, **style)
