"""The same fit twice is bitwise the same, also in another process, and nothing global is touched (R2, R4)."""

import hashlib
import random
import subprocess
import sys

import jax
import numpy as np
import pytest
from sklearn.base import clone

from gorae.backend import select_devices
from gorae.data.folds import Split
from gorae.errors import DivergenceWarning
from gorae.estimators import LinearClassifier, MLPClassifier, MLPRegressor, Perceptron
from gorae.estimators.population import make_table, train_recipes

PROGRAM = """
import hashlib
import numpy as np
from gorae.estimators import MLPClassifier
rng = np.random.default_rng(5)
X = rng.normal(size=(60, 4)) + 3
y = rng.integers(0, 2, 60)
model = MLPClassifier((8,), dropout=0.2, batch_size=16, epochs=8, members=2, random_state=11)
print(hashlib.sha256(model.fit(X, y).predict_proba(X).tobytes()).hexdigest())
"""


def rows(seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return 60 rows of 4 columns and 2 classes."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(60, 4)) + 3, rng.integers(0, 2, 60)


@pytest.mark.parametrize(
    "model",
    [
        MLPClassifier((8,), dropout=0.2, batch_size=16, epochs=8, members=2, random_state=11),
        MLPRegressor((8,), batch_size=16, epochs=8, early_stopping=True, random_state=11),
        LinearClassifier(batch_size=16, epochs=8, random_state=11),
        Perceptron(epochs=8, random_state=11),
    ],
    ids=lambda model: type(model).__name__,
)
def test_refit(model) -> None:
    """Two fits with one seed answer bitwise the same."""
    X, y = rows()
    ask = "predict_proba" if hasattr(model, "predict_proba") else "predict"

    first = getattr(clone(model).fit(X, y), ask)(X)
    second = getattr(model.fit(X, y).fit(X, y), ask)(X)

    np.testing.assert_array_equal(first, second)


def test_other_process() -> None:
    """A fit in another process answers bitwise the same."""
    X, y = rows()
    model = MLPClassifier((8,), dropout=0.2, batch_size=16, epochs=8, members=2, random_state=11).fit(X, y)
    here = hashlib.sha256(model.predict_proba(X).tobytes()).hexdigest()

    there = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout

    assert there.strip() == here


def test_other_seed() -> None:
    """Another seed gives another model."""
    X, y = rows()
    model = MLPClassifier((8,), batch_size=16, epochs=8)

    one, two = (clone(model).set_params(random_state=s).fit(X, y).predict_proba(X) for s in (0, 1))

    assert np.abs(one - two).max() > 1e-3


def test_nothing_global_changes() -> None:
    """A fit with a seed leaves the generators of numpy and Python, and JAX's configuration, as they were."""
    X, y = rows()
    np.random.seed(3)  # noqa: NPY002  the global generator is what must not move
    random.seed(3)
    before = np.random.get_state()[1].copy(), random.getstate(), dict(jax.config.values)  # noqa: NPY002

    MLPClassifier((8,), batch_size=16, epochs=8, random_state=0).fit(X, y).predict(X)

    assert np.array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    assert before[1:] == (random.getstate(), dict(jax.config.values))


def test_random_state_generator() -> None:
    """A RandomState gives the seed; equal generators give equal models."""
    X, y = rows()

    one, two = (
        MLPClassifier((8,), batch_size=16, epochs=8, random_state=np.random.RandomState(7)).fit(X, y)
        for _ in range(2)
    )

    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_order_of_the_rows_in_a_full_batch() -> None:
    """Where a batch holds all rows, their order changes nothing at all."""
    X, y = rows()
    order = np.random.default_rng(0).permutation(60)
    model = MLPClassifier((8,), batch_size=128, epochs=8, random_state=0)

    straight = clone(model).fit(X, y).predict_proba(X)
    shuffled = clone(model).fit(X[order], y[order]).predict_proba(X)

    np.testing.assert_array_equal(straight, shuffled)


def test_members_are_what_they_would_be_alone() -> None:
    """Member i of an ensemble is bitwise the network that stream i gives alone."""
    X, y = rows()
    model = MLPClassifier((8,), batch_size=16, epochs=8, members=5, random_state=11).fit(X, y)
    everything, nothing = np.arange(60, dtype=np.int32), np.zeros(0, np.int32)
    table = make_table(
        X.astype(np.float32), y, None, [Split(everything, nothing, nothing)], classes=2, scale="standard"
    )
    recipe = model._recipe(4, 2, 60)

    for stream, member in enumerate(model._learned.members):
        (alone,), _ = train_recipes(table, [recipe], [(0, 0, stream)], seed=11, devices=select_devices())
        for ours, theirs in zip(
            jax.tree.leaves(member.parameters), jax.tree.leaves(alone.parameters), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_ensemble_is_the_mean_of_its_members() -> None:
    """The probabilities of an ensemble are the mean of its members', which differ."""
    X, y = rows()
    model = MLPClassifier((8,), batch_size=16, epochs=8, members=5, random_state=11).fit(X, y)

    each = model.member_proba_(X)

    assert each.shape == (5, 60, 2)
    assert each.std(axis=0).max() > 1e-3
    np.testing.assert_array_equal(model.predict_proba(X), each.mean(axis=0))
    np.testing.assert_array_equal(model.predict(X), model.classes_[each.mean(axis=0).argmax(axis=1)])


def test_diverged_fit_is_told_and_finite() -> None:
    """A learning rate of 1e30 is told with the step, and every answer is finite."""
    X, y = rows()
    model = MLPClassifier((8,), optimizer="sgd", learning_rate=1e30, epochs=8, members=2, random_state=0)

    with pytest.warns(DivergenceWarning, match=r"2 of 2 members left the finite numbers \(at step 0|1\)"):
        model.fit(X, y)

    assert model.diverged_members_ == [0, 1]
    assert np.isfinite(model.predict_proba(X)).all()
