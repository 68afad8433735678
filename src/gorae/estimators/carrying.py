"""Fits that are under way: as arrays for a file, what they cost, and going on from another's members."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np

from gorae.errors import ParameterError
from gorae.estimators.preparation import Fit, ReadyFit, prepared_fits
from gorae.estimators.together import Together
from gorae.train import MemberResult, Problem, as_result, member_arrays, member_from_arrays
from gorae.train.problem import parameter_shapes


class Cost(NamedTuple):
    """What a training takes: epochs of all members, and floating-point operations."""

    epochs: int
    flops: float


def planned_cost(together: Together, place: int, until: int | None = None) -> Cost:
    """Return what a fit takes at most to train further: to its end, or until so many epochs.

    A fit that was refused costs nothing.
    """
    if place not in together.ready:
        return Cost(0, 0.0)
    ready = together.ready[place]
    epochs = int(ready.recipe.hyper["epochs"])
    upto = epochs if until is None else min(until, epochs)
    done = [member.epochs for member in together.members.get(place, [])] or [0] * ready.members
    return _cost(ready, sum(max(0, upto - each) for each in done))


def spent_cost(together: Together, place: int) -> Cost:
    """Return what a fit has taken so far."""
    if place not in together.ready:
        return Cost(0, 0.0)
    members = together.members.get(place, [])
    return _cost(together.ready[place], sum(member.epochs for member in members))


def _cost(ready: ReadyFit, epochs: int) -> Cost:
    r"""Return the cost of epochs: a product with a weight matrix is 2 operations a weight and use, thrice.

    Forward, for the gradient of the rows, and for that of the weights. What is not a product is not counted,
    nor are the units of zeros that a program for wider layers adds.
    """
    work = ready.recipe.problem.row_work or _weights(ready.recipe.problem)
    return Cost(epochs, 6.0 * work * int(ready.split.train_count) * epochs)


@lru_cache(maxsize=256)
def _weights(problem: Problem) -> int:
    """Return the number of a network's weights, biases apart."""
    shapes = jax.tree.leaves(parameter_shapes(problem)[0])
    return sum(int(np.prod(leaf.shape)) for leaf in shapes if len(leaf.shape) > 1)


def kept_bytes(together: Together, place: int) -> int:
    """Return the bytes that the members of a fit hold."""
    return sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(together.members.get(place, [])))


def fit_arrays(together: Together, place: int) -> dict[str, np.ndarray]:
    """Return a fit that has paused as named arrays, for a file; none where it was not trained."""
    arrays: dict[str, np.ndarray] = {}
    for number, member in enumerate(together.members.get(place, [])):
        records = np.column_stack(list(member.history)).astype(np.float32)
        arrays |= {f"{number}/{key}": part for key, part in member_arrays(member.state, records).items()}
    return arrays


def set_fit_arrays(together: Together, place: int, arrays: Mapping[str, np.ndarray]) -> None:
    """Put a fit where `fit_arrays` has left it; where the arrays are not its own, it begins anew."""
    if place not in together.ready:
        return
    ready = together.ready[place]
    early_stopping = ready.split.stop_rows.shape[-1] > 0
    members: list[MemberResult] = []
    for number in range(ready.members):
        own = {
            key.removeprefix(f"{number}/"): part
            for key, part in arrays.items()
            if key.startswith(f"{number}/")
        }
        found = member_from_arrays(ready.recipe.problem, own)
        if found is None:
            return
        members.append(as_result(*found, early_stopping=early_stopping, keep_state=True))
    together.members[place] = members


def follow(together: Together, place: int, fit: Fit, winner: int) -> None:
    """Replace a fit by another one that goes on from where the members of a third stand.

    Args:
        together: fits that have paused.
        place: of the fit that is replaced.
        fit: what takes its place: the same rows, numbers of its own.
        winner: the place of the fit whose members it goes on from.

    Raises:
        ParameterError: when the new fit cannot go on from them: its network or its training is another.
    """
    ready, (refused,) = prepared_fits([fit], together.data)
    if refused is not None:
        raise refused
    new, old = ready[0], together.ready[winner]
    recipe = replace(new.recipe, wide=old.recipe.wide)
    same = replace(new, recipe=recipe, split=old.split, rows=old.rows, shared=old.shared, given=old.given)
    structure = new.recipe.problem == old.recipe.problem and same.program == old.program
    if not structure or new.members != old.members or new.seed != old.seed:
        raise ParameterError(
            "a network can go on with other numbers only (learning_rate, weight_decay, l1, momentum, "
            "dropout, label_smoothing), not with another structure, optimizer or batch_size."
        )
    together.ready[place] = same
    together.members[place] = [member._replace() for member in together.members[winner]]


__all__ = [
    "Cost",
    "fit_arrays",
    "follow",
    "kept_bytes",
    "planned_cost",
    "set_fit_arrays",
    "spent_cost",
]
