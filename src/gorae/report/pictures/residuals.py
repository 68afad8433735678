"""Where a regression is wrong: predicted against actual, and what is left over."""

import math

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.canvas import BLUE, SOFT, VERMILLION, draw, panel
from gorae.report.words import scientific, value

__all__ = ["MOST_DOTS", "predicted_actual_figure", "residual_figure"]

MOST_DOTS = 1500  # beyond this many, hexagons with counts are clearer and smaller


def predicted_actual_figure(
    predicted: Float[np.ndarray, " rows"], actual: Float[np.ndarray, " rows"], *, target: object = None
) -> str:
    """Actual against predicted values; on the dashed line a prediction is right.

    Args:
        predicted: predictions, in units of the target.
        actual: true values.
        target: name of the target.

    Returns:
        An ``<svg>`` element; up to 1,500 rows are dots, more are hexagons, darker where more rows fall.

    Raises:
        InputError: the shapes do not agree or no pair is finite.

    Example:
        >>> "2 rows" in predicted_actual_figure(np.array([1.0, 2.0]), np.array([1.5, 2.0]))
        True
    """
    predicted, actual = _pairs(predicted, actual)
    name = shortened(target, 24) if target is not None else "target"
    ten, unit = _power(predicted, actual)
    predicted, actual = predicted / ten, actual / ten
    low, high = float(min(predicted.min(), actual.min())), float(max(predicted.max(), actual.max()))
    room = max(0.03 * (high - low), 1e-6 * max(abs(low), abs(high))) or 0.5

    def paint(figure: Figure) -> None:
        axes = panel(figure, 64, 42, 12, 10)
        ends = (low - room, high + room)
        _cloud(axes, predicted, actual, (*ends, *ends))
        axes.plot(ends, ends, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xlim=ends, ylim=ends)
        axes.set_xlabel(f"predicted {name} ({unit})")
        axes.set_ylabel(f"actual {name} ({unit})")

    return draw(paint, size=(400, 330), label=f"Actual against predicted {name} of {len(actual)} rows.")


def residual_figure(
    predicted: Float[np.ndarray, " rows"], actual: Float[np.ndarray, " rows"], *, target: object = None
) -> str:
    """Residuals (actual minus predicted) against predictions, with the median of each tenth of the rows.

    A median line that bends away from zero shows a shape the model missed; a cloud that widens shows noise
    that grows with the prediction.

    Args:
        predicted: predictions, in units of the target.
        actual: true values.
        target: name of the target.

    Returns:
        An ``<svg>`` element, see `predicted_actual_figure`.

    Raises:
        InputError: the shapes do not agree or no pair is finite.

    Example:
        >>> "median residual 0.250" in residual_figure(np.array([1.0, 2.0]), np.array([1.5, 2.0]))
        True
    """
    predicted, actual = _pairs(predicted, actual)
    left_over = actual - predicted
    middle = f"median residual {value(float(np.median(left_over)))}"
    ten, unit = _power(predicted)
    ten_left, _ = _power(left_over)
    predicted, left_over = predicted / ten, left_over / ten_left
    name = shortened(target, 24) if target is not None else "target"

    def paint(figure: Figure) -> None:
        axes = panel(figure, 64, 42, 12, 26)
        _cloud(axes, predicted, left_over)
        axes.axhline(0, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        if len(predicted) >= 50:
            tenths = np.array_split(np.argsort(predicted, kind="stable"), 10)
            middles = [(np.median(predicted[tenth]), np.median(left_over[tenth])) for tenth in tenths]
            label = "median of each tenth of the rows"
            axes.plot(*zip(*middles, strict=True), color=VERMILLION, linewidth=2, label=label)
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
        axes.set_xlabel(f"predicted {name} ({unit})")
        axes.set_ylabel(f"residual: actual − predicted{f' ({scientific(ten_left)})' * (ten_left != 1)}")

    label = f"Residuals of {len(actual)} rows against predicted {name}; {middle}."
    return draw(paint, size=(400, 330), label=label)


def _power(*amounts: np.ndarray) -> tuple[float, str]:
    """The power of ten that very large or small amounts are drawn in, and the unit with it."""
    largest = max(float(np.abs(amount).max()) for amount in amounts)
    if largest == 0 or 1e-3 <= largest < 1e5:
        return 1.0, "its own units"
    ten = 10.0 ** (3 * math.floor(math.log10(largest) / 3))
    return ten, f"{scientific(ten)} of its own units"


def _pairs(predicted: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted, actual = np.asarray(predicted, float).ravel(), np.asarray(actual, float).ravel()
    if predicted.shape != actual.shape:
        raise InputError(
            f"There must be as many predicted as actual values, but there are {len(predicted)} "
            f"and {len(actual)}."
        )
    finite = np.isfinite(predicted) & np.isfinite(actual)
    if not finite.any():
        raise InputError("A picture of residuals needs at least one row with finite numbers; there is none.")
    return predicted[finite], actual[finite]


def _cloud(
    axes: Axes, x: np.ndarray, y: np.ndarray, extent: tuple[float, float, float, float] | None = None
) -> None:
    axes.grid()
    if len(x) <= MOST_DOTS:
        axes.scatter(x, y, s=13, color=BLUE, alpha=0.45 if len(x) > 100 else 0.7, linewidths=0)
        return
    grid = axes.hexbin(x, y, gridsize=44, mincnt=1, extent=extent, linewidths=0.1)
    rows = np.asarray(grid.get_array(), float)
    # One hue, opacity by the logarithm of the count: it reads the same on a light and on a dark page.
    depth = 0.15 + 0.85 * np.log1p(rows) / np.log1p(rows.max())
    grid.set_array(None)
    grid.set_facecolor([to_rgba(BLUE, float(np.round(d, 2))) for d in depth])
    grid.set_edgecolor("none")
