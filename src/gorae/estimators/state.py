"""A fitted network estimator as arrays and JSON, and back: what its file holds.

A file may come from anybody. So nothing is made by its metadata alone: sizes are believed only as far as the
file's own arrays go, and what does not fit together is refused.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from sklearn.base import is_classifier

from gorae.errors import DamagedFileError
from gorae.estimators.learned import (
    ENCODING,
    Learned,
    answering_problem,
    encoding_of,
    encoding_only,
    set_learned,
)
from gorae.estimators.meta_reading import (
    checked_count,
    read_array,
    read_count,
    read_feature_names,
    read_flag,
    read_list,
    read_mapping,
)
from gorae.estimators.parameter_meta import parameters_from_meta, parameters_to_meta
from gorae.estimators.parameters import LARGEST_COUNT, check_levels
from gorae.estimators.saving import labels_from_meta, labels_to_meta
from gorae.estimators.sequence_files import sequences_from_file, sequences_to_file
from gorae.estimators.shapes import shape_from_meta, shape_to_meta
from gorae.models.shape import NetworkShape
from gorae.train import MemberResult, layer_names
from gorae.train.history import as_history
from gorae.train.member import RECORD
from gorae.train.problem import parameter_shapes

_LARGEST_SEED = 2**32 - 1


def network_state(estimator: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what a file of this estimator holds."""
    learned: Learned = estimator._learned
    arrays = {f"encoding/{name}": part for name, part in encoding_of(learned.encoding).items()}
    arrays["anchor"] = learned.anchor
    arrays["target_anchor"] = learned.target_anchor
    for i, member in enumerate(learned.members):
        leaves = jax.tree.leaves((member.parameters, member.buffers))
        arrays.update({f"member/{i}/{j}": np.asarray(leaf) for j, leaf in enumerate(leaves)})
        arrays[f"history/{i}"] = np.column_stack(list(member.history)).astype(np.float32)
    told_sequences, codes = sequences_to_file(estimator)
    arrays.update(codes)
    meta = {
        "parameters": parameters_to_meta(estimator.get_params(deep=False)),
        "network": shape_to_meta(learned.shape),
        "seed": learned.seed,
        "streams": list(learned.streams),
        "members": [[m.best_epoch, m.epochs, m.steps, m.diverged_step] for m in learned.members],
        "feature_names": [str(v) for v in getattr(estimator, "feature_names_in_", [])],
        "classes": labels_to_meta(estimator.classes_) if hasattr(estimator, "classes_") else None,
        "flat_target": learned.flat_target,
        **told_sequences,
        **({"levels": list(learned.levels)} if learned.levels else {}),
    }
    return arrays, meta


def restored(
    cls: Any, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], shape: NetworkShape | None = None
) -> Any:
    """Return the fitted estimator that a file holds.

    Args:
        cls: its class.
        arrays: of the file.
        meta: of the file.
        shape: of its networks; None for what the file says.

    Raises:
        DamagedFileError: when metadata and arrays do not fit together.
        InputError: when a value is out of its range.
    """
    estimator = cls(**parameters_from_meta(cls, read_mapping(meta, "parameters")))
    shape = shape or shape_from_meta(read_mapping(meta, "network"), arrays)
    estimator.n_features_in_ = shape.inputs
    kind = sequences_from_file(shape, arrays, meta)
    if kind is not None:
        estimator.sequences_in_ = kind
    names = read_feature_names(meta, shape.inputs)
    if names is not None:
        estimator.feature_names_in_ = names
    of_classes = is_classifier(estimator) or getattr(cls, "_answers_tags", False)
    if of_classes:
        estimator.classes_ = labels_from_meta(read_mapping(meta, "classes"))
        if len(estimator.classes_) != shape.outputs:
            raise DamagedFileError(
                f"{len(estimator.classes_)} class labels do not fit {shape.outputs} outputs."
            )
    levels = _read_levels(cls, shape.outputs, meta)
    targets = 0 if of_classes else 1 if levels else shape.outputs
    set_learned(estimator, replace(_read_learned(shape, targets, arrays, meta), levels=levels))
    return estimator


def _read_learned(
    shape: NetworkShape, outputs: int, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
) -> Learned:
    """Return what the fit had left; `outputs` is the number of targets, 0 for classes."""
    sizes = {"fill": shape.inputs, "shift": shape.inputs, "scale": shape.inputs}
    parts = {name: read_array(arrays, f"encoding/{name}", (sizes.get(name, outputs),)) for name in ENCODING}
    parts.update({"codes": arrays["encoding/codes"]} if "encoding/codes" in arrays else {})
    if (parts["target_scale"] == 0).any():
        raise DamagedFileError("the targets' scale must not be 0.")
    streams = read_list(meta, "streams", most=len(arrays))
    told = read_list(meta, "members", most=len(arrays))
    if not streams or len(told) != len(streams) or len(set(streams)) != len(streams):
        raise DamagedFileError("there must be one distinct stream a member, and a member at least.")
    flat = read_flag(meta, "flat_target")
    return Learned(
        shape=shape,
        encoding=encoding_only(parts),
        anchor=read_array(arrays, "anchor", (shape.inputs,), np.float64),
        target_anchor=read_array(arrays, "target_anchor", (outputs,), np.float64),
        flat_target=flat and outputs <= 1,
        seed=read_count(meta, "seed", high=_LARGEST_SEED),
        streams=tuple(checked_count(stream, "a stream", 0, LARGEST_COUNT) for stream in streams),
        members=tuple(_read_member(shape, i, numbers, arrays) for i, numbers in enumerate(told)),
    )


def _read_levels(cls: Any, outputs: int, meta: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the levels of the quantiles that a class answers; none for a class that answers other things."""
    if not getattr(cls, "_answers_quantiles", False):
        return ()
    levels = check_levels(read_list(meta, "levels", most=outputs))
    if len(levels) != outputs:
        raise DamagedFileError(f"{len(levels)} levels do not fit {outputs} outputs.")
    return levels


def _read_member(
    shape: NetworkShape, place: int, numbers: Any, arrays: Mapping[str, np.ndarray]
) -> MemberResult:
    """Return one member, if its arrays are those that the shape asks for."""
    problem = answering_problem(shape)
    wanted, structure = jax.tree.flatten(parameter_shapes(problem))
    leaves = [
        read_array(arrays, f"member/{place}/{j}", leaf.shape, leaf.dtype) for j, leaf in enumerate(wanted)
    ]
    parameters, buffers = jax.tree.unflatten(structure, leaves)
    if not isinstance(numbers, list) or len(numbers) != 4:
        raise DamagedFileError(f"member {place} must have four numbers, got {numbers!r:.80}.")
    best, epochs, steps = (checked_count(n, "epochs and steps", 0, LARGEST_COUNT) for n in numbers[:3])
    diverged = checked_count(numbers[3], "the step of divergence", -1, LARGEST_COUNT)
    records = arrays.get(f"history/{place}")
    width = len(RECORD) + len(layer_names(problem))
    if records is None or records.ndim != 2 or records.shape[1] != width or records.dtype != np.float32:
        raise DamagedFileError(f"the history of member {place} must have {width} columns of float32.")
    return MemberResult(parameters, buffers, as_history(records), best, epochs, steps, diverged)
