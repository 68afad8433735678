"""A PyTorch module while it is put together: its layers, and the traced graph that joins them."""

import operator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gorae.errors import InputError
from gorae.exchange.emitter import Places, biases_apart
from gorae.exchange.extras import needed

__all__ = ["TorchEmitter"]

_COMBINE = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "maximum": "maximum",
    "minimum": "minimum",
}
_RECURRENT = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_REDUCE = {"mean": "mean", "sum": "sum", "max": "amax", "min": "amin"}


@dataclass
class TorchEmitter:
    """An `Emitter` whose slots are nodes of a `torch.fx` graph, and whose layers are PyTorch's own."""

    torch: Any = field(default_factory=lambda: needed("torch", "to_torch"))
    root: Any = None
    graph: Any = None

    def __post_init__(self):
        self.root = self.root or self.torch.nn.Module()
        self.graph = self.graph or needed("torch.fx", "to_torch").Graph()

    def rows(self, kind: str) -> Any:
        """Return the rows that the module is called with, of this type."""
        return self.as_type(self.graph.placeholder("x"), kind)

    def finished(self, slot: Any, name: str) -> Any:
        """Return the module that answers a slot."""
        self.graph.output(slot)
        return needed("torch.fx", "to_torch").GraphModule(self.root, self.graph, name).eval()

    def _tensor(self, array: Any) -> Any:
        return self.torch.from_numpy(np.array(array))

    def _parameter(self, array: Any) -> Any:
        return self.torch.nn.Parameter(self._tensor(array))

    def _owner(self, name: str) -> tuple[Any, str]:
        """Return the module that a dotted name is in, made where there is none, and what is free there."""
        *path, last = name.split(".")
        owner = self.root
        for part in path:
            if not hasattr(owner, part):
                owner.add_module(part, self.torch.nn.Module())
            owner = getattr(owner, part)
        free, number = last, 1
        while hasattr(owner, free):
            number += 1
            free = f"{last}_{number}"
        return owner, ".".join([*path, free])

    def _layer(self, slot: Any, module: Any, name: str) -> Any:
        """Return what a layer answers."""
        owner, full = self._owner(name)
        owner.add_module(full.rpartition(".")[2], module)
        return self.graph.call_module(full, (slot,))

    def _call(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Return what a function of PyTorch answers."""
        return self.graph.call_function(getattr(self.torch, name), arguments, named)

    def array(self, values: np.ndarray | np.generic, name: str = "") -> Any:
        """Return a slot that holds an array as a buffer."""
        owner, full = self._owner(name or "constant")
        owner.register_buffer(full.rpartition(".")[2], self._tensor(values))
        return self.graph.create_node("get_attr", full)

    def as_type(self, slot: Any, kind: str) -> Any:
        """Return numbers as "float32" or "float64"."""
        return self.graph.call_method({"float32": "float", "float64": "double"}[kind], (slot,))

    def combine(self, kind: str, first: Any, second: Any) -> Any:
        """Return two slots as one."""
        return self._call(_COMBINE[kind], first, second)

    def filled(self, slot: Any, fill: Any) -> Any:
        """Return a slot with another's values where it is NaN."""
        return self._call("where", self._call("isnan", slot), fill, slot)

    def dense(self, slot: Any, weight: np.ndarray, bias: np.ndarray, name: str) -> Any:
        """Return what a Linear layer answers."""
        layer = self.torch.nn.Linear(*weight.shape)
        layer.weight, layer.bias = self._parameter(weight.T), self._parameter(bias)
        return self._layer(slot, layer, name)

    def convolution(
        self,
        slot: Any,
        weight: np.ndarray,
        bias: np.ndarray,
        *,
        stride: tuple[int, ...],
        pads: Places,
        dilation: tuple[int, ...],
        groups: int,
        name: str,
    ) -> Any:
        """Return what a Conv layer answers."""
        even = all(low == high for low, high in pads)
        slot = slot if even else self.pad(slot, ((0, 0), *pads), 0.0)
        outputs, own, *kernel = weight.shape
        padding = tuple(low for low, _ in pads) if even else 0
        layer = self._of_axes("Conv", len(kernel))(
            own * groups, outputs, tuple(kernel), stride, padding, dilation, groups
        )
        layer.weight, layer.bias = self._parameter(weight), self._parameter(bias)
        return self._layer(slot, layer, name)

    def transposed_convolution(
        self,
        slot: Any,
        weight: np.ndarray,
        bias: np.ndarray,
        *,
        stride: tuple[int, ...],
        pads: Places,
        extra: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
        name: str,
    ) -> Any:
        """Return what a ConvTranspose layer answers."""
        even = all(low == high for low, high in pads)
        inputs, made, *kernel = weight.shape
        padding = tuple(low for low, _ in pads) if even else 0
        layer = self._of_axes("ConvTranspose", len(kernel))(
            inputs, made * groups, tuple(kernel), stride, padding, extra, groups, True, dilation
        )
        layer.weight, layer.bias = self._parameter(weight), self._parameter(bias)
        found = self._layer(slot, layer, name)
        if even:
            return found
        parts = tuple(slice(low, -high if high else None) for low, high in pads)
        return self.graph.call_function(operator.getitem, (found, (slice(None), slice(None), *parts)))

    def _of_axes(self, kind: str, axes: int) -> Any:
        """Return PyTorch's layer of a kind for so many axes."""
        if axes not in (1, 2, 3):
            raise InputError(f"PyTorch has layers over 1, 2 or 3 axes; this one goes over {axes}.")
        return getattr(self.torch.nn, f"{kind}{axes}d")

    def pool(
        self,
        kind: str,
        slot: Any,
        *,
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        name: str,
    ) -> Any:
        """Return what a MaxPool or AvgPool layer answers."""
        if kind == "max":
            layer = self._of_axes("MaxPool", len(kernel))(kernel, stride, 0, dilation)
        elif set(dilation) == {1}:
            size, step = (kernel[0], stride[0]) if len(kernel) == 1 else (kernel, stride)
            layer = self._of_axes("AvgPool", len(kernel))(size, step)
        else:
            raise InputError("a mean over windows with dilation has no layer in PyTorch.")
        return self._layer(slot, layer, name or "pool")

    def batch_norm(
        self, slot: Any, arrays: dict[str, np.ndarray], epsilon: float, axes: int, name: str
    ) -> Any:
        """Return what a BatchNorm layer answers."""
        layer = self._of_axes("BatchNorm", max(1, axes))(len(arrays["scale"]), eps=epsilon)
        layer.weight, layer.bias = self._parameter(arrays["scale"]), self._parameter(arrays["shift"])
        layer.running_mean = self._tensor(arrays["mean"])
        layer.running_var = self._tensor(arrays["variance"])
        return self._layer(slot, layer, name)

    def layer_norm(self, slot: Any, scale: np.ndarray, shift: np.ndarray, epsilon: float, name: str) -> Any:
        """Return what a LayerNorm layer answers."""
        layer = self.torch.nn.LayerNorm(len(scale), eps=epsilon)
        layer.weight, layer.bias = self._parameter(scale), self._parameter(shift)
        return self._layer(slot, layer, name)

    def activation(self, slot: Any, name: str, settings: tuple[float, ...]) -> Any:
        """Return what an activation layer answers."""
        if name == "step":
            return self.as_type(self._call("gt", slot, 0), "float32")
        given = ("tanh",) if name == "GELU" and settings else settings
        named = {"approximate": given[0]} if name == "GELU" and given else {}
        layer = getattr(self.torch.nn, name)(*(() if named else given), **named)
        return self._layer(slot, layer, "activation")

    def softmax(self, slot: Any, axis: int, *, logarithm: bool = False) -> Any:
        """Return the softmax along an axis, or its logarithm."""
        return self._call("log_softmax" if logarithm else "softmax", slot, axis)

    def dropout(self, slot: Any, rate: float, name: str) -> Any:
        """Return what a Dropout layer answers: the slot itself, in predictions."""
        return self._layer(slot, self.torch.nn.Dropout(rate), name)

    def pad(self, slot: Any, pads: Places, value: float) -> Any:
        """Return rows with cells of one value around them."""
        flat = [n for pair in reversed(pads) for n in pair]
        return self.graph.call_function(self.torch.nn.functional.pad, (slot, flat, "constant", value))

    def cut(self, slot: Any, starts: tuple[int, ...], ends: tuple[int, ...], steps: tuple[int, ...]) -> Any:
        """Return a part of each row."""
        parts = (slice(*each) for each in zip(starts, ends, steps, strict=True))
        return self.graph.call_function(operator.getitem, (slot, (slice(None), *parts)))

    def reduce(self, kind: str, slot: Any, axes: tuple[int, ...], *, keep: bool) -> Any:
        """Return the mean, sum, largest or smallest over axes."""
        return self._call(_REDUCE[kind], slot, dim=axes, keepdim=keep)

    def concatenate(self, slots: list[Any], axis: int) -> Any:
        """Return slots side by side."""
        return self._call("cat", slots, dim=axis)

    def logarithm(self, slot: Any) -> Any:
        """Return the natural logarithm."""
        return self._call("log", slot)

    def embedding(self, slot: Any, table: np.ndarray, name: str) -> Any:
        """Return what an Embedding layer answers."""
        layer = self.torch.nn.Embedding(*table.shape)
        layer.weight = self._parameter(table)
        codes = self.graph.call_method("clamp", (self.graph.call_method("long", (slot,)), 0, len(table) - 1))
        return self._layer(codes, layer, name)

    def recurrent(
        self, slot: Any, cell: str, layers: Any, name: str, *, lengths: Any = None, steps: int = 0
    ) -> Any:
        """Return what RNN, LSTM or GRU layers answer for all steps.

        Where rows have lengths, each direction is a layer of its own; the one that begins at a row's last
        step reads the row's real steps in the opposite order.
        """
        if lengths is None or all(len(sides) == 1 for sides in layers):
            return self._recurrent(slot, cell, layers, name)
        order = self._backwards(lengths, self._places(slot, steps))
        for place, sides in enumerate(layers):
            found = []
            for side, weights in enumerate(sides):
                own = self._call("take_along_dim", slot, order, 1) if side else slot
                own = self._recurrent(own, cell, ((weights,),), f"{name}.{place}.{side}")
                found.append(self._call("take_along_dim", own, order, 1) if side else own)
            slot = self.concatenate(found, 2)
        return slot

    def _places(self, slot: Any, steps: int) -> Any:
        """Return the numbers of the steps; where they are as many as a batch has, for each row."""
        if steps:
            return self.array(np.arange(steps, dtype=np.float32), "steps")
        first = self.graph.call_function(operator.getitem, (slot, (slice(None), slice(None), 0)))
        counted = self._call("cumsum", self._call("ones_like", first), 1)
        return self.combine("subtract", counted, self.array(np.float32(1)))

    def _backwards(self, lengths: Any, places: Any) -> Any:
        """Return for each row the places of its real steps from the last to the first, `(rows, steps, 1)`."""
        last = self.combine("subtract", lengths, self.array(np.float32(1)))
        turned = self.combine("subtract", last, places)
        chosen = self._call("where", self._call("lt", places, lengths), turned, places)
        return self.graph.call_method("unsqueeze", (self.graph.call_method("long", (chosen,)), 2))

    def less(self, first: Any, second: Any) -> Any:
        """Return 1 where the first is below the second, and 0 elsewhere."""
        return self.as_type(self._call("lt", first, second), "float32")

    def _recurrent(self, slot: Any, cell: str, layers: Any, name: str) -> Any:
        """Return what an RNN, LSTM or GRU layer answers for all steps."""
        kind = {"rnn": "RNN", "rnn_relu": "RNN", "lstm": "LSTM", "gru": "GRU"}[cell]
        inputs, width = len(layers[0][0].inputs), len(layers[0][0].hidden)
        named = {"nonlinearity": "relu"} if cell == "rnn_relu" else {}
        both = len(layers[0]) == 2
        layer = getattr(self.torch.nn, kind)(
            inputs, width, num_layers=len(layers), bidirectional=both, batch_first=True, **named
        )
        with self.torch.no_grad():
            for place, sides in enumerate(layers):
                for side, weights in zip(("", "_reverse"), sides, strict=False):
                    outer, inner = biases_apart(weights)
                    end = f"_l{place}{side}"
                    arrays = (np.transpose(weights.inputs), np.transpose(weights.hidden), outer, inner)
                    for key, array in zip(_RECURRENT, arrays, strict=True):
                        getattr(layer, f"{key}{end}").copy_(self._tensor(array))
        return self.graph.call_function(operator.getitem, (self._layer(slot, layer, name), 0))

    def sorted(self, slot: Any, width: int) -> Any:
        """Return the last axis in increasing order."""
        return self.graph.call_function(operator.getitem, (self._call("sort", slot, dim=-1), 0))

    def put_axes(self, slot: Any, axes: tuple[int, ...]) -> Any:
        """Return a slot with its axes in another order."""
        return self._call("permute", slot, axes)

    def put_features(self, slot: Any, places: tuple[int, ...]) -> Any:
        """Return a slot with features of the last axis in another order."""
        return self._call("index_select", slot, -1, self.array(np.asarray(places, np.int64), "places"))

    def put_shape(self, slot: Any, shape: tuple[int, ...]) -> Any:
        """Return a slot with rows of another shape."""
        return self._call("reshape", slot, (-1, *shape))
