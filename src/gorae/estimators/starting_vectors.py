"""Networks whose tokens begin with vectors that were learned elsewhere: which, and where they are put."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Bool, Float32, Integer

from gorae.backend import Device
from gorae.data.sequence_rows import PackedRows
from gorae.data.vectors import Found, find_vectors
from gorae.data.vocabulary import FIRST_TOKEN
from gorae.errors import ParameterError
from gorae.estimators.parameters import check_flag
from gorae.estimators.population import Recipe, shape_of
from gorae.models.sequence import SequenceNetwork
from gorae.models.tagger import Tagger
from gorae.train import Problem
from gorae.train.task import draw_compiled


@dataclass(frozen=True)
class StartingVectors:
    """Draws a member as its problem does, and puts the vectors that are known into its table.

    Args:
        problem: the member's.
        digest: of the vectors and their places.
        values: a row a code of the fold.
        known: of which codes they are.
    """

    problem: Problem
    digest: str
    values: Float32[np.ndarray, "codes width"] = field(repr=False, compare=False)
    known: Bool[np.ndarray, " codes"] = field(repr=False, compare=False)

    def __call__(self, hyper: Mapping[str, np.generic], device: Device) -> tuple[Any, Any]:
        """Return parameters and buffers."""
        drawn = jax.tree.map(np.asarray, draw_compiled(self.problem, hyper, device))
        parameters, buffers = drawn
        codes = np.flatnonzero(self.known)
        table = np.array(_table(parameters))
        table[codes] = self.values[codes]
        parameters = eqx.tree_at(_table, parameters, table)
        if _frozen(self.problem):
            given, is_given = np.zeros_like(table), np.zeros(len(table), bool)
            given[codes], is_given[codes] = self.values[codes], True
            buffers = eqx.tree_at(_given, buffers, (given, is_given))
        return parameters, buffers


def _table(network: Any) -> Any:
    """Return the table of a network's embedding, or what stands in its place in a tree of its form."""
    assert isinstance(network, SequenceNetwork | Tagger)
    return network.embedding.table  # pyright: ignore[reportOptionalMemberAccess]  it reads tokens


def _given(network: Any) -> Any:
    """Return the rows of a network's embedding that are given, and of which codes they are."""
    assert isinstance(network, SequenceNetwork | Tagger)
    embedding: Any = network.embedding
    return embedding.given.value, embedding.is_given


def _frozen(problem: Problem) -> bool:
    """Return whether a problem's networks keep the vectors that they are given."""
    return bool(getattr(shape_of(problem), "frozen", False))


def check_frozen(estimator: Any) -> bool:
    """Return whether vectors that are given stay as they are.

    Raises:
        ParameterError: when there are none to stay.
    """
    frozen = check_flag("freeze_vectors", estimator.freeze_vectors)
    learned = vars(estimator).get("_learned")
    if frozen and estimator.vectors is None and not getattr(getattr(learned, "shape", None), "frozen", False):
        raise ParameterError("freeze_vectors=True needs vectors, which then stay as they are; give vectors.")
    return frozen


def vectors_key(estimator: Any) -> Any:
    """Return what tells an estimator's vectors from those of others, within a process."""
    vectors = estimator.vectors
    return str(vectors) if isinstance(vectors, str | Path) else id(vectors)


def known_vectors(estimator: Any, tokens: Sequence[Any], width: str) -> Found | None:
    """Return the vectors of tokens, if an estimator is given some.

    Args:
        estimator: whose parameter `vectors`.
        tokens: of which.
        width: the parameter that says how many numbers a token's vector has.

    Raises:
        ParameterError: when that is another number.
        InputError: when the vectors cannot be used.
    """
    if estimator.vectors is None:
        return None
    found = find_vectors(estimator.vectors, tokens)
    wanted = getattr(estimator, width)
    if found.values.shape[1] != wanted:
        raise ParameterError(
            f"{width} must be the width of the vectors, which have {found.values.shape[1]} numbers, got "
            f"{wanted!r}; set {width}={found.values.shape[1]}."
        )
    return found


def of_table(estimator: Any, matrix: np.ndarray) -> Found | None:
    """Return the vectors of all tokens of packed rows, if an estimator is given some.

    Raises:
        ParameterError: when the rows are series, which have no tokens.
        InputError: when the vectors cannot be used.
    """
    if getattr(estimator, "vectors", None) is None:
        return None
    assert isinstance(matrix, PackedRows)
    assert matrix.sequences is not None
    if matrix.sequences.channels:
        raise ParameterError("vectors are for tokens, but X holds series of numbers; leave vectors out.")
    return known_vectors(estimator, matrix.sequences.table, "embedding")


def with_vectors(recipe: Recipe, found: Found | None, codes: Integer[np.ndarray, " tokens"]) -> Recipe:
    """Return a recipe whose members begin with vectors that are known.

    Args:
        recipe: of networks with an embedding.
        found: a row a token, or None for nothing known.
        codes: the code of each token; 1 for those that the fold does not know.
    """
    if found is None:
        return recipe
    used = found.known & (codes >= FIRST_TOKEN)
    width = found.values.shape[1]
    values = np.zeros((int(codes.max(initial=1)) + 1, width), np.float32)
    known = np.zeros(len(values), bool)
    values[codes[used]], known[codes[used]] = found.values[used], True
    digest = hashlib.sha256(values.tobytes() + known.tobytes()).hexdigest()
    return replace(recipe, draw=StartingVectors(recipe.problem, digest, values, known))
