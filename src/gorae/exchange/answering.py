"""What a fitted model does from a row to its answer, written into a graph of another library."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int32
from sklearn.base import is_classifier

from gorae.data import TextEncoding
from gorae.data.sequence_rows import SequenceKind
from gorae.data.vocabulary import PADDING, UNKNOWN
from gorae.errors import InputError, as_input_error
from gorae.estimators.learned import Learned, answering_problem
from gorae.estimators.network import NetworkEstimator
from gorae.exchange.emitter import Emitter
from gorae.exchange.layout import Value, ordered
from gorae.exchange.lowering import lower
from gorae.exchange.lowering_scaling import lower_scaling
from gorae.exchange.lowering_sequences import with_codes
from gorae.train.problem import assemble

__all__ = ["Answering", "answering", "lower_model"]


@dataclass(frozen=True)
class Answering:
    """A fitted model as its parts.

    Args:
        estimator: the network, or the ensemble of networks.
        affine: what fills and scales the rows before the estimator sees them, or None.
        scaling: what its probabilities are scaled by, or None.
        classes: labels, in the order of the answer; None for values.
        columns: for each class the estimator's own place of it, or -1 where it knows none.
        texts: how a study's column of texts becomes rows (`gorae.data.TextEncoding`), or None.
    """

    estimator: NetworkEstimator
    affine: Any = None
    scaling: Any = None
    classes: Any = None
    columns: tuple[int, ...] = ()
    texts: TextEncoding | None = None

    @property
    def reads(self) -> SequenceKind | None:
        """Of what kind the sequences are that rows hold, in whose codes; None where they are no sequences."""
        if self.texts is not None:
            return self.texts.kind
        return getattr(self.estimator, "sequences_in_", None)

    @property
    def codes(self) -> Int32[np.ndarray, " codes"] | None:
        """The network's own code for each code that rows hold; None where rows hold no codes."""
        own, reads = self.learned.encoding.codes, self.reads
        if own is None or self.texts is None or reads is None:
            return own
        known: SequenceKind = self.estimator.sequences_in_  # pyright: ignore[reportAttributeAccessIssue]
        places = [known.codes.get(token, UNKNOWN) for token in reads.table]
        return np.asarray(own)[[PADDING, UNKNOWN, *places]]

    @property
    def learned(self) -> Learned:
        """What the fit has left."""
        return self.estimator._learned

    @property
    def kind(self) -> str:
        """What it answers: "probabilities", "scores", "quantiles" or "values"."""
        if is_classifier(self.estimator):
            return "probabilities" if hasattr(self.estimator, "predict_proba") else "scores"
        return "quantiles" if self.learned.levels else "values"

    @property
    def is_double(self) -> bool:
        """Whether rows are read in float64: a column is far from 0 beside its spread."""
        return self.affine is None and bool(self.learned.anchor.any())

    @property
    def answers_double(self) -> bool:
        """Whether answers are in float64: the targets are far from 0 beside their spread."""
        return bool(self.learned.target_anchor.any())


def answering(model: Any, what: str) -> Answering:
    """Return the parts of a fitted network estimator, or of the model that a study has made of one.

    Args:
        model: what is to be written for another library.
        what: the function that asks, for messages.

    Raises:
        InputError: when it is no network.
        NotFittedError: before `fit`.
    """
    inner = getattr(model, "estimator", None)
    if isinstance(inner, NetworkEstimator) and hasattr(model, "feature_names"):
        calibration = model.calibration
        columns: tuple[int, ...] = ()
        if model.classes is not None:
            known = {int(code): place for place, code in enumerate(inner.classes_)}  # pyright: ignore[reportAttributeAccessIssue]
            columns = tuple(known.get(code, -1) for code in range(len(model.classes)))
        scaling = None if calibration is None or not calibration.scaling.changes else calibration.scaling
        encoding = model.encoding
        texts = encoding if isinstance(encoding, TextEncoding) and encoding.kind is not None else None
        return Answering(inner, model.affine, scaling, model.classes, columns, texts)
    if not isinstance(model, NetworkEstimator):
        held = inner if inner is not None and hasattr(model, "feature_names") else model
        raise InputError(
            f"{what} takes fitted networks (MLPClassifier, LinearRegressor, ...), got "
            f"{type(held).__name__}; what is no network has no layers to write."
        )
    with as_input_error():
        model._check_fitted()
    return Answering(model, classes=getattr(model, "classes_", None))


def lower_model(graph: Emitter, model: Answering, rows: Any) -> Any:
    """Write a model into a graph, from rows as `predict` takes them to the answer.

    Args:
        graph: of the other library.
        model: the parts.
        rows: the slot of the rows, float32, or float64 where `is_double` says so.

    Returns:
        The slot of the answer.
    """
    learned, codes = model.learned, model.codes
    encoding = learned.encoding
    x = _read(graph, model, rows)
    if codes is None:
        x = graph.combine("subtract", x, graph.array(np.asarray(encoding.shift, np.float32), "shift"))
        x = graph.combine("multiply", x, graph.array(np.asarray(encoding.scale, np.float32), "scale"))
    value = Value(x, (learned.shape.inputs,), (0, 1))
    problem = answering_problem(learned.shape)
    answers = []
    for place, member in enumerate(learned.members):
        network = assemble(problem, member.parameters, member.buffers)
        if codes is not None:
            network = with_codes(network, np.asarray(codes))
        found = ordered(graph, lower(graph, network, value, f"members.{place}"))
        answers.append(_of_member(graph, model, found))
    mean = _mean(graph, [answer.slot for answer in answers])
    if model.kind in ("probabilities", "scores"):
        return _of_classes(graph, model, mean)
    return _in_unit(graph, model, mean)


def _read(graph: Emitter, model: Answering, rows: Any) -> Any:
    """Return rows as they are stored: filled and scaled by the study, or as differences from an anchor."""
    if model.affine is not None:
        x = graph.as_type(rows, "float64")
        fill, shift, scale = (np.asarray(part, np.float64) for part in _parts(model.affine))
        x = graph.filled(x, graph.array(fill, "fill"))
        x = graph.combine("subtract", x, graph.array(shift, "column_shift"))
        x = graph.combine("multiply", x, graph.array(scale, "column_scale"))
        return graph.as_type(x, "float32")
    if not model.is_double:
        return rows
    anchor = graph.array(np.asarray(model.learned.anchor, np.float64), "anchor")
    return graph.as_type(graph.combine("subtract", rows, anchor), "float32")


def _parts(affine: Any) -> tuple[Any, Any, Any]:
    """Return the three parts of an affine map."""
    return affine.fill, affine.shift, affine.scale


def _of_member(graph: Emitter, model: Answering, found: Value) -> Value:
    """Return what one member contributes: probabilities, or sorted quantiles."""
    if model.kind == "probabilities":
        return replace(found, slot=graph.softmax(found.slot, 1))
    if model.kind == "quantiles":  # the unit of the target is the same for all, and keeps their order
        return replace(found, slot=graph.sorted(found.slot, found.shape[0]))
    return found


def _mean(graph: Emitter, slots: list[Any]) -> Any:
    """Return the mean of the members' answers."""
    total = slots[0]
    for slot in slots[1:]:
        total = graph.combine("add", total, slot)
    if len(slots) == 1:
        return total
    return graph.combine("divide", total, graph.array(np.float32(len(slots))))


def _of_classes(graph: Emitter, model: Answering, slot: Any) -> Any:
    """Return probabilities scaled as they were calibrated, one for each class of the study."""
    if model.scaling is not None:
        slot = lower_scaling(graph, model.scaling, slot)
    if not model.columns or model.columns == tuple(range(model.learned.shape.outputs)):
        return slot
    nothing = graph.cut(graph.combine("multiply", slot, graph.array(np.float32(0))), (0,), (1,), (1,))
    padded = graph.concatenate([slot, nothing], 1)
    last = model.learned.shape.outputs
    return graph.put_features(padded, tuple(last if place < 0 else place for place in model.columns))


def _in_unit(graph: Emitter, model: Answering, slot: Any) -> Any:
    """Return values in the targets' own unit."""
    learned, kind = model.learned, np.float64 if model.answers_double else np.float32
    shift = np.asarray(learned.encoding.target_shift, np.float64) + learned.target_anchor
    if model.answers_double:
        slot = graph.as_type(slot, "float64")
    scale = graph.array(np.asarray(learned.encoding.target_scale, kind), "target_scale")
    slot = graph.combine("divide", slot, scale)
    slot = graph.combine("add", slot, graph.array(np.asarray(shift, kind), "target_shift"))
    if learned.flat_target and model.kind == "values":
        slot = graph.put_shape(slot, ())
    return slot
