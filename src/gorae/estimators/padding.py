"""Members in programs for wider layers: units of zeros are appended, and cut off again.

`widths` says when, and why a member is then what it would have been in a program of its own, up to rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from gorae.backend import Device
from gorae.estimators.widths import needs_telling
from gorae.models.mlp import MLP, MLPShape, scaled_mlp
from gorae.models.mlp_widths import resized_mlp
from gorae.train import Draw, Member, MemberResult, Problem
from gorae.train.problem import parameter_shapes
from gorae.train.task import draw_compiled


def widened(problem: Problem, hidden: Sequence[int]) -> Problem:
    """Return the problem of training networks with these widths instead of a problem's own."""
    build: Any = problem.build
    shape = replace(build.shape, hidden=tuple(hidden))
    return replace(problem, build=replace(build, shape=shape, room=needs_telling(shape)))


@dataclass(frozen=True)
class Drawing:
    """Draws a member of one problem for the program of a wider one, from bitwise the weights it has alone.

    Unit weights are drawn for the wide network, which takes one program for all widths; the first of them
    are the member's.

    Args:
        own: the member's problem.
        wide: the program's.
        draw: what draws the member where it is alone, if the problem does not: it then does so here.
    """

    own: Problem
    wide: Problem
    draw: Draw | None = None

    def __call__(self, hyper: Mapping[str, np.generic], device: Device) -> tuple[Any, Any]:
        """Return parameters and buffers with zeros in the units that are not the member's."""
        build: Any = self.wide.build
        own: Any = self.own.build
        if self.draw is not None:
            return padded(self.draw(hyper, device), own.shape, build)
        unit = replace(self.wide, build=replace(build, unit=True, room=False))
        drawn = jax.tree.map(np.asarray, draw_compiled(unit, hyper, device))
        parameters, buffers = jax.tree.map(_first, drawn, parameter_shapes(self.own))
        return padded((scaled_mlp(parameters, own.shape), buffers), own.shape, build)


def into_wide(member: Member, own: Problem, wide: Problem) -> Member:
    """Return a member of one problem as one of a wider one."""
    of_own, of_wide = _builds(own, wide)
    state = None if member.state is None else padded(member.state, of_own.shape, of_wide)
    return member._replace(state=state, draw=Drawing(own, wide, member.draw))


def out_of_wide(result: MemberResult, own: Problem) -> MemberResult:
    """Return what a member of a wider problem has become as one of its own."""
    (build,) = _builds(own)

    def cut(node: MLP) -> MLP:
        return resized_mlp(node, build.shape.hidden)

    parameters, buffers = _each_mlp(cut, (result.parameters, result.buffers))
    state = None if result.state is None else _each_mlp(cut, result.state)
    return result._replace(parameters=parameters, buffers=buffers, state=state)


def padded(tree: Any, own: MLPShape, wide: Any) -> Any:
    """Return a tree in which every MLP, or what has the structure of its halves, has zeros for further units.

    Args:
        tree: parameters, buffers, the state of a member.
        own: the shape of its networks.
        wide: the `Build` of those that it is to be one of.
    """

    def larger(node: MLP) -> MLP:
        if not wide.room:
            return resized_mlp(node, wide.shape.hidden)
        told = [np.float32(width) for width in own.hidden]
        is_buffers = node.head.weight is None
        return resized_mlp(node, wide.shape.hidden, told if is_buffers else [None] * len(told))

    return _each_mlp(larger, tree)


def _each_mlp(change: Callable[[MLP], MLP], tree: Any) -> Any:
    """Return a tree whose MLPs are changed; all else is what it was, in arrays of its own."""

    def changed(node: Any) -> Any:
        return change(node) if isinstance(node, MLP) else np.array(node)

    return jax.tree.map(changed, tree, is_leaf=lambda node: isinstance(node, MLP))


def _builds(*problems: Problem) -> list[Any]:
    """Return what makes the networks of problems."""
    return [problem.build for problem in problems]


def _first(leaf: np.ndarray, wanted: Any) -> np.ndarray:
    """Return the first numbers of an array, row after row, in another shape."""
    return leaf.ravel()[: int(np.prod(wanted.shape))].reshape(wanted.shape)
