"""Layers with room for more units than their own: what counts units counts their own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn

UNITS = nn.Buffer(jnp.float32(2))


def test_layer_normalisation_counts_real_units():
    """Of (1, 3) the mean is 2 and the variance 1, whatever stands behind; behind them is 0."""
    layer = nn.Widened(nn.LayerNorm(2 * jnp.ones(4), jnp.ones(4), 0.0), UNITS)
    outputs, _ = layer(jnp.array([[1.0, 3.0, 0.0, 70.0]]), nn.inference())
    np.testing.assert_allclose(outputs, [[-1, 3, 0, 0]], rtol=1e-6)


def test_softmax_shares_among_real_units():
    """Of (0, log 3) the shares are 1/4 and 3/4."""
    layer = nn.Widened(nn.Activation.create("softmax"), UNITS)
    outputs, _ = layer(jnp.array([[0.0, np.log(3), 5.0]]), nn.inference())
    np.testing.assert_allclose(outputs, [[0.25, 0.75, 0]], rtol=1e-6)


def test_dropout_silences_what_it_silences_in_rows_without_padding():
    """Bitwise, at every place; in rows of nearly one width and of hardly any."""
    x = jnp.asarray(np.random.default_rng(0).normal(1, 1, (9, 8)), jnp.float32)
    context = nn.Context(jax.random.key(5), training=True)
    dropout = nn.Dropout.create(0.5)
    for width in (1, 7, 8):
        outputs, _ = nn.Widened(dropout, nn.Buffer(jnp.float32(width)))(x, context)
        np.testing.assert_array_equal(outputs[:, :width], dropout(x[:, :width], context)[0])
        assert not outputs[:, width:].any()


@pytest.mark.parametrize("name", ["softmax", "sigmoid", "softplus"])
def test_nothing_flows_through_padding(name):
    """Outputs have no slope by what stands in the padding, and none is NaN."""
    layer = nn.Widened(nn.Activation.create(name), UNITS)
    weights = jnp.array([1.0, -2.0, 3.0, 4.0])
    x = jnp.array([[0.3, -0.5, 0.0, 9.0]])
    slope = jax.grad(lambda x: (layer(x, nn.inference())[0] * weights).sum())(x)
    assert np.isfinite(slope).all()
    assert slope[0, :2].all()
    assert not slope[0, 2:].any()
