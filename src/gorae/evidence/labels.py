"""Which labels may be wrong: confident learning on out-of-fold probabilities.

Letters of shapes: ``rows``; ``classes``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from gorae.errors import InputError
from gorae.evidence.checks import check_same_length, class_codes, probability_rows

__all__ = ["LabelAudit", "audit_labels"]


_STEPS = 10
"""Of expectation and maximisation; 3 and 30 rank about as well."""


@dataclass(frozen=True)
class LabelAudit:
    """What out-of-fold probabilities say about labels.

    Attributes:
        wrong: (rows,) probability that the label is wrong.
        suggested: (rows,) the most probable true class, given row and label.
        joint: (classes, classes) estimated share of rows that are labelled i and truly j; sums to 1.
        noise: estimated share of rows whose label is wrong.
        order: (rows,) row numbers, the most suspicious labels first: see `audit_labels`.
    """

    wrong: Float[np.ndarray, " rows"]
    suggested: Int[np.ndarray, " rows"]
    joint: Float[np.ndarray, "classes classes"]
    noise: float
    order: Int[np.ndarray, " rows"]

    def suspects(self) -> Int[np.ndarray, " suspects"]:
        """Return as many rows as there should be wrong labels, the most suspicious first."""
        return self.order[: round(self.noise * len(self.order))]


def audit_labels(probabilities: Any, labels: Any) -> LabelAudit:
    r"""Estimate how labels are mistaken for one another, and which of them are wrong.

    A row is confidently of class j if $p_j(x)$ is at least its mean over the rows labelled j; of several such
    classes it is of the most probable. Counting these by label gives, after each label's counts are scaled to
    its rows, the joint share $Q_{ij}$ of rows labelled i and truly j, and $T_{ij} = Q_{ij} / \sum_i Q_{ij}$,
    how often a row of class j gets label i.

    A model that has learned from the labels states the label's probability, $p = T c$, where $c_j(x)$ is that
    of the true class. With $c = T^{-1} p$, brought to a distribution, the true class given row and label is

    $$P(j \mid x, i) = T_{ij} \, c_j(x) / \sum_k T_{ik} \, c_k(x),$$

    and the label is wrong with probability $1 - P(i \mid x, i)$. That is sharp near 0 and 1 and rough in
    between: models learn some of the wrong labels too, and then say less against them.

    Rows are ranked by the same probability of a more careful kind, as most of T stands on few rows, and its
    inverse on fewer: T is averaged with that of as many mistakes spread evenly, and c is what ten steps of
    expectation and maximisation make of $c = p$, by which no class is lost.

    Args:
        probabilities: (rows, classes) out of fold: no row by a model that has learned from it.
        labels: (rows,) codes as they were given, some perhaps wrong.

    Returns:
        The audit.

    Raises:
        InputError: If lengths differ, a row is no distribution, or there are fewer than two different labels.

    Example:
        >>> stated = [[0.9, 0.1]] * 9 + [[0.1, 0.9]] * 9
        >>> found = audit_labels(stated, [0] * 8 + [1] * 10)  # row 8 looks like a 0
        >>> found.order[0].item(), found.suggested[8].item(), round(found.noise, 4)
        (8, 0, 0.0556)

    References:
        Northcutt, Jiang, Chuang (2021), "Confident learning: estimating uncertainty in dataset labels",
        equations 1 to 3 (the joint).
        Patrini, Rozza, Menon, Nock, Qu (2017), "Making deep neural networks robust to label noise", section 3
        (what a model that has learned from such labels states).
    """
    stated = probability_rows(probabilities)
    codes = class_codes("labels", labels, stated.shape[1])
    check_same_length(probabilities=stated, labels=codes)
    counts = np.bincount(codes, minlength=stated.shape[1])
    if np.count_nonzero(counts) < 2:
        raise InputError("labels hold one class only: nothing can be mistaken for another.")
    joint = _joint(stated, codes, counts)
    given = _given_truth(joint)
    clean = np.maximum(np.linalg.lstsq(given, stated.T)[0].T, 0.0)
    truly = given[codes] * clean
    lost = truly.sum(axis=1) <= 0  # neither the label nor what is mistaken for it has a chance by the model
    truly[lost] = clean[lost]
    truly /= truly.sum(axis=1, keepdims=True)
    rows = np.arange(len(codes))
    own = truly[rows, codes]
    return LabelAudit(
        wrong=1 - own,
        suggested=truly.argmax(axis=1),
        joint=joint,
        noise=float(1 - np.trace(joint)),
        # Of rows that are equally suspicious those come first whose label the model believes least.
        order=np.lexsort((stated[rows, codes], own, _carefully(stated, codes, given, 1 - np.trace(joint)))),
    )


def _carefully(stated: np.ndarray, codes: np.ndarray, given: np.ndarray, noise: float) -> np.ndarray:
    """Return how probably each label is right, with mistakes half as estimated and half spread evenly."""
    even = np.full_like(given, noise / (len(given) - 1))
    np.fill_diagonal(even, 1 - noise)
    given = (given + even) / 2
    clean = stated.copy()
    for _ in range(_STEPS):
        expected = clean @ given.T
        clean *= np.divide(stated, expected, out=np.zeros_like(stated), where=expected > 0) @ given
    truly = given[codes] * clean
    whole = truly.sum(axis=1)
    own = truly[np.arange(len(codes)), codes]
    return np.divide(own, whole, out=np.zeros_like(whole), where=whole > 0)


def _given_truth(joint: np.ndarray) -> np.ndarray:
    """Return how often each true class gets each label; a class that no row is of keeps its own."""
    totals = joint.sum(axis=0)
    given = np.divide(joint, totals, out=np.zeros_like(joint), where=totals > 0)
    empty = totals <= 0
    given[empty, empty] = 1.0
    return given


def _joint(stated: np.ndarray, codes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the estimated shares of rows by label and true class."""
    classes = stated.shape[1]
    sums = np.zeros((classes, classes))
    np.add.at(sums, codes, stated)
    own_mean = np.divide(np.diag(sums), counts, out=np.full(classes, np.inf), where=counts > 0)
    confident = np.where(stated >= own_mean - 1e-12, stated, -1.0)
    assigned = confident.argmax(axis=1)
    is_confident = confident.max(axis=1) >= 0
    found = np.zeros((classes, classes))
    np.add.at(found, (codes[is_confident], assigned[is_confident]), 1.0)
    empty = (found.sum(axis=1) == 0) & (counts > 0)  # of these labels nothing is known: as they are
    found[empty, empty] = 1.0
    scaled = found * (counts / np.maximum(found.sum(axis=1), 1.0))[:, None]
    return scaled / scaled.sum()
