"""`curve_of_data`: the learning curve of a model of the ladder, from a data set as a study takes it."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gorae.backend import cores
from gorae.estimators.parameters import check_choice, root_seed
from gorae.files import atomic_write
from gorae.report import render_curve_report
from gorae.study.findings import made
from gorae.study.growth import ready_for_folds
from gorae.study.ladder import final_estimator, settings_of
from gorae.study.plan import choose_models, machine_speed, make_plan
from gorae.study.prepare import Prepared, prepare
from gorae.trust import MeasuredCurve, learning_curve

__all__ = ["DataCurve", "curve_of_data"]

_MODELS = ("bayes", "knn", "linear", "mlp")
_BUDGET = 600.0


@dataclass(frozen=True)
class DataCurve:
    """A learning curve, and what it was measured on.

    Attributes:
        curve: the curve, with its answer.
        model: the rung of the ladder.
        data: name, rows, columns, classes, task and target.
        notes: sentences on what was done to the data.
    """

    curve: MeasuredCurve
    model: str
    data: dict[str, Any]
    notes: tuple[str, ...]

    def report(self, path: str | Path, *, force: bool = False) -> None:
        """Write the report: one HTML file that needs nothing else.

        Raises:
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written.
        """
        facts = [f"{self.data['rows']:,} rows", f"{self.data['columns']:,} columns"]
        if self.data["classes"] is not None:
            facts.append(f"{len(self.data['classes'])} classes")
        if self.data["target"] is not None:
            facts.append(f"target {self.data['target']}")
        own = {"cores": str(cores()), "system": platform.machine(), "python": platform.python_version()}
        page = render_curve_report(
            {**self.curve.to_dict(), "model": self.model},
            title=f"gorae: would more data help? {self.data['name']}",
            about={"facts": facts, "notes": self.notes, "machine": own, **made()},
        )
        atomic_write(path, page, force=force)


def curve_of_data(
    X: Any,
    y: Any,
    *,
    model: str = "mlp",
    sizes: Any = None,
    cv: int = 5,
    repeats: int | None = None,
    scoring: Any = None,
    random_state: Any = 0,
    groups: Any = None,
    task: str | None = None,
    image_shape: tuple[int, ...] | None = None,
    feature_names: Sequence[str] | None = None,
    text: str | None = None,
    notes: Sequence[str] = (),
    name: str = "data",
    target: str | None = None,
    verbose: int = 0,
) -> DataCurve:
    """Measure how a model of the ladder learns from more and more of the rows.

    Rows are encoded as a study encodes them; the model has the settings that the ladder tries first.

    Args:
        X: rows: a pandas, polars or pyarrow frame with numbers, text and missing values, or an array.
        y: the target, one a row.
        model: "bayes", "knn", "linear" or "mlp".
        sizes: as `gorae.learning_curve` takes them; so are cv, repeats and scoring.
        cv: folds.
        repeats: how often rows are cut into folds anew, or None.
        scoring: how models are scored, or None.
        random_state: seed of everything.
        groups: a group a row; rows of a group are never on both sides of a fold.
        task: "classification", "regression", or None to tell from the targets.
        image_shape: height and width, where rows are pictures given flat.
        feature_names: what an array's columns are called.
        text: the column of texts to learn from; None to tell by the content.
        notes: sentences on what was done to the data before.
        name: what the data are called.
        target: what the target is called.
        verbose: 0 is silent, 1 shows a progress bar on standard error.

    Returns:
        The curve with what it was measured on.

    Raises:
        DataError: when the data cannot be learned from.
        ParameterError: when a parameter is out of its range, or the model does not fit the task.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> found = curve_of_data(*load_iris(return_X_y=True), model="bayes", name="iris")
        >>> found.curve.verdict in ("helps", "hardly", "unclear"), found.data["task"]
        (True, 'classification')
    """
    check_choice("model", model, _MODELS)
    seed = root_seed(random_state)
    data = prepare(
        X,
        y,
        task=task,
        hold_out=False,
        groups=groups,
        image_shape=image_shape,
        feature_names=feature_names,
        text=text,
        seed=seed,
    )
    rows = data.rows
    estimator, matrix = ready_for_folds(_estimator(model, data, seed), rows)
    targets = rows.targets[:, 0] if data.classes is None else np.asarray(data.classes)[rows.targets]
    found = learning_curve(
        estimator,
        matrix,
        targets,
        sizes=sizes,
        cv=cv,
        repeats=repeats,
        groups=rows.groups,
        scoring=scoring,
        random_state=seed,
        verbose=verbose,
    )
    facts = {
        "name": name,
        "rows": len(rows.matrix),
        "columns": data.columns,
        "classes": None if data.classes is None else [str(label) for label in data.classes],
        "task": data.task,
        "target": target,
    }
    return DataCurve(found, model, facts, (*notes, *data.notes))


def _estimator(model: str, data: Prepared, seed: int) -> Any:
    """Return the unfitted estimator of a rung, with the settings that are tried first."""
    rows = data.rows
    models = choose_models([model], data.task)
    count, columns = rows.matrix.shape
    plan = make_plan(count, columns, rows.classes, models, budget=_BUDGET, speed=machine_speed())
    setting = settings_of(model, plan, count, columns)[0]
    return final_estimator(model, setting, plan, rows, seed=seed, device=None)
