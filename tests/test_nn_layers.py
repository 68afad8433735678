"""Dense, maxout, PReLU, layer normalisation, flatten, sequential: hand-worked cases and errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae import nn
from gorae.errors import InputError, ParameterError

KEY = jax.random.key(0)


@jax.jit
def apply(layer, x, context):
    return layer(x, context)[0]


def outputs(layer, x):
    return np.asarray(apply(layer, np.asarray(x, np.float32), nn.inference()))


def test_dense_by_hand():
    """(1, 2) W + b with W = ((1, -1), (0, 3)), b = (0.5, 0): 1 * 1 + 2 * 0 + 0.5 = 1.5 and -1 + 6 = 5."""
    layer = nn.Dense(jnp.array([[1.0, -1.0], [0.0, 3.0]]), jnp.array([0.5, 0.0]))

    np.testing.assert_array_equal(outputs(layer, [[1, 2]]), [[1.5, 5.0]])


def test_dense_starts_without_bias():
    """A new dense layer has weights of shape (inputs, outputs) and a bias of 0."""
    layer = nn.Dense.create(KEY, 3, 2)

    assert layer.weight.shape == (3, 2)
    np.testing.assert_array_equal(layer.bias, np.zeros(2))


@given(
    rows=st.sampled_from([1, 3, 7]),
    widths=st.sampled_from([(1, 17), (17, 1)]),
    seed=st.integers(0, 999),
)
@settings(max_examples=15, deadline=None)
def test_dense_is_a_matrix_product(rows, widths, seed):
    """At odd sizes and away from 0, a dense layer equals numpy's product in float64."""
    rng = np.random.default_rng(seed)
    x, weight, bias = (
        rng.normal(5, 1, (rows, widths[0])),
        rng.normal(size=widths),
        rng.normal(size=widths[1]),
    )
    layer = nn.Dense(jnp.asarray(weight, jnp.float32), jnp.asarray(bias, jnp.float32))

    np.testing.assert_allclose(outputs(layer, x), x @ weight + bias, rtol=1e-4, atol=1e-4)


def test_maxout_by_hand():
    """Two pieces of two outputs, columns piece by piece: x = 2 gives (2, -2) and (1 - 2, 4) -> (2, 4)."""
    layer = nn.Maxout(jnp.array([[1.0, -1.0, -1.0, 2.0]]), jnp.array([0.0, 0.0, 1.0, 0.0]), pieces=2)

    np.testing.assert_array_equal(outputs(layer, [[2.0], [-3.0]]), [[2.0, 4.0], [4.0, 3.0]])


def test_maxout_can_be_the_absolute_value():
    """max(x, -x) = |x|: maxout learns activations."""
    layer = nn.Maxout(jnp.array([[1.0, -1.0]]), jnp.zeros(2), pieces=2)

    np.testing.assert_array_equal(outputs(layer, [[-3.0], [2.0], [0.0]]), [[3.0], [2.0], [0.0]])


def test_prelu_by_hand_with_a_slope_per_feature():
    """Slopes (0.5, -1): (-4, -3) -> (-2, 3), and positive values stay."""
    layer = nn.PReLU(jnp.array([0.5, -1.0]))

    np.testing.assert_array_equal(outputs(layer, [[-4.0, -3.0], [2.0, 1.0]]), [[-2.0, 3.0], [2.0, 1.0]])


def test_prelu_with_one_slope_takes_any_width():
    """A shared slope of 0.25 serves every feature."""
    layer = nn.PReLU.create()

    assert layer.slope.shape == ()
    np.testing.assert_array_equal(outputs(layer, [[-4.0, 4.0, -8.0]]), [[-1.0, 4.0, -2.0]])


def test_layer_norm_by_hand():
    """Row (10, 13, 16): mean 13, variance 6, so ±3 / sqrt(6) = ±1.2247449; scale 2 and shift 1 follow."""
    layer = nn.LayerNorm(jnp.full(3, 2.0), jnp.ones(3), epsilon=1e-12)

    np.testing.assert_allclose(
        outputs(layer, [[10.0, 13.0, 16.0]]), [[1 - 2 * 1.2247449, 1.0, 1 + 2 * 1.2247449]], rtol=1e-6
    )


def test_layer_norm_of_a_constant_row_is_the_shift():
    """A row without variance becomes the shift, with finite gradients; so does a row of one feature."""
    layer = nn.LayerNorm.create(3)
    slopes = jax.jit(jax.grad(lambda x: (layer(x, nn.inference())[0] ** 2).sum()))(jnp.full((1, 3), 7.0))

    np.testing.assert_array_equal(outputs(layer, np.full((1, 3), 7.0)), np.zeros((1, 3)))
    assert bool(jnp.isfinite(slopes).all())
    np.testing.assert_array_equal(outputs(nn.LayerNorm.create(1), [[5.0], [-2.0]]), np.zeros((2, 1)))


def test_flatten_keeps_rows():
    """Rows stay rows; their inner axes are laid out last axis fastest."""
    x = np.arange(24.0).reshape(2, 3, 4)

    np.testing.assert_array_equal(outputs(nn.Flatten(), x), x.reshape(2, 12))


def test_sequential_applies_in_order():
    """Dense then ReLU: x = -1 with weights (2, -3) gives (-2, 3) -> (0, 3); without layers x stays."""
    dense = nn.Dense(jnp.array([[2.0, -3.0]]), jnp.zeros(2))

    np.testing.assert_array_equal(
        outputs(nn.Sequential((dense, nn.Activation(nn.relu))), [[-1.0]]), [[0.0, 3.0]]
    )
    np.testing.assert_array_equal(outputs(nn.Sequential(()), [[-1.0]]), [[-1.0]])


def test_sequential_gives_every_layer_its_own_randomness():
    """Two dropout layers in a row draw different masks."""
    halves = nn.Dropout.create(0.5)
    context = nn.Context(KEY, training=True)
    x = np.ones((4, 16), np.float32)
    first, second = (np.asarray(apply(halves, x, context.fold(place))) for place in (0, 1))
    both = apply(nn.Sequential((halves, halves)), x, context)

    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(both, first * second)


def test_context_without_key_folds_to_itself():
    """There is nothing to fold where nothing is random."""
    context = nn.inference()

    assert context.fold(3) is context


@pytest.mark.parametrize(
    "layer",
    [
        nn.Dense.create(KEY, 3, 2, "zeros"),
        nn.Maxout.create(KEY, 3, 2, initialization="zeros"),
        nn.PReLU.create(3),
        nn.BatchNorm.create(3),
        nn.LayerNorm.create(3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_batch_of_the_wrong_width_is_refused(layer):
    """The error names the layer, the shape that was wanted and the one that came."""
    name = type(layer).__name__
    with pytest.raises(
        InputError, match=rf"{name} expects a batch of shape \(batch, 3\), got shape \(2, 1\)"
    ):
        layer(jnp.ones((2, 1)), nn.inference())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Dense.create(KEY, 0, 2), "inputs must be an integer of at least 1, got 0"),
        (lambda: nn.Dense.create(KEY, 3, 2.5), "outputs must be an integer of at least 1, got 2.5"),
        (lambda: nn.Dense.create(KEY, 3, True), "outputs must be an integer of at least 1, got True"),
        (lambda: nn.Dense.create(KEY, 3, 2, "he"), "initialization must be one of .*, got 'he'"),
        (lambda: nn.Maxout.create(KEY, 3, 2, pieces=1), "pieces must be an integer of at least 2, got 1"),
        (lambda: nn.PReLU.create(-1), "features must be an integer of at least 1, got -1"),
        (lambda: nn.LayerNorm.create(3, epsilon=0.0), "epsilon must be above 0, got 0.0"),
        (lambda: nn.BatchNorm.create(3, momentum=0.0), "momentum must be above 0 and at most 1, got 0.0"),
        (lambda: nn.BatchNorm.create(3, epsilon=-1.0), "epsilon must be above 0, got -1.0"),
        (lambda: nn.Dropout.create(1.0), "dropout rate must be a number from 0 up to.*, got 1.0"),
        (lambda: nn.Dropout.create(float("nan")), "dropout rate must be a number .* got nan"),
    ],
)
def test_values_out_of_range_are_refused(make, message):
    """Each parameter's error says what was wanted and what came."""
    with pytest.raises(ParameterError, match=message):
        make()
