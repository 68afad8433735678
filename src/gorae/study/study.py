"""`Study`: plans the ladder within a budget, climbs it, gathers the evidence, fits the winner, reports."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

import gorae.errors as errors
from gorae.backend import process_count, select_devices
from gorae.estimators.parameters import root_seed
from gorae.files import atomic_write
from gorae.report import render_report
from gorae.search import OuterFold, nested_folds
from gorae.study.ascent import Ascent, climb_ladder
from gorae.study.diagnosis import diagnosis_of
from gorae.study.doubts import more_data_findings
from gorae.study.explaining import importance_finding
from gorae.study.findings import (
    class_findings,
    data_finding,
    gap_of,
    history_findings,
    made,
    this_machine,
    value_findings,
)
from gorae.study.growth import growth_finding
from gorae.study.map_finding import map_finding
from gorae.study.marked_texts import marked_finding
from gorae.study.model import StudyModel
from gorae.study.plan import Plan, choose_models, machine_speed, make_plan
from gorae.study.prepare import Prepared, prepare
from gorae.study.progress import Bars, Listener, Silent
from gorae.study.rows_to_check import find_rows_to_check, leak_warnings
from gorae.study.text_plan import make_text_plan
from gorae.study.text_rungs import form_of
from gorae.study.winner import (
    Winner,
    best_of,
    fit_winner,
    layers_of,
    model_of,
    score_on_test,
    weight_pictures,
)
from gorae.study.worth import compare_ladder, comparison_finding, with_distances

_Found = TypeVar("_Found")


class Study(BaseEstimator):
    """From a data set to a model with its evidence, within a time budget.

    A fifth of the rows is held out before anything else. On the rest, every model of the ladder (chance,
    Gaussian Bayes, nearest neighbours, linear, multilayer perceptron, ensemble; of texts chance, neighbours,
    a linear model of n-grams, a bag of embeddings, a recurrent network) is scored by nested cross-validation.
    The best one is fitted on all of the rest and scored once on the held-out rows.

    Args:
        models: rungs of the ladder, or None for all that fit the task.
        task: "classification", "regression", or None to tell from the targets.
        time: seconds that it may take; the plan is made to fit. Once a model is scored, none begins after
            that time, and none is trained beyond twice of it.
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
        feature_names: Sequence[str] | None = None,
        row_numbers: Any = None,
        text: str | None = None,
        notes: Sequence[str] = (),
        name: str = "data",
        target: str | None = None,
        listener: Listener | None = None,
    ) -> Self:
        """Climb the ladder, fit the winner, score it on held-out rows.

        Args:
            X: rows: a pandas, polars or pyarrow frame with numbers, text and missing values, or an array; a
                list or column of texts, or a frame of nothing else.
            y: the target, one a row.
            X_test: test rows of your own, used for the last score only.
            y_test: their targets.
            groups: a group a row; rows of a group are never on both sides of a split.
            image_shape: height and width, and channels where there are several, where rows are pictures given
                flat.
            feature_names: what an array's columns are called.
            row_numbers: a whole number a row: what it is called in the report and by `model.explain`, where
                rows of your file were left out; None to count them from 0.
            text: the column of texts to learn from, and from nothing else; None to tell by the content.
            notes: sentences on what was done to the data before, told with the study's own.
            name: what the data are called in the report.
            target: what the target is called.
            listener: hears how it goes; None for what `verbose` says.

        Returns:
            This study, with `table`, `model`, `best_`, `test_`, `gap_`, `diagnosis_`, `check_` (rows and
            labels to look at; None for regression), `plan_` and `findings_`, and with `interrupted_`:
            whether Ctrl-C ended the climb early.

        Raises:
            DataError: when the data cannot be learned from.
            ParameterError: when a parameter is out of its range.
            DeviceError: in a run of several processes.
            KeyboardInterrupt: on Ctrl-C before a model beside chance was scored, and on a second one. After
                the first the study ends with the models that were scored, fits the winner, warns, and says in
                its notes what is missing.
        """
        began = time.perf_counter()
        vars(self).pop("findings_", None)
        heard = listener or (Bars() if self.verbose else Silent())
        seed = root_seed(self.random_state)
        devices = select_devices(self.device)
        data = prepare(
            X,
            y,
            X_test=X_test,
            y_test=y_test,
            task=self.task,
            hold_out=self.hold_out,
            groups=groups,
            image_shape=image_shape,
            feature_names=feature_names,
            row_numbers=row_numbers,
            text=text,
            seed=seed,
        )
        data = replace(data, notes=(*notes, *data.notes))
        self.plan_ = self._make_plan(data)
        try:
            heard.planned(self.plan_)
            folds = _nested(data, self.plan_, seed)
            ascent = climb_ladder(
                lambda rung: data.in_form(form_of(rung)).rows,
                self.plan_,
                folds,
                seed=seed,
                device=self.device,
                devices=devices,
                heard=heard,
                began=began,
            )
            winner = _fitted_winner(ascent, self.plan_, data, seed, self.device)
            gather = partial(self._gather, data, folds, ascent, winner, name, target, began)
            _once_more(ascent, "the evidence was gathered", gather)
        finally:
            heard.closed()
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
        """Write the winner to one file; `gorae.load` reads it.

        Raises:
            FileExistsRefusal: when the file exists and `force` is False.
            WriteError: when it cannot be written.
        """
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

    def _make_plan(self, data: Prepared) -> Plan:
        """Return what the time suffices for, on this machine.

        Raises:
            DeviceError: in a run of several processes, which would plan and stop differently.
        """
        if process_count() > 1:
            raise errors.DeviceError(
                f"a Study plans by the clock and cannot be shared by {process_count()} processes; run it in "
                "one, or use SearchCV."
            )
        models = choose_models(self.models, data.task, data.image_shape, texts=data.texts is not None)
        if data.texts is not None:
            return make_text_plan(
                data.texts.rows,
                data.rows.classes,
                models,
                budget=self.time,
                speed=machine_speed(),
                most_folds=data.folds,
            )
        return make_plan(
            len(data.rows.matrix),
            data.rows.matrix.shape[1],
            data.rows.classes,
            models,
            budget=self.time,
            speed=machine_speed(),
            most_folds=data.folds,
            image_shape=data.image_shape,
        )

    def _gather(
        self,
        data: Prepared,
        folds: Sequence[OuterFold],
        ascent: Ascent,
        winner: Winner,
        name: str,
        target: str | None,
        began: float,
    ) -> None:
        """Put together what was found, for people and for programs."""
        rows, result, table = data.rows, ascent.results[winner.name], ascent.table
        read = data.in_form(form_of(winner.name))
        self.best_, self.interrupted_ = winner.name, ascent.interrupted
        self.gap_ = gap_of(result, ascent.results["chance"], folds, best_of(table), rows)
        self.test_ = score_on_test(winner, read)
        close = compare_ladder(table, ascent.results, rows)
        self.ladder_ = table = with_distances(table, ascent.results, rows, winner.name)
        facts = {
            "data": data_finding(data, name, target, ascent.notes),
            "ladder": table,
            "best": winner.name,
            "test": self.test_,
            "gap": None if self.gap_ is None else self.gap_.to_dict(),
            "caution": winner.finding,
            "comparison": comparison_finding(close, table, winner.name),
            **made(),
        }
        self.model_ = model_of(winner, read, target=target, facts=facts)
        pictures = class_findings(result, data) if rows.classes else value_findings(result, data)
        self._judge(data, ascent, winner, pictures, name, target)
        self.findings_ = {
            "title": f"gorae: {name}",
            **facts,
            "plan": self.plan_.to_dict(),
            "diagnosis": self.diagnosis_.to_dict(),
            **more_data_findings(winner.growth, winner.doubt, data),
            **pictures,
            "check": None if self.check_ is None else self.check_.finding(),
            "warnings": leak_warnings(self.check_),
            **history_findings(result, layers_of(winner), rows.classes),
            "map": map_finding(winner, read),
            "weights": weight_pictures(winner, data),
            "marked": marked_finding(self.model_, read, pictures["hardest"]),
            "importance": importance_finding(self.model_, read, budget=self.time),
            "seconds_total": time.perf_counter() - began,
            "machine": this_machine(),
        }

    def _judge(
        self,
        data: Prepared,
        ascent: Ascent,
        winner: Winner,
        pictures: Mapping[str, Any],
        name: str,
        target: str | None,
    ) -> None:
        """Say which rows to check, and what is wrong with the fit."""
        result, table = ascent.results[winner.name], ascent.table
        self.check_ = find_rows_to_check(
            data,
            result,
            name=name,
            target=target,
            budget=self.plan_.budget,
            seed=root_seed(self.random_state),
        )
        self.diagnosis_ = diagnosis_of(
            winner,
            data.in_form(form_of(winner.name)),
            result,
            self.gap_,
            best_of(table),
            float(np.mean(ascent.results["chance"].fold_scores)),
            pictures["confusion"]["counts"] if data.rows.classes else None,
        )


def _nested(data: Prepared, plan: Plan, seed: int) -> list[OuterFold]:
    """Return the folds of a plan."""
    return nested_folds(
        data.rows.strata,
        outer=plan.outer,
        inner=plan.inner if plan.chooses else 0,
        repeats=plan.repeats,
        stratify=data.rows.classes > 0,
        groups=data.rows.groups,
        seed=seed,
    )


def _fitted_winner(ascent: Ascent, plan: Plan, data: Prepared, seed: int, device: str | None) -> Winner:
    """Return the best model of a ladder, fitted, with its learning curve."""
    best = best_of(ascent.table)
    data = data.in_form(form_of(best["model"]))
    fit = partial(fit_winner, best, plan, data, seed=seed, device=device)
    winner = _once_more(ascent, f"{best['model']} was fitted", fit)
    measure = partial(growth_finding, best, plan, data, seed, device)
    return replace(winner, growth=_once_more(ascent, "its learning curve was measured", measure))


def _once_more(ascent: Ascent, doing: str, act: Callable[[], _Found]) -> _Found:
    """Return what `act` does; the first Ctrl-C of a study does not lose the ladder that was climbed."""
    try:
        return act()
    except KeyboardInterrupt:
        if ascent.interrupted:
            raise
    ascent.interrupted = True
    told = f"Interrupted while {doing}: this is done once more, whole; Ctrl-C again to give up."
    warnings.warn(told, errors.GoraeWarning, stacklevel=4)
    return act()
