"""A learning curve as it was measured, its law, and what it answers in words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from gorae.errors import ParameterError
from gorae.estimators.parameters import briefly, check_real
from gorae.evidence import LearningCurve
from gorae.trust.scoring import Scoring

__all__ = ["MeasuredCurve"]

_SMALL_SHARE, _SMALL = 0.05, 0.003
_UNLIKELY = 0.01
_FARTHEST = 4.0
_DRAWN, _DRAWN_BEYOND = 25, 17
_MOST_TIMES = 1000.0


@dataclass(frozen=True)
class MeasuredCurve:
    """Scores at several numbers of training rows, and the law through them.

    Attributes:
        metric: the name of the score.
        sizes: (sizes,) rows that were learned from, rising.
        train_scores: (sizes, fits) score of each fit on the rows it learned from.
        test_scores: (sizes, fits) score of each fit on its fold's held-out rows.
        band: (sizes, 3) mean score on held-out rows, with the ends of its 95 % interval.
        law: the power law through the errors.
        scoring: how scores and errors belong together.
        rows: how many there were in all.
        folds: of each cross-validation.
        repeats: of the cross-validation.
    """

    metric: str
    sizes: Int[np.ndarray, " sizes"]
    train_scores: Float[np.ndarray, "sizes fits"]
    test_scores: Float[np.ndarray, "sizes fits"]
    band: Float[np.ndarray, "sizes 3"]
    law: LearningCurve
    scoring: Scoring
    rows: int
    folds: int
    repeats: int

    @property
    def score(self) -> float:
        """The mean score at the largest size."""
        return float(self.band[-1, 0])

    def expected(self, times: float = 2.0) -> tuple[float, float, float]:
        """Return the score to expect from so many times the rows of the largest size, with its interval.

        Args:
            times: how many times the rows, from 1 on; far beyond the rows that there are the law is a guess.

        Raises:
            ParameterError: if `times` is below 1 or above 1000.
        """
        factor = check_real("times", times, 1.0, _MOST_TIMES)
        gain = np.array(self.law.gain(float(self.sizes[-1]), factor * float(self.sizes[-1])))
        error = np.asarray(self.scoring.error(self.score), np.float64)
        middle, low, high = np.asarray(self.scoring.score(np.maximum(error - gain, 0.0)), np.float64).tolist()
        return middle, min(low, high), max(low, high)

    def gain(self, times: float = 2.0) -> tuple[float, float, float]:
        """Return by how much so many times the rows of the largest size would improve the score.

        Args:
            times: how many times the rows, from 1 on.

        Returns:
            The gain, above 0 where the score gets better (a RMSE that falls), and the ends of its interval.

        Raises:
            ParameterError: if `times` is below 1 or above 1000.
        """
        sign = 1.0 if self.scoring.greater_is_better else -1.0
        middle, low, high = (sign * (value - self.score) for value in self.expected(times))
        return middle, min(low, high), max(low, high)

    def rows_for(self, score: float) -> tuple[float, float, float]:
        """Return how many rows to learn from bring a score, with the interval; infinite where none do.

        Args:
            score: the wanted score.

        Raises:
            ParameterError: if it is no finite number, or better than any score.
        """
        wanted = check_real("score", score, -np.inf, np.inf, open_low=True, open_high=True)
        error = float(self.scoring.error(wanted))
        if error < 0 or (self.metric == "rmse" and wanted < 0):
            raise ParameterError(f"score must be one that can be reached, got {briefly(score)}.")
        return self.law.rows_for(error)

    @property
    def verdict(self) -> str:
        """What twice the rows would do: "helps", "hardly" or "unclear"."""
        gain, low, high = self.gain(2.0)
        if high <= self._small:
            return "hardly"
        return "helps" if low > 0 and gain > self._small / 2 else "unclear"

    @property
    def sentence(self) -> str:
        """The answer in words."""
        rows, twice = int(self.sizes[-1]), 2 * int(self.sizes[-1])
        _, low, high = self.gain(2.0)
        now, ends = self._written(self.score), " to ".join(map(self._written, self.expected(2.0)[1:]))
        name = _NAMES.get(self.metric, self.metric)
        counted = f"({twice:,} instead of {rows:,} to learn from)"
        if self.verdict == "helps":
            return (
                f"Twice the rows {counted} would bring {name} from {now} to about "
                f"{self._written(self.expected(2.0)[0])} (95 % interval {ends})."
            )
        if self.verdict == "hardly":
            return (
                f"More rows of this kind would hardly help: twice as many {counted} would improve {name}, "
                f"now {now}, by at most {self._written(max(high, 0.0))} (95 % interval)."
            )
        return (
            f"Whether twice the rows {counted} would help is not clear: {name}, now {now}, would improve by "
            f"{self._written(max(low, 0.0))} to {self._written(high)} (95 % interval); more repeats may tell."
        )

    @property
    def notes(self) -> list[str]:
        """What limits the answer, in sentences."""
        told = []
        if self.law.fit_probability < _UNLIKELY:
            told.append(
                "The errors follow no power law well: what lies beyond the sizes tried is more uncertain "
                "than the interval says."
            )
        low, high = self.law.floor_interval
        error = float(self.scoring.error(self.score))
        if error > 0 and self.verdict != "hardly":
            if low > 0.2 * error:
                limit = self._written(float(self.scoring.score(low)))
                name = _NAMES.get(self.metric, self.metric)
                told.append(f"No number of such rows is expected to bring {name} beyond about {limit}.")
            elif high > 0.5 * error:
                told.append(
                    "These sizes do not tell whether errors vanish with enough rows or level off; beyond a "
                    "few times the rows the law says little."
                )
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as plain values: what JSON and a report hold."""
        train = self.train_scores
        floor_low, floor_high = self.law.floor_interval
        return {
            "metric": self.metric,
            "rows": self.rows,
            "folds": self.folds,
            "repeats": self.repeats,
            "sizes": self.sizes.tolist(),
            "scores": [dict(zip(("score", "low", "high"), row, strict=True)) for row in self.band.tolist()],
            "train_scores": [
                {"score": float(own.mean()), "low": float(own.min()), "high": float(own.max())}
                for own in train
            ],
            "law": {
                "floor": self.law.floor,
                "floor_low": floor_low,
                "floor_high": floor_high,
                "factor": self.law.factor,
                "exponent": self.law.exponent,
                "fit_probability": self.law.fit_probability,
            },
            "expected": self._drawn_law(),
            "gains": [
                {"times": times, **dict(zip(("gain", "low", "high"), self.gain(times), strict=True))}
                for times in (2.0, _FARTHEST)
            ],
            "verdict": self.verdict,
            "sentence": self.sentence,
            "notes": self.notes,
        }

    def _drawn_law(self) -> list[dict[str, float]]:
        """Return the law at the sizes measured and, from the last score on, what it expects of more rows."""
        first, last = float(self.sizes[0]), float(self.sizes[-1])
        inside = np.geomspace(first, last, _DRAWN)[:-1]
        drawn = np.asarray(self.scoring.score(self.law.at(inside)), np.float64)
        within = [(float(n), v[0], v[1:].min(), v[1:].max()) for n, v in zip(inside, drawn, strict=True)]
        beyond = [
            (last * times, *self.expected(times)) for times in np.geomspace(1.0, _FARTHEST, _DRAWN_BEYOND)
        ]
        return [
            dict(zip(("rows", "score", "low", "high"), map(float, row), strict=True))
            for row in (*within, *beyond)
        ]

    @property
    def _small(self) -> float:
        """The gain below which more rows hardly help."""
        share = _SMALL_SHARE * abs(self.scoring.error(self.score))
        if self.metric == "rmse":
            return _SMALL_SHARE * self.score
        return float(max(share, _SMALL) if self.scoring.is_share else share)

    def _written(self, value: float) -> str:
        """Return a score, or a gain, in digits that tell gains apart."""
        return f"{value:.3f}" if self.scoring.is_share else f"{value:.4g}"


_NAMES = {"r2": "R²", "rmse": "the RMSE", "log_loss": "the log-loss", "accuracy": "accuracy"}
