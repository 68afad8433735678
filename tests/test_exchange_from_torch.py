"""Modules of PyTorch as networks of gorae: equal answers, weights copied, and refusals that say where."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.errors import GoraeWarning, InputError
from gorae.exchange import from_torch

torch = pytest.importorskip("torch", reason="PyTorch is an extra; without it there are no modules")
tn, F = torch.nn, torch.nn.functional

UNOPTIMISED = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class Plain(tn.Module):
    """An MLP whose forward is functions."""

    def __init__(self):
        super().__init__()
        self.one, self.two = tn.Linear(5, 7), tn.Linear(7, 3, bias=False)

    def forward(self, x):
        x = F.relu(self.one(x))
        x = F.dropout(x, 0.4, training=self.training)
        return torch.log_softmax(self.two(x), dim=-1)


class Residual(tn.Module):
    """A block that adds what it read, with a learnt factor and a fixed summand."""

    def __init__(self):
        super().__init__()
        self.block = tn.Sequential(tn.Conv2d(4, 4, 3, padding=1, bias=False), tn.BatchNorm2d(4), tn.ReLU())
        self.stem = tn.Conv2d(3, 4, 3, padding="same")
        self.scale = tn.Parameter(torch.rand(4, 1, 1))
        self.register_buffer("offset", torch.rand(1, 4, 6, 5))
        self.head = tn.Linear(4, 2)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.scale * self.block(x) - 0.5 * self.offset
        x = 1 - F.max_pool2d(x, 2, stride=1, padding=1)
        return self.head(x.mean(dim=(2, 3)))


class Flattened(tn.Module):
    """A LeNet: the order of the features where the image becomes a vector is channels first."""

    def __init__(self):
        super().__init__()
        self.features = tn.Sequential(tn.Conv2d(1, 4, 3), tn.Tanh(), tn.MaxPool2d(2), tn.Conv2d(4, 6, 2))
        self.norm, self.head = tn.BatchNorm1d(6 * 4 * 2), tn.Linear(6 * 4 * 2, 5)

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), -1)
        return self.head(F.gelu(self.norm(x)))


class Branches(tn.Module):
    """Two ways through, side by side along channels, and a sequence that becomes an image and back."""

    def __init__(self):
        super().__init__()
        self.left, self.right = tn.Conv1d(3, 2, 3, padding=1), tn.Conv1d(3, 4, 1)
        self.up = tn.ConvTranspose1d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2)

    def forward(self, x):
        x = torch.cat([self.left(x), F.leaky_relu(self.right(x), 0.2)], 1)
        x = self.up(x).unsqueeze(2)
        x = F.avg_pool2d(x, (1, 3), stride=(1, 2), padding=(0, 1)).squeeze(2)
        first, second = x.chunk(2, dim=1)
        return (
            torch.stack([first, second * 2.0], dim=3)
            .permute(0, 2, 1, 3)
            .flatten(2)
            .transpose(1, 2)[:, 1:, ::2]
        )


class Sequences(tn.Module):
    """Rows of steps: layers on the last axis, a norm of whole rows, and the largest over the steps."""

    def __init__(self):
        super().__init__()
        self.one, self.norm = tn.Linear(4, 6), tn.LayerNorm(6)
        self.whole, self.bend = tn.LayerNorm([5, 6]), tn.PReLU(5)

    def forward(self, x):
        x = self.whole(self.bend(self.norm(self.one(x))))
        share = F.softmax(x, dim=1)
        values, _ = torch.max(x, dim=1)
        return torch.cat([(share * x).sum(1), values, x[:, -1], x.flatten(1)[:, 2:4]], dim=-1)


class Reads(tn.Module):
    """Tokens through two recurrent layers in both directions and a GRU, read at their last states."""

    def __init__(self):
        super().__init__()
        self.look = tn.Embedding(11, 4, padding_idx=0)
        self.lstm = tn.LSTM(4, 5, num_layers=2, bidirectional=True, batch_first=True, dropout=0.1)
        self.gru = tn.GRU(10, 3, batch_first=True, bias=False)
        self.rnn = tn.RNN(10, 2, nonlinearity="relu", batch_first=True)

    def forward(self, tokens):
        steps, (h, _) = self.lstm(self.look(tokens))
        out, last = self.gru(steps, torch.zeros(1, tokens.size(0), 3))
        _, end = self.rnn(steps)
        return torch.cat([h[-2], h[-1], last.squeeze(0), end[0], out[:, 1]], dim=1)


MODULES = {
    "functions": (Plain, (5,)),
    "residual": (Residual, (3, 6, 5)),
    "flattened": (Flattened, (1, 12, 9)),
    "branches": (Branches, (3, 7)),
    "sequences": (Sequences, (5, 4)),
    "recurrent": (Reads, (6,)),
    "image as vector": (
        lambda: tn.Sequential(
            tn.Unflatten(1, (2, 6, 6)),
            tn.Conv2d(2, 4, 3, groups=2),
            tn.AdaptiveAvgPool2d(2),
            tn.LayerNorm([4, 2, 2]),
            tn.Flatten(),
            tn.PReLU(16),
            tn.ELU(0.5),
            tn.Softmax(dim=1),
            tn.LayerNorm(16),
        ),
        (72,),
    ),
    "global pooling": (
        lambda: tn.Sequential(
            tn.ConvTranspose2d(2, 3, 3, stride=2, output_padding=(1, 1)),
            tn.Dropout2d(0.2),
            tn.PReLU(3),
            tn.AdaptiveMaxPool2d(1),
            tn.Flatten(),
            tn.Linear(3, 4),
            tn.SiLU(),
            tn.Hardtanh(-0.2, 0.3),
        ),
        (2, 4, 3),
    ),
    "maps": (lambda: tn.Sequential(tn.AvgPool2d(3, 2, 1), tn.Conv2d(2, 3, 1), tn.Softplus(2.0)), (2, 5, 6)),
}


def made(build, seed=0):
    """A module with random weights and running statistics, for predictions."""
    torch.manual_seed(seed)
    module = build()
    for layer in module.modules():
        if isinstance(layer, tn.BatchNorm1d | tn.BatchNorm2d):
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
    return module.eval()


def last(x):
    """Channels last."""
    return np.moveaxis(x, 1, -1)


def ours(network, x):
    run = jax.jit(lambda x: network(x, nn.inference())[0], compiler_options=UNOPTIMISED)
    return np.asarray(run(jnp.asarray(x, jnp.float32)))


@pytest.mark.parametrize("name", MODULES)
def test_answers_are_equal(name):
    """A network answers what its module does, to 1e-5, images with their channels last."""
    build, shape = MODULES[name]
    module = made(build)
    network = from_torch(module, shape)
    x = np.random.default_rng(2).normal(size=(7, *shape)).astype(np.float32)
    x = np.random.default_rng(2).integers(0, 11, (7, *shape)) if name == "recurrent" else x
    with torch.no_grad():
        expected = module(torch.from_numpy(x)).numpy()
    read = last(x) if name in ("residual", "flattened", "branches", "global pooling", "maps") else x
    expected = last(expected) if name == "maps" else expected

    np.testing.assert_allclose(ours(network, read), expected, rtol=1e-5, atol=1e-5)


def test_the_module_stays_as_it_is():
    """Neither its weights nor its mode change."""
    module = made(Plain).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    from_torch(module, (5,))

    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_nothing_is_moved_that_need_not_be():
    """A convolutional network with a dense head has no node that moves axes: the head's weights follow."""
    network = from_torch(made(Flattened), (1, 12, 9))

    assert not any(isinstance(node, nn.Transpose | nn.Reorder) for node in network.nodes)


def test_nodes_have_the_names_of_the_layers():
    """Layers are called what they are in PyTorch."""
    network = from_torch(made(Flattened), (1, 12, 9))
    named = [name for name in network.names if name]

    assert named == ["features.0", "features.2", "features.3", "norm", "head"]


def test_gradients_are_pytorchs():
    """The gradient of a weight is what PyTorch computes, also of a factor that is no layer."""
    module = made(Residual)
    network = from_torch(module, (3, 6, 5))
    x = np.random.default_rng(2).normal(size=(4, 3, 6, 5)).astype(np.float32)
    module(torch.from_numpy(x)).square().sum().backward()
    parameters, rest = nn.partition(network)
    slope = jax.jit(
        jax.grad(lambda p: (nn.combine(p, rest)(jnp.asarray(last(x)), nn.inference())[0] ** 2).sum()),
        compiler_options=UNOPTIMISED,
    )(parameters)
    head = next(node for node in slope.nodes if isinstance(node, nn.Dense))
    scale = next(
        node
        for node in slope.nodes
        if isinstance(node, nn.Constant) and node.value is not None and not isinstance(node.value, nn.Buffer)
    )

    np.testing.assert_allclose(head.weight.T, module.head.weight.grad, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(scale.value.reshape(4), module.scale.grad.reshape(4), rtol=1e-4, atol=1e-4)


class Fourier(tn.Module):
    """Uses a function that gorae has not."""

    def forward(self, x):
        return torch.fft.fft(x).real


class Branching(tn.Module):
    """Asks what the rows hold."""

    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class Mixing(tn.Module):
    """Rows meet."""

    def forward(self, x):
        return x - x.mean(dim=0)


class Merged(tn.Module):
    """Rows change their number."""

    def forward(self, x):
        return x.view(-1, 2)


class TwoTensors(tn.Module):
    """Needs more than rows."""

    def forward(self, x, y):
        return x + y


class Noisy(tn.Module):
    """Drops in predictions."""

    def forward(self, x):
        return F.dropout(x, 0.5)


class Own(tn.Module):
    """A forward of one layer."""

    def __init__(self, layer):
        super().__init__()
        self.inside = layer

    def forward(self, x):
        return self.inside(x)


REFUSED = {
    "function": (
        Fourier(),
        (4,),
        r"function fft_fft .*line \d+: 'return torch.fft.fft\(x\).real'.*knows .*adaptive_avg_pool1d",
    ),
    "branch": (Branching(), (4,), r"cannot follow the forward of Branching .*line \d+: 'if x.sum\(\) > 0:'"),
    "rows meet": (Mixing(), (4,), r"method mean .*does not leave the rows apart"),
    "rows merged": (Merged(), (4,), r"method view .*does not leave the rows apart"),
    "two tensors": (TwoTensors(), (4,), "reads one tensor; this needs y besides"),
    "dropout in predictions": (Noisy(), (4,), r"dropout .*without training=self\.training"),
    "layer": (
        Own(tn.GroupNorm(2, 4)),
        (4, 3),
        r"layer GroupNorm \(inside\) .*line \d+: 'return self.inside\(x\)'.*knows",
    ),
    "setting": (
        Own(tn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")),
        (1, 5, 5),
        "padding_mode='reflect'",
    ),
    "steps first": (Own(tn.GRU(3, 2)), (4, 3), "batch_first=True"),
    "rounded up": (Own(tn.MaxPool2d(2, ceil_mode=True)), (1, 5, 5), "ceil_mode"),
    "softmax of rows": (Own(tn.Softmax(dim=0)), (4,), "over the rows of a batch"),
    "another shape": (tn.Linear(4, 2), (5,), r"does not take rows of shape \(5,\)"),
    "no module": (3, (5,), "takes a torch.nn.Module, got int"),
    "no shape": (tn.Linear(4, 2), (0,), "input_shape must be the shape of one row"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    """What gorae has no layer for is refused with its name, its line, and what there is."""
    module, shape, told = REFUSED[name]

    with pytest.raises(InputError, match=told):
        from_torch(module, shape)


def test_a_near_name_is_told():
    """A layer whose name is nearly one that is known brings that name to mind."""
    with pytest.raises(InputError, match="ReLU is known"):
        from_torch(Own(tn.RReLU()), (4,))


def test_a_layer_that_is_used_twice_is_told():
    """Its weights become two copies, which training on would move apart."""
    layer = tn.Linear(4, 4)

    with pytest.warns(GoraeWarning, match="used 2 times"):
        network = from_torch(tn.Sequential(layer, tn.Tanh(), Own(layer)), (4,))
    x = np.ones((2, 4), np.float32)

    np.testing.assert_allclose(
        ours(network, x), layer(torch.tanh(layer(torch.ones(2, 4)))).detach().numpy(), atol=1e-6
    )
