"""What a fitted network leaves behind, as the arrays that `gorae.evidence.judge` reads."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, Int, Num
from sklearn.base import is_classifier

from gorae.backend import own_numerics, select_devices
from gorae.estimators.given import given_rows
from gorae.estimators.learned import answering_problem
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.storage import stored_rows
from gorae.estimators.training_rows import label_codes
from gorae.evidence import Curves, HiddenLayer
from gorae.models.network import parameters_by_layer
from gorae.train import Asked, find_objective, hidden_activations

_SAMPLE = 1000
"""Rows that hidden layers answer for: enough to see a unit that fires in 1 % of them."""

_HINGE_AT_ZERO = {
    "hinge_crammer_singer": lambda classes: 1.0,
    "hinge_weston_watkins": lambda classes: classes - 1.0,
}
_WITH_DROPOUT = ("cross_entropy", "squared_error")


def curves_of(estimator: NetworkEstimator, rows: int, X: Any = None, y: Any = None) -> Curves:
    """Return how the members of a fitted network were trained.

    Args:
        estimator: a fitted network estimator, with the parameters it was fitted with.
        rows: how many rows it was fitted on.
        X: those rows, or None; they are looked at only where there was dropout.
        y: their targets, or None.
    """
    learned, members = estimator._learned, estimator._members
    recipe = estimator._recipe(learned.shape.inputs, learned.shape.outputs, rows)
    dropout = float(recipe.hyper.get("dropout", 0.0))
    return Curves(
        losses=tuple(np.asarray(m.history.train_loss, np.float64) for m in members),
        norms=tuple(np.asarray(m.history.gradient_norms, np.float64) for m in members),
        layers=tuple(estimator.layer_names_),
        sizes=tuple(
            sum(int(np.size(leaf)) for leaf in leaves)
            for leaves in parameters_by_layer(members[0].parameters).values()
        ),
        kept=tuple(m.best_epoch for m in members),
        uninformed=_uninformed(recipe.problem.objective, learned.shape.outputs),
        learning_rate=float(recipe.hyper["learning_rate"]),
        batch_size=min(recipe.problem.batch_size, rows),
        rows=rows,
        dropout=dropout,
        undropped=None if X is None or not dropout else _undropped(estimator, X, y),
        diverged=sum(m.diverged for m in members),
        early_stopping=bool(getattr(estimator, "early_stopping", False)),
    )


def sample_of(rows: int) -> Int[np.ndarray, " sample"]:
    """Return the places of up to 1000 rows, evenly spread over all.

    Example:
        >>> sample_of(4).tolist(), len(sample_of(10**6))
        ([0, 1, 2, 3], 1000)
    """
    return np.unique(np.linspace(0, rows - 1, min(rows, _SAMPLE)).round().astype(np.int32))


def hidden_of(estimator: NetworkEstimator, X: Any) -> tuple[HiddenLayer, ...]:
    """Return what the hidden layers of a fitted network's first member answer for up to 1000 rows of X.

    One program computes all layers. A unit that answers at many places of a row, as a filter does, has an
    answer a place.
    """
    learned = estimator._learned
    shape = learned.shape
    if not shape.hidden_widths:
        return ()
    matrix = stored_rows(given_rows(estimator, X), learned.anchor)
    rows = sample_of(len(matrix))
    member = learned.members[0]
    asked = Asked(member.parameters, member.buffers, learned.encoding, np.arange(len(rows)))
    devices = select_devices(estimator.device)  # pyright: ignore[reportAttributeAccessIssue]  every subclass has it
    values = hidden_activations(answering_problem(shape), matrix[rows], asked, devices=devices)
    parts = np.split(values, np.cumsum(shape.hidden_widths)[:-1], axis=1)
    layers = zip(estimator.layer_names_, shape.hidden_activations, shape.hidden_units, parts, strict=False)
    return tuple(HiddenLayer(name, kind, part.reshape(-1, units)) for name, kind, units, part in layers)


def training_losses(
    estimator: NetworkEstimator, answers: Float32[np.ndarray, "rows outputs"], y: Any
) -> Num[np.ndarray, " rows"]:
    """Return the loss of each row, as training counts it but without label smoothing.

    Args:
        estimator: a fitted network estimator.
        answers: what one member answers, in the model's scale (`NetworkEstimator._answers`).
        y: labels or values.
    """
    learned = estimator._learned
    objective = estimator._recipe(learned.shape.inputs, learned.shape.outputs, len(answers)).problem.objective
    if is_classifier(estimator):
        targets = label_codes(np.asarray(y), estimator.classes_)[1]  # pyright: ignore[reportAttributeAccessIssue]
    else:
        encoding = learned.encoding
        values = np.asarray(y, np.float64).reshape(len(answers), -1) - learned.target_anchor
        targets = ((values - encoding.target_shift) * encoding.target_scale).astype(np.float32)
    with own_numerics():
        losses = find_objective(objective)(jnp.asarray(answers), jnp.asarray(targets), 0.0)
    return np.asarray(losses, np.float64)


def _uninformed(objective: str, outputs: int) -> float | None:
    """Return the loss of an answer that ignores its row, or an upper bound of it whatever the rows weigh."""
    if objective == "cross_entropy":
        return float(np.log(outputs))
    if objective == "squared_error":
        return 0.5
    return _HINGE_AT_ZERO[objective](outputs) if objective in _HINGE_AT_ZERO else None


def _undropped(estimator: NetworkEstimator, X: Any, y: Any) -> tuple[float, ...] | None:
    """Return each member's mean loss with no unit silenced; None where classes weigh differently."""
    if getattr(estimator, "class_weight", None) is not None:
        return None
    answers = estimator._answers(X)
    return tuple(float(training_losses(estimator, own, y).mean()) for own in answers)
