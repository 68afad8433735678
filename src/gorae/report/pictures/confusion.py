"""Which class was taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.canvas import (
    BLUE,
    GRID,
    INK,
    SOFT,
    VERMILLION,
    WHITE,
    draw,
    measured,
    panel,
)
from gorae.report.words import count

__all__ = ["MOST_CLASSES", "confusion_figure", "top_confusions"]

MOST_CLASSES = 30  # beyond this many the cells are too small to read
_WIDTH = 400  # of all pictures, at least; the page scales all by one factor, so their text has one size
_CELL = (18, 84)  # pixels, at least and at most
_ROOM, _HEADING = 6, 18
# Anchored at their end: a browser's letters may be wider than those that laid them out.
_UPRIGHT: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor", "ha": "right", "va": "center"}


def confusion_figure(
    labels: Sequence[object],
    counts: Int[np.ndarray, "classes classes"],
    *,
    down: str = "actual class",
    across: str = "predicted class",
    cells: str = "cells: number of rows",
    what: str = "Confusion matrix",
) -> str:
    """The confusion matrix; a row is an actual class, a column what was predicted.

    The diagonal is blue and errors are vermillion, both by their share of the row; shares of errors are drawn
    by their square root, so that one error in a hundred is still seen.

    Args:
        labels: names of the classes.
        counts: how many rows of class i were predicted as class j.
        down: what a row of the matrix is.
        across: what a column is.
        cells: what a cell holds.
        what: what the picture is, for readers who cannot see it.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: there are no classes, more than 30, or the shapes do not agree.

    Example:
        >>> svg = confusion_figure(["cat", "dog"], np.array([[5, 1], [0, 6]]))
        >>> svg.count(">cat<")
        2
    """
    counts = _checked(labels, counts)
    if len(labels) > MOST_CLASSES:
        raise InputError(
            f"A readable confusion matrix has at most {MOST_CLASSES} classes, but there are {len(labels)}; "
            "use top_confusions."
        )
    names = [shortened(label, 14) for label in labels]
    wide = measured(names)
    left = wide + 28
    cell = float(np.clip((_WIDTH - left - _ROOM) / len(names), *_CELL))
    upright = wide > cell - 2
    bottom = (wide if upright else 14) + 28

    size = (max(left + cell * len(names) + _ROOM, _WIDTH), _ROOM + _HEADING + cell * len(names) + bottom)

    def paint(figure: Figure) -> None:
        axes = panel(figure, left, bottom, size[0] - left - cell * len(names), _ROOM + _HEADING)
        axes.set(xlim=(0, len(names)), ylim=(len(names), 0))
        middles = np.arange(len(names)) + 0.5
        axes.set_xticks(middles, labels=names, **(_UPRIGHT if upright else {}))
        axes.set_yticks(middles, labels=names)
        axes.tick_params(length=0)
        axes.set_xlabel(across)
        axes.set_ylabel(down)
        axes.set_title(cells, loc="left", fontsize=10, color=SOFT, pad=5)
        for spine in axes.spines.values():
            spine.set(visible=True, color=GRID)
        _cells(axes, counts, cell)

    right, rows = int(np.trace(counts)), int(counts.sum())
    label = f"{what} of {len(names)} classes: {right} of {rows} rows on the diagonal."
    return draw(paint, size=size, label=label)


def top_confusions(
    labels: Sequence[object], counts: Int[np.ndarray, "classes classes"], *, most: int = 10
) -> list[tuple[str, str, int, float]]:
    """The pairs of classes taken for each other most often.

    Args:
        labels: names of the classes.
        counts: how many rows of class i were predicted as class j.
        most: how many pairs.

    Returns:
        Actual class, predicted class, number of rows, share of the actual class's rows; most rows first.

    Raises:
        InputError: there are no classes, or the shapes do not agree.

    Example:
        >>> top_confusions(["cat", "dog"], np.array([[5, 1], [0, 6]]))
        [('cat', 'dog', 1, 0.16666666666666666)]
    """
    counts = _checked(labels, counts)
    errors = counts - np.diag(np.diag(counts))
    rows = counts.sum(axis=1)
    order = np.argsort(-errors, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(labels)) for place in order]
    return [
        (shortened(labels[i], 40), shortened(labels[j], 40), int(errors[i, j]), float(errors[i, j] / rows[i]))
        for i, j in pairs
        if errors[i, j] > 0
    ]


def _checked(labels: Sequence[object], counts: Int[np.ndarray, "classes classes"]) -> np.ndarray:
    table = np.asarray(counts)
    if not len(labels) or table.shape != (len(labels), len(labels)):
        raise InputError(
            f"A confusion matrix of {len(labels)} classes must be of shape ({len(labels)}, {len(labels)}), "
            f"with at least one class, but counts is of shape {table.shape}."
        )
    return table.astype(np.int64)


def _cells(axes: Axes, counts: np.ndarray, cell: float) -> None:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    depth = np.where(np.eye(len(counts), dtype=bool), share, np.sqrt(share))
    places = [(int(i), int(j)) for i, j in np.argwhere(counts > 0)]
    squares = [[(j, i), (j + 1, i), (j + 1, i + 1), (j, i + 1)] for i, j in places]
    colours = [to_rgba(BLUE if i == j else VERMILLION, 0.12 + 0.88 * depth[i, j]) for i, j in places]
    axes.add_collection(PolyCollection(squares, facecolors=colours, linewidths=0))
    lines = np.arange(1, len(counts))
    axes.hlines(lines, 0, len(counts), color=GRID, linewidth=0.5)
    axes.vlines(lines, 0, len(counts), color=GRID, linewidth=0.5)
    longest = max((len(_short_count(counts[place])) for place in places), default=1)
    size = min(10.0, (cell - 3) / (0.62 * longest))
    for i, j in places:
        colour = WHITE if depth[i, j] > 0.5 else INK
        style = {"ha": "center", "va": "center", "fontsize": round(size, 1), "color": colour}
        axes.text(j + 0.5, i + 0.5, _short_count(counts[i, j]), **style)


def _short_count(rows: int) -> str:
    return f"{rows / 1000:.0f}k" if rows >= 10_000 else count(rows).replace(",", "")
