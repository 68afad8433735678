"""Rungs of successive halving and Hyperband: how settings score, and where they are dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gorae.errors import InputError
from gorae.report.pictures.canvas import BLUE, INK, PAPER, SOFT, VERMILLION, draw, measured, panel
from gorae.report.pictures.scales import Tick, fitting
from gorae.report.pictures.score_axis import ScoreAxis, score_axis
from gorae.report.trails import column, tried_settings
from gorae.report.words import Measure, count, counted, measure, tick, value
from gorae.search.lineage import find_parents

__all__ = ["rungs_figure"]

_COLUMNS, _APART = 3, 16
_WIDE = (400, 740)  # pixels: of one bracket and of several side by side
_TALL, _OVER, _UNDER, _HEAD = 210, 24, 44, 24
_EDGE = 0.05  # free at both ends of the axis of epochs


@dataclass(frozen=True)
class _Line:
    """One setting's way up: epochs and scores, whether it trained to the end, and whether it is the best.

    Where it took over another's parameters, `taken`, the first point is that one's.
    """

    bracket: int
    epochs: np.ndarray
    scores: np.ndarray
    whole: bool
    best: bool
    taken: bool


def rungs_figure(
    results: Mapping[str, Any], *, score: str = "score", metric: object = "score", best: int | None = None
) -> str:
    """Draw mean scores of halved settings against the epochs they trained for: a panel a bracket.

    Every setting is a line from rung to rung, which ends where it was dropped; a filled dot is one that
    trained to the end, the best is pointed out and its score runs as a dashed line through all brackets. In
    population-based training a setting that took over another's parameters begins at that one.

    Args:
        results: the table of a search with `halving`, as `tried_settings` reads it; so are the others.
        score: the name of the score that decides.
        metric: what it measures.
        best: the best setting's entry, or None.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: the table holds no setting, not that score, or no rungs.

    Example:
        >>> a, b = {"rate": 0.1}, {"rate": 0.2}
        >>> found = {"params": [a, b, b], "mean_test_score": [0.5, 0.6, 0.8]}
        >>> found |= {"iter": [0, 0, 1], "n_resources": [3, 3, 9], "bracket": [0, 0, 0]}
        >>> "2 settings from 3 epochs" in rungs_figure(found)
        True

    References:
        Jamieson & Talwalkar 2016; Li et al. 2018, Hyperband.
    """
    if "n_resources" not in results:
        raise InputError("A picture of rungs needs a search with halving; its table has no n_resources.")
    tried = tried_settings(results, score, best, metric)
    lines = _found(results, score, tried.rows, tried.best)
    brackets = sorted({line.bracket for line in lines})
    what, axis = measure(metric), score_axis(column(results, f"mean_test_{score}"))
    ends = (min(line.epochs[0] for line in lines), max(line.epochs[-1] for line in lines))
    wide = _WIDE[len(brackets) > 1]
    left = max(measured([text for _, text in axis.ticks()] or [""]), 24) + 12
    columns = min(_COLUMNS, len(brackets))
    across = (wide - left - 12 - _APART * (columns - 1)) / columns
    each_high = _OVER + _TALL + _UNDER
    high = _HEAD + each_high * -(-len(brackets) // columns)
    chosen = next((line for line in lines if line.best), None)

    def paint(figure: Figure) -> None:
        figure.text(4 / wide, 1 - 14 / high, what.axis, fontsize=10, color=SOFT, ha="left", va="baseline")
        for at, bracket in enumerate(brackets):
            row, place = divmod(at, columns)
            start, top = left + place * (across + _APART), _HEAD + row * each_high + _OVER
            axes = panel(figure, start, high - top - _TALL, wide - start - across, top)
            own = [line for line in lines if line.bracket == bracket]
            _paint_bracket(axes, own, axis, ends, chosen, first=place == 0, pixels=across)
            name = f"bracket {bracket}: " if len(brackets) > 1 else ""
            title = f"{name}{_begun(own)}"
            axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK, pad=6)

    return draw(paint, size=(wide, high), label=_label(lines, brackets, chosen, what))


def _found(
    results: Mapping[str, Any], score: str, rows: Sequence[tuple[int, ...]], best: int | None
) -> list[_Line]:
    """Every setting's line, from the entry it went on from in population-based training."""
    scores, epochs = column(results, f"mean_test_{score}"), column(results, "n_resources")
    parents = find_parents(results)
    drawn = [((parents[own[0]],) if own[0] in parents else ()) + own for own in rows]
    brackets = np.asarray(results.get("bracket", np.zeros(len(scores))), int)
    most = np.nanmax(epochs)
    return [
        _Line(
            bracket=int(brackets[own[0]]),
            epochs=np.maximum(epochs[list(own)], 1),
            scores=scores[list(own)],
            whole=bool(epochs[own[-1]] == most),
            best=place == best,
            taken=own[0] != rows[place][0],
        )
        for place, own in enumerate(drawn)
    ]


def _begun(lines: Sequence[_Line]) -> str:
    """How a bracket began."""
    epochs = int(min(line.epochs[0] for line in lines))
    begun = sum(not line.taken for line in lines)
    return f"{counted(begun, 'setting')} from {counted(epochs, 'epoch')}"


def _label(lines: Sequence[_Line], brackets: Sequence[int], chosen: _Line | None, what: Measure) -> str:
    """What the picture shows, in words: how many settings reached each rung of each bracket."""
    told = []
    for bracket in brackets:
        own = [line for line in lines if line.bracket == bracket]
        rungs = sorted({float(epoch) for line in own for epoch in line.epochs})
        reached = (sum(epoch in line.epochs[line.taken :] for line in own) for epoch in rungs)
        steps = ", ".join(f"{n} at {count(epoch)}" for n, epoch in zip(reached, rungs, strict=True))
        told.append(f"bracket {bracket}: {steps}" if len(brackets) > 1 else steps)
    ending = "" if chosen is None else f" Best: {value(float(chosen.scores[-1]))}."
    return f"{what.name} against epochs; settings by rung: {'; '.join(told)} epochs.{ending}"


def _paint_bracket(
    axes: Axes,
    lines: Sequence[_Line],
    axis: ScoreAxis,
    ends: tuple[float, float],
    chosen: _Line | None,
    *,
    first: bool,
    pixels: float,
) -> None:
    """One bracket; its epochs stand by their logarithm, from 0 to 1."""
    span = axis.high - axis.low
    axes.set(xlim=(-_EDGE, 1 + _EDGE), ylim=(axis.low - 0.04 * span, axis.high + 0.04 * span))
    if chosen is not None:
        axes.axhline(chosen.scores[-1], color=VERMILLION, linewidth=1, linestyle=(0, (4, 3)), alpha=0.8)
    crowd = len(lines)
    alpha = 0.8 if crowd <= 30 else 0.5 if crowd <= 120 else 0.3
    ordered = sorted(lines, key=lambda line: (line.best, len(line.epochs)))
    for line in ordered:
        x, y = _share(line.epochs, ends), np.maximum(line.scores, axis.low)
        colour = VERMILLION if line.best else BLUE
        strong = 2.6 if line.best else 1.3
        axes.plot(x, y, color=colour, linewidth=strong, alpha=1 if line.best else alpha, clip_on=False)
        mark: dict[str, Any] = {"color": colour, "markersize": 5, "clip_on": False, "zorder": 4}
        if line.best:
            mark |= {"marker": "D", "markersize": 8, "markeredgecolor": PAPER, "zorder": 6}
        elif line.whole:
            mark |= {"marker": "o", "markersize": 6, "markeredgecolor": PAPER}
        else:
            mark |= {"marker": "o", "markerfacecolor": PAPER, "alpha": max(alpha, 0.5)}
        axes.plot(x[-1:], y[-1:], linestyle="none", **mark)
    rungs = sorted({float(epoch) for line in lines for epoch in line.epochs})
    places = [Tick(float(_share(np.array([epoch]), ends)[0]), tick(epoch), False) for epoch in rungs]
    shown = fitting(places, pixels * (1 - 2 * _EDGE), lambda text: measured([text]) + 6)
    axes.set_xticks([mark.place for mark in shown], labels=[mark.text for mark in shown])
    axes.set_xlabel("epochs (log scale)")
    axes.set_yticks(
        [at for at, _ in axis.ticks()], labels=[text if first else "" for _, text in axis.ticks()]
    )
    axes.grid()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _share(epochs: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """Where epochs stand between the fewest and the most, by their logarithm."""
    low, high = ends
    return np.full(len(epochs), 0.5) if low == high else np.log(epochs / low) / np.log(high / low)
