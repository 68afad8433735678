"""Learning curves: loss and score of every member over the epochs, and the size of its gradients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.canvas import (
    BLUE,
    GREEN,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    VERMILLION,
    draw,
    panel,
)
from gorae.report.words import measure, tick

__all__ = ["MOST_LAYERS", "MOST_MEMBERS", "curves_figure", "gradient_figure", "kept_epoch"]

MOST_MEMBERS = 30  # more lines than this are one grey cloud
MOST_LAYERS = 10
_MOST_POINTS = 300  # a picture of 400 pixels shows no more


def kept_epoch(curve: Mapping[str, Any]) -> int | None:
    """The epoch whose parameters a member kept.

    Args:
        curve: holds ``kept``, or the ``validation_score`` or ``validation_loss`` to find it by.

    Returns:
        ``kept`` where it is given; else the epoch of the best validation score; else that of the lowest
        validation loss; None where nothing was validated.

    Example:
        >>> kept_epoch({"epoch": [1, 2, 3], "validation_loss": [0.9, 0.4, 0.5]})
        2
    """
    if curve.get("kept") is not None:
        return int(curve["kept"])
    score, loss = _line(curve, "validation_score"), _line(curve, "validation_loss")
    judged = score if score is not None else None if loss is None else -loss
    epoch = _line(curve, "epoch")
    if judged is None or epoch is None or not np.isfinite(judged).any():
        return None
    return int(epoch[np.nanargmax(np.where(np.isfinite(judged), judged, np.nan))])


def curves_figure(
    curves: Sequence[Mapping[str, Any]],
    band: Mapping[str, Any] | None = None,
    *,
    metric: object = "score",
    of: str = "member",
) -> str:
    """Loss (above) and validation score (below) per member and epoch; a triangle marks the epoch it kept.

    Args:
        curves: one mapping a member with ``epoch`` and ``train_loss``, and where they exist
            ``validation_loss``, ``validation_score`` and ``kept`` (see `kept_epoch`); all of length epochs.
        band: ``epoch``, ``mean``, ``low``, ``high`` over the members; drawn with the score, or with the
            validation loss where ``of`` says ``"validation_loss"`` or no member has a score.
        metric: what the validation score measures.
        of: what a curve belongs to, as in "member" or "fold".

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: there are no curves.

    Example:
        >>> curve = {"member": "1", "epoch": [1, 2], "train_loss": [1.0, 0.5]}
        >>> "epoch (passes over the training rows)" in curves_figure([curve])
        True
    """
    if not curves:
        raise InputError("Learning curves need at least one member; there is none.")
    drawn = curves[:MOST_MEMBERS]
    scored = any(_line(curve, "validation_score") is not None for curve in drawn)
    with_loss = not scored or (band or {}).get("of") == "validation_loss"
    high = 340 if scored else 210

    def paint(figure: Figure) -> None:
        losses = panel(figure, 56, 192 if scored else 42, 10, 26)
        _losses(losses, drawn, band if with_loss else None)
        if scored:
            scores = panel(figure, 56, 42, 10, 180)
            _scores(scores, drawn, None if with_loss else band, metric)
        axes = figure.axes[-1]
        axes.set_xlabel("epoch (passes over the training rows)")

    kept = [str(epoch) for epoch in map(kept_epoch, drawn) if epoch is not None]
    label = f"Learning curves of {len(drawn)} {of}{'' if len(drawn) == 1 else 's'}" + (
        f"; epochs kept: {', '.join(kept)}." if kept else "."
    )
    return draw(paint, size=(400, high), label=label)


def gradient_figure(
    layers: Sequence[object], epoch: Float[np.ndarray, " epochs"], norms: Float[np.ndarray, "epochs layers"]
) -> str:
    """Norm of the gradient of each layer over the epochs, on a logarithmic scale.

    Args:
        layers: names, first layer first; of more than ten, ten are drawn, evenly spaced, with both ends.
        epoch: the epochs.
        norms: Euclidean norms of the loss's gradient, in units of loss per unit of parameter.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: the shapes do not agree.

    Example:
        >>> gradient_figure(["hidden", "output"], np.arange(3), np.full((3, 2), 0.1)).count("hidden")
        2
    """
    epoch, norms = np.asarray(epoch, float), np.asarray(norms, float)
    if not len(layers) or norms.shape != (len(epoch), len(layers)):
        raise InputError(
            f"Gradient norms must be of shape (epochs, layers) = ({len(epoch)}, {len(layers)}) with at least "
            f"one layer, but are of shape {norms.shape}."
        )
    chosen = np.unique(np.linspace(0, len(layers) - 1, min(len(layers), MOST_LAYERS)).round().astype(int))
    names = [shortened(layers[place], 24) for place in chosen]
    below = 44 + 15 * -(-len(names) // 2)

    def paint(figure: Figure) -> None:
        axes = panel(figure, 56, below, 10, 10)
        for order, (place, name) in enumerate(zip(chosen, names, strict=True)):
            colour, dash = _STROKES[order % len(_STROKES)]
            positive = np.where(norms[:, place] > 0, norms[:, place], np.nan)
            axes.plot(*_thinned(epoch, positive), color=colour, linestyle=dash, linewidth=1.6, label=name)
        if np.any(norms > 0):
            _logarithmic(axes)
        _ticks(axes)
        axes.set_xlabel("epoch (passes over the training rows)")
        axes.set_ylabel("gradient norm (loss per unit)")
        axes.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, -38 / 190), borderaxespad=0)

    return draw(
        paint, size=(400, 200 + below), label=f"Norm of the gradient per epoch of {', '.join(names)}."
    )


_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
_STROKES = [(colour, dash) for dash in ("-", (0, (4, 2))) for colour in (*_COLOURS[:4], SKY)]


def _losses(axes: Axes, curves: Sequence[Mapping[str, Any]], band: Mapping[str, Any] | None) -> None:
    for curve in curves:
        _stroke(axes, curve, "train_loss", BLUE, "-", crowd=len(curves))
        _stroke(axes, curve, "validation_loss", VERMILLION, (0, (4, 2)), crowd=len(curves))
        _kept(axes, curve, "validation_loss", VERMILLION)
    _band(axes, band, VERMILLION)
    _ticks(axes)
    drawn = [amount for line in axes.get_lines() for amount in np.asarray(line.get_ydata(), float)]
    positive = [amount for amount in drawn if amount > 0]
    if positive and len(positive) == len(drawn) and max(positive) > 100 * min(positive):
        _logarithmic(axes)
    axes.set_ylabel("loss (mean per row)")
    handles = [axes.plot([], [], color=BLUE, label="training")[0]]
    if any(_line(curve, "validation_loss") is not None for curve in curves):
        handles += axes.plot([], [], color=VERMILLION, linestyle=(0, (4, 2)), label="validation")
    if any(kept_epoch(curve) is not None for curve in curves):
        handles += axes.plot([], [], "v", color=VERMILLION, markersize=6, label="epoch kept")
    axes.legend(handles=handles, ncols=3, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)


def _scores(
    axes: Axes, curves: Sequence[Mapping[str, Any]], band: Mapping[str, Any] | None, metric: object
) -> None:
    for curve in curves:
        _stroke(axes, curve, "validation_score", VERMILLION, (0, (4, 2)), crowd=len(curves))
        _kept(axes, curve, "validation_score", VERMILLION)
    _band(axes, band, VERMILLION)
    _ticks(axes)
    axes.set_ylabel(shortened(measure(metric).name, 18))


def _stroke(axes: Axes, curve: Mapping[str, Any], key: str, colour: str, dash: object, *, crowd: int) -> None:
    epoch, line = _line(curve, "epoch"), _line(curve, key)
    if epoch is None or line is None:
        return
    alpha = 0.9 if crowd == 1 else 0.55 if crowd <= 6 else 0.3
    x, y = _thinned(epoch[: len(line)], line[: len(epoch)])
    single = "." if len(x) == 1 else None  # one epoch makes no line
    axes.plot(x, y, color=colour, linestyle=dash, linewidth=1.3, alpha=alpha, marker=single)


def _kept(axes: Axes, curve: Mapping[str, Any], key: str, colour: str) -> None:
    kept, epoch, line = kept_epoch(curve), _line(curve, "epoch"), _line(curve, key)
    if kept is None or epoch is None or line is None:
        return
    at = np.flatnonzero(epoch[: len(line)] == kept)
    if len(at) and np.isfinite(line[at[0]]):
        style = {"color": colour, "markeredgecolor": PAPER, "markersize": 7.5, "zorder": 4}
        axes.plot([kept], [line[at[0]]], "v", **style)


def _band(axes: Axes, band: Mapping[str, Any] | None, colour: str) -> None:
    if band is None:
        return
    lines = [_line(band, key) for key in ("epoch", "mean", "low", "high")]
    epoch, mean, low, high = lines
    if epoch is None or mean is None or low is None or high is None:
        return
    axes.fill_between(*_thinned(epoch, low), _thinned(epoch, high)[1], color=colour, alpha=0.18, linewidth=0)
    axes.plot(*_thinned(epoch, mean), color=colour, linewidth=2.2)


def _line(curve: Mapping[str, Any], key: str) -> np.ndarray | None:
    found = curve.get(key)
    if found is None:
        return None
    line = np.asarray(found, dtype=float).ravel()
    return np.where(np.isfinite(line), line, np.nan) if len(line) else None


def _thinned(epoch: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most 300 of the points, evenly spaced, first and last among them."""
    if len(epoch) <= _MOST_POINTS:
        return epoch, line
    places = np.unique(np.linspace(0, len(epoch) - 1, _MOST_POINTS).round().astype(int))
    return epoch[places], line[places]


def _logarithmic(axes: Axes) -> None:
    """A logarithmic axis with plain numbers; matplotlib's own are written as formulas."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: tick(amount)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _ticks(axes: Axes) -> None:
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
