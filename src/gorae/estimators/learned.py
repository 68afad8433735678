"""What a fitted network estimator holds, as arrays and JSON and back."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gorae.errors import DamagedFileError
from gorae.estimators.saving import labels_from_meta, labels_to_meta
from gorae.train import MemberResult, SplitRows
from gorae.train.history import as_history
from gorae.train.problem import parameter_shapes

ENCODING = ("fill", "shift", "scale", "target_shift", "target_scale")
"""The fields of a split that say how rows are read; the rest says which rows."""


def encoding_only(parts: Mapping[str, np.ndarray]) -> SplitRows:
    """Return a split that holds an encoding and no rows."""
    empty = np.zeros(0, np.int32)
    rest = {name: empty for name in SplitRows._fields if name not in ENCODING}
    return SplitRows(**{name: np.asarray(parts[name]) for name in ENCODING}, **rest)


def set_learned(estimator: Any) -> None:
    """Set the public attributes that follow from the members."""
    members = estimator._members
    estimator.n_iter_ = max(member.epochs for member in members)
    first = members[0].history
    estimator.loss_curve_ = [float(v) for v in first.train_loss]
    estimator.validation_scores_ = [float(v) for v in first.validation_score if np.isfinite(v)]
    estimator.diverged_members_ = [i for i, member in enumerate(members) if member.diverged]


def network_state(estimator: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what a file of this estimator holds."""
    arrays = {f"encoding/{name}": np.asarray(getattr(estimator._encoding, name)) for name in ENCODING}
    arrays["anchor"] = estimator._anchor
    arrays["target_anchor"] = estimator._target_anchor
    for i, member in enumerate(estimator._members):
        leaves = jax.tree.leaves((member.parameters, member.buffers))
        arrays.update({f"member/{i}/{j}": np.asarray(leaf) for j, leaf in enumerate(leaves)})
        arrays[f"history/{i}"] = np.column_stack(
            [
                member.history.train_loss,
                member.history.validation_loss,
                member.history.validation_score,
                member.history.gradient_norms,
            ]
        )
    meta = {
        "parameters": parameters_to_meta(estimator.get_params()),
        "sizes": list(estimator._sizes),
        "members": [[m.best_epoch, m.epochs, m.steps, m.diverged_step] for m in estimator._members],
        "features": estimator.n_features_in_,
        "feature_names": [str(v) for v in getattr(estimator, "feature_names_in_", [])],
        "classes": labels_to_meta(estimator.classes_) if hasattr(estimator, "classes_") else None,
        "flat_target": bool(getattr(estimator, "_flat_target", True)),
    }
    return arrays, meta


def restore_network(estimator: Any, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Set on a new estimator what a file holds.

    Raises:
        DamagedFileError: when the arrays are not those that the settings ask for.
    """
    estimator._sizes = tuple(int(size) for size in meta["sizes"])
    shapes = parameter_shapes(estimator._recipe(*estimator._sizes).problem)
    wanted, structure = jax.tree.flatten(shapes)
    estimator._members = []
    for i, (best, epochs, steps, diverged) in enumerate(meta["members"]):
        leaves = [arrays.get(f"member/{i}/{j}") for j in range(len(wanted))]
        for leaf, shape in zip(leaves, wanted, strict=True):
            if leaf is None or leaf.shape != shape.shape or leaf.dtype != shape.dtype:
                raise DamagedFileError(f"member {i} does not have the parameters its settings ask for.")
        parameters, buffers = jax.tree.unflatten(structure, leaves)
        history = as_history(arrays[f"history/{i}"])
        estimator._members.append(MemberResult(parameters, buffers, history, best, epochs, steps, diverged))
    encoding = {name: arrays[f"encoding/{name}"] for name in ENCODING}
    estimator._encoding = encoding_only(encoding)
    estimator._anchor = arrays["anchor"]
    estimator._target_anchor = arrays["target_anchor"]
    estimator._flat_target = meta["flat_target"]
    estimator.n_features_in_ = int(meta["features"])
    if meta["feature_names"]:
        estimator.feature_names_in_ = np.array(meta["feature_names"], dtype=object)
    if meta["classes"] is not None:
        estimator.classes_ = labels_from_meta(meta["classes"])
    set_learned(estimator)


def parameters_to_meta(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return constructor parameters as JSON; what is no plain value is left at its default."""
    plain = {}
    for name, value in parameters.items():
        if name == "random_state" and not isinstance(value, int | np.integer | None):
            continue
        if name == "checkpoint":
            continue
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, tuple | list):
            value = [int(v) for v in value]
        if isinstance(value, dict):
            value = {"__pairs__": [[_plain(k), float(v)] for k, v in value.items()]}
        plain[name] = value
    return plain


def parameters_from_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return constructor parameters from JSON."""
    parameters = {}
    for name, value in meta.items():
        if isinstance(value, list):
            value = tuple(value)
        if isinstance(value, dict):
            value = dict(value["__pairs__"])
        parameters[name] = value
    return parameters


def _plain(value: Any) -> Any:
    """Return a numpy scalar as Python's own."""
    return value.item() if isinstance(value, np.generic) else value
