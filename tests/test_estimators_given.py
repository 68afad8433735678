"""Arrays that no estimator can use: refused by each of them, in one sentence that names the place."""

import numpy as np
import pytest

from gorae.errors import DataError, GoraeError, InputError
from gorae.estimators import (
    GaussianBayes,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
    Perceptron,
)

ROWS = np.arange(12.0).reshape(6, 2) % 5
LABELS = [0, 1, 0, 1, 0, 1]
VALUES = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
CLASSIFIERS = [GaussianBayes, KNeighborsClassifier, LinearClassifier, MLPClassifier, Perceptron]
REGRESSORS = [KNeighborsRegressor, LinearRegressor, MLPRegressor]


def targets_for(kind):
    """Return targets that the kind of estimator can learn."""
    return LABELS if kind in CLASSIFIERS else VALUES


def with_value(value):
    """Return rows with a value in row 3, column 1."""
    rows = ROWS.copy()
    rows[3, 1] = value
    return rows


@pytest.mark.parametrize("kind", [*CLASSIFIERS, *REGRESSORS])
@pytest.mark.parametrize(
    ("X", "words"),
    [
        (with_value(np.nan), "NaN: row 3, column 1 .from 0.; fill missing values first"),
        (with_value(-np.inf), "infinity: row 3, column 1 .from 0.; check the value"),
        (np.ma.masked_greater(ROWS, 3), "X has masked values"),
        (np.zeros((6, 2), "datetime64[D]"), "X must hold numbers, got datetime64"),
        (np.zeros((6, 2), "timedelta64[s]"), "X must hold numbers, got timedelta64"),
        (ROWS + 1j, "Complex data not supported: real numbers were wanted"),
        (ROWS[:, 0], "got 1D array instead. Reshape your data"),
        (3.0, "got scalar array instead. Reshape your data"),
    ],
)
def test_rows(kind, X, words):
    """Rows with a hole in them, dates, or another shape are refused in one line without their values."""
    with pytest.raises(InputError, match=words) as caught:
        kind().fit(X, targets_for(kind))
    assert "\n" not in str(caught.value)
    assert "array=" not in str(caught.value)


@pytest.mark.parametrize("kind", REGRESSORS)
@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([*VALUES[:2], None, *VALUES[3:]], "row 2 .from 0. has None; drop the row"),
        (np.array([*VALUES[:4], None, 1.0], dtype=object), "row 4 .from 0. has None; drop the row"),
        (["a", "b", "c", "a", "b", "c"], "row 0 .from 0. has 'a'; labels need a classifier"),
        (np.array([*VALUES[:5], "x"], dtype=object), "row 5 .from 0. has 'x'"),
        (np.ma.masked_greater(VALUES, 2), "y has masked values"),
        ([*VALUES[:5], np.nan], "y contains NaN"),
    ],
)
def test_values(kind, y, words):
    """A regressor learns from finite numbers only, and says which row has none."""
    with pytest.raises(InputError, match=words):
        kind().fit(ROWS, y)


@pytest.mark.parametrize("kind", CLASSIFIERS)
@pytest.mark.parametrize("make", [list, tuple, lambda y: np.array(y, dtype=object)])
def test_labels_of_two_types(kind, make):
    """1 and "1" are not made one class."""
    with pytest.raises(DataError, match="all labels must be of one type, got number, text together"):
        kind().fit(ROWS, make([1, "1", 2, "2", 1, "1"]))


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_label_that_is_missing(kind):
    """A class label that is missing is named by its row."""
    with pytest.raises(DataError, match=r"row 1 .from 0. is missing"):
        kind().fit(ROWS, ["a", None, "b", "a", "b", "a"])


@pytest.mark.parametrize("kind", [GaussianBayes, KNeighborsClassifier, KNeighborsRegressor, LinearRegressor])
def test_score(kind):
    """`score` with other lengths or labels raises gorae's errors, as every method does."""
    model = (kind(n_neighbors=2) if "Neighbors" in kind.__name__ else kind()).fit(ROWS, targets_for(kind))
    with pytest.raises(GoraeError, match="inconsistent numbers of samples"):
        model.score(ROWS, targets_for(kind)[:4])
    with pytest.raises(GoraeError):
        model.score(ROWS, ["q"] * 6)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_validation_fraction_is_checked(early_stopping):
    """A share that is none is refused whether it would be used or not."""
    model = LinearClassifier(early_stopping=early_stopping, validation_fraction=7)
    with pytest.raises(InputError, match=r"validation_fraction must be a number in \(0, 1\), got 7"):
        model.fit(ROWS, LABELS)
