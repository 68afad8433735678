"""Members in programs for wider layers: units of zeros are appended, and cut off again.

`widths` says when, and why a member is then what it would have been in a program of its own, up to rounding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from gorae.backend import Device
from gorae.models.mlp import scaled_mlp
from gorae.train import Member, MemberResult, Problem
from gorae.train.member import blank_state
from gorae.train.problem import parameter_shapes
from gorae.train.task import draw_compiled


def widened(problem: Problem, hidden: Sequence[int]) -> Problem:
    """Return the problem of training networks with these widths instead of a problem's own."""
    build: Any = problem.build
    return replace(problem, build=replace(build, shape=replace(build.shape, hidden=tuple(hidden))))


@dataclass(frozen=True)
class Drawing:
    """Draws a member of one problem for the program of a wider one, from bitwise the weights it has alone.

    Unit weights are drawn for the wide network, which takes one program for all widths; the first of them
    are the member's.

    Args:
        own: the member's problem.
        wide: the program's.
    """

    own: Problem
    wide: Problem

    def __call__(self, hyper: Mapping[str, np.generic], device: Device) -> tuple[Any, Any]:
        """Return parameters and buffers with zeros in the units that are not the member's."""
        build: Any = self.wide.build
        unit = replace(self.wide, build=replace(build, unit=True))
        drawn = jax.tree.map(np.asarray, draw_compiled(unit, hyper, device))
        parameters, buffers = jax.tree.map(_first, drawn, parameter_shapes(self.own))
        own: Any = self.own.build
        return padded((scaled_mlp(parameters, own.shape), buffers), parameter_shapes(self.wide))


def into_wide(member: Member, own: Problem, wide: Problem) -> Member:
    """Return a member of one problem as one of a wider one."""
    state = None if member.state is None else padded(member.state, blank_state(wide))
    return member._replace(state=state, draw=Drawing(own, wide))


def out_of_wide(result: MemberResult, own: Problem) -> MemberResult:
    """Return what a member of a wider problem has become as one of its own."""
    parameters, buffers = _cut((result.parameters, result.buffers), parameter_shapes(own))
    state = None if result.state is None else _cut(result.state, blank_state(own))
    return result._replace(parameters=parameters, buffers=buffers, state=state)


def padded(tree: Any, like: Any) -> Any:
    """Return arrays with zeros at their ends, as large as those of another tree."""

    def larger(leaf: Any, wanted: Any) -> np.ndarray:
        found = np.zeros(wanted.shape, wanted.dtype)
        found[tuple(map(slice, np.shape(leaf)))] = leaf
        return found

    return jax.tree.map(larger, tree, like)


def _cut(tree: Any, like: Any) -> Any:
    """Return the beginnings of arrays, as large as those of another tree, in arrays of their own."""
    return jax.tree.map(lambda leaf, wanted: np.array(leaf[tuple(map(slice, wanted.shape))]), tree, like)


def _first(leaf: np.ndarray, wanted: Any) -> np.ndarray:
    """Return the first numbers of an array, row after row, in another shape."""
    return leaf.ravel()[: int(np.prod(wanted.shape))].reshape(wanted.shape)
