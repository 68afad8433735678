"""A weight of k counts as k copies, a weight of 0 as removed (RELIABILITY R11)."""

import numpy as np
import pytest
from sklearn.base import clone

from gorae.errors import InputError
from gorae.estimators import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, Perceptron

FULL_BATCH = [
    MLPClassifier((8,), epochs=30, tol=0, random_state=0),
    MLPClassifier((8,), epochs=30, tol=0, early_stopping=True, random_state=0),
    MLPRegressor((8,), epochs=30, tol=0, random_state=0),
    LinearClassifier(epochs=30, tol=0, random_state=0),
    LinearRegressor(epochs=30, tol=0, random_state=0),
    Perceptron(epochs=30, random_state=0),
]


def rows(count: int = 30, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows away from 0, two classes that overlap, and weights of 0 to 3."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 4)) + 20
    y = (X[:, 0] + rng.normal(size=count) > 20).astype(int)
    return X, y, rng.integers(0, 4, count)


def answers(model, X: np.ndarray) -> np.ndarray:
    """Return what a model says of rows, in numbers."""
    for name in ("predict_proba", "decision_function", "predict"):
        if hasattr(model, name):
            return getattr(model, name)(X)
    raise AssertionError(f"{model} answers nothing")


@pytest.mark.parametrize("model", FULL_BATCH, ids=str)
def test_weights_are_copies_where_a_batch_holds_all_rows(model) -> None:
    """Weights, copies, and copies in another order give bitwise the same answers."""
    X, y, weight = rows()
    copies = np.random.default_rng(0).permutation(np.repeat(np.arange(30), weight))

    weighted = answers(clone(model).fit(X, y, sample_weight=weight), X)
    copied = answers(clone(model).fit(X[copies], y[copies]), X)

    np.testing.assert_array_equal(weighted, copied)


@pytest.mark.parametrize(
    "model", [MLPClassifier((8,), batch_size=8, epochs=8, random_state=0), FULL_BATCH[2]], ids=str
)
def test_weight_0_is_removed(model) -> None:
    """A row of weight 0 is as if it were not there, whatever it holds."""
    X, y, weight = rows()
    kept = weight > 0
    wild = np.where(kept[:, None], X, 1e6)

    with_zeros = answers(clone(model).fit(wild, y, sample_weight=weight), X)
    without = answers(clone(model).fit(X[kept], y[kept], sample_weight=weight[kept]), X)

    np.testing.assert_array_equal(with_zeros, without)


@pytest.mark.parametrize("unit", [1e-30, 7.0, 1e30])
def test_only_ratios_of_weights_count(unit: float) -> None:
    """Weights in another unit give the same model."""
    X, y, weight = rows()
    model = MLPClassifier((8,), batch_size=8, epochs=8, random_state=0)

    expected = clone(model).fit(X, y, sample_weight=weight).predict_proba(X)
    scaled = clone(model).fit(X, y, sample_weight=weight * unit).predict_proba(X)

    np.testing.assert_allclose(scaled, expected, rtol=1e-5)


def test_weights_are_copies_in_minibatches_in_the_mean() -> None:
    """Over 50 seeds at convergence, mean answers with weights and copies agree within two standard errors.

    All 30 rows are compared at once: of 30 correct comparisons about 1.4 lie outside, more than 5 in one of
    a hundred tests at most.
    """
    X, y, weight = rows()
    weight = weight + 1
    copies = np.repeat(np.arange(30), weight)
    model = LinearClassifier(
        optimizer="sgd", learning_rate=0.05, weight_decay=0.1, batch_size=8, tol=0, members=50, random_state=3
    )

    model.set_params(epochs=200, patience=200).fit(X, y, sample_weight=weight)
    weighted = model.member_proba_(X)[..., 1]
    model.set_params(epochs=80, patience=80).fit(X[copies], y[copies])
    copied = model.member_proba_(X)[..., 1]
    gap = weighted.mean(axis=0) - copied.mean(axis=0)
    error = np.sqrt((weighted.var(axis=0, ddof=1) + copied.var(axis=0, ddof=1)) / 50)

    assert weighted.std(axis=0).min() > 0
    assert np.sum(np.abs(gap) > 2 * error) <= 5


def test_balanced_classes_are_weights() -> None:
    """Balanced classes, a dictionary, and the same weights row by row give the same model.

    Columns are not scaled here: a row's own weight counts in their mean, its class's weight does not.
    """
    X, y, _ = rows()
    X, y[:8] = X - 18, 1
    factors = len(y) / (2 * np.bincount(y))
    model = LinearClassifier(epochs=30, tol=0, scale=None, random_state=0)

    balanced = clone(model).set_params(class_weight="balanced").fit(X, y).predict_proba(X)
    told = clone(model).set_params(class_weight=dict(enumerate(factors))).fit(X, y).predict_proba(X)
    by_row = clone(model).fit(X, y, sample_weight=factors[y]).predict_proba(X)

    np.testing.assert_allclose(balanced, told, rtol=1e-6)
    np.testing.assert_allclose(balanced, by_row, rtol=1e-6)
    assert np.abs(balanced - clone(model).fit(X, y).predict_proba(X)).max() > 0.01


def test_class_weights_by_label() -> None:
    """A dictionary names classes by their labels."""
    X, y, _ = rows()
    names = np.array(["no", "yes"])
    model = LinearClassifier(epochs=30, tol=0, random_state=0)

    by_code = clone(model).set_params(class_weight={1: 5.0}).fit(X, y).predict_proba(X)
    by_name = clone(model).set_params(class_weight={"yes": 5.0}).fit(X, names[y]).predict_proba(X)

    np.testing.assert_array_equal(by_code, by_name)


def test_score_takes_weights() -> None:
    """The score weighs rows: of two rows, one answered rightly, the weights decide."""
    X, y, _ = rows()
    model = LinearClassifier(epochs=30, tol=0, random_state=0).fit(X, y)
    wrong = int(np.flatnonzero(model.predict(X) != y)[0])
    right = int(np.flatnonzero(model.predict(X) == y)[0])

    assert model.score(X[[right, wrong]], y[[right, wrong]], sample_weight=[3.0, 1.0]) == 0.75


def test_all_weights_0() -> None:
    """Weights that leave no row are refused."""
    X, y, _ = rows()

    with pytest.raises(InputError, match="Sample weights must contain at least one non-zero number"):
        LinearClassifier().fit(X, y, sample_weight=np.zeros(30))


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [(-1.0, "Negative values in data"), (np.nan, "contains NaN"), (np.inf, "contains infinity")],
)
def test_wrong_weights(weight: float, sentence: str) -> None:
    """A weight that is negative or not finite is refused."""
    X, y, _ = rows()
    weights = np.ones(30)
    weights[4] = weight

    with pytest.raises(InputError, match=sentence):
        LinearClassifier().fit(X, y, sample_weight=weights)
