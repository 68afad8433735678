"""Answers of many fitted network estimators at once: in few programs, over all cores."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float32

from gorae.backend import select_devices
from gorae.estimators.given import given_rows
from gorae.estimators.learned import Learned, answering_problem
from gorae.estimators.padding import padded
from gorae.estimators.population import Build
from gorae.estimators.storage import stored_rows
from gorae.train import Asked, MemberResult, member_outputs


def answers_together(
    asked: Sequence[tuple[Any, Any]], builds: Sequence[Build] | None = None
) -> list[Float32[np.ndarray, "members rows outputs"] | None]:
    """Return the outputs of fitted network estimators, each for its own rows, in few programs.

    Args:
        asked: pairs of an estimator and rows `(n, features)`, as `predict` would be given; equal objects are
            stored once.
        builds: for each pair the networks of the program that answers: the estimator's own, or some with
            wider layers; None for their own.

    Returns:
        For each pair the outputs of its members in the model's scale, or None where they are not finite.
    """
    groups: dict[tuple[Any, ...], list[int]] = {}
    for i, (estimator, X) in enumerate(asked):
        learned: Learned = estimator._learned
        build = Build(learned.shape) if builds is None else builds[i]
        key = (build, estimator.device, id(X), learned.anchor.tobytes())
        groups.setdefault(key, []).append(i)
    found: list[np.ndarray | None] = [None] * len(asked)
    for (build, *_), group in groups.items():
        first, X = asked[group[0]]
        matrix = stored_rows(given_rows(first, X), first._learned.anchor)
        everything = np.arange(len(matrix))
        questions = [
            Asked(*_as_of(member, learned.shape, build), learned.encoding, everything)
            for learned in (asked[i][0]._learned for i in group)
            for member in learned.members
        ]
        problem = replace(answering_problem(build.shape), build=build)
        answers = iter(member_outputs(problem, matrix, questions, devices=select_devices(first.device)))
        for i in group:
            own = np.stack([next(answers) for _ in asked[i][0]._learned.members])
            found[i] = own if np.isfinite(own).all() else None
    return found


def _as_of(member: MemberResult, own: Any, build: Build) -> tuple[Any, Any]:
    """Return the parameters and buffers of a member of one shape as those of a network with wider layers."""
    parts = member.parameters, member.buffers
    return parts if build == Build(own) else padded(parts, own, build)
