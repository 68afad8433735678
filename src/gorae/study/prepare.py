"""From what a user hands over to the rows that models are compared on, and untouched test rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from gorae.data import (
    TableEncoding,
    TextEncoding,
    TextForms,
    check_classes,
    learn_encoding,
    learn_texts,
    make_folds,
)
from gorae.errors import DataError
from gorae.estimators.parameters import check_flag
from gorae.search import Rows, splittable
from gorae.study.inputs import Inputs, input_matrix, read_inputs
from gorae.study.outcomes import Outcomes, known_outcomes, read_outcomes, row_values
from gorae.study.text_parts import TextParts, text_parts

_TEST_FOLDS = 5
_FOLDS = 5
_FEWEST_ROWS = 10
_FEWEST_LEARNED = 6
_ROWS_A_FOLD = 4


@dataclass(frozen=True)
class Prepared:
    """A data set, ready for a study.

    Args:
        rows: what models learn from and are compared on.
        test: rows held out from everything, or None.
        row_numbers: where each of `rows` stood in what the user gave, or the number it was given.
        columns: how many columns the user gave.
        classes: class labels, or None for regression.
        encoding: how a table became a matrix, or None for a matrix.
        feature_names: names of the matrix's columns.
        image_shape: height and width where the rows are pictures.
        folds: the most folds that classes, groups and rows allow.
        notes: sentences on what was done that the user should know of.
        frame: the table of `rows`, for showing its values, or None.
        seen: how many test rows of the user's own are among `rows` too.
        texts: where rows are texts, these rows and the test rows in all forms; `rows` are sketches then.
    """

    rows: Rows
    test: Rows | None
    row_numbers: np.ndarray
    columns: int
    classes: np.ndarray | None
    encoding: TableEncoding | TextEncoding | None
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    folds: int
    notes: tuple[str, ...]
    frame: pl.DataFrame | None
    seen: int = 0
    texts: TextParts | None = None

    @property
    def task(self) -> str:
        """Return "classification" or "regression"."""
        return "classification" if self.classes is not None else "regression"

    @property
    def labels(self) -> list[Any]:
        """Return the class labels, none for regression."""
        return [] if self.classes is None else list(self.classes)

    @property
    def text_column(self) -> str | None:
        """Return the name of the column of texts, None where rows are none."""
        return self.encoding.column if isinstance(self.encoding, TextEncoding) else None

    def in_form(self, form: str) -> "Prepared":
        """Return the data with texts in the form that a model reads; data of other kinds as they are."""
        if self.texts is None or not isinstance(self.encoding, TextEncoding):
            return self
        encoding, test = self.encoding.of_form(form), self.test
        if test is not None and self.texts.test is not None:
            test = replace(test, matrix=getattr(self.texts.test, form))
        return replace(
            self,
            rows=replace(self.rows, matrix=getattr(self.texts.rows, form)),
            test=test,
            encoding=encoding,
            feature_names=encoding.feature_names,
        )


def part_of(data: Prepared, kept: np.ndarray) -> Prepared:
    """Return some rows of a data set with classes, and only the classes that these rows are of.

    Args:
        data: a data set.
        kept: positions of rows.
    """
    rows = data.rows
    classes, codes = np.unique(rows.targets[kept], return_inverse=True)
    groups = None if rows.groups is None else rows.groups[kept]
    targets = codes.reshape(-1).astype(rows.targets.dtype)
    return replace(
        data,
        rows=Rows(rows.matrix[kept], targets, len(classes), groups, rows.image_shape),
        classes=np.asarray(data.classes)[classes],
        frame=None if data.frame is None else data.frame[kept],
        row_numbers=data.row_numbers[kept],
        texts=None if data.texts is None else data.texts.of(kept),
    )


def prepare(
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    task: str | None = None,
    hold_out: bool = True,
    groups: Any = None,
    image_shape: tuple[int, ...] | None = None,
    feature_names: Sequence[str] | None = None,
    row_numbers: Any = None,
    text: str | None = None,
    seed: int = 0,
) -> Prepared:
    """Return a data set in the form a study works on.

    Args:
        X: a frame, an array, or anything that becomes one.
        y: targets.
        X_test: test rows of the user's own, or None to hold out a fifth.
        y_test: their targets.
        task: "classification", "regression", or None to tell from the targets.
        hold_out: whether to hold out a fifth where no test rows are given.
        groups: a group a row; groups are never split.
        image_shape: height and width where rows are pictures given flat.
        feature_names: names of an array's columns.
        row_numbers: what each row is called where one is named, or None to count them from 0.
        text: the column of texts to learn from, or None to tell by the content whether there is one.
        seed: decides which rows are held out.

    Raises:
        DataError: when the data cannot be learned from.
        ParameterError: when a parameter is out of its range.
    """
    outcomes = read_outcomes(y, task)
    inputs = read_inputs(X, image_shape, feature_names, text)
    count = len(outcomes.targets)
    _check_counts(inputs.rows, count)
    check_flag("hold_out", hold_out)
    own_test = X_test is not None
    if own_test != (y_test is not None):
        raise DataError("X_test and y_test belong together: test rows need their targets, and targets rows.")
    numbers = np.arange(count) if row_numbers is None else _row_numbers(row_numbers, count)
    units = None if groups is None else _group_codes(groups, count)
    learn, held = np.arange(count), np.zeros(0, np.int64)
    if not own_test and hold_out:
        learn, held = _hold_out(outcomes, units, seed)
    encoding, matrix, names, told, forms = _encoded(inputs, learn)
    own_units = None if units is None else units[learn]
    rows = Rows(matrix, outcomes.targets[learn], outcomes.count, own_units, inputs.image_shape)
    folds, notes = _folds(rows, outcomes, held=len(held) > 0)
    if own_test:
        test = _given_test(X_test, y_test, encoding, names, outcomes, rows)
    else:
        test = _held_test(inputs, held, encoding, outcomes, units, rows)
    if not own_test and len(held) and test is None:
        notes.append("The held-out rows all have the same target: R² is not defined on them.")
    seen = seen_before(test, rows) if own_test and test is not None else 0
    notes += told_of_seen(seen, test)
    return Prepared(
        rows=rows,
        test=test,
        row_numbers=numbers[learn],
        columns=inputs.columns,
        classes=outcomes.classes,
        encoding=encoding,
        feature_names=names,
        image_shape=inputs.image_shape,
        folds=folds,
        notes=(*told, *notes),
        frame=None if inputs.frame is None else inputs.frame[learn],
        seen=seen,
        texts=text_parts(forms, encoding, X_test if own_test else inputs.frame, held, numbers, test),
    )


def told_of_seen(seen: int, test: Rows | None) -> list[str]:
    """Return a sentence on test rows that were learned from, if there are any."""
    if not seen or test is None:
        return []
    return [
        f"{seen} of {len(test.targets)} test rows are also among the rows to learn from, with equal columns "
        "and target: if they are the same examples, the score on the test rows is too good."
    ]


def seen_before(test: Rows, rows: Rows) -> int:
    """Return how many test rows stand among the rows to learn from, with the same target.

    Example:
        >>> rows = Rows(np.array([[1.0], [2.0]]), np.array([0, 1]), 2)
        >>> seen_before(Rows(np.array([[2.0], [2.0], [1.0]]), np.array([1, 0, 0]), 2), rows)
        2
    """
    known = {(row.tobytes(), target.tobytes()) for row, target in zip(rows.matrix, rows.targets, strict=True)}
    pairs = zip(test.matrix, test.targets, strict=True)
    return sum((row.tobytes(), target.tobytes()) in known for row, target in pairs)


def _row_numbers(row_numbers: Any, count: int) -> np.ndarray:
    """Return the number that each row was given."""
    numbers = row_values(row_numbers, "row_numbers")
    if numbers.dtype.kind not in "iu" or len(numbers) != count:
        raise DataError(
            f"row_numbers must be one whole number a row: there are {count} rows, but "
            f"{len(numbers)} numbers of type {numbers.dtype}."
        )
    return numbers


def _check_counts(rows: int, targets: int) -> None:
    """Refuse rows without as many targets, and too few of them.

    Raises:
        DataError: when they cannot be studied.
    """
    if rows != targets:
        raise DataError(f"X has {rows} rows, but y has {targets}; one target a row is needed.")
    if targets < _FEWEST_ROWS:
        raise DataError(f"a study needs at least {_FEWEST_ROWS} rows, got {targets}.")


def _group_codes(groups: Any, count: int) -> np.ndarray:
    """Return the group of each row as a code."""
    values = row_values(groups, "groups")
    missing = [row for row, value in enumerate(values.tolist()) if value is None or value != value]
    if missing:
        raise DataError(f"groups must not be missing, but row {missing[0]} (from 0) has none.")
    if len(values) != count:
        raise DataError(
            f"groups must name one group a row: there are {count} rows, but {len(values)} groups."
        )
    try:
        return np.unique(values, return_inverse=True)[1].reshape(-1)
    except TypeError as error:
        raise DataError(f"groups must be of one type, without missing ones ({error}).") from error


def _hold_out(outcomes: Outcomes, groups: np.ndarray | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and a fifth of them all, held out.

    A class of a single row stays with the rows to learn from: held out, nothing could ever know it.
    """
    stratify = outcomes.classes is not None
    most = splittable(outcomes.strata, stratify, groups)
    if most < 3 and groups is not None:
        raise DataError(
            f"to hold out test rows and still keep groups apart, at least 3 groups are needed, got {most}; "
            "give test rows of your own, or hold_out=False."
        )
    folds = max(2, min(_TEST_FOLDS, most))
    learn, held = make_folds(outcomes.strata, folds=folds, stratify=stratify, groups=groups, seed=seed)[0]
    if stratify and groups is None:
        single = np.bincount(outcomes.targets)[outcomes.targets] == 1
        learn, held = np.sort(np.concatenate([learn, held[single[held]]])), held[~single[held]]
    if len(learn) < _FEWEST_LEARNED:
        raise DataError(
            f"only {len(learn)} of {len(outcomes.targets)} rows are left after a part was held out for the "
            "test; give test rows of your own, or hold_out=False."
        )
    return learn.astype(np.int64), held.astype(np.int64)


def _encoded(
    inputs: Inputs, learn: np.ndarray
) -> tuple[
    TableEncoding | TextEncoding | None,
    np.ndarray,
    tuple[str, ...],
    tuple[str, ...],
    TextForms | None,
]:
    """Return an encoding, learned without test rows; the matrix, its columns' names, notes, texts' forms."""
    if inputs.frame is None:
        return None, inputs.matrix[learn], inputs.names, (), None
    frame = inputs.frame[learn]
    if inputs.text is not None:
        texts, forms = learn_texts(frame, inputs.text)
        return texts, forms.sketch, texts.feature_names, (*inputs.notes, *texts.notes), forms
    try:
        encoding = learn_encoding(frame)
    except DataError as error:
        if frame.width > 1 or frame.dtypes[0] != pl.String:
            raise
        name = frame.columns[0]
        raise DataError(f"{error} To learn from its texts, give text={name!r} (--text {name}).") from error
    notes = (*inputs.notes, *encoding.notes)
    return encoding, encoding.encode(frame), encoding.feature_names, notes, None


def _folds(rows: Rows, outcomes: Outcomes, *, held: bool) -> tuple[int, list[str]]:
    """Return the most folds that classes, groups and rows allow, with sentences on what was lowered."""
    most, notes = _FOLDS, []
    if outcomes.classes is not None:
        most, told = check_classes(rows.targets, outcomes.classes, most)
        notes = [f"{note[:-1]} (test rows not counted)." if held else note for note in told]
    elif np.ptp(rows.targets) == 0:
        raise DataError(f"every target to learn from is {rows.targets[0, 0]:g}: there is nothing to predict.")
    else:
        most = max(2, min(most, len(rows.matrix) // _ROWS_A_FOLD))
    if rows.groups is not None:
        groups = len(np.unique(rows.groups))
        if groups < 2:
            raise DataError("at least two groups are needed to keep groups apart, got one.")
        if groups < most:
            notes.append(f"There are {groups} groups, fewer than {most} folds: {groups} folds are used.")
            most = groups
    return most, notes


def _held_test(
    inputs: Inputs,
    held: np.ndarray,
    encoding: TableEncoding | TextEncoding | None,
    outcomes: Outcomes,
    groups: np.ndarray | None,
    rows: Rows,
) -> Rows | None:
    """Return the held-out rows in the form of the others; None where there are none to be scored."""
    targets = outcomes.targets[held]
    if len(held) < 2 or (not rows.classes and np.ptp(targets) == 0):
        return None
    if inputs.frame is None or encoding is None:
        matrix = inputs.matrix[held]
    else:
        matrix = encoding.encode(inputs.frame[held])
    units = None if groups is None or len(np.unique(groups[held])) < 2 else groups[held]
    return Rows(matrix, targets, rows.classes, units, rows.image_shape)


def _given_test(
    X_test: Any,
    y_test: Any,
    encoding: TableEncoding | TextEncoding | None,
    names: tuple[str, ...],
    outcomes: Outcomes,
    rows: Rows,
) -> Rows:
    """Return the user's own test rows in the form of the others."""
    try:
        matrix = input_matrix(X_test, encoding, names)
        targets = known_outcomes(y_test, outcomes)
    except DataError as error:
        raise DataError(f"in the test rows (X_test and y_test, or --test): {error}") from error
    if len(targets) != len(matrix):
        raise DataError(f"the test part has {len(matrix)} rows, but {len(targets)} targets.")
    if len(matrix) < 2:
        raise DataError("the test part needs at least two rows for a score with an interval, got one.")
    if not rows.classes and np.ptp(targets) == 0:
        raise DataError(f"every test target is {targets[0, 0]:g}: R² is not defined on such rows.")
    return Rows(matrix, targets, rows.classes, None, rows.image_shape)
