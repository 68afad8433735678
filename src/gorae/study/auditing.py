"""`audit`: which labels of a data set look wrong, which rows are there twice, what may leak the answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gorae.data import describe_values, fit_affine, guess_task
from gorae.data.sequence_rows import PackedRows
from gorae.errors import DataError, ParameterError
from gorae.estimators.parameters import check_count, root_seed
from gorae.estimators.progress import training_bar
from gorae.study.data_faults import find_leaks, find_twins, scaled_rows
from gorae.study.label_audit import Audit, facts_of
from gorae.study.outcomes import row_values
from gorae.study.prepare import Prepared, part_of, prepare, told_of_seen
from gorae.study.text_rungs import form_of, text_auditor
from gorae.trust.audit import RowAudit, audit_rows, judged_by_kernel
from gorae.trust.given import check_weights

__all__ = ["audit"]


def audit(
    X: Any,
    y: Any,
    *,
    estimator: Any = None,
    cv: int = 5,
    repeats: int = 3,
    random_state: Any = 0,
    sample_weight: Any = None,
    groups: Any = None,
    X_test: Any = None,
    y_test: Any = None,
    task: str | None = None,
    image_shape: tuple[int, ...] | None = None,
    feature_names: Sequence[str] | None = None,
    row_numbers: Any = None,
    text: str | None = None,
    notes: Sequence[str] = (),
    name: str = "data",
    target: str | None = None,
    verbose: int = 0,
) -> Audit:
    """Find labels that look wrong, rows that are there twice, and what may leak the answer.

    Models learn from the rows in folds, cut anew in each repeat: least squares with a Gaussian kernel from up
    to 4,000 rows, networks from more or from very wide ones, whose answers are mixed with the labels of a
    row's nearest neighbours. What they say of rows that they have not seen, averaged over the repeats, is
    weighed against the label by confident learning. Rows are compared in their filled and scaled columns,
    which no label has touched.

    Args:
        X: rows: a pandas, polars or pyarrow frame with numbers, text and missing values, or an array.
        y: class labels, one a row.
        estimator: an unfitted classifier of gorae or of scikit-learn, which reads encoded and filled columns
            and class codes; None for what is told above.
        cv: folds, at most as many as the smallest class has rows.
        repeats: how often rows are cut into folds anew; more make the ranking steadier.
        random_state: seed of everything.
        sample_weight: one weight a row, or None; weighted rows are judged by networks, however few they are.
        groups: a group a row; rows of a group are never on both sides of a fold.
        X_test: test rows, which are looked for among the rows.
        y_test: their labels.
        task: "classification" where numbers that look like quantities are labels.
        image_shape: height and width, where rows are pictures given flat.
        feature_names: what an array's columns are called.
        row_numbers: a whole number a row, what it is called; None to count them from 0.
        text: the column of texts to judge by; None to tell by the content.
        notes: sentences on what was done to the data before.
        name: what the data are called.
        target: what the target is called.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Returns:
        The audit.

    Raises:
        DataError: when the data cannot be learned from, are no classes, or are predicted no better than by
            chance, so that no label can be judged.
        ParameterError: when a parameter is out of its range.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> y[3] = 2
        >>> found = audit(X, y, repeats=1)
        >>> first = next(found.ranking())
        >>> first["row"], first["label"], first["suggested"], found.twins.groups[0][0][0]
        (3, 2, 0, 101)

    References:
        Northcutt, Jiang, Chuang (2021), "Confident learning: estimating uncertainty in dataset labels".
    """
    seed, folds = root_seed(random_state), check_count("cv", cv, low=2)
    check_count("repeats", repeats)
    _check_classes(y, task)
    data = prepare(
        X,
        y,
        X_test=X_test,
        y_test=y_test,
        task="classification",
        hold_out=False,
        groups=groups,
        image_shape=image_shape,
        feature_names=feature_names,
        row_numbers=row_numbers,
        text=text,
        seed=seed,
    )
    weight = check_weights(sample_weight, len(data.rows.matrix))
    twins, shared = find_twins(data)
    leaks = (*shared, *find_leaks(data, seed))
    data, weight, unjudged = _judged(data, weight)
    folds = min(folds, data.folds)
    found = _rows_audited(data, weight, estimator, folds, repeats, seed, verbose)
    facts = facts_of(data, name, target, _method(data, weight, estimator, folds, repeats))
    # Test rows among these are told with the leaks, whatever their labels.
    again = told_of_seen(data.seen, data.test)
    told = (*notes, *(note for note in data.notes if note not in again), *unjudged)
    return Audit(found, np.asarray(data.classes), data.row_numbers, twins, leaks, told, facts, data)


def _rows_audited(
    data: Prepared,
    weight: np.ndarray | None,
    estimator: Any,
    folds: int,
    repeats: int,
    seed: int,
    verbose: int,
) -> RowAudit:
    """Audit the labels of prepared rows, with a progress bar where that is asked for."""
    matrix = data.rows.matrix
    if estimator is None and data.texts is not None:
        matrix = data.in_form(form_of("linear")).rows.matrix
        estimator = text_auditor(data.texts.rows.ngrams, data.rows.classes, seed)
    networks = (folds * repeats + 1) * int(getattr(estimator, "members", 1))
    silent = judged_by_kernel(matrix.shape, estimator, weight)  # it is soon over
    with training_bar(0 if silent else verbose, networks) as bar:
        return audit_rows(
            _filled(matrix),
            data.rows.targets,
            scaled_rows(data.rows),
            estimator=estimator,
            cv=folds,
            repeats=repeats,
            seed=seed,
            sample_weight=weight,
            groups=data.rows.groups,
            progress=bar,
        )


def _filled(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix without missing values; bytes miss none, and stay bytes."""
    whole = matrix.dtype == np.uint8 or isinstance(matrix, PackedRows)
    return matrix if whole else fit_affine(matrix, kind="none").apply(matrix)


def _method(data: Prepared, weight: np.ndarray | None, estimator: Any, folds: int, repeats: int) -> str:
    """Return how labels were judged, in words."""
    times = f", cut anew {repeats} times" if repeats > 1 else ""
    who = "networks and nearest neighbours"
    if estimator is not None:
        who = type(estimator).__name__
    elif data.texts is not None:
        who = "a linear model of n-grams"
    elif judged_by_kernel(data.rows.matrix.shape, estimator, weight):
        who = "least squares with a Gaussian kernel"
    return f"Every row was judged by {who} that had not learned from it ({folds} folds{times})."


def _check_classes(y: Any, task: str | None) -> None:
    """Refuse a target that is a quantity."""
    if task == "classification":
        return
    if task is not None:
        raise ParameterError(
            f"an audit is of class labels: task must be 'classification' or None, got {task!r}."
        )
    values = row_values(y, "targets")
    if guess_task(values) == "regression":
        raise DataError(
            f"an audit looks for wrong class labels, but the target holds {describe_values(values)}, which "
            "look like a quantity; if they are labels, say task='classification' (--task classification)."
        )


def _judged(data: Prepared, weight: np.ndarray | None) -> tuple[Prepared, np.ndarray | None, list[str]]:
    """Return the data without classes of a single row, which no model that has not seen it can know."""
    rows = data.rows
    counts = np.bincount(rows.targets, minlength=rows.classes)
    single = np.flatnonzero(counts == 1)
    if not len(single):
        return data, weight, []
    kept, classes = np.flatnonzero(counts[rows.targets] > 1), np.flatnonzero(counts > 1)
    if len(classes) < 2:
        raise DataError(
            "an audit needs at least two classes of two rows or more: a single row cannot be judged."
        )
    told = f"{len(single)} rows whose label is theirs alone were not judged."
    if len(single) == 1:
        told = "One row whose label is its own alone was not judged."
    return part_of(data, kept), None if weight is None else weight[kept], [told]
