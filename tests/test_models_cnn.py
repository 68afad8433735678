"""Convolutional networks: sizes by hand, blocks against their plain order, parts that do not fit."""

from dataclasses import replace

import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.errors import DataError, InputError, ParameterError
from gorae.models import (
    CNNShape,
    ConvPart,
    DensePart,
    GlobalPoolPart,
    PoolPart,
    ResidualPart,
    build_cnn,
    layer_names,
    parameters_by_layer,
)
from gorae.models.cnn_presets import residual_layers, small_layers
from gorae.models.parts import part_from_meta, part_to_meta

KEY = jax.random.key(3)
MIXED = CNNShape(
    (9, 7, 2),
    3,
    (
        PoolPart("average", (1, 1)),
        ConvPart(4, (3, 2), stride=2, padding="valid"),
        PoolPart("max", 2, stride=1),
        ResidualPart(6, 3, 2),
        GlobalPoolPart("max"),
        DensePart(5),
    ),
    activation="tanh",
    normalization="batch",
    dropout=True,
)


def images(shape, count=5, seed=0):
    return np.random.default_rng(seed).normal(0.4, 1.3, (count, shape.inputs)).astype(np.float32)


def test_sizes_by_hand():
    """9 x 7 cells: kernel (3, 2), stride 2 leave 4 x 3; pooling 2 with stride 1 leaves 3 x 2; stride 2 with padding 2 x 1."""
    stages = MIXED.stages

    assert [stage.name for stage in stages] == ["conv 1", "residual 1", "dense 1"]
    assert [stage.after for stage in stages] == [(3, 2, 4), (6,), (5,)]
    assert [stage.before for stage in stages] == [(9, 7, 2), (3, 2, 4), (6,)]
    assert (MIXED.hidden_widths, MIXED.hidden_units, MIXED.last) == ((24, 6, 5), (4, 6, 5), (5,))


def test_work_and_weights_by_hand():
    """A 5 x 5 kernel over 1 channel of 28 x 28 cells: 16 x 25 weights, each used at 24 x 24 places."""
    shape = CNNShape((28, 28, 1), 10, (ConvPart(16, 5, padding="valid"), PoolPart()))

    assert shape.weights == 16 * 25 + 12 * 12 * 16 * 10
    assert shape.row_work == 16 * 25 * 24 * 24 + 12 * 12 * 16 * 10
    assert shape.row_numbers == 28 * 28 + 24 * 24 * 16 + 12 * 12 * 16


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_many_rows_are_answered_as_few(normalization):
    """Answers to 96 rows, which a CPU gives in three parts, and to 40, in one, are those to each 8 of them."""
    shape = replace(MIXED, normalization=normalization)
    model, x = build_cnn(KEY, shape), images(shape, 96)
    ask = jax.jit(lambda x: (model(x, nn.inference())[0], model.features(x, nn.inference())))
    whole, some = ask(x), ask(x[:40])

    assert shape.cached_rows == 32
    for first in range(0, 96, 8):
        for found, part in zip(whole, ask(x[first : first + 8]), strict=True):
            np.testing.assert_allclose(found[first : first + 8], part, rtol=1e-4, atol=1e-5)
    for found, part in zip(whole, some, strict=True):
        np.testing.assert_allclose(found[:40], part, rtol=1e-4, atol=1e-5)


def test_an_eager_answer_compiles_nothing_new():
    """Outside of a compiled program rows are answered at once: parts would be compiled in every call."""
    shape = CNNShape((8, 8, 1), 3, (ConvPart(2), PoolPart()))
    model, x = build_cnn(KEY, shape), images(shape, 64)
    first = model(x, nn.inference())[0]
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, *_, **__: compiled.append(name))
    try:
        again = model(x, nn.inference())[0]
        untold = list(compiled)
        jax.jit(lambda x: model(x, nn.inference())[0])(x)
    finally:
        jax.monitoring.clear_event_listeners()

    assert not any("compile" in name for name in untold)
    assert any("compile" in name for name in compiled)
    np.testing.assert_array_equal(again, first)


def test_rows_that_a_cache_holds():
    """Of 64 x 64 cells and 16 channels 16 rows: a row keeps 4096 x (1 + 16 + 4) numbers of 4 bytes."""
    shape = CNNShape((64, 64, 1), 10, (ConvPart(16), PoolPart()))

    assert shape.row_numbers == 4096 * 21
    assert shape.cached_rows == 16
    assert CNNShape((1000, 1000, 4), 10, (ConvPart(64),)).cached_rows == 1


def test_weights_are_those_of_the_network():
    """The numbers that a shape counts are those of the arrays, biases and shortcuts apart."""
    shape = CNNShape((8, 8, 2), 3, (ConvPart(4, 3, groups=2), ResidualPart(4), DensePart(5)))
    parameters, _ = nn.partition(jax.eval_shape(lambda: build_cnn(KEY, shape)))

    counted = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(parameters) if leaf.ndim > 1)

    assert counted == shape.weights


def test_a_network_by_hand():
    """The cells 1..9, a kernel of ones of 2 x 2: 12, 16, 24, 28; bias -20 and ReLU: 0, 0, 4, 8; times 1, and 0.5: 12.5."""
    shape = CNNShape((3, 3, 1), 1, (ConvPart(1, 2, padding="valid"),))
    model = build_cnn(KEY, shape)
    model = jax.tree.map(jnp.ones_like, model)
    block, head = model.body.layers[0], model.head.layers[0]
    object.__setattr__(block.conv, "bias", jnp.array([-20.0]))
    object.__setattr__(head, "bias", jnp.array([0.5]))

    outputs, _ = model(jnp.arange(1.0, 10.0)[None], nn.inference())

    assert outputs.tolist() == [[12.5]]


@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize("name", ["relu", "tanh", "softplus", "step"])
def test_pooling_before_the_activation_is_pooling_after_it(kind, name):
    """A block answers what convolution, bias, activation and pooling one after the other answer."""
    conv = nn.Conv.create(KEY, 2, 3, 3, padding=1)
    object.__setattr__(conv, "bias", jnp.array([0.3, -0.2, 0.1]))
    activation, pool = nn.Activation.create(name), nn.Pool.create(kind, 2)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(4, 6, 5, 2)), jnp.float32)

    block, _ = nn.ConvBlock(conv, None, activation, (pool,))(x, nn.inference())
    plain, _ = nn.Sequential((conv, activation, pool))(x, nn.inference())

    np.testing.assert_allclose(block, plain, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("kind", "name"), [("average", "relu"), ("max", "gelu"), ("max", "softmax")])
def test_pooling_that_does_not_commute_comes_last(kind, name):
    """A mean, and an activation that falls somewhere, are taken in the order of the data, bitwise."""
    conv = nn.Conv.create(KEY, 2, 3, 3)
    activation, pool = nn.Activation.create(name), nn.Pool.create(kind, 2)
    x = jnp.asarray(np.random.default_rng(2).normal(size=(2, 6, 6, 2)), jnp.float32)

    block, _ = nn.ConvBlock(conv, None, activation, (pool,))(x, nn.inference())
    plain, _ = nn.Sequential((conv, activation, pool))(x, nn.inference())

    np.testing.assert_array_equal(block, plain)


def test_a_residual_block_without_normalisation_starts_as_its_input():
    """Its second convolution starts at 0, so that f(x) is what comes out, and x where x is positive."""
    block = nn.Residual.create(KEY, 3, 3, nn.Activation.create("relu"))
    x = jnp.abs(jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 5, 3)), jnp.float32))

    np.testing.assert_array_equal(block(x, nn.inference())[0], x)


def test_a_residual_block_by_hand():
    """One cell, kernels of 1: f(2 f(3 x) + s x) with the shortcut s = -1 is 5 x for x above 0, and |x| below."""
    parts = [nn.Conv.create(KEY, 1, 1, 1, initialization=nn.constant(value)) for value in (3.0, 2.0, -1.0)]
    block = nn.Residual(*parts, (), nn.Activation.create("relu"))
    x = jnp.array([2.0, -2.0]).reshape(2, 1, 1, 1)

    assert block(x, nn.inference())[0].ravel().tolist() == [10.0, 2.0]


def test_layers_have_names_and_every_parameter_is_in_one():
    """Norms of gradients are told layer by layer: each array counts once, dropout and poolings have none."""
    model = build_cnn(KEY, MIXED)
    parameters, _ = nn.partition(model)

    layers = parameters_by_layer(parameters)

    assert layer_names(model) == ["conv 1", "residual 1", "dense 1", "output"]
    assert sum(map(len, layers.values())) == len(jax.tree.leaves(parameters))


def test_hidden_layers_end_in_the_features():
    """What the hidden layers answer has the widths that the shape tells; the last is what the output layer reads."""
    model, x = build_cnn(KEY, MIXED), images(MIXED)

    hidden = model.hidden_layers(x, nn.inference())

    assert tuple(layer.shape[1] for layer in hidden) == MIXED.hidden_widths
    np.testing.assert_array_equal(hidden[-1], model.features(x, nn.inference()))


def test_a_shifted_image_shifts_the_feature_map():
    """Where no edge is near, moving the image by a cell moves what a convolution answers by a cell."""
    shape = CNNShape((10, 10, 1), 2, (ConvPart(3, 3),))
    model = build_cnn(KEY, shape)
    image = np.zeros((1, 10, 10, 1), np.float32)
    image[0, 3:6, 4:7, 0] = np.random.default_rng(0).normal(size=(3, 3))

    one, two = (
        model.feature_maps(jnp.asarray(moved.reshape(1, -1)), nn.inference())[0]
        for moved in (image, np.roll(image, (1, -2), (1, 2)))
    )

    np.testing.assert_array_equal(np.roll(one, (1, -2), (1, 2)), two)


def test_stacked_networks_answer_as_each_alone():
    """K stacked copies equal k models."""
    keys = jax.random.split(KEY, 3)
    x = images(MIXED)

    stacked = jax.vmap(lambda key: build_cnn(key, MIXED)(x, nn.inference())[0])(keys)
    alone = jnp.stack([build_cnn(key, MIXED)(x, nn.inference())[0] for key in keys])

    np.testing.assert_allclose(stacked, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("image", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 48, 4), (1, 11, 1), (2, 3, 1)])
@pytest.mark.parametrize("preset", [small_layers, residual_layers])
def test_presets_fit_every_image(image, preset):
    """The presets are networks of any image, down to few cells."""
    shape = CNNShape(image, 10, preset(image))

    model = jax.eval_shape(lambda: build_cnn(KEY, shape))

    assert len(layer_names(model)) >= 3


def test_the_small_preset_is_small():
    """For 28 x 28 grey cells it has under 120,000 weights."""
    assert CNNShape((28, 28, 1), 10, small_layers((28, 28, 1))).weights < 120_000


@pytest.mark.parametrize("part", [*MIXED.layers, ConvPart(3, [2, 1], padding=[[1, 0], [0, 2]], groups=1)])
def test_parts_survive_json(part):
    """A part told as JSON comes back equal."""
    assert part_from_meta(part_to_meta(part)) == part


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (
            [ConvPart(4, 9, padding="valid")],
            "layer 1 of 1, .*does not fit an image of 7 x 7: .*9.*",
        ),
        ([PoolPart(), PoolPart(), PoolPart()], "layer 3 of 3, .*does not fit an image of 1 x 1"),
        ([DensePart(4), ConvPart(4)], "layer 2 of 2, .*needs an image, but .*4 numbers"),
        ([GlobalPoolPart(), PoolPart()], "layer 2 of 2, .*needs an image"),
        ([ConvPart(4, groups=3)], "groups must divide the 1 channels before and the 4 after"),
        (
            [ConvPart(4, padding=1 << 15)],
            "layer 1 of 1, .*would hold 17182490724 numbers of one row, at most",
        ),
        ([ConvPart(4), 7], "layers must be a list of ConvPart, PoolPart, ResidualPart"),
        ("conv", "layers must be a list of ConvPart"),
    ],
)
def test_layers_that_do_not_fit(layers, sentence):
    """A layer that does not fit what comes before it is named, with the sizes and the sum."""
    with pytest.raises(ParameterError, match=sentence):
        CNNShape((7, 7, 1), 2, layers)


def test_values_out_of_range():
    """Sizes below 1, unknown names and unknown parts are refused."""
    with pytest.raises(ParameterError, match="channels"):
        ConvPart(0)
    with pytest.raises(ParameterError, match="Did you mean 'max'"):
        PoolPart("maxx")
    with pytest.raises(ParameterError, match="image must be"):
        CNNShape((7, 7), 2)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DataError, match="a layer must be one of conv, pool"):
        part_from_meta({"part": "lambda"})


def test_rows_of_another_size():
    """A batch whose rows are no such images is refused."""
    model = jax.eval_shape(lambda: build_cnn(KEY, MIXED))

    with pytest.raises(InputError, match=r"images of \(9, 7, 2\) expects a batch of shape \(batch, 126\)"):
        model(jnp.ones((2, 125)), nn.inference())


def test_batch_normalisation_of_cells():
    """Every cell counts as a row: images are normalised as their cells would be, one under the other."""
    x = np.random.default_rng(0).normal(2, 3, (3, 4, 5, 2)).astype(np.float32)
    layer = nn.BatchNorm.create(2)
    mask = jnp.array([1.0, 0.0, 1.0])

    maps, after = layer(jnp.asarray(x), nn.Context(None, training=True, mask=mask))
    rows, known = layer(
        jnp.asarray(x[[0, 2]].reshape(-1, 2)), nn.Context(None, training=True, mask=jnp.ones(40))
    )

    np.testing.assert_allclose(maps[jnp.array([0, 2])].reshape(-1, 2), rows, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(after.variance.value, known.variance.value, rtol=1e-6)
