"""Batch normalisation: statistics by hand, padding, weights, degenerate batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae import nn


def context(mask=None):
    return nn.Context(None, training=True, mask=None if mask is None else jnp.asarray(mask, jnp.float32))


@jax.jit
def apply(layer, x, context):
    return layer(x, context)


def batch(rows, width, seed=0):
    return np.random.default_rng(seed).normal(5, 2, (rows, width)).astype(np.float32)


def assert_layers_close(first, second):
    for left, right in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


def test_outputs_by_hand():
    """Column (10, 12, 14): mean 12, variance 8/3, so ±2 / sqrt(8/3) = ±1.2247449; then scale 3, shift -1."""
    layer = nn.BatchNorm(
        jnp.array([3.0]), jnp.array([-1.0]), nn.Buffer(jnp.zeros(1)), nn.Buffer(jnp.ones(1)), 0.1, 1e-12
    )
    outputs, _ = apply(layer, np.array([[10], [12], [14]], np.float32), context())

    np.testing.assert_allclose(
        np.asarray(outputs)[:, 0], [-1 - 3 * 1.2247449, -1, -1 + 3 * 1.2247449], rtol=1e-6
    )


def test_running_statistics_by_hand():
    """Two batches with momentum 0.1, unbiased variances.

    (1, 3): mean 2, variance 2. Running mean 0.9 * 0 + 0.1 * 2 = 0.2, variance 0.9 * 1 + 0.1 * 2 = 1.1.
    (5, 5, 8): mean 6, variance (1 + 1 + 4) / 2 = 3. Mean 0.18 + 0.6 = 0.78, variance 0.99 + 0.3 = 1.29.
    """
    layer = nn.BatchNorm.create(1, momentum=0.1)
    _, layer = apply(layer, np.array([[1], [3]], np.float32), context())
    _, layer = apply(layer, np.array([[5], [5], [8]], np.float32), context())

    np.testing.assert_allclose(layer.mean.value, [0.78], rtol=1e-6)
    np.testing.assert_allclose(layer.variance.value, [1.29], rtol=1e-6)


def test_inference_uses_the_running_statistics():
    """Running mean 4 and variance 9 turn 10 into (10 - 4) / 3 = 2, and stay as they are."""
    layer = nn.BatchNorm(
        jnp.ones(1), jnp.zeros(1), nn.Buffer(jnp.array([4.0])), nn.Buffer(jnp.array([9.0])), 0.1, 1e-12
    )
    outputs, after = layer(jnp.array([[10.0]]), nn.inference())

    np.testing.assert_allclose(outputs, [[2.0]], rtol=1e-6)
    assert after is layer


@given(
    rows=st.sampled_from([2, 7]),
    width=st.sampled_from([1, 17]),
    filler=st.sampled_from([0.0, -1e6, float("inf"), float("nan")]),
    seed=st.integers(0, 999),
)
@settings(max_examples=15, deadline=None)
def test_padding_is_ignored_whatever_it_holds(rows, width, filler, seed):
    """Outputs and running statistics of a padded batch are those of its real rows."""
    x = batch(rows, width, seed)
    padded = np.concatenate([x, np.full((9 - rows, width), filler, np.float32)])
    mask = np.r_[np.ones(rows), np.zeros(9 - rows)]
    layer = nn.BatchNorm.create(width)
    expected, after = apply(layer, x, context())
    outputs, padded_after = apply(layer, padded, context(mask))

    np.testing.assert_allclose(outputs[:rows], expected, rtol=1e-4, atol=1e-5)
    assert_layers_close(padded_after, after)


def test_gradients_ignore_padding():
    """Gradients with respect to rows and parameters of a padded batch are those of its real rows."""
    x = batch(3, 4)
    padded = jnp.asarray(np.concatenate([x, np.full((2, 4), np.nan, np.float32)]))

    def loss(layer, x, mask):
        outputs, _ = layer(x, context(mask))
        return (outputs[:3] * jnp.arange(12.0).reshape(3, 4)).sum()

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    layer = nn.BatchNorm.create(4)
    of_layer, of_rows = gradient(layer, jnp.asarray(x), np.ones(3))
    of_layer_padded, of_rows_padded = gradient(layer, padded, np.array([1, 1, 1, 0, 0]))

    np.testing.assert_allclose(of_rows_padded[:3], of_rows, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(of_rows_padded[3:], 0)
    assert_layers_close(of_layer_padded, of_layer)


def test_weight_two_is_two_copies():
    """A row with weight 2 counts as the row twice, in the running variance too."""
    x = batch(3, 4)
    layer = nn.BatchNorm.create(4)
    _, weighted = apply(layer, x, context([2, 1, 1]))
    _, copied = apply(layer, x[[0, 0, 1, 2]], context())

    assert_layers_close(weighted, copied)


@pytest.mark.parametrize("mask", [None, [1.0, 0.0, 0.0]])
def test_one_real_row_is_no_nan(mask):
    """A batch with one real row becomes the shift, moves the mean, and leaves the variance alone."""
    x = jnp.asarray(batch(1 if mask is None else 3, 4))
    layer = nn.BatchNorm.create(4)

    def loss(x):
        outputs, after = layer(x, context(mask))
        return (outputs[:1] ** 2).sum(), (outputs[:1], after)

    slopes, (outputs, after) = jax.jit(jax.grad(loss, has_aux=True))(x)

    np.testing.assert_array_equal(outputs, np.zeros((1, 4)))
    assert bool(jnp.isfinite(slopes).all())
    np.testing.assert_allclose(after.mean.value, 0.1 * x[0], rtol=1e-6)
    np.testing.assert_array_equal(after.variance.value, np.ones(4))


@pytest.mark.parametrize("mask", [[0, 0], [0.3, 0.2]])
def test_a_batch_worth_less_than_a_row_is_no_nan(mask):
    """Padding alone changes no running statistic; a total weight below 1 changes no variance."""
    layer = nn.BatchNorm.create(4)
    outputs, after = apply(layer, batch(2, 4), context(mask))

    assert bool(jnp.isfinite(outputs).all())
    np.testing.assert_array_equal(after.variance.value, np.ones(4))
    assert bool((after.mean.value == 0).all()) == (sum(mask) == 0)


def test_order_of_rows_is_of_no_account():
    """Permuted rows with their masks give permuted outputs and the same running statistics."""
    x, mask = batch(9, 17), np.array([1, 1, 0, 1, 0, 1, 1, 0, 1.0])
    order = np.random.default_rng(1).permutation(9)
    layer = nn.BatchNorm.create(17)
    outputs, after = apply(layer, x, context(mask))
    permuted, permuted_after = apply(layer, x[order], context(mask[order]))

    np.testing.assert_allclose(permuted, np.asarray(outputs)[order], rtol=1e-5, atol=1e-6)
    assert_layers_close(permuted_after, after)


def test_normalised_columns_have_mean_zero_and_variance_one():
    """Whatever the shift and scale of a column, it leaves with mean 0 and variance 1."""
    x = batch(64, 3) * np.array([1, 1000, 0.1], np.float32) + np.array([0, -500, 40], np.float32)
    outputs = np.asarray(apply(nn.BatchNorm.create(3), x, context())[0], float)

    np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(outputs.var(axis=0), 1, rtol=1e-3)


def test_running_statistics_are_no_parameters_and_carry_no_gradient():
    """Only scale and shift are learnt, and the loss does not see the running statistics."""
    parameters, _ = nn.partition(nn.BatchNorm.create(3))
    layer = nn.BatchNorm.create(3)
    slopes = jax.jit(jax.grad(lambda x: layer(x, context())[1].mean.value.sum()))(batch(3, 3))

    assert [leaf.shape for leaf in jax.tree.leaves(parameters)] == [(3,), (3,)]
    np.testing.assert_array_equal(slopes, 0)
