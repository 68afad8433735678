"""Partial dependence: the mean answer over the values of a column, with the interval of the mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.canvas import BLUE, GREEN, PAPER, PURPLE, VERMILLION, draw, measured, panel
from gorae.report.words import tick

__all__ = ["MOST_OUTPUTS", "dependence_figure"]

MOST_OUTPUTS = 4  # classes drawn; those whose probability changes most
_STROKES = (
    (BLUE, "-", "o"),
    (VERMILLION, (0, (4, 2)), "s"),
    (GREEN, (0, (1.5, 1.5)), "^"),
    (PURPLE, "-.", "D"),
)
_MOST_CATEGORIES = 12


def dependence_figure(curve: Mapping[str, Any], *, target: object = None) -> str:
    """Mean answers over the values of one column, with their intervals as a band.

    Args:
        curve: ``column``, ``values``, ``places`` (of the values on the axis, or None for categories),
            ``outputs`` (class labels, or one name); of shape (outputs, values) ``mean``, ``low``, ``high``.
        target: name of what is predicted, of a regression.

    Returns:
        An ``<svg>`` element; of more than four classes those whose probability changes most.

    Raises:
        InputError: the shapes do not agree.

    Example:
        >>> curve = {"column": "age", "values": [1, 2], "places": [1.0, 2.0], "outputs": ["yes"]}
        >>> "age" in dependence_figure(curve | {name: [[0.1, 0.4]] for name in ("mean", "low", "high")})
        True
    """
    mean, low, high = (np.asarray(curve[name], float) for name in ("mean", "low", "high"))
    values, outputs = list(curve["values"]), list(curve["outputs"])
    if not mean.shape == low.shape == high.shape == (len(outputs), len(values)) or not mean.size:
        raise InputError(
            f"Mean answers must be of shape (outputs, values) = ({len(outputs)}, {len(values)}), but are of "
            f"{mean.shape}."
        )
    chosen = sorted(np.argsort(-np.ptp(mean, axis=1), kind="stable")[:MOST_OUTPUTS].tolist())
    names = [shortened(outputs[place], 22) for place in chosen]
    single = outputs == ["prediction"]
    what = f"mean predicted {shortened(target or 'value', 18)}" if single else "mean probability"
    column = shortened(curve["column"], 34)
    turned = curve["places"] is None and _too_long(values)
    legend, below = (0 if single else 20), (84 if turned else 42)

    def paint(figure: Figure) -> None:
        axes = panel(figure, 62, below, 12, 10 + legend)
        places = _axis(axes, curve, values, turned)
        for order, place in enumerate(chosen):
            shown = slice(len(places))
            parts = (mean[place, shown], low[place, shown], high[place, shown])
            aside = 0.0 if curve["places"] is not None else 0.14 * (order - (len(chosen) - 1) / 2)
            _curve(axes, places + aside, parts, order, names[order], joined=curve["places"] is not None)
        axes.set_xlabel(column)
        axes.set_ylabel(what)
        axes.grid(axis="y")
        if not single:
            axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)

    label = f"{what} over {column}" + ("." if single else f", for {', '.join(names)}.")
    return draw(paint, size=(400, 200 + below + legend), label=label)


def _too_long(values: Sequence[Any]) -> bool:
    """Whether names of categories do not fit side by side."""
    shown = [shortened(value, 12) for value in values[:_MOST_CATEGORIES]]
    return measured(shown) * len(shown) > 310


def _axis(axes: Axes, curve: Mapping[str, Any], values: Sequence[Any], turned: bool) -> np.ndarray:
    """Set the axis of the values, and return where they stand."""
    if curve["places"] is None:
        shown = [shortened(value, 12) for value in values[:_MOST_CATEGORIES]]
        axes.set_xticks(range(len(shown)), labels=shown)
        axes.set_xlim(-0.5, len(shown) - 0.5)
        if turned:
            for text in axes.get_xticklabels():
                text.set(rotation=40, ha="right", rotation_mode="anchor")
        return np.arange(len(shown), dtype=float)
    places = np.asarray(curve["places"], float)
    if isinstance(values[0], str):  # dates: a few of them, as they are written
        few = np.unique(np.linspace(0, len(values) - 1, min(3, len(values))).round().astype(int))
        axes.set_xticks(places[few], labels=[shortened(values[place], 12) for place in few])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda amount, _: tick(round(amount, 12))))
    return places


def _curve(
    axes: Axes,
    places: np.ndarray,
    parts: tuple[np.ndarray, np.ndarray, np.ndarray],
    order: int,
    name: str,
    *,
    joined: bool,
) -> None:
    """Draw one curve with its band; categories as dots with intervals, side by side."""
    colour, dash, mark = _STROKES[order]
    mean, low, high = parts
    known = np.isfinite(low) & np.isfinite(high)
    if joined:
        axes.fill_between(places, low, high, where=known.tolist(), color=colour, alpha=0.18, linewidth=0)
        single = "o" if len(places) == 1 else None
        axes.plot(places, mean, color=colour, linestyle=dash, linewidth=1.8, label=name, marker=single)
        return
    for place, bottom, top in zip(places[known], low[known], high[known], strict=True):
        axes.plot([place, place], [bottom, top], color=colour, linewidth=1.8)
    style = {"color": colour, "markeredgecolor": PAPER, "markersize": 7, "linestyle": "none", "zorder": 3}
    axes.plot(places, mean, marker=mark, label=name, **style)
