"""What may tell a model the answer that it will not have later: leakage suspects.

Letters of shapes: ``rows``; ``width`` of the numbers that stand for one column.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import chi2, rankdata
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from gorae.errors import InputError
from gorae.evidence.checks import check_same_length, class_codes

__all__ = [
    "LEAK_SKILL",
    "Suspect",
    "leaking_columns",
    "looks_like_counter",
    "order_effect",
    "ordered_suspect",
]

LEAK_SKILL = 0.98
"""A column gives the target where its rule gets so much of what lies between chance and perfect."""

ORDER_AREA = 0.7
"""The order of rows matters where it tells a class with at least this area under the ROC curve.

Lesser areas are common and harmless: of many rows they are no chance, and yet tell little of any of them
(Hosmer, Lemeshow 2000, section 5.2.4)."""

_ORDER_CHANCE = 1e-3
_FOLDS = 5
_SCREENED = 2000
_SLACK = 0.05
_FEWEST = 20
_COUNTED = 0.95
_COUNTER_VALUES = 50


@dataclass(frozen=True)
class Suspect:
    """Something that a model may learn the answer from.

    Attributes:
        kind: "column", "identifier", "order" or "test".
        subject: what it is about: a column's name, or what the rows are ordered by.
        figure: how strong it is; what it measures is said by `sentence`.
        sentence: what was found.
        advice: one thing to do.
    """

    kind: str
    subject: str
    figure: float
    sentence: str
    advice: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return asdict(self)


def leaking_columns(
    columns: Mapping[str, Float[np.ndarray, "rows width"]], labels: Any, *, seed: int = 0
) -> tuple[Suspect, ...]:
    r"""Find single columns that give the target.

    A tree of at most two leaves a class (eight at least) learns the classes from one column; on rows that it
    has not seen it gets the mean recall $b$ over the $K$ classes, and the skill $(b - 1/K) / (1 - 1/K)$: 0 by
    chance, 1 where the column is the target. A suspect has a skill of at least 0.98. Most columns are passed
    over sooner: where a tree on 2,000 of its own training rows stays well below, no other rows do better.

    Args:
        columns: the numbers that stand for each column: one, or several of an encoded text; NaN where a value
            is missing.
        labels: (rows,) class codes.
        seed: of the folds.

    Returns:
        The suspects, the most telling first.

    Raises:
        InputError: If a column has another number of rows.

    Example:
        >>> labels = np.arange(60) % 2
        >>> noise = np.random.default_rng(0).normal(size=(60, 1))
        >>> found = leaking_columns({"paid back": labels[:, None] * 2.0, "age": noise}, labels)
        >>> [(one.subject, one.figure) for one in found]
        [('paid back', 1.0)]
    """
    codes = class_codes("labels", labels, int(np.max(labels, initial=0)) + 1)
    # A class of a row or two can be neither learned nor judged here.
    judged = np.flatnonzero(np.bincount(codes)[codes] >= 2)
    if len(judged) < _FEWEST or len(np.unique(codes[judged])) < 2:
        return ()
    codes = np.unique(codes[judged], return_inverse=True)[1]
    classes = int(codes.max()) + 1
    tree = DecisionTreeClassifier(max_leaf_nodes=max(8, 2 * classes), random_state=0)
    found = []
    for name, values in columns.items():
        check_same_length(**{"labels": labels, name: values})
        rows = _centred(np.asarray(values)[judged])
        if not _may_leak(tree, rows, codes):
            continue
        skill = _skill(codes, _out_of_fold(tree, rows, codes, seed))
        if skill >= LEAK_SKILL:
            found.append(_column_suspect(name, skill, classes))
    return tuple(sorted(found, key=lambda one: -one.figure))


def looks_like_counter(values: Any) -> bool:
    """Return whether a column of numbers looks like a running number of its rows.

    Its values are whole, another one in nearly every row (95 %, and more than 50), and rise from row to row
    or fill their range at least by half.

    Example:
        >>> looks_like_counter(np.arange(1000, 1100)), looks_like_counter(np.arange(100) ** 2 % 7)
        (True, False)
    """
    numbers = np.asarray(values, np.float64)
    known = numbers[np.isfinite(numbers)]
    distinct = np.unique(known)
    if len(distinct) <= _COUNTER_VALUES or len(distinct) < _COUNTED * len(numbers):
        return False
    if (known != np.floor(known)).any():
        return False
    rising = bool((np.diff(known) > 0).all() or (np.diff(known) < 0).all())
    return rising or float(distinct[-1] - distinct[0]) < 2 * len(distinct)


def order_effect(values: Any, labels: Any) -> tuple[float, float]:
    r"""Return how well an order of the rows tells the classes, and how probable as much is by chance.

    Args:
        values: (rows,) numbers that the rows are ordered by, such as a date; NaN where one is missing.
        labels: (rows,) class codes.

    Returns:
        The largest area under the ROC curve of one class against the rest, by the values or by minus the
        values, so at least 0.5; and the p-value of Kruskal's and Wallis's test, in which rows are ranked and
        the mean ranks of all classes compared.

    Raises:
        InputError: If the lengths differ.

    Example:
        >>> area, chance = order_effect(np.arange(40), np.repeat([0, 1], 20))
        >>> area, chance < 1e-6
        (1.0, True)

    References:
        Kruskal, Wallis (1952), "Use of ranks in one-criterion variance analysis".
    """
    numbers = np.asarray(values, np.float64)
    codes = class_codes("labels", labels, int(np.max(labels, initial=0)) + 1)
    if numbers.shape != codes.shape:
        raise InputError(f"one value a row is needed: {len(codes)} labels, values of shape {numbers.shape}.")
    known = np.isfinite(numbers)
    ranks, codes = rankdata(numbers[known]), np.unique(codes[known], return_inverse=True)[1]
    rows, counts = len(ranks), np.bincount(codes)
    if len(counts) < 2 or np.ptp(ranks) == 0:
        return 0.5, 1.0
    sums = np.bincount(codes, ranks)
    areas = (sums - counts * (counts + 1) / 2) / (counts * (rows - counts))
    between = float((counts * (sums / counts - (rows + 1) / 2) ** 2).sum())
    statistic = between / float(ranks.var(ddof=1))
    return float(np.abs(areas - 0.5).max() + 0.5), float(chi2.sf(statistic, len(counts) - 1))


def ordered_suspect(
    subject: str, values: Any, labels: Int[np.ndarray, " rows"], *, kind: str = "order"
) -> Suspect | None:
    """Return a suspect where the target depends on an order of the rows more than chance allows.

    A file that is merely sorted by its labels, all of a class in one run, is none: that order was made, and
    says nothing of time.

    Args:
        subject: what the rows are ordered by.
        values: (rows,) numbers that they are ordered by.
        labels: (rows,) class codes.
        kind: what the suspect is called: "order", or "identifier".

    Returns:
        The suspect, or None.

    Example:
        >>> drifting = (np.random.default_rng(0).random(400) < np.linspace(0.1, 0.9, 400)).astype(int)
        >>> ordered_suspect("the order of the rows", np.arange(400), drifting).kind
        'order'
    """
    numbers = np.asarray(values, np.float64)
    if kind == "order":
        in_order = np.asarray(labels)[np.argsort(numbers, kind="stable")]
        if np.count_nonzero(np.diff(in_order)) == len(np.unique(in_order)) - 1:
            return None
    area, chance = order_effect(numbers, labels)
    if area < ORDER_AREA or chance > _ORDER_CHANCE:
        return None
    told = f"(area under the ROC curve {area:.2f}, p {_chance_in_words(chance)})"
    if kind == "identifier":
        return Suspect(
            kind,
            subject,
            area,
            f"The column {subject!r} looks like a running number, and its order tells the target {told}.",
            "Leave the column out: new rows have other numbers.",
        )
    return Suspect(
        kind,
        subject,
        area,
        f"The target depends on {subject} {told}.",
        "If rows come in the order of time, learn from earlier ones and test on later ones; shuffled folds "
        "know the future.",
    )


def _chance_in_words(chance: float) -> str:
    """Return a p-value for a sentence."""
    return "below 1e-12" if chance < 1e-12 else f"{chance:.1g}"


def _column_suspect(name: str, skill: float, classes: int) -> Suspect:
    """Return the suspect that a column is."""
    how = "gives the target in every row" if skill == 1 else "nearly gives the target"
    return Suspect(
        "column",
        name,
        skill,
        f"The column {name!r} alone {how}: {100 * skill:.1f} % of the way from chance (1 in {classes}) to "
        "perfect, on rows that its rule had not seen.",
        "Ask whether it is known when a prediction is needed; if not, leave it out.",
    )


def _centred(rows: np.ndarray) -> np.ndarray:
    """Return columns around 0, at most 1 in size: trees read float32, which would blur a large constant."""
    numbers = rows.astype(np.float64)
    known = np.isfinite(numbers)
    middle = np.where(known, numbers, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    numbers -= middle
    reach = np.abs(np.where(known, numbers, 0.0)).max(axis=0, initial=0.0)
    return numbers / np.where(reach > 0, reach, 1.0)


def _may_leak(tree: DecisionTreeClassifier, rows: np.ndarray, codes: np.ndarray) -> bool:
    """Return whether a tree gives the target on its own training rows, some of each class."""
    some = np.arange(len(codes))
    if len(codes) > _SCREENED:
        # Every m-th row of the rows sorted by class: each class keeps its share.
        some = np.argsort(codes, kind="stable")[:: -(-len(codes) // _SCREENED)]
    return _skill(codes[some], tree.fit(rows[some], codes[some]).predict(rows[some])) >= LEAK_SKILL - _SLACK


def _out_of_fold(tree: DecisionTreeClassifier, rows: np.ndarray, codes: np.ndarray, seed: int) -> np.ndarray:
    """Return the class that a tree gives each row which it has not seen."""
    answers = np.empty_like(codes)
    folds = min(_FOLDS, int(np.bincount(codes).min()))
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, codes):
        answers[test] = tree.fit(rows[train], codes[train]).predict(rows[test])
    return answers


def _skill(codes: np.ndarray, answers: np.ndarray) -> float:
    """Return the mean recall of the classes, from 0 by chance to 1."""
    counts = np.bincount(codes)
    there = counts > 0
    recall = np.bincount(codes[answers == codes], minlength=len(counts))[there] / counts[there]
    classes = int(there.sum())
    return float((recall.mean() * classes - 1) / (classes - 1)) if classes > 1 else 0.0
