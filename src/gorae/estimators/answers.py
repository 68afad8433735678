"""Answers of many fitted network estimators at once: in few programs, over all cores."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

from gorae.backend import select_devices
from gorae.estimators.given import given_rows
from gorae.estimators.learned import Learned, answering_problem
from gorae.estimators.storage import stored_rows
from gorae.train import Asked, member_outputs


def answers_together(
    asked: Sequence[tuple[Any, Any]],
) -> list[Float32[np.ndarray, "members rows outputs"] | None]:
    """Return the outputs of fitted network estimators, each for its own rows, in few programs.

    Args:
        asked: pairs of an estimator and rows `(n, features)`, as `predict` would be given; equal objects are
            stored once.

    Returns:
        For each pair the outputs of its members in the model's scale, or None where they are not finite.
    """
    groups: dict[Hashable, list[int]] = {}
    for i, (estimator, X) in enumerate(asked):
        learned: Learned = estimator._learned
        key = (learned.shape, estimator.device, id(X), learned.anchor.tobytes())
        groups.setdefault(key, []).append(i)
    found: list[np.ndarray | None] = [None] * len(asked)
    for group in groups.values():
        first, X = asked[group[0]]
        matrix = stored_rows(given_rows(first, X), first._learned.anchor)
        everything = np.arange(len(matrix))
        questions = [
            Asked(member.parameters, member.buffers, asked[i][0]._learned.encoding, everything)
            for i in group
            for member in asked[i][0]._learned.members
        ]
        problem = answering_problem(first._learned.shape)
        answers = iter(member_outputs(problem, matrix, questions, devices=select_devices(first.device)))
        for i in group:
            own = np.stack([next(answers) for _ in asked[i][0]._learned.members])
            found[i] = own if np.isfinite(own).all() else None
    return found
