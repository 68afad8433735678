"""Blocks of layers, images and sequences of gorae as graphs of another library."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gorae import nn
from gorae.exchange.emitter import Emitter
from gorae.exchange.layout import Value, arranged, plain, reshaped
from gorae.models.cnn import CNN

__all__ = ["BLOCKS"]

Lower = Callable[[Emitter, Any, Value, str], Value]


def _cnn(lower: Lower) -> Lower:
    def convert(graph: Emitter, layer: CNN, x: Value, name: str) -> Value:
        maps = lower(graph, layer.body, reshaped(graph, x, layer.image), _inside(name, "hidden"))
        flat = reshaped(graph, maps, (int(np.prod(maps.shape)),))
        return lower(graph, layer.head, flat, _inside(name, "output"))

    return convert


def _conv_block(lower: Lower) -> Lower:
    def convert(graph: Emitter, layer: nn.ConvBlock, x: Value, name: str) -> Value:
        x = lower(graph, layer.conv, x, _inside(name, "conv"))
        if layer.normalization is not None:
            x = lower(graph, layer.normalization, x, _inside(name, "norm"))
        x = lower(graph, layer.activation, x, _inside(name, "activation"))
        for place, pool in enumerate(layer.pools):
            x = lower(graph, pool, x, _inside(name, f"pool{place}"))
        return x

    return convert


def _residual(lower: Lower) -> Lower:
    def convert(graph: Emitter, layer: nn.Residual, x: Value, name: str) -> Value:
        maps = x
        for place, conv in enumerate((layer.first, layer.second)):
            maps = lower(graph, conv, maps, _inside(name, f"conv{place}"))
            if layer.normalizations:
                maps = lower(graph, layer.normalizations[place], maps, _inside(name, f"norm{place}"))
            if place == 0:
                maps = lower(graph, layer.activation, maps, _inside(name, "activation"))
        kept = x if layer.shortcut is None else lower(graph, layer.shortcut, x, _inside(name, "shortcut"))
        kept = arranged(graph, kept, maps.axes)
        both = replace(maps, slot=graph.combine("add", maps.slot, kept.slot))
        return lower(graph, layer.activation, both, _inside(name, "activation"))

    return convert


def _embedding(lower: Lower) -> Lower:
    def convert(graph: Emitter, layer: nn.Embedding, x: Value, name: str) -> Value:
        array = np.asarray(layer.vectors, np.float32)
        value = plain(graph, x)
        slot = graph.embedding(value.slot, array, name or "embedding")
        return Value(slot, (*x.shape, array.shape[1]), tuple(range(x.rank + 1)))

    return convert


def _recurrent(lower: Lower) -> Lower:
    def convert(graph: Emitter, layer: nn.Recurrent, x: Value, name: str) -> Value:
        value = plain(graph, x)
        slot = graph.recurrent(value.slot, layer.cell, layer.layers, name or "recurrent")
        width = len(layer.layers[-1]) * layer.layers[-1][0].hidden.shape[0]
        return Value(slot, (x.shape[0], width), value.axes)

    return convert


def _inside(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part


BLOCKS: dict[type, Callable[[Lower], Lower]] = {
    CNN: _cnn,
    nn.ConvBlock: _conv_block,
    nn.Residual: _residual,
    nn.Embedding: _embedding,
    nn.Recurrent: _recurrent,
}
"""Each block, and what makes its converter of the one for any layer."""
