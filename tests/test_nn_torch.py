"""Layers and activations against PyTorch's: outputs, gradients, running statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn

torch = pytest.importorskip(
    "torch", reason="PyTorch is an extra; without it there is nothing to compare with"
)

ROWS = np.random.default_rng(0).normal(0.5, 2, (7, 3)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
BIAS = np.random.default_rng(2).normal(size=4).astype(np.float32)
ACTIVATIONS = {
    "sigmoid": torch.nn.Sigmoid(),
    "tanh": torch.nn.Tanh(),
    "softmax": torch.nn.Softmax(dim=-1),
    "softplus": torch.nn.Softplus(threshold=100),
    "relu": torch.nn.ReLU(),
    "leaky_relu": torch.nn.LeakyReLU(),
    "elu": torch.nn.ELU(),
    "selu": torch.nn.SELU(),
    "gelu": torch.nn.GELU(),
    "identity": torch.nn.Identity(),
}


def ours(layer, x=ROWS, *, training=False):
    """Outputs, gradient of a fixed weighted sum of them with respect to the rows, layer afterwards."""

    def loss(x):
        outputs, after = layer(x, nn.Context(None, training=training))
        return (outputs * jnp.arange(outputs.size).reshape(outputs.shape)).sum(), (outputs, after)

    slopes, (outputs, after) = jax.grad(loss, has_aux=True)(jnp.asarray(x))
    return np.asarray(outputs), np.asarray(slopes), after


def theirs(module, x=ROWS):
    rows = torch.tensor(x, requires_grad=True)
    outputs = module(rows)
    (outputs * torch.arange(outputs.numel()).reshape(outputs.shape)).sum().backward()
    assert rows.grad is not None
    return outputs.detach().numpy(), rows.grad.numpy()


def assert_same(layer, module, *, training=False):
    outputs, slopes, _ = ours(layer, training=training)
    expected, expected_slopes = theirs(module)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(slopes, expected_slopes, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    """Each activation has PyTorch's values and gradients."""
    assert_same(nn.Activation.create(name), ACTIVATIONS[name])


def test_dense():
    """A dense layer is PyTorch's Linear with its weight transposed."""
    module = torch.nn.Linear(3, 4)
    module.load_state_dict({"weight": torch.tensor(WEIGHT.T.copy()), "bias": torch.tensor(BIAS)})

    assert_same(nn.Dense(jnp.asarray(WEIGHT), jnp.asarray(BIAS)), module)


@pytest.mark.parametrize("slopes", [[0.3], [0.3, -0.2, 1.5]])
def test_prelu(slopes):
    """PReLU with one slope, or one per feature, is PyTorch's."""
    module = torch.nn.PReLU(len(slopes))
    module.load_state_dict({"weight": torch.tensor(slopes)})

    assert_same(nn.PReLU(jnp.array(slopes if len(slopes) > 1 else slopes[0])), module)


def test_layer_norm():
    """Layer normalisation is PyTorch's, epsilon included."""
    module = torch.nn.LayerNorm(3)
    module.load_state_dict({"weight": torch.tensor(BIAS[:3]), "bias": torch.tensor(WEIGHT[:, 0].copy())})

    assert_same(nn.LayerNorm(jnp.asarray(BIAS[:3]), jnp.asarray(WEIGHT[:, 0]), epsilon=1e-5), module)


def test_batch_norm():
    """Batch normalisation is PyTorch's: training, running statistics after three batches, inference."""
    module, layer = torch.nn.BatchNorm1d(3), nn.BatchNorm.create(3)
    assert_same(layer, module, training=True)
    module.reset_running_stats()
    for seed in range(3):
        x = ROWS * (seed + 1) + seed
        theirs(module, x)
        layer = ours(layer, x, training=True)[2]

    np.testing.assert_allclose(layer.mean.value, module.running_mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(layer.variance.value, module.running_var.numpy(), rtol=1e-5)
    assert_same(layer, module.eval())
