"""A fitted network of gorae as an ONNX file, written without PyTorch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gorae import nn
from gorae.errors import InputError
from gorae.estimators.tagger import SequenceTagger
from gorae.exchange.answering import Answering, answering, lower_model
from gorae.exchange.extras import needed
from gorae.exchange.layout import Value, plain
from gorae.exchange.lowering import lower
from gorae.exchange.lowering_tagger import lower_tagger
from gorae.exchange.onnx_emitter import OPSET, OnnxEmitter
from gorae.exchange.onnx_sequences import told_of_sequences, told_of_words
from gorae.files import atomic_write

__all__ = ["onnx_interface", "to_onnx"]

_IR_VERSION = 8
_LARGEST = (1 << 31) - 1


def to_onnx(
    model: Any, path: str | Path, *, input_shape: Sequence[int] | None = None, force: bool = True
) -> None:
    """Write a fitted network to an ONNX file, which any ONNX runtime answers from as `predict_proba` does.

    The graph has one input, "rows", `(rows, features)`, in float32 (in float64 where a column is far from 0
    beside its spread), and one output: "probabilities" `(rows, classes)`, or "scores" of a classifier without
    them; "values" as `predict` gives them, or "quantiles". How rows are shifted and scaled, all members of
    an ensemble and the mean of their answers are inside. Of a model that `gorae fit` wrote, the rows are the
    matrix that its table becomes (`model.matrix` without its filling and scaling, which are inside), and
    probabilities are calibrated. The metadata are texts in JSON: "estimator", "classes" (the labels in the
    order of the answer), "columns" (their names), "levels" (of quantiles), "target".

    Rows of sequences are as for `to_torch`; the metadata "sequences" and "tokens" hold how a text is cut and
    which tokens have which code, so that the file alone suffices to answer for texts: what stands in them,
    says the head of `gorae.exchange.onnx_sequences`. A tagger's rows are `(sentences, words, numbers)` as its
    `encode` gives them, its probabilities `(sentences, words, tags)`; the metadata hold the "words" and the
    "characters" that have codes, from 2 on, how many "letters" of a word are read, and the "tokenizer".

    Args:
        model: a fitted network estimator, the model of a study that is one, or a `gorae.nn` layer.
        path: the file; replaced whole or not at all.
        input_shape: for a layer, the shape of one row, channels last.
        force: whether an existing file may be replaced.

    Raises:
        InputError: when the package onnx is missing, the model is no network, or has a part that ONNX has no
            operators for.
        NotFittedError: before `fit`.
        FileExistsRefusal: when the file exists and `force` is False.
        WriteError: when it cannot be written; an old file is then intact.

    Example:
        >>> import pytest; onnx = pytest.importorskip("onnx")
        >>> from gorae.estimators import LinearRegressor
        >>> model = LinearRegressor(epochs=5, random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, 2.0, 3.0])
        >>> path = getfixture("tmp_path") / "line.onnx"
        >>> to_onnx(model, path)
        >>> [value.name for value in onnx.load(path).graph.output]
        ['values']
    """
    graph = OnnxEmitter()
    if isinstance(model, nn.Layer):
        if input_shape is None:
            raise InputError("input_shape must be the shape of one row, where a layer is given.")
        shape = tuple(input_shape)
        found = lower(graph, model, Value("rows", shape, tuple(range(len(shape) + 1))))
        found = plain(graph, found)
        content = _model(graph, "rows", shape, "float32", (found.slot, "answers", found.shape, "float32"), {})
    elif isinstance(model, SequenceTagger):
        content = _of_tagger(graph, model)
    else:
        content = _of_model(graph, answering(model, "to_onnx"), model)
    atomic_write(path, content, force=force)


def onnx_interface(path: str | Path) -> dict[str, Any]:
    """Return what an ONNX file that `to_onnx` wrote takes and answers.

    Args:
        path: the file.

    Returns:
        "input" and "output", each with "name", "type" and "shape" (the rows are "n"); "columns" of the input,
        empty where they have no names; "classes" in the order of the answer, or None.
    """
    onnx = needed("onnx", "onnx_interface")
    model = onnx.load(str(path))
    told = {prop.key: json.loads(prop.value) for prop in model.metadata_props}
    names = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.DOUBLE: "float64"}

    def interface(value: Any) -> dict[str, Any]:
        tensor = value.type.tensor_type
        shape = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
        return {"name": value.name, "type": names[tensor.elem_type], "shape": shape}

    return {
        "input": interface(model.graph.input[0]),
        "output": interface(model.graph.output[0]),
        "columns": told.get("columns", []),
        "classes": told.get("classes"),
    }


def _of_model(graph: OnnxEmitter, parts: Answering, model: Any) -> bytes:
    """Return the file of a fitted model."""
    learned = parts.learned
    slot = lower_model(graph, parts, "rows")
    width = len(parts.classes) if parts.classes is not None else learned.shape.outputs
    shape = () if parts.kind == "values" and learned.flat_target else (width,)
    kind = "float64" if parts.answers_double else "float32"
    names = getattr(model, "feature_names", None) or getattr(parts.estimator, "feature_names_in_", ())
    told = {
        "estimator": type(parts.estimator).__name__,
        "classes": None if parts.classes is None else np.asarray(parts.classes).tolist(),
        "columns": [str(name) for name in names] or None,
        "levels": list(learned.levels) or None,
        "target": getattr(model, "target", None),
        **told_of_sequences(parts),
    }
    read = "float64" if parts.is_double else "float32"
    answer = (slot, parts.kind, shape, kind)
    return _model(graph, "rows", (learned.shape.inputs,), read, answer, told)


def _of_tagger(graph: OnnxEmitter, tagger: SequenceTagger) -> bytes:
    """Return the file of a fitted tagger, with the words and characters that its codes are of."""
    slot = lower_tagger(graph, tagger, "rows")
    told = {"estimator": "SequenceTagger", "classes": tagger.classes_.tolist(), **told_of_words(tagger)}
    answer = (slot, "probabilities", ("words", len(tagger.classes_)), "float32")
    return _model(graph, "rows", ("words", tagger._coding.channels), "float32", answer, told)


def _model(
    graph: OnnxEmitter,
    rows: str,
    shape: Sequence[int | str],
    kind: str,
    answer: tuple[str, str, tuple[int | str, ...], str],
    told: dict[str, Any],
) -> bytes:
    """Return a checked model as bytes."""
    onnx = graph.onnx
    types = {"float32": onnx.TensorProto.FLOAT, "float64": onnx.TensorProto.DOUBLE}
    slot, name, width, answered = answer
    graph.nodes.append(onnx.helper.make_node("Identity", [slot], [name], name=name))
    read = onnx.helper.make_tensor_value_info(rows, types[kind], ["n", *shape])
    made = onnx.helper.make_tensor_value_info(name, types[answered], ["n", *width])
    whole = onnx.helper.make_graph(graph.nodes, "gorae", [read], [made], graph.arrays)
    model = onnx.helper.make_model(
        whole,
        producer_name="gorae",
        ir_version=_IR_VERSION,
        opset_imports=[onnx.helper.make_operatorsetid("", OPSET)],
    )
    onnx.helper.set_model_props(
        model, {key: _as_json(value) for key, value in told.items() if value is not None}
    )
    if model.ByteSize() > _LARGEST:
        raise InputError("an ONNX file holds up to 2 GiB, and this network is larger.")
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _as_json(value: Any) -> str:
    """Return a value as JSON; halves of characters, which UTF-8 cannot store, are escaped."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
