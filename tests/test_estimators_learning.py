"""The networks learn: what has a known answer is met, and what is easy is solved; nothing sits at 0."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine, make_blobs, make_moons
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from gorae.data import cut_stop_rows
from gorae.errors import DataError
from gorae.estimators import (
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
    Perceptron,
    fitting,
)

EXACTLY = {"optimizer": "nesterov", "tol": 0, "patience": 10_000, "scale": None}


def spirals(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two interleaved spirals of one and a half turns, away from 0."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, count)
    angle = 3 * np.pi * np.sqrt(rng.uniform(0.05, 1, count))
    arms = np.column_stack([angle * np.cos(angle + np.pi * codes), angle * np.sin(angle + np.pi * codes)])
    return arms + rng.normal(0, 0.2, (count, 2)) + [50, -7], codes


def test_moons() -> None:
    """Two moons, shifted and stretched, are told apart."""
    (X, y), (T, s) = (make_moons(200, noise=0.1, random_state=seed) for seed in (0, 1))
    model = MLPClassifier((16,), learning_rate=0.02, batch_size=50, epochs=60, tol=0, random_state=0)

    assert model.fit(X * 3 + [100, -40], y).score(T * 3 + [100, -40], s) > 0.95


def test_spirals() -> None:
    """Two spirals are told apart; a linear model cannot do much better than chance."""
    (X, y), (T, s) = spirals(300, 0), spirals(300, 1)
    network = MLPClassifier(
        (32, 32), activation="tanh", learning_rate=0.01, batch_size=50, epochs=300, random_state=0
    )

    assert network.fit(X, y).score(T, s) > 0.85
    assert LinearClassifier(epochs=60, tol=0, random_state=0).fit(X, y).score(T, s) < 0.7


def test_wave() -> None:
    """A wave of amplitude 3 around 1,000 is followed to a tenth of it; it is no line."""
    rng = np.random.default_rng(0)
    X = rng.uniform(10, 16, (200, 1))
    y = 1000 + 3 * np.sin(2 * X[:, 0])
    model = MLPRegressor(
        (32,), activation="tanh", learning_rate=0.02, batch_size=50, epochs=500, random_state=0
    )

    model.fit(X, y)

    assert np.sqrt(np.mean((model.predict(X) - y) ** 2)) < 0.3


def test_softmax_is_logistic_regression() -> None:
    """With a penalty of 1 / (C n), the softmax ends at scikit-learn's probabilities and coefficients.

    scikit-learn minimises C sum_i L_i + |w|^2 / 2; divided by C n this is the mean loss and half the
    weight decay times |w|^2.
    """
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    wanted = LogisticRegression(C=1 / (0.05 * len(X)), tol=1e-10, max_iter=10_000).fit(X, y)

    model = LinearClassifier(learning_rate=0.3, epochs=400, batch_size=178, weight_decay=0.05, **EXACTLY)
    model.fit(X, y)

    np.testing.assert_allclose(model.predict_proba(X), wanted.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(model.coef_, wanted.coef_, atol=1e-4)


def test_squared_error_is_ridge() -> None:
    """With a penalty of alpha / n, the squared error ends at ridge regression."""
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X) + 0.5
    wanted = Ridge(alpha=0.1 * len(X)).fit(X, y)

    model = LinearRegressor(learning_rate=0.1, epochs=3000, batch_size=442, weight_decay=0.1, **EXACTLY)
    model.fit(X, y)

    np.testing.assert_allclose(model.predict(X), wanted.predict(X), atol=1e-3 * y.std())
    np.testing.assert_allclose(model.coef_, wanted.coef_, atol=1e-3 * y.std())
    np.testing.assert_allclose(model.intercept_, wanted.intercept_, atol=1e-3 * y.std())


@pytest.mark.parametrize(
    "model",
    [
        LinearClassifier("hinge", learning_rate=0.05, epochs=200, random_state=0),
        LinearClassifier("crammer_singer", learning_rate=0.05, epochs=200, random_state=0),
        Perceptron(random_state=0),
    ],
    ids=str,
)
def test_separable_blobs(model) -> None:
    """Three groups that lines can separate are separated without a mistake, and training then ends."""
    centers = [[1000, -296], [1004, -303], [996, -303]]
    X, y = make_blobs(90, centers=centers, cluster_std=0.5, random_state=3)

    model.fit(X, y)

    assert model.score(X, y) == 1.0
    assert model.n_iter_ < model.epochs
    np.testing.assert_allclose(X @ model.coef_.T + model.intercept_, model.decision_function(X), atol=1e-2)


def test_perceptron_rule_by_hand() -> None:
    """One epoch over one row a class gives the weights that the rule gives by hand.

    Rows x = -1 (class 0) and x = 1 (class 1), weights and biases 0, eta = 0.5. A score of 0 is wrong for
    every unit, so the first row moves both units, and no later row is answered wrongly: starting with
    either row, w = (-0.5, 0.5), and the biases are (0.5, -0.5) after x = -1 or (-0.5, 0.5) after x = 1; the
    second row then scores 0 and 0 and moves both again: w = (-1, 1), b = (0, 0).
    """
    model = Perceptron(learning_rate=0.5, epochs=1, scale=None, random_state=0)

    model.fit([[-1.0], [1.0]], [0, 1])

    np.testing.assert_array_equal(model.coef_, [[2.0]])  # the difference of the units' weights, 1 - (-1)
    np.testing.assert_array_equal(model.intercept_, [0.0])
    assert model.unit_answers([[-3.0], [3.0]]).tolist() == [[1, 0], [0, 1]]


def test_hidden_features_feed_the_output() -> None:
    """Without hidden layers the features are the scaled inputs; with one, they have its width."""
    X, y = make_moons(60, random_state=0)
    scaled = StandardScaler().fit_transform(X)

    flat = MLPClassifier((), epochs=8, batch_size=16, random_state=0).fit(X, y)
    deep = MLPClassifier((8,), epochs=8, batch_size=16, random_state=0).fit(X, y)

    np.testing.assert_allclose(flat.hidden_features(X), scaled, atol=1e-5)
    assert deep.hidden_features(X).shape == (60, 8)
    assert (flat.layer_names_, deep.layer_names_) == (["output"], ["hidden 1", "output"])


def test_ensembles_agree_with_themselves() -> None:
    """The class with the largest probability is predicted, and decided for, by an ensemble too."""
    X, y = make_moons(60, noise=0.3, random_state=0)
    model = LinearClassifier(members=4, batch_size=16, learning_rate=0.3, epochs=8, random_state=0).fit(X, y)

    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
    np.testing.assert_array_equal(model.predict(X) == 1, model.decision_function(X) > 0)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-5)


def test_history() -> None:
    """Each member's history has an entry an epoch, and a gradient norm a layer."""
    X, y = make_moons(60, random_state=0)
    model = MLPClassifier((8,), epochs=8, batch_size=16, members=2, random_state=0).fit(X, y)

    first, second = model.history_

    assert first.gradient_norms.shape == (8, 2)
    assert model.loss_curve_ == first.train_loss.tolist()
    assert (first.train_loss != second.train_loss).all()
    assert np.isnan(first.validation_loss).all()


@pytest.mark.parametrize("batch_size", [8, 100], ids=["minibatches", "one batch"])
def test_early_stopping_tears_no_group_apart(batch_size: int) -> None:
    """With groups, the rows that early stopping watches are whole groups, equal rows or not."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.array(["a", "b", "c", "d", "e", "f"]), 4)
    X = np.repeat(rng.normal(size=(6, 2)), 4, axis=0)  # the rows of a group are equal, and 2 groups are too
    X[4:8] = X[:4]
    y = rng.integers(0, 2, 24)
    y[:2] = 0, 1
    seen = []

    def cut(rows, values, **options):
        seen.append((options["groups"], *cut_stop_rows(rows, values, **options)))
        return seen[0][1:]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "cut_stop_rows", cut)
        MLPClassifier(
            (2,), epochs=2, batch_size=batch_size, early_stopping=True, validation_fraction=0.3
        ).fit(X, y, groups=groups)

    ((groups, train, stop),) = seen
    assert sorted([*train, *stop]) == list(range(len(groups)))
    assert len(stop) > 0
    assert not set(groups[stop]) & set(groups[train])


def test_groups_are_one_a_row() -> None:
    """Groups of another length are refused with what was wanted."""
    with pytest.raises(DataError, match=r"groups must hold one label a row, 3 of them, got the shape \(2,\)"):
        MLPClassifier().fit(np.eye(3), [0, 1, 1], groups=["a", "b"])


def test_groups_decide_nothing_without_early_stopping() -> None:
    """A fit that watches no rows is bitwise the one without groups, and weights are still copies."""
    rng = np.random.default_rng(0)
    X, y, groups = rng.normal(size=(12, 2)), np.arange(12) % 2, np.arange(12) % 3
    plain = MLPClassifier((2,), epochs=5, random_state=0).fit(X, y)
    grouped = MLPClassifier((2,), epochs=5, random_state=0).fit(X, y, groups=groups)

    np.testing.assert_array_equal(plain.predict_proba(X), grouped.predict_proba(X))


def test_weights_are_copies_with_groups() -> None:
    """With early stopping and groups, a row of weight 2 is bitwise two rows of its group."""
    rng = np.random.default_rng(0)
    X, y, groups = rng.normal(size=(12, 2)), np.arange(12) % 2, np.arange(12) // 3
    twice = np.arange(12) < 5
    options = {"epochs": 5, "early_stopping": True, "validation_fraction": 0.3, "random_state": 0}
    weighted = MLPClassifier((2,), **options).fit(X, y, 1 + twice, groups=groups)
    copied = MLPClassifier((2,), **options).fit(
        np.vstack([X, X[twice]]), np.append(y, y[twice]), groups=np.append(groups, groups[twice])
    )

    np.testing.assert_array_equal(weighted.predict_proba(X), copied.predict_proba(X))


def test_missing_groups() -> None:
    """A group that is NaN is refused and not made one with the others that are."""
    with pytest.raises(DataError, match="groups must not be missing, but row 1"):
        MLPClassifier().fit(np.eye(3), [0, 1, 1], groups=[1.0, np.nan, 2.0])
