"""MLP and linear model: outputs by hand, features, shapes, names, populations."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from beartype import beartype
from jaxtyping import jaxtyped

from gorae import nn
from gorae.errors import InputError, ParameterError
from gorae.models import (
    MLP,
    Linear,
    LinearShape,
    MLPShape,
    build_linear,
    build_mlp,
    layer_names,
    parameters_by_layer,
)

KEY = jax.random.key(0)
FULL = MLPShape(inputs=3, outputs=2, hidden=(5, 4), activation="prelu", normalization="batch", dropout=True)


def rows(count=7, inputs=3):
    return np.random.default_rng(0).normal(0.5, 2, (count, inputs)).astype(np.float32)


build = jax.jit(build_mlp, static_argnums=1)


def filled(shape):
    """An MLP whose arrays hold positive random numbers, made without compiling anything."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda: build_mlp(KEY, shape))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.uniform(0.3, 0.9, leaf.shape), leaf.dtype), shapes)


@jax.jit
def apply(model, x, context):
    return model(x, context)


def test_mlp_by_hand():
    """Input 2, weights (1, -1), bias (0, 3), ReLU: (2, 1); head (1, 10), bias 0.5: 2 + 10 + 0.5 = 12.5."""
    hidden = nn.Dense(jnp.array([[1.0, -1.0]]), jnp.array([0.0, 3.0]))
    head = nn.Dense(jnp.array([[1.0], [10.0]]), jnp.array([0.5]))
    model = MLP(nn.Sequential((nn.Sequential((hidden, nn.Activation(nn.relu))),)), head)
    outputs, _ = model(jnp.array([[2.0]]), nn.inference())

    np.testing.assert_array_equal(outputs, [[12.5]])
    np.testing.assert_array_equal(model.features(jnp.array([[2.0]]), nn.inference()), [[2.0, 1.0]])


def test_linear_by_hand():
    """(1, 2) times ((1, 0), (0, 3)) plus (0.5, 0) is (1.5, 6); the features are the inputs."""
    model = Linear(nn.Dense(jnp.array([[1.0, 0.0], [0.0, 3.0]]), jnp.array([0.5, 0.0])))
    outputs, _ = model(jnp.array([[1.0, 2.0]]), nn.inference())

    np.testing.assert_array_equal(outputs, [[1.5, 6.0]])
    np.testing.assert_array_equal(model.features(jnp.array([[1.0, 2.0]]), nn.inference()), [[1.0, 2.0]])


@pytest.mark.parametrize(
    ("activation", "normalization"), [("tanh", None), ("maxout", "batch"), ("prelu", "layer")]
)
def test_head_sees_the_features(activation, normalization):
    """At inference, outputs are the head applied to the last hidden layer, whatever the parts."""
    model = filled(MLPShape(3, 2, (5, 4), activation, normalization, dropout=True))
    outputs, after = apply(model, rows(), nn.inference())
    features = np.asarray(jax.jit(MLP.features)(model, rows(), nn.inference()))

    assert features.shape == (7, 4)
    np.testing.assert_allclose(
        outputs, features @ np.asarray(model.head.weight) + model.head.bias, rtol=1e-5, atol=1e-6
    )
    assert bool(eqx.tree_equal(after, model))


def test_without_hidden_layers_an_mlp_is_linear():
    """hidden=() leaves the output layer, and the inputs as features."""
    model = filled(MLPShape(3, 2, ()))
    outputs, _ = apply(model, rows(), nn.inference())

    np.testing.assert_allclose(outputs, rows() @ model.head.weight + model.head.bias, rtol=1e-5)
    np.testing.assert_array_equal(model.features(rows(), nn.inference()), rows())
    assert layer_names(model) == ["output"]


def test_training_moves_the_running_statistics_of_every_layer():
    """A pass in training returns a model whose batch statistics moved; its parameters did not."""
    model = filled(FULL)
    _, after = apply(model, rows(), nn.Context(KEY, training=True))
    (before_parameters, before), (parameters, rest) = nn.partition(model), nn.partition(after)

    assert bool(eqx.tree_equal(parameters, before_parameters))
    moved = [
        not np.array_equal(old, new)
        for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(rest), strict=True)
    ]
    assert moved == [True, True, False, True, True, False]


def test_layers_are_named_in_the_order_of_the_data():
    """Hidden layers count from 1, then comes the output."""
    assert layer_names(filled(FULL)) == ["hidden 1", "hidden 2", "output"]
    assert layer_names(build_linear(KEY, LinearShape(3, 2))) == ["output"]


def test_gradients_are_gathered_by_layer():
    """Every array of a gradient is in exactly one layer, PReLU's and batch normalisation's too."""
    parameters, rest = nn.partition(filled(FULL))

    def loss(parameters):
        return (nn.combine(parameters, rest)(rows(), nn.Context(KEY, training=True))[0] ** 2).sum()

    by_layer = parameters_by_layer(jax.eval_shape(jax.grad(loss), parameters))

    assert {name: [array.shape for array in arrays] for name, arrays in by_layer.items()} == {
        "hidden 1": [(3, 5), (5,), (5,), (5,), (5,)],
        "hidden 2": [(5, 4), (4,), (4,), (4,), (4,)],
        "output": [(4, 2), (2,)],
    }


def test_norms_by_layer_are_taken_in_a_compiled_function():
    """Under jit, the names come in the order of the data, each with the norm of its own arrays."""
    model = filled(FULL)

    @jax.jit
    def norms(parameters):
        by_layer = parameters_by_layer(parameters)
        return [jnp.sqrt(sum((array**2).sum() for array in arrays)) for arrays in by_layer.values()]

    parameters, _ = nn.partition(model)
    expected = [
        np.sqrt(sum((np.asarray(array) ** 2).sum() for array in jax.tree.leaves(nn.partition(layer)[0])))
        for layer in (*model.body.layers, model.head)
    ]

    assert list(parameters_by_layer(parameters)) == layer_names(model)
    np.testing.assert_allclose(norms(parameters), expected, rtol=1e-6)


@pytest.mark.parametrize(("activation", "hidden_variance"), [("tanh", 2 / 500), ("maxout", 2 / 300)])
def test_initialization_follows_the_activation(activation, hidden_variance):
    """Hidden weights have the variance that suits the activation, the head's Glorot's, within five errors."""
    model = build(KEY, MLPShape(300, 200, (200,), activation))
    hidden = np.asarray(model.body.layers[0].layers[0].weight)

    np.testing.assert_allclose(hidden.var(), hidden_variance, rtol=5 * np.sqrt(2 / hidden.size))
    np.testing.assert_allclose(np.asarray(model.head.weight).var(), 2 / 400, rtol=5 * np.sqrt(2 / 40_000))


def test_a_named_initialization_holds_for_every_layer():
    """initialization="orthogonal" makes every weight orthogonal, the head's too."""
    model = build(KEY, MLPShape(3, 2, (5,), initialization="orthogonal"))
    weights = [model.body.layers[0].layers[0].weight, model.head.weight.T]

    for weight in map(np.asarray, weights):
        np.testing.assert_allclose(weight @ weight.T, np.eye(len(weight)), atol=1e-6)


def test_linear_starts_at_zero_unless_told_otherwise():
    """A linear model starts with zeros by default, with random weights by name."""
    zero, random = (build_linear(KEY, LinearShape(3, 2, *name)) for name in ((), ("glorot_uniform",)))

    np.testing.assert_array_equal(zero.head.weight, np.zeros((3, 2)))
    assert bool((random.head.weight != 0).all())


def test_a_population_is_built_as_its_members_alone():
    """Three members made in one program, with keys and dropout rates of their own, equal three made alone."""
    shape = MLPShape(3, 2, (5,), "prelu", "batch", dropout=True)
    keys, rates = jax.random.split(KEY, 3), np.array([0.0, 0.3, 0.8], np.float32)
    together = jax.jit(jax.vmap(lambda key, rate: build_mlp(key, shape, dropout_rate=rate)))(keys, rates)

    for place in range(3):
        alone = build(keys[place], shape, dropout_rate=rates[place])
        for left, right in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(np.asarray(left)[place], right, rtol=1e-6, atol=1e-7)


def test_a_population_runs_as_its_members_alone():
    """Three members trained on one batch in one program give what each gives alone: outputs and buffers."""
    members = [jax.tree.map(lambda leaf, k=k: leaf * (1 + k / 10), filled(FULL)) for k in range(3)]
    keys = jax.random.split(KEY, 3)
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
    together = jax.jit(jax.vmap(lambda model, key: model(rows(), nn.Context(key, training=True))))(
        stack, keys
    )

    for place in range(3):
        alone = apply(members[place], rows(), nn.Context(keys[place], training=True))
        for left, right in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(np.asarray(left)[place], right, rtol=1e-5, atol=1e-5)


def test_equal_shapes_share_one_compiled_program():
    """The static part of a model, and its shape, are keys of the compilation cache by value."""
    traces = []

    @partial(jax.jit, static_argnums=(0, 2))
    def apply(shape, parameters, static, buffers):
        traces.append(shape)
        return nn.combine(parameters, eqx.combine(buffers, static))(rows(), nn.inference())[0]

    for seed in (0, 1):
        shape = MLPShape(3, 2, [5], "gelu", "layer", dropout=True)
        parameters, rest = nn.partition(jax.tree.map(lambda leaf, seed=seed: leaf + seed, filled(shape)))
        buffers, static = eqx.partition(rest, eqx.is_array)
        apply(shape, parameters, static, buffers)

    assert len(traces) == 1


@pytest.mark.parametrize(
    "make",
    [lambda: build_mlp(KEY, FULL), lambda: build_linear(KEY, LinearShape(3, 2))],
    ids=["MLP", "Linear"],
)
def test_shapes_are_as_the_signatures_say(make):
    """Calls and features pass the run-time check of their own annotations."""
    model = jax.eval_shape(make)
    call, features = (
        jaxtyped(typechecker=beartype)(method) for method in (type(model).__call__, type(model).features)
    )

    assert jax.eval_shape(call, model, rows(), nn.inference())[0].shape == (7, 2)
    assert jax.eval_shape(features, model, rows(), nn.inference()).shape[0] == 7


def test_rows_of_another_width_are_refused():
    """The error tells the width that was wanted and the one that came."""
    with pytest.raises(InputError, match=r"\(batch, 3\), got shape \(7, 4\)"):
        jax.eval_shape(filled(FULL), rows(inputs=4), nn.inference())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"inputs": 0}, "inputs must be an integer of at least 1, got 0"),
        ({"outputs": 1.5}, "outputs must be an integer of at least 1, got 1.5"),
        ({"hidden": 128}, r"hidden must be a sequence of widths such as \(128,\), got 128"),
        ({"hidden": "128"}, r"hidden must be a sequence of widths such as \(128,\), got '128'"),
        ({"hidden": (8, 0)}, "every width in hidden must be an integer of at least 1, got 0"),
        ({"activation": "rellu"}, r"activation must be one of .* got 'rellu'\. Did you mean 'relu'\?"),
        (
            {"normalization": "bach"},
            r"normalization must be one of batch, layer, got 'bach'\. Did you mean 'batch'\?",
        ),
        ({"initialization": "he_norml"}, r"got 'he_norml'\. Did you mean 'he_normal'\?"),
        ({"maxout_pieces": 1}, "maxout_pieces must be an integer of at least 2, got 1"),
    ],
)
def test_a_wrong_shape_is_refused(wrong, message):
    """Each parameter's error says what was wanted, what came, and the near name."""
    with pytest.raises(ParameterError, match=message):
        MLPShape(**({"inputs": 3, "outputs": 2} | wrong))


def test_a_wrong_linear_shape_is_refused():
    """An unknown initialization is told the near name."""
    with pytest.raises(ParameterError, match="Did you mean 'zeros'"):
        LinearShape(3, 2, "zeroes")


def test_a_dropout_rate_without_dropout_layers_is_refused():
    """A rate that would act nowhere is an error, not silence."""
    with pytest.raises(ParameterError, match=r"dropout_rate is 0\.5, but the shape has no dropout layers"):
        build_mlp(KEY, MLPShape(3, 2), dropout_rate=0.5)
