"""Does a model fit well, overfit or underfit?"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gorae.errors import InputError, ParameterError
from gorae.evidence.checks import check_choice, check_same_length, finite_vector
from gorae.evidence.intervals import Interval
from gorae.evidence.metrics import METRICS, oriented, perfect_score
from gorae.evidence.resampled import resampled_mean

__all__ = ["Gap", "gap_verdict"]


@dataclass(frozen=True)
class Gap:
    """The gap between training and validation scores, with a verdict.

    Attributes:
        train: Mean score on the rows the models were trained on.
        validation: Mean score on the rows they were not.
        low: Lower bound of how much better training is (positive: better, whatever the metric).
        high: Upper bound of it.
        verdict: "fits well", "overfits", "underfits" or "cannot be judged".
        reason: One sentence with the figures that decided.
    """

    train: float
    validation: float
    low: float
    high: float
    verdict: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return asdict(self)


def gap_verdict(
    train_scores: Any,
    validation_scores: Any,
    *,
    test_sizes: Any,
    train_sizes: Any,
    reference: float,
    metric: str = "accuracy",
    best_known: Interval | None = None,
    matters: float = 0.1,
    level: float = 0.95,
) -> Gap:
    """Say in words what the gap between training and validation scores of the same folds means.

    Scores are oriented so that more is better. What a model learned is its training score minus the
    reference. The rules, first one first:

    1. *underfits*, another model does better: the training score, optimistic as it is, lies below the lower
       bound of the best validation score known, by more than ``matters`` of what that model has over chance.
    2. *underfits*, next to nothing learned: training and validation scores have both gone less than
       ``matters`` of the way from the reference to a perfect score, unless a best known score shows that no
       other model gets further and the validation scores lie above the reference by more than their noise.
    3. *overfits*: the corrected interval of (training - validation) lies above 0, **and** validation loses
       more than ``matters`` of what was learned in training. Both: a small gap of many folds is no harm, and
       a large one of few noisy folds is not shown.
    4. *overfits*: on new rows it does no better than chance, though training went further than that.
    5. *cannot be judged*: the gap is within the noise of the folds, but so is the distance to chance.
    6. *fits well* otherwise.

    Args:
        train_scores: (folds,) score of each fold's model on its own training rows.
        validation_scores: (folds,) its score on the rows it was not trained on.
        test_sizes: (folds,) number of those rows, or one number for all.
        train_sizes: (folds,) rows each was trained on, or one number for all.
        reference: Score of chance: of the most frequent class, or of the mean.
        metric: One of METRICS.
        best_known: Best validation score of any model on the ladder, with its interval.
        matters: Share of what was learned that a gap must exceed to matter.
        level: Of the interval of the gap.

    Returns:
        The gap with its verdict.

    Raises:
        InputError: If there are fewer than 2 folds, lengths differ or a value is not finite.
        ParameterError: If the metric is unknown, the level or ``matters`` not between 0 and 1.

    Example:
        >>> sizes = {"test_sizes": 100, "train_sizes": 200}
        >>> found = gap_verdict([1.0, 1.0, 1.0], [0.70, 0.68, 0.72], reference=0.5, **sizes)
        >>> found.verdict, found.reason[:75]
        ('overfits', 'Training scores 1, validation 0.7: 60 % of what training learned beyond cha')
    """
    check_choice("metric", metric, METRICS)
    if not 0 < matters < 1:
        raise ParameterError(f"matters must lie between 0 and 1, for example 0.1, but it is {matters!r}.")
    if not np.isfinite(reference):
        raise InputError(f"reference must be the finite score of chance, but it is {reference!r}.")
    train = finite_vector("train_scores", train_scores, at_least=2)
    validation = finite_vector("validation_scores", validation_scores, at_least=2)
    check_same_length(train_scores=train, validation_scores=validation)
    sizes = {"test_sizes": test_sizes, "train_sizes": train_sizes, "level": level}
    chance = oriented(metric, reference)
    if chance >= oriented(metric, perfect_score(metric)):
        raise InputError(
            f"reference must leave something to learn, but a {metric} of {reference} is perfect already: "
            "are all targets the same?"
        )
    up_train, up_validation = oriented(metric, train), oriented(metric, validation)
    scored = resampled_mean(up_validation, **sizes)
    gap = resampled_mean(up_train - up_validation, **sizes)
    seen = _Seen(
        metric=metric,
        train=scored.mean + gap.mean,
        validation=scored.mean,
        gap_low=gap.low,
        chance=chance,
        above_chance=scored.low > chance,
        matters=matters,
    )
    verdict, reason = (
        _overtaken(seen, best_known) or _idle(seen, best_known) or _loses(seen) or _lost(seen) or _well(seen)
    )
    told = f"Training scores {_told(seen, seen.train)}, validation {_told(seen, seen.validation)}: {reason}"
    mean_train, mean_validation = oriented(metric, seen.train), oriented(metric, seen.validation)
    return Gap(mean_train, mean_validation, gap.low, gap.high, verdict, told)


@dataclass(frozen=True)
class _Seen:
    """What the rules look at; all scores are oriented so that more is better."""

    metric: str
    train: float
    validation: float
    gap_low: float
    chance: float
    above_chance: bool
    matters: float

    @property
    def learned(self) -> float:
        """How far above chance training has come."""
        return self.train - self.chance


def _overtaken(seen: _Seen, best: Interval | None) -> tuple[str, str] | None:
    """Rule 1: another model does better on new rows than this one on its own."""
    if best is None:
        return None
    score = oriented(seen.metric, best.score)
    worst = min(oriented(seen.metric, best.low), oriented(seen.metric, best.high))
    if seen.train >= worst or score - seen.train <= seen.matters * (score - seen.chance):
        return None
    return "underfits", (
        "even on its own training rows it stays behind what another model reaches on new rows "
        f"({_told(seen, score)}, at worst {_told(seen, worst)})."
    )


def _idle(seen: _Seen, best: Interval | None) -> tuple[str, str] | None:
    """Rule 2: next to nothing was learned, and nothing says that there is no more to learn."""
    way = oriented(seen.metric, perfect_score(seen.metric)) - seen.chance
    went = max(seen.train, seen.validation) - seen.chance
    if went >= seen.matters * way or (best is not None and seen.above_chance):
        return None
    return "underfits", (
        f"it learned next to nothing beyond chance ({_told(seen, seen.chance)}): too small a model, too "
        "short a training, or nothing to learn in these columns."
    )


def _loses(seen: _Seen) -> tuple[str, str] | None:
    """Rule 3: the gap exceeds both the noise and the size that matters."""
    lost = seen.train - seen.validation
    if seen.gap_low <= 0 or seen.learned <= 0 or lost <= seen.matters * seen.learned:
        return None
    share = "all" if lost >= seen.learned else _percent(lost / seen.learned)
    return "overfits", (
        f"{share} of what training learned beyond chance ({_told(seen, seen.chance)}) is lost on new rows."
    )


def _lost(seen: _Seen) -> tuple[str, str] | None:
    """Rule 4: nothing is left on new rows, even where the folds are too few to show the gap."""
    if seen.validation > seen.chance:
        return None
    return "overfits", (
        f"on new rows it does no better than chance ({_told(seen, seen.chance)}); what training learned is "
        "of no use there."
    )


def _well(seen: _Seen) -> tuple[str, str]:
    """Rules 5 and 6: no illness is shown, and where chance is not excluded no health either."""
    if seen.gap_low <= 0 and not seen.above_chance:
        return "cannot be judged", (
            "the gap is within the noise of the folds, but so is the distance to chance "
            f"({_told(seen, seen.chance)}): more rows would tell."
        )
    if seen.gap_low <= 0:
        return "fits well", "the gap is within the noise of the folds."
    share = (seen.train - seen.validation) / seen.learned
    return "fits well", (
        f"the gap is beyond the noise of the folds, but only {_percent(share)} of what training learned "
        f"beyond chance ({_told(seen, seen.chance)})."
    )


def _told(seen: _Seen, score: float) -> str:
    return f"{oriented(seen.metric, score):.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
