"""Taggers as graphs of another library: a sentence a row, from the codes of its words to shares of tags.

Letters: n sentences of up to T words; a word is `channels` numbers (`SequenceTagger.encode`): where a
sentence begins, the word's code, those of its L characters. T is whatever the batch has.
"""

from typing import Any

import numpy as np

from gorae import nn
from gorae.data.sentence_rows import CHANNELS
from gorae.errors import InputError
from gorae.estimators.learned import answering_problem
from gorae.estimators.tagger import SequenceTagger
from gorae.exchange.emitter import Emitter
from gorae.models.tagger import Tagger, TaggerShape
from gorae.train.problem import assemble

__all__ = ["lower_tagger"]

_ALL = (1 << 31) - 1
"""The end of an axis, however long it is."""


def lower_tagger(graph: Emitter, tagger: SequenceTagger, rows: Any) -> Any:
    """Write a fitted tagger into a graph.

    Args:
        graph: of the other library.
        tagger: whose probabilities are wanted.
        rows: the slot of the sentences, `(n, T, channels)`, float32.

    Returns:
        The slot of the shares of tags, `(n, T, tags)`: the mean of the members' softmax. What stands behind
        a sentence's last word is of no account.

    Raises:
        InputError: when its tags are those of a chain.
        NotFittedError: before `fit`.
    """
    tagger._check_fitted()
    learned = tagger._learned
    assert isinstance(learned.shape, TaggerShape)
    if learned.shape.decoder != "softmax":
        raise InputError(
            "a tagger with decoder='crf' looks for the best chain of tags, which is no layer of PyTorch's or "
            "ONNX's; fit it with decoder='softmax' to write it for another library."
        )
    problem = answering_problem(learned.shape)
    total = None
    for place, member in enumerate(learned.members):
        network: Any = assemble(problem, member.parameters, member.buffers)
        shares = graph.softmax(_scores(graph, network, rows, f"members.{place}"), 2)
        total = shares if total is None else graph.combine("add", total, shares)
    if len(learned.members) == 1:
        return total
    return graph.combine("divide", total, graph.array(np.float32(len(learned.members))))


def _scores(graph: Emitter, network: Tagger, rows: Any, name: str) -> Any:
    """Return one member's scores of each word's tags."""
    words = graph.reduce("sum", graph.cut(rows, (0, 1), (_ALL, 2), (1, 1)), (2,), keep=False)
    real = graph.less(graph.array(np.float32(0)), words)
    lengths = graph.reduce("sum", real, (1,), keep=True)
    seen = graph.embedding(words, np.asarray(network.word.vectors, np.float32), f"{name}.words")
    if network.spelling is not None:
        letters = graph.cut(rows, (0, CHANNELS), (_ALL, _ALL), (1, 1))
        spelled = _spelled(graph, network.spelling, letters, f"{name}.spelling")
        seen = graph.concatenate([seen, spelled], 2)
    layers, cell = network.recurrent.layers, network.recurrent.cell
    hidden = graph.recurrent(seen, cell, layers, f"{name}.recurrent", lengths=lengths)
    weight, bias = (np.asarray(part, np.float32) for part in (network.head.weight, network.head.bias))
    return graph.dense(hidden, weight, bias, f"{name}.output")


def _spelled(graph: Emitter, layer: nn.Spelling, letters: Any, name: str) -> Any:
    """Return the features of words by their characters, as a convolution along these.

    The vector of no character is zeros, so that it is what a convolution pads with.
    """
    table = np.array(layer.table, np.float32)
    table[0] = 0
    width = table.shape[1]
    reach = layer.weight.shape[0] // width
    filters = np.asarray(layer.weight, np.float32).reshape(reach, width, -1)
    vectors = graph.put_axes(graph.embedding(letters, table, f"{name}.characters"), (0, 3, 1, 2))
    before = (reach - 1) // 2
    found = graph.convolution(
        vectors,
        filters.transpose(2, 1, 0)[:, :, None],
        np.asarray(layer.bias, np.float32),
        stride=(1, 1),
        pads=((0, 0), (before, reach - 1 - before)),
        dilation=(1, 1),
        groups=1,
        name=f"{name}.filters",
    )
    strongest = graph.reduce("max", found, (3,), keep=False)
    return graph.activation(graph.put_axes(strongest, (0, 2, 1)), "ReLU", ())
