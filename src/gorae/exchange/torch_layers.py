"""PyTorch's layers as gorae's, weights and all; keyed by the names of PyTorch's classes."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np

from gorae import nn
from gorae.exchange.assembly import Assembly, Refusal, Value
from gorae.exchange.torch_activations import ACTIVATIONS, activation_of, softmax_along
from gorae.exchange.torch_sequences import embedding

__all__ = ["LAYERS", "pooled", "pooled_to"]

Shape = tuple[int, ...]
Converter = Callable[[Assembly, Any, Value, Shape, str], Any]
"""Called with the graph, PyTorch's layer, what it reads, the shape of its answer for a row, and its name."""


def array_of(tensor: Any) -> np.ndarray:
    """Return a tensor's numbers in float32."""
    return np.array(tensor.detach().cpu().numpy(), np.float32)


def _bias(module: Any, outputs: int) -> Any:
    """Return a layer's bias; zeros where it has none."""
    return jnp.zeros(outputs, jnp.float32) if module.bias is None else jnp.asarray(array_of(module.bias))


def _each(value: Any, axes: int) -> Shape:
    """Return a setting for each axis."""
    return tuple(int(v) for v in value) if isinstance(value, Sequence) else (int(value),) * axes


def _linear(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    weight = array_of(module.weight).T
    if x.order is not None:
        weight = weight[np.asarray(x.order)]
    layer = nn.Dense(jnp.asarray(weight), _bias(module, weight.shape[1]))
    if x.rank == 2:
        return graph.stored(graph.add(layer, x, name=name), shape)
    return graph.stored(graph.add(nn.PerCell(layer), graph.plain(x), name=name), shape)


def _convolution(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    axes = len(module.kernel_size)
    if module.padding_mode != "zeros":
        raise Refusal(f"padding_mode={module.padding_mode!r}; it knows 'zeros'")
    padding = module.padding if isinstance(module.padding, str) else tuple((p, p) for p in module.padding)
    windows = nn.make_windows(
        tuple(module.kernel_size),
        stride=tuple(module.stride),
        padding=padding,
        dilation=tuple(module.dilation),
    )
    weight = array_of(module.weight).transpose(*range(2, axes + 2), 1, 0)
    layer = nn.Conv(jnp.asarray(weight), _bias(module, weight.shape[-1]), windows, int(module.groups))
    x = graph.last(x)
    return graph.stored(graph.add(layer, x, name=name), shape, x.axes)


def _transposed(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    axes, groups = len(module.kernel_size), int(module.groups)
    windows = nn.make_windows(
        tuple(module.kernel_size),
        stride=tuple(module.stride),
        padding=tuple((p, p) for p in module.padding),
        dilation=tuple(module.dilation),
    )
    weight = array_of(module.weight)
    own, made, kernel = weight.shape[0] // groups, weight.shape[1], weight.shape[2:]
    parted = weight.reshape(groups, own, made, *kernel).transpose(*range(3, axes + 3), 1, 0, 2)
    layer = nn.ConvTransposed(
        jnp.asarray(parted.reshape(*kernel, own, groups * made)),
        _bias(module, groups * made),
        windows,
        tuple(int(e) for e in module.output_padding),
        groups,
    )
    x = graph.last(x)
    return graph.stored(graph.add(layer, x, name=name), shape, x.axes)


def pooled(
    graph: Assembly,
    x: Value,
    shape: Shape,
    kind: str,
    kernel: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    *,
    zeros_count: bool = False,
    name: str = "",
) -> Value:
    """Return each window's largest or mean cell.

    Args:
        graph: to add to.
        x: what is pooled.
        shape: PyTorch's shape of the answer for a row, which says whether it rounded up.
        kind: "max" or "average".
        kernel: cells of a window.
        stride: from window to window; None, or nothing, for the kernel.
        padding: on either side.
        dilation: from cell to cell.
        zeros_count: whether padding counts in a mean.
        name: of the layer.

    Raises:
        Refusal: when PyTorch rounds the number of windows up.
    """
    axes = x.rank - 2
    size, beside = _each(kernel, axes), _each(padding, axes)
    step = size if stride in (None, [], ()) else _each(stride, axes)
    x = graph.last(x)
    if zeros_count and any(beside):
        x = graph.stored(
            graph.add(nn.Pad((*((p, p) for p in beside), (0, 0))), x),
            (x.shape[0], *(n + 2 * p for n, p in zip(x.shape[1:], beside, strict=True))),
            x.axes,
        )
        beside = (0,) * axes
    layer = nn.Pool.create(
        kind, size, stride=step, padding=tuple((p, p) for p in beside), dilation=_each(dilation, axes)
    )
    if layer.windows.outputs(x.shape[1:]) != shape[1:]:
        raise Refusal("ceil_mode=True, where it makes one more window; pad the image, or drop ceil_mode")
    return graph.stored(graph.add(layer, x, name=name), shape, x.axes)


def pooled_to(graph: Assembly, x: Value, shape: Shape, kind: str, name: str = "") -> Value:
    """Return an adaptive pooling to PyTorch's shape of the answer.

    Raises:
        Refusal: when the windows would be of different sizes.
    """
    if all(n == 1 for n in shape[1:]):
        x = graph.last(x)
        slot = graph.add(nn.GlobalPool.create(kind), x, name=name)
        flat = Value(slot, (shape[0],), (0, 1))
        one = (*(1 for _ in shape[1:]), shape[0])
        return graph.stored(graph.add(nn.Reshape(one), flat), shape, x.axes)
    if any(n % m for n, m in zip(x.shape[1:], shape[1:], strict=True)):
        raise Refusal(f"windows of different sizes: {x.shape[1:]} cells do not divide into {shape[1:]}")
    kernel = tuple(n // m for n, m in zip(x.shape[1:], shape[1:], strict=True))
    return pooled(graph, x, shape, kind, kernel, name=name)


def _max_pool(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    if module.return_indices:
        raise Refusal("return_indices=True")
    settings = (module.kernel_size, module.stride, module.padding, module.dilation)
    return pooled(graph, x, shape, "max", *settings, name=name)


def _average_pool(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    if getattr(module, "divisor_override", None):
        raise Refusal("divisor_override")
    settings = (module.kernel_size, module.stride, module.padding)
    counted = module.count_include_pad
    return pooled(graph, x, shape, "average", *settings, zeros_count=counted, name=name)


def _adaptive(kind: str) -> Converter:
    def convert(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
        return pooled_to(graph, x, shape, kind, name)

    return convert


def _scale_and_shift(module: Any, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a normalisation; ones and zeros where it has none."""
    scale, shift = getattr(module, "weight", None), getattr(module, "bias", None)
    return (
        np.ones(features, np.float32) if scale is None else array_of(scale).reshape(-1),
        np.zeros(features, np.float32) if shift is None else array_of(shift).reshape(-1),
    )


def _batch_norm(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    if module.running_mean is None or module.momentum is None:
        raise Refusal("track_running_stats=False or momentum=None; it knows running statistics that move")
    running = (array_of(module.running_mean), array_of(module.running_var))
    arrays = [*_scale_and_shift(module, len(running[0])), *running]
    if x.order is not None:
        arrays = [array[np.asarray(x.order)] for array in arrays]
    scale, shift, mean, variance = (jnp.asarray(array) for array in arrays)
    momentum, epsilon = float(module.momentum), float(module.eps)
    layer = nn.BatchNorm(scale, shift, nn.Buffer(mean), nn.Buffer(variance), momentum, epsilon)
    if x.rank == 2:
        return graph.same(layer, x, name)
    return graph.same(nn.PerCell(layer), graph.last(x), name)


def _layer_norm(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    normalized = tuple(module.normalized_shape)
    scale, shift = _scale_and_shift(module, prod(normalized))
    epsilon = float(module.eps)
    if normalized == x.shape:  # all of a row, in whatever order it is stored
        flat = graph.reshaped(x, (prod(normalized),))
        places = np.arange(len(scale)) if flat.order is None else np.asarray(flat.order)
        layer = nn.LayerNorm(jnp.asarray(scale[places]), jnp.asarray(shift[places]), epsilon)
        done = graph.same(layer, flat, name)
        if x.rank == 2:
            return done
        return graph.stored(graph.add(nn.Reshape(x.stored_shape), done), x.shape, x.axes)
    if len(normalized) != 1:
        raise Refusal(f"normalized_shape={normalized}; it knows the last axis, or the whole row {x.shape}")
    layer = nn.LayerNorm(jnp.asarray(scale), jnp.asarray(shift), epsilon)
    return graph.same(nn.PerCell(layer), graph.plain(x), name)


def _prelu(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    slope = array_of(module.weight)
    if slope.size == 1:
        return graph.same(nn.PReLU(jnp.asarray(slope.reshape(()))), x, name)
    if x.rank == 2:
        slope = slope if x.order is None else slope[np.asarray(x.order)]
        return graph.same(nn.PReLU(jnp.asarray(slope)), x, name)
    return graph.same(nn.PerCell(nn.PReLU(jnp.asarray(slope))), graph.last(x), name)


def _dropout(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    return graph.same(nn.Dropout.create(float(module.p)), x, name)


def _nothing(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    return x


def _reshape(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    return graph.reshaped(x, shape)


def _softmax(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    return softmax_along(graph, x, module.dim, logarithm=type(module).__name__ == "LogSoftmax")


def _activation(graph: Assembly, module: Any, x: Value, shape: Shape, name: str) -> Value:
    return graph.same(nn.Activation(activation_of(type(module).__name__, vars(module))), x)


LAYERS: Mapping[str, Converter] = {
    **dict.fromkeys(ACTIVATIONS, _activation),
    "Linear": _linear,
    **dict.fromkeys(("Conv1d", "Conv2d"), _convolution),
    **dict.fromkeys(("ConvTranspose1d", "ConvTranspose2d"), _transposed),
    **dict.fromkeys(("MaxPool1d", "MaxPool2d"), _max_pool),
    **dict.fromkeys(("AvgPool1d", "AvgPool2d"), _average_pool),
    **dict.fromkeys(("AdaptiveMaxPool1d", "AdaptiveMaxPool2d"), _adaptive("max")),
    **dict.fromkeys(("AdaptiveAvgPool1d", "AdaptiveAvgPool2d"), _adaptive("average")),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d"), _batch_norm),
    "LayerNorm": _layer_norm,
    "PReLU": _prelu,
    **dict.fromkeys(("Dropout", "Dropout1d", "Dropout2d"), _dropout),
    "Embedding": embedding,
    "Identity": _nothing,
    **dict.fromkeys(("Flatten", "Unflatten"), _reshape),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
}
"""Every layer that `from_torch` knows, by the name of PyTorch's class."""
