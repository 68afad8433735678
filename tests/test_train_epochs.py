"""What an epoch does and records: losses, gradients, weights, early stopping, the perceptron."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.estimators.population import Build
from gorae.models import LinearShape, MLPShape
from gorae.models.network import parameters_by_layer
from gorae.train import Member, Problem, SharedRows, find_objective, hyper_scalars
from gorae.train.member import draw_model
from gorae.train.order import epoch_order
from gorae.train.problem import assemble
from population_cases import (
    CLASSES,
    STOPS,
    arrays,
    fit,
    folds,
    line,
    members,
    narrow,
    network,
    outputs,
    split,
    table,
)


def mean_loss(answers, targets, weights=None):
    """The weighted mean cross-entropy, in 64 bits."""
    shifted = answers - answers.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted.astype(np.float64)).sum(axis=1, keepdims=True))
    return np.average(-log_p[np.arange(len(targets)), targets], weights=weights)


def regression(x, y):
    """A table of one input and one target, filled up to 16 rows."""
    rows, targets = np.zeros((16, 1), np.float32), np.zeros((16, 1), np.float32)
    rows[: len(x), 0], targets[: len(y), 0] = x, y
    return SharedRows(rows, targets)


def fit_line(x, y, weights=None, **numbers):
    numbers = hyper_scalars(**{"learning_rate": 0.1, "epochs": 40, **numbers})
    fold = split(range(len(x)), inputs=1, outputs=1, weights=weights)
    (result,) = fit(line(), [Member(numbers, 0)], regression(x, y), [fold], chunk=1)
    return result


def test_gradient_descent_is_followed_step_by_step():
    """Forty epochs of weighted full batches: losses, gradient norms and parameters as in 64 bits outside."""
    x, y, weight = np.array([3.0, 4.0, 6.0]), np.array([1.0, 5.0, 4.0]), np.array([0.5, 1.0, 3.0])
    result = fit_line(x, y, weight, learning_rate=0.02, weight_decay=0.1)
    slope = offset = 0.0
    for loss, norm in zip(result.history.train_loss, result.history.gradient_norms[:, 0], strict=True):
        off = slope * x + offset - y
        gradient = np.average(off * x, weights=weight), np.average(off, weights=weight)
        np.testing.assert_allclose(loss, np.average(off**2 / 2, weights=weight), rtol=1e-4)
        np.testing.assert_allclose(norm, np.hypot(*gradient), rtol=1e-4)
        slope -= 0.02 * (gradient[0] + 0.1 * slope)
        offset -= 0.02 * gradient[1]

    np.testing.assert_allclose(np.ravel(result.parameters.head.weight), slope, rtol=1e-4)
    np.testing.assert_allclose(result.parameters.head.bias, offset, rtol=1e-4)
    assert np.isnan(result.history.validation_loss).all()


def test_a_weight_counts_as_copies():
    """In a full batch, rows of weight 1, 2 and 3 are six rows."""
    x, y = np.array([0.3, 1.0, 2.0]), np.array([1.0, 5.0, 4.0])
    weighted, copied = fit_line(x, y, [1, 2, 3]), fit_line(np.repeat(x, [1, 2, 3]), np.repeat(y, [1, 2, 3]))

    for one, other in zip(arrays(weighted), arrays(copied), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_the_unit_of_weights_is_free():
    """A thousand times the weights are the same weights."""
    x, y = np.array([0.3, 1.0, 2.0]), np.array([1.0, 5.0, 4.0])
    ones, thousands = fit_line(x, y, [1, 2, 5]), fit_line(x, y, [1000, 2000, 5000])

    for one, other in zip(arrays(ones), arrays(thousands), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_weight_counts_as_copies_in_batch_statistics():
    """With batch normalisation, too, rows of weight 1, 2 and 3 are six rows."""
    build = Build(MLPShape(1, CLASSES, hidden=(3,), normalization="batch"))
    options = {"optimizer": "sgd", "batch_size": 8, "classes": CLASSES, "shuffle": False}
    problem = Problem(build, parameters_by_layer, "cross_entropy", **options)
    copies = table(1)._replace(rows=np.repeat(table(1).rows, 2, axis=0)[:16])
    twice = copies._replace(targets=np.repeat(table(1).targets, 2)[:16])
    who = [Member(hyper_scalars(epochs=30, learning_rate=0.1), 0)]
    (copied,) = fit(problem, who, twice, [split([0, 2, 3, 4, 5], inputs=1)], chunk=1)
    (weighted,) = fit(problem, who, twice, [split([0, 2, 4], inputs=1, weights=[1, 2, 2])], chunk=1)

    for one, other in zip(*map(jax.tree.leaves, (weighted.parameters, copied.parameters)), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    np.testing.assert_allclose(weighted.history.train_loss, copied.history.train_loss, rtol=1e-5)


def test_minibatches_add_up_to_the_fold():
    """With nothing learned, an epoch's loss is the fold's weighted loss, though its last batch is smaller."""
    who = members(3, epochs=2, learning_rate=0.0, weight_decay=0.0)
    shared, splits = table(1), folds((), inputs=1)
    for result, member in zip(fit(narrow(), who, shared, splits, chunk=1), who, strict=True):
        fold = splits[member.split]
        count = int(fold.train_count)
        answers = outputs(narrow(), shared, splits, result)[fold.train_rows[:count]]
        expected = mean_loss(answers, shared.targets[fold.train_rows[:count]], fold.train_weight[:count])

        np.testing.assert_allclose(result.history.train_loss, expected, rtol=1e-5)


def test_gradient_norms_are_those_of_the_first_batch():
    """The first record holds, layer by layer, the norm that jax.grad finds for the epoch's first batch."""
    (member,) = members(1, epochs=1)
    shared, splits = table(1), folds((), inputs=1)
    (result,) = fit(narrow(), [member], shared, splits, chunk=1)
    parameters, buffers = draw_model(narrow(), member.hyper)
    first = np.asarray(epoch_order(member.hyper, jnp.int32(0), jnp.int32(7), 8))[:2]
    weight = splits[0].train_weight[first] / splits[0].train_weight[:7].mean()

    def loss(p):
        scores, _ = assemble(narrow(), p, buffers)(shared.rows[first], nn.inference())
        losses = find_objective("cross_entropy")(scores, jnp.asarray(shared.targets[first]), 0.0)
        return jnp.mean(losses * weight)

    layers = parameters_by_layer(jax.grad(loss)(parameters)).values()
    norms = [np.sqrt(sum(np.sum(np.square(leaf)) for leaf in leaves)) for leaves in layers]
    np.testing.assert_allclose(result.history.gradient_norms[0], norms, rtol=1e-4)


@pytest.fixture(scope="module")
def stopped():
    """Members with little patience, whose best epoch lies anywhere."""
    return fit(network(), members(6, epochs=200, patience=9), keep_state=True, chunk=1)


def test_early_stopping_keeps_the_best_epoch(stopped):
    """What is kept, running statistics included, gives the history's smallest validation loss and its score."""
    shared, stops = table(), list(STOPS)
    for result in stopped:
        answers = outputs(network(), shared, folds(), result)[stops]
        best = result.best_epoch - 1

        assert best == np.argmin(result.history.validation_loss)
        np.testing.assert_allclose(
            mean_loss(answers, shared.targets[stops]), result.history.validation_loss[best], rtol=2e-5
        )
        right = np.mean(answers.argmax(axis=1) == shared.targets[stops])
        np.testing.assert_allclose(right, result.history.validation_score[best], rtol=1e-6)


def test_patience_is_exact(stopped):
    """Training ends after nine epochs without a better one, or with its last epoch."""
    assert any(result.epochs < 200 for result in stopped)
    for result in stopped:
        assert result.epochs == len(result.history.train_loss) == min(result.best_epoch + 9, 200)


def test_stopping_rows_move_nothing():
    """Other stopping rows choose another epoch, and yet every step of the training is bitwise the same."""
    other = [fold._replace(stop_rows=np.roll(fold.stop_rows[:5], 2).repeat(2)[:8]) for fold in folds()]
    other = [fold._replace(stop_rows=np.minimum(fold.stop_rows, 13)) for fold in other]
    results = [
        fit(network(), members(3, epochs=40), splits=splits, keep_state=True, chunk=1)
        for splits in (folds(), other)
    ]

    assert any(a.best_epoch != b.best_epoch for a, b in zip(*results, strict=True))
    for one, two in zip(*results, strict=True):
        for a, b in zip(*map(jax.tree.leaves, (one.state.parameters, two.state.parameters)), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(one.history.train_loss, two.history.train_loss)


def test_tolerance_ends_a_training_that_stands_still():
    """Without stopping rows the training loss is watched: at a rate of 0, it waits and stops."""
    result = fit_line(np.array([1.0, 2.0]), np.array([3.0, 4.0]), learning_rate=0, patience=6, tol=1e-4)

    assert result.epochs == 7  # the first epoch is better than none; six more are not
    assert result.best_epoch == 7  # and the last parameters are kept


def perceptron(x, classes, epochs=50, shuffle=False):
    """Train one perceptron a class, row by row."""
    build = Build(LinearShape(2, 2))
    options = {"optimizer": "sgd", "batch_size": 1, "classes": 2, "shuffle": shuffle}
    problem = Problem(build, parameters_by_layer, "perceptron", **options)
    rows, codes = np.zeros((16, 2), np.float32), np.zeros(16, np.int32)
    rows[: len(x)], codes[: len(x)] = x, classes
    numbers = hyper_scalars(learning_rate=1, epochs=epochs)
    (result,) = fit(
        problem, [Member(numbers, 0)], SharedRows(rows, codes), [split(range(len(x)), inputs=2)], chunk=1
    )
    return result


def scores_of(result, x):
    return np.asarray(x) @ result.parameters.head.weight + result.parameters.head.bias


def test_the_perceptron_rule_by_hand():
    """Rows (1, 2) of class 0, (-1, 1) of class 1, (2, -1) of class 0, in this order, from zeros.

    Row 1, scores 0 and 0, both units wrong: w0 = (1, 2), b0 = 1; w1 = -w0, b1 = -1. Row 2, scores 2 and -2,
    both wrong: w0 = (2, 1), b0 = 0, w1 = -w0, b1 = 0. Row 3 is right, and so are all in the second epoch.
    """
    result = perceptron([(1, 2), (-1, 1), (2, -1)], [0, 1, 0])

    np.testing.assert_array_equal(result.parameters.head.weight, [[2, -2], [1, -1]])
    np.testing.assert_array_equal(result.parameters.head.bias, [0, 0])
    np.testing.assert_allclose(result.history.train_loss, [4 / 3, 0], rtol=1e-6)
    assert result.epochs == 2


def test_a_score_of_zero_is_a_mistake():
    """Rows whose scores are all exactly 0 when met, and of which the last undoes the first: it is not over.

    With the bias as a third feature: a = (1, 0, 1) of class 0, b = (-1, 2, 1) and c = (2, 2, 1) of class 1.
    From zeros w = a; then a.b = 0, so w = a - b; then (a - b).c = 0, so w = a - b - c = (0, -4, -1); and now a
    is wrong.
    """
    x, classes = [(1, 0), (-1, 2), (2, 2)], [0, 1, 1]
    first, last = perceptron(x, classes, epochs=1), perceptron(x, classes)

    np.testing.assert_array_equal(scores_of(first, x)[0], [-1, 1])
    np.testing.assert_array_equal(scores_of(last, x).argmax(axis=1), classes)
    assert last.history.train_loss[-1] == 0 < last.history.train_loss[0] < 1e-18


def test_perceptrons_converge_within_novikoffs_bound():
    """Rows that a unit vector separates by a margin take (R / margin)^2 mistakes at most, an epoch one."""
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (200, 2))
    truth = np.array([0.6, -0.64, 0.48])  # the last is the bias; a unit vector
    bordered = np.column_stack([x, np.ones(200)])
    margins = bordered @ truth
    keep = np.flatnonzero(np.abs(margins) > 0.5)[:8]
    result = perceptron(x[keep], (margins[keep] < 0).astype(int), epochs=3000)
    bound = (np.linalg.norm(bordered[keep], axis=1).max() / np.abs(margins[keep]).min()) ** 2

    assert len(set(margins[keep] < 0)) == 2
    assert result.history.train_loss[-1] == 0
    assert 1 < result.epochs <= bound + 1
    np.testing.assert_array_equal(scores_of(result, x[keep]).argmax(axis=1), margins[keep] < 0)
