"""The ladder, one dot per model; and the winner's score on training, validation and test rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.dots import Dot, dot_figure
from gorae.report.words import interval, measure, number, value

__all__ = ["gap_figure", "ladder_figure"]


def ladder_figure(
    ladder: Sequence[Mapping[str, Any]], best: str | None = None, *, width_px: float = 400
) -> str:
    """Scores of the ladder's models as dots with their 95 % intervals, chance as a dashed line.

    Args:
        ladder: one mapping a model, simplest first, with ``model``, ``metric``, ``score``, ``low``, ``high``.
        best: the model to point out.
        width_px: of the picture at natural text size.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: the ladder is empty.

    Example:
        >>> rows = [{"model": "linear", "metric": "accuracy", "score": 0.9, "low": 0.8, "high": 0.95}]
        >>> ladder_figure(rows).count("linear")
        2
    """
    if not ladder:
        raise InputError("The ladder picture needs at least one model; the ladder is empty.")
    what = measure(ladder[0].get("metric", "score"))
    dots = [
        _dot(shortened(row.get("model"), 22), row, chosen=best is not None and row.get("model") == best)
        for row in ladder
    ]
    chance = next((dot for dot in dots if dot.name.lower().startswith("chance")), None)
    parts = []
    for dot, row in zip(dots, ladder, strict=True):
        around = interval(row)
        parts.append(f"{dot.name} {value(dot.score)}" + (f" ({around})" if around else ""))
    ending = "" if best is None else f". Best: {shortened(best, 22)}"
    label = f"{what.name} with 95 % interval per model: {'; '.join(parts)}{ending}."
    return dot_figure(dots, what, reference=chance, width_px=width_px, label=label)


def gap_figure(
    gap: Mapping[str, Any] | None, test: Mapping[str, Any] | None, *, metric: object, width_px: float = 400
) -> str:
    """The winner's score on rows it learned from, on validation rows and on test rows, under one another.

    Args:
        gap: holds ``train`` and ``validation``; may be None.
        test: holds ``score``, ``low``, ``high``; may be None.
        metric: what the scores measure.
        width_px: of the picture at natural text size.

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: neither mapping holds a score.

    Example:
        >>> "training" in gap_figure({"train": 0.99, "validation": 0.95}, None, metric="accuracy")
        True
    """
    every = [
        Dot("training", number(gap, "train")),
        Dot("validation", number(gap, "validation")),
        _dot("test", test or {}, chosen=True),
    ]
    dots = [dot for dot in every if dot.score is not None]
    if not dots:
        raise InputError("The picture of the gap needs a training, validation or test score; there is none.")
    what = measure(metric)
    told = ", ".join(f"{dot.name} {value(dot.score)}" for dot in dots)
    return dot_figure(dots, what, width_px=width_px, label=f"{what.name} by rows: {told}.")


def _dot(name: str, scored: Mapping[str, Any], *, chosen: bool) -> Dot:
    return Dot(name, number(scored, "score"), number(scored, "low"), number(scored, "high"), chosen)
