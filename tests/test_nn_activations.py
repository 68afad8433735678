"""Activations: hand-worked values, far arguments, names."""

from math import exp, log

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.errors import InputTypeError, ParameterError

HAND_WORKED = [
    ("sigmoid", [log(3), -log(3), 0.0], [0.75, 0.25, 0.5]),
    ("tanh", [log(2), -log(2), 0.0], [0.6, -0.6, 0.0]),
    ("softmax", [0.0, log(3), log(4)], [0.125, 0.375, 0.5]),
    ("softplus", [0.0, log(3), -log(3)], [log(2), log(4), log(4 / 3)]),
    ("relu", [-2.0, 0.0, 3.0], [0.0, 0.0, 3.0]),
    ("leaky_relu", [-2.0, 0.0, 3.0], [-0.02, 0.0, 3.0]),
    ("elu", [-log(2), -log(4), 3.0], [-0.5, -0.75, 3.0]),
    ("selu", [-log(2), 0.0, 2.0], [-0.8790497, 0.0, 2.1014020]),
    ("gelu", [1.0, -1.0, 0.0], [0.8413447, -0.1586553, 0.0]),
    ("identity", [-2.0, 0.0, 3.0], [-2.0, 0.0, 3.0]),
    ("step", [-2.0, 0.0, 3.0], [0.0, 0.0, 1.0]),
]


def test_every_activation_has_a_hand_worked_case():
    """The list of hand-worked cases covers every name."""
    names = [name for name, _, _ in HAND_WORKED]

    assert sorted(names) == sorted(nn.ACTIVATION_NAMES)


@pytest.mark.parametrize(("name", "x", "expected"), HAND_WORKED)
def test_hand_worked_values(name, x, expected):
    """Arguments that are logarithms turn exponentials into fractions.

    sigmoid(log 3) = 1 / (1 + 1/3) = 3/4. tanh(log 2) = (2 - 1/2) / (2 + 1/2) = 3/5.
    softmax(0, log 3, log 4) = (1, 3, 4) / 8. softplus(log 3) = log(1 + 3), softplus(-log 3) =
    log(1 + 1/3). elu(-log 2) = 1/2 - 1. selu(-log 2) = -1.0507010 * 1.6732632 / 2, selu(2) = 2 * 1.0507010.
    gelu(1) = Phi(1) = 0.8413447 from the table of the normal distribution, gelu(-1) = -(1 - Phi(1)).
    """
    outputs = nn.activation(name)(jnp.array(x, jnp.float32))

    np.testing.assert_allclose(outputs, expected, rtol=2e-6, atol=1e-7)


def test_values_and_slopes_are_finite_far_from_zero():
    """At ±1e4, where a naive exponential overflows, values and gradients are finite in float32."""
    x = np.array([[1e4, -1e4, 0.0, 1e4], [-1e4, -1e4, 1.0, -1.0]], np.float32)

    @jax.jit
    def values_and_slopes(x):
        pulled = {name: jax.vjp(nn.activation(name), x) for name in nn.ACTIVATION_NAMES}
        return {
            name: (outputs, *pull_back(jnp.ones_like(x))) for name, (outputs, pull_back) in pulled.items()
        }

    is_finite = {name: np.isfinite(pair).all() for name, pair in values_and_slopes(x).items()}

    assert is_finite == dict.fromkeys(nn.ACTIVATION_NAMES, True)


@pytest.mark.parametrize(
    ("name", "left", "right"), [("sigmoid", 0, 1), ("tanh", -1, 1), ("elu", -1, 1e4), ("gelu", 0, 1e4)]
)
def test_limits(name, left, right):
    """At ±1e4 an activation is at its limits, or at its asymptote x."""
    outputs = nn.activation(name)(jnp.array([-1e4, 1e4], jnp.float32))

    np.testing.assert_array_equal(outputs, np.array([left, right], np.float32))


def test_softmax_ignores_a_shift():
    """softmax(x + c) = softmax(x), and its rows sum to 1."""
    x = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    outputs = np.asarray(nn.softmax(jnp.asarray(x + 64.0)))

    np.testing.assert_allclose(outputs, nn.softmax(jnp.asarray(x)), rtol=1e-4)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-6)


def test_step_has_no_slope():
    """The step's derivative is 0 everywhere, at the step too."""
    slopes = jax.grad(lambda x: nn.step(x).sum())(jnp.array([-1.0, 0.0, 1.0]))

    np.testing.assert_array_equal(slopes, 0)


def test_slope_of_softplus_is_the_sigmoid():
    """d/dx log(1 + exp x) = 1 / (1 + exp -x); at log 3 it is 3/4."""
    slope = jax.grad(nn.softplus)(jnp.float32(log(3)))

    np.testing.assert_allclose(slope, 0.75, rtol=1e-6)
    np.testing.assert_allclose(slope, 1 / (1 + exp(-log(3))), rtol=1e-6)


def test_a_misspelt_name_is_told_the_near_one():
    """An unknown name raises the library's error with the near name and the value that came."""
    with pytest.raises(ParameterError, match=r"got 'sigmiod'\. Did you mean 'sigmoid'\?"):
        nn.activation("sigmiod")


def test_what_is_no_activation_is_refused():
    """A number is neither a name nor a function."""
    with pytest.raises(InputTypeError, match=r"a name or a function, got 3\."):
        nn.activation(3)


def test_a_function_is_its_own_activation():
    """Any function may be used in place of a name."""
    assert nn.activation(jnp.sin) is jnp.sin


def test_layers_of_the_same_activation_are_equal():
    """Two layers of one name hash and compare equal, of two names differ."""
    first, second, other = (nn.Activation.create(name) for name in ("relu", "relu", "tanh"))

    assert (first == second, hash(first) == hash(second), first == other) == (True, True, False)
