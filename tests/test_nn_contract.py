"""What every layer must do, and every layer on trial."""

import inspect
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jax.flatten_util import ravel_pytree
from jaxtyping import jaxtyped

from gorae import nn

INPUTS, ROWS = 3, 7


def numbers(seed, *shape):
    """Random numbers without 0 and 1 among them."""
    return jnp.asarray(np.random.default_rng(seed).uniform(0.3, 0.9, shape), jnp.float32)


def dense(seed, outputs):
    return nn.Dense(numbers(seed, INPUTS, outputs) - 0.6, numbers(seed + 100, outputs))


LAYERS = {
    "Dense": lambda seed: dense(seed, 2),
    "Maxout": lambda seed: nn.Maxout(numbers(seed, INPUTS, 6) - 0.6, numbers(seed + 100, 6), pieces=3),
    "PReLU per feature": lambda seed: nn.PReLU(numbers(seed, INPUTS)),
    "PReLU shared": lambda seed: nn.PReLU(numbers(seed)),
    "Dropout": lambda seed: nn.Dropout(nn.Buffer(numbers(seed))),
    "BatchNorm": lambda seed: nn.BatchNorm(
        *numbers(seed, 2, INPUTS), *map(nn.Buffer, numbers(seed + 100, 2, INPUTS)), momentum=0.1, epsilon=1e-5
    ),
    "LayerNorm": lambda seed: nn.LayerNorm(*numbers(seed, 2, INPUTS), epsilon=1e-5),
    "Flatten": lambda seed: nn.Flatten(),
    "Sequential": lambda seed: nn.Sequential((dense(seed, 4), nn.Activation(nn.tanh))),
    "Widened": lambda seed: nn.Widened(dense(seed, 4), nn.Buffer(jnp.float32(3))),
    "Activation": lambda seed: nn.Activation.create("gelu"),
    "Conv": lambda seed: nn.Conv(
        numbers(seed, 2, 1, 4) - 0.6, numbers(seed + 100, 4), nn.make_windows((2,), padding=1), 1
    ),
    "ConvTransposed": lambda seed: nn.ConvTransposed(
        numbers(seed, 2, 1, 4) - 0.6, numbers(seed + 100, 4), nn.make_windows((2,), stride=2), (0,), 1
    ),
    "ConvBlock": lambda seed: nn.ConvBlock(
        nn.Conv(numbers(seed, 2, 1, 4) - 0.6, numbers(seed + 100, 4), nn.make_windows((2,), padding=1), 1),
        None,
        nn.Activation.create("tanh"),
        (nn.Pool.create("max", (2,), stride=1),),
    ),
    "Residual": lambda seed: nn.Residual(
        nn.Conv(numbers(seed, 1, 1, 2) - 0.6, numbers(seed + 100, 2), nn.make_windows((1,)), 1),
        nn.Conv(numbers(seed + 1, 1, 2, 1) - 0.6, numbers(seed + 101, 1), nn.make_windows((1,)), 1),
        None,
        (),
        nn.Activation.create("tanh"),
    ),
    "Pool max": lambda seed: nn.Pool.create("max", (2,), stride=1),
    "Pool min": lambda seed: nn.Pool.create("min", (2,), stride=1, padding=1),
    "Pool average": lambda seed: nn.Pool.create("average", (2,), stride=1, padding=1),
    "GlobalPool": lambda seed: nn.GlobalPool.create("average"),
    "ChainTags": lambda seed: nn.ChainTags(numbers(seed, 1), numbers(seed + 1, 1), numbers(seed + 2, 1, 1)),
    "Embedding": lambda seed: nn.Embedding(numbers(seed, 5, 2)),
    "Spelling": lambda seed: nn.Spelling(
        numbers(seed, 5, 2), numbers(seed + 100, 6, 2) - 0.6, numbers(seed + 200, 2)
    ),
    "Recurrent lstm": lambda seed: nn.Recurrent.create(jax.random.key(seed), 1, 2),
    "Recurrent gru": lambda seed: nn.Recurrent.create(
        jax.random.key(seed), 1, 2, cell="gru", layers=2, bidirectional=True, dropout=0.5
    ),
    "Recurrent rnn": lambda seed: nn.Recurrent.create(jax.random.key(seed), 1, 3, cell="rnn"),
    "StepPool attention": lambda seed: nn.StepPool.create(
        "attention", features=1, key=jax.random.key(seed), hidden=4
    ),
    "StepPool max": lambda seed: nn.StepPool.create("max"),
    "Transpose": lambda seed: nn.Transpose((0, 2, 1)),
    "Reshape": lambda seed: nn.Reshape((1, INPUTS)),
    "Reorder": lambda seed: nn.Reorder((2, 0)),
    "Cut": lambda seed: nn.Cut((0,), (2,), (2,)),
    "Pad": lambda seed: nn.Pad(((1, 2),), 0.5),
    "PerCell": lambda seed: nn.PerCell(
        nn.BatchNorm(
            *numbers(seed, 2, 1), *map(nn.Buffer, numbers(seed + 100, 2, 1)), momentum=0.1, epsilon=1e-5
        )
    ),
    "Constant": lambda seed: nn.Constant(numbers(seed, 2)),
    "Reduce": lambda seed: nn.Reduce("mean", (1,), keep=True),
    "Graph": lambda seed: nn.Graph(
        (dense(seed, 3), nn.Combine("multiply"), nn.Concatenate(), nn.Constant(nn.Buffer(numbers(seed, 6)))),
        inputs=((0,), (0, 1), (1, 2), (3,)),
        names=("dense", "", "", ""),
    ),
}
SLIDING = (
    nn.ConvBlock
    | nn.Residual
    | nn.Conv
    | nn.ConvTransposed
    | nn.Pool
    | nn.GlobalPool
    | nn.Transpose
    | nn.PerCell
    | nn.Recurrent
    | nn.StepPool
    | nn.ChainTags
    | nn.Spelling
)
"""Layers that read cells with channels; the others read rows of numbers."""

TRAINED = ("BatchNorm", "Dropout", "Recurrent gru", "StepPool attention")
"""Layers that compute something else in training, or their slopes in another way."""

every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


@jax.jit
def apply(layer, x, context):
    return layer(x, context)


def rows(layer, dtype: Any = np.float32):
    """A batch that the layer reads."""
    x = np.random.default_rng(0).normal(0.5, 1.5, (ROWS, INPUTS)).astype(dtype)
    return x[..., None] if isinstance(layer, SLIDING) else x


def training(seed=0):
    """Training, where the last row is padding."""
    mask = np.r_[np.ones(ROWS - 1), 0].astype(np.float32)
    return nn.Context(jax.random.key(seed), training=True, mask=jnp.asarray(mask))


def exact_and_numeric(function, point, step=1e-6):
    """Gradient, and central differences, whose error is of the order of step²."""
    numeric = jax.vmap(lambda e: (function(point + step * e) - function(point - step * e)) / (2 * step))
    return jax.grad(function)(point), numeric(jnp.eye(point.size, dtype=point.dtype))


def weighted_sum(outputs):
    """A number in which every output of the real rows counts differently."""
    return (outputs * jnp.cos(jnp.arange(outputs.size)).reshape(outputs.shape))[: ROWS - 1].sum()


def test_every_layer_is_on_trial():
    """No layer of the package is missing from the list."""
    there = {
        name for name, value in vars(nn).items() if inspect.isclass(value) and issubclass(value, nn.Layer)
    }

    assert there - {"Layer"} == {name.split()[0] for name in LAYERS}


@pytest.mark.parametrize(
    ("make", "context"),
    [
        *((make, nn.inference()) for make in LAYERS.values()),
        *((LAYERS[name], training()) for name in TRAINED),
    ],
    ids=[*LAYERS, *(f"{name} in training" for name in TRAINED)],
)
def test_gradients_are_those_of_finite_differences(make, context):
    """With respect to inputs and parameters, in float64, padding included."""
    with jax.enable_x64(True):
        model = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), make(3))
        parameters, rest = nn.partition(model)
        point, unravel = ravel_pytree((parameters, jnp.asarray(rows(model, np.float64))))

        def loss(point):
            parameters, x = unravel(point)
            return weighted_sum(nn.combine(parameters, rest)(x, context)[0])

        exact, numeric = jax.jit(lambda point: exact_and_numeric(loss, point))(point)

    assert exact.dtype == np.float64
    np.testing.assert_allclose(exact, numeric, rtol=1e-5, atol=1e-7)


def test_gradients_of_activations_are_those_of_finite_differences():
    """Every named activation, in float64, at points on both sides of 0."""
    with jax.enable_x64(True):
        x = rows(None, np.float64)

        def check(point):
            return {
                name: exact_and_numeric(
                    lambda p, name=name: weighted_sum(nn.activation(name)(p.reshape(x.shape))), point
                )
                for name in nn.ACTIVATION_NAMES
            }

        results = jax.jit(check)(x.ravel())

    assert len(results) == len(nn.ACTIVATION_NAMES)
    for name, (exact, numeric) in results.items():
        np.testing.assert_allclose(exact, numeric, rtol=1e-5, atol=1e-7, err_msg=name)


@every_layer
def test_order_of_rows_is_of_no_account(make):
    """At inference, permuted rows give permuted outputs."""
    layer = make(3)
    x = rows(layer)
    order = np.random.default_rng(1).permutation(ROWS)
    outputs, _ = apply(layer, x, nn.inference())
    permuted, _ = apply(layer, x[order], nn.inference())

    np.testing.assert_allclose(permuted, np.asarray(outputs)[order], rtol=1e-5, atol=1e-6)


@every_layer
def test_stacked_members_are_what_they_would_be_alone(make):
    """Three layers stacked and mapped over, each with its key, give three layers' outputs and buffers."""
    layers = [make(seed) for seed in range(3)]
    contexts = [training(seed) for seed in range(3)]
    stack, context = (jax.tree.map(lambda *a: jnp.stack(a), *items) for items in (layers, contexts))
    x = rows(layers[0])
    together = jax.jit(jax.vmap(lambda layer, context: layer(x, context)))(stack, context)

    for member in range(3):
        expected = jax.tree.leaves(apply(layers[member], x, contexts[member]))
        found = [np.asarray(leaf)[member] for leaf in jax.tree.leaves(together)]
        for left, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-6)


@every_layer
def test_shapes_are_as_the_signature_says(make):
    """A call passes the run-time check of its own annotations, and keeps the batch axis."""
    layer = make(3)
    checked = jaxtyped(typechecker=beartype)(type(layer).__call__)
    outputs, after = jax.eval_shape(checked, layer, rows(layer), training())

    assert outputs.shape[0] == ROWS
    assert isinstance(after, type(layer))


@every_layer
def test_equal_layers_hash_and_compare_equal_without_their_arrays(make):
    """The static parts of two layers of one kind are one key of a compilation cache."""
    first, second = (eqx.partition(make(seed), eqx.is_array)[1] for seed in (0, 1))

    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize("context", [nn.inference(), training()], ids=["inference", "training"])
@every_layer
def test_a_layer_keeps_to_float32(make, context):
    """float32 rows give float32 outputs and buffers, also where double precision is switched on."""
    layer = make(0)
    with jax.enable_x64(True):
        results = jax.eval_shape(lambda x: layer(x, context), rows(layer))

    assert {leaf.dtype for leaf in jax.tree.leaves(results)} == {np.dtype(np.float32)}
