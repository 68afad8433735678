"""Graphs, joins and layers that move numbers: worked by hand, and as numpy does it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.errors import InputError, ParameterError

X = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)


def answer(layer, x=X, context=None):
    return np.asarray(layer(jnp.asarray(x), context or nn.inference())[0])


def test_a_residual_sum_by_hand():
    """X = (1, 2), W = 2 I, b = (-4, 0): relu(xW + b) + x = (0, 4) + (1, 2) = (1, 6)."""
    dense = nn.Dense(2 * jnp.eye(2), jnp.array([-4.0, 0.0]))
    nodes = (dense, nn.Activation.create("relu"), nn.Combine("add"))
    graph = nn.Graph(nodes, inputs=((0,), (1,), (0, 2)), names=("dense", "", ""))

    assert answer(graph, np.array([[1.0, 2.0]], np.float32)).tolist() == [[1.0, 6.0]]


def test_a_graph_that_is_a_chain_is_a_sequence():
    """A chain draws what the sequence of its layers draws, and keeps the buffers of its layers alike."""
    x = jnp.asarray(X[:, 0])
    layers = (nn.BatchNorm.create(5), nn.Dropout.create(0.5), nn.Dropout.create(0.2))
    context = nn.Context(jax.random.key(3), training=True)
    chain = nn.Graph(layers, inputs=((0,), (1,), (2,)), names=("", "", ""))
    found, after = chain(x, context)
    expected, wanted = nn.Sequential(layers)(x, context)

    assert np.array_equal(found, expected)
    assert np.array_equal(after.nodes[0].mean.value, wanted.layers[0].mean.value)


@pytest.mark.parametrize(
    ("inputs", "names", "told"),
    [(((1,),), ("",), "node 0 must read slots from 0 to 0"), (((0,), (0,)), ("",), "one list of inputs")],
)
def test_graphs_that_cannot_be(inputs, names, told):
    """A node reads what is there before it, and has one list of inputs."""
    with pytest.raises(ParameterError, match=told):
        nn.Graph((nn.Flatten(),), inputs, names)


def test_a_layer_reads_one_slot():
    """Only joins read several."""
    with pytest.raises(InputError, match="node 0 is a layer"):
        answer(nn.Graph((nn.Flatten(),), ((0, 0),), ("",)))


def test_layers_that_move_numbers_do_what_numpy_does():
    """Axes, shapes, parts and padding are numpy's."""
    pairs = [
        (nn.Transpose((0, 2, 1)), X.transpose(0, 2, 1)),
        (nn.Reshape((5, 3)), X.reshape(4, 5, 3)),
        (nn.Reorder((4, 0, 0)), X[..., [4, 0, 0]]),
        (nn.Cut((1, 0), (None, 3), (1, 2)), X[:, 1, 0:5:2]),
        (nn.Pad(((1, 0), (0, 2)), 0.5), np.pad(X, ((0, 0), (1, 0), (0, 2)), constant_values=0.5)),
        (nn.Reduce("max", (1, 2), keep=True), X.max(axis=(1, 2), keepdims=True)),
        (nn.Constant(jnp.ones(2)), np.ones((4, 2))),
    ]

    assert all(np.array_equal(answer(layer), wanted) for layer, wanted in pairs)


def test_combinations_are_numpys():
    """Each kind is the function of numpy of that name."""
    other = X[:, :, :1] + 3

    for kind in nn.COMBINATIONS:
        np.testing.assert_allclose(
            nn.Combine(kind)(jnp.asarray(X), jnp.asarray(other)), getattr(np, kind)(X, other), rtol=1e-6
        )


def test_every_cell_is_a_row_to_the_layer_inside():
    """Batch normalisation of cells takes its statistics over the cells of all rows that count."""
    layer = nn.BatchNorm.create(5)
    mask = jnp.array([1.0, 2.0, 0.0, 1.0])
    found, after = nn.PerCell(layer)(jnp.asarray(X), nn.Context(None, training=True, mask=mask))
    flat = nn.Context(None, training=True, mask=jnp.repeat(mask, 3))
    expected, wanted = layer(jnp.asarray(X.reshape(12, 5)), flat)

    assert np.array_equal(np.asarray(found).reshape(12, 5), expected)
    assert np.array_equal(after.layer.variance.value, wanted.variance.value)


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (nn.Transpose((0, 1)), "expects 2 axes"),
        (nn.Reshape((4, 4)), r"cannot make rows of shape \(4, 4\)"),
        (nn.Reorder((5,)), "takes the feature 5"),
        (nn.Cut((2, 0), (2, 5), (1, 1)), "at least"),
    ],
)
def test_what_does_not_fit_is_refused(layer, told):
    """Rows of another shape are refused in one sentence."""
    with pytest.raises(InputError, match=told):
        answer(layer)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: nn.Transpose((1, 0)), "leave the batch's first"),
        (lambda: nn.Combine("plus"), "combination must be one of"),
        (lambda: nn.Reduce("mean", (0,)), "rows do not meet"),
    ],
)
def test_what_cannot_be_made(make, told):
    """Settings that mean nothing are refused when the layer is made."""
    with pytest.raises(ParameterError, match=told):
        make()
