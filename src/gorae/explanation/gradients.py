"""The compiled part of integrated gradients: the mean gradient along the way from a baseline to each row."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int32, Num

from gorae import nn
from gorae.backend import Device, compiled, own_numerics
from gorae.train import MemberResult, Problem, SplitRows
from gorae.train.planner import is_tiny
from gorae.train.problem import assemble, encode

__all__ = ["Output", "Paths", "explained_output", "path_attributions"]

Output = Literal["logit", "probability", "value"]

_BLOCK = 256
_FEW = 16
"""Rows a call answers: two programs serve all sizes."""


class Paths(NamedTuple):
    """What a member says along the ways to some rows.

    Attributes:
        attributions: (rows, inputs) what each input adds to the answer on its way.
        start: (rows,) the answer at the baseline.
        end: (rows,) the answer at the row.
    """

    attributions: np.ndarray
    start: np.ndarray
    end: np.ndarray


def path_attributions(
    problem: Problem,
    member: MemberResult,
    encoding: SplitRows,
    rows: Num[np.ndarray, "rows inputs"],
    baseline: Float32[np.ndarray, " inputs"] | None,
    which: Int32[np.ndarray, " rows"],
    *,
    output: Output,
    steps: int,
    device: Device,
) -> Paths:
    r"""Return one member's integrated gradients, by the midpoint rule.

    In the scale in which the network reads its inputs, with the row z, the baseline z' and m steps,

    .. math:: (z_i - z'_i) \frac{1}{m} \sum_{k=1}^{m}
              \frac{\partial f}{\partial z_i} \Big(z' + \frac{k - 1/2}{m} (z - z')\Big).

    As inputs are shifted and scaled one by one, this is the same for the columns as they were given.

    Args:
        problem: the member's problem, to answer with.
        member: its parameters and buffers.
        encoding: how it reads stored rows.
        rows: as they are stored.
        baseline: a stored row; None for the one that the network reads as zeros.
        which: the class, or the output, that is explained for each row.
        output: what of it: a class's score against the mean of the others', its probability, or the value.
        steps: m; the program is the same for all.
        device: where.

    References:
        Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep networks", equations 1 and 3.
    """
    start = np.zeros((1, rows.shape[1]), np.float32) if baseline is None else baseline[None]
    is_read = np.asarray(baseline is None)
    parts: list[Sequence[np.ndarray]] = []
    for first in range(0, len(rows), _BLOCK):
        left = min(_BLOCK, len(rows) - first)
        index = np.minimum(np.arange(_BLOCK if left > _FEW else _FEW), left - 1) + first
        arguments = (
            np.ascontiguousarray(rows[index]),
            start,
            is_read,
            which[index].astype(np.int32),
            np.int32(steps),
            (encoding.fill, encoding.shift, encoding.scale),
            member.parameters,
            member.buffers,
        )
        program = compiled(
            lambda *a: _along_the_way(problem, output, *a),
            ("gradients", problem, output),
            arguments,
            device,
            quickly=is_tiny(problem),
        )
        with own_numerics():
            parts.append([np.asarray(part)[:left] for part in program(*arguments)])
    return Paths(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _along_the_way(
    problem: Problem,
    output: Output,
    rows: Array,
    baseline: Array,
    is_read: Array,
    which: Array,
    steps: Array,
    encoding: tuple[Array, Array, Array],
    parameters: Any,
    buffers: Any,
) -> tuple[Array, Array, Array]:
    """Return attributions, and the answers at both ends."""
    model = assemble(problem, parameters, buffers)
    split = SplitRows(*encoding, *([None] * (len(SplitRows._fields) - 3)))
    end = encode(rows, split, problem.missing)
    start = jnp.where(is_read, baseline, encode(baseline, split, problem.missing))
    way = end - start

    def answer(z: Float[Array, "rows inputs"]) -> Float[Array, " rows"]:
        return explained_output(model(z, nn.inference())[0], which, output)

    slope = jax.grad(lambda z: answer(z).sum())  # a row's answer depends on no other row's inputs

    def step(k: Array, total: Array) -> Array:
        return total + slope(start + (k + 0.5) / steps * way)

    total = jax.lax.fori_loop(0, steps, step, jnp.zeros_like(end))
    return way * total / steps, answer(jnp.broadcast_to(start, end.shape)), answer(end)


def explained_output(outputs: Array, which: Array, output: Output) -> Array:
    """Return what is explained of each row's outputs."""
    if output == "probability":
        outputs = jax.nn.softmax(outputs, axis=-1)
    own = jnp.take_along_axis(outputs, which[:, None], axis=-1)[:, 0]
    if output != "logit" or outputs.shape[-1] == 1:
        return own
    return own - (outputs.sum(axis=-1) - own) / (outputs.shape[-1] - 1)
