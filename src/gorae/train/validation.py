"""Validation: the loss and score of the rows that early stopping watches."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gorae import nn
from gorae.train.objectives import row_losses
from gorae.train.problem import Problem, SharedRows, SplitRows, assemble, encode, encode_target
from gorae.train.tagging import TAG_OBJECTIVES, right_tags

VALIDATION_BLOCK = 128
"""Rows at a time. It is the same for all splits, so that the padding changes no digit of a sum."""


def validate(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    hyper: Mapping[str, Array],
    parameters: Any,
    buffers: Any,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return the weighted mean loss and score of the stopping rows.

    The score is the accuracy (of tags: the share of a row's tokens) or, in regression, minus the squared
    error in the fold's own target unit, or minus the pinball loss of quantiles; label smoothing is for
    training and does not count.
    """
    index = jnp.pad(split.stop_rows, (0, VALIDATION_BLOCK), mode="edge")
    weights = jnp.pad(split.stop_weight, (0, VALIDATION_BLOCK))
    model = assemble(problem, parameters, buffers)

    def add(j: Int[Array, ""], sums: Float[Array, "3"]) -> Float[Array, "3"]:
        rows = jax.lax.dynamic_slice(index, (j * VALIDATION_BLOCK,), (VALIDATION_BLOCK,))
        weight = jax.lax.dynamic_slice(weights, (j * VALIDATION_BLOCK,), (VALIDATION_BLOCK,))
        outputs, _ = model(encode(shared.rows[rows], split, problem.missing), nn.inference())
        target = encode_target(shared.targets[rows], split, problem.classes)
        losses = row_losses(problem.objective, outputs, target, hyper, training=False)
        if problem.objective in TAG_OBJECTIVES:
            scores = right_tags(problem.objective, outputs, target)
        elif problem.classes:
            scores = (jnp.argmax(outputs, axis=-1) == target).astype(jnp.float32)
        elif problem.objective == "pinball":
            scores = -losses
        else:
            scores = -jnp.mean((outputs - target) ** 2, axis=-1)
        measured = jnp.stack([losses, scores, jnp.ones_like(losses)])
        return sums + jnp.sum(jnp.where(weight > 0, measured, 0.0) * weight, axis=1)

    blocks = (split.stop_count + VALIDATION_BLOCK - 1) // VALIDATION_BLOCK
    sums = jax.lax.fori_loop(0, blocks, add, jnp.zeros(3, jnp.float32))
    return sums[0] / sums[2], sums[1] / sums[2]
