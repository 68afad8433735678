"""The product that training uses: the same sums in whatever layout, at every size where the rules change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gorae.nn import Context, Dense, inference
from gorae.nn.product import trained_product

SIZES = [(1, 1, 1), (7, 3, 1), (3, 7, 2), (7, 5, 4), (33, 17, 5), (3, 20, 16), (5, 20, 17), (2, 300, 300)]


def some(size, members=()):
    """Return a batch, weights and a gradient of their product."""
    batch, inputs, outputs = size
    rng = np.random.default_rng(sum(size))
    shapes = (batch, inputs), (inputs, outputs), (batch, outputs)
    return [rng.normal(size=(*members, *shape)).astype(np.float32) for shape in shapes]


def product_and_gradients(x, w, g):
    """Return XW and the gradients that G gives."""
    product, pull = jax.vjp(trained_product, x, w)
    return product, *pull(g)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("members", [(), (3,)], ids=["alone", "stacked"])
def test_product_and_gradients_are_those_of_numpy(size, members):
    """XW, G W^T and X^T G agree with float64, alone and in a stack, whatever the layout they are computed in."""
    x, w, g = some(size, members)
    function = jax.vmap(product_and_gradients) if members else product_and_gradients
    found = jax.jit(function)(x, w, g)
    x, w, g = (a.astype(np.float64) for a in (x, w, g))
    expected = x @ w, g @ w.swapaxes(-1, -2), x.swapaxes(-1, -2) @ g

    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=3e-6 * np.abs(other).max() * 3)


def test_gradients_are_finite_differences():
    """The rule for gradients belongs to the product."""
    x, w, _ = some((3, 5, 2))

    check_grads(trained_product, (x, w), order=1, modes=["rev"], rtol=1e-2)


def test_a_layer_answers_the_same_in_training():
    """Training changes the layout of a layer's product, not its answers."""
    layer = Dense.create(jax.random.key(0), 20, 3)
    x = jnp.asarray(some((9, 20, 3))[0])
    training = Context(key=jax.random.key(1), training=True)

    np.testing.assert_allclose(layer(x, training)[0], layer(x, inference())[0], rtol=1e-5, atol=1e-6)


def test_forward_mode_outside_training():
    """A Jacobian in forward mode, and so a Hessian, is there where the model is not being trained."""
    layer = Dense.create(jax.random.key(0), 4, 2)

    jacobian = jax.jacfwd(lambda x: layer(x[None], inference())[0][0])(jnp.ones(4))

    np.testing.assert_array_equal(jacobian, layer.weight.T)
