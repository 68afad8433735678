"""Parallel coordinates: every setting of a search is a line across its parameters to its score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from gorae.report.names import shortened
from gorae.report.pictures.canvas import (
    INK,
    PAPER,
    SHADES,
    SOFT,
    VERMILLION,
    draw,
    measured,
    panel,
)
from gorae.report.pictures.parameters import BEST_MARK, Pictured, by_crowd, pictured
from gorae.report.pictures.scales import Scale, fitting, make_scale, spread
from gorae.report.pictures.score_axis import ScoreAxis, score_axis
from gorae.report.trails import Tried
from gorae.report.words import setting, settings, value

__all__ = ["parallel_figure"]

_WIDE = (400, 740)  # pixels: what two axes get at least, and what a page holds
_APART = (92, 250)  # pixels between axes, at least and at most
_TALL, _TOP, _BOTTOM = 236, 42, 38
_FAILED = -0.09  # where a line without a score ends, below the axis
_LABEL = 14  # pixels of a line of text
_SPREAD = 0.055  # the most that lines through one value are moved apart, as a share of the axis


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels of a picture."""

    wide: float
    left: float
    right: float
    apart: float
    bottom: float


def parallel_figure(
    results: Mapping[str, Any], *, score: str = "score", metric: object = "score", best: int | None = None
) -> str:
    """Draw every setting of a search as a line: one axis a parameter, the last the mean score.

    Lines are darker (on a dark page: brighter) the better the score, the best setting is pointed out, and its
    values are written below. Lines through one text or number are spread in the order of their scores, so
    that each can be followed. A parameter that a setting lacks is crossed at "n/a"; a setting without a score
    is dashed and ends below the last axis. Of halved settings the last rung counts.

    Args:
        results: the table of a search, as `tried_settings` reads it; so are the others.
        score: the name of the score that decides.
        metric: what it measures.
        best: the best setting's entry, or None.

    Returns:
        An ``<svg>`` element; parameters in which all settings agree, and those beyond twelve, are left out.

    Raises:
        InputError: the table holds no setting, or not that score.

    Example:
        >>> found = {"params": [{"k": 1}, {"k": 5}], "mean_test_score": [0.8, 0.9]}
        >>> "k 5; score 0.900" in parallel_figure(found)
        True

    References:
        Inselberg 1985, The plane with parallel coordinates.
    """
    seen = pictured(results, score, metric, best)
    tried, names = seen.tried, seen.names
    scales = [make_scale(tried.settings, name) for name in names]
    axis = score_axis(tried.scores)
    heads = [*seen.brief, seen.what.name]
    layout = _layout(tried, names, heads, scales, axis)

    def paint(figure: Figure) -> None:
        axes = panel(figure, layout.left, layout.bottom, layout.right, _TOP)
        axes.set(xlim=(0, max(len(names), 1)), ylim=(0, 1))
        axes.set_axis_off()
        _lines(axes, tried, scales, axis)
        for place, scale in enumerate(scales):
            _parameter_axis(axes, place, scale, layout)
            _heading(axes, place, heads[place], "log scale" if scale.log else "", layout)
        _score_axis(axes, len(names), axis, layout)
        _heading(axes, len(names), seen.what.name, "mean of splits", layout)
        _below(axes, tried, names, layout)

    return draw(paint, size=(layout.wide, _TALL + _TOP + layout.bottom), label=_label(seen))


def _label(seen: Pictured) -> str:
    """What the picture shows, in words."""
    tried, what = seen.tried, seen.what.name
    told = f"Parallel coordinates of {seen.counted}: {seen.listed or 'no parameter'}, {what}."
    if tried.best is None:
        return f"{told} No setting has a score."
    best = tried.settings[tried.best]
    chosen = {brief: best.get(name, "n/a") for name, brief in zip(seen.names, seen.brief, strict=True)}
    return f"{told} Best: {settings(chosen)}; {what} {value(tried.scores[tried.best])}."


def _layout(
    tried: Tried, names: Sequence[str], heads: Sequence[str], scales: Sequence[Scale], axis: ScoreAxis
) -> _Layout:
    """Margins for what is written at both ends, and as much room between the axes as a page has."""
    failed = bool(np.isnan(tried.scores).any())
    chosen = _chosen(tried, names, 18)
    middle = [shortened(heads[0], 18), shortened(heads[-1], 18)]
    labels = measured([shortened(mark.text, 18) for mark in scales[0].ticks]) if scales else 0
    left = max(labels + 14, measured(middle[:1], 11.5) / 2 + 4, measured(chosen[:1] or [""], 11) / 2 + 36)
    numbers = measured([text for _, text in axis.ticks()] or [""])
    right = max(numbers + 16, 50 if failed else 0, measured(middle[1:], 11.5) / 2 + 4, 40)
    count = max(len(scales), 1)
    apart = float(np.clip((_WIDE[1] - left - right) / count, *_APART))
    wide = max(left + apart * count + right, _WIDE[0])
    return _Layout(wide, left, right, (wide - left - right) / count, _BOTTOM + (20 if failed else 0))


def _chosen(tried: Tried, names: Sequence[str], most: int) -> list[str]:
    """The best setting's values and score as texts; empty where there is none."""
    if tried.best is None:
        return []
    best = tried.settings[tried.best]
    texts = [setting(best[name], most) if name in best else "n/a" for name in names]
    return [*texts, value(tried.scores[tried.best])]


def _lines(axes: Axes, tried: Tried, scales: Sequence[Scale], axis: ScoreAxis) -> None:
    """Every setting as a line, the worst first, so that the better lie on top and the best above all."""
    heights = [spread(scale, tried.scores, _SPREAD) for scale in scales] or [
        np.full(len(tried.settings), 0.5)
    ]
    ends = np.where(np.isnan(tried.scores), _FAILED, axis.share(tried.scores))
    shades = axis.shade(tried.scores)
    faint, strong = by_crowd(tried, (0.95, 0.95), (0.5, 0.9), (0.3, 0.85))
    order = np.argsort(np.where(np.isnan(tried.scores), -np.inf, tried.scores), kind="stable")
    for place in map(int, order):
        path = _path([*(float(height[place]) for height in heights), float(ends[place])])
        style: dict[str, Any] = {"edgecolor": SHADES[shades[place]], "linewidth": 1.3}
        style["alpha"] = faint + (strong - faint) * shades[place] / (len(SHADES) - 1)
        if np.isnan(tried.scores[place]):
            style = {"edgecolor": SOFT, "linewidth": 1, "linestyle": (0, (2, 2)), "alpha": min(strong, 0.7)}
        if place == tried.best:
            style = {"edgecolor": VERMILLION, "linewidth": 2.6, "zorder": 3}
        axes.add_patch(PathPatch(path, facecolor="none", clip_on=False, **style))
    if tried.best is not None:
        marks = [*(float(height[tried.best]) for height in heights), float(ends[tried.best])]
        axes.plot(range(len(marks)), marks, markersize=7.5, zorder=6, **BEST_MARK)


def _path(heights: Sequence[float]) -> Path:
    """A smooth line through one height an axis, level where it crosses one."""
    points: list[tuple[float, float]] = [(0.0, heights[0])]
    codes = [Path.MOVETO]
    for place, (before, after) in enumerate(pairwise(heights)):
        points += [(place + 0.42, before), (place + 0.58, after), (place + 1.0, after)]
        codes += [Path.CURVE4] * 3
    return Path(points, codes)


def _parameter_axis(axes: Axes, place: int, scale: Scale, layout: _Layout) -> None:
    """One axis with its labels to the left, on paper of their own."""
    axes.plot([place, place], [0, 1], color=SOFT, linewidth=1, zorder=4, clip_on=False)
    most = int(np.clip(layout.apart / 7, 8, 18))
    for mark in fitting(scale.ticks, _TALL, lambda _: _LABEL):
        _tick(axes, place, mark.place, shortened(mark.text, most), left=True)
        ends = [place - 3 / layout.apart, place]
        axes.plot(ends, [mark.place, mark.place], color=SOFT, linewidth=1, zorder=4, clip_on=False)


def _score_axis(axes: Axes, place: int, axis: ScoreAxis, layout: _Layout) -> None:
    """The last axis: a strip of all shades, with its labels to the right."""
    edges = axis.low + (axis.best - axis.low) * np.arange(len(SHADES) + 1) / len(SHADES)
    heights = axis.share(edges)
    thick = 6 / layout.apart
    shades = () if axis.empty else SHADES
    for shade, below, above in zip(shades, heights[:-1], heights[1:], strict=False):
        strip = Rectangle((place, below), thick, above - below, facecolor=shade, linewidth=0, clip_on=False)
        axes.add_patch(strip)
    axes.plot([place, place], [0, 1], color=SOFT, linewidth=1, zorder=4, clip_on=False)
    for at, text in axis.ticks():
        _tick(axes, place, float(axis.share(np.array([at]))[0]), text, left=False)


def _tick(axes: Axes, place: int, height: float, text: str, *, left: bool) -> None:
    """The text of a tick; one that lies over lines stands on paper of its own."""
    box = {"facecolor": PAPER, "alpha": 0.82, "edgecolor": "none", "pad": 0.6} if left else None
    where = {"xytext": (-5 if left else 10, 0), "textcoords": "offset points", "va": "center_baseline"}
    side = "right" if left else "left"
    axes.annotate(text, (place, height), fontsize=10, color=INK, zorder=5, ha=side, bbox=box, **where)


def _heading(axes: Axes, place: int, name: str, under: str, layout: _Layout) -> None:
    """The name above an axis, and a word about its scale under the name."""
    style: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "baseline"}
    shown = shortened(name, int(np.clip(layout.apart / 7, 8, 18)))
    axes.annotate(shown, (place, 1), (0, 26), fontsize=10.5, fontweight="bold", color=INK, **style)
    if under:
        axes.annotate(under, (place, 1), (0, 12), fontsize=9, color=SOFT, **style)


def _below(axes: Axes, tried: Tried, names: Sequence[str], layout: _Layout) -> None:
    """The best setting's values, each under its axis; above them where lines without a score end."""
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 10, "zorder": 5}
    if np.isnan(tried.scores).any():
        where = (len(names), _FAILED)
        axes.annotate(
            "failed", where, (10, 0), color=SOFT, va="center_baseline", annotation_clip=False, **style
        )
    texts = _chosen(tried, names, int(np.clip(layout.apart / 6.6, 8, 18)))
    style |= {"fontweight": "bold", "va": "baseline"}
    for place, text in enumerate(texts):
        axes.annotate(text, (place, 0), (0, 10 - layout.bottom), ha="center", color=INK, **style)
    if texts:
        axes.annotate("best", (0, 0), (4 - layout.left, 10 - layout.bottom), color=VERMILLION, **style)
