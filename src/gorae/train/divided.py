"""One member alone, whose steps are divided over the cores: each takes a part of a batch's rows.

A population fills the cores with members; a network that is trained alone would leave all but one idle. XLA
spreads the inside of a product over them, which is too little work at a time where products are small. So the
host makes the steps: a thread a core computes what its part of the batch adds to the gradient, then one of
them adds up and moves the parameters. Draws and mathematics are those of the whole batch; a sum over rows is
put together from parts, so that the last bit may differ from the same member's in a population.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gorae.backend import Device, compiled, own_numerics
from gorae.train.member import RECORD, SEGMENT_EPOCHS, MemberState, at_rest, end_epoch
from gorae.train.problem import Problem, SharedRows, SplitRows, layer_names
from gorae.train.step import Epoch, Hyper, Running, begin_epoch, follow, part_gradient

Program = Callable[..., Any]
Given = tuple[SharedRows, SplitRows, Mapping[str, Any], MemberState, Any]
"""Rows, fold, numbers, state, and steps an epoch; arrays or only their shapes."""


class Programs(NamedTuple):
    """What an epoch is made of, and into how many equal parts a batch is cut, each for a thread."""

    begin: Program
    gradient: Program
    move: Program
    end: Program
    parts: int


def train_divided(
    problem: Problem, programs: Programs, device: Device, given: Given, state: MemberState, epochs: int
) -> tuple[MemberState, np.ndarray]:
    """Train one member for up to `epochs` more epochs, as `train_segment` does.

    Args:
        problem: the static part.
        programs: what `divided_programs` gives.
        device: where.
        given: what is trained; its state does not count.
        state: where it stands.
        epochs: how many, at most `SEGMENT_EPOCHS`.

    Returns:
        The new state, for `put_back`, and a row of records for each epoch that was trained.
    """
    shared, split, _, _, steps = given
    with own_numerics():
        hyper = jax.device_put(given[2], device)
        places = [jax.device_put(np.int32(part), device) for part in range(programs.parts)]
    records = np.full((SEGMENT_EPOCHS, len(RECORD) + len(layer_names(problem))), np.nan, np.float32)
    done = 0
    with ThreadPoolExecutor(programs.parts - 1, "gorae-part") as hands:
        while done < epochs and not bool(state.stopped):
            epoch, running = programs.begin(shared, split, hyper, state, steps)
            for j in range(int(steps)):
                step = np.int32(j)
                one = partial(
                    programs.gradient, shared, split, hyper, epoch, step, running.parameters, running.buffers
                )
                others = [hands.submit(one, place) for place in places[1:]]
                found = [one(places[0]), *[other.result() for other in others]]
                jax.block_until_ready(running.loss_sum)  # calls return before they are done: no step ahead
                running = programs.move(split, hyper, epoch, step, running, found)
            state, records[done] = programs.end(shared, split, hyper, state, running, steps)
            done += 1
    return state, records


def compile_gradient(problem: Problem, parts: int, device: Device, given: Given) -> Program:
    """Return the program that takes longest to compile."""
    shared, split, hyper, state, _ = given
    epoch, _ = _begun(problem, given)

    arguments = (shared, split, hyper, epoch, np.int32(0), state.parameters, state.buffers, np.int32(0))
    function = partial(part_gradient, problem, parts=parts)
    return compiled(function, ("part", problem, parts), arguments, device)


def _begun(problem: Problem, given: Given) -> tuple[Epoch, Running]:
    """Return the shapes of an epoch and of a member before its first step."""
    leaves, structure = jax.tree.flatten(given)
    return _begun_with(problem, structure, tuple((np.shape(leaf), leaf.dtype) for leaf in leaves))


@lru_cache(maxsize=64)
def _begun_with(problem: Problem, structure: Any, shapes: tuple[Any, ...]) -> tuple[Epoch, Running]:
    """Return the same, given the shapes alone: tracing takes longer than a step."""
    given = jax.tree.unflatten(structure, [jax.ShapeDtypeStruct(*shape) for shape in shapes])
    with own_numerics():
        return jax.eval_shape(partial(_begin, problem), *given)


def divided_programs(problem: Problem, parts: int, device: Device, given: Given) -> Programs:
    """Return the programs for what is given."""
    shared, split, hyper, state, steps = given
    epoch, running = _begun(problem, given)
    found = [(jax.ShapeDtypeStruct((), jnp.float32), running.parameters)] * parts

    def made(name: str, function: Program, *arguments: Any) -> Program:
        return compiled(partial(function, problem), (name, problem, parts), arguments, device)

    return Programs(
        begin=made("begin", _begin, *given),
        move=made("move", _move, split, hyper, epoch, np.int32(0), running, found),
        end=made("end", end_epoch, shared, split, hyper, state, running, steps),
        gradient=compile_gradient(problem, parts, device, given),
        parts=parts,
    )


def _begin(
    problem: Problem, shared: SharedRows, split: SplitRows, hyper: Hyper, state: MemberState, steps: Any
) -> tuple[Epoch, Running]:
    """Return the epoch's order, and the member before its first step."""
    epoch = begin_epoch(problem, shared, split, hyper, state.epoch, state.step, steps)
    return epoch, at_rest(problem, state)


def _move(
    problem: Problem, split: SplitRows, hyper: Hyper, epoch: Epoch, j: Any, running: Running, found: Any
) -> Running:
    """Return the member after step j, by the losses and gradients of the batch's parts."""
    loss, gradient = jax.tree.map(lambda *parts: sum(parts[1:], start=parts[0]), *found)
    return follow(problem, split, hyper, epoch, j, running, loss, gradient)
