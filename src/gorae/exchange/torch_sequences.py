"""PyTorch's embeddings and recurrent layers as gorae's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from gorae import nn
from gorae.exchange.assembly import Assembly, Refusal, Value
from gorae.nn.recurring import Weights

__all__ = ["SEQUENCE_LAYERS", "Finals", "final_of"]

_CELLS = {"RNN": "rnn", "LSTM": "lstm", "GRU": "gru"}
SEQUENCE_LAYERS = tuple(_CELLS)
"""PyTorch's layers that answer a pair: all steps, and the last states."""


@dataclass(frozen=True)
class Finals:
    """The last hidden states, `(layers * directions, batch, width)` in PyTorch: of the last layer only.

    Args:
        steps: what the layer answers for all steps.
        count: layers times directions.
        directions: 1 or 2.
    """

    steps: Value
    count: int
    directions: int


def final_of(graph: Assembly, finals: Finals, index: Any) -> Value:
    """Return one of the last hidden states.

    Raises:
        Refusal: when it is of a layer below the last.
    """
    place = index % finals.count if isinstance(index, int) and -finals.count <= index < finals.count else -1
    side = place - (finals.count - finals.directions)
    if place < 0 or side < 0:
        raise Refusal(f"the last states [{index}]; it knows those of the last layer, by number")
    time, features = finals.steps.shape
    width = features // finals.directions
    step = 0 if side == 1 else time - 1  # the one that reads from the end has read the first step last
    cut = nn.Cut((step, side * width), (None, width), (1, 1))
    return graph.stored(graph.add(cut, graph.plain(finals.steps)), (width,))


def embedding(graph: Assembly, module: Any, x: Value, shape: tuple[int, ...], name: str) -> Value:
    """Return vectors of tokens."""
    if module.max_norm is not None:
        raise Refusal("max_norm, which changes the vectors that it looks up")
    table = jnp.asarray(np.array(module.weight.detach().numpy(), np.float32))
    return graph.stored(graph.add(nn.Embedding(table), graph.plain(x), name=name), shape)


def recurrent(graph: Assembly, module: Any, x: Value, state: Any, name: str) -> tuple[Value, Any]:
    """Return all steps of a recurrent layer, and its last states.

    Raises:
        Refusal: when it begins elsewhere than at zeros, or has settings that gorae has not.
    """
    kind = type(module).__name__
    if not module.batch_first:
        raise Refusal("batch_first=False; make the layer with batch_first=True and give rows first")
    if getattr(module, "proj_size", 0):
        raise Refusal("proj_size")
    if not _is_zero(state):
        raise Refusal("an initial state that is not zeros")
    cell = _CELLS[kind]
    if kind == "RNN" and module.nonlinearity == "relu":
        cell = "rnn_relu"
    parts = {key: np.array(value.detach().numpy(), np.float32) for key, value in module.named_parameters()}
    sides = ("", "_reverse") if module.bidirectional else ("",)
    places = range(module.num_layers)
    layers = tuple(tuple(_weights(parts, f"_l{place}{side}", cell) for side in sides) for place in places)
    dropout = nn.Dropout.create(float(module.dropout)) if module.dropout else None
    slot = graph.add(nn.Recurrent(layers, dropout, cell), graph.plain(x), name=name)
    steps = graph.stored(slot, (x.shape[0], module.hidden_size * len(sides)))
    finals = Finals(steps, module.num_layers * len(sides), len(sides))
    return steps, (finals, None) if kind == "LSTM" else finals


def _weights(parts: Mapping[str, np.ndarray], end: str, cell: str) -> Weights:
    """Return the weights of one cell; PyTorch has two biases, of which a GRU's candidate needs both."""
    of_inputs, of_hidden = parts[f"weight_ih{end}"].T, parts[f"weight_hh{end}"].T
    nothing = np.zeros(of_inputs.shape[1], np.float32)
    outer, inner = parts.get(f"bias_ih{end}", nothing), parts.get(f"bias_hh{end}", nothing)
    arrays = (jnp.asarray(of_inputs), jnp.asarray(of_hidden))
    if cell != "gru":
        return Weights(*arrays, jnp.asarray(outer + inner))
    gates = 2 * len(of_hidden)
    bias = np.concatenate([(outer + inner)[:gates], outer[gates:]])
    return Weights(*arrays, jnp.asarray(bias), jnp.asarray(inner[gates:]))


def _is_zero(state: Any) -> bool:
    """Return whether an initial state is none, or zeros."""
    if state is None:
        return True
    if isinstance(state, tuple | list):
        return all(map(_is_zero, state))
    array = getattr(state, "array", None)
    return array is not None and not np.any(array)
