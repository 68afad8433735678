"""Networks of gorae as graphs of another library: every layer by its class, axes moved where they must be."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from gorae import nn
from gorae.errors import InputError
from gorae.exchange.emitter import Emitter
from gorae.exchange.layout import Value, arranged, ordered, plain, reshaped
from gorae.exchange.lowering_blocks import BLOCKS
from gorae.exchange.lowering_sequences import SEQUENCES
from gorae.exchange.torch_activations import ACTIVATIONS, AlongAxis, Shaped
from gorae.models.linear import Linear
from gorae.models.mlp import MLP
from gorae.models.module import ModuleNetwork

__all__ = ["lower"]

Lower = Callable[[Emitter, Any, Value, str], Value]
"""Called with the graph, a layer, what it reads, and its name."""


def lower(graph: Emitter, layer: Any, x: Value, name: str = "") -> Value:
    """Write a layer, or a whole network, into a graph.

    Args:
        graph: of the other library.
        layer: of gorae, its arrays inside.
        x: what it reads.
        name: what the layer is called.

    Returns:
        What it answers in predictions.

    Raises:
        InputError: when it is of a kind that the other library is not told about.
    """
    convert = _LAYERS.get(type(layer))
    if convert is None:
        known = ", ".join(sorted(kind.__name__ for kind in _LAYERS))
        raise InputError(
            f"the layer {type(layer).__name__} cannot be written for another library; it knows {known}."
        )
    return convert(graph, layer, x, name)


def _numbers(array: Any) -> np.ndarray:
    return np.asarray(array, np.float32)


def _inside(name: str, part: Any) -> str:
    """Return the name of a part of something with a name."""
    return f"{name}.{part}" if name else str(part)


def _sequence(graph: Emitter, layer: nn.Sequential, x: Value, name: str) -> Value:
    for place, part in enumerate(layer.layers):
        x = lower(graph, part, x, _inside(name, place))
    return x


def _mlp(graph: Emitter, layer: MLP, x: Value, name: str) -> Value:
    hidden = lower(graph, layer.body, x, _inside(name, "hidden"))
    return lower(graph, layer.head, hidden, _inside(name, "output"))


def _linear(graph: Emitter, layer: Linear, x: Value, name: str) -> Value:
    return lower(graph, layer.head, x, _inside(name, "output"))


def _module(graph: Emitter, layer: ModuleNetwork, x: Value, name: str) -> Value:
    if not isinstance(layer.module, nn.Layer):
        raise InputError(
            f"the network is a {type(layer.module).__name__} of your own, which has no layers to write; what "
            "is made of gorae.nn layers, or came from from_torch, can be written."
        )
    found = lower(graph, layer.module, reshaped(graph, x, layer.row), name)
    return found if found.rank > 1 else reshaped(graph, found, (1,))


def _graph(graph: Emitter, layer: nn.Graph, x: Value, name: str) -> Value:
    slots = [x]
    for place, (node, wanted) in enumerate(zip(layer.nodes, layer.inputs, strict=True)):
        parts = [slots[slot] for slot in wanted]
        if isinstance(node, nn.Join):
            slots.append(_join(graph, node, parts))
        else:
            slots.append(lower(graph, node, parts[0], _inside(name, layer.names[place] or place)))
    return slots[-1]


def _join(graph: Emitter, node: nn.Join, parts: list[Value]) -> Value:
    parts = [plain(graph, part) for part in parts]
    slots = [part.slot for part in parts]
    ranks = {part.rank for part in parts}
    if isinstance(node, nn.Combine) and len(ranks) == 1:
        shape = tuple(np.broadcast_shapes(*(part.shape for part in parts)))
        return Value(graph.combine(node.kind, *slots), shape, parts[0].axes)
    if isinstance(node, nn.Concatenate) and len(ranks) == 1:
        axis = node.axis % parts[0].rank
        shape = list(parts[0].shape)
        shape[axis - 1] = sum(part.shape[axis - 1] for part in parts)
        return Value(graph.concatenate(slots, axis), tuple(shape), parts[0].axes)
    raise InputError(f"a {type(node).__name__} of such rows cannot be written for another library.")


def _dense(graph: Emitter, layer: nn.Dense, x: Value, name: str) -> Value:
    weight = _numbers(layer.weight)
    if x.order is not None:
        weight = weight[np.asarray(x.order)]
    slot = graph.dense(x.slot, weight, _numbers(layer.bias), name or "dense")
    return Value(slot, (weight.shape[1],), (0, 1))


class _Cells(NamedTuple):
    """A value with its channels second, and how many cells it has along each axis."""

    value: Value
    sizes: tuple[int, ...]


def _channels_second(graph: Emitter, x: Value) -> _Cells:
    axes = (0, x.rank - 1, *range(1, x.rank - 1))
    return _Cells(arranged(graph, x, axes), x.shape[:-1])


def _convolution(graph: Emitter, layer: nn.Conv, x: Value, name: str) -> Value:
    cells, windows = _channels_second(graph, x), layer.windows
    weight = _numbers(layer.weight)
    slot = graph.convolution(
        cells.value.slot,
        weight.transpose(weight.ndim - 1, weight.ndim - 2, *range(weight.ndim - 2)),
        _numbers(layer.bias),
        stride=windows.stride,
        pads=windows.pads(cells.sizes),
        dilation=windows.dilation,
        groups=layer.groups,
        name=name or "convolution",
    )
    shape = (*windows.outputs(cells.sizes), weight.shape[-1])
    return Value(slot, shape, cells.value.axes)


def _transposed(graph: Emitter, layer: nn.ConvTransposed, x: Value, name: str) -> Value:
    cells, windows = _channels_second(graph, x), layer.windows
    weight = _numbers(layer.weight)
    *kernel, own, outputs = weight.shape
    parted = weight.reshape(*kernel, own, layer.groups, outputs // layer.groups)
    n = len(kernel)
    slot = graph.transposed_convolution(
        cells.value.slot,
        parted.transpose(n + 1, n, n + 2, *range(n)).reshape(own * layer.groups, -1, *kernel),
        _numbers(layer.bias),
        stride=windows.stride,
        pads=windows.pads(cells.sizes),
        extra=layer.extra,
        dilation=windows.dilation,
        groups=layer.groups,
        name=name or "transposed",
    )
    sizes = [
        (m - 1) * s - low - high + span + e
        for m, s, span, (low, high), e in zip(
            cells.sizes, windows.stride, windows.spans, windows.pads(cells.sizes), layer.extra, strict=True
        )
    ]
    return Value(slot, (*sizes, outputs), cells.value.axes)


def _pool(graph: Emitter, layer: nn.Pool, x: Value, name: str) -> Value:
    (value, sizes), windows = _channels_second(graph, x), layer.windows
    outputs, pads = windows.outputs(sizes), windows.pads(sizes)
    slot, padded = value.slot, any(low or high for low, high in pads)
    sign = np.float32(-1) if layer.kind == "min" else None
    if sign is not None:
        slot = graph.combine("multiply", slot, graph.array(sign))
    if padded:
        least = 0.0 if layer.kind == "average" else float(np.finfo(np.float32).min)
        slot = graph.pad(slot, ((0, 0), *pads), least)
    kind = "average" if layer.kind == "average" else "max"
    slot = graph.pool(
        kind, slot, kernel=windows.kernel, stride=windows.stride, dilation=windows.dilation, name=name
    )
    if padded and kind == "average":  # the mean of the real cells
        ones = np.pad(np.ones((1, *sizes, 1), np.float32), ((0, 0), *pads, (0, 0)))
        total = sum(
            np.asarray(windows.cells(jax.numpy.asarray(ones), offset, outputs))
            for offset in windows.offsets()
        )
        share = np.prod(windows.kernel) / np.maximum(total, 1)
        slot = graph.combine("multiply", slot, graph.array(_numbers(np.moveaxis(share, -1, 1))))
    if sign is not None:
        slot = graph.combine("multiply", slot, graph.array(sign))
    return Value(slot, (*outputs, x.shape[-1]), value.axes)


def _global_pool(graph: Emitter, layer: nn.GlobalPool, x: Value, name: str) -> Value:
    value = ordered(graph, x)
    places = tuple(i for i, axis in enumerate(value.axes) if axis not in (0, value.rank - 1))
    kind = {"average": "mean"}.get(layer.kind, layer.kind)
    slot = graph.reduce(kind, value.slot, places, keep=False) if places else value.slot
    return Value(slot, (x.shape[-1],), (0, 1))


def _batch_norm(graph: Emitter, layer: nn.BatchNorm, x: Value, name: str) -> Value:
    arrays = {
        "scale": _numbers(layer.scale),
        "shift": _numbers(layer.shift),
        "mean": _numbers(layer.mean.value),
        "variance": _numbers(layer.variance.value),
    }
    x = _channels_second(graph, x).value if x.rank > 2 else x
    if x.order is not None:
        arrays = {key: array[np.asarray(x.order)] for key, array in arrays.items()}
    return replace(x, slot=graph.batch_norm(x.slot, arrays, layer.epsilon, x.rank - 2, name or "norm"))


def _layer_norm(graph: Emitter, layer: nn.LayerNorm, x: Value, name: str) -> Value:
    x = plain(graph, x) if x.rank > 2 else x
    places = np.arange(x.shape[-1]) if x.order is None else np.asarray(x.order)
    scale, shift = _numbers(layer.scale)[places], _numbers(layer.shift)[places]
    return replace(x, slot=graph.layer_norm(x.slot, scale, shift, layer.epsilon, name or "norm"))


def _per_cell(graph: Emitter, layer: nn.PerCell, x: Value, name: str) -> Value:
    """Return what a layer answers for every cell; it reads channels second, or features last."""
    if x.rank == 2 or isinstance(layer.layer, _READS_CELLS):
        return lower(graph, layer.layer, x, name)
    if isinstance(layer.layer, nn.Dense):
        value = plain(graph, x)
        found = lower(graph, layer.layer, value, name)
        return Value(found.slot, (*x.shape[:-1], found.shape[-1]), value.axes)
    raise InputError(f"PerCell of {type(layer.layer).__name__} cannot be written for another library.")


def _prelu(graph: Emitter, layer: nn.PReLU, x: Value, name: str) -> Value:
    """max(0, x) + a min(0, x)."""
    slope = _numbers(layer.slope)
    if slope.ndim and x.order is not None:
        slope = slope[np.asarray(x.order)]
    x = x if x.order is not None else plain(graph, x)
    zero = graph.array(np.float32(0))
    below = graph.combine("minimum", x.slot, zero)
    bent = graph.combine("multiply", below, graph.array(slope, _inside(name, "slope")))
    return replace(x, slot=graph.combine("add", graph.combine("maximum", x.slot, zero), bent))


def _maxout(graph: Emitter, layer: nn.Maxout, x: Value, name: str) -> Value:
    weight, bias = _numbers(layer.weight), _numbers(layer.bias)
    if x.order is not None:
        weight = weight[np.asarray(x.order)]
    slot = graph.dense(x.slot, weight, bias, name or "maxout")
    outputs = len(bias) // layer.pieces
    slot = graph.put_shape(slot, (layer.pieces, outputs))
    return Value(graph.reduce("max", slot, (1,), keep=False), (outputs,), (0, 1))


def _activation(graph: Emitter, layer: nn.Activation, x: Value, name: str) -> Value:
    function = layer.function
    if isinstance(function, AlongAxis):
        axis = x.axes.index(function.axis)
        return replace(x, slot=graph.softmax(x.slot, axis, logarithm=function.logarithm))
    if isinstance(function, Shaped):
        return replace(x, slot=graph.activation(x.slot, function.name, function.settings))
    if function is nn.softmax:
        return replace(x, slot=graph.softmax(x.slot, x.axes.index(x.rank - 1)))
    if function is nn.identity:
        return x
    if function is nn.step:
        return replace(x, slot=graph.activation(x.slot, "step", ()))
    for known, (own, defaults) in ACTIVATIONS.items():
        if own is function:
            return replace(x, slot=graph.activation(x.slot, known, tuple(defaults.values())))
    told = getattr(function, "__name__", function)
    raise InputError(
        f"the activation {told} cannot be written for another library: it is a function of your own; use one "
        f"of {', '.join(nn.ACTIVATION_NAMES)}."
    )


def _dropout(graph: Emitter, layer: nn.Dropout, x: Value, name: str) -> Value:
    return replace(x, slot=graph.dropout(x.slot, float(layer.rate.value), name or "dropout"))


def _flatten(graph: Emitter, layer: nn.Flatten, x: Value, name: str) -> Value:
    return reshaped(graph, x, (int(np.prod(x.shape)),))


def _reshape(graph: Emitter, layer: nn.Reshape, x: Value, name: str) -> Value:
    return reshaped(graph, ordered(graph, x), layer.shape)


def _transpose(graph: Emitter, layer: nn.Transpose, x: Value, name: str) -> Value:
    x = ordered(graph, x)
    shape = tuple(x.shape[axis - 1] for axis in layer.axes[1:])
    return Value(x.slot, shape, tuple(layer.axes.index(axis) for axis in x.axes))


def _reorder(graph: Emitter, layer: nn.Reorder, x: Value, name: str) -> Value:
    x = plain(graph, x)
    shape = (*x.shape[:-1], len(layer.places))
    return Value(graph.put_features(x.slot, layer.places), shape, x.axes)


def _pad(graph: Emitter, layer: nn.Pad, x: Value, name: str) -> Value:
    x = ordered(graph, x)
    pads = tuple(layer.pads[axis - 1] for axis in x.axes[1:])
    shape = tuple(n + low + high for n, (low, high) in zip(x.shape, layer.pads, strict=True))
    return Value(graph.pad(x.slot, pads, layer.value), shape, x.axes)


def _cut(graph: Emitter, layer: nn.Cut, x: Value, name: str) -> Value:
    x = plain(graph, x)
    counts = tuple(1 if count is None else count for count in layer.counts)
    ends = tuple(
        first + (count - 1) * step + 1
        for first, count, step in zip(layer.starts, counts, layer.steps, strict=True)
    )
    cut = Value(graph.cut(x.slot, layer.starts, ends, layer.steps), counts, x.axes)
    left = tuple(count for count in layer.counts if count is not None)
    return reshaped(graph, cut, left)


def _reduce(graph: Emitter, layer: nn.Reduce, x: Value, name: str) -> Value:
    x = plain(graph, x)
    axes = {axis % x.rank for axis in layer.axes}
    shape = tuple(
        1 if place in axes else n
        for place, n in enumerate(x.shape, start=1)
        if layer.keep or place not in axes
    )
    slot = graph.reduce(layer.kind, x.slot, tuple(sorted(axes)), keep=layer.keep)
    return Value(slot, shape, tuple(range(len(shape) + 1)))


def _constant(graph: Emitter, layer: nn.Constant, x: Value, name: str) -> Value:
    value = layer.value.value if isinstance(layer.value, nn.Buffer) else layer.value
    array = _numbers(value)[None]
    return Value(graph.array(array, name), array.shape[1:], tuple(range(array.ndim)))


_READS_CELLS = (nn.Activation, nn.Dropout, nn.BatchNorm, nn.LayerNorm, nn.PReLU)
"""Layers that read cells as they are."""

_LAYERS: Mapping[type, Lower] = {
    MLP: _mlp,
    Linear: _linear,
    ModuleNetwork: _module,
    nn.Sequential: _sequence,
    nn.Graph: _graph,
    nn.Dense: _dense,
    nn.Conv: _convolution,
    nn.ConvTransposed: _transposed,
    nn.Pool: _pool,
    nn.GlobalPool: _global_pool,
    nn.BatchNorm: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.PerCell: _per_cell,
    nn.PReLU: _prelu,
    nn.Maxout: _maxout,
    nn.Activation: _activation,
    nn.Dropout: _dropout,
    nn.Flatten: _flatten,
    nn.Reshape: _reshape,
    nn.Transpose: _transpose,
    nn.Reorder: _reorder,
    nn.Pad: _pad,
    nn.Cut: _cut,
    nn.Reduce: _reduce,
    nn.Constant: _constant,
    **{kind: make(lower) for kind, make in (BLOCKS | SEQUENCES).items()},
}
"""Every layer that another library is told about."""
