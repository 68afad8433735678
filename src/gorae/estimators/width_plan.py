"""Which programs for wider layers there are to be, planned for the fits that are expected.

Whoever knows all fits beforehand plans for them. A search that learns from its scores knows them batch by
batch only: it plans for settings that are spread over its space, so that the programs follow from the space,
and every batch finds those of the last one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gorae.estimators.padding import widened
from gorae.estimators.population import shape_of
from gorae.estimators.preparation import ReadyFit
from gorae.estimators.widths import Widths, can_be_widened, choose_widths, holding, unit_flops
from gorae.models.mlp import MLPShape
from gorae.train import Problem

__all__ = ["Family", "WidthPlan", "plan_widths"]


class Family(NamedTuple):
    """What is planned for problems that differ in nothing but the widths of their hidden layers.

    Attributes:
        programs: from the widths of a network to those of the program it is trained in; None: its own.
        rows: that the trainings of one setting visit, over all epochs and row sets, in the mean.
    """

    programs: Mapping[Widths, Widths | None]
    rows: int


@dataclass(frozen=True)
class WidthPlan:
    """The programs for wider layers that fits are trained in.

    Args:
        families: by a problem of theirs whose layers have one unit.
    """

    families: Mapping[Problem, Family]

    def wider(self, fits: Iterable[ReadyFit]) -> dict[Problem, Problem]:
        """Return for the problems of fits those with wider layers that they are trained in.

        Each is decided by itself, whoever the others are: as it was planned, or where it was not expected, as
        is less work for one setting.
        """
        problems = dict.fromkeys(one.recipe.problem for one in fits)
        found = {problem: self._wider(problem) for problem in problems}
        return {problem: wide for problem, wide in found.items() if wide is not None}

    def _wider(self, problem: Problem) -> Problem | None:
        """Return what a problem is trained in; None for itself."""
        shape = shape_of(problem)
        if not isinstance(shape, MLPShape) or not can_be_widened(shape) or problem.on_host:
            return None
        family = _family(problem)
        programs, rows = self.families.get(family, Family({}, 0))
        widths = programs.get(shape.hidden)
        if shape.hidden not in programs:
            some = {each for each in programs.values() if each is not None}
            widths = holding(shape.hidden, some, rows, shape.inputs, shape.outputs, a_unit=unit_flops(shape))
        return None if widths is None else widened(family, widths)


def plan_widths(fits: Iterable[ReadyFit]) -> WidthPlan:
    """Return the plan for fits that are expected: widths share a program where that is less work in all.

    A fit counts with all of its epochs.
    """
    families: dict[Problem, list[ReadyFit]] = {}
    for one in fits:
        problem = one.recipe.problem
        if can_be_widened(shape_of(problem)) and not problem.on_host:  # nothing compiled, nothing to save
            families.setdefault(_family(problem), []).append(one)
    return WidthPlan({family: _planned(own) for family, own in families.items()})


def _planned(fits: Sequence[ReadyFit]) -> Family:
    """Return the plan for fits of one family."""
    rows: dict[Widths, int] = {}
    for one in fits:
        widths = shape_of(one.recipe.problem).hidden_widths
        rows[widths] = rows.get(widths, 0) + _visited(one)
    shape = shape_of(fits[0].recipe.problem)
    a_unit = unit_flops(shape) if isinstance(shape, MLPShape) else 0.0
    chosen = choose_widths(rows, shape.inputs, shape.outputs, a_unit=a_unit)
    sets = len({id(one.fit.rows) for one in fits})
    return Family({widths: chosen.get(widths) for widths in rows}, sum(rows.values()) * sets // len(fits))


def _family(problem: Problem) -> Problem:
    """Return what problems have in common that differ in nothing but the widths of hidden layers."""
    return widened(problem, [1] * len(shape_of(problem).hidden_widths))


def _visited(one: ReadyFit) -> int:
    """Return the rows that the training of a fit visits, over all epochs, once for each piece of maxout."""
    shape = shape_of(one.recipe.problem)
    pieces = shape.maxout_pieces if isinstance(shape, MLPShape) and shape.activation == "maxout" else 1
    return pieces * int(one.split.train_count) * int(one.recipe.hyper["epochs"]) * one.members
