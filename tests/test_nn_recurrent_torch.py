"""Recurrent layers against PyTorch's: outputs and every gradient, packed sequences included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.nn.cells import CELLS
from gorae.nn.recurring import Weights

torch = pytest.importorskip(
    "torch", reason="PyTorch is an extra; without it there is nothing to compare with"
)

BATCH, TIME, INPUTS, WIDTH = 4, 9, 3, 5
LENGTHS = [9, 2, 5, 1]
MODULES = {
    "rnn": lambda **more: torch.nn.RNN(INPUTS, WIDTH, batch_first=True, **more),
    "rnn_relu": lambda **more: torch.nn.RNN(INPUTS, WIDTH, nonlinearity="relu", batch_first=True, **more),
    "lstm": lambda **more: torch.nn.LSTM(INPUTS, WIDTH, batch_first=True, **more),
    "gru": lambda **more: torch.nn.GRU(INPUTS, WIDTH, batch_first=True, **more),
}


def as_ours(module, cell, read):
    """Return a torch module's weights, or what `read` makes of them, as ours."""
    parts = {name: read(value).detach().numpy() for name, value in module.named_parameters()}
    sides = ["", "_reverse"] if module.bidirectional else [""]

    def one(place, side):
        w_x, w_h, b_x, b_h = (
            parts[f"{kind}_l{place}{side}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        if not CELLS[cell].inner:
            return Weights(w_x.T, w_h.T, b_x + b_h)
        outer = 2 * WIDTH
        return Weights(w_x.T, w_h.T, np.r_[(b_x + b_h)[:outer], b_x[outer:]], b_h[outer:])

    return tuple(tuple(one(place, side) for side in sides) for place in range(module.num_layers))


def theirs(module, x, g, lengths):
    """Return PyTorch's outputs and the slope of the rows; the weights' slopes stay in the module."""
    rows = torch.tensor(x, requires_grad=True)
    if lengths is None:
        outputs, _ = module(rows)
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            rows, torch.tensor(lengths), batch_first=True, enforce_sorted=False
        )
        outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(
            module(packed)[0], batch_first=True, total_length=TIME
        )
    (outputs * torch.tensor(g)).sum().backward()
    return outputs.detach().numpy(), rows.grad.numpy()


@pytest.mark.parametrize("cell", MODULES)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "packed"])
@pytest.mark.parametrize(("dtype", "near"), [(np.float32, 1e-4), (np.float64, 1e-10)], ids=["32", "64"])
def test_two_layers_in_both_directions(cell, lengths, dtype, near):
    """Outputs and gradients of rows and weights are PyTorch's."""
    torch.manual_seed(1)
    module = MODULES[cell](num_layers=2, bidirectional=True).to(torch.tensor(np.zeros(1, dtype)).dtype)
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=(BATCH, TIME, n)).astype(dtype) for n in (INPUTS, 2 * WIDTH))
    outputs, of_rows = theirs(module, x, g, lengths)
    expected = [outputs, of_rows, *jax.tree.leaves(as_ours(module, cell, lambda p: p.grad))]
    with jax.enable_x64(dtype == np.float64):
        layers = as_ours(module, cell, lambda p: p)
        where = None if lengths is None else jnp.asarray(lengths)

        context = nn.Context(None, training=True, lengths=where)

        def total(layers, x):
            found = nn.Recurrent(layers, None, cell)(x, context)[0]
            return jnp.sum(found * g), found

        slopes, found = jax.jit(jax.grad(total, argnums=(0, 1), has_aux=True))(layers, jnp.asarray(x))
        ours = [found, slopes[1], *jax.tree.leaves(_one_bias_each(slopes[0], cell))]
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=near, atol=near * np.abs(other).max())


def _one_bias_each(slopes, cell):
    """Return our slopes as PyTorch's two biases are added up: a shared one counts twice."""

    def twice(one):
        if not CELLS[cell].inner:
            return one._replace(bias=2 * one.bias)
        factor = np.r_[np.full(2 * WIDTH, 2.0), np.ones(WIDTH)].astype(one.bias.dtype)
        return one._replace(bias=one.bias * factor)

    return tuple(tuple(twice(one) for one in sides) for sides in slopes)
