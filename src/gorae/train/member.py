"""The training program of ONE member: epochs of steps, validation, early stopping, divergence.

Written for one member and lifted by the task: on a CPU each worker runs it member by member (measured: faster
than stacking, and a member is then bitwise what it would have been alone), on GPU and TPU it is vmapped over
a chunk.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from gorae.backend import own_numerics
from gorae.train.optimizers import find_optimizer
from gorae.train.problem import (
    Problem,
    SharedRows,
    SplitRows,
    layer_names,
    member_key,
    parameter_shapes,
    split_model,
)
from gorae.train.step import Hyper, Running, begin_epoch, take_step
from gorae.train.validation import validate

SEGMENT_EPOCHS = 64
"""The most epochs that one call of the program trains; the host hears of each of them afterwards."""

RECORD = ("train_loss", "validation_loss", "validation_score")
"""What is recorded an epoch, before the gradient norm of each layer."""

TOO_LARGE = 1e15


class MemberState(NamedTuple):
    """All that a member is between two calls of the program.

    What the program leaves of a member that diverged may not be finite until `put_back` has seen it.

    `best_*` are the parameters and buffers to fall back to, and the epoch (from 1; 0: as they were drawn)
    that they are of: with early stopping the best epoch's, without those of the last start of an epoch that
    gave a finite loss. `best_loss` is what `waited` epochs have not improved upon.
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


_ANY: Any = {"momentum": np.float32(0)}
"""What an optimizer of any member reads; of JAX it would be compiled for."""


@lru_cache(maxsize=256)
def state_shapes(problem: Problem) -> tuple[Any, ...]:
    """Return the shapes of a member's parameters, buffers, optimizer, best parameters and best buffers.

    Nothing is allocated, so that the planner can refuse what is too large.
    """
    parameters, buffers = parameter_shapes(problem)
    with own_numerics():
        direction = find_optimizer(problem.optimizer).direction(_ANY)
        optimizer = jax.eval_shape(direction.init, parameters)
    return parameters, buffers, optimizer, parameters, buffers


@lru_cache(maxsize=256)
def blank_state(problem: Problem) -> MemberState:
    """Return the state of a member before it has parameters: zeros, of which optimizers start too."""
    zeros = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), state_shapes(problem))
    nothing = np.int32(0)
    return MemberState(
        *zeros,
        best_loss=np.float32(np.inf),
        best_epoch=nothing,
        waited=nothing,
        epoch=nothing,
        step=nothing,
        diverged_step=np.int32(-1),
        stopped=np.bool_(False),
    )


def draw_model(problem: Problem, hyper: Hyper) -> tuple[Any, Any]:
    """Return the parameters and buffers a member starts from, drawn from its own key.

    It is a program of its own: the many sizes of data and kinds of training then need not compile it again,
    and a member starts from the same bits alone and in a stack.
    """
    return split_model(problem.build(jax.random.fold_in(member_key(hyper), 0), hyper))


def train_segment(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    hyper: Hyper,
    state: MemberState,
    epochs: Int[Array, ""],
    steps: Int[Array, ""],
) -> tuple[MemberState, Float[Array, "segment records"]]:
    """Train one member for up to `epochs` more epochs.

    Args:
        problem: the static part.
        shared: rows and targets that all members read.
        split: the member's fold, as `problem.as_read` gives it.
        hyper: the member's numbers.
        state: where it stands.
        epochs: how many epochs, at most `SEGMENT_EPOCHS`.
        steps: steps an epoch, ceil(train_count / batch_size); the same for all members of a chunk.

    Returns:
        The new state, for `put_back`, and a row of records for each epoch that was trained.
    """
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


def put_back(state: MemberState) -> MemberState:
    """Return members, one or a stack of them, with those that diverged at the best that they have been.

    Their optimizers start again at zeros. It is done on the host, when it happens: in the program it would be
    an operation for every array, to be compiled for all and needed by few.
    """
    diverged = np.asarray(state.diverged_step) >= 0
    if not diverged.any():
        return state

    def chosen(best: Any, last: Any) -> Any:
        return jax.tree.map(
            lambda a, b: np.where(diverged.reshape(diverged.shape + (1,) * (a.ndim - diverged.ndim)), a, b),
            best,
            last,
        )

    return state._replace(
        parameters=chosen(state.best_parameters, state.parameters),
        buffers=chosen(state.best_buffers, state.buffers),
        optimizer=chosen(jax.tree.map(np.zeros_like, state.optimizer), state.optimizer),
    )


def _one_epoch(
    problem: Problem, shared: SharedRows, split: SplitRows, hyper: Hyper, before: MemberState, steps: Array
) -> tuple[MemberState, Array]:
    """Train one epoch, then validate, and decide whether to go on."""
    epoch = begin_epoch(problem, shared, split, hyper, before.epoch, before.step, steps)
    ran = jax.lax.fori_loop(
        0,
        steps,
        lambda j, running: take_step(problem, shared, split, hyper, epoch, j, running),
        at_rest(problem, before),
    )
    return end_epoch(problem, shared, split, hyper, before, ran, steps)


def at_rest(problem: Problem, state: MemberState) -> Running:
    """Return a member before the first step of an epoch."""
    nothing = jnp.zeros(len(layer_names(problem)), jnp.float32)
    start = state.parameters, state.buffers, state.optimizer
    return Running(*start, jnp.float32(0), nothing, state.diverged_step)


def end_epoch(
    problem: Problem,
    shared: SharedRows,
    split: SplitRows,
    hyper: Hyper,
    before: MemberState,
    ran: Running,
    steps: Int[Array, ""],
) -> tuple[MemberState, Float[Array, " records"]]:
    """Return a member after the steps of an epoch, validated, and the epoch's record.

    A member that diverged stops as it is.
    """
    began_well = (ran.diverged_step < 0) | (ran.diverged_step > before.step)
    escaped = (ran.diverged_step < 0) & _too_large(ran.parameters)
    diverged_step = jnp.where(escaped, before.step + steps - 1, ran.diverged_step)
    diverged = diverged_step >= 0
    nothing = jnp.float32(jnp.nan)
    train_loss = jnp.where(diverged, nothing, ran.loss_sum / split.train_count)
    loss = score = nothing
    after = before._replace(epoch=before.epoch + 1, step=before.step + steps, diverged_step=diverged_step)
    if split.stop_rows.shape[0]:
        measured = validate(problem, shared, split, hyper, ran.parameters, ran.buffers)
        loss, score = (jnp.where(diverged, nothing, value) for value in measured)
        after, better = _decide(after, hyper, loss, 0.0)
        after = _keep(after, better, ran.parameters, ran.buffers, after.epoch)
    else:
        after, _ = _decide(after, hyper, train_loss, hyper["tol"])
        after = _keep(after, began_well, before.parameters, before.buffers, before.epoch)
    after = after._replace(parameters=ran.parameters, buffers=ran.buffers, optimizer=ran.optimizer)
    if problem.objective == "perceptron":  # its loss is 0 if and only if no unit answered wrongly
        after = after._replace(stopped=after.stopped | (train_loss == 0.0))
    return after, jnp.concatenate([jnp.stack([train_loss, loss, score]), ran.norms])


def _too_large(parameters: Any) -> Bool[Array, ""]:
    """Return whether a parameter is NaN, or so large that outputs may overflow, though the losses did not."""
    sizes = [jnp.max(jnp.abs(leaf), initial=0.0) for leaf in jax.tree.leaves(parameters)]
    return ~(jnp.max(jnp.stack(sizes)) <= TOO_LARGE)


def _decide(
    state: MemberState, hyper: Hyper, loss: Float[Array, ""], margin: Float[Array, ""] | float
) -> tuple[MemberState, Bool[Array, ""]]:
    """Count the epochs without a loss that is better by `margin`, and stop where it is time.

    Returns the state and whether this epoch was better; a loss that is NaN never is. A member that diverged
    stops at once.
    """
    better = loss < state.best_loss - margin
    waited = jnp.where(better, 0, state.waited + 1)
    over = (waited.astype(jnp.uint32) >= hyper["patience"]) | (
        state.epoch.astype(jnp.uint32) >= hyper["epochs"]
    )
    decided = state._replace(
        best_loss=jnp.where(better, loss, state.best_loss),
        waited=waited,
        stopped=over | (state.diverged_step >= 0),
    )
    return decided, better


def _keep(
    state: MemberState, condition: Bool[Array, ""], parameters: Any, buffers: Any, epoch: Int[Array, ""]
) -> MemberState:
    """Return the state with these parameters, of this epoch, to fall back to, where the condition holds."""
    return state._replace(
        best_parameters=_select(condition, parameters, state.best_parameters),
        best_buffers=_select(condition, buffers, state.best_buffers),
        best_epoch=jnp.where(condition, epoch, state.best_epoch),
    )


def _select(condition: Bool[Array, ""], yes: Any, no: Any) -> Any:
    """Return `yes` where the condition holds, leaf by leaf."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
