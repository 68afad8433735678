"""Going on from an earlier fit: warm starts and partial fits."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gorae import nn
from gorae.errors import ParameterError
from gorae.estimators.learned import Learned
from gorae.estimators.parameters import LARGEST_COUNT
from gorae.estimators.population import Recipe
from gorae.train import MemberResult
from gorae.train.member import MemberState, blank_state


class Job(NamedTuple):
    """One member to train: its stream of random numbers, its recipe, and what it was before, if anything."""

    stream: int
    recipe: Recipe
    earlier: MemberResult | None


def members_to_train(earlier: Learned | None, members: int, recipe: Recipe, *, epochs: int) -> Sequence[Job]:
    """Return who is to be trained: each for `epochs` more epochs than it has.

    Streams that the earlier fit has no member of begin anew: it was interrupted, or had fewer.

    Args:
        earlier: what an earlier fit has left, or None.
        members: how many members there shall be.
        recipe: what the parameters ask of the engine.
        epochs: how many more.
    """
    known = dict(zip(earlier.streams, earlier.members, strict=True)) if earlier is not None else {}
    jobs = []
    for stream in range(members):
        result = known.get(stream)
        total = min(epochs + (result.epochs if result is not None else 0), LARGEST_COUNT)
        jobs.append(Job(stream, replace(recipe, hyper={**recipe.hyper, "epochs": total}), result))
    return jobs


def state_to_go_on(earlier: MemberResult | None, recipe: Recipe) -> MemberState | None:
    """Return the state that a member goes on from, or None where it begins.

    The state that was kept, as if training had not stopped. Where none was kept, or the optimizer is another
    now, or the member had diverged, it is made of the parameters, and the optimizer begins anew (all of
    gorae's begin with zeros).
    """
    if earlier is None:
        return None
    state, blank = earlier.state, blank_state(recipe.problem)
    if state is None or earlier.diverged or not _alike(state, blank):
        state = blank._replace(
            parameters=earlier.parameters,
            buffers=earlier.buffers,
            best_parameters=earlier.parameters,
            best_buffers=earlier.buffers,
            epoch=np.int32(earlier.epochs),
            step=np.int32(earlier.steps),
        )
    return state._replace(
        buffers=_with_dropout(state.buffers, recipe.hyper.get("dropout", 0.0)),
        stopped=np.bool_(False),
        waited=np.int32(0),
    )


def check_same_shape(before: Any, now: Any) -> None:
    """Refuse to go on with networks of another structure.

    Raises:
        ParameterError: naming what has changed.
    """
    if before != now:
        old, new = asdict(before), asdict(now)
        changed = [
            f"{name} was {old.get(name)!r} and is {new[name]!r} now"
            for name in new
            if old.get(name) != new[name]
        ]
        raise ParameterError(
            f"going on from an earlier fit needs the same network, but {' and '.join(changed)}; keep what "
            "was, or begin anew: fit with warm_start=False."
        )


def check_same_levels(before: Sequence[float], now: Sequence[float]) -> None:
    """Refuse to go on with outputs that were quantiles of other levels.

    Raises:
        ParameterError: naming both.
    """
    if tuple(before) != tuple(now):
        raise ParameterError(
            f"going on from an earlier fit needs the same levels, but they were {tuple(before)} and are "
            f"{tuple(now)} now; keep what was, or begin anew: fit with warm_start=False."
        )


def _with_dropout(buffers: Any, rate: float) -> Any:
    """Return buffers whose dropout layers have the rate that is asked for now."""

    def changed(layer: Any) -> Any:
        if not isinstance(layer, nn.Dropout):
            return layer
        return replace(layer, rate=nn.Buffer(jnp.float32(rate)))

    return jax.tree.map(changed, buffers, is_leaf=lambda layer: isinstance(layer, nn.Dropout))


def _alike(one: Any, other: Any) -> bool:
    """Return whether two trees hold arrays of the same shapes at the same places."""
    if jax.tree.structure(one) != jax.tree.structure(other):
        return False
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.shape(a) == np.shape(b) for a, b in pairs)
