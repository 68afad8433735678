"""An ONNX graph while it is put together: nodes, and the arrays that they read."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gorae.errors import InputError
from gorae.exchange.emitter import Places, biases_apart
from gorae.exchange.extras import needed

__all__ = ["OPSET", "OnnxEmitter"]

OPSET = 17
"""The operators' version: of 2022, which every runtime of today reads."""

_COMBINE = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "maximum": "Max",
    "minimum": "Min",
}
_REDUCE = {"mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin"}
_RECURRENT: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "rnn": ("RNN", (0,), {"activations": ["Tanh"]}),
    "rnn_relu": ("RNN", (0,), {"activations": ["Relu"]}),
    "lstm": ("LSTM", (0, 3, 1, 2), {}),
    "gru": ("GRU", (1, 0, 2), {"linear_before_reset": 1}),
}
"""ONNX's operator of each cell, which of gorae's gates stands where in it, and its settings."""

_SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}
_PLAIN = {
    "ReLU": "Relu",
    "Tanh": "Tanh",
    "Sigmoid": "Sigmoid",
    "Softsign": "Softsign",
    "Hardswish": "HardSwish",
}


@dataclass
class OnnxEmitter:
    """An `Emitter` whose slots are the names of ONNX values."""

    onnx: Any = field(default_factory=lambda: needed("onnx", "to_onnx"))
    nodes: list[Any] = field(default_factory=list)
    arrays: list[Any] = field(default_factory=list)
    known: dict[bytes, str] = field(default_factory=dict)

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def array(self, values: np.ndarray | np.generic, name: str = "") -> str:
        """Return the name of an array; equal ones are stored once."""
        held = np.ascontiguousarray(values) if np.ndim(values) else np.asarray(values)
        key = repr((held.dtype.str, held.shape)).encode() + held.tobytes()
        if key not in self.known:
            self.known[key] = f"{name or 'constant'}_{len(self.arrays)}"
            self.arrays.append(self.onnx.numpy_helper.from_array(held, self.known[key]))
        return self.known[key]

    def _integers(self, *values: int) -> str:
        return self.array(np.asarray(values, np.int64))

    def as_type(self, slot: str, kind: str) -> str:
        """Return numbers as "float32" or "float64"."""
        types = {"float32": self.onnx.TensorProto.FLOAT, "float64": self.onnx.TensorProto.DOUBLE}
        return self._node("Cast", slot, to=types[kind])

    def combine(self, kind: str, first: str, second: str) -> str:
        """Return two slots as one."""
        return self._node(_COMBINE[kind], first, second)

    def filled(self, slot: str, fill: str) -> str:
        """Return a slot with another's values where it is NaN."""
        return self._node("Where", self._node("IsNaN", slot), fill, slot)

    def dense(self, slot: str, weight: np.ndarray, bias: np.ndarray, name: str) -> str:
        """Return XW + b along the last axis."""
        product = self._node("MatMul", slot, self.array(weight, f"{name}.weight"))
        return self._node("Add", product, self.array(bias, f"{name}.bias"))

    def convolution(
        self,
        slot: str,
        weight: np.ndarray,
        bias: np.ndarray,
        *,
        stride: tuple[int, ...],
        pads: Places,
        dilation: tuple[int, ...],
        groups: int,
        name: str,
    ) -> str:
        """Return a convolution."""
        arrays = (self.array(weight, f"{name}.weight"), self.array(bias, f"{name}.bias"))
        return self._node(
            "Conv", slot, *arrays, strides=stride, pads=_flat(pads), dilations=dilation, group=groups
        )

    def transposed_convolution(
        self,
        slot: str,
        weight: np.ndarray,
        bias: np.ndarray,
        *,
        stride: tuple[int, ...],
        pads: Places,
        extra: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
        name: str,
    ) -> str:
        """Return a transposed convolution."""
        return self._node(
            "ConvTranspose",
            slot,
            self.array(weight, f"{name}.weight"),
            self.array(bias, f"{name}.bias"),
            strides=stride,
            pads=_flat(pads),
            output_padding=extra,
            dilations=dilation,
            group=groups,
        )

    def pool(
        self,
        kind: str,
        slot: str,
        *,
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        name: str,
    ) -> str:
        """Return the largest or the mean of windows."""
        if kind == "max":
            return self._node("MaxPool", slot, kernel_shape=kernel, strides=stride, dilations=dilation)
        if set(dilation) != {1}:
            raise InputError(f"a mean over windows with dilation has no operator in ONNX {OPSET}.")
        return self._node("AveragePool", slot, kernel_shape=kernel, strides=stride)

    def batch_norm(
        self, slot: str, arrays: dict[str, np.ndarray], epsilon: float, axes: int, name: str
    ) -> str:
        """Return channels standardised by running statistics."""
        order = ("scale", "shift", "mean", "variance")
        held = (self.array(arrays[key], f"{name}.{key}") for key in order)
        return self._node("BatchNormalization", slot, *held, epsilon=epsilon)

    def layer_norm(self, slot: str, scale: np.ndarray, shift: np.ndarray, epsilon: float, name: str) -> str:
        """Return the last axis standardised."""
        held = (self.array(scale, f"{name}.scale"), self.array(shift, f"{name}.shift"))
        return self._node("LayerNormalization", slot, *held, axis=-1, epsilon=epsilon)

    def activation(self, slot: str, name: str, settings: tuple[float, ...]) -> str:
        """Return an activation, by PyTorch's name of it."""
        if name in _PLAIN:
            return self._node(_PLAIN[name], slot)
        return _BENT[name](self, slot, settings)

    def number(self, value: float) -> str:
        """Return the name of one float32 number."""
        return self.array(np.float32(value))

    def softmax(self, slot: str, axis: int, *, logarithm: bool = False) -> str:
        """Return the softmax along an axis, or its logarithm."""
        return self._node("LogSoftmax" if logarithm else "Softmax", slot, axis=axis)

    def dropout(self, slot: str, rate: float, name: str) -> str:
        """Return the slot itself: the graph is for predictions."""
        return slot

    def pad(self, slot: str, pads: Places, value: float) -> str:
        """Return rows with cells of one value around them."""
        widths = self._integers(*_flat(((0, 0), *pads)))
        return self._node("Pad", slot, widths, self.number(value), mode="constant")

    def cut(self, slot: str, starts: tuple[int, ...], ends: tuple[int, ...], steps: tuple[int, ...]) -> str:
        """Return a part of each row."""
        axes = self._integers(*range(1, len(starts) + 1))
        return self._node(
            "Slice", slot, self._integers(*starts), self._integers(*ends), axes, self._integers(*steps)
        )

    def reduce(self, kind: str, slot: str, axes: tuple[int, ...], *, keep: bool) -> str:
        """Return the mean, sum, largest or smallest over axes."""
        if kind == "sum":
            return self._node("ReduceSum", slot, self._integers(*axes), keepdims=int(keep))
        return self._node(_REDUCE[kind], slot, axes=axes, keepdims=int(keep))

    def concatenate(self, slots: list[str], axis: int) -> str:
        """Return slots side by side."""
        return self._node("Concat", *slots, axis=axis)

    def logarithm(self, slot: str) -> str:
        """Return the natural logarithm."""
        return self._node("Log", slot)

    def embedding(self, slot: str, table: np.ndarray, name: str) -> str:
        """Return a row of a table for each code."""
        codes = self._node("Cast", slot, to=self.onnx.TensorProto.INT64)
        last = self.array(np.int64(len(table) - 1))
        near = self._node("Clip", codes, self.array(np.int64(0)), last)
        return self._node("Gather", self.array(table, f"{name}.table"), near, axis=0)

    def less(self, first: str, second: str) -> str:
        """Return 1 where the first is below the second, and 0 elsewhere."""
        return self.as_type(self._node("Less", first, second), "float32")

    def recurrent(
        self, slot: str, cell: str, layers: Any, name: str, *, lengths: Any = None, steps: int = 0
    ) -> str:
        """Return the hidden states of all steps; ONNX has steps first, and gates in an order of its own."""
        counts = []
        if lengths is not None:
            flat = self._node("Reshape", lengths, self._integers(-1))
            counts = [self._node("Cast", flat, to=self.onnx.TensorProto.INT32)]
        kind, order, more = _RECURRENT[cell]
        for place, sides in enumerate(layers):
            width = len(sides[0].hidden)
            arrays = [
                np.stack(each) for each in zip(*(_in_order(one, order, width) for one in sides), strict=True)
            ]
            held = (self.array(a, f"{name}.{place}.{key}") for key, a in zip("WRB", arrays, strict=True))
            if "activations" in more:
                more = {**more, "activations": more["activations"][:1] * len(sides)}
            direction = "bidirectional" if len(sides) == 2 else "forward"
            found = f"{kind.lower()}_{len(self.nodes)}"
            turned = self._node("Transpose", slot, perm=(1, 0, 2))
            self.nodes.append(
                self.onnx.helper.make_node(
                    kind,
                    [turned, *held, *counts],
                    [found],
                    name=found,
                    hidden_size=width,
                    direction=direction,
                    **more,
                )
            )
            rows = self._node("Transpose", found, perm=(2, 0, 1, 3))
            slot = self._node("Reshape", rows, self._integers(0, 0, width * len(sides)))
        return slot

    def sorted(self, slot: str, width: int) -> str:
        """Return the last axis in increasing order."""
        name = f"sorted_{len(self.nodes)}"
        outputs = [name, f"{name}_places"]
        node = self.onnx.helper.make_node(
            "TopK", [slot, self._integers(width)], outputs, name=name, axis=-1, largest=0
        )
        self.nodes.append(node)
        return name

    def put_axes(self, slot: str, axes: tuple[int, ...]) -> str:
        """Return a slot with its axes in another order."""
        return self._node("Transpose", slot, perm=axes)

    def put_features(self, slot: str, places: tuple[int, ...]) -> str:
        """Return a slot with features of the last axis in another order."""
        return self._node("Gather", slot, self._integers(*places), axis=-1)

    def put_shape(self, slot: str, shape: tuple[int, ...]) -> str:
        """Return a slot with rows of another shape; a 0 stands for the rows that there are."""
        return self._node("Reshape", slot, self._integers(0, *shape) if shape else self._integers(-1))


def _in_order(weights: Any, order: tuple[int, ...], width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weights of a cell with its gates in another order, each gate's rows together."""
    places = np.concatenate([np.arange(gate * width, (gate + 1) * width) for gate in order])
    outer, inner = biases_apart(weights)
    of_inputs, of_hidden = np.transpose(weights.inputs)[places], np.transpose(weights.hidden)[places]
    bias = np.concatenate([outer[places], inner[places]])
    return of_inputs.astype(np.float32), of_hidden.astype(np.float32), bias


def _flat(pads: Places) -> list[int]:
    """Return all cells before, then all cells after."""
    return [low for low, _ in pads] + [high for _, high in pads]


def _step(graph: OnnxEmitter, x: str, _: tuple[float, ...]) -> str:
    return graph.as_type(graph._node("Greater", x, graph.number(0)), "float32")


def _gelu(graph: OnnxEmitter, x: str, settings: tuple[float, ...]) -> str:
    """Half of x (1 + erf(x / sqrt 2)), or its approximation by tanh."""
    if settings:
        cube = graph.combine("multiply", graph.combine("multiply", x, x), x)
        inner = graph.combine("add", x, graph.combine("multiply", cube, graph.number(0.044715)))
        bent = graph._node("Tanh", graph.combine("multiply", inner, graph.number(math.sqrt(2 / math.pi))))
    else:
        bent = graph._node("Erf", graph.combine("multiply", x, graph.number(math.sqrt(0.5))))
    half = graph.combine("multiply", x, graph.number(0.5))
    return graph.combine("multiply", half, graph.combine("add", bent, graph.number(1)))


def _softplus(graph: OnnxEmitter, x: str, settings: tuple[float, ...]) -> str:
    beta = settings[0]
    if beta == 1:
        return graph._node("Softplus", x)
    bent = graph._node("Softplus", graph.combine("multiply", x, graph.number(beta)))
    return graph.combine("divide", bent, graph.number(beta))


def _log_sigmoid(graph: OnnxEmitter, x: str, _: tuple[float, ...]) -> str:
    return graph._node("Neg", graph._node("Softplus", graph._node("Neg", x)))


def _mish(graph: OnnxEmitter, x: str, _: tuple[float, ...]) -> str:
    return graph.combine("multiply", x, graph._node("Tanh", graph._node("Softplus", x)))


_BENT: dict[str, Callable[[OnnxEmitter, str, tuple[float, ...]], str]] = {
    "step": _step,
    "GELU": _gelu,
    "Softplus": _softplus,
    "LogSigmoid": _log_sigmoid,
    "Mish": _mish,
    "SiLU": lambda graph, x, _: graph.combine("multiply", x, graph._node("Sigmoid", x)),
    "SELU": lambda graph, x, _: graph._node("Selu", x, **_SELU),
    "ReLU6": lambda graph, x, _: graph._node("Clip", x, graph.number(0), graph.number(6)),
    "Hardtanh": lambda graph, x, s: graph._node("Clip", x, graph.number(s[0]), graph.number(s[1])),
    "Hardsigmoid": lambda graph, x, _: graph._node("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    "LeakyReLU": lambda graph, x, s: graph._node("LeakyRelu", x, alpha=s[0]),
    "ELU": lambda graph, x, s: graph._node("Elu", x, alpha=s[0]),
}
"""Activations that ONNX has with settings of its own, or as several operators."""
