"""Initial weights: variance, bounds, orthogonality, distribution."""

from functools import partial
from math import sqrt

import jax
import numpy as np
import pytest

from gorae import nn
from gorae.errors import ParameterError

FAN_IN, FAN_OUT = 300, 200
VARIANCES = {
    "glorot_uniform": 2 / 500,
    "glorot_normal": 2 / 500,
    "he_uniform": 2 / 300,
    "he_normal": 2 / 300,
    "lecun_uniform": 1 / 300,
    "lecun_normal": 1 / 300,
}


@partial(jax.jit, static_argnums=(0, 1))
def compiled(name, shape, key):
    return nn.initializer(name)(key, shape, FAN_IN, FAN_OUT)


def draw(name, shape=(FAN_IN, FAN_OUT), seed=0):
    return np.asarray(compiled(name, shape, jax.random.key(seed)))


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_and_variance_are_the_formula_s(name):
    """Of n = 60,000 weights, mean and variance are within five standard errors.

    The variance of n normal numbers has the relative standard error sqrt(2 / n) = 0.0058, that of
    uniform ones sqrt(0.8 / n); 5 * 0.0058 = 0.029, far less than what tells fan_in from fan_out.
    """
    weights = draw(name)
    variance = VARIANCES[name]

    np.testing.assert_allclose(weights.var(), variance, rtol=5 * sqrt(2 / weights.size))
    assert abs(weights.mean()) < 5 * sqrt(variance / weights.size)


@pytest.mark.parametrize(
    ("name", "bound"),
    [("glorot_uniform", sqrt(6 / 500)), ("he_uniform", sqrt(6 / 300)), ("lecun_uniform", sqrt(3 / 300))],
)
def test_uniform_weights_fill_their_interval(name, bound):
    """Uniform weights reach almost to the paper's bound on both sides and never pass it."""
    weights = draw(name)

    assert -bound <= weights.min() < -0.999 * bound
    assert 0.999 * bound < weights.max() <= bound


@pytest.mark.parametrize("name", [name for name in nn.INITIALIZERS if name != "orthogonal"])
def test_weights_are_unit_numbers_times_one_factor(name):
    """Bitwise, wherever they are multiplied; and a small array's are the first of a large one's."""
    unit = jax.jit(lambda key: nn.unit_initializer(name)(key, (10, FAN_OUT), 1, 1))(jax.random.key(0))
    factor = np.float32(nn.initial_factor(name, FAN_IN, FAN_OUT))
    first = np.asarray(unit).ravel()[: 7 * 9].reshape(7, 9)
    np.testing.assert_array_equal(draw(name, (7, 9)), first * factor)


@pytest.mark.parametrize("name", nn.INITIALIZERS)
def test_weights_are_float32_and_follow_from_the_key(name):
    """The same key gives the same float32 weights, another key others (zeros apart)."""
    shape = (7, 3) if name == "orthogonal" else (FAN_IN, FAN_OUT)
    first, again, other = draw(name, shape), draw(name, shape), draw(name, shape, seed=1)

    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (name == "zeros")


@pytest.mark.parametrize("shape", [(1, 1), (1, 17), (17, 1), (3, 7), (7, 3), (5, 5), (3, 3, 2, 4)])
def test_orthogonal_of_any_shape(shape):
    """The shorter side is orthonormal, for tall, wide, square and higher shapes."""
    weights = draw("orthogonal", shape).reshape(-1, shape[-1])
    short = weights if weights.shape[0] <= weights.shape[1] else weights.T

    np.testing.assert_allclose(short @ short.T, np.eye(len(short)), atol=2e-6)


def test_orthogonal_matrices_are_uniformly_distributed():
    """Moments of 4,000 random 3 x 3 matrices are those of the Haar measure, within five standard errors.

    A column is uniform on the sphere in n = 3 dimensions: E q = 0, E q² = 1/n, E q⁴ = 3 / (n (n + 2)) = 1/5.
    E trace² = 1, and half of the matrices are reflections. QR without the sign fails the first: its
    q_11 is never positive.
    """
    keys = jax.random.split(jax.random.key(0), 4000)
    q = np.asarray(jax.vmap(lambda key: nn.INITIALIZERS["orthogonal"](key, (3, 3), 3, 3))(keys), float)
    trace = np.trace(q, axis1=1, axis2=2)
    moments = np.stack(
        [q[:, 0, 0], q[:, 0, 0] ** 2, q[:, 2, 1] ** 4, trace, trace**2, np.linalg.det(q) > 0], 1
    )
    errors = (moments.mean(0) - [0, 1 / 3, 1 / 5, 0, 1, 1 / 2]) / (moments.std(0) / sqrt(len(q)))

    assert np.abs(errors).max() < 5


def test_orthogonal_needs_two_axes():
    """A vector cannot be orthogonal, and the error says so."""
    with pytest.raises(ParameterError, match=r"two or more axes, got \(3,\)"):
        draw("orthogonal", (3,))


def test_constant_fills():
    """A constant initializer fills with its value."""
    weights = nn.constant(0.25)(jax.random.key(0), (2, 3), 2, 3)

    np.testing.assert_array_equal(weights, np.full((2, 3), 0.25))


def test_a_misspelt_initialization_is_told_the_near_one():
    """An unknown name raises the library's error with the near name."""
    with pytest.raises(ParameterError, match=r"got 'glorot_unifrom'\. Did you mean 'glorot_uniform'\?"):
        nn.initializer("glorot_unifrom")


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", "he_normal"),
        ("prelu", "he_normal"),
        ("maxout", "he_normal"),
        ("selu", "lecun_normal"),
        ("tanh", "glorot_uniform"),
        ("identity", "glorot_uniform"),
        ("softmax", "glorot_uniform"),
    ],
)
def test_default_suits_the_activation(activation, expected):
    """He goes before rectifiers, LeCun before SELU, Glorot before the rest."""
    assert nn.default_initialization(activation) == expected


def test_he_keeps_the_signal_through_a_rectifier():
    """The mean square of a layer's inputs is that of its outputs after ReLU (He et al. 2015, equation 10).

    Given a row x, an output y is normal with variance v = 2 mean(x²). relu(y)² then has mean v / 2 = mean(x²)
    and variance 3 v² / 2 - v² / 4 = 5 mean(x²)². The standard error over 200 outputs and 64 nearly
    independent rows is sqrt(5 / 12,800) = 0.02; five of them are 0.1.
    """
    x = np.random.default_rng(0).normal(size=(64, FAN_IN))
    outputs = np.maximum(x @ draw("he_normal"), 0)

    np.testing.assert_allclose((outputs**2).mean(), (x**2).mean(), rtol=0.1)
