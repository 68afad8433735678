"""What a search is made of: the estimator of a model with what stands before it, and the model it becomes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from gorae.data.sequence_rows import PackedRows
from gorae.errors import ParameterError
from gorae.estimators.network import NetworkEstimator
from gorae.study.ladder import unfitted
from gorae.study.prepare import Prepared
from gorae.study.scaled import Scaled
from gorae.study.text_rungs import form_of, text_rung
from gorae.study.winner import Winner, reference_of

SEARCHED = ("bayes", "knn", "linear", "mlp", "sequence")
"""The models, simplest first."""

STEP = "model"
"""The name of the model itself in a pipeline."""


def read_by(model: str, data: Prepared) -> Prepared:
    """Return the data with texts in the form that a model reads; data of other kinds as they are."""
    return data.in_form(form_of("bag" if model == "sequence" else model))


def winner_of(model: str, fitted: Any, data: Prepared) -> Winner:
    """Return the best setting's model, apart from what fills and scales its rows."""
    last = last_step(fitted)
    affine = fitted.steps[0][1].affine_ if isinstance(fitted, Pipeline) else None
    return Winner(model, last, affine, reference_of(last, affine, data))


def last_step(estimator: Any) -> Any:
    """Return the model itself, where filling and scaling stand before it too."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def estimator_of(model: str, data: Prepared, *, seed: int, device: str | None) -> Any:
    """Return the unfitted estimator of a model: with filling and scaling before it, unless rows are bytes.

    Args:
        model: one of `SEARCHED`.
        data: the data in the form that the model reads (`read_by`).
        seed: of the model.
        device: None, "cpu", "gpu" or "tpu".

    Raises:
        ParameterError: when the model is unknown, or does not fit the task or the rows.
    """
    classes = data.rows.classes > 0
    if model not in SEARCHED:
        raise ParameterError(f"model must be one of {', '.join(SEARCHED)}, got {model!r}.")
    if isinstance(data.rows.matrix, PackedRows):
        training = {"early_stopping": True, "schedule": "cosine", "random_state": seed, "device": device}
        rung = "linear" if model == "linear" else "bag"
        return text_rung(rung, data.rows.matrix, data.rows.classes, **training)
    if model == "sequence":
        raise ParameterError(
            "the model 'sequence' reads texts, and these rows are none; take another one, or name the column "
            "of texts with text=... (--text COLUMN)."
        )
    if model == "bayes" and not classes:
        raise ParameterError("the model 'bayes' needs classes, but the task is regression; take another one.")
    one = unfitted(model, classes, early_stopping=True, random_state=seed, device=device)
    if data.rows.matrix.dtype == np.uint8:
        return one
    if isinstance(one, NetworkEstimator):
        one.set_params(scale=None)
    return Pipeline([("scale", Scaled(data.rows.scale)), (STEP, one)])


def parts_of(space: Any) -> list[Any]:
    """Return the parts of a space."""
    return [space] if isinstance(space, Mapping) else list(space)


def prefixed(space: Any) -> list[dict[str, Any]]:
    """Return a space whose names are those of a pipeline's last step."""
    return [{f"{STEP}__{name}": values for name, values in part.items()} for part in parts_of(space)]
