"""How much of the doubt about each class is disagreement, which more data settle: bars of two parts."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.canvas import BLUE, ORANGE, draw, measured, panel
from gorae.report.words import value

__all__ = ["doubt_figure"]

_ROW = 22
_MOST = 20


def doubt_figure(labels: Sequence[object], parts: Float[np.ndarray, "classes 2"]) -> str:
    """Draw the mean epistemic and aleatoric part of each class's doubt, the most doubtful classes first.

    Args:
        labels: what the classes are called; of more than twenty, the twenty most doubtful are drawn.
        parts: epistemic and aleatoric mean of each class, in nats; NaN for a class without rows.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: the shapes do not agree, or no class has rows.

    Example:
        >>> "doubt (nats a row)" in doubt_figure(["cat", "dog"], np.array([[0.1, 0.2], [0.3, 0.1]]))
        True
    """
    amounts = np.asarray(parts, float).reshape(-1, 2)
    known = np.flatnonzero(np.isfinite(amounts).all(axis=1))
    if len(amounts) != len(labels) or not len(known):
        raise InputError(
            f"Doubt by class needs two parts for each of {len(labels)} classes, one with rows, but the shape "
            f"is {np.shape(parts)}."
        )
    drawn = known[np.argsort(-amounts[known].sum(axis=1), kind="stable")][:_MOST]
    names = [shortened(labels[place], 20) for place in drawn]
    left = max(measured(names), 30) + 12

    def paint(figure: Figure) -> None:
        axes = panel(figure, left, 40, 12, 30)
        places = np.arange(len(drawn))[::-1]
        epistemic, aleatoric = amounts[drawn].T
        axes.barh(places, epistemic, height=0.62, color=ORANGE, label="networks disagree")
        axes.barh(places, aleatoric, left=epistemic, height=0.62, color=BLUE, label="each is undecided")
        axes.set_yticks(places, names)
        axes.set(ylim=(-0.6, len(drawn) - 0.4), xlabel="doubt (nats a row)")
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=5)
        axes.grid(axis="x")
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2, handlelength=1.2)

    told = "; ".join(
        f"{name} {value(amounts[place, 0])} and {value(amounts[place, 1])}"
        for name, place in zip(names, drawn, strict=True)
    )
    label = f"Mean doubt by class in nats, disagreement of networks and what each is undecided about: {told}."
    return draw(paint, size=(400, 78 + _ROW * len(drawn)), label=label)
