"""The rungs of the ladder: what each model tries, and how it is scored by nested cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sklearn.dummy import DummyClassifier, DummyRegressor
from threadpoolctl import threadpool_limits

from gorae.backend import Device
from gorae.data.sequence_rows import PackedRows
from gorae.estimators import (
    CNNClassifier,
    CNNRegressor,
    GaussianBayes,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
)
from gorae.search import (
    NestedResult,
    OuterFold,
    Rows,
    Step,
    Tell,
    nested_estimator,
    nested_neighbors,
    nested_networks,
)
from gorae.study.plan import FULL_COVARIANCE, Plan
from gorae.study.text_rungs import text_rung, text_settings

_PATIENCE = 10
_THREADS_PAY = 256
_VALIDATION_SHARE = 0.1

_BAYES = (("shared", 0.01), ("full", 0.1), ("diagonal", 0.01), ("full", 0.01), ("full", 0.5), ("shared", 0.3))
_BAYES_OF_MANY_COLUMNS = (("diagonal", 0.01), ("diagonal", 0.1), ("diagonal", 0.5))
_VOTES = (
    (5, "distance"),
    (1, "uniform"),
    (10, "distance"),
    (3, "distance"),
    (20, "distance"),
    (40, "uniform"),
)
_LINEAR = ((5e-3, 1e-4), (5e-3, 1e-2), (1.25e-3, 1e-3), (1.25e-2, 1e-3), (5e-3, 1e-1))
"""Learning rate for many rows, and weight decay."""
_FEW_ROWS, _FEW_ROWS_FASTER = 5000, 4
"""With fewer rows there are fewer steps, which must be longer."""
_MLP = (
    (2e-3, 0.01),
    (5e-3, 0.1),
    (1e-3, 0.01),
    (1e-2, 0.01),
    (2e-3, 1.0),
    (5e-3, 0.001),
    (5e-4, 0.1),
    (1e-3, 0.5),
)
"""Learning rate and decoupled weight decay."""
_CNN = ((2e-3, 0.01), (5e-3, 0.01))
"""The same of convolutional networks."""


def settings_of(
    model: str, plan: Plan, rows: int, features: int, *, texts: bool = False
) -> list[dict[str, Any]]:
    """Return the settings that a model tries, as many as the plan allows, the most promising first.

    Args:
        model: a rung of the ladder.
        plan: how many settings.
        rows: rows to learn from; there are never more neighbours than half of them.
        features: columns; where there are very many, Bayes takes them as independent.
        texts: whether rows are packed texts.
    """
    if model == "chance":
        return []
    if texts:
        every = text_settings(model)
    elif model == "bayes":
        tried = _BAYES if features <= FULL_COVARIANCE else _BAYES_OF_MANY_COLUMNS
        every = [{"covariance": covariance, "shrinkage": share} for covariance, share in tried]
    elif model == "knn":
        every = [
            {"n_neighbors": k, "metric": metric, "weights": weights}
            for metric in ("euclidean", "manhattan")
            for k, weights in _VOTES
            if k == 1 or 2 * k <= rows
        ]
    elif model == "linear":
        faster = _FEW_ROWS_FASTER if rows < _FEW_ROWS else 1
        every = [{"learning_rate": faster * rate, "weight_decay": decay} for rate, decay in _LINEAR]
    else:
        tried = _CNN if model == "cnn" else _MLP
        every = [{"learning_rate": rate, "weight_decay": decay} for rate, decay in tried]
    return every[: max(1, plan.settings["mlp" if model == "ensemble" else model])]


def unfitted(model: str, classes: bool, **shared: Any) -> Any:
    """Return an unfitted estimator of a model.

    Args:
        model: "bayes", "knn", "linear", or one of the networks.
        classes: whether it is to tell classes.
        **shared: parameters of models that are trained; the others have none of them.
    """
    if model == "bayes":
        return GaussianBayes()
    if model == "knn":
        return KNeighborsClassifier() if classes else KNeighborsRegressor()
    if model == "linear":
        return (LinearClassifier if classes else LinearRegressor)(schedule="cosine", **shared)
    if model == "cnn":
        kind = CNNClassifier if classes else CNNRegressor
        return kind(optimizer="adamw", schedule="cosine", **shared)
    kind = MLPClassifier if classes else MLPRegressor
    return kind(hidden=(128,), optimizer="adamw", schedule="cosine", **shared)


def prototype_of(
    model: str, plan: Plan, rows: Rows, *, members: int = 1, seed: Any, device: str | None
) -> Any:
    """Return an unfitted estimator of a model, with what all its settings share."""
    shared = {
        "batch_size": plan.batch_size,
        "epochs": plan.epochs.get(model, plan.epochs.get("mlp", 1)),
        "early_stopping": True,
        "validation_fraction": _VALIDATION_SHARE,
        "patience": _PATIENCE,
        "members": members,
        "random_state": seed,
        "device": device,
    }
    if isinstance(rows.matrix, PackedRows):
        return text_rung(model, rows.matrix, rows.classes, **shared)
    if model == "cnn":
        shared["image_shape"] = rows.image_shape
    return unfitted(model, rows.classes > 0, **shared)


def climb(
    model: str,
    rows: Rows,
    plan: Plan,
    folds: Sequence[OuterFold],
    *,
    seed: int,
    device: str | None,
    devices: list[Device],
    tell: Tell,
) -> dict[str, NestedResult]:
    """Score one rung by nested cross-validation; the network rung gives the ensemble's score as well.

    Args:
        model: "chance", "bayes", "knn", "linear", "mlp", "cnn", "bag" or "gru".
        rows: the data, in the form that the model reads.
        plan: how much of everything.
        folds: outer folds with their inner splits.
        seed: the root seed.
        device: the user's word for where.
        devices: where.
        tell: hears how far it is.

    Returns:
        Results by the name of the rung. An ensemble beside the single network counts the fits and seconds of
        its further members only; an ensemble alone counts all.
    """
    if model == "chance":
        dummy = DummyClassifier(strategy="prior") if rows.classes else DummyRegressor()
        return {model: nested_estimator(dummy, [{}], rows, folds, progress=tell)}
    settings = settings_of(model, plan, *rows.matrix.shape, texts=isinstance(rows.matrix, PackedRows))
    if model == "knn":
        found = nested_neighbors(settings, rows, folds, most_train_rows=plan.neighbor_rows, progress=tell)
        return {model: found}
    prototype = prototype_of(model, plan, rows, seed=seed, device=device)
    if model == "bayes":
        with blas_threads(rows.matrix.shape[1]):
            return {model: nested_estimator(prototype, settings, rows, folds, progress=tell)}

    def in_metric(step: Step) -> None:
        tell(step if rows.classes else step._replace(best=1.0 + step.best))

    members = plan.members if model == "mlp" and "ensemble" in plan.models else 1
    single, ensemble = nested_networks(
        prototype,
        settings,
        rows,
        folds,
        members=members,
        validation_fraction=_VALIDATION_SHARE,
        seed=seed,
        devices=devices,
        progress=in_metric,
    )
    if ensemble is None:
        return {model: single}
    if model not in plan.models:
        fits, seconds = ensemble.fits + single.fits, ensemble.seconds + single.seconds
        ensemble = replace(ensemble, fits=fits, seconds=seconds)
    return {model: single, "ensemble": ensemble}


def blas_threads(columns: int) -> threadpool_limits:
    """Return what holds linear algebra to one thread inside a `with` where matrices have few columns.

    They gain nothing from more, and lose much where cores are busy.
    """
    return threadpool_limits(1 if columns < _THREADS_PAY else None)


def final_estimator(
    model: str, setting: Mapping[str, Any], plan: Plan, rows: Rows, *, seed: Any, device: str | None
) -> Any:
    """Return the unfitted estimator that the winning rung becomes."""
    members = plan.members if model == "ensemble" else 1
    estimator = prototype_of(model, plan, rows, members=members, seed=seed, device=device)
    return estimator.set_params(**setting)
