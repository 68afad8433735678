"""What is wrong with the winner of a study: from its out-of-fold answers and from its last fit."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.estimators.examined import curves_of, hidden_of, sample_of
from gorae.estimators.network import NetworkEstimator
from gorae.evidence import ClassAnswers, Diagnosis, Examined, Gap, Interval, Scores, judge
from gorae.search import NestedResult, metric_of
from gorae.study.findings import scored_rows
from gorae.study.prepare import Prepared
from gorae.study.winner import Winner, scaled


def diagnosis_of(
    winner: Winner,
    data: Prepared,
    result: NestedResult,
    gap: Gap | None,
    row: Mapping[str, Any],
    chance: float,
    counts: np.ndarray | None,
) -> Diagnosis:
    """Return what is wrong with the winner.

    Its scores and the recall of its classes are those of the models of the folds; its curves and hidden units
    those of the model itself, which was fitted on all rows but the test rows.

    Args:
        winner: the fitted winner.
        data: the data.
        result: its nested cross-validation.
        gap: training against validation in it, or None.
        row: its row of the ladder.
        chance: score of the model that ignores its input.
        counts: out-of-fold answers for classes, actual by predicted, or None.
    """
    rows = data.rows
    curves, hidden = None, ()
    if isinstance(winner.estimator, NetworkEstimator):
        curves = curves_of(winner.estimator, len(rows.matrix))
        seen = rows.matrix[sample_of(len(rows.matrix))]
        hidden = hidden_of(winner.estimator, scaled(seen, winner.affine))
    scores = Scores(
        metric=metric_of(rows.classes),
        where=f"{len(np.unique(scored_rows(result)[1]))} rows that its models did not learn from",
        gap=gap,
        chance=chance,
        validation=Interval(row["score"], row["low"], row["high"], 0.95, "ladder"),
        no_gap=""
        if gap is not None
        else "over- and underfitting: a fold has no score, or no row is left to win",
    )
    classes = None
    if counts is not None and data.classes is not None:
        learned = np.bincount(rows.targets, minlength=rows.classes)
        classes = ClassAnswers(tuple(str(label) for label in data.labels), learned, counts)
    return judge(Examined(curves, hidden, scores, classes))
