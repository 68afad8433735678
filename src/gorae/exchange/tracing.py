"""What a PyTorch module computes, step by step: its traced graph, run on example rows.

Shapes are taken from two runs, with two and with three rows: what does not follow the number of rows would
mix them, and what differs otherwise is no network of one row.
"""

import copy
import os
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gorae.errors import InputError
from gorae.exchange.extras import needed

__all__ = ["Trace", "line_of", "name_of", "shape_of_row", "trace_module"]

BATCHES = (2, 3)
"""Rows of the two runs."""

_LARGEST_TOKENS = 1 << 62


@dataclass(frozen=True)
class Trace:
    """A module's graph, and what each of its nodes answered in the two runs.

    Args:
        module: a copy of the module, for predictions, on the CPU in float32.
        nodes: of the graph, in the order of the data.
        answers: for each run the value of every node.
        tokens: how many different whole numbers the rows may hold; 0 where they hold any numbers.
    """

    module: Any
    nodes: Sequence[Any]
    answers: tuple[Mapping[Any, Any], ...]
    tokens: int


def trace_module(module: Any, input_shape: Sequence[int]) -> Trace:
    """Return the steps of a module.

    Args:
        module: a `torch.nn.Module` whose forward takes one tensor.
        input_shape: of a row, without the batch, as PyTorch has it.

    Raises:
        InputError: when it cannot be traced, or does not take such rows.
    """
    torch = needed("torch", "from_torch")
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"from_torch takes a torch.nn.Module, got {type(module).__name__}.")
    own = copy.deepcopy(module).cpu().float().eval()
    fx = needed("torch.fx", "from_torch")
    tracer = fx.Tracer()
    tracer.record_stack_traces = True
    try:
        graph = tracer.trace(own)
    except Exception as error:  # whatever the user's forward does with what it is not meant for
        raise InputError(
            f"from_torch cannot follow the forward of {type(module).__name__}{_raised_at(error, torch)}: "
            f"{_first_line(error)}. A forward may do the same for every row only: no if or loop over a "
            "tensor's values; move such a step out of the module."
        ) from error
    nodes = list(graph.nodes)
    rows = [node for node in nodes if node.op == "placeholder"]
    _check_inputs(module, rows)
    tokens = _tokens(own, rows[0])
    run = fx.GraphModule(own, graph)
    answers = tuple(_answers(torch, run, example_rows(n, input_shape, tokens), fx) for n in BATCHES)
    return Trace(own, nodes, answers, tokens)


def example_rows(count: int, shape: Sequence[int], tokens: int, seed: int = 0) -> np.ndarray:
    """Return rows that a module can read: random numbers, or tokens."""
    rng = np.random.default_rng(seed)
    if tokens:
        return rng.integers(0, min(tokens, _LARGEST_TOKENS), (count, *shape))
    return rng.normal(size=(count, *shape)).astype(np.float32)


def shape_of_row(trace: Trace, node: Any) -> tuple[int, ...] | None:
    """Return the shape of a node's answer for one row, or None where it is no tensor of rows."""
    if not all(hasattr(answers[node], "shape") for answers in trace.answers):
        return None
    first, second = (tuple(int(n) for n in answers[node].shape) for answers in trace.answers)
    follows = first[:1] == BATCHES[:1] and second[:1] == BATCHES[1:] and first[1:] == second[1:]
    return first[1:] if follows else None


def name_of(trace: Trace, node: Any) -> str:
    """Return what a step is called in the module's source."""
    if node.op == "call_module":
        return f"the layer {type(trace.module.get_submodule(node.target)).__name__} ({node.target})"
    if node.op == "call_method":
        return f"the method {node.target}"
    return f"the function {getattr(node.target, '__name__', node.target)}"


def line_of(node: Any) -> str:
    """Return where a step stands in the user's source: file, line and text."""
    if not node.stack_trace:
        return ""
    torch = needed("torch", "from_torch")
    found = ""
    lines = node.stack_trace.splitlines()
    for head, text in zip(lines, [*lines[1:], ""], strict=True):
        if head.strip().startswith("File ") and _is_users(head.split('"')[1], torch):
            place = head.strip().removeprefix("File ").split(", in ")[0].replace('"', "")
            found = f"{os.path.basename(place)}: {text.strip()!r}"
    return found


def _is_users(path: str, torch: Any) -> bool:
    """Return whether a source file is neither PyTorch's nor made up."""
    return not path.startswith(("<", os.path.dirname(torch.__file__)))


def _raised_at(error: Exception, torch: Any) -> str:
    """Return the last line of the user's source that led to an error."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_users(f.filename, torch)]
    frames = [frame for frame in frames if os.path.abspath(frame.filename) != os.path.abspath(__file__)]
    if not frames:
        return ""
    last = frames[-1]
    return f" ({os.path.basename(last.filename)}, line {last.lineno}: {last.line!r})"


def _first_line(error: Exception) -> str:
    """Return an error's message as one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _check_inputs(module: Any, rows: Sequence[Any]) -> None:
    """Refuse a forward that needs more than the rows.

    Raises:
        InputError: when it takes nothing, or a second tensor.
    """
    more = [node.name for node in rows[1:] if not node.args]
    if not rows or more:
        told = f"needs {', '.join(more)} besides the rows" if more else "takes nothing"
        raise InputError(f"from_torch takes modules whose forward reads one tensor; this {told}.")


def _tokens(module: Any, rows: Any) -> int:
    """Return how many tokens a module knows, where its rows are tokens; else 0."""
    for user in rows.users:
        if user.op == "call_module":
            known = getattr(module.get_submodule(user.target), "num_embeddings", 0)
            if known:
                return int(known)
    return 0


def _answers(torch: Any, run: Any, rows: np.ndarray, fx: Any) -> dict[Any, Any]:
    """Return what every node answers for some rows.

    Raises:
        InputError: when the module does not take them.
    """
    answers: dict[Any, Any] = {}

    class Remembering(fx.Interpreter):
        def run_node(self, n: Any) -> Any:
            answers[n] = super().run_node(n)
            return answers[n]

    try:
        with torch.no_grad():
            Remembering(run).run(torch.from_numpy(rows))
    except Exception as error:
        raise InputError(
            f"the module does not take rows of shape {tuple(rows.shape[1:])}: {_first_line(error)}; "
            "input_shape is that of one row, without the batch, as PyTorch has it."
        ) from error
    return answers
