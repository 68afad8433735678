"""A PyTorch module as a network of gorae: its graph traced, its layers replaced, its weights copied."""

import warnings
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from gorae import nn
from gorae.errors import GoraeError, GoraeWarning, InputError, closest
from gorae.exchange.assembly import Assembly, Refusal, Value, channels_last
from gorae.exchange.extras import needed
from gorae.exchange.torch_functions import FUNCTIONS, Fixed
from gorae.exchange.torch_layers import LAYERS
from gorae.exchange.torch_sequences import SEQUENCE_LAYERS, Finals, recurrent
from gorae.exchange.tracing import Trace, example_rows, line_of, name_of, shape_of_row, trace_module

__all__ = ["from_torch"]

_CHECKED_ROWS = 4
_TOLERANCE = 1e-3
_OVER_CHANNELS = ("Conv", "Pool", "BatchNorm")
_KEEP_SHAPE = ("Dropout", "PReLU", "Identity", "add", "sub", "mul", "div", "truediv", "dropout", "contiguous")


def from_torch(module: Any, input_shape: Sequence[int]) -> nn.Graph:
    """Return a PyTorch module as a network of gorae, with its weights.

    The module's forward is traced (`torch.fx`) and run once on random rows, with which the network's answers
    are compared. It reads and answers what the module does, batch first, with one difference: rows that go
    into a convolution, a pooling or a batch normalisation have their channels last, as everywhere in gorae:
    (height, width, channels) where PyTorch has (channels, height, width). So do answers that are images or
    sequences of channels. Vectors are in PyTorch's order.

    It knows the layers Linear, Conv1d and Conv2d, ConvTranspose1d and 2d, MaxPool, AvgPool, adaptive pooling
    to sizes that divide, BatchNorm1d and 2d, LayerNorm, Dropout, Embedding, RNN, LSTM, GRU, Flatten,
    Unflatten, Softmax and the activations, in any nesting; the functions of the same names; sums, products
    and differences (residuals), cat, stack, split, chunk, view, reshape, squeeze, permute, transpose, mean,
    sum and max over axes of a row, and x[:, ...].

    What training on would do differently: a layer without a bias gets one of zeros, which is learnt;
    Dropout2d silences single cells instead of channels, and dropout between recurrent layers the same
    features at all steps of a row; tensors that are no parameters stay as they are.

    Args:
        module: a `torch.nn.Module` whose forward takes one tensor, rows first; it is not changed.
        input_shape: the shape of one row as PyTorch has it, without the batch.

    Returns:
        A `gorae.nn.Graph`: call it as `network(x, gorae.nn.inference())[0]`, or hand it to
        `NeuralClassifier(module=...)`. Its nodes have the names of PyTorch's layers.

    Raises:
        InputError: when PyTorch is not installed, the module does not take such rows, or a step is none that
            gorae has; the message names it and its line.

    Example:
        >>> import pytest; torch = pytest.importorskip("torch")
        >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
        >>> network = from_torch(module, input_shape=(4,))
        >>> network(np.ones((2, 4), np.float32), nn.inference())[0].shape
        (2, 3)
    """
    trace = trace_module(module, _checked_shape(input_shape))
    graph, values = Assembly(), {}
    answer = None
    wanted = _wanted(trace)
    for node in trace.nodes:
        if node not in wanted:
            continue
        if node.op == "placeholder":
            values[node] = _given(trace, node) if not values else node.args[0] if node.args else None
        elif node.op == "output":
            answer = node.args[0]
        else:
            found = _converted(trace, graph, node, values)
            if found is not None:
                values[node] = found
    _warn_of_copies(trace)
    return _finished(module, trace, graph, values.get(answer) if not isinstance(answer, tuple) else answer)


def _wanted(trace: Trace) -> set[Any]:
    """Return the steps that the answer needs, and the rows."""
    wanted = {node for node in trace.nodes if node.op in ("placeholder", "output")}
    for node in reversed(trace.nodes):
        if node in wanted:
            wanted.update(node.all_input_nodes)
    return wanted


def _checked_shape(shape: Any) -> tuple[int, ...]:
    """Return the shape of a row as whole numbers.

    Raises:
        InputError: when it is no such thing.
    """
    parts = list(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else [shape]
    sizes = tuple(n for n in parts if isinstance(n, int) and not isinstance(n, bool) and n > 0)
    if not parts or len(sizes) != len(parts):
        raise InputError(f"input_shape must be the shape of one row, such as (1, 28, 28), got {shape!r}.")
    return sizes


def _given(trace: Trace, node: Any) -> Value:
    """Return the rows as the network is given them."""
    shape = shape_of_row(trace, node)
    assert shape is not None
    axes = channels_last(len(shape) + 1) if _goes_over_channels(trace, node) else range(len(shape) + 1)
    return Value(0, shape, tuple(axes))


def _goes_over_channels(trace: Trace, node: Any) -> bool:
    """Return whether rows of more than one axis reach a layer with channels before they change shape."""
    if len(shape_of_row(trace, node) or ()) < 2:
        return False
    return any(
        name.startswith(_OVER_CHANNELS) or "_pool" in name or (keeps and _goes_over_channels(trace, user))
        for user in node.users
        for name, keeps in [_kind_of(trace, user)]
    )


def _kind_of(trace: Trace, node: Any) -> tuple[str, bool]:
    """Return the name of a step, and whether each number of its answer stands where it stood."""
    if node.op == "output":
        return "", False
    if node.op == "call_module":
        name = type(trace.module.get_submodule(node.target)).__name__
        name = "Pool" if "Pool" in name else name
        keeps = name in _KEEP_SHAPE or LAYERS.get(name) is LAYERS["ReLU"]
        return name, keeps
    name = _function_name(node)
    return name, name in _KEEP_SHAPE or name in ("relu", "tanh", "sigmoid", "gelu", "silu")


def _function_name(node: Any) -> str:
    """Return a function's or a method's name; one that works in place has that of the one that does not."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    name = name if name.startswith("__") else name.rstrip("_")
    if getattr(node.target, "__module__", "") == "_operator" and name in ("iadd", "isub", "imul", "itruediv"):
        return name[1:]
    return name


def _converted(trace: Trace, graph: Assembly, node: Any, values: dict[Any, Any]) -> Any:
    """Return what a step answers as a value of the graph; None where it does not depend on the rows.

    Raises:
        InputError: when gorae has no such step.
    """
    if not any(one in values and _depends(values[one]) for one in node.all_input_nodes):
        return None
    results = [answers[node] for answers in trace.answers]
    if not _has_tensor(results[0]):
        return None  # a size, or another number
    try:
        return _by_kind(trace, graph, node, values)
    except (Refusal, GoraeError, TypeError) as error:
        told = f": {error}" if isinstance(error, Refusal | GoraeError) else ", called like this"
        raise InputError(_cannot(trace, node, told.rstrip("."))) from error


def _by_kind(trace: Trace, graph: Assembly, node: Any, values: dict[Any, Any]) -> Any:
    """Return what a step answers, converted as its kind is."""
    arguments: list[Any] = [_resolved(trace, argument, values) for argument in node.args]
    named = {key: _resolved(trace, argument, values) for key, argument in node.kwargs.items()}
    if "input" in named:
        arguments.insert(0, named.pop("input"))
    if "tensors" in named:
        arguments.insert(0, named.pop("tensors"))
    shape = shape_of_row(trace, node)
    of_states = bool(arguments) and isinstance(arguments[0], tuple | Finals)
    if shape is None and hasattr(trace.answers[0][node], "shape") and not of_states:
        raise Refusal("it does not leave the rows apart: its first axis does not follow the batch")
    if node.op == "call_module":
        layer = trace.module.get_submodule(node.target)
        if _is_torchs(layer) and type(layer).__name__ in SEQUENCE_LAYERS:
            state = named.get("hx", arguments[1] if len(arguments) > 1 else None)
            return recurrent(graph, layer, _one_value(arguments), state, str(node.target))
        convert = LAYERS.get(type(layer).__name__) if _is_torchs(layer) else None
        if convert is None or len(arguments) != 1 or named:
            raise Refusal(_known(type(layer).__name__, (*LAYERS, *SEQUENCE_LAYERS)))
        return convert(graph, layer, _one_value(arguments), shape or (), str(node.target))
    named.pop("inplace", None)
    name = _function_name(node)
    if node.op == "get_attr" or name not in FUNCTIONS:
        raise Refusal(_known(name, FUNCTIONS))
    return FUNCTIONS[name](graph, shape, *arguments, **named)


def _one_value(arguments: list[Any]) -> Value:
    """Return what a layer reads.

    Raises:
        Refusal: when it is not one tensor that depends on the rows.
    """
    if not arguments or not isinstance(arguments[0], Value):
        raise Refusal("what it reads is no tensor of rows")
    return arguments[0]


def _resolved(trace: Trace, argument: Any, values: dict[Any, Any]) -> Any:
    """Return an argument of a step: a value, a fixed tensor, or what it was in the first run."""
    if isinstance(argument, list | tuple):
        return type(argument)(_resolved(trace, part, values) for part in argument)
    if isinstance(argument, slice):
        parts = (argument.start, argument.stop, argument.step)
        return slice(*(_resolved(trace, part, values) for part in parts))
    if not hasattr(argument, "all_input_nodes"):
        return argument
    if argument in values:
        return values[argument]
    known = trace.answers[0][argument]
    if hasattr(known, "detach"):
        learnt = argument.op == "get_attr" and bool(getattr(known, "requires_grad", False))
        return Fixed(known.detach().cpu().numpy(), learnt)
    return known


def _depends(value: Any) -> bool:
    """Return whether something is a value of the graph, or holds one."""
    return isinstance(value, Value | Finals) or (isinstance(value, tuple) and any(map(_depends, value)))


def _has_tensor(answer: Any) -> bool:
    """Return whether what a step answered is a tensor, or holds one."""
    return hasattr(answer, "detach") or (isinstance(answer, tuple | list) and any(map(_has_tensor, answer)))


def _is_torchs(layer: Any) -> bool:
    """Return whether a layer's class is PyTorch's own."""
    return type(layer).__module__.startswith("torch.nn.")


def _known(name: str, known: Any) -> str:
    """Return in words which steps there are."""
    near = closest(name, known)
    meant = f"{near} is known; " if near else ""
    return f"{meant}it knows {', '.join(sorted(known))}"


def _cannot(trace: Trace, node: Any, told: str) -> str:
    """Return the sentence that refuses a step."""
    line = line_of(node)
    return (
        f"from_torch has nothing for {name_of(trace, node)}{f' ({line})' if line else ''}{told}. Write the "
        "step with these, or leave it out of the module and do it to the rows before or to the answers after."
    )


def _warn_of_copies(trace: Trace) -> None:
    """Warn where a layer with weights is used more than once: each use has a copy."""
    used = [node.target for node in trace.nodes if node.op == "call_module"]
    for name in sorted({name for name in used if used.count(name) > 1}):
        if any(True for _ in trace.module.get_submodule(name).parameters()):
            warnings.warn(
                f"the layer {name} is used {used.count(name)} times; each use has a copy of its weights, "
                "which training on would move apart.",
                GoraeWarning,
                stacklevel=3,
            )


def _finished(module: Any, trace: Trace, graph: Assembly, answer: Any) -> nn.Graph:
    """Return the graph, compared with the module.

    Raises:
        InputError: when it answers no tensor of rows, or something else than the module.
    """
    kind = type(module).__name__
    if not isinstance(answer, Value):
        raise InputError(f"from_torch takes modules that answer one tensor of rows; {kind} does not.")
    if answer.axes != channels_last(answer.rank):
        answer = graph.plain(answer)
    answer = graph.ordered(answer)
    if not graph.nodes or answer.slot != len(graph.nodes):
        answer = graph.same(nn.Activation(nn.identity), answer)
    network = nn.Graph(tuple(graph.nodes), tuple(graph.inputs), tuple(graph.names))
    rows = next(node for node in trace.nodes if node.op == "placeholder")
    given = _given(trace, rows)
    x = example_rows(_CHECKED_ROWS, given.shape, trace.tokens, seed=1)
    with needed("torch", "from_torch").no_grad():
        wanted = trace.module(needed("torch", "from_torch").from_numpy(x)).numpy().transpose(answer.axes)
    stored = jnp.asarray(x.transpose(given.axes), jnp.float32)
    found = np.asarray(network(stored, nn.inference())[0])
    size = max(float(np.abs(wanted).max(initial=0.0)), 1e-6)
    if found.shape != wanted.shape or not np.abs(found - wanted).max(initial=0.0) <= _TOLERANCE * size:
        raise InputError(
            f"the layers that were found in {kind} do not answer what it does: its forward changes a tensor "
            "in place that is used elsewhere, or draws random numbers in predictions; write it without."
        )
    return network
