"""From what a user hands over to the rows that models are compared on, and untouched test rows."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from gorae.data import (
    TableEncoding,
    as_frame,
    as_matrix,
    check_classes,
    encode_known_labels,
    encode_labels,
    guess_task,
    learn_encoding,
    make_folds,
)
from gorae.errors import DataError, ParameterError
from gorae.search import Rows

_TEST_FOLDS = 5
_FEWEST_ROWS = 10


@dataclass(frozen=True)
class Prepared:
    """A data set, ready for a study.

    Args:
        rows: what models learn from and are compared on.
        test: rows held out from everything, or None.
        row_numbers: where each of `rows` stood in what the user gave; `test_numbers` the same for `test`.
        classes: class labels, or None for regression.
        encoding: how a table became a matrix, or None for a matrix.
        feature_names: names of the matrix's columns.
        image_shape: height and width where the rows are pictures.
        notes: sentences on what was done that the user should know of.
        frame: the table of `rows`, for showing its values, or None.
    """

    rows: Rows
    test: Rows | None
    row_numbers: np.ndarray
    test_numbers: np.ndarray
    classes: np.ndarray | None
    encoding: TableEncoding | None
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    notes: tuple[str, ...]
    frame: pl.DataFrame | None

    @property
    def task(self) -> str:
        """Return "classification" or "regression"."""
        return "classification" if self.classes is not None else "regression"


def prepare(
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    task: str | None = None,
    test_share: bool = True,
    groups: Any = None,
    image_shape: tuple[int, ...] | None = None,
    seed: int = 0,
) -> Prepared:
    """Return a data set in the form a study works on.

    Args:
        X: a frame, an array, or anything that becomes one.
        y: targets.
        X_test: test rows of the user's own, or None to hold out a fifth.
        y_test: their targets.
        task: "classification", "regression", or None to tell from the targets.
        test_share: whether to hold out a fifth where no test rows are given.
        groups: a group a row; groups are never split.
        image_shape: height and width where rows are pictures given flat.
        seed: decides which rows are held out.

    Raises:
        DataError: when the data cannot be learned from.
        ParameterError: when the task is none.
    """
    values = _target_values(y)
    if task is None:
        task = guess_task(values)
    if task not in ("classification", "regression"):
        raise ParameterError(f"task must be 'classification', 'regression' or None, got {task!r}.")
    whole, frame, names, shape = _inputs(X)
    count = len(values)
    if (frame.height if frame is not None else len(whole)) != count:
        rows = frame.height if frame is not None else len(whole)
        raise DataError(f"X has {rows} rows, but y has {count}; one target a row is needed.")
    if count < _FEWEST_ROWS:
        raise DataError(f"a study needs at least {_FEWEST_ROWS} rows, got {count}.")
    codes, classes, notes = _codes(values, task)
    groups = None if groups is None else _target_values(groups)
    learn, held = np.arange(count), np.zeros(0, np.int64)
    if X_test is None and test_share:
        folds = min(_TEST_FOLDS, count)
        learn, held = make_folds(
            codes if classes is not None else codes[:, 0],
            folds=folds,
            stratify=classes is not None,
            groups=groups,
            seed=seed,
        )[0]
    encoding = None
    if frame is not None:
        encoding = learn_encoding(frame[learn])
        names, notes = encoding.feature_names, [*notes, *encoding.notes]
        matrix, test_matrix = (
            encoding.encode(frame[learn]),
            encoding.encode(frame[held]) if len(held) else None,
        )
    else:
        matrix, test_matrix = whole[learn], whole[held] if len(held) else None
    test_targets, numbers = codes[held], held
    if X_test is not None:
        test_matrix, test_targets = _given_test(X_test, y_test, encoding, classes, matrix)
        numbers = np.arange(len(test_targets))
    shape = image_shape or shape
    total = 0 if classes is None else len(classes)
    images = shape is not None
    own_groups = None if groups is None else groups[learn]
    return Prepared(
        rows=Rows(matrix, codes[learn], total, own_groups, images),
        test=None if test_matrix is None else Rows(test_matrix, test_targets, total, None, images),
        row_numbers=learn,
        test_numbers=numbers,
        classes=classes,
        encoding=encoding,
        feature_names=tuple(names),
        image_shape=shape,
        notes=tuple(notes),
        frame=None if frame is None else frame[learn],
    )


def input_matrix(X: Any, encoding: TableEncoding | None, width: int) -> np.ndarray:
    """Return new rows as the matrix that models of a study read.

    Raises:
        DataError: when columns are missing, or their number is another.
    """
    if encoding is not None:
        return encoding.encode(as_frame(X, text=encoding.text_columns))
    matrix = as_matrix(X, missing=True).values
    if matrix.shape[1] != width:
        raise DataError(f"the model reads rows of {width} numbers, got {matrix.shape[1]}.")
    return matrix


def _inputs(
    X: Any,
) -> tuple[np.ndarray, pl.DataFrame | None, tuple[str, ...], tuple[int, ...] | None]:
    """Return a matrix, or a frame where columns have names or hold more than numbers."""
    is_frame = nw.dependencies.is_into_dataframe(X) or isinstance(X, dict)
    is_text = isinstance(X, np.ndarray) and X.dtype.kind in "OUS"
    is_records = isinstance(X, list) and len(X) > 0 and isinstance(X[0], dict)
    mixed = isinstance(X, list) and len(X) > 0 and _has_text(X[0])
    if is_frame or is_text or is_records or mixed:
        return np.zeros((0, 0)), as_frame(X), (), None
    found = as_matrix(X, missing=True)
    names = found.names or tuple(f"x{i}" for i in range(found.values.shape[1]))
    return found.values, None, names, found.image_shape


def _has_text(row: Any) -> bool:
    """Return whether a row of a list of rows holds a string or nothing."""
    return isinstance(row, list | tuple) and any(value is None or isinstance(value, str) for value in row)


def _target_values(y: Any) -> np.ndarray:
    """Return targets as an array of one dimension, from a list, an array or a series of any library."""
    if nw.dependencies.is_into_series(y):
        y = nw.from_native(y, series_only=True).to_numpy()
    elif nw.dependencies.is_into_dataframe(y):
        y = nw.from_native(y, eager_only=True).to_numpy()
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"targets must have one dimension, one a row, got shape {values.shape}.")
    return values


def _codes(values: np.ndarray, task: str) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Return targets as codes with the class labels, or as a column of values."""
    if task == "classification":
        codes, classes = encode_labels(values)
        _, notes = check_classes(codes, classes, 2)
        return codes, classes, list(notes)
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            "regression needs numbers as targets, but they hold text; use task='classification'."
        ) from error
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise DataError(f"the target of row {row} (from 0) is {numbers[row]}; leave such rows out first.")
    if np.ptp(numbers) == 0:
        raise DataError(f"every target is {numbers[0]:g}: there is nothing to predict.")
    return numbers[:, None], None, []


def _given_test(
    X_test: Any, y_test: Any, encoding: TableEncoding | None, classes: np.ndarray | None, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the user's own test rows in the form of the others."""
    if y_test is None:
        raise DataError("test rows were given without their targets; give y_test as well.")
    found = input_matrix(X_test, encoding, matrix.shape[1])
    values = _target_values(y_test)
    if len(values) != len(found):
        raise DataError(f"the test part has {len(found)} rows, but {len(values)} targets.")
    if classes is not None:
        return found.astype(matrix.dtype, copy=False), encode_known_labels(values, classes)
    return found.astype(matrix.dtype, copy=False), values.astype(np.float64)[:, None]
