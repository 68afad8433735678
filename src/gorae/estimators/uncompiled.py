"""Which networks NumPy trains on the host of a CPU: those that are trained before a program is compiled.

Compiling what draws, trains and answers an MLP takes 1 to 2 s of a processor the first time, and 0.3 s when
it is read from the cache on disk. A step of a small network by NumPy takes some 0.1 ms, compiled 0.02. So a
network of few, small steps is trained by NumPy, alone or among many: it is decided by what the member itself
is, so that it is the same in either case.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeGuard

import numpy as np

from gorae.backend import Device, select_devices
from gorae.errors import GoraeError
from gorae.estimators.population import Recipe, shape_of
from gorae.models.mlp import MLPShape
from gorae.models.mlp_on_host import drawn_mlp, is_plain
from gorae.train import ON_HOST_ACTIVATIONS, ON_HOST_OBJECTIVES, split_model

_STEPS = 512
"""The most steps of a member."""
_STEP_WORK = 1 << 20
"""The most multiplications of a step's answers."""
_NUMBERS = 1 << 22
"""The most numbers in the rows, which each fold has a copy of in 32 bits."""
_WEIGHTS = 1 << 14
"""The most weights: more of them are long to move, and no longer near the processor."""


@dataclass(frozen=True)
class DrawnOnHost:
    """What draws the members of networks of a shape by NumPy."""

    shape: MLPShape

    def __call__(self, hyper: Mapping[str, np.generic], device: Device) -> tuple[Any, Any]:
        """Return parameters and buffers."""
        del device
        return split_model(drawn_mlp(self.shape, int(hyper["seed"]), int(hyper["stream"])))


def on_host(recipe: Recipe, rows: int, device: Any) -> Recipe:
    """Return the recipe for training by NumPy, where that is quicker; a small network is drawn so always.

    Args:
        recipe: of an MLP.
        rows: that there are, to learn from and to stop on.
        device: that the estimator is given.

    Example:
        >>> from gorae.estimators.population import network_problem
        >>> problem = network_problem(MLPShape(4, 3), objective="cross_entropy", batch_size=32, classes=3)
        >>> [on_host(Recipe(problem, {"epochs": 10}), rows, "cpu").problem.on_host for rows in (150, 5000)]
        ['relu', '']
    """
    problem, shape = recipe.problem, shape_of(recipe.problem)
    if not _is_known(shape):
        return recipe
    recipe = replace(recipe, draw=DrawnOnHost(shape))
    known = problem.objective in ON_HOST_OBJECTIVES and problem.schedule == "constant"
    steps = -(-rows // problem.batch_size) * int(recipe.hyper["epochs"])
    small = _weights(shape) * problem.batch_size <= _STEP_WORK and rows * shape.inputs <= _NUMBERS
    if not (known and small and steps <= _STEPS and _is_cpu(device)):
        return recipe
    return replace(recipe, problem=replace(problem, on_host=shape.activation))


def compiled_only(recipe: Recipe) -> Recipe:
    """Return a recipe for a compiled program, whatever `on_host` has decided."""
    return replace(recipe, problem=replace(recipe.problem, on_host=""))


def answered_on_host(shape: Any) -> str:
    """Return the activation of a network that NumPy asks, for `Problem.on_host`; empty where a program does.

    However many rows are asked and however it was trained: its answers are always the same.
    """
    return shape.activation if _is_known(shape) else ""


def _is_known(shape: Any) -> TypeGuard[MLPShape]:
    """Return whether NumPy knows all that is in a network of this shape, and it is small."""
    plain = isinstance(shape, MLPShape) and is_plain(shape)
    return plain and shape.activation in ON_HOST_ACTIVATIONS and _weights(shape) <= _WEIGHTS


def _weights(shape: MLPShape) -> int:
    """Return the number of weights."""
    widths = (shape.inputs, *shape.hidden, shape.outputs)
    return sum(a * b for a, b in pairwise(widths))


def _is_cpu(device: Any) -> bool:
    """Return whether an estimator's device is a CPU; who cannot be found is told of elsewhere."""
    try:
        return select_devices(device)[0].platform == "cpu"
    except GoraeError:
        return False
