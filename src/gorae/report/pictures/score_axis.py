"""The axis of mean scores: a few hopeless settings must not squeeze the good ones into a line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.ticker import MaxNLocator

from gorae.report.pictures.canvas import SHADES
from gorae.report.words import tick

__all__ = ["ScoreAxis", "score_axis"]

# The axis reaches so many times as far below the best as the median, and the upper quarter, lie.
_DEEPEST = {50: 10.0, 75: 25.0}
_LARGEST = 1e200  # beyond it no axis can be drawn
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class ScoreAxis:
    """The part of the scores that is drawn.

    Attributes:
        low: lower end; scores below it are drawn at it.
        best: the best score.
        high: upper end, at or above the best score.
        cut: whether scores lie below the lower end.
        empty: whether there is no score at all; nothing is then written beside the axis.
    """

    low: float
    best: float
    high: float
    cut: bool
    empty: bool = False

    def share(self, scores: Float[np.ndarray, " scores"]) -> Float[np.ndarray, " scores"]:
        """Where scores stand between the ends, from 0 to 1; NaN stays NaN."""
        return np.clip((scores - self.low) / (self.high - self.low), 0, 1)

    def shade(self, scores: Float[np.ndarray, " scores"]) -> Int[np.ndarray, " scores"]:
        """Which of the `SHADES` scores have, from 0 at the lower end to the best; NaN has 0."""
        span = self.best - self.low
        share = (scores - self.low) / span if span > 0 else np.ones(len(scores))
        return np.clip(np.nan_to_num(share) * len(SHADES), 0, len(SHADES) - 1).astype(int)

    def ticks(self, count: int = 6) -> list[tuple[float, str]]:
        """Round scores on the axis with their texts; a cut is said at the lower end."""
        if self.empty:
            return []
        room = (self.high - self.low) / (2 * count)
        found = MaxNLocator(nbins=count, steps=_STEPS).tick_values(self.low, self.high)
        least = self.low + room if self.cut else self.low
        marks = [(float(mark), tick(round(mark, 12))) for mark in found if least <= mark <= self.high]
        return [(self.low, f"≤ {tick(float(f'{self.low:.3g}'))}"), *marks] if self.cut else marks


def score_axis(scores: Float[np.ndarray, " scores"], reach: Sequence[float] = ()) -> ScoreAxis:
    """The axis of some mean scores, higher is better.

    From the worst score to the best; where the worst lies more than ten times as far below the best as the
    median does (or 25 times as far as the upper quarter), the axis ends there, and what is worse is drawn
    at its end.

    Args:
        scores: mean scores; NaN is left out.
        reach: further numbers to show above the best, as upper ends of intervals; up to a third of the axis.

    Returns:
        The axis; from 0 to 1 where there is no score.

    Example:
        >>> axis = score_axis(np.array([0.9, 0.8, 0.85, -40.0]))
        >>> round(axis.low, 3), axis.high, axis.cut
        (0.15, 0.9, True)
    """
    known = np.clip(scores[np.isfinite(scores)], -_LARGEST, _LARGEST)
    if not len(known):
        return ScoreAxis(0.0, 1.0, 1.0, False, empty=True)
    best, low = float(known.max()), float(known.min())
    reaches = [times * (best - float(np.percentile(known, part))) for part, times in _DEEPEST.items()]
    deepest = best - min((far for far in reaches if far > 0), default=best - low)
    cut = low < deepest < best
    low = deepest if cut else low
    if low == best:
        low, high = best - 0.05 * (abs(best) or 1.0), best + 0.05 * (abs(best) or 1.0)
        return ScoreAxis(low, best, high, cut)
    above = [amount for amount in reach if np.isfinite(amount)]
    return ScoreAxis(low, best, max(best, min(max(above, default=best), best + (best - low) / 2)), cut)
