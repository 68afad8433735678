"""Which labels look wrong: models that have not seen a row, and confident learning.

Few rows are judged by least squares with a kernel, many by networks in folds, as one population, beside the
row's neighbours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

from gorae.backend import memory_budget, select_devices
from gorae.data import make_folds
from gorae.errors import DataError
from gorae.estimators.mlp import MLPClassifier
from gorae.estimators.training_rows import label_codes
from gorae.evidence import LabelAudit, audit_labels, nearest, neighbour_shares
from gorae.evidence.proportion import wilson_bounds
from gorae.models.kernel import kernel_answers
from gorae.train import Progress
from gorae.trust.gathering import gather

NONE = -1
"""The number of a neighbour that there is none of."""

_CHANCE = 2.33
_ROUNDS = 50
_EPOCHS, _STEPS = 15, 120
_KERNEL_ROWS, _KERNEL_CELLS = 4_000, 50_000_000
"""Rows, and numbers in them, up to which a kernel takes seconds."""

_SQUARES = 4
"""Matrices of a number for each two rows that it holds at once."""


@dataclass(frozen=True)
class RowAudit:
    """What twins in folds say about the label of each row.

    Attributes:
        labels: (rows,) class codes as they were given.
        found: the audit of the labels: probability that each is wrong, suggestions, joint, order.
        probabilities: (rows, classes) out of fold, averaged over repeats.
        low: the lower bound of the share of wrong labels, 95 %.
        high: the upper bound.
        nearest_own: (rows,) the nearest other row of the given class, or -1; only where another class is
            suggested.
        own_distance: (rows,) its distance, NaN where there is none.
        nearest_suggested: (rows,) the nearest row of the suggested class, or -1.
        suggested_distance: (rows,) its distance, NaN where there is none.
    """

    labels: Int[np.ndarray, " rows"]
    found: LabelAudit
    probabilities: Float[np.ndarray, "rows classes"]
    low: float
    high: float
    nearest_own: Int[np.ndarray, " rows"]
    own_distance: Float[np.ndarray, " rows"]
    nearest_suggested: Int[np.ndarray, " rows"]
    suggested_distance: Float[np.ndarray, " rows"]

    @property
    def agreement(self) -> float:
        """The share of the labels that are predicted out of fold."""
        return float(np.mean(self.probabilities.argmax(axis=1) == self.labels))

    @property
    def wrong_rows(self) -> Int[np.ndarray, " wrong"]:
        """The rows whose label is more probably wrong than right, the most suspicious first."""
        changed = (self.found.wrong > 0.5) & (self.found.suggested != self.labels)
        return self.found.order[changed[self.found.order]]


def default_auditor(rows: int, seed: int) -> MLPClassifier:
    """Return the network that labels are audited with.

    It trains for 15 epochs only: a network that trains on learns the wrong labels by heart, and then believes
    them. Where rows are few it is as many epochs as make 120 steps; with fewer it would not learn at all.

    Args:
        rows: how many there are.
        seed: of the weights.

    Example:
        >>> default_auditor(100, 0).epochs, default_auditor(10_000, 0).epochs
        (120, 15)
    """
    network = MLPClassifier((128, 128), learning_rate=3e-3, schedule="one_cycle", random_state=seed)
    steps = -(-rows // network.batch_size)
    return network.set_params(epochs=max(_EPOCHS, -(-_STEPS // steps)))


def judged_by_kernel(shape: tuple[int, ...], estimator: Any, sample_weight: np.ndarray | None) -> bool:
    """Return whether rows are judged by least squares with a kernel, which takes the cube of their number.

    Args:
        shape: rows and columns.
        estimator: what was given to judge them by, or None.
        sample_weight: their weights, or None.

    Example:
        >>> judged_by_kernel((4_000, 784), None, None), judged_by_kernel((4_001, 784), None, None)
        (True, False)
    """
    rows, columns = shape
    bytes_needed = 8 * rows * (_SQUARES * rows + columns)
    fits = rows * columns <= _KERNEL_CELLS and 2 * bytes_needed <= memory_budget(select_devices("cpu")[0])
    return estimator is None and sample_weight is None and rows <= _KERNEL_ROWS and fits


def audit_rows(
    X: Any,
    labels: Int[np.ndarray, " rows"],
    space: Float[np.ndarray, "rows width"],
    *,
    estimator: Any = None,
    cv: int = 5,
    repeats: int = 3,
    seed: int = 0,
    sample_weight: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> RowAudit:
    r"""Find labels that look wrong.

    A classifier is fitted in folds, cut anew in each repeat. What it says of each row that it has not seen,
    averaged over the repeats, is audited by confident learning.

    Unless a classifier is given, up to 4,000 rows without weights, of up to 50 million numbers, are judged by
    least squares with a Gaussian kernel in `space`, whose folds all follow from one decomposition
    (`gorae.models.kernel`). More are judged by networks, trained as one population, beside neighbours: by the
    mixture $(1 - w) p + w q$ of the networks' probabilities $p$ and of the shares $q$ of the classes among a
    row's 15 nearest other rows, with the weight $w$ that makes the labels most probable. Networks are sure of
    some hard rows and wrong, which puts these above every wrong label; neighbours are seldom sure, and err on
    other rows.

    Args:
        X: (rows, columns) numbers, none missing; the kernel reads `space` only.
        labels: (rows,) class codes from 0; each class has at least two rows.
        space: (rows, width) in which rows are near or not. Scaled columns serve better than the
            features of a network: a network that has learned a wrong label brings its row near to that class.
        estimator: an unfitted classifier; None for the kernel, or `default_auditor` and neighbours.
        cv: folds.
        repeats: how often the rows are cut into folds anew.
        seed: decides the folds, the default classifier's weights, and which rows a kernel is chosen on.
        sample_weight: (rows,) or None.
        groups: (rows,) or None; rows of a group are never on both sides of a fold.
        progress: told about ten times a second while networks train.

    Returns:
        The audit, in the numbers of these rows.

    Raises:
        GoraeError: if the classifier cannot be fitted.
        DataError: if the classifier predicts the labels no better than chance: then none can be judged.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> given = y.copy()
        >>> given[7] = 2
        >>> found = audit_rows(X, given, X, repeats=1)
        >>> found.found.order[0].item(), found.found.suggested[7].item()
        (7, 0)

    References:
        Northcutt, Jiang, Chuang (2021), "Confident learning: estimating uncertainty in dataset labels".
        The weight of a mixture on rows not learned from: Smyth, Wolpert (1999), "Linearly combining density
        estimators via stacking".
    """
    if judged_by_kernel(np.shape(space), estimator, sample_weight):
        classes, codes = label_codes(labels)
        folds = make_folds(codes, folds=cv, repeats=repeats, stratify=True, groups=groups, seed=seed)
        stated = kernel_answers(space, codes, len(classes), folds, groups=groups, seed=seed)
        return audit_answers(stated, codes, space, neighbours=False)
    gathered = gather(
        default_auditor(len(labels), seed) if estimator is None else estimator,
        X,
        labels,
        cv=cv,
        repeats=repeats,
        detectors=(),
        leave_out=False,
        sample_weight=sample_weight,
        groups=groups,
        seed=seed,
        progress=progress,
    )
    return audit_answers(
        gathered.probabilities,
        gathered.codes,
        space,
        neighbours=estimator is None,
        groups=groups,
        seed=seed,
    )


def audit_answers(
    stated: Float[np.ndarray, "rows classes"],
    labels: Int[np.ndarray, " rows"],
    space: Float[np.ndarray, "rows width"],
    *,
    neighbours: bool = True,
    groups: np.ndarray | None = None,
    seed: int = 0,
) -> RowAudit:
    """Find labels that look wrong, from what was said of each row by models that have not seen it.

    Args:
        stated: probabilities out of fold.
        labels: class codes from 0.
        space: in which rows are near or not.
        neighbours: whether the nearest rows have a say too, as `audit_rows` tells.
        groups: (rows,) or None; rows of a row's own group have no say.
        seed: decides which rows are asked as neighbours, of many.

    Raises:
        DataError: if the labels are predicted no better than chance.
    """
    points = np.asarray(space, np.float32)
    if neighbours:
        shares = neighbour_shares(points, labels, stated.shape[1], groups=groups, seed=seed)
        weight = mixture_weight(stated, shares, labels)
        stated = (1 - weight) * stated + weight * shares
    _check_learned(stated, labels)
    found = audit_labels(stated, labels)
    low, high = noise_interval(found, labels)
    changed = np.flatnonzero(found.suggested != labels)
    return RowAudit(
        labels,
        found,
        stated,
        low,
        high,
        *_nearest_of(points, labels, changed, labels[changed]),
        *_nearest_of(points, labels, changed, found.suggested[changed]),
    )


def mixture_weight(
    one: Float[np.ndarray, "rows classes"],
    other: Float[np.ndarray, "rows classes"],
    labels: Int[np.ndarray, " rows"],
) -> float:
    r"""Return the weight of the other in a mixture of two, by maximum likelihood.

    The mean of $\log((1 - w) p_y + w q_y)$ is concave in $w$; it is climbed by expectation and maximisation:
    $w$ becomes the mean share of $w q_y$ in the sum.

    Args:
        one: probabilities $p$ of rows not learned from.
        other: further ones, $q$.
        labels: (rows,) class codes.

    Example:
        >>> sure, unsure = np.array([[0.9, 0.1]] * 4), np.full((4, 2), 0.5)
        >>> round(mixture_weight(sure, unsure, np.array([0, 0, 0, 0])), 3)
        0.0
    """
    rows = np.arange(len(labels))
    first, second = one[rows, labels], other[rows, labels]
    weight = 0.5
    for _ in range(_ROUNDS):
        both = (1 - weight) * first + weight * second
        weight = float(
            np.mean(np.divide(weight * second, both, out=np.full_like(both, weight), where=both > 0))
        )
    return weight


def noise_interval(found: LabelAudit, labels: Int[np.ndarray, " rows"]) -> tuple[float, float]:
    r"""Return a 95 % interval of the share of wrong labels, for the chance of which rows there are.

    The share is a mean over the classes, $q = \sum_i w_i q_i$ with $w_i$ of the rows labelled i. It varies by
    $\sum_i w_i^2 q_i (1 - q_i) / n_i$, as much as one share of $n' = q (1 - q)$ over that rows does; the
    bounds are Wilson's for $q$ of $n'$. How far the model takes its own errors for wrong labels is not in it.

    Args:
        found: the audit.
        labels: (rows,) the labels audited.

    Example:
        >>> stated = [[0.9, 0.1]] * 9 + [[0.1, 0.9]] * 9
        >>> labels = np.array([0] * 8 + [1] * 10)
        >>> low, high = noise_interval(audit_labels(stated, labels), labels)
        >>> 0 < low < 1 / 18 < high < 0.3
        True
    """
    counts = np.bincount(labels, minlength=len(found.joint))
    weight = counts / counts.sum()
    wrong = 1 - np.divide(np.diag(found.joint), weight, out=np.ones(len(weight)), where=weight > 0)
    wrong = np.clip(wrong, 0.0, 1.0)
    share = float(np.clip(found.noise, 0.0, 1.0))
    varied = float((weight**2 * wrong * (1 - wrong) / np.maximum(counts, 1)).sum())
    rows = share * (1 - share) / varied if varied > 0 else float(counts.sum())
    low, high = wilson_bounds(share, rows, float(ndtri(0.975)))
    return float(low), float(high)


def _check_learned(probabilities: np.ndarray, codes: np.ndarray) -> None:
    """Refuse labels that are predicted no better than chance.

    By chance, answers drawn as often as they were given agree with the labels in the share `expected`.
    """
    said = probabilities.argmax(axis=1)
    rows, classes = probabilities.shape
    right = float(np.mean(said == codes))
    shares = [np.bincount(part, minlength=classes) / rows for part in (said, codes)]
    expected = float(shares[0] @ shares[1])
    if right - expected > _CHANCE * np.sqrt(expected * (1 - expected) / rows):
        return
    raise DataError(
        f"the labels cannot be judged: out of fold {100 * right:.1f} % are predicted, and chance alone gives "
        f"{100 * expected:.1f} %; either nearly all labels are wrong, or these columns say nothing of them."
    )


def _nearest_of(
    points: np.ndarray, codes: np.ndarray, asked: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row the nearest other row of a class, and its distance; of rows not asked, none."""
    numbers, distances = np.full(len(codes), NONE), np.full(len(codes), np.nan)
    for code in np.unique(classes):
        rows, members = asked[classes == code], np.flatnonzero(codes == code)
        wanted = min(2, len(members))  # the row itself is the nearest of its own class
        places, away = nearest(points[members], points[rows], wanted)
        found = members[places]
        other = (found != rows[:, None]).argmax(axis=1)
        there = (found != rows[:, None]).any(axis=1)
        every = np.arange(len(rows))
        numbers[rows] = np.where(there, found[every, other], NONE)
        distances[rows] = np.where(there, away[every, other], np.nan)
    return numbers, distances
