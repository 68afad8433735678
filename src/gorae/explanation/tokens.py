"""What each token of a text adds to a network's answer: integrated gradients over its tokens' vectors."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gorae import nn
from gorae.backend import compiled, own_numerics, select_devices
from gorae.data.sequence_rows import PackedRows
from gorae.errors import DataError
from gorae.estimators.given import given_rows
from gorae.estimators.learned import answering_problem
from gorae.estimators.network import NetworkEstimator
from gorae.evidence.checks import check_count
from gorae.explanation.attribution import checked_output, explained_classes, network_of, target_unit
from gorae.explanation.gradients import Output, explained_output
from gorae.models.sequence import SequenceNetwork, SequenceShape
from gorae.train import Problem, SplitRows
from gorae.train.problem import assemble, encode

__all__ = ["TokenAttributions", "token_attributions"]

_ROWS = 4
"""Rows a call answers: one program serves all numbers of rows."""


@dataclass(frozen=True)
class TokenAttributions:
    """What each token adds to the answers for some sequences.

    Attributes:
        of: for each row the class that is explained, or "prediction" of a regressor.
        output: "logit", "probability" or "value".
        values: for each row what each of the tokens that were read adds, the mean over the members.
        start: (rows,) the answer where all vectors are zeros.
        end: (rows,) the answer for the row; its values sum up to end - start, but for `gap`.
        gap: (rows,) what the sum misses: the error of so many steps.
        members: networks that were averaged.
    """

    of: tuple[Any, ...]
    output: str
    values: tuple[Float[np.ndarray, " tokens"], ...]
    start: Float[np.ndarray, " rows"]
    end: Float[np.ndarray, " rows"]
    gap: Float[np.ndarray, " rows"]
    members: int


def token_attributions(
    model: Any, X: Any, *, of: Any = None, output: str = "logit", steps: int = 32
) -> TokenAttributions:
    r"""Return what each token adds to a network's answer, averaged over its members.

    With $e_t$ the vector of token t and f the answer for the vectors of all tokens, token t adds

    .. math:: e_t \cdot \int_0^1 \frac{\partial f}{\partial e_t}(\alpha e_1, \dots, \alpha e_T) \, d\alpha ,

    and all tokens together f(e) - f(0) (completeness). Of a bag of embeddings, whose answer is linear in the
    vectors, that is the token's weight times its share of the text, exactly.

    Args:
        model: a fitted `SequenceClassifier` or `SequenceRegressor` over tokens, or a search around one.
        X: sequences, as the model takes them.
        of: the class that is explained; None for the predicted one of each row. Of several outputs of a
            regressor the place of one.
        output: of a class its "logit", the score against the mean score of the others (for two classes the
            log-odds), or its "probability". Values of a regressor are explained in the unit of the targets.
        steps: points on the way; more make the gap smaller.

    Raises:
        InputTypeError: for a model that is no network.
        DataError: for a network that does not read tokens.
        ParameterError: for an unknown class, or a parameter out of its range.
        NotFittedError: when the model is not fitted.

    Example:
        >>> from gorae import SequenceClassifier
        >>> X = ["a good whale", "good", "a bad whale", "bad and sad", "so good", "so bad"]
        >>> y = [1, 1, 0, 0, 1, 0]
        >>> options = {"cell": "bag", "embedding": 4, "epochs": 60, "learning_rate": 0.03, "tol": 0}
        >>> model = SequenceClassifier(**options, random_state=0).fit(X, y)
        >>> found = token_attributions(model, ["a good day"])
        >>> found.of, int(np.argmax(found.values[0]))
        ((1,), 1)

    References:
        Sundararajan, Taly, Yan (2017), "Axiomatic attribution for deep networks", sections 3 and 6.3.
    """
    check_count("steps", steps)
    network = network_of(model)
    shape = network._learned.shape
    if not isinstance(shape, SequenceShape) or not shape.tokens:
        raise DataError("token_attributions are for networks that read tokens; see integrated_gradients.")
    rows = given_rows(network, X)
    assert isinstance(rows, PackedRows)
    which, told = explained_classes(network, rows, of, getattr(network, "classes_", None))
    explained = checked_output(network, output)
    values, start, end = _mean_of_members(network, np.asarray(rows), which, explained, steps)
    gap = end - start - values.sum(axis=1)
    lengths = np.asarray(rows)[:, 0].astype(np.int64).tolist()
    own = tuple(row[:length] for row, length in zip(values, lengths, strict=True))
    return TokenAttributions(told, explained, own, start, end, gap, len(network._learned.members))


def _mean_of_members(
    network: NetworkEstimator, rows: np.ndarray, which: np.ndarray, output: Output, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean of what the members say, in the unit of the targets."""
    learned = network._learned
    problem = answering_problem(learned.shape)
    device = select_devices(getattr(network, "device", None))[0]
    unit, shift = target_unit(learned, output, which)
    found = []
    for member in learned.members:
        parts = []
        for first in range(0, len(rows), _ROWS):
            index = np.minimum(np.arange(_ROWS) + first, len(rows) - 1)
            arguments = (
                np.ascontiguousarray(rows[index]),
                which[index].astype(np.int32),
                np.int32(steps),
                np.asarray(learned.encoding.codes),
                member.parameters,
                member.buffers,
            )
            program = compiled(
                lambda *a: _along_the_vectors(problem, output, *a),
                ("token gradients", problem, output),
                arguments,
                device,
            )
            with own_numerics():
                parts.append(
                    [np.asarray(part, np.float64)[: len(rows) - first] for part in program(*arguments)]
                )
        values, start, end = (np.concatenate(part) * unit for part in zip(*parts, strict=True))
        found.append((values, start + shift, end + shift))
    values, start, end = (np.mean(part, axis=0) for part in zip(*found, strict=True))
    return values, start, end


def _along_the_vectors(
    problem: Problem,
    output: Output,
    rows: Array,
    which: Array,
    steps: Array,
    codes: Array,
    parameters: Any,
    buffers: Any,
) -> tuple[Array, Array, Array]:
    """Return what each token adds, and the answers at both ends.

    A row is read by a network whose embedding holds the vectors of its own tokens, one after the other, so
    that a slope in that table is one of a token at its place.
    """
    model: Any = assemble(problem, parameters, buffers)
    assert isinstance(model, SequenceNetwork)
    assert model.reader.embedding is not None
    empty = dict.fromkeys(SplitRows._fields)
    read = encode(rows, SplitRows(**{**empty, "codes": codes}), missing=False)
    known = model.reader.embedding.vectors

    def of_row(given: tuple[Array, Array]) -> tuple[Array, Array, Array]:
        row, place = given
        vectors = jnp.take(known, row[1:].astype(jnp.int32), axis=0, mode="clip")
        places = jnp.concatenate([row[:1], jnp.arange(len(row) - 1, dtype=row.dtype)])[None]

        def answer(own: Float[Array, "tokens width"]) -> Float[Array, ""]:
            network = eqx.tree_at(lambda one: one.reader.embedding, model, nn.Embedding(own))
            return explained_output(network(places, nn.inference())[0], place[None], output)[0]

        def step(k: Array, total: Array) -> Array:
            return total + jax.grad(answer)((k + 0.5) / steps * vectors)

        total = jax.lax.fori_loop(0, steps, step, jnp.zeros_like(vectors))
        return (vectors * total / steps).sum(axis=-1), answer(jnp.zeros_like(vectors)), answer(vectors)

    return jax.lax.map(of_row, (read, which))
