"""Would more data help: a learning curve of the winner, as far as a share of the study's time allows."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline

from gorae.data.sequence_rows import PackedRows
from gorae.errors import InputError
from gorae.estimators.network import NetworkEstimator
from gorae.search import Rows
from gorae.study.ladder import final_estimator
from gorae.study.plan import Plan
from gorae.study.prepare import Prepared
from gorae.study.scaled import Scaled
from gorae.trust.learning_curve import learning_curve

_SHARE = 0.1
"""Of the study's time, what may be spent on the curve."""
_FOLDS = 5
_SIZES = (1 / 12, 1 / 6, 1 / 3, 0.6, 1.0)
_FEWEST_ROWS = 60


def growth_finding(
    row: Mapping[str, Any], plan: Plan, data: Prepared, seed: int, device: str | None
) -> dict[str, Any] | None:
    """Return what more data would bring the winner; None where the time, or the rows, do not suffice.

    An ensemble is measured by one of its networks: all of them would take as many times as long.

    Args:
        row: the winner's row of the ladder: its fits and seconds say what a fit takes.
        plan: members and budget.
        data: the data.
        seed: decides the folds.
        device: where.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    rows = data.rows
    folds = min(_FOLDS, data.folds)
    fits = folds * sum(_SIZES)
    a_fit = float(row["seconds"]) / max(int(row["fits"]), 1)
    if len(rows.matrix) < _FEWEST_ROWS or fits * a_fit > _SHARE * plan.budget:
        return None
    estimator = final_estimator(row["model"], row["settings"], plan, rows, seed=seed, device=device)
    members = int(getattr(estimator, "members", 1))
    if members > 1:
        estimator.set_params(members=1)
    whole = len(rows.matrix) * (folds - 1) // folds
    least = 2 * int(getattr(estimator, "n_neighbors", 1))
    sizes = [share for share in _SIZES if share * whole >= least]
    began = time.perf_counter()
    try:
        found = learning_curve(
            *ready_for_folds(estimator, rows),
            rows.targets if rows.classes else rows.targets[:, 0],
            sizes=sizes,
            cv=folds,
            repeats=1,
            groups=rows.groups,
            random_state=seed,
        )
    except InputError:  # a class has too few rows or groups for the smallest size
        return None
    model = row["model"] if members == 1 else f"a single network of the {row['model']}"
    return {**found.to_dict(), "model": model, "seconds": time.perf_counter() - began}


def ready_for_folds(estimator: Any, rows: Rows) -> tuple[Any, np.ndarray]:
    """Return an estimator that scales rows by those it learns from, and the rows that it takes.

    Networks do that themselves, all in one population; where values are missing they are fitted one by one,
    after what fills them by the rows learned from.

    Args:
        estimator: unfitted.
        rows: the data.
    """
    if rows.matrix.dtype == np.uint8 or isinstance(rows.matrix, PackedRows):
        return estimator, rows.matrix
    if isinstance(estimator, NetworkEstimator):
        if not rows.missing:
            return estimator.set_params(scale=rows.scale), rows.matrix
        estimator.set_params(scale=None)
    return make_pipeline(Scaled(rows.scale), estimator), rows.matrix
