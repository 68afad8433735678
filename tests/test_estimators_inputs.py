"""What may be given as rows and targets, and what is refused (RELIABILITY R10)."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from gorae.errors import DataError, InputError, InputTypeError, NotFittedError
from gorae.estimators import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, Perceptron

NETWORKS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor, Perceptron]


def rows(count: int = 60, columns: int = 4, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return rows that float32 holds exactly, and two classes that they tell apart."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(count, columns)) * 16 + 50) / 16
    return X, (X[:, 0] > np.median(X[:, 0])).astype(int)


def small(**parameters) -> MLPClassifier:
    """Return a network that trains in no time."""
    return MLPClassifier((8,), epochs=8, batch_size=16, random_state=0, **parameters)


@pytest.mark.parametrize(
    "form",
    [
        np.ndarray.tolist,
        lambda X: X.astype(np.float32),
        np.asfortranarray,
        lambda X: X.astype(object),
        lambda X: pd.DataFrame(X),
        lambda X: pl.DataFrame(X),
        lambda X: pa.table({str(i): column for i, column in enumerate(X.T)}),
    ],
    ids=["list", "float32", "fortran", "object", "pandas", "polars", "pyarrow"],
)
def test_forms_of_rows(form) -> None:
    """Rows in any of these forms give bitwise the predictions of a float64 array."""
    X, y = rows()
    expected = small().fit(X, y).predict_proba(X)

    given = small().fit(form(X), y).predict_proba(form(X))

    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize(
    "form", [list, np.float32, pd.Series, pl.Series, pa.array], ids=lambda form: form.__name__
)
def test_forms_of_targets(form) -> None:
    """Targets in any of these forms give bitwise the same regression."""
    X, _ = rows()
    target = (X[:, 0] * 0.5).astype(np.float64)
    model = MLPRegressor((8,), epochs=8, batch_size=16, random_state=0)
    expected = model.fit(X, target).predict(X)

    np.testing.assert_array_equal(model.fit(X, form(target)).predict(X), expected)


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_sparse_rows_are_refused(cls) -> None:
    """Sparse rows are refused with scikit-learn's own sentence."""
    X, y = rows()

    with pytest.raises(InputTypeError, match=r"Sparse data was passed for X, but dense data is required"):
        cls().fit(sparse.csr_array(X), y)


def test_bytes_stay_bytes() -> None:
    """Rows of uint8 give the predictions of the same numbers as float32, scaled by one number for all."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (60, 4), dtype=np.uint8), rng.integers(0, 2, 60)

    as_bytes = small().fit(X, y).predict_proba(X)
    as_floats = small(scale="common").fit(X.astype(np.float32), y).predict_proba(X.astype(np.float32))

    np.testing.assert_array_equal(as_bytes, as_floats)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_missing_and_infinite_values(value: float) -> None:
    """A value that is missing or infinite is refused, in rows and in targets, at fit and at predict."""
    X, y = rows()
    fitted = small().fit(X, y)
    bad, bad_target = X.copy(), X[:, 0].copy()
    bad[3, 2] = bad_target[3] = value

    for refused in (
        lambda: small().fit(bad, y),
        lambda: fitted.predict(bad),
        lambda: MLPRegressor().fit(X, bad_target),
    ):
        with pytest.raises(InputError, match=r"contains (NaN|infinity)"):
            refused()


def test_huge_values() -> None:
    """A column of 1e30 is scaled like any other."""
    X, y = rows()
    huge = X.copy()
    huge[:, 0] *= 1e30

    model = small(learning_rate=0.05).fit(huge, y)

    assert model.score(huge, y) > 0.9
    assert np.isfinite(model.predict_proba(huge)).all()


def test_values_beyond_float32() -> None:
    """A value beyond float32 is refused with its place."""
    X, y = rows()
    X[7, 1] = 1e39

    with pytest.raises(DataError, match=r"X holds a value too large .* 1e\+39 in row 7, column 1"):
        small().fit(X, y)


def test_targets_beyond_float32() -> None:
    """A target beyond float32 is refused with its value."""
    X, y = rows()

    with pytest.raises(DataError, match=r"y must be below 1e\+37 in size .* got 1e\+39"):
        MLPRegressor().fit(X, y * 1e39)


def test_rows_too_far_away() -> None:
    """A row for which the network overflows is named, instead of an answer that is not a number."""
    X, y = rows()
    model = small().fit(X * 1e-6, y)
    far = X.copy()
    far[5] = 9e36

    with pytest.raises(DataError, match=r"row 5 \(from 0\) of X is so far from the training rows"):
        model.predict_proba(far)


def test_constant_column() -> None:
    """A column that never varies changes no answer, whatever it holds later."""
    X, y = rows()
    X[:, 2] = 7.0
    model = small().fit(X, y)
    other = X.copy()
    other[:, 2] = -1000.0

    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(other))


@pytest.mark.parametrize("unit", [np.float64, np.float32])
def test_timestamps(unit: type) -> None:
    """A column of seconds since 1970 is learned from, though float32 counts them by 128."""
    seconds = 1.7e9 + 128 * np.arange(60.0)
    X = np.column_stack([seconds, np.zeros(60)]).astype(unit)
    y = (np.arange(60) >= 30).astype(int)

    model = LinearClassifier(learning_rate=0.5, epochs=200, tol=1e-3, random_state=0).fit(X, y)

    assert model.score(X, y) > 0.95


def test_small_steps_of_large_values() -> None:
    """Differences of 1 in numbers of 1e12, far below what float32 resolves, are learned from."""
    X = 1e12 + np.arange(60.0)[:, None]
    y = X[:, 0] * 3 + 1e14

    model = LinearRegressor(learning_rate=0.1, epochs=300, patience=300, random_state=0).fit(X, y)

    assert model.score(X, y) > 0.999


@pytest.mark.parametrize(("count", "columns"), [(60, 1), (3, 4), (7, 1)])
def test_odd_shapes(count: int, columns: int) -> None:
    """One column, three rows, seven rows: fits and answers in the right shapes."""
    X, _ = rows(count, columns)
    y = np.arange(count) % 2

    for early_stopping in (False, True):
        model = MLPClassifier((8,), epochs=8, early_stopping=early_stopping, random_state=0)
        assert model.fit(X, y).predict_proba(X).shape == (count, 2)


def test_one_row_regression() -> None:
    """One row is learned: the prediction is its target."""
    model = LinearRegressor(epochs=5).fit([[2.0, 3.0]], [10.0])

    np.testing.assert_allclose(model.predict([[2.0, 3.0]]), [10.0])


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([False, True]),
        np.array([-1, 1]),
        np.array([2.0, 5.0]),
        np.array([3, 200], dtype=np.uint8),
    ],
    ids=["text", "object", "bool", "signs", "floats", "bytes"],
)
def test_labels(labels: np.ndarray) -> None:
    """Labels of any kind come back in their own type, with the same probabilities."""
    X, y = rows()
    expected = small().fit(X, y).predict_proba(X)

    model = small().fit(X, labels[y])

    assert model.classes_.dtype == labels.dtype
    assert set(model.predict(X)) <= set(labels)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("cls", [MLPClassifier, LinearClassifier, Perceptron])
def test_one_class(cls) -> None:
    """A single class is refused by its name."""
    X, _ = rows()

    with pytest.raises(DataError, match="at least two classes, but y holds one class only: 'benign'"):
        cls().fit(X, ["benign"] * 60)


def test_fractions_are_no_classes() -> None:
    """A classifier refuses targets that are fractions."""
    X, _ = rows()

    with pytest.raises(InputError, match="Unknown label type: continuous"):
        small().fit(X, X[:, 0] + 0.25)


def test_several_targets() -> None:
    """Several targets are predicted in their order and units."""
    X, _ = rows()
    Y = np.column_stack([X @ [1.0, 2.0, 0.0, -1.0] + 1000, X @ [0.0, -1.0, 3.0, 1.0] * 1e-3])

    model = LinearRegressor(learning_rate=0.1, epochs=300, patience=300, random_state=0).fit(X, Y)

    assert model.predict(X).shape == (60, 2)
    assert np.all(np.abs(model.predict(X) - Y).max(axis=0) < 0.05 * Y.std(axis=0))


def test_feature_names() -> None:
    """Columns in another order than at fit are refused with scikit-learn's sentence."""
    X, y = rows()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = small().fit(frame, y)

    assert model.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(InputError, match="The feature names should match"):
        model.predict(frame[list("dcba")])


@pytest.mark.parametrize("cls", NETWORKS, ids=lambda cls: cls.__name__)
def test_not_fitted(cls) -> None:
    """Before `fit` there is no answer, no history and nothing to save."""
    X, _ = rows()

    for refused in (
        lambda: cls().predict(X),
        lambda: cls().history_,
        lambda: cls().layer_names_,
        lambda: cls().save("never.gorae"),
    ):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            refused()


def test_a_failed_fit_changes_nothing() -> None:
    """A fit that fails leaves a fitted estimator answering as before."""
    X, y = rows()
    model = small().fit(X, y)
    before = model.predict_proba(X)

    with pytest.raises(InputError):
        model.fit(X[:, :2], np.zeros(60))

    np.testing.assert_array_equal(model.predict_proba(X), before)
