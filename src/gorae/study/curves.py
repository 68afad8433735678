"""`curve_of_data`: the learning curve of a model of the ladder, from a data set as a study takes it."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gorae.backend import cores
from gorae.data.sequence_rows import PackedRows
from gorae.estimators.parameters import check_choice, check_count, root_seed
from gorae.files import atomic_write
from gorae.report import render_curve_report
from gorae.search import Rows
from gorae.study.findings import made
from gorae.study.growth import ready_for_folds
from gorae.study.ladder import final_estimator, settings_of
from gorae.study.plan import choose_models, machine_speed, make_plan
from gorae.study.prepare import Prepared, prepare
from gorae.study.progress import Bars, Silent
from gorae.study.text_curve import CurveRung, rung_of_curve
from gorae.study.text_rungs import form_of
from gorae.trust import MeasuredCurve, learning_curve

__all__ = ["DataCurve", "curve_of_data"]

_MODELS = ("bayes", "knn", "linear", "mlp", "bag", "gru")
_OF_TABLES = "mlp"
_BUDGET = 600.0


@dataclass(frozen=True)
class DataCurve:
    """A learning curve, and what it was measured on.

    Attributes:
        curve: the curve, with its answer.
        model: the rung of the ladder.
        data: name, rows, columns, classes, task, target, and texts: the column of texts, or None.
        notes: sentences on the model, and on what was done to the data.
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
        texts = self.data["texts"]
        what = f"texts of {texts}" if texts is not None else f"{self.data['columns']:,} columns"
        facts = [f"{self.data['rows']:,} rows", what]
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
    model: str | None = None,
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

    Rows are encoded as a study encodes them; the model has the settings that the ladder tries first. Texts
    are read by a rung of the ladder of texts, each fit with the words of its own rows.

    Args:
        X: rows: a pandas, polars or pyarrow frame with numbers, text and missing values, or an array.
        y: the target, one a row.
        model: "bayes", "knn", "linear" or "mlp"; of texts "knn", "linear", "bag" or "gru". None for an mlp,
            of texts for the one that is best on a fifth of them, of those that some minutes suffice for.
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
    if model is not None:
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
    rung = _rung(model, data, sizes, cv, repeats, seed, verbose)
    rows = data.in_form(form_of(rung.model)).rows
    estimator, matrix = ready_for_folds(_estimator(rung, rows, seed), rows)
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
        "texts": data.text_column,
    }
    return DataCurve(found, rung.model, facts, (*rung.notes, *notes, *data.notes))


def _rung(
    model: str | None, data: Prepared, sizes: Any, cv: int, repeats: int | None, seed: int, verbose: int
) -> CurveRung:
    """Return the rung of columns or of texts that is measured, with its plan.

    Raises:
        ParameterError: when the rung does not fit the task or the rows.
    """
    if data.texts is not None:
        return rung_of_curve(
            model,
            data,
            sizes=sizes,
            folds=check_count("cv", cv, low=2),
            repeats=1 if repeats is None else check_count("repeats", repeats),
            budget=_BUDGET,
            seed=seed,
            heard=Bars() if verbose else Silent(),
        )
    model = _OF_TABLES if model is None else model
    models = choose_models([model], data.task)
    rows, columns = data.rows.matrix.shape
    plan = make_plan(rows, columns, data.rows.classes, models, budget=_BUDGET, speed=machine_speed())
    return CurveRung(model, plan, ())


def _estimator(rung: CurveRung, rows: Rows, seed: int) -> Any:
    """Return the unfitted estimator of a rung, with the settings that are tried first."""
    texts = isinstance(rows.matrix, PackedRows)
    setting = settings_of(rung.model, rung.plan, *rows.matrix.shape, texts=texts)[0]
    return final_estimator(rung.model, setting, rung.plan, rows, seed=seed, device=None)
