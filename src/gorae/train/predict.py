"""Outputs of trained members: for the rows of a fold, or for new rows."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from gorae import nn
from gorae.backend import Device, compiled, one_blas_thread, own_numerics, workers_for
from gorae.train.on_host import encoded_on_host, outputs_on_host
from gorae.train.planner import is_tiny, trains_on_host
from gorae.train.problem import Problem, SplitRows, assemble, encode, with_spare_rows

_BLOCK = 256
_CALL = 8
_FEW = 4
"""Blocks a call answers: `_CALL`, or one where `_FEW` or fewer are left. Two programs serve all sizes."""
_MANY_ROWS = 1 << 16
"""Rows, in all questions to NumPy, from which threads pay."""
_BLOCK_NUMBERS = 1 << 28
"""Numbers that a block's layers may hold, about: of large images fewer rows are answered at a time."""

Part = Literal["outputs", "features", "hidden"]
"""What is wanted of a member: its outputs, its last hidden layer, or all hidden layers side by side."""


class Asked(NamedTuple):
    """One question: the outputs of a member (its parameters, buffers and split) for some rows."""

    parameters: Any
    buffers: Any
    split: SplitRows
    rows: np.ndarray


def member_outputs(
    problem: Problem,
    rows: Any,
    questions: Sequence[Asked],
    *,
    devices: list[Device],
    features: bool = False,
    block: int = _BLOCK,
) -> list[np.ndarray]:
    """Return what members answer.

    Args:
        problem: the members' problem.
        rows: the stored rows `(n, features...)` that questions point into; uint8 or float32.
        questions: who is asked about which rows (indices).
        devices: where.
        features: whether to return the last hidden layer instead of the outputs.
        block: rows that a program answers at a time; fewer for rows that take much memory.

    Returns:
        For each question a float32 array `(rows asked, outputs)`, in the scale of the model: scores for
        classes, values in the fold's own target unit for regression; of networks that answer a token, an
        axis of tokens before the last.
    """
    return _answers(problem, rows, questions, devices, "features" if features else "outputs", block)


def hidden_activations(problem: Problem, rows: Any, asked: Asked, *, devices: list[Device]) -> np.ndarray:
    """Return what all hidden layers of a member answer, side by side in the order of the data.

    Args:
        problem: the member's problem; its networks have a hidden layer.
        rows: the stored rows, as in `member_outputs`.
        asked: who is asked about which rows.
        devices: where.

    Returns:
        A float32 array `(rows asked, sum of the hidden widths)`, with nothing silenced.
    """
    return _answers(problem, rows, [asked], devices, "hidden", _BLOCK)[0]


def _answers(
    problem: Problem,
    rows: Any,
    questions: Sequence[Asked],
    devices: list[Device],
    part: Part,
    block: int,
) -> list[np.ndarray]:
    """Return a part of what members compute, for each question an array of one row a row asked."""
    if trains_on_host(problem, devices[0]):
        with one_blas_thread():
            return _host_answers(problem, np.asarray(rows), questions, part, len(workers_for(devices)))
    workers = workers_for(devices)[: max(1, len(questions))]
    while block > 1 and block * problem.row_numbers > _BLOCK_NUMBERS:
        block //= 2
    padded = with_spare_rows(np.asarray(rows))
    with own_numerics():
        placed = {device: jax.device_put(padded, device) for device in {w.device for w in workers}}

    def answer(numbered: tuple[int, Asked]) -> np.ndarray:
        number, asked = numbered
        device = workers[number % len(workers)].device
        encoding = (asked.split.fill, asked.split.shift, asked.split.scale, asked.split.codes)
        parts, left = [], asked.rows
        while len(left) or not parts:
            index = np.zeros(_CALL * block if len(left) > _FEW * block else block, np.int32)
            wanted, left = left[: len(index)], left[len(index) :]
            index[: len(wanted)] = wanted
            arguments = (placed[device], index, encoding, asked.parameters, asked.buffers)
            program = compiled(
                lambda *a: _outputs(problem, part, block, *a),
                ("outputs", problem, part, block),
                arguments,
                device,
                quickly=is_tiny(problem),
            )
            with own_numerics():
                parts.append(np.asarray(program(*arguments))[: len(wanted)])
        return np.concatenate(parts)

    if len(questions) <= 1:
        return [answer(pair) for pair in enumerate(questions)]
    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(answer, enumerate(questions)))


def _host_answers(
    problem: Problem, rows: np.ndarray, questions: Sequence[Asked], part: Part, workers: int
) -> list[np.ndarray]:
    """Return what members answer by NumPy; where much is asked, all cores are at it."""
    answer = partial(_host_answer, problem, rows, part)
    if len(questions) <= 1 or sum(len(asked.rows) for asked in questions) < _MANY_ROWS:
        return [answer(asked) for asked in questions]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(answer, questions))


def _host_answer(problem: Problem, rows: np.ndarray, part: Part, asked: Asked) -> np.ndarray:
    """Return what a member answers by NumPy, in blocks of one size, so that a row always has one answer."""
    rows = rows if len(rows) else np.zeros((1, *rows.shape[1:]), rows.dtype)
    index = np.resize(asked.rows, max(_BLOCK, -(-len(asked.rows) // _BLOCK) * _BLOCK))
    found = []
    with np.errstate(all="ignore"):
        for block in np.split(index, len(index) // _BLOCK):
            x = encoded_on_host(rows[block], asked.split, problem.missing)
            found.append(outputs_on_host(problem, asked.parameters, x, part))
    return np.concatenate(found)[: len(asked.rows)]


def _outputs(
    problem: Problem,
    part: Part,
    size: int,
    rows: Array,
    index: Array,
    encoding: tuple[Array, Array, Array, Array | None],
    parameters: Any,
    buffers: Any,
) -> Array:
    """Return a part of what the model computes, block by block, so that activations stay small."""
    model = assemble(problem, parameters, buffers)
    fill, shift, scale, codes = encoding
    rest = dict.fromkeys(SplitRows._fields[3:], None)
    split = SplitRows(fill, shift, scale, **{**rest, "codes": codes})

    def block(places: Array) -> Array:
        x = encode(rows[places], split, problem.missing)
        if part == "hidden":
            return jnp.concatenate(model.hidden_layers(x, nn.inference()), axis=-1)
        return model.features(x, nn.inference()) if part == "features" else model(x, nn.inference())[0]

    answers = jax.lax.map(block, jnp.reshape(index, (-1, size)))
    return jnp.reshape(answers, (-1, *answers.shape[2:]))
