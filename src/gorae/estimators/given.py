"""What an estimator is given: checked by scikit-learn, and refused in one sentence that names the place."""

from typing import Any

import numpy as np
from jaxtyping import Float64, Num, Shaped
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from gorae.data import check_one_kind, is_dataset, read_dataset
from gorae.errors import DataError, InputError, as_input_error
from gorae.estimators.sequence_rows import packed_sequences, sequence_reader
from gorae.estimators.storage import DTYPES

_validate: Any = validate_data  # its annotations know neither y=None nor what comes back
_FILL = (
    "fill missing values first, for instance with scikit-learn's SimpleImputer, or give a table to "
    "gorae.Study, which fills them"
)


def given_rows(
    estimator: Any, X: Any, *, reset: bool = False, dtype: Any = DTYPES
) -> Num[np.ndarray, "rows width"]:
    """Return rows to answer for.

    Args:
        estimator: whose number and names of features are set (`reset`), or compared with.
        X: rows.
        reset: whether the rows decide what is expected of later ones.
        dtype: what they may be of; everything else becomes the first.

    Raises:
        InputError: when they cannot be used.
        InputTypeError: when they are no numbers at all.
    """
    if sequence_reader(estimator) is not None:
        return packed_sequences(estimator, X, reset=reset)
    X, _ = _of_dataset(estimator, X)
    _check_container(X, "X")
    X = _arranged(estimator, X, reset)
    try:
        with as_input_error():
            return _validate(estimator, X, reset=reset, dtype=dtype)
    except InputError as error:
        raise _with_place(error, X) from error.__cause__


def given_pair(
    estimator: Any, X: Any, y: Any, *, reset: bool = True, dtype: Any = DTYPES
) -> tuple[Num[np.ndarray, "rows width"], Shaped[np.ndarray, " rows *outputs"]]:
    """Return rows to learn from, and their labels or values.

    Args:
        estimator: a classifier or a regressor.
        X: rows.
        y: class labels, or numbers.
        reset: whether the rows decide what is expected of later ones.
        dtype: what the rows may be of; everything else becomes the first.

    Raises:
        InputError: when they cannot be used.
        InputTypeError: when they are no numbers at all.
    """
    classify = isinstance(estimator, ClassifierMixin)
    many = not classify and not getattr(estimator, "_answers_quantiles", False)
    packed = None
    if sequence_reader(estimator) is not None:
        packed = packed_sequences(estimator, X, reset=reset)
        X = np.zeros((len(packed), packed.shape[1]), np.uint8)  # what is left to check is y
    X, own = _of_dataset(estimator, X)
    y = own if y is None else y
    _check_container(X, "X")
    _check_container(y, "y")
    X = _arranged(estimator, X, reset)
    if classify:
        check_one_kind(y)
    elif y is not None:
        _check_numbers(y)
    try:
        with as_input_error():
            rows, targets = _validate(
                estimator, X, y, reset=reset, dtype=dtype, multi_output=many, y_numeric=not classify
            )
            if classify:
                check_classification_targets(targets)
    except InputError as error:
        raise _with_place(error, X) from error.__cause__
    return rows if packed is None else packed, targets


def _of_dataset(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the rows and the targets of a map-style dataset; of everything else itself, and no targets."""
    if not is_dataset(X):
        return X, None
    rows, targets = read_dataset(X)
    vectors = rows.ndim < 3 or hasattr(estimator, "_arrange")
    return rows if vectors else rows.reshape(len(rows), -1), targets


def _arranged(estimator: Any, X: Any, reset: bool) -> Any:
    """Return rows of any form as rows of numbers, where the estimator takes such forms."""
    arrange = getattr(estimator, "_arrange", None)
    return X if arrange is None else arrange(X, reset)


def finite_values(y: Shaped[np.ndarray, " rows *outputs"]) -> Float64[np.ndarray, " rows *outputs"]:
    """Return the targets of a regression as float64.

    Raises:
        DataError: when one is missing or infinite.
    """
    values = np.asarray(y, np.float64)
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        raise DataError(
            f"y must be a finite number in every row, but row {wrong[0][0]} (from 0) has "
            f"{values[tuple(wrong[0])]}; drop the row or fill it in."
        )
    return values


def _check_container(values: Any, name: str) -> None:
    """Refuse arrays whose numbers do not mean what they seem to.

    Raises:
        DataError: for masked values, and for dates.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        raise DataError(f"{name} has masked values, which would be read as if they were not; {_FILL}.")
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if isinstance(kind, str) and kind in ("M", "m"):
        raise DataError(
            f"{name} must hold numbers, got {values.dtype}; give dates as numbers, such as days since a date."
        )


def _check_numbers(y: Any) -> None:
    """Refuse targets of a regression that are texts, or missing, which scikit-learn would take as they are.

    Raises:
        DataError: naming the row.
    """
    with as_input_error():
        values = np.asarray(y)
    if values.dtype.kind not in "UOST":
        return
    rows = values.reshape(len(values), -1).tolist() if values.ndim else []
    for row, parts in enumerate(rows):
        for value in parts:
            if value is None or isinstance(value, str | bytes):
                raise DataError(
                    f"y must be a finite number in every row, but row {row} (from 0) has {value!r}; "
                    + ("drop the row or fill it in." if value is None else "labels need a classifier.")
                )


def _with_place(error: InputError, X: Any) -> InputError:
    """Return scikit-learn's word on a value that is missing or infinite, with the place of the first one."""
    told = str(error)
    if not told.startswith("Input X contains"):
        return error
    with np.errstate(all="ignore"):
        try:
            values = np.asarray(X, np.float64)
        except (TypeError, ValueError):
            return error
    found = np.argwhere(~np.isfinite(values))
    if values.ndim != 2 or not len(found):
        return error
    row, column = found[0].tolist()
    missing = bool(np.isnan(values[row, column]))
    what = "Input X contains NaN" if missing else "Input X contains infinity"
    return InputError(
        f"{what}: row {row}, column {column} (from 0); {_FILL if missing else 'check the value'}."
    )
