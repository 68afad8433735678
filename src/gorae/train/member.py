"""The training program of ONE member: steps, epochs, validation, early stopping, divergence.

Written for one member and lifted by the loop: on a CPU each worker runs it member by member (measured: faster
than stacking, and a member is then bitwise what it would have been alone), on GPU and TPU it is vmapped over
a chunk.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from gorae import nn
from gorae.train.objectives import find_objective
from gorae.train.optimizers import find_optimizer
from gorae.train.problem import (
    Problem,
    SharedRows,
    SplitRows,
    assemble,
    encode,
    encode_target,
    layer_names,
    member_key,
    parameter_shapes,
    split_model,
)
from gorae.train.schedules import find_schedule

SEGMENT_EPOCHS = 32
"""The most epochs that one call of the program trains; the host hears of each of them afterwards."""

RECORD = ("train_loss", "validation_loss", "validation_score")
"""What is recorded an epoch, before the gradient norm of each layer."""

_VALIDATION_BLOCK = 256
_LARGEST = np.float32(3e38)
_TOO_LARGE = np.float32(1e15)
Hyper = Mapping[str, Array]


class MemberState(NamedTuple):
    """All that a member is between two calls of the program.

    `best_*` are the parameters and buffers to fall back to: with early stopping the best epoch's, without those
    of the last start of an epoch that gave a finite loss.
    """

    parameters: Any
    buffers: Any
    optimizer: Any
    best_parameters: Any
    best_buffers: Any
    best_loss: Any
    best_epoch: Any
    waited: Any
    epoch: Any
    step: Any
    diverged_step: Any
    stopped: Any


def blank_state(problem: Problem) -> MemberState:
    """Return a state of zeros with the right shapes; the program's first call replaces it by a fresh one."""
    parameters, buffers = parameter_shapes(problem)
    hyper = {"momentum": jnp.float32(0)}
    optimizer = jax.eval_shape(find_optimizer(problem.optimizer).direction(hyper).init, parameters)
    shapes = (parameters, buffers, optimizer, parameters, buffers)
    zeros = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), shapes)
    integers = [np.int32(0)] * 4 + [np.int32(-1)]
    return MemberState(*zeros, np.float32(np.inf), *integers, np.bool_(False))


def train_segment(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    hyper: Hyper,
    state: MemberState,
    fresh: Array,
    epochs: Array,
    steps: Array,
) -> tuple[MemberState, Float[Array, "segment records"]]:
    """Train one member for up to `epochs` more epochs.

    Args:
        problem: the static part.
        shared: rows and targets that all members read.
        split: the member's fold.
        hyper: the member's numbers.
        state: where it stands.
        fresh: whether to start from new parameters instead of `state`.
        epochs: how many epochs, at most `SEGMENT_EPOCHS`.
        steps: steps an epoch, ceil(train_count / batch_size); the same for all members of a chunk.

    Returns:
        The new state, and a row of records for each epoch that was trained.
    """
    state = jax.lax.cond(fresh, lambda s: _initial(problem, hyper, s), lambda s: s, state)
    records = jnp.full((SEGMENT_EPOCHS, len(RECORD) + len(layer_names(problem))), jnp.nan, jnp.float32)

    def unfinished(carry: tuple[Array, MemberState, Array]) -> Array:
        done, current, _ = carry
        return (done < epochs) & ~current.stopped

    def epoch(carry: tuple[Array, MemberState, Array]) -> tuple[Array, MemberState, Array]:
        done, current, rows = carry
        current, record = _one_epoch(problem, shared, split, hyper, current, steps)
        return done + 1, current, rows.at[done].set(record)

    _, state, records = jax.lax.while_loop(unfinished, epoch, (jnp.int32(0), state, records))
    return state, records


def _initial(problem: Problem, hyper: Hyper, blank: MemberState) -> MemberState:
    """Return the member at step 0: parameters drawn from its own key."""
    parameters, buffers = split_model(problem.build(jax.random.fold_in(member_key(hyper), 0), hyper))
    return blank._replace(
        parameters=parameters,
        buffers=buffers,
        optimizer=find_optimizer(problem.optimizer).direction(hyper).init(parameters),
        best_parameters=parameters,
        best_buffers=buffers,
    )


def _mix(x: Array) -> Array:
    """Return 32-bit words scrambled: a bijection in which every input bit moves every output bit.

    References:
        Wellons 2018, "Prospecting for Hash Functions" (the two-round xorshift-multiply with least bias).
    """
    x = (x ^ (x >> 16)) * jnp.uint32(0x21F0AAAD)
    x = (x ^ (x >> 15)) * jnp.uint32(0xD35A2D97)
    return x ^ (x >> 15)


def epoch_order(hyper: Hyper, epoch: Array, count: Int[Array, ""], padded: int) -> Int[Array, " padded"]:
    """Return a random order of 0..count-1, followed by padding.

    One sort of 32-bit words, random bits above and the position below: a sort of keys with values takes four
    times as long. Ties of the random bits are broken by XOR with a random mask, so that no order is preferred.
    The bits come from a hash of (seed, stream, epoch, position): nothing depends on the padding, and a shuffle
    needs no cryptographic generator (threefry took eight times as long, and a second to compile).
    """
    word = jnp.uint32(0x9E3779B9)
    for part in (hyper["seed"], hyper["stream"], epoch.astype(jnp.uint32)):
        word = _mix(word + _mix(part + word))
    position = jnp.arange(padded, dtype=jnp.uint32)
    words = _mix(_mix(position ^ word) + word)
    flip = _mix(~word)
    width = jnp.uint32(32) - jax.lax.clz(jnp.maximum(count.astype(jnp.uint32), 2) - 1)
    low = (jnp.uint32(1) << width) - 1
    packed = (words & ~low) | ((position ^ flip) & low)
    packed = jax.lax.sort(jnp.where(position < count, packed, jnp.uint32(0xFFFFFFFF)), is_stable=False)
    order = ((packed ^ flip) & low).astype(jnp.int32)
    return jnp.where(position < count, order, 0)


class _Running(NamedTuple):
    """What one step of an epoch hands to the next."""

    parameters: Any
    buffers: Any
    optimizer: Any
    loss_sum: Array
    norms: Array
    diverged_step: Array


class _Epoch(NamedTuple):
    """What is the same in all steps of an epoch: the rows in their order, their weights, the random key."""

    rows: Array
    weights: Array
    key: Array
    first_step: Array
    total_steps: Array


def _one_epoch(
    problem: Problem, shared: SharedRows, split: SplitRows, hyper: Hyper, state: MemberState, steps: Array
) -> tuple[MemberState, Array]:
    """Train one epoch, then validate and decide whether to go on."""
    epoch = _begin_epoch(problem, split, hyper, state, steps)
    start = _Running(
        state.parameters,
        state.buffers,
        state.optimizer,
        jnp.float32(0),
        jnp.zeros(len(layer_names(problem)), jnp.float32),
        state.diverged_step,
    )

    def step(j: Array, running: _Running) -> _Running:
        return _step(problem, shared, split, hyper, epoch, j, running)

    ran = jax.lax.fori_loop(0, steps, step, start)
    last = state.step + steps - 1
    diverged = jnp.where((ran.diverged_step < 0) & _too_large(ran.parameters), last, ran.diverged_step)
    train_loss = jnp.where(diverged < 0, ran.loss_sum / steps, jnp.nan)
    began_well = (diverged < 0) | (diverged > state.step)
    trained = state._replace(
        parameters=ran.parameters,
        buffers=ran.buffers,
        optimizer=ran.optimizer,
        epoch=state.epoch + 1,
        step=state.step + steps,
        diverged_step=diverged,
    )
    if split.stop_rows.shape[0]:
        loss, score = _validate(problem, shared, split, trained)
        trained, better = _decide(trained, hyper, loss, 0.0)
        trained = _keep(trained, better, trained.parameters, trained.buffers)
    else:
        loss = score = jnp.float32(jnp.nan)
        trained, _ = _decide(trained, hyper, train_loss, hyper["tol"])
        trained = _keep(trained, began_well, state.parameters, state.buffers)
    if problem.objective == "perceptron":
        trained = trained._replace(stopped=trained.stopped | (train_loss == 0.0))
    return trained, jnp.concatenate([jnp.stack([train_loss, loss, score]), ran.norms])


def _begin_epoch(
    problem: Problem, split: SplitRows, hyper: Hyper, state: MemberState, steps: Array
) -> _Epoch:
    """Return the rows in this epoch's order, with their weights over the fold's mean weight."""
    padded = split.train_rows.shape[0]
    if problem.shuffle:
        order = epoch_order(hyper, state.epoch, split.train_count, padded)
    else:
        order = jnp.arange(padded)
    real = jnp.arange(padded) < split.train_count
    mean_weight = jnp.sum(split.train_weight) / split.train_count
    weights = jnp.where(real, split.train_weight[order], 0.0) / mean_weight
    tail = (0, problem.batch_size)
    return _Epoch(
        rows=jnp.pad(split.train_rows[order], tail),
        weights=jnp.pad(weights, tail),
        key=jax.random.fold_in(jax.random.fold_in(member_key(hyper), 1), state.epoch),
        first_step=state.step,
        total_steps=jnp.maximum(hyper["epochs"].astype(jnp.float32) * steps, 1.0),
    )


def _step(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    hyper: Hyper,
    epoch: _Epoch,
    j: Array,
    running: _Running,
) -> _Running:
    """Make step j of an epoch; a member whose loss leaves the finite numbers stays where it is."""
    batch = problem.batch_size
    index = jax.lax.dynamic_slice(epoch.rows, (j * batch,), (batch,))
    count = jnp.minimum(split.train_count - j * batch, batch)
    mask = (jnp.arange(batch) < count).astype(jnp.float32)
    # Divided by the batch's rows, of weights with mean 1: with equal weights the loss is the mean, and in
    # general its expectation over batches is the weighted mean of the whole fold.
    weight = jax.lax.dynamic_slice(epoch.weights, (j * batch,), (batch,)) / count.astype(jnp.float32)
    x = encode(shared.rows[index], split, problem.missing)
    target = encode_target(shared.targets[index], split, problem.classes)
    context = nn.Context(key=jax.random.fold_in(epoch.key, j), training=True, mask=mask)
    loss, buffers, gradient = _gradient(
        problem, hyper, running.parameters, running.buffers, x, target, weight, context
    )
    done = epoch.first_step + j
    alive = (running.diverged_step < 0) & jnp.isfinite(loss)
    progress = done.astype(jnp.float32) / epoch.total_steps
    parameters, optimizer = _update(
        problem, hyper, running.parameters, running.optimizer, gradient, progress, alive
    )
    return _Running(
        parameters=parameters,
        buffers=_select(alive, buffers, running.buffers),
        optimizer=optimizer,
        loss_sum=running.loss_sum + jnp.where(alive, loss, 0.0),
        norms=jax.lax.cond(
            j == 0, lambda g, n: _layer_norms(problem, g), lambda g, n: n, gradient, running.norms
        ),
        diverged_step=jnp.where((running.diverged_step < 0) & ~alive, done, running.diverged_step),
    )


def _too_large(parameters: Any) -> Array:
    """Return whether a parameter is so large that outputs would overflow, though the last loss was finite."""
    sizes = [jnp.max(jnp.abs(leaf), initial=0.0) for leaf in jax.tree.leaves(parameters)]
    return jnp.max(jnp.stack(sizes)) > _TOO_LARGE


def _layer_norms(problem: Problem, gradient: Any) -> Array:
    """Return the norm of each layer's gradient."""
    layers = problem.layers(gradient).values()
    return jnp.sqrt(jnp.stack([sum(jnp.sum(a * a) for a in leaves) for leaves in layers]))


def _gradient(
    problem: Problem,
    hyper: Hyper,
    parameters: Any,
    buffers: Any,
    x: Array,
    target: Array,
    weight: Array,
    context: nn.Context,
) -> tuple[Array, Any, Any]:
    """Return the batch's loss (the weighted sum of its rows' losses), the new buffers and the gradient."""
    objective = find_objective(problem.objective)

    def loss_of(p: Any) -> tuple[Array, Any]:
        outputs, model = assemble(problem, p, buffers)(x, context)
        losses = objective(outputs, target, hyper["label_smoothing"])
        return jnp.sum(jnp.where(weight > 0, losses, 0.0) * weight), split_model(model)[1]

    (loss, new_buffers), gradient = jax.value_and_grad(loss_of, has_aux=True)(parameters)
    return loss, new_buffers, gradient


def _update(
    problem: Problem,
    hyper: Hyper,
    parameters: Any,
    optimizer_state: Any,
    gradient: Any,
    progress: Array,
    alive: Array,
) -> tuple[Any, Any]:
    """Return parameters and optimizer state after one step; nothing moves once the member has diverged.

    Weight decay and L1 act on weights (arrays of two dimensions or more), not on biases or scales.
    """
    optimizer = find_optimizer(problem.optimizer)
    rate = hyper["learning_rate"] * find_schedule(problem.schedule)(progress)

    def penalised(g: Array, p: Array) -> Array:
        if p.ndim < 2:
            return g
        decay = 0.0 if optimizer.decoupled_decay else hyper["weight_decay"]
        return g + decay * p + hyper["l1"] * jnp.sign(p)

    def moved(p: Array, d: Array) -> Array:
        if optimizer.decoupled_decay and p.ndim >= 2:
            d = d + hyper["weight_decay"] * p
        new = jnp.clip(p - rate * d, -_LARGEST, _LARGEST)
        return jnp.where(alive & ~jnp.isnan(new), new, p)

    direction, new_state = optimizer.direction(hyper).update(
        jax.tree.map(penalised, gradient, parameters), optimizer_state, parameters
    )
    return jax.tree.map(moved, parameters, direction), new_state


def _validate(
    problem: Problem, shared: SharedRows, split: SplitRows, state: MemberState
) -> tuple[Array, Array]:
    """Return the weighted mean loss and score (accuracy, or minus the squared error) of the stopping rows."""
    block = min(_VALIDATION_BLOCK, split.stop_rows.shape[0])
    index = jnp.pad(split.stop_rows, (0, block))
    weights = jnp.pad(split.stop_weight, (0, block))
    model = assemble(problem, state.parameters, state.buffers)
    objective = find_objective(problem.objective)

    def add(j: Array, sums: Array) -> Array:
        rows = jax.lax.dynamic_slice(index, (j * block,), (block,))
        weight = jax.lax.dynamic_slice(weights, (j * block,), (block,))
        outputs, _ = model(encode(shared.rows[rows], split, problem.missing), nn.inference())
        target = encode_target(shared.targets[rows], split, problem.classes)
        losses = objective(outputs, target, 0.0)
        if problem.classes:
            scores = (jnp.argmax(outputs, axis=-1) == target).astype(jnp.float32)
        else:
            scores = -jnp.mean((outputs - target) ** 2, axis=-1)
        return sums + jnp.stack([jnp.sum(jnp.where(weight > 0, v, 0.0) * weight) for v in (losses, scores)])

    blocks = (split.stop_count + block - 1) // block
    sums = jax.lax.fori_loop(0, blocks, add, jnp.zeros(2, jnp.float32))
    mean = sums / jnp.sum(split.stop_weight)
    return mean[0], mean[1]


def _decide(
    state: MemberState, hyper: Hyper, loss: Array, margin: Array | float
) -> tuple[MemberState, Array]:
    """Count the epochs without a loss that is better by `margin`, and stop where it is time.

    Returns the state and whether this epoch was better; a loss that is NaN never is. A member that diverged
    stops at once.
    """
    better = loss < state.best_loss - margin
    waited = jnp.where(better, 0, state.waited + 1)
    over = (waited >= hyper["patience"].astype(jnp.int32)) | (
        state.epoch >= hyper["epochs"].astype(jnp.int32)
    )
    decided = state._replace(
        best_loss=jnp.where(better, loss, state.best_loss),
        best_epoch=jnp.where(better, state.epoch, state.best_epoch),
        waited=waited,
        stopped=over | (state.diverged_step >= 0),
    )
    return decided, better


def _keep(state: MemberState, condition: Array, parameters: Any, buffers: Any) -> MemberState:
    """Return the state with these parameters to fall back to, where the condition holds."""
    return state._replace(
        best_parameters=_select(condition, parameters, state.best_parameters),
        best_buffers=_select(condition, buffers, state.best_buffers),
    )


def _select(condition: Array, yes: Any, no: Any) -> Any:
    """Return `yes` where the condition holds, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
