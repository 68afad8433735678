"""Dropout: identity, expectation, randomness of its own."""

from math import sqrt

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.errors import ParameterError

KEY = jax.random.key(7)
TRAINING = nn.Context(KEY, training=True)


def batch(rows=7, width=17, seed=0):
    return np.random.default_rng(seed).normal(3, 2, (rows, width)).astype(np.float32)


@jax.jit
def drop(rate, x, context):
    return nn.Dropout.create(rate)(x, context)[0]


def test_rate_zero_is_exactly_the_identity():
    """With a rate of 0 every bit of the outputs is the inputs', in training too."""
    x = batch()

    np.testing.assert_array_equal(drop(0.0, x, TRAINING), x)


def test_inference_is_exactly_the_identity():
    """At inference nothing is dropped or scaled, and no key is needed."""
    x = batch()

    np.testing.assert_array_equal(nn.Dropout.create(0.9)(jnp.asarray(x), nn.inference())[0], x)


def test_outputs_are_silenced_or_scaled():
    """With a rate of 0.75, each output is 0 or four times its input."""
    x = batch()
    outputs = np.asarray(drop(0.75, x, TRAINING))

    kept = outputs != 0
    assert 0 < kept.sum() < x.size
    np.testing.assert_allclose(outputs[kept], 4 * x[kept], rtol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_expectation_is_the_input(rate):
    """The mean of n = 20,000 outputs of 1 is within five standard errors of 1.

    An output is 1 / q with probability q = 1 - rate, so its variance is q / q² - 1 = rate / q.
    """
    outputs = np.asarray(drop(rate, np.ones((200, 100), np.float32), TRAINING))

    assert abs(float(outputs.mean()) - 1) < 5 * sqrt(rate / (1 - rate) / outputs.size)


def test_training_without_a_key_is_refused():
    """The error says what is missing and what to pass."""
    with pytest.raises(
        ParameterError, match=r"random numbers in training, got a context without a key; pass"
    ):
        nn.Dropout.create(0.5)(jnp.asarray(batch()), nn.Context(None, training=True))


def test_members_have_rates_of_their_own():
    """In one compiled population each member has its own rate, 0 being exactly the identity."""
    x = batch()

    @jax.jit
    @jax.vmap
    def population(rate, key):
        return drop(rate, x, nn.Context(key, training=True))

    outputs = np.asarray(population(np.array([0.0, 0.9], np.float32), jax.random.split(KEY)))

    np.testing.assert_array_equal(outputs[0], x)
    assert float((outputs[1] == 0).mean()) > 0.7


def test_padding_changes_no_row_s_mask():
    """The rows of a batch are masked alike whether or not padding follows them."""
    x = batch(16)
    alone = np.asarray(drop(0.5, x[:7], TRAINING))
    padded = np.asarray(drop(0.5, x, TRAINING))

    np.testing.assert_array_equal(padded[:7], alone)


def test_the_rate_is_no_parameter():
    """The rate is not learnt."""
    parameters, _ = nn.partition(nn.Dropout.create(0.5))

    assert jax.tree.leaves(parameters) == []
