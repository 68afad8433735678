"""PyTorch's functions and methods as gorae's layers and joins; keyed by their names.

A converter is called with the graph, PyTorch's shape of the answer for a row, and then as the function was,
values in the place of tensors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from gorae import nn
from gorae.exchange.assembly import Assembly, Refusal, Value
from gorae.exchange.torch_activations import ACTIVATIONS, activation_of, softmax_along
from gorae.exchange.torch_layers import pooled, pooled_to
from gorae.exchange.torch_sequences import Finals, final_of

__all__ = ["FUNCTIONS", "Fixed", "taken"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Fixed:
    """A tensor that does not depend on the rows.

    Args:
        array: its numbers.
        learnt: whether it is a parameter of the module.
    """

    array: np.ndarray
    learnt: bool = False


def _activation(name: str) -> Callable[..., Value]:
    keys = tuple(ACTIVATIONS[name][1]) or (("approximate",) if name == "GELU" else ())

    def convert(graph: Assembly, shape: Shape, x: Value, *settings: Any, **named: Any) -> Value:
        known = {**dict(zip(keys, settings, strict=False)), **named}
        return graph.same(nn.Activation(activation_of(name, known)), x)

    return convert


def _combine(kind: str) -> Callable[..., Value]:
    def convert(graph: Assembly, shape: Shape, a: Any, b: Any, *, alpha: float = 1, **others: Any) -> Value:
        if others.get("rounding_mode") is not None:
            raise Refusal(f"rounding_mode={others['rounding_mode']!r}")
        if alpha != 1:
            b = FUNCTIONS["mul"](graph, shape, b, alpha) if isinstance(b, Value) else b * alpha
        first, second = _as_values(graph, a, b)
        node = nn.Combine(kind)
        order = first.order if first.shape == shape else second.order
        return Value(graph.add(node, first, second), shape, first.axes, order)

    return convert


def _as_values(graph: Assembly, a: Any, b: Any) -> tuple[Value, Value]:
    """Return two operands, at least one of which depends on the rows, stored alike."""
    if isinstance(a, Value) and isinstance(b, Value):
        return graph.alike(a, b)
    if isinstance(a, Value):
        return a, _constant(graph, b, a)
    return _constant(graph, a, b), b


def _constant(graph: Assembly, value: Any, like: Value) -> Value:
    """Return a number or a fixed tensor as a value."""
    fixed = value if isinstance(value, Fixed) else Fixed(np.asarray(value, np.float32))
    return graph.constant(fixed.array, like, learnt=fixed.learnt)


def _negative(graph: Assembly, shape: Shape, x: Value) -> Value:
    return FUNCTIONS["mul"](graph, shape, x, -1.0)


def _reversed(kind: str) -> Callable[..., Value]:
    convert = _combine(kind)

    def swapped(graph: Assembly, shape: Shape, a: Any, b: Any, **named: Any) -> Value:
        return convert(graph, shape, b, a, **named)

    return swapped


def _softmax(logarithm: bool) -> Callable[..., Value]:
    def convert(
        graph: Assembly, shape: Shape, x: Value, dim: Any = None, _stacklevel: int = 3, dtype: Any = None
    ) -> Value:
        return softmax_along(graph, x, dim, logarithm=logarithm)

    return convert


def _reshaped(graph: Assembly, shape: Shape, x: Any, *_: Any, **__: Any) -> Value:
    if isinstance(x, Finals):  # squeeze(0) of the only one
        return final_of(graph, x, 0 if x.count == 1 else None)
    return graph.reshaped(x, shape)


def _permuted(graph: Assembly, shape: Shape, x: Value, *dims: Any, **named: Any) -> Value:
    wanted = dims or tuple(named.values())
    wanted = wanted[0] if isinstance(wanted[0], Sequence) else wanted
    return _moved(graph, shape, x, [int(d) % x.rank for d in wanted])


def _transposed(graph: Assembly, shape: Shape, x: Value, dim0: int, dim1: int) -> Value:
    order = list(range(x.rank))
    one, other = dim0 % x.rank, dim1 % x.rank
    order[one], order[other] = order[other], order[one]
    return _moved(graph, shape, x, order)


def _moved(graph: Assembly, shape: Shape, x: Value, order: list[int]) -> Value:
    """Return a value whose PyTorch axes are in another order: nothing moves where it is stored."""
    if order[0] != 0:
        raise Refusal("moving the axis of the batch, 0; rows stay first")
    axes = tuple(order.index(axis) for axis in x.axes)
    return replace(x, shape=shape, axes=axes)


def _reduced(kind: str) -> Callable[..., Value]:
    def convert(
        graph: Assembly, shape: Shape, x: Value, dim: Any = None, keepdim: bool = False, **named: Any
    ) -> Value:
        if named.get("dtype") is not None:
            raise Refusal("dtype")
        if dim is None:
            raise Refusal("a reduction of all axes, the batch's too; name the axes")
        dims = {int(d) % x.rank for d in (dim if isinstance(dim, Sequence) else (dim,))}
        if 0 in dims:
            raise Refusal("a reduction over the rows of a batch (dim=0)")
        places = tuple(i for i, axis in enumerate(x.axes) if axis in dims)
        slot = graph.add(nn.Reduce(kind, places, keepdim), x)
        if keepdim:
            return Value(slot, shape, x.axes)
        left = sorted(set(range(x.rank)) - dims)
        axes = tuple(left.index(axis) for axis in x.axes if axis not in dims)
        return Value(slot, shape, axes)

    return convert


def _largest(graph: Assembly, shape: Any, x: Value, dim: Any = None, keepdim: bool = False) -> Any:
    """`torch.max(x, dim)`: values and places, of which only the values can be used."""
    if isinstance(dim, Value | Fixed):
        return FUNCTIONS["maximum"](graph, shape, x, dim)
    own = _reduced("max")
    if dim is None:
        return own(graph, shape, x)
    cut = [n for i, n in enumerate((0, *x.shape)) if i != dim % x.rank]
    kept = tuple(1 if i == dim % x.rank else n for i, n in enumerate((0, *x.shape)))
    return own(graph, tuple(kept[1:] if keepdim else cut[1:]), x, dim, keepdim), None


def _concatenated(graph: Assembly, shape: Shape, tensors: Sequence[Any], dim: int = 0) -> Value:
    values = [value for value in tensors if isinstance(value, Value)]
    if len(values) != len(tensors):
        raise Refusal("a concatenation with a tensor that does not depend on the rows")
    dim = dim % values[0].rank
    if dim == 0:
        raise Refusal("a concatenation along the batch (dim=0)")
    first = values[0]
    if first.rank == 2:
        starts = np.cumsum([0, *(value.shape[0] for value in values)])
        own = [range(v.shape[0]) if v.order is None else v.order for v in values]
        order = tuple(int(s) + int(p) for s, places in zip(starts, own, strict=False) for p in places)
        slot = graph.add(nn.Concatenate(1), *values)
        return Value(slot, shape, (0, 1), None if order == tuple(range(len(order))) else order)
    values = [graph.arranged(value, first.axes) for value in values]
    slot = graph.add(nn.Concatenate(first.axes.index(dim)), *values)
    return Value(slot, shape, first.axes)


def _stacked(graph: Assembly, shape: Shape, tensors: Sequence[Any], dim: int = 0) -> Value:
    dim = dim % (len(shape) + 1)
    if dim == 0:
        raise Refusal("a stack along the batch (dim=0)")
    one = (*shape[: dim - 1], 1, *shape[dim:])
    apart = [graph.reshaped(value, one) if isinstance(value, Value) else value for value in tensors]
    return _concatenated(graph, shape, apart, dim)


def taken(graph: Assembly, shape: Shape, x: Any, index: Any) -> Any:
    """Return `x[index]`: of several answers one, or a part of every row.

    Raises:
        Refusal: when it is not the same part of every row.
    """
    if isinstance(x, Finals):
        return final_of(graph, x, index)
    if isinstance(x, tuple):
        found = x[index]
        if found is None:
            raise Refusal("this one of several answers")
        return found
    index = index if isinstance(index, tuple) else (index,)
    if Ellipsis in index:
        at, missing = index.index(Ellipsis), x.rank - sum(i not in (None, Ellipsis) for i in index)
        index = (*index[:at], *[slice(None)] * missing, *index[at + 1 :])
    if not index or index[0] != slice(None):
        raise Refusal("a choice of rows; x[:, ...] takes the same part of every row")
    x = graph.plain(x)
    starts, counts, steps = [], [], []
    wanted = [i for i in index[1:] if i is not None]
    for n, part in zip(x.shape, [*wanted, *[slice(None)] * (x.rank - 1 - len(wanted))], strict=True):
        if isinstance(part, slice):
            cells = range(n)[part]
            if cells.step < 1 or not len(cells):
                raise Refusal(f"the part {part}")
            starts, counts, steps = [*starts, cells.start], [*counts, len(cells)], [*steps, cells.step]
        elif isinstance(part, int):
            starts, counts, steps = [*starts, range(n)[part]], [*counts, None], [*steps, 1]
        else:
            raise Refusal(f"an index of the type {type(part).__name__}; it knows numbers and slices")
    whole = all(count == n for count, n in zip(counts, x.shape, strict=True))
    left = tuple(count for count in counts if count is not None)
    cut = x if whole else graph.stored(graph.add(nn.Cut(tuple(starts), tuple(counts), tuple(steps)), x), left)
    return graph.reshaped(cut, shape)


def _parts(graph: Assembly, x: Value, sizes: Sequence[int], dim: int) -> tuple[Value, ...]:
    """Return a value in pieces along an axis."""
    dim = dim % x.rank
    if dim == 0:
        raise Refusal("cutting the batch into parts (dim=0)")
    ends = np.cumsum([0, *sizes]).tolist()
    found = []
    for low, high in pairwise(ends):
        part = (*x.shape[: dim - 1], high - low, *x.shape[dim:])
        found.append(taken(graph, part, x, (*[slice(None)] * dim, slice(low, high))))
    return tuple(found)


def _split(graph: Assembly, shape: Any, x: Value, size: Any, dim: int = 0) -> tuple[Value, ...]:
    n = x.shape[dim % x.rank - 1]
    sizes = size if isinstance(size, Sequence) else [min(size, n - low) for low in range(0, n, size)]
    return _parts(graph, x, sizes, dim)


def _chunk(graph: Assembly, shape: Any, x: Value, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    return _split(graph, shape, x, -(-x.shape[dim % x.rank - 1] // chunks), dim)


def _dropout(
    graph: Assembly, shape: Shape, x: Value, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Value:
    if training:
        raise Refusal("dropout without training=self.training, which drops in predictions too; pass it")
    return graph.same(nn.Dropout.create(float(p)), x)


def _max_pooled(
    graph: Assembly,
    shape: Shape,
    x: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    return pooled(graph, x, shape, "max", kernel_size, stride, padding, dilation)


def _mean_pooled(
    graph: Assembly,
    shape: Shape,
    x: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Value:
    if divisor_override:
        raise Refusal("divisor_override")
    return pooled(graph, x, shape, "average", kernel_size, stride, padding, zeros_count=count_include_pad)


def _adaptive(kind: str) -> Callable[..., Value]:
    def convert(
        graph: Assembly, shape: Shape, x: Value, output_size: Any, return_indices: bool = False
    ) -> Value:
        return pooled_to(graph, x, shape, kind)

    return convert


def _padded(
    graph: Assembly, shape: Shape, x: Value, pad: Sequence[int], mode: str = "constant", value: Any = None
) -> Value:
    if mode != "constant" or min(pad) < 0:
        raise Refusal(f"mode={mode!r}, pad={tuple(pad)}; it knows mode='constant' and pads of 0 or more")
    pairs = [(0, 0)] * (x.rank - 1)
    for k in range(len(pad) // 2):
        pairs[-1 - k] = (int(pad[2 * k]), int(pad[2 * k + 1]))
    x = graph.ordered(x)
    stored = tuple(pairs[axis - 1] for axis in x.axes[1:])
    return Value(graph.add(nn.Pad(stored, float(value or 0.0)), x), shape, x.axes)


def _itself(graph: Assembly, shape: Shape, x: Value, *_: Any, **__: Any) -> Value:
    return x


def _square(graph: Assembly, shape: Shape, x: Value, exponent: Any = 2) -> Value:
    if exponent != 2:
        raise Refusal(f"the power {exponent}; it knows 2")
    return FUNCTIONS["mul"](graph, shape, x, x)


def _chosen(graph: Assembly, shape: Shape, x: Value, dim: int, index: Any) -> Value:
    if dim % x.rank != x.rank - 1 or not isinstance(index, Fixed):
        raise Refusal("a choice of other cells than features of the last axis, or one by the rows")
    x = graph.plain(x)
    places = tuple(int(place) for place in np.asarray(index.array).ravel())
    return graph.stored(graph.put_features(x.slot, places), shape)


def _is_positive(graph: Assembly, shape: Shape, x: Value, bound: Any) -> Value:
    if not isinstance(bound, int | float) or bound != 0:
        raise Refusal(f"a comparison with {bound!r}; it knows x > 0, which is 1 or 0")
    return graph.same(nn.Activation(nn.step), x)


_NAMES = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "selu": "SELU",
    "silu": "SiLU",
    "mish": "Mish",
    "relu6": "ReLU6",
    "softsign": "Softsign",
    "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid",
    "logsigmoid": "LogSigmoid",
    "gelu": "GELU",
    "softplus": "Softplus",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "hardtanh": "Hardtanh",
}
_RESHAPING = ("flatten", "view", "reshape", "squeeze", "unsqueeze", "unflatten", "view_as", "reshape_as")

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: _activation(of) for name, of in _NAMES.items()},
    **dict.fromkeys(("add",), _combine("add")),
    **dict.fromkeys(("sub", "subtract"), _combine("subtract")),
    **dict.fromkeys(("mul", "multiply"), _combine("multiply")),
    **dict.fromkeys(("div", "divide", "truediv", "true_divide"), _combine("divide")),
    "maximum": _combine("maximum"),
    "minimum": _combine("minimum"),
    "rsub": _reversed("subtract"),
    **dict.fromkeys(("neg", "negative"), _negative),
    "square": _square,
    "pow": _square,
    "softmax": _softmax(False),
    "log_softmax": _softmax(True),
    **dict.fromkeys(_RESHAPING, _reshaped),
    "permute": _permuted,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), _transposed),
    "mean": _reduced("mean"),
    "sum": _reduced("sum"),
    "amax": _reduced("max"),
    "amin": _reduced("min"),
    "max": _largest,
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenated),
    "stack": _stacked,
    "getitem": taken,
    "index_select": _chosen,
    "gt": _is_positive,
    "split": _split,
    "chunk": _chunk,
    "dropout": _dropout,
    **dict.fromkeys(("max_pool1d", "max_pool2d"), _max_pooled),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), _mean_pooled),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d"), _adaptive("average")),
    **dict.fromkeys(("adaptive_max_pool1d", "adaptive_max_pool2d"), _adaptive("max")),
    "pad": _padded,
    **dict.fromkeys(("contiguous", "clone", "float", "detach"), _itself),
}
"""Every function and method that `from_torch` knows."""
