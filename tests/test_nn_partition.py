"""Partition: what is learnt, what goes along, and what a compiled function is keyed by."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from gorae import nn

KEY = jax.random.key(0)


def network(seed=0, activation="relu"):
    key = jax.random.key(seed)
    return nn.Sequential(
        (
            nn.Dense.create(key, 3, 4, "glorot_uniform"),
            nn.BatchNorm.create(4),
            nn.Activation.create(activation),
            nn.Dropout.create(0.5),
            nn.Maxout.create(key, 4, 2, initialization="zeros"),
        )
    )


def test_parameters_are_the_learnt_arrays():
    """Weights, biases, scale and shift are parameters; running statistics and dropout rate are not."""
    parameters, rest = nn.partition(network())

    assert [leaf.shape for leaf in jax.tree.leaves(parameters)] == [(3, 4), (4,), (4,), (4,), (4, 4), (4,)]
    assert [leaf.shape for leaf in jax.tree.leaves(rest)] == [(4,), (4,), ()]


def test_combine_undoes_partition():
    """The two halves put together are the model, bit by bit."""
    model = network()

    assert bool(eqx.tree_equal(nn.combine(*nn.partition(model)), model))


def test_partition_takes_numpy_arrays_and_shapes():
    """A model read from a file (numpy) and one of shapes alone are split alike."""
    model = network()
    expected = jax.tree.structure(nn.partition(model))
    from_file = jax.tree.map(np.asarray, model)
    shapes = jax.eval_shape(network)

    assert jax.tree.structure(nn.partition(from_file)) == expected
    assert jax.tree.structure(nn.partition(shapes)) == expected


def test_integers_and_keys_are_no_parameters():
    """Only floating-point arrays are learnt."""
    parameters, rest = nn.partition({"count": jnp.arange(3), "key": KEY, "weight": jnp.ones(2)})

    assert list(jax.tree.leaves(parameters)) == [parameters["weight"]]
    assert len(jax.tree.leaves(rest)) == 2


def test_equal_static_parts_are_compiled_once():
    """Models that differ in arrays alone share one compiled program; another activation needs its own."""
    traces = []

    @partial(jax.jit, static_argnums=2)
    def apply(parameters, buffers, static, x):
        traces.append(static)
        model = nn.combine(parameters, eqx.combine(buffers, static))
        return model(x, nn.inference())[0]

    for model in (network(0), network(1), network(2, "tanh"), network(3, "tanh")):
        parameters, rest = nn.partition(model)
        apply(parameters, *eqx.partition(rest, eqx.is_array), jnp.ones((2, 3)))

    assert len(traces) == 2


def test_a_model_is_an_argument_of_a_compiled_function():
    """A whole model and its context pass through jit; purpose is the only thing that compiles anew."""
    traces = []

    @jax.jit
    def apply(model, x, context):
        traces.append(context.training)
        return model(x, context)[0]

    for seed in (0, 1):
        apply(network(seed), jnp.ones((2, 3)), nn.inference())
        apply(network(seed), jnp.ones((2, 3)), nn.Context(jax.random.key(seed), training=True))

    assert traces == [False, True]


def test_a_model_is_the_state_of_a_scan():
    """The model that a call returns has the model's own structure, so a loop can carry it."""
    model = network()

    def body(model, key):
        _, model = model(jnp.arange(6.0).reshape(2, 3), nn.Context(key, training=True))
        return model, None

    after, _ = jax.lax.scan(body, model, jax.random.split(KEY, 3))

    assert jax.tree.structure(after) == jax.tree.structure(model)
    assert not np.array_equal(after.layers[1].mean.value, model.layers[1].mean.value)
