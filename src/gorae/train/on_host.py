"""Epochs of small dense networks by NumPy: nothing is compiled, so that a short training is over at once.

What is computed is what the compiled program computes, but for rounding: the same orders of rows, losses,
optimizers, penalties, stopping and records. The derivatives here are by hand (`host_network`), those of the
program are JAX's; tests hold them against each other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float32, Int

from gorae.train.host_network import (
    ACTIVATIONS,
    Room,
    Rows,
    backward,
    forward,
    layered,
    losses,
    slope_of_loss,
    widths,
)
from gorae.train.host_optimizers import mover
from gorae.train.member import RECORD, SEGMENT_EPOCHS, TOO_LARGE, MemberState
from gorae.train.order import orders_on_host
from gorae.train.problem import Problem, SharedRows, SplitRows, layer_names
from gorae.train.validation import VALIDATION_BLOCK


class HostRows(NamedTuple):
    """What the members of a task read, gathered: encoded rows with a 1 behind them, targets and weights.

    `x` `(splits, rows, inputs + 1)` and `target` `(splits, rows, outputs)` hold the training rows of each
    split in their order, `weight` `(splits, rows)`; `stop_*` are the same of the stopping rows. `split` says
    which is each member's. Targets of classes are rows of the unit matrix.
    """

    split: Int[np.ndarray, " members"]
    x: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    stop_x: np.ndarray
    stop_target: np.ndarray
    stop_weight: np.ndarray


@dataclass
class Stack:
    """Members at work: parameters, moments of the optimizer and the best parameters, a row a member.

    `count` are the steps of Adam; `told` is what else is known of them; batches are computed in `rooms`.
    """

    parameters: Float32[np.ndarray, "members numbers"]
    moments: list[Float32[np.ndarray, "members numbers"]]
    best: Float32[np.ndarray, "members numbers"]
    count: Int[np.ndarray, " members"]
    told: dict[str, np.ndarray]
    rooms: dict[int, Room] = field(default_factory=dict)


Numbers = Mapping[str, np.ndarray]
"""The members' numbers, or what has become of them, an array of one entry a member each."""


def host_rows(
    problem: Problem, shared: SharedRows, splits: Sequence[SplitRows], which: Sequence[int]
) -> HostRows:
    """Return what members read.

    Args:
        problem: theirs.
        shared: rows and targets, on the host.
        splits: all splits; those of these members have equally many rows.
        which: the split of each member.
    """
    own = sorted(set(which))
    place = {split: number for number, split in enumerate(own)}
    with np.errstate(all="ignore"):
        read = [_gathered(problem, shared, splits[number]) for number in own]
    x, target, weight, stop_x, stop_target, stop_weight = (np.stack(part) for part in zip(*read, strict=True))
    which_of = np.array([place[split] for split in which])
    return HostRows(which_of, x, target, weight, stop_x, stop_target, stop_weight)


def train_on_host(
    problem: Problem, rows: HostRows, hyper: Numbers, state: MemberState, epochs: int
) -> tuple[MemberState, Float32[np.ndarray, "members segment records"]]:
    """Train a stack of members for up to `epochs` more epochs, as `train_segment` does one.

    Args:
        problem: theirs, which tells the activation (`Problem.on_host`).
        rows: what they read.
        hyper: their numbers.
        state: where they stand, a leading axis of members everywhere.
        epochs: how many epochs, at most `SEGMENT_EPOCHS`.

    Returns:
        The new state, for `put_back`, and a row of records for each epoch of each member.
    """
    stack = _taken_apart(problem, state)
    named = len(RECORD) + len(layer_names(problem))
    records = np.full((len(stack.parameters), SEGMENT_EPOCHS, named), np.nan, np.float32)
    which = np.arange(len(stack.parameters))
    own, own_rows, numbers = stack, rows, hyper
    with np.errstate(all="ignore"):
        for done in range(epochs):
            if own.told["stopped"].any():
                going = np.flatnonzero(~own.told["stopped"])
                _put(stack, which, own)
                which = which[going]
                own, own_rows = _part(own, going), own_rows._replace(split=own_rows.split[going])
                numbers = {name: values[going] for name, values in numbers.items()}
            if not len(which):
                break
            records[which, done] = _epoch(problem, own_rows, numbers, own)
    _put(stack, which, own)
    return _put_together(problem, state, stack), records


def outputs_on_host(
    problem: Problem, parameters: Any, x: Float32[np.ndarray, "rows inputs"], part: str
) -> Float32[np.ndarray, "rows numbers"]:
    """Return what one member answers for encoded rows: "outputs", "features" or "hidden", as in `predict`."""
    leaves = jax.tree.leaves(parameters)
    hidden, function = [], ACTIVATIONS[problem.on_host].value
    for weight, bias in zip(leaves[:-2:2], leaves[1:-2:2], strict=True):
        x = x @ np.asarray(weight) + np.asarray(bias)
        function(x, np.zeros_like(x))
        hidden.append(x)
    if part == "hidden":
        return np.concatenate(hidden, axis=1)
    return x if part == "features" else x @ np.asarray(leaves[-2]) + np.asarray(leaves[-1])


def encoded_on_host(rows: np.ndarray, split: SplitRows, missing: bool) -> Float32[np.ndarray, "rows inputs"]:
    """Return stored rows as the model reads them: `problem.encode` by NumPy, of rows that are no tokens."""
    x = rows.astype(np.float32)
    if missing:
        x = np.where(np.isnan(x), split.fill, x)
    return (x - split.shift) * split.scale


def _gathered(problem: Problem, shared: SharedRows, split: SplitRows) -> tuple[np.ndarray, ...]:
    """Return a split's rows to learn from, their targets and weights, and the same of those to stop on."""
    count, stops = int(split.train_count), int(split.stop_count)
    found: list[np.ndarray] = []
    for which, weight in (
        (split.train_rows[:count], split.train_weight[:count]),
        (split.stop_rows[:stops], split.stop_weight[:stops]),
    ):
        x = encoded_on_host(shared.rows[which], split, problem.missing)
        targets = shared.targets[which]
        if problem.classes:
            wanted = np.eye(widths(problem)[-1], dtype=np.float32)[targets]
        else:
            wanted = ((targets - split.target_shift) * split.target_scale).astype(np.float32)
        found += [np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1), wanted, weight]
    return tuple(found)


def _epoch(
    problem: Problem, rows: HostRows, hyper: Numbers, stack: Stack
) -> Float32[np.ndarray, "members records"]:
    """Train members for an epoch, validate them, decide who goes on; return their records."""
    count, told = rows.x.shape[1], stack.told
    steps = -(-count // problem.batch_size)
    before = None if rows.stop_x.shape[1] else stack.parameters.copy()
    loss_sums, norms = _steps(problem, rows, hyper, stack)
    bad = ~np.isfinite(loss_sums)
    first_bad = np.where(bad.any(axis=1), told["step"] + np.argmax(bad, axis=1), -1)
    diverged = np.where(told["diverged_step"] < 0, first_bad, told["diverged_step"])
    began_well = (diverged < 0) | (diverged > told["step"])
    escaped = (diverged < 0) & ~(np.max(np.abs(stack.parameters), axis=1) <= TOO_LARGE)
    told["diverged_step"] = np.where(escaped, told["step"] + steps - 1, diverged).astype(np.int32)
    train_loss = _of_sound(told, loss_sums.sum(axis=1) / np.float32(count))
    loss = score = np.full_like(train_loss, np.nan)
    told["epoch"] += 1
    told["step"] += steps
    if before is None:
        loss, score = (_of_sound(told, value) for value in _validated(problem, rows, stack))
        keep = _decide(told, hyper, loss, np.float32(0))
        best, epoch = stack.parameters, told["epoch"]
    else:
        _decide(told, hyper, train_loss, hyper["tol"])
        keep, best, epoch = began_well, before, told["epoch"] - 1
    stack.best[keep], told["best_epoch"][keep] = best[keep], epoch[keep]
    return np.column_stack([train_loss, loss, score, norms]).astype(np.float32)


def _of_sound(told: Numbers, values: np.ndarray) -> Float32[np.ndarray, " members"]:
    """Return values, NaN of members that diverged."""
    return np.where(told["diverged_step"] >= 0, np.float32(np.nan), values.astype(np.float32))


def _decide(
    told: dict[str, np.ndarray], hyper: Numbers, loss: np.ndarray, margin: np.ndarray | np.float32
) -> np.ndarray:
    """Count the epochs without a better loss, and stop where it is time; return who was better."""
    better = loss < told["best_loss"] - margin
    told["best_loss"] = np.where(better, loss, told["best_loss"])
    told["waited"] = np.where(better, 0, told["waited"] + 1).astype(np.int32)
    over = (told["waited"] >= hyper["patience"]) | (told["epoch"] >= hyper["epochs"])
    told["stopped"] = over | (told["diverged_step"] >= 0)
    return better


def _steps(
    problem: Problem, rows: HostRows, hyper: Numbers, stack: Stack
) -> tuple[Float32[np.ndarray, "members steps"], Float32[np.ndarray, "members layers"]]:
    """Make the steps of an epoch; return the sum of losses of each step, and the first gradient's norms."""
    members, count, size = len(stack.parameters), rows.x.shape[1], problem.batch_size
    order = orders_on_host(hyper, stack.told["epoch"], count) if problem.shuffle else np.arange(count)
    place = rows.split[:, None] * count + order
    flat_x, flat_target, flat_weight = (
        part.reshape(-1, *part.shape[2:]) for part in (rows.x, rows.target, rows.weight)
    )
    target, weight = _smoothed(problem, hyper, flat_target[place]), flat_weight[place]
    nothing = weight <= 0 if (weight <= 0).any() else None
    outputs, totals = np.empty_like(target), np.empty_like(weight)
    gradient = np.empty_like(stack.parameters)
    layers, gradients = layered(problem, stack.parameters), layered(problem, gradient)
    norms = np.zeros((members, len(layers)), np.float32)
    move = mover(problem, hyper, stack.parameters, stack.moments, stack.count, gradient)
    for first in range(0, count, size):
        last = min(first + size, count)
        here = np.s_[:, first:last]
        room = _room(problem, stack, last - first)
        np.take(flat_x, place[here], axis=0, out=room.inputs[0], mode="clip")
        forward(problem, layers, room, outputs[here])
        totals[here] = slope_of_loss(problem, outputs[here], target[here], room.slope)
        room.slope *= (weight[here] * np.float32(1 / (last - first)))[..., None]
        if nothing is not None:
            room.slope[nothing[here]] = 0
        backward(problem, layers, gradients, room)
        if first == 0:
            norms = np.stack([_norms(each) for each in gradients], axis=1)
        move()
    lost = losses(problem, outputs, target, totals) * weight
    if nothing is not None:
        lost[nothing] = 0
    return np.add.reduceat(lost, np.arange(0, count, size), axis=1), norms


def _smoothed(problem: Problem, hyper: Numbers, target: Rows) -> Rows:
    """Return targets with each member's label smoothing."""
    if not problem.classes or not hyper["label_smoothing"].any():
        return target
    smoothing = hyper["label_smoothing"][:, None, None]
    return (np.float32(1) - smoothing) * target + smoothing / np.float32(target.shape[-1])


def _norms(gradient: Rows) -> Float32[np.ndarray, " members"]:
    """Return the norm of a layer's gradient."""
    return np.sqrt((gradient * gradient).reshape(len(gradient), -1).sum(axis=1))


def _room(problem: Problem, stack: Stack, rows: int) -> Room:
    """Return where a batch of so many rows is computed; there are few sizes."""
    if rows not in stack.rooms:
        stack.rooms[rows] = Room.of(problem, len(stack.parameters), rows)
    return stack.rooms[rows]


def _validated(
    problem: Problem, rows: HostRows, stack: Stack
) -> tuple[Float32[np.ndarray, " members"], Float32[np.ndarray, " members"]]:
    """Return the weighted mean loss and score of the stopping rows, as `validate` does."""
    layers = layered(problem, stack.parameters)
    sums = np.zeros((3, len(stack.parameters)), np.float32)
    for first in range(0, rows.stop_x.shape[1], VALIDATION_BLOCK):
        x, target, weight = (
            part[:, first : first + VALIDATION_BLOCK][rows.split]
            for part in (rows.stop_x, rows.stop_target, rows.stop_weight)
        )
        room, outputs = Room.of(problem, len(x), x.shape[1]), np.empty_like(target)
        room.inputs[0][...] = x
        forward(problem, layers, room, outputs)
        if problem.classes:
            scores = (outputs.argmax(axis=-1) == target.argmax(axis=-1)).astype(np.float32)
        else:
            scores = -np.mean((outputs - target) ** 2, axis=-1)
        totals = slope_of_loss(problem, outputs, target, room.slope)
        lost = losses(problem, outputs, target, totals)
        for place, values in enumerate((lost, scores, np.ones_like(lost))):
            sums[place] += (np.where(weight > 0, values, 0) * weight).sum(axis=1)
    return sums[0] / sums[2], sums[1] / sums[2]


_SCALARS = ("best_loss", "best_epoch", "waited", "epoch", "step", "diverged_step", "stopped")


def _taken_apart(problem: Problem, state: MemberState) -> Stack:
    """Return members as they are worked at; all may be written to."""
    moments, count = [], np.zeros(len(state.epoch), np.int32)
    if problem.optimizer in ("adam", "adamw"):
        count, moments = np.array(state.optimizer.count), [state.optimizer.mu, state.optimizer.nu]
    elif problem.optimizer != "sgd":
        moments = [state.optimizer.trace]
    flat = [_flat(tree) for tree in (state.parameters, state.best_parameters, *moments)]
    told = {name: np.array(getattr(state, name)) for name in _SCALARS}
    return Stack(flat[0], flat[2:], flat[1], count, told)


def _put_together(problem: Problem, state: MemberState, stack: Stack) -> MemberState:
    """Return members as the rest of the engine knows them."""
    optimizer, like = state.optimizer, state.parameters
    if problem.optimizer in ("adam", "adamw"):
        mu, nu = (_like(like, moment) for moment in stack.moments)
        optimizer = optimizer._replace(count=stack.count, mu=mu, nu=nu)
    elif problem.optimizer != "sgd":
        optimizer = optimizer._replace(trace=_like(like, stack.moments[0]))
    return state._replace(
        parameters=_like(like, stack.parameters),
        best_parameters=_like(like, stack.best),
        optimizer=optimizer,
        **stack.told,
    )


def _part(stack: Stack, which: np.ndarray) -> Stack:
    """Return some of the members, copied."""
    told = {name: values[which] for name, values in stack.told.items()}
    moments = [moment[which] for moment in stack.moments]
    return Stack(stack.parameters[which], moments, stack.best[which], stack.count[which], told)


def _put(stack: Stack, which: np.ndarray, part: Stack) -> None:
    """Put members back that `_part` has taken."""
    if part is stack:
        return
    pairs = [(stack.parameters, part.parameters), (stack.best, part.best), (stack.count, part.count)]
    pairs += zip(stack.moments, part.moments, strict=True)
    pairs += [(stack.told[name], part.told[name]) for name in _SCALARS]
    for whole, own in pairs:
        whole[which] = own


def _flat(tree: Any) -> Float32[np.ndarray, "members numbers"]:
    """Return the arrays of a stack, weights and biases in turn, side by side."""
    return np.concatenate([np.asarray(a).reshape(len(a), -1) for a in jax.tree.leaves(tree)], axis=1)


def _like(tree: Any, flat: np.ndarray) -> Any:
    """Return flat parameters as a tree of the same structure; nothing is copied."""
    leaves, structure = jax.tree.flatten(tree)
    sizes = [math.prod(np.shape(leaf)[1:]) for leaf in leaves]
    parts = np.split(flat, np.cumsum(sizes)[:-1], axis=1)
    return structure.unflatten(
        [part.reshape(np.shape(leaf)) for part, leaf in zip(parts, leaves, strict=True)]
    )
