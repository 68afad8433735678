"""The compiled part of looking at filters: the maps of every layer over images, before a global pooling."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from gorae import nn
from gorae.backend import Device, compiled, own_numerics
from gorae.train import MemberResult, Problem, SplitRows
from gorae.train.planner import is_tiny
from gorae.train.problem import assemble, encode

__all__ = ["maps_in_parts"]

_BLOCK, _FEW = 256, 16
"""Rows a call answers: two programs serve all sizes."""


def maps_in_parts(
    problem: Problem,
    member: MemberResult,
    encoding: SplitRows,
    rows: Num[np.ndarray, "rows inputs"],
    device: Device,
) -> Iterator[Sequence[np.ndarray]]:
    """Yield, for some rows at a time, what each layer over images answers.

    Args:
        problem: the problem of a convolutional network, to answer with.
        member: its parameters and buffers.
        encoding: how it reads stored rows.
        rows: as they are stored.
        device: where.
    """
    for first in range(0, len(rows), _BLOCK):
        left = min(_BLOCK, len(rows) - first)
        index = np.minimum(np.arange(_BLOCK if left > _FEW else _FEW), left - 1) + first
        arguments = (
            np.ascontiguousarray(rows[index]),
            (encoding.fill, encoding.shift, encoding.scale),
            member.parameters,
            member.buffers,
        )
        program = compiled(
            lambda *a: _maps(problem, *a),
            ("feature maps", problem),
            arguments,
            device,
            quickly=is_tiny(problem),
        )
        with own_numerics():
            yield [np.asarray(maps)[:left] for maps in program(*arguments)]


def _maps(
    problem: Problem, rows: Array, encoding: tuple[Array, Array, Array], parameters: Any, buffers: Any
) -> list[Array]:
    """Return the maps of each layer, up to the first global pooling, which is left out."""
    model = assemble(problem, parameters, buffers)
    split = SplitRows(*encoding, *([None] * (len(SplitRows._fields) - 3)))
    maps, found = model.images(encode(rows, split, problem.missing)), []
    for layer in model.body.layers:
        maps, _ = _keeping_places(layer)(maps, nn.inference())
        if maps.ndim != 4:
            break
        found.append(jnp.asarray(maps))
        if _keeping_places(layer) is not layer:
            break
    return found[model.skipped :]


def _keeping_places(layer: Any) -> Any:
    """Return a layer without its global pooling, or the layer itself where it has none."""
    if isinstance(layer, nn.ConvBlock):
        pools = tuple(pool for pool in layer.pools if not isinstance(pool, nn.GlobalPool))
        same = len(pools) == len(layer.pools)
        return layer if same else nn.ConvBlock(layer.conv, layer.normalization, layer.activation, pools)
    if isinstance(layer, nn.Sequential):
        parts = tuple(part for part in layer.layers if not isinstance(part, nn.GlobalPool))
        return layer if len(parts) == len(layer.layers) else nn.Sequential(parts)
    return layer
