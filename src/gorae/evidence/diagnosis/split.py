"""Scores of one model on the rows it learned from and on one set of others, as a diagnosis reads them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.errors import InputError
from gorae.evidence.diagnosis.seen import Scores
from gorae.evidence.gap import Gap, gap_verdict
from gorae.evidence.intervals import Interval, held_out_interval
from gorae.evidence.metrics import oriented, perfect_score, row_losses, score_of, target_variance

__all__ = ["split_scores"]

_FEWEST_ROWS = 50
"""Rows not learned from: parts of fewer would have no mean, and fewer parts no spread."""

_PARTS = 5, 10
"""The fewest and the most parts that rows are cut into: the spread of two would be chance."""

_PART_ROWS = 10
_MATTERS = 0.1
_SEED = 0


def split_scores(
    metric: str,
    learned: tuple[Any, Any],
    others: tuple[Any, Any],
    *,
    constant: Any,
    where: str,
    rivals: Mapping[str, Any] | None = None,
    no_gap: str = "",
) -> Scores:
    """Return the scores of a model that was fitted once, on rows it learned from and on others.

    The noise of the other rows' score is seen in five to ten random parts of them, of 10 rows at least; each
    part's loss is held against all rows' variance where the metric is R2. The gap to the training score has
    the interval of `gorae.evidence.gap_verdict` from these parts; "overfits" stands only where all of the
    interval is above a tenth of what training learned, and "underfits" only where the training score with its
    own noise lies below the rival's.

    Args:
        metric: "accuracy" or "r2".
        learned: What is true of the rows it learned from, and what it answers for them.
        others: The same of rows it did not learn from.
        constant: The answer that is best without looking at a row: the most frequent label, or the mean.
        where: Which the other rows are, in words.
        rivals: Answers of other models for the other rows, by name.
        no_gap: Why the training score says nothing, or "".

    Returns:
        The scores; without a gap, and with the reason, where there are fewer than 50 other rows, nothing is
        left to learn, or the gap may be a small one by chance.

    Raises:
        InputError: If there are fewer than two other rows, or lengths differ.

    Example:
        >>> truth = np.arange(100) % 2
        >>> found = split_scores("accuracy", (truth, truth), (truth, 0 * truth), constant=0, where="100 rows")
        >>> found.gap.verdict, found.chance, found.validation.score
        ('overfits', 0.5, 0.5)
    """
    truth, answers = (np.asarray(part) for part in others)
    if len(truth) < 2:
        raise InputError(
            f"at least two rows are needed that were not learned from, but there are {len(truth)}."
        )
    chance = _score(metric, truth, np.full(len(truth), constant))
    rival_name, rival = _best(metric, truth, rivals or {})
    perfect = oriented(metric, perfect_score(metric))
    if not no_gap and len(truth) < _FEWEST_ROWS:
        no_gap = f"over- and underfitting: {len(truth)} rows not learned from are fewer than {_FEWEST_ROWS}"
    if not no_gap and oriented(metric, chance) >= perfect:
        no_gap = "over- and underfitting: always answering the same is right already"
    gap = None if no_gap else _gap(metric, learned, truth, answers, chance, rival)
    if gap is not None:
        no_gap = _unsure(gap, metric, learned, chance, rival)
    return Scores(
        metric=metric,
        where=where,
        gap=None if no_gap else gap,
        chance=chance,
        validation=held_out_interval(metric, truth, answers),
        rival=rival,
        rival_name=rival_name,
        no_gap=no_gap,
    )


def _score(metric: str, truth: np.ndarray, answers: Any) -> float:
    """Return the score of answers."""
    return score_of(metric, row_losses(metric, truth, answers), truth if metric == "r2" else None)


def _best(metric: str, truth: np.ndarray, rivals: Mapping[str, Any]) -> tuple[str, Interval | None]:
    """Return the rival with the best score and its interval."""
    found = {name: held_out_interval(metric, truth, answers) for name, answers in rivals.items()}
    if not found:
        return "another model", None
    best = max(found, key=lambda name: oriented(metric, found[name].score))
    return best, found[best]


def _unsure(gap: Gap, metric: str, learned: tuple[Any, Any], chance: float, rival: Interval | None) -> str:
    """Return why a verdict on one split may be chance, or "": there are no folds to agree on it.

    All of the gap's interval must be a loss that matters; and where a rival does better, it must do better
    than training could be by chance.
    """
    up_train, up_chance = oriented(metric, gap.train), oriented(metric, chance)
    if gap.verdict == "overfits" and gap.low <= _MATTERS * (up_train - up_chance):
        return f"overfitting: the gap of {abs(gap.train - gap.validation):.2g} may be a small one by chance"
    if gap.verdict != "underfits" or rival is None:
        return ""
    training = held_out_interval(metric, *learned)
    if oriented(metric, training.high) >= oriented(metric, rival.low) and up_train >= up_chance + _MATTERS:
        return "underfitting: another model does better, but by so little that it may be chance"
    return ""


def _gap(
    metric: str,
    learned: tuple[Any, Any],
    truth: np.ndarray,
    answers: np.ndarray,
    chance: float,
    rival: Interval | None,
) -> Gap:
    """Return the verdict on training against the other rows, whose noise is seen in parts of them."""
    train_truth, train_answers = (np.asarray(part) for part in learned)
    losses = row_losses(metric, truth, answers)
    order = np.random.default_rng(_SEED).permutation(len(losses))
    count = int(np.clip(len(losses) // _PART_ROWS, *_PARTS))
    parts = [losses[places] for places in np.array_split(order, count)]
    variance = target_variance(truth, len(truth)) if metric == "r2" else 1.0
    scores = [1.0 - float(part.mean()) / variance for part in parts]
    return gap_verdict(
        np.full(count, _score(metric, train_truth, train_answers)),
        scores,
        test_sizes=[len(part) for part in parts],
        train_sizes=len(train_truth),
        reference=chance,
        metric=metric,
        best_known=rival,
        matters=_MATTERS,
    )
