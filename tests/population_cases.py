"""Small populations for the tests of `train`: one table, folds of 1, 3 and 7 rows, two kinds of networks."""

from functools import cache

import jax
import numpy as np

from gorae.backend import select_devices
from gorae.estimators.population import Build
from gorae.models import LinearShape, MLPShape
from gorae.models.network import parameters_by_layer
from gorae.train import (
    Asked,
    Member,
    Problem,
    SharedRows,
    SplitRows,
    hyper_scalars,
    member_outputs,
    train,
)

CLASSES = 3
STOPS = (11, 12, 13, 14, 15)


def network():
    """An MLP with much in it: batch normalisation, dropout, AdamW, minibatches, a schedule."""
    shape = MLPShape(17, CLASSES, hidden=(17,), normalization="batch", dropout=True, activation="tanh")
    options = {"optimizer": "adamw", "schedule": "cosine", "batch_size": 4, "classes": CLASSES}
    return Problem(Build(shape), parameters_by_layer, "cross_entropy", **options)


def narrow():
    """An MLP of one input and one hidden unit, with momentum."""
    shape = MLPShape(1, CLASSES, hidden=(1,), activation="tanh")
    options = {"optimizer": "momentum", "batch_size": 2, "classes": CLASSES}
    return Problem(Build(shape), parameters_by_layer, "cross_entropy", **options)


def line(outputs=1, **options):
    """A linear regression by full batches of gradient descent."""
    options = {"optimizer": "sgd", "batch_size": 8, "shuffle": False, **options}
    return Problem(Build(LinearShape(1, outputs)), parameters_by_layer, "squared_error", **options)


@cache
def table(inputs=17, seed=0):
    """Sixteen rows of three classes, away from 0."""
    rng = np.random.default_rng(seed)
    codes = np.arange(16) % CLASSES
    rows = rng.normal(1.0, 1.0, (16, inputs)) + 2 * np.eye(CLASSES)[codes][:, [i % 3 for i in range(inputs)]]
    return SharedRows(rows.astype(np.float32), codes.astype(np.int32))


def split(train_rows, stop_rows=(), *, inputs=17, weights=None, padded=8, outputs=0):
    """A fold whose encoding changes nothing."""
    nothing, ones = np.zeros(inputs, np.float32), np.ones(inputs, np.float32)
    units = np.zeros(outputs, np.float32), np.ones(outputs, np.float32)
    rows, weight = _pad(train_rows, weights, padded)
    stops, stop_weight = _pad(stop_rows, None, padded if len(stop_rows) else 0)
    counts = np.int32(len(train_rows)), np.int32(len(stop_rows))
    return SplitRows(nothing, nothing, ones, *units, rows, weight, counts[0], stops, stop_weight, counts[1])


def _pad(rows, weights, padded):
    index, weight = np.zeros(padded, np.int32), np.zeros(padded, np.float32)
    index[: len(rows)] = rows
    weight[: len(rows)] = 1 if weights is None else weights
    return index, weight


def folds(stop_rows=STOPS, *, inputs=17, padded=8):
    """Folds that learn from 7 rows of unequal weights, from 3 and from 1."""
    weights = (np.linspace(0.3, 2.0, 7), None, None)
    return [
        split(range(n), stop_rows, inputs=inputs, padded=padded, weights=weight)
        for n, weight in zip((7, 3, 1), weights, strict=True)
    ]


def members(count, epochs=100, **numbers):
    """Members of all folds, with learning rates and dropout of their own."""
    found = []
    for i in range(count):
        own = {"learning_rate": 0.003 * (i + 1), "dropout": 0.1 * i, "weight_decay": 1e-3, "epochs": epochs}
        found.append(Member(hyper_scalars(**{"seed": 7, "stream": i, **own, **numbers}), i % 3))
    return found


def fit(problem, who, shared=None, splits=None, **options):
    """Train, and return the results."""
    shared = table() if shared is None else shared
    splits = folds() if splits is None else splits
    return train(problem, shared, splits, who, devices=select_devices("cpu"), **options).results


def outputs(problem, shared, splits, result):
    """What a member answers for all sixteen rows."""
    asked = Asked(result.parameters, result.buffers, splits[0], np.arange(16))
    (answers,) = member_outputs(problem, shared.rows, [asked], devices=select_devices("cpu"))
    return answers


def arrays(result):
    """All that a result holds, as a list of arrays."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tuple(result)[:7])]


def assert_same(one, other):
    """Two results are bitwise the same."""
    for a, b in zip(arrays(one), arrays(other), strict=True):
        np.testing.assert_array_equal(a, b)


def assert_alike(one, other):
    """Two results are the same but for rounding, as those of a stack and of a member alone."""
    assert largest_difference(one, other) <= 1e-6
    assert (one.best_epoch, one.epochs) == (other.best_epoch, other.epochs)


def largest_difference(one, other):
    """The largest difference of two results' parameters and buffers."""
    pairs = zip(
        jax.tree.leaves((one.parameters, one.buffers)),
        jax.tree.leaves((other.parameters, other.buffers)),
        strict=True,
    )
    return max(float(np.abs(a - b).max()) for a, b in pairs)
