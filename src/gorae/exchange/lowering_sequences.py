"""Networks over sequences as graphs of another library: rows hold their length, then their steps."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gorae import nn
from gorae.errors import InputError
from gorae.exchange.emitter import Emitter
from gorae.exchange.layout import Value, ordered, reshaped
from gorae.models.sequence import Reader, SequenceNetwork

__all__ = ["SEQUENCES", "with_codes"]

_FAR = 1e30
Lower = Callable[[Emitter, Any, Value, str], Value]


def with_codes(network: Any, codes: np.ndarray) -> Any:
    """Return a network over tokens that reads the codes of the table of all tokens, and not its fold's own.

    Args:
        network: whose embedding has a row for each of the fold's codes.
        codes: for each code of the table that of the fold.

    Raises:
        InputError: when it is another network than `SequenceNetwork`.
    """
    if not isinstance(network, SequenceNetwork) or network.reader.embedding is None:
        raise InputError(f"a {type(network).__name__} of tokens cannot be written for another library.")
    array = np.asarray(network.reader.embedding.vectors, np.float32)
    vectors: Any = array[np.minimum(codes, len(array) - 1)]
    return replace(network, reader=replace(network.reader, embedding=nn.Embedding(vectors)))


def _network(lower: Lower) -> Lower:
    def convert(graph: Emitter, layer: SequenceNetwork, x: Value, name: str) -> Value:
        found = lower(graph, layer.reader, x, name)
        return lower(graph, layer.head, found, f"{name}.output" if name else "output")

    return convert


def _reader(lower: Lower) -> Lower:
    def convert(graph: Emitter, layer: Reader, x: Value, name: str) -> Value:
        x, width = ordered(graph, x), x.shape[0]
        lengths = graph.cut(x.slot, (0,), (1,), (1,))
        rest = Value(graph.cut(x.slot, (1,), (width,), (1,)), (width - 1,), (0, 1))
        if layer.embedding is not None:
            steps = lower(graph, layer.embedding, rest, f"{name}.embedding")
        else:
            assert layer.recurrent is not None
            channels = layer.recurrent.layers[0][0].inputs.shape[0]
            steps = reshaped(graph, rest, ((width - 1) // channels, channels))
        if layer.recurrent is not None:
            cells, own = layer.recurrent.layers, layer.recurrent.cell
            count = steps.shape[0]
            slot = graph.recurrent(steps.slot, own, cells, f"{name}.recurrent", lengths=lengths, steps=count)
            steps = Value(slot, (count, len(cells[-1]) * cells[-1][0].hidden.shape[0]), steps.axes)
        return _pooled(graph, layer.pool, steps, lengths, name)

    return convert


def _pooled(graph: Emitter, pool: nn.StepPool, x: Value, lengths: Any, name: str) -> Value:
    """Return the real steps of each row as one vector."""
    count, features = x.shape
    places = np.arange(count, dtype=np.float32)
    live = graph.put_shape(graph.less(graph.array(places, "steps"), lengths), (count, 1))
    if pool.kind == "mean":
        total = _sum(graph, x.slot, live)
        slot = graph.combine("divide", total, lengths)
    elif pool.kind == "max":
        slot = graph.reduce("max", _far_below(graph, x.slot, live), (1,), keep=False)
    elif pool.kind == "last":
        later = graph.put_shape(graph.less(graph.array(places + 1), lengths), (count, 1))
        slot = _sum(graph, x.slot, graph.combine("subtract", live, later))
        if pool.directions == 2:
            half = features // 2
            first = graph.cut(x.slot, (0, half), (1, features), (1, 1))
            parts = [graph.cut(slot, (0,), (half,), (1,)), graph.put_shape(first, (half,))]
            slot = graph.concatenate(parts, 1)
    else:
        assert pool.hidden is not None
        weight, bias = np.asarray(pool.hidden.weight), np.asarray(pool.hidden.bias)
        bent = graph.activation(graph.dense(x.slot, weight, bias, f"{name}.attention"), "Tanh", ())
        score = np.asarray(pool.score, np.float32)[:, None]
        scores = graph.dense(bent, score, np.zeros(1, np.float32), f"{name}.score")
        slot = _sum(graph, x.slot, graph.softmax(_far_below(graph, scores, live), 1))
    return Value(slot, (features,), (0, 1))


def _sum(graph: Emitter, slot: Any, share: Any) -> Any:
    """Return the sum of the steps, each times its share."""
    return graph.reduce("sum", graph.combine("multiply", slot, share), (1,), keep=False)


def _far_below(graph: Emitter, slot: Any, live: Any) -> Any:
    """Return steps as they are where they are real, and far below all others where they are not."""
    dead = graph.combine("subtract", live, graph.array(np.float32(1)))
    below = graph.combine("multiply", dead, graph.array(np.float32(_FAR)))
    return graph.combine("add", graph.combine("multiply", slot, live), below)


SEQUENCES: dict[type, Callable[[Lower], Lower]] = {SequenceNetwork: _network, Reader: _reader}
"""Networks over sequences, and what makes their converter of the one for any layer."""
