"""Overfitting, underfitting and nothing to learn: scores on rows learned from against those on others."""

from gorae.evidence.diagnosis.seen import Curves, Scores
from gorae.evidence.diagnosis.verdict import Look, Verdict
from gorae.evidence.intervals import Interval
from gorae.evidence.metrics import oriented, perfect_score

__all__ = ["judge_fit"]

NARROW = 0.2
"""How far above chance, in shares of the way to a perfect score, the interval of a model may reach that is
said to have found nothing: a wider one may hide something. Two classes alike then need about 100 rows."""


def judge_fit(scores: Scores, curves: Curves | None = None, *, explained: bool = False) -> Look:
    """Look for overfitting, underfitting, and data that hold nothing to learn.

    What `gorae.evidence.gap_verdict` says stands, with three cautions. *Overfits* needs a gap whose interval
    lies above 0. *Nothing to learn* takes the place of
    over- and underfitting where no model, neither this one nor the best other one, is better than chance: the
    interval of each begins at or below chance and ends within a fifth of the way from there to perfection.
    *Underfits* is not said where something else that was found explains it.

    Args:
        scores: Training and other rows compared.
        curves: How it was trained, if it is a network; decides the advice.
        explained: Whether something else that was found explains a poor score.

    Returns:
        What was seen.

    Example:
        >>> from gorae.evidence import gap_verdict
        >>> sizes = {"test_sizes": 100, "train_sizes": 200}
        >>> gap = gap_verdict([1.0, 1.0, 1.0], [0.70, 0.68, 0.72], reference=0.5, **sizes)
        >>> found = Scores("accuracy", "300 rows", gap, 0.5, Interval(0.7, 0.66, 0.74, 0.95, "Wilson"))
        >>> judge_fit(found).verdicts[0].illness
        'overfits'
    """
    at = f"training against {scores.where}"
    if _is_nothing(scores, scores.validation) and (scores.rival is None or _is_nothing(scores, scores.rival)):
        return Look(f"the score on {scores.where}", () if explained else (_nothing(scores),))
    gap = scores.gap
    if gap is None:
        return Look(f"the score on {scores.where}", missing=scores.no_gap)
    if gap.verdict == "cannot be judged":
        return Look(missing=f"over- and underfitting: {_lowered(gap.reason)}")
    if gap.verdict == "overfits" and gap.low <= 0:
        return Look(missing=f"overfitting: the gap is within the noise of {scores.where}")
    if gap.verdict == "overfits":
        told = f"{gap.reason} The gap's 95 % interval is {gap.low:.3g} to {gap.high:.3g}."
        return Look(at, (Verdict("overfits", abs(gap.train - gap.validation), told, _regularised(curves)),))
    if gap.verdict == "underfits" and not explained:
        behind = scores.rival is not None and "another model" in gap.reason
        told = gap.reason.replace("another model", scores.rival_name) if behind else gap.reason
        return Look(at, (Verdict("underfits", gap.train, told, _enlarged(curves)),))
    return Look(at)


def _regularised(curves: Curves | None) -> str:
    """Return the advice against overfitting."""
    if curves is None:
        return "a simpler model, or more rows."
    return "a ten times larger weight_decay." if curves.early_stopping else "early_stopping=True."


def _enlarged(curves: Curves | None) -> str:
    """Return the advice against underfitting."""
    if curves is None or len(curves.layers) == 1:
        return "a model with more freedom, such as MLPClassifier or MLPRegressor with hidden=(128,)."
    return "wider hidden layers; where the training loss still falls at its end, more epochs."


def _is_nothing(scores: Scores, found: Interval) -> bool:
    """Return whether an interval holds chance, or lies below it, and is too narrow to hide much above."""
    chance, whole = (
        oriented(scores.metric, scores.chance),
        oriented(scores.metric, perfect_score(scores.metric)),
    )
    low, high = sorted(oriented(scores.metric, bound) for bound in (found.low, found.high))
    return low <= chance and high <= chance + NARROW * (whole - chance)


def _nothing(scores: Scores) -> Verdict:
    """Return the verdict on data that hold nothing to learn."""
    found = scores.validation
    training = "" if scores.gap is None else f", whatever training reached ({scores.gap.train:.3g})"
    rival = scores.rival
    other = "" if rival is None else f" Nor is {scores.rival_name} ({rival.score:.3g})."
    return Verdict(
        "nothing to learn",
        found.score,
        f"On {scores.where} the {scores.metric} is {found.score:.3g} (95 % interval {found.low:.3g} to "
        f"{found.high:.3g}), no better than one answer for all ({scores.chance:.3g}){training}.{other}",
        "check that each row has its own label (a shuffled or shifted column?), then find better columns.",
    )


def _lowered(text: str) -> str:
    """Return a sentence as it continues another one, without its full stop."""
    return (text[:1].lower() + text[1:]).rstrip(".")
