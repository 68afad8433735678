"""A fitted network of gorae as a PyTorch module of plain layers."""

from collections.abc import Sequence
from typing import Any

from gorae import nn
from gorae.errors import InputError
from gorae.estimators.tagger import SequenceTagger
from gorae.exchange.answering import answering, lower_model
from gorae.exchange.layout import Value, plain
from gorae.exchange.lowering import lower
from gorae.exchange.lowering_tagger import lower_tagger
from gorae.exchange.torch_emitter import TorchEmitter

__all__ = ["to_torch"]


def to_torch(model: Any, input_shape: Sequence[int] | None = None) -> Any:
    """Return a fitted network as a `torch.nn.Module` that answers what it answers, from raw rows.

    The module is a `torch.fx.GraphModule` of PyTorch's own layers: it runs, trains on and saves its
    `state_dict` without gorae. It takes rows as `predict` does; how they are shifted and scaled is in
    buffers. It answers

    - for classes what `predict_proba` does, `(n, classes)`: the mean over the members of an ensemble of each
      one's softmax, in the order of `classes_`; for a classifier without probabilities its mean scores;
    - for numbers what `predict` does, `(n,)` or `(n, outputs)`; for quantiles what `predict_quantiles` does.

    Of sequences the rows are what `gorae.data.sequence_rows.pack_rows(X, like=model.sequences_in_)` makes of
    them: lengths, then codes or numbers; for the model of a study they are what its `matrix` makes of texts.
    Of a tagger they are what its `encode` makes of sentences, of any length, and the module answers
    `(sentences, words, tags)`, what `predict_proba` does, for `decoder="softmax"`; what stands behind a
    sentence's last word is of no account.

    Rows are read in float32; where a column is far from 0 beside its spread (years, timestamps), in float64:
    give such rows as float64. It is in the mode for predictions, as `module.eval()` makes it. Its submodules
    `members.0`, `members.1`, ... hold the layers of each member.

    Args:
        model: a fitted MLPClassifier, LinearRegressor, SequenceTagger, ... of any number of members, or a
            `gorae.nn` layer.
        input_shape: for a layer, the shape of one row, channels last; its module reads and answers rows as
            the layer does.

    Returns:
        The module, on the CPU.

    Raises:
        InputError: when PyTorch is not installed, or the model is no network or has a part that PyTorch has
            no layer for (the chain of a tagger).
        NotFittedError: before `fit`.

    Example:
        >>> import pytest; torch = pytest.importorskip("torch")
        >>> import numpy as np
        >>> from gorae.estimators import LinearClassifier
        >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]
        >>> model = LinearClassifier(epochs=5, random_state=0).fit(X, y)
        >>> module = to_torch(model)
        >>> np.allclose(module(torch.tensor(X)).detach(), model.predict_proba(X), atol=1e-5)
        True
    """
    graph = TorchEmitter()
    if isinstance(model, SequenceTagger):
        return graph.finished(lower_tagger(graph, model, graph.rows("float32")), "SequenceTagger")
    if isinstance(model, nn.Layer):
        if input_shape is None:
            raise InputError("input_shape must be the shape of one row, where a layer is given.")
        shape = tuple(input_shape)
        found = lower(graph, model, Value(graph.rows("float32"), shape, tuple(range(len(shape) + 1))))
        return graph.finished(plain(graph, found).slot, type(model).__name__)
    parts = answering(model, "to_torch")
    rows = graph.rows("float64" if parts.is_double else "float32")
    return graph.finished(lower_model(graph, parts, rows), type(parts.estimator).__name__)
