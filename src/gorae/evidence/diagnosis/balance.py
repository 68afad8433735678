"""Classes that are rare and therefore missed."""

import numpy as np

from gorae.evidence.diagnosis.seen import ClassAnswers
from gorae.evidence.diagnosis.verdict import Look, Verdict
from gorae.evidence.proportion import wilson

__all__ = ["judge_balance"]

IMBALANCED = 5.0
"""Rows of the largest class for one of the rare: below, the share of a class hardly moves a boundary
(Japkowicz and Stephen 2002 see little effect at milder imbalance, even where classes overlap)."""

FEWEST_ROWS = 10
"""Rows of the rare class to be scored: with 10, the interval of its recall is 0.5 wide."""

LACKING = 0.2
"""How far the recall of the rare class lies below that of the largest, their intervals apart."""

TO_LARGER = 0.5
"""Share of its missed rows that go to classes of at least twice its size, for the imbalance to be why."""


def judge_balance(answers: ClassAnswers) -> Look:
    """Look for a rare class whose rows are given to larger ones.

    Said of a class of which there is at most a fifth of the rows of the largest class, where the upper bound
    of its recall lies below the lower bound of the largest class's recall by 0.2 or more (Wilson's 95 %
    intervals), and most of the missed rows were taken for a class of at least twice its size.

    Args:
        answers: What the classifier answered for rows it did not learn from.

    Returns:
        What was seen; the class that lacks most is told.

    Example:
        >>> seen = ClassAnswers(("no", "yes"), np.array([980, 20]), np.array([[490, 0], [20, 5]]))
        >>> judge_balance(seen).verdicts[0].figure
        0.2

    References:
        Japkowicz, Stephen (2002), "The class imbalance problem: a systematic study".
    """
    learned, counts = np.asarray(answers.learned), np.asarray(answers.counts)
    largest = int(np.argmax(learned))
    rare = np.flatnonzero(IMBALANCED * learned <= learned[largest])
    scored = counts.sum(axis=1)
    at = f"the recall of {len(learned)} classes"
    if not len(rare):
        return Look(at)
    judged = rare[scored[rare] >= FEWEST_ROWS]
    too_few = f"class imbalance: a rare class has fewer than {FEWEST_ROWS} rows to be scored"
    if not len(judged) or scored[largest] < FEWEST_ROWS:
        return Look(missing=too_few)
    low, high = wilson(np.diag(counts), scored)
    lacking = low[largest] - high
    missed = counts - np.diag(np.diag(counts))
    to_larger = np.array([missed[c, learned >= 2 * learned[c]].sum() for c in range(len(learned))])
    blamed = to_larger > TO_LARGER * np.maximum(missed.sum(axis=1), 1)
    ill = [int(c) for c in judged if lacking[c] >= LACKING and blamed[c]]
    missing = too_few if len(judged) < len(rare) else ""
    if not ill:
        return Look(at, missing=missing)
    worst = max(ill, key=lambda c: lacking[c])
    around = f"{100 * low[worst]:.0f} to {100 * high[worst]:.0f} %"
    return Look(at, (_verdict(answers, worst, largest, around),), missing)


def _verdict(answers: ClassAnswers, rare: int, largest: int, around: str) -> Verdict:
    """Return the verdict on a class that is rare and missed."""
    counts, learned = answers.counts, answers.learned
    recall, common = (float(counts[c, c] / counts[c].sum()) for c in (rare, largest))
    times = learned[largest] / max(learned[rare], 1)
    advice = "more rows of that class, or the probabilities with a threshold of your own."
    return Verdict(
        "class imbalance",
        recall,
        f"Of class {answers.labels[rare]}, {times:.0f} times rarer than {answers.labels[largest]}, "
        f"{100 * recall:.0f} % of {counts[rare].sum()} rows are found (95 % interval {around}) "
        f"and {100 * common:.0f} % of the other; most of those missed go to "
        f"larger classes. Intervals that lie {100 * LACKING:.0f} points apart or more are told.",
        advice if answers.weighted else "class_weight='balanced'.",
    )
