"""`Study`: plans the ladder within a budget, climbs it, gathers the evidence, fits the winner, reports."""

import datetime
import importlib.metadata
import platform
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator

import gorae.errors as errors
from gorae.backend import cores, select_devices
from gorae.data import check_classes, fit_affine
from gorae.errors import DataError
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.parameters import root_seed
from gorae.files import atomic_write
from gorae.report import render_report
from gorae.search import NestedResult, nested_folds
from gorae.study.findings import (
    class_findings,
    compare_ladder,
    gap_of,
    history_findings,
    ladder_row,
    test_finding,
    value_findings,
)
from gorae.study.ladder import climb, final_estimator, settings_of
from gorae.study.model import Reference, StudyModel, features_of, probabilities
from gorae.study.plan import choose_models, machine_speed, make_plan
from gorae.study.prepare import Prepared, prepare
from gorae.study.progress import Bars, Listener, Silent
from gorae.train import layer_names

_REFERENCE_ROWS = 5000


class Study(BaseEstimator):
    """From a data set to a model with its evidence, within a time budget.

    A fifth of the rows is held out before anything else. On the rest, every model of the ladder (chance,
    Gaussian Bayes, nearest neighbours, linear, multilayer perceptron, ensemble) is scored by nested
    cross-validation. The best one is fitted on all of the rest and scored once on the held-out rows.

    Args:
        models: rungs of the ladder, or None for all that fit the task.
        task: "classification", "regression", or None to tell from the targets.
        time: seconds that it may take; the plan is made to fit.
        hold_out: whether a fifth of the rows is held out as a test, where no test rows are given.
        device: None, "cpu", "gpu" or "tpu".
        random_state: seed of everything; the same seed, plan and data give the same result.
        verbose: 0 is silent, 1 shows the plan, bars and scores on standard error.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> study = Study(models=["bayes", "linear"], time=60, random_state=0).fit(X, y)
        >>> [row["model"] for row in study.table]
        ['chance', 'bayes', 'linear']
        >>> study.test_["score"] > 0.8
        True

    References:
        Nested cross-validation: Varma & Simon 2006; intervals and comparison: see `gorae.evidence`.
    """

    def __init__(
        self,
        models: Sequence[str] | None = None,
        *,
        task: str | None = None,
        time: float = 600.0,
        hold_out: bool = True,
        device: str | None = None,
        random_state: Any = 0,
        verbose: int = 0,
    ):
        self.models = models
        self.task = task
        self.time = time
        self.hold_out = hold_out
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        X_test: Any = None,
        y_test: Any = None,
        groups: Any = None,
        image_shape: tuple[int, ...] | None = None,
        name: str = "data",
        target: str | None = None,
        listener: Listener | None = None,
    ) -> Self:
        """Climb the ladder, fit the winner, score it on held-out rows.

        Args:
            X: rows: a pandas, polars or pyarrow frame with numbers, text and missing values, or an array.
            y: the target, one a row.
            X_test: test rows of your own, used for the last score only.
            y_test: their targets.
            groups: a group a row; rows of a group are never on both sides of a split.
            image_shape: height and width, where rows are pictures given flat.
            name: what the data are called in the report.
            target: what the target is called.
            listener: hears how it goes; None for what `verbose` says.

        Returns:
            This study, with `table`, `model`, `test_`, `gap_`, `plan_` and `findings_`.

        Raises:
            DataError: when the data cannot be learned from.
            ParameterError: when a parameter is out of its range.
            KeyboardInterrupt: on Ctrl-C before any model was scored; later, the study ends with the models
                that were, and says so.
        """
        began = time.perf_counter()
        heard = listener or (Bars() if self.verbose else Silent())
        seed = root_seed(self.random_state)
        data = prepare(
            X,
            y,
            X_test=X_test,
            y_test=y_test,
            task=self.task,
            test_share=self.hold_out,
            groups=groups,
            image_shape=image_shape,
            seed=seed,
        )
        models = choose_models(self.models, data.task)
        most_folds, notes = _fold_limits(data)
        self.plan_ = make_plan(
            *data.rows.matrix.shape,
            data.rows.classes,
            models,
            budget=float(self.time),
            speed=machine_speed(),
            most_folds=most_folds,
        )
        heard.planned(self.plan_)
        self._notes = [*data.notes, *notes]
        try:
            self._climb(data, seed, heard)
            self._settle(data, seed)
        finally:
            heard.closed()
        self._gather(data, name, target, time.perf_counter() - began)
        return self

    @property
    def table(self) -> list[dict[str, Any]]:
        """The ladder: a dictionary a model with its score, interval, fits and seconds."""
        return self._fitted("ladder_")

    @property
    def model(self) -> StudyModel:
        """The winner, fitted on all rows but the test rows."""
        return self._fitted("model_")

    def predict(self, X: Any) -> np.ndarray:
        """Return the winner's answer for each row: a class label or a value."""
        return self.model.predict(X)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the winner's class probabilities, `(n, classes)`."""
        return self.model.predict_proba(X)

    def save(self, path: str | Path, *, force: bool = True) -> None:
        """Write the winner to one file; `gorae.load` reads it."""
        self.model.save(path, force=force)

    def report(self, path: str | Path, *, force: bool = True) -> None:
        """Write the report: one HTML file that needs nothing else.

        Raises:
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written.
        """
        atomic_write(path, render_report(self._fitted("findings_")), force=force)

    def _fitted(self, name: str) -> Any:
        """Return what `fit` found."""
        if not hasattr(self, "findings_"):
            raise errors.NotFittedError("this Study is not fitted yet; call fit first.")
        return getattr(self, name)

    def _climb(self, data: Prepared, seed: int, heard: Listener) -> None:
        """Score the rungs one after the other."""
        plan, rows = self.plan_, data.rows
        self._folds = nested_folds(
            rows.targets if rows.classes else rows.targets[:, 0],
            outer=plan.outer,
            inner=plan.inner,
            repeats=plan.repeats,
            stratify=rows.classes > 0,
            groups=rows.groups,
            seed=seed,
        )
        self._results: dict[str, NestedResult] = {}
        self.ladder_: list[dict[str, Any]] = []
        devices = select_devices(self.device)
        for model in _rungs(plan.models):
            heard.started(model)
            try:
                found = climb(
                    model,
                    rows,
                    plan,
                    self._folds,
                    seed=seed,
                    device=self.device,
                    devices=devices,
                    tell=heard.advanced,
                )
            except KeyboardInterrupt:
                if not any(name != "chance" for name in self._results):
                    raise
                self._notes.append(f"Interrupted while {model} was trained: it and what follows is missing.")
                warnings.warn(self._notes[-1], errors.GoraeWarning, stacklevel=3)
                return
            for name, result in found.items():
                if name not in plan.models:
                    continue
                self._results[name] = result
                settings = settings_of(name, plan) if name in (*plan.settings, "ensemble") else []
                self.ladder_.append(ladder_row(name, result, rows, settings))
                heard.scored(self.ladder_[-1])

    def _settle(self, data: Prepared, seed: int) -> None:
        """Fit the winner on all rows but the test rows, and score it on those."""
        names = [row["model"] for row in self.ladder_]
        self._close = compare_ladder(names, self._results, data.rows)
        scores = [-np.inf if row["model"] == "chance" else row["score"] for row in self.ladder_]
        self.best_ = names[int(np.argmax(scores))]
        row = self.ladder_[names.index(self.best_)]
        rows = data.rows
        estimator = final_estimator(
            self.best_, row["settings"], self.plan_, rows, seed=seed, device=self.device
        )
        affine = None
        matrix = rows.matrix
        if matrix.dtype != np.uint8:
            affine = fit_affine(matrix, kind=rows.scale)
            matrix = affine.apply(matrix)
            if isinstance(estimator, NetworkEstimator):
                estimator.set_params(scale=None)
        estimator.fit(matrix, rows.targets if rows.classes else rows.targets[:, 0])
        self._estimator, self._affine, self._row = estimator, affine, row
        step = max(1, -(-len(matrix) // _REFERENCE_ROWS))
        kept = np.arange(0, len(matrix), step)
        labels = rows.targets if rows.classes else rows.targets[:, 0]
        self._reference = Reference(
            features_of(estimator, matrix[kept]),
            data.row_numbers[kept].astype(np.int64),
            np.asarray(labels[kept]),
        )

    def _gather(self, data: Prepared, name: str, target: str | None, seconds: float) -> None:
        """Put together what was found, for people and for programs."""
        rows, result = data.rows, self._results[self.best_]
        self.gap_ = gap_of(result, self._results["chance"], self._folds, self._row, rows)
        self.test_ = self._test(data)
        facts = {
            "data": {
                "name": name,
                "rows": len(rows.matrix) + (0 if data.test is None else len(data.test.matrix)),
                "columns": len(data.encoding.columns) if data.encoding else rows.matrix.shape[1],
                "classes": None if data.classes is None else [str(c) for c in data.classes],
                "task": data.task,
                "target": target,
                "notes": self._notes,
            },
            "ladder": self.ladder_,
            "best": self.best_,
            "test": self.test_,
            "gap": None if self.gap_ is None else vars(self.gap_),
            "comparison": self._comparison(),
            "created": datetime.date.today().isoformat(),
            "version": importlib.metadata.version("gorae"),
        }
        self.model_ = StudyModel(
            name=self.best_,
            estimator=self._estimator,
            encoding=data.encoding,
            affine=self._affine,
            classes=data.classes,
            feature_names=data.feature_names,
            target=target,
            reference=self._reference,
            facts=facts,
        )
        layers = []
        if isinstance(self._estimator, NetworkEstimator):
            layers = layer_names(self._estimator._recipe(*self._estimator._sizes).problem)
        pictures = class_findings(result, data) if rows.classes else value_findings(result, data)
        self.findings_ = {
            "title": f"gorae: {name}",
            **facts,
            "plan": {"lines": self.plan_.lines, "gave_up": list(self.plan_.gave_up)},
            **pictures,
            **history_findings(result.histories, layers, rows.classes),
            "weights": self._weights(data),
            "seconds_total": seconds,
            "machine": {
                "cores": str(cores()),
                "system": platform.machine(),
                "python": platform.python_version(),
            },
        }

    def _test(self, data: Prepared) -> dict[str, Any] | None:
        """Return the winner's score on the rows nothing else has touched."""
        if data.test is None:
            return None
        matrix = data.test.matrix if self._affine is None else self._affine.apply(data.test.matrix)
        if data.rows.classes:
            outputs = probabilities(self._estimator, matrix, data.rows.classes)
        else:
            outputs = np.asarray(self._estimator.predict(matrix)).reshape(-1, 1)
        return test_finding(outputs, data.test)

    def _comparison(self) -> dict[str, Any] | None:
        """Return the winner against the simplest model that comes close, in figures and words."""
        names = [row["model"] for row in self.ladder_]
        found = self._close.comparison
        told: dict[str, Any] = {"simpler": names[self._close.simplest], "sentence": self._close.sentence}
        if found is not None:
            told.update(difference=found.difference, low=found.low, high=found.high, verdict=found.verdict)
        return told

    def _weights(self, data: Prepared) -> list[dict[str, Any]] | None:
        """Return a linear model's weights as pictures, where the rows are pictures."""
        if self.best_ != "linear" or data.image_shape is None or data.classes is None:
            return None
        weight = np.asarray(self._estimator._members[0].parameters.head.weight)
        return [
            {"label": str(label), "image": weight[:, i].reshape(data.image_shape)}
            for i, label in enumerate(data.classes)
        ]


def _rungs(models: Sequence[str]) -> list[str]:
    """Return what is trained for these rungs: an ensemble needs the single network's choice of settings."""
    wanted = [model for model in models if model != "ensemble"]
    return wanted if "ensemble" not in models or "mlp" in wanted else [*wanted, "mlp"]


def _fold_limits(data: Prepared) -> tuple[int, list[str]]:
    """Return the most folds that classes and groups allow, with sentences on what was lowered and why."""
    most, notes = 5, []
    if data.classes is not None:
        most, told = check_classes(data.rows.targets, data.classes, most)
        notes = list(told)
    if data.rows.groups is not None:
        groups = len(np.unique(data.rows.groups))
        if groups < 2:
            raise DataError("at least two groups are needed to keep groups apart, got one.")
        if groups < most:
            notes.append(f"There are {groups} groups, fewer than the {most} folds: {groups} folds are used.")
            most = groups
    return most, notes


__all__ = ["Study"]
