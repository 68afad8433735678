"""Score against each parameter of a search: one panel a parameter, one dot a setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from gorae.report.names import shortened
from gorae.report.pictures.canvas import BLUE, INK, PAPER, SOFT, VERMILLION, draw, measured, panel
from gorae.report.pictures.parameters import BEST_MARK, Pictured, by_crowd, pictured
from gorae.report.pictures.scales import Scale, Tick, fitting, make_scale, spread
from gorae.report.pictures.score_axis import ScoreAxis, score_axis
from gorae.report.trails import Tried
from gorae.report.words import value

__all__ = ["settings_scores_figure"]

_COLUMNS, _APART = 3, 16
_WIDE = (450, 740)  # pixels: of one panel and of several side by side
_TALL, _OVER = 150, 26  # pixels of a panel, and of its title
_HEAD = 22  # pixels of the line above all
_FAILED = 0.11  # share of the height, below the scores, where settings without one are marked
_SPREAD = 0.1  # the most that dots at one value are moved apart, as a share of the width
_EDGE = 0.025  # free at both ends of an axis


@dataclass(frozen=True)
class _Panel:
    """One parameter: its short name, its axis, and the ticks that fit, upright where they are long."""

    name: str
    scale: Scale
    ticks: Sequence[Tick]
    upright: bool
    under: float


def settings_scores_figure(
    results: Mapping[str, Any], *, score: str = "score", metric: object = "score", best: int | None = None
) -> str:
    """Draw mean scores against each parameter: small panels on one axis of scores.

    A setting is a dot with its 95 % interval, the best a diamond; settings that share a text or number stand
    side by side in the order of their scores. What lies below the axis is a triangle at its end, and a
    setting without a score a cross below it. Of halved settings the last rung counts.

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
        >>> "accuracy (share of rows, 0 to 1)" in settings_scores_figure(found, metric="accuracy")
        True
    """
    seen = pictured(results, score, metric, best)
    tried, names, what = seen.tried, seen.names, seen.what
    axis = score_axis(tried.scores, [] if tried.best is None else [float(tried.high[tried.best])])
    wide = _WIDE[len(names) > 1]
    left = max(measured([text for _, text in axis.ticks()] or ["failed"]), 36) + 12
    columns = min(_COLUMNS, max(len(names), 1))
    across = (wide - left - 10 - _APART * (columns - 1)) / columns
    panels = [_panel(tried, name, brief, across) for name, brief in zip(names, seen.brief, strict=True)]
    lines = [panels[at : at + columns] for at in range(0, len(panels), columns)]
    tall = [_OVER + _TALL + max(each.under for each in line) for line in lines]
    high = _HEAD + sum(tall) + 4

    def paint(figure: Figure) -> None:
        heads = (f"{what.axis}: mean of the splits, with 95 % interval", f"{what.name}: mean, 95 % interval")
        head = heads[measured(heads[:1]) > wide - 8]
        figure.text(4 / wide, 1 - 13 / high, head, fontsize=10, color=SOFT, ha="left", va="baseline")
        top = _HEAD
        for line, room in zip(lines, tall, strict=True):
            for at, each in enumerate(line):
                start = left + at * (across + _APART)
                axes = panel(figure, start, high - top - _OVER - _TALL, wide - start - across, top + _OVER)
                _paint_panel(axes, each, tried, axis, first=at == 0)
            top += room

    return draw(paint, size=(wide, high), label=_label(seen))


def _label(seen: Pictured) -> str:
    """What the picture shows, in words: the parameters, and from where to where the scores lie."""
    scores = seen.tried.scores
    failed = int(np.isnan(scores).sum())
    told = f"{seen.what.name} of {seen.counted} against each parameter"
    told += f" ({seen.listed})" if seen.names else ""
    if np.isfinite(scores).any():
        told += f", from {value(float(np.nanmin(scores)))} to {value(float(np.nanmax(scores)))}"
    return f"{told}; {failed} failed." if failed else f"{told}."


def _panel(tried: Tried, name: str, brief: str, across: float) -> _Panel:
    """One panel, with the labels turned upright where they do not fit side by side."""
    scale = make_scale(tried.settings, name)
    pixels = across * (1 - 2 * _EDGE)
    level = fitting(scale.ticks, pixels, lambda text: measured([text]) + 8)
    notches = sum(mark.notch for mark in scale.ticks)
    if sum(mark.notch for mark in level) == notches:
        return _Panel(brief, scale, level, False, 24)
    upright = [mark._replace(text=shortened(mark.text, 16)) for mark in scale.ticks]
    shown = fitting(upright, pixels, lambda _: 13)
    return _Panel(brief, scale, shown, True, measured([mark.text for mark in shown]) + 14)


def _paint_panel(axes: Axes, each: _Panel, tried: Tried, axis: ScoreAxis, *, first: bool) -> None:
    """Dots, intervals, the best and the failures of one parameter."""
    failed = np.isnan(tried.scores)
    span = axis.high - axis.low
    low = axis.low - span * (1.7 * _FAILED if failed.any() else 0.04)
    axes.set(xlim=(-_EDGE, 1 + _EDGE), ylim=(low, axis.high + 0.04 * span))
    _axes_of(axes, each, axis, failed=bool(failed.any()), first=first)
    x = spread(each.scale, tried.scores, _SPREAD)
    _intervals(axes, x, tried, axis)
    shown = np.flatnonzero(~failed & (tried.scores >= axis.low))
    size, alpha = by_crowd(tried, (5.5, 0.85), (4.2, 0.65), (3.6, 0.6))
    edge = {"markeredgecolor": PAPER, "markeredgewidth": 0.4, "clip_on": False}
    axes.plot(x[shown], tried.scores[shown], "o", color=BLUE, markersize=size, alpha=alpha, **edge)
    below = np.flatnonzero(tried.scores < axis.low)
    axes.plot(x[below], np.full(len(below), axis.low), "v", color=BLUE, markersize=size, alpha=alpha, **edge)
    lost = np.flatnonzero(failed)
    where = np.full(len(lost), axis.low - _FAILED * span)
    axes.plot(x[lost], where, "x", color=INK, markersize=4.5, markeredgewidth=1.1, clip_on=False)
    if tried.best is not None:
        axes.plot([x[tried.best]], [tried.scores[tried.best]], markersize=8, zorder=5, **BEST_MARK)


def _axes_of(axes: Axes, each: _Panel, axis: ScoreAxis, *, failed: bool, first: bool) -> None:
    """Title, ticks and grid of a panel; only the first of a line has its scores written."""
    title = f"{shortened(each.name, 24)}{' (log scale)' * each.scale.log}"
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=6)
    turned: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor", "ha": "right", "va": "center"}
    places, texts = [mark.place for mark in each.ticks], [mark.text for mark in each.ticks]
    axes.set_xticks(places, labels=texts, **(turned if each.upright else {}))
    marks = axis.ticks()
    if failed:
        marks = [(axis.low - _FAILED * (axis.high - axis.low), "failed"), *marks]
        axes.axhline(axis.low - 0.02 * (axis.high - axis.low), color=SOFT, linewidth=0.8)
    axes.set_yticks([at for at, _ in marks], labels=[text if first else "" for _, text in marks])
    axes.grid(axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _intervals(axes: Axes, x: np.ndarray, tried: Tried, axis: ScoreAxis) -> None:
    """All intervals as one path of upright strokes, the best setting's as one of its own."""
    known = np.isfinite(tried.low) & np.isfinite(tried.high) & (tried.scores >= axis.low)
    low, high = (
        np.clip(ends, axis.low, axis.high + 0.04 * (axis.high - axis.low)) for ends in (tried.low, tried.high)
    )
    faint = {"linewidth": 1.1, "alpha": by_crowd(tried, 0.45, 0.28, 0.16)}
    others = [place for place in np.flatnonzero(known) if place != tried.best]
    strong = [place for place in np.flatnonzero(known) if place == tried.best]
    styles = (({"edgecolor": BLUE} | faint), {"edgecolor": VERMILLION, "linewidth": 2, "zorder": 4})
    for places, style in zip((others, strong), styles, strict=True):
        if places:
            points = [(x[place], end[place]) for place in places for end in (low, high)]
            path = Path(points, [Path.MOVETO, Path.LINETO] * len(places))
            path.should_simplify = False  # it would take the strokes for one line
            axes.add_patch(PathPatch(path, facecolor="none", **style))
