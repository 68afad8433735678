"""One step of one member: a batch, its loss and gradient, and the update of the parameters."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gorae import nn
from gorae.train.augmenting import augmented
from gorae.train.clipping import clipped
from gorae.train.objectives import row_losses
from gorae.train.optimizers import find_optimizer
from gorae.train.order import epoch_order, sorted_by_length
from gorae.train.problem import (
    Problem,
    SharedRows,
    SplitRows,
    assemble,
    encode,
    encode_target,
    member_key,
    split_model,
)
from gorae.train.schedules import find_schedule

Hyper = Mapping[str, Array]


class Running(NamedTuple):
    """What a step hands to the next: the member, the sum of losses, the norms of the first gradient."""

    parameters: Any
    buffers: Any
    optimizer: Any
    loss_sum: Float[Array, ""]
    norms: Float[Array, " layers"]
    diverged_step: Int[Array, ""]


class Epoch(NamedTuple):
    """What is the same in all steps of an epoch: ordered rows, weights, key, steps done and planned."""

    rows: Int[Array, " padded"]
    weights: Float[Array, " padded"]
    key: Array
    first_step: Int[Array, ""]
    total_steps: Float[Array, ""]


class Batch(NamedTuple):
    """The rows of one step as model and objective read them.

    `mask` is each row's weight, of mean 1 over the fold, and 0 for padding; `share` is that divided by the
    batch's rows. With equal weights the loss is therefore the mean, and in general its expectation over
    batches is the weighted mean of the whole fold. Of rows that are blended, `other` has the target of the
    partner and `own` the share of the row itself.
    """

    x: Float[Array, "batch ..."]
    target: Array
    mask: Float[Array, " batch"]
    share: Float[Array, " batch"]
    other: Array | None = None
    own: Float[Array, " batch"] | None = None


def begin_epoch(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    hyper: Hyper,
    epoch: Int[Array, ""],
    first_step: Int[Array, ""],
    steps: Int[Array, ""],
) -> Epoch:
    """Return the rows in this epoch's order."""
    padded = split.train_rows.shape[0]
    if problem.shuffle:
        order = epoch_order(hyper, epoch, split.train_count, padded)
    else:
        order = jnp.arange(padded)
    if problem.bucket:
        lengths = shared.rows[split.train_rows[order], 0]
        count, batch = split.train_count, problem.batch_size
        order = sorted_by_length(order, lengths, hyper, epoch, count, batch=batch, bucket=problem.bucket)
    tail = (0, problem.batch_size)
    return Epoch(
        rows=jnp.pad(split.train_rows[order], tail, mode="edge"),
        weights=jnp.pad(split.train_weight[order], tail),
        key=jax.random.fold_in(jax.random.fold_in(member_key(hyper), 1), epoch),
        first_step=first_step,
        total_steps=jnp.maximum(hyper["epochs"].astype(jnp.float32) * steps, 1.0),
    )


def take_step(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    hyper: Hyper,
    epoch: Epoch,
    j: Int[Array, ""],
    running: Running,
) -> Running:
    """Make step j of an epoch, and remember it if its loss is the first that is not finite.

    What follows such a step is worthless and not prevented: the member stops, and the host puts it back.
    """
    batch, context = _in_training(problem, shared, split, epoch, j)
    loss, buffers, gradient = batch_gradient(
        problem, hyper, running.parameters, running.buffers, batch, context
    )
    return follow(problem, split, hyper, epoch, j, running._replace(buffers=buffers), loss, gradient)


def follow(
    problem: Problem,
    split: SplitRows,
    hyper: Hyper,
    epoch: Epoch,
    j: Int[Array, ""],
    running: Running,
    loss: Float[Array, ""],
    gradient: Any,
) -> Running:
    """Return what step j makes of a member, by its batch's loss and gradient."""
    done = epoch.first_step + j
    parameters, optimizer = update(
        problem, hyper, running.parameters, running.optimizer, gradient, done / epoch.total_steps
    )
    rows = jnp.minimum(split.train_count - j * problem.batch_size, problem.batch_size)
    diverges = (running.diverged_step < 0) & ~jnp.isfinite(loss)
    return Running(
        parameters=parameters,
        buffers=running.buffers,
        optimizer=optimizer,
        loss_sum=running.loss_sum + loss * rows,
        norms=jax.lax.cond(
            j == 0, lambda g, n: layer_norms(problem, g), lambda g, n: n, gradient, running.norms
        ),
        diverged_step=jnp.where(diverges, done, running.diverged_step),
    )


def _in_training(
    problem: Problem, shared: SharedRows, split: SplitRows, epoch: Epoch, j: Int[Array, ""]
) -> tuple[Batch, nn.Context]:
    """Return batch j of an epoch, and what surrounds its pass."""
    batch = take_batch(problem, shared, split, epoch, j)
    return batch, nn.Context(key=jax.random.fold_in(epoch.key, j), training=True, mask=batch.mask)


def take_batch(
    problem: Problem, shared: SharedRows, split: SplitRows, epoch: Epoch, j: Int[Array, ""]
) -> Batch:
    """Return batch j of an epoch; the last one may hold fewer rows, the rest of it is padding."""
    size = problem.batch_size
    index = jax.lax.dynamic_slice(epoch.rows, (j * size,), (size,))
    weight = jax.lax.dynamic_slice(epoch.weights, (j * size,), (size,))
    count = jnp.minimum(split.train_count - j * size, size)
    mask = jnp.where(jnp.arange(size) < count, weight, 0.0)
    rows, blend = shared.rows[index], None
    if problem.augmenting is not None:
        rows, blend = augmented(problem.augmenting, jax.random.fold_in(epoch.key, j), rows, mask)
    target = encode_target(shared.targets[index], split, problem.classes)
    return Batch(
        x=encode(rows, split, problem.missing),
        target=target,
        mask=mask,
        share=mask * (1.0 / count),  # a factor: see Adam in optimizers.py
        other=None if blend is None else target[blend.partner],
        own=None if blend is None else blend.share,
    )


def batch_gradient(
    problem: Problem, hyper: Hyper, parameters: Any, buffers: Any, batch: Batch, context: nn.Context
) -> tuple[Float[Array, ""], Any, Any]:
    """Return the batch's loss (the weighted sum of its rows' losses), the new buffers and the gradient."""
    if 0 < problem.micro_batch < problem.batch_size:
        count = problem.batch_size // problem.micro_batch
        return _summed_gradient(problem, hyper, parameters, buffers, batch, context, 0, count)
    return _whole_gradient(problem, hyper, parameters, buffers, batch, context)


def part_gradient(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    hyper: Hyper,
    epoch: Epoch,
    j: Int[Array, ""],
    parameters: Any,
    buffers: Any,
    part: Int[Array, ""],
    parts: int,
) -> tuple[Float[Array, ""], Any]:
    """Return what one of several equal parts of batch j adds to its loss and gradient.

    The random numbers are those that the whole batch has, whose sums are the same but for rounding.
    """
    batch, context = _in_training(problem, shared, split, epoch, j)
    if 0 < problem.micro_batch < problem.batch_size:
        count = problem.batch_size // problem.micro_batch // parts
        first = part * count
        loss, _, gradient = _summed_gradient(
            problem, hyper, parameters, buffers, batch, context, first, first + count
        )
        return loss, gradient
    size = problem.batch_size // parts
    own = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, part * size, size), batch)
    context = replace(context, mask=own.mask, part=part, parts=parts)
    loss, _, gradient = _whole_gradient(problem, hyper, parameters, buffers, own, context)
    return loss, gradient


def _summed_gradient(
    problem: Problem,
    hyper: Hyper,
    parameters: Any,
    buffers: Any,
    batch: Batch,
    context: nn.Context,
    first: Int[Array, ""] | int,
    last: Int[Array, ""] | int,
) -> tuple[Float[Array, ""], Any, Any]:
    """Return the same, summed over micro-batches `first` to before `last`: padding alone is left out.

    Buffers are those after the last of them, so no layer may take statistics over the batch.
    """
    size = problem.micro_batch
    assert context.key is not None
    key = context.key
    rows = jnp.max(jnp.where(batch.share > 0, jnp.arange(problem.batch_size) + 1, 0))

    def add(j: Int[Array, ""], sums: tuple[Array, Any, Any]) -> tuple[Array, Any, Any]:
        part = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, j * size, size), batch)
        own = nn.Context(jax.random.fold_in(key, j), training=True, mask=part.mask)
        loss, after, gradient = _whole_gradient(problem, hyper, parameters, sums[1], part, own)
        return sums[0] + loss, after, jax.tree.map(jnp.add, sums[2], gradient)

    start = (jnp.float32(0), buffers, jax.tree.map(jnp.zeros_like, parameters))
    return jax.lax.fori_loop(first, jnp.minimum((rows + size - 1) // size, last), add, start)


def _whole_gradient(
    problem: Problem, hyper: Hyper, parameters: Any, buffers: Any, batch: Batch, context: nn.Context
) -> tuple[Float[Array, ""], Any, Any]:
    """Return loss, buffers and gradient of rows that are computed at once."""

    def loss_of(p: Any) -> tuple[Array, Any]:
        outputs, model = assemble(problem, p, buffers)(batch.x, context)
        losses = blended_losses(problem.objective, outputs, batch, hyper)
        return jnp.sum(jnp.where(batch.share > 0, losses, 0.0) * batch.share), split_model(model)[1]

    (loss, new_buffers), gradient = jax.value_and_grad(loss_of, has_aux=True)(parameters)
    return loss, new_buffers, gradient


def blended_losses(
    objective: str, outputs: Float[Array, "batch outputs"], batch: Batch, hyper: Hyper
) -> Float[Array, " batch"]:
    """Return each row's loss in training: of blended rows that of both targets, by their shares."""
    losses = row_losses(objective, outputs, batch.target, hyper, training=True)
    if batch.own is None or batch.other is None:
        return losses
    return batch.own * losses + (1 - batch.own) * row_losses(
        objective, outputs, batch.other, hyper, training=True
    )


def layer_norms(problem: Problem, gradient: Any) -> Float[Array, " layers"]:
    """Return the norm of each layer's gradient."""
    layers = problem.layers(gradient).values()
    return jnp.sqrt(jnp.stack([sum(jnp.sum(a * a) for a in leaves) for leaves in layers]))


def update(
    problem: Problem,
    hyper: Hyper,
    parameters: Any,
    optimizer_state: Any,
    gradient: Any,
    progress: Float[Array, ""],
) -> tuple[Any, Any]:
    """Return parameters and optimizer state after one step.

    A gradient is clipped first. Weight decay and L1 act on weights (arrays of two dimensions or more), not
    on biases or scales.

    References:
        Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization, algorithm 2 (both kinds of decay).
    """
    if problem.clip:
        gradient = clipped(gradient, hyper["clip"])
    optimizer = find_optimizer(problem.optimizer)
    rate = hyper["learning_rate"] * find_schedule(problem.schedule)(progress)

    def penalised(g: Array, p: Array) -> Array:
        if p.ndim < 2:
            return g
        coupled = g if optimizer.decoupled_decay else g + hyper["weight_decay"] * p
        return coupled + hyper["l1"] * jnp.sign(p)

    def moved(p: Array, d: Array) -> Array:
        if optimizer.decoupled_decay and p.ndim >= 2:
            d = d + hyper["weight_decay"] * p
        return p - rate * d

    direction, new_state = optimizer.direction(hyper).update(
        jax.tree.map(penalised, gradient, parameters), optimizer_state, parameters
    )
    return jax.tree.map(moved, parameters, direction), new_state
