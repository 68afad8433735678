"""The rungs of the ladder: what each model tries, and how it is scored by nested cross-validation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from sklearn.dummy import DummyClassifier, DummyRegressor

from gorae.estimators import (
    GaussianBayes,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
)
from gorae.search import NestedResult, OuterFold, Rows, nested_estimator, nested_neighbors, nested_networks
from gorae.study.plan import Plan
from gorae.train import Progress

_PATIENCE = 10
_VALIDATION_SHARE = 0.1

Tell = Callable[[float, float], None]


def settings_of(model: str, plan: Plan) -> list[dict[str, Any]]:
    """Return the settings that a model tries, as many as the plan allows, the most promising first."""
    if model == "bayes":
        pairs = [
            ("shared", 0.01),
            ("full", 0.1),
            ("diagonal", 0.01),
            ("full", 0.01),
            ("full", 0.5),
            ("shared", 0.3),
        ]
        every = [{"covariance": c, "shrinkage": s} for c, s in pairs]
    elif model == "knn":
        votes = [
            (5, "distance"),
            (1, "uniform"),
            (10, "distance"),
            (3, "distance"),
            (20, "distance"),
            (40, "uniform"),
        ]
        every = [
            {"n_neighbors": k, "metric": metric, "weights": weights}
            for metric in ("euclidean", "manhattan")
            for k, weights in votes
        ]
    elif model == "linear":
        every = [{"weight_decay": w} for w in (1e-3, 1e-2, 1e-4, 1e-1, 0.0)]
    else:
        pairs = [
            (2e-3, 0.01),
            (5e-3, 0.1),
            (1e-3, 0.01),
            (1e-2, 0.01),
            (2e-3, 1.0),
            (5e-3, 0.001),
            (5e-4, 0.1),
            (1e-3, 0.5),
        ]
        every = [{"learning_rate": rate, "weight_decay": decay} for rate, decay in pairs]
    return every[: max(1, plan.settings["mlp" if model == "ensemble" else model])]


def prototype_of(
    model: str, plan: Plan, rows: Rows, *, members: int = 1, seed: Any, device: str | None
) -> Any:
    """Return an unfitted estimator of a model, with what all its settings share."""
    classes = rows.classes > 0
    if model == "bayes":
        return GaussianBayes()
    if model == "knn":
        return KNeighborsClassifier() if classes else KNeighborsRegressor()
    shared = {
        "batch_size": plan.batch_size,
        "epochs": plan.epochs["linear" if model == "linear" else "mlp"],
        "early_stopping": True,
        "validation_fraction": _VALIDATION_SHARE,
        "patience": _PATIENCE,
        "members": members,
        "random_state": seed,
        "device": device,
    }
    if model == "linear":
        kind = LinearClassifier if classes else LinearRegressor
        return kind(learning_rate=5e-3, schedule="cosine", **shared)
    kind = MLPClassifier if classes else MLPRegressor
    return kind(hidden=(128,), optimizer="adamw", schedule="cosine", **shared)


def climb(
    model: str,
    rows: Rows,
    plan: Plan,
    folds: Sequence[OuterFold],
    *,
    seed: int,
    device: str | None,
    devices: list[jax.Device],
    tell: Tell,
) -> dict[str, NestedResult]:
    """Score one rung by nested cross-validation; the network rung gives the ensemble's score as well.

    Args:
        model: "chance", "bayes", "knn", "linear" or "mlp".
        rows: the data.
        plan: how much of everything.
        folds: outer folds with their inner splits.
        seed: the root seed.
        device: the user's word for where.
        devices: where.
        tell: told (share done, best score so far or NaN).

    Returns:
        Results by the name of the rung.
    """

    def counted(done: int, planned: int) -> None:
        tell(done / planned, float("nan"))

    if model == "chance":
        dummy = DummyClassifier(strategy="prior") if rows.classes else DummyRegressor()
        return {model: nested_estimator(dummy, [{}], rows, folds, progress=counted)}
    settings = settings_of(model, plan)
    if model == "knn":
        found = nested_neighbors(settings, rows, folds, most_train_rows=plan.neighbor_rows, progress=counted)
        return {model: found}
    prototype = prototype_of(model, plan, rows, seed=seed, device=device)
    if model == "bayes":
        return {model: nested_estimator(prototype, settings, rows, folds, progress=counted)}

    def trained(progress: Progress) -> None:
        share = max(progress.finished / progress.members, progress.epochs / max(progress.epochs_planned, 1))
        tell(share, progress.best_score if rows.classes else 1 + progress.best_score)

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
        progress=trained,
    )
    return {model: single} if ensemble is None else {model: single, "ensemble": ensemble}


def final_estimator(
    model: str, setting: Mapping[str, Any], plan: Plan, rows: Rows, *, seed: Any, device: str | None
) -> Any:
    """Return the unfitted estimator that the winning rung becomes."""
    members = plan.members if model == "ensemble" else 1
    estimator = prototype_of(model, plan, rows, members=members, seed=seed, device=device)
    return estimator.set_params(**setting)
