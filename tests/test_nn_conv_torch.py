"""Convolution, transposed convolution and pooling against PyTorch's, on random configurations."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae import nn
from gorae.nn.conv_transposed import spread_natively
from gorae.nn.convolving import convolve_natively

torch = pytest.importorskip(
    "torch", reason="PyTorch is an extra; without it there is nothing to compare with"
)

CONFIGURATIONS = 12
"""The comparison was made with 200; here are as many as compile in a few seconds."""

UNOPTIMISED = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
TOLERANCE = {np.float32: 1e-4, np.float64: 1e-10}


class Case(NamedTuple):
    """One layer, PyTorch's of the same kind, and arrays: batch, weights, bias, and a gradient of the outputs."""

    told: str
    layer: Any
    module: Any
    arrays: tuple[np.ndarray, ...]


def cases(seed: int, count: int) -> list[Case]:
    """Return random layers of every kind, at odd sizes."""
    rng = np.random.default_rng(seed)
    makers = (convolution, convolution, transposed, pooling)
    return [makers[k % len(makers)](rng) for k in range(count)]


def some(rng, axes, low, high):
    """Return a random whole number for each axis."""
    return tuple(int(n) for n in rng.integers(low, high + 1, axes))


def convolution(rng) -> Case:
    """Return a convolution of one or two axes."""
    axes, groups = int(rng.integers(1, 3)), int(rng.choice([1, 1, 1, 2, 3]))
    own, made = int(rng.integers(1, 10)), int(rng.integers(1, 4))
    kernel, stride, dilation = some(rng, axes, 1, 4), some(rng, axes, 1, 3), some(rng, axes, 1, 2)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    cells = tuple(int(span + rng.integers(0, 6)) for span in spans)
    same = rng.random() < 0.3 and all(span % 2 for span in spans)  # PyTorch warns of other ones
    stride = (1,) * axes if same else stride
    padding = "same" if same else some(rng, axes, 0, 2)
    inputs, outputs = own * groups, made * groups
    windows = nn.make_windows(kernel, stride=stride, padding=padding, dilation=dilation)
    kind = torch.nn.Conv1d if axes == 1 else torch.nn.Conv2d
    module = kind(inputs, outputs, kernel, stride, padding, dilation, groups)
    rows = int(rng.choice([1, 2, 3, 35]))  # many rows are convolved in another order of axes
    arrays = drawn(rng, (rows, *cells, inputs), (*kernel, own, outputs), outputs)
    layer = nn.Conv(jnp.zeros(0), jnp.zeros(0), windows, groups)
    return Case(f"conv {module} of {cells}", layer, module, arrays)


def transposed(rng) -> Case:
    """Return a transposed convolution of one or two axes."""
    axes, groups = int(rng.integers(1, 3)), int(rng.choice([1, 1, 2]))
    own, made = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    kernel, stride, dilation = some(rng, axes, 2, 4), some(rng, axes, 1, 3), some(rng, axes, 1, 2)
    cells, extra = some(rng, axes, 2, 5), int(rng.integers(0, min(stride)))
    padding = some(rng, axes, 0, 1)
    inputs, outputs = own * groups, made * groups
    windows = nn.make_windows(kernel, stride=stride, padding=padding, dilation=dilation)
    kind = torch.nn.ConvTranspose1d if axes == 1 else torch.nn.ConvTranspose2d
    module = kind(inputs, outputs, kernel, stride, padding, extra, groups, True, dilation)
    arrays = drawn(rng, (2, *cells, inputs), (*kernel, own, outputs), outputs)
    layer = nn.ConvTransposed(jnp.zeros(0), jnp.zeros(0), windows, (extra,) * axes, groups)
    return Case(f"transposed {module} of {cells}", layer, module, arrays)


def pooling(rng) -> Case:
    """Return a pooling of two axes."""
    kind, kernel, stride = str(rng.choice(["max", "average", "min"])), some(rng, 2, 2, 3), some(rng, 2, 1, 3)
    padding = some(rng, 2, 0, 1)
    dilation = some(rng, 2, 1, 2) if kind != "average" else (1, 1)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel, strict=True))
    cells = tuple(int(span + rng.integers(0, 6)) for span in spans)
    layer = nn.Pool.create(kind, kernel, stride=stride, padding=padding, dilation=dilation)
    module = {
        "max": lambda: torch.nn.MaxPool2d(kernel, stride, padding, dilation),
        "min": lambda: torch.nn.MaxPool2d(kernel, stride, padding, dilation),
        "average": lambda: torch.nn.AvgPool2d(kernel, stride, padding, count_include_pad=False),
    }[kind]()
    return Case(f"{kind} {module} of {cells}", layer, module, (rng.normal(size=(2, *cells, 3)),))


def drawn(rng, batch, weight, outputs) -> tuple[np.ndarray, ...]:
    """Return a batch, weights and a bias."""
    return rng.normal(size=batch), rng.normal(size=weight), rng.normal(size=outputs)


def ours(case: Case, arrays):
    """Return the outputs of a layer, and the gradients of a sum in which each counts differently."""

    def answer(arrays):
        layer = case.layer
        if not isinstance(layer, nn.Pool):
            fields = {name: getattr(layer, name) for name in vars(layer) if name not in ("weight", "bias")}
            layer = type(layer)(arrays[1], arrays[2], **fields)
        return layer(arrays[0], nn.Context(None, training=True))[0]

    outputs, pull = jax.vjp(answer, arrays)
    return outputs, pull(jnp.cos(jnp.arange(outputs.size)).astype(outputs.dtype).reshape(outputs.shape))[0]


def theirs(case: Case):
    """Return the same of PyTorch's layer, in float64, with channels moved to where ours are."""
    module = case.module.double()
    batch = torch.tensor(np.moveaxis(case.arrays[0], -1, 1).copy(), requires_grad=True)
    sign = -1 if getattr(case.layer, "kind", "") == "min" else 1
    if len(case.arrays) > 1:
        weight, groups = case.arrays[1], case.layer.groups
        with torch.no_grad():
            module.weight.copy_(torch.tensor(weight_of_torch(weight, case.layer, groups)))
            module.bias.copy_(torch.tensor(case.arrays[2]))
    outputs = sign * module(sign * batch)
    found = np.moveaxis(outputs.detach().numpy(), 1, -1)
    each = np.cos(np.arange(found.size)).reshape(found.shape)
    outputs.backward(torch.tensor(np.moveaxis(each, -1, 1).copy()))
    gradients = [np.moveaxis(batch.grad.numpy(), 1, -1)]
    if len(case.arrays) > 1:
        gradients += [weight_of_ours(module.weight.grad.numpy(), case.layer), module.bias.grad.numpy()]
    return found, gradients


def weight_of_torch(weight, layer, groups):
    """Return our weights as PyTorch holds them."""
    if isinstance(layer, nn.Conv):
        return np.moveaxis(weight, (-1, -2), (0, 1)).copy()
    own, outputs = weight.shape[-2:]
    parts = weight.reshape(*weight.shape[:-1], groups, outputs // groups)
    parts = np.moveaxis(parts, (-2, -3, -1), (0, 1, 2))  # groups, own, made, *kernel
    return parts.reshape(groups * own, outputs // groups, *weight.shape[:-2]).copy()


def weight_of_ours(weight, layer):
    """Return PyTorch's weights as we hold them."""
    if isinstance(layer, nn.Conv):
        return np.moveaxis(weight, (0, 1), (-1, -2))
    inputs, made, *kernel = weight.shape
    parts = weight.reshape(layer.groups, inputs // layer.groups, made, *kernel)
    parts = np.moveaxis(parts, (0, 1, 2), (-2, -3, -1))
    return parts.reshape(*kernel, inputs // layer.groups, made * layer.groups)


@pytest.mark.parametrize("kind", [np.float32, np.float64], ids=["float32", "float64"])
def test_outputs_and_gradients_are_pytorchs(kind):
    """On random layers outputs and all gradients agree, relative to the largest of each array."""
    for case in cases(0, CONFIGURATIONS):
        with jax.enable_x64(kind is np.float64):
            arrays = tuple(jnp.asarray(array, kind) for array in case.arrays)
            outputs, gradients = jax.jit(partial(ours, case), compiler_options=UNOPTIMISED)(arrays)
        expected, expected_gradients = theirs(case)
        for found, wanted in zip((outputs, *gradients), (expected, *expected_gradients), strict=True):
            scale = np.abs(wanted).max() + 1e-12
            assert found.dtype == kind
            np.testing.assert_allclose(
                np.asarray(found) / scale, wanted / scale, rtol=0, atol=TOLERANCE[kind], err_msg=case.told
            )


def test_the_native_form_is_the_same():
    """What a GPU or TPU computes, the device's own convolution, is what the products give."""
    every = [case for case in cases(1, 12) if len(case.arrays) > 1]

    def both(arrays):
        found = []
        for case, (x, weight, bias) in zip(every, arrays, strict=True):
            layer = case.layer
            if isinstance(layer, nn.Conv):
                native = convolve_natively(layer.windows, layer.groups, x, weight)
            else:
                native = spread_natively(layer.windows, layer.extra, layer.groups, x, weight)
            found.append((native + bias, ours(case, (x, weight, bias))[0]))
        return found

    arrays = [tuple(jnp.asarray(array, jnp.float32) for array in case.arrays) for case in every]
    for case, (native, own) in zip(every, jax.jit(both, compiler_options=UNOPTIMISED)(arrays), strict=True):
        scale = float(jnp.abs(native).max())
        np.testing.assert_allclose(own, native, rtol=0, atol=1e-5 * scale, err_msg=case.told)
