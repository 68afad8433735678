"""A search for the settings of one model: from a data set to the best model, its table and its test score."""

import datetime
import importlib.metadata
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline

from gorae.errors import ParameterError
from gorae.estimators import (
    GaussianBayes,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
)
from gorae.estimators.network import NetworkEstimator
from gorae.report import SearchFacts, search_facts
from gorae.search import SearchCV
from gorae.study.findings import test_finding
from gorae.study.model import Reference, StudyModel, features_of, probabilities
from gorae.study.prepare import Prepared
from gorae.study.scaled import Scaled
from gorae.study.space_files import default_space

SEARCHED = ("bayes", "knn", "linear", "mlp")

_STEP = "model"
_REFERENCE_ROWS = 5000


@dataclass(frozen=True)
class Searched:
    """What a search for the settings of a model has found.

    Args:
        search: the fitted `SearchCV`.
        model: the best setting's model, fitted on all rows but the test rows.
        results: `cv_results_` with the parameters' own names.
        facts: what the model file tells, as JSON.
        report: what the report shows.
    """

    search: SearchCV
    model: StudyModel
    results: Mapping[str, Any]
    facts: Mapping[str, Any]
    report: SearchFacts


def search_model(
    data: Prepared,
    model: str,
    space: Any,
    *,
    name: str,
    folds: int = 5,
    repeats: int = 1,
    target: str | None = None,
    seed: int = 0,
    device: str | None = None,
    **options: Any,
) -> Searched:
    """Search for the best settings of a model, and fit it.

    Columns are filled and scaled in each split by its training rows. Networks stop early on rows that are cut
    from the training rows.

    Args:
        data: the data, test rows held out.
        model: "bayes", "knn", "linear" or "mlp".
        space: as `SearchCV` takes it, with the parameters' own names; None for the model's `default_space`.
        name: of the data set.
        folds: of the rows in random order, stratified by class.
        repeats: how often, each time in another order.
        target: name of the target, or None.
        seed: of everything.
        device: None, "cpu", "gpu" or "tpu".
        **options: of `SearchCV`: `n_settings`, `halving`, `nested`, `budget`, `resume`, and so on.

    Raises:
        ParameterError: when the model is unknown or does not fit the task, or an option is out of its range.
        KeyboardInterrupt: on Ctrl-C before a setting was finished.
    """
    began = time.perf_counter()
    estimator = estimator_of(model, data, seed=seed, device=device)
    piped = isinstance(estimator, Pipeline)
    space = default_space(model, len(data.rows.matrix)) if space is None else space
    _check_names(space, estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator)
    asked = _prefixed(space) if piped else space
    kind = RepeatedStratifiedKFold if data.rows.classes else RepeatedKFold
    splitter = kind(n_splits=folds, n_repeats=repeats, random_state=seed)
    search = SearchCV(estimator, asked, cv=splitter, random_state=seed, **options)
    search.fit(data.rows.matrix, data.rows.strata)
    results = _plain(search.cv_results_)
    fitted, affine = search.best_estimator_, None
    if isinstance(fitted, Pipeline):
        fitted, affine = fitted.steps[-1][1], fitted.steps[0][1].affine_
    whole = StudyModel(
        name=model,
        estimator=fitted,
        encoding=data.encoding,
        affine=affine,
        classes=data.classes,
        feature_names=data.feature_names,
        target=target,
        reference=None,
    )
    facts = _facts(search, results, whole, data, name)
    kept = np.arange(0, len(data.rows.matrix), -(-len(data.rows.matrix) // _REFERENCE_ROWS))
    matrix = data.rows.matrix[kept] if affine is None else affine.apply(data.rows.matrix[kept])
    reference = Reference(
        features_of(fitted, matrix), data.row_numbers[kept].astype(np.int64), data.rows.strata[kept]
    )
    return Searched(
        search=search,
        model=replace(whole, reference=reference, facts=facts),
        results=results,
        facts=facts,
        report=replace(
            _report(search, results, space, facts, time.perf_counter() - began),
            splits=_splits_in_words(data, folds, repeats),
        ),
    )


def estimator_of(model: str, data: Prepared, *, seed: int, device: str | None) -> Any:
    """Return the unfitted estimator of a model: with filling and scaling before it, unless rows are bytes."""
    classes = data.rows.classes > 0
    if model not in SEARCHED:
        raise ParameterError(f"model must be one of {', '.join(SEARCHED)}, got {model!r}.")
    if model == "bayes" and not classes:
        raise ParameterError("the model 'bayes' needs classes, but the task is regression; take another one.")
    shared: dict[str, Any] = {"early_stopping": True, "random_state": seed, "device": device}
    if model == "bayes":
        one: Any = GaussianBayes()
    elif model == "knn":
        one = KNeighborsClassifier() if classes else KNeighborsRegressor()
    elif model == "linear":
        one = (LinearClassifier if classes else LinearRegressor)(schedule="cosine", **shared)
    else:
        kind = MLPClassifier if classes else MLPRegressor
        one = kind(optimizer="adamw", schedule="cosine", **shared)
    if data.rows.matrix.dtype == np.uint8:
        return one
    if isinstance(one, NetworkEstimator):
        one.set_params(scale=None)
    return Pipeline([("scale", Scaled(data.rows.scale)), (_STEP, one)])


def _splits_in_words(data: Prepared, folds: int, repeats: int) -> str:
    """Return how rows were split, in words."""
    stratified = "stratified " if data.rows.classes else ""
    return f"{folds} {stratified}folds in random order" + (f", {repeats} times" if repeats > 1 else "")


def _parts(space: Any) -> list[Any]:
    """Return the parts of a space."""
    return [space] if isinstance(space, Mapping) else list(space)


def _check_names(space: Any, estimator: Any) -> None:
    """Refuse names that are no parameter of the model; the search would name its steps too."""
    known = estimator.get_params()
    for part in _parts(space):
        for name in part:
            if name not in known:
                raise ParameterError(
                    f"the space names {name!r}, which {type(estimator).__name__} does not have; it has "
                    f"{', '.join(known)}."
                )


def _prefixed(space: Any) -> list[dict[str, Any]]:
    """Return a space whose names are those of a pipeline's last step."""
    return [{f"{_STEP}__{name}": values for name, values in part.items()} for part in _parts(space)]


def _plain(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table whose settings have the parameters' own names."""
    settings = [
        {name.removeprefix(f"{_STEP}__"): value for name, value in setting.items()}
        for setting in results["params"]
    ]
    return {name: v for name, v in results.items() if not name.startswith("param_")} | {"params": settings}


def _facts(
    search: SearchCV, results: Mapping[str, Any], model: StudyModel, data: Prepared, name: str
) -> dict[str, Any]:
    """Return what was found as JSON."""
    test = None
    if data.test is not None:
        matrix = data.test.matrix if model.affine is None else model.affine.apply(data.test.matrix)
        if data.rows.classes:
            outputs = probabilities(model.estimator, matrix, data.rows.classes)
        else:
            outputs = np.asarray(model.estimator.predict(matrix), np.float64).reshape(-1, 1)
        test = test_finding(outputs, data.test, data.rows, data.seen)
    best = int(search.best_index_)
    nested = getattr(search, "nested_", None)
    return {
        "data": {
            "name": name,
            "rows": len(data.rows.matrix) + (0 if data.test is None else len(data.test.matrix)),
            "columns": data.columns,
            "classes": None if data.classes is None else [str(label) for label in data.classes],
            "task": data.task,
            "target": model.target,
            "notes": list(data.notes),
        },
        "best": model.name,
        "setting": {name: str(value) for name, value in results["params"][best].items()},
        "search": {
            "settings": len({repr(setting) for setting in results["params"]}),
            "splits": int(search.n_splits_),
            "metric": search_facts(search).metric,
            **{key: float(results[f"{column}_test_score"][best]) for key, column in _COLUMNS.items()},
            "ended": search.ended_,
            "nested": None if nested is None else {key: float(getattr(nested, key)) for key in _NESTED},
        },
        "test": test,
        "created": datetime.date.today().isoformat(),
        "version": importlib.metadata.version("gorae"),
    }


_COLUMNS = {"score": "mean", "low": "low", "high": "high"}
_NESTED = ("score", "low", "high", "optimism")


def _report(
    search: SearchCV, results: Mapping[str, Any], space: Any, facts: Mapping[str, Any], seconds: float
) -> SearchFacts:
    """Return what the report shows."""
    known, data, test = search_facts(search), facts["data"], facts["test"]
    nested = known.nested
    if nested is not None:
        chosen = [{k.removeprefix(f"{_STEP}__"): v for k, v in one.items()} for one in nested["chosen"]]
        nested = {**nested, "chosen": chosen}
    about = [f"{data['rows']} rows, {data['columns']} columns", data["task"]]
    if test is not None:
        about.append(
            f"on {test['rows']} test rows that nothing else touched: {test['metric']} {test['score']:.4f} "
            f"(95 % interval {test['low']:.4f} to {test['high']:.4f})"
        )
    ended = {
        "interrupted": ("The search was interrupted; the settings that were finished by then are shown.",),
        "budget": ("The budget was spent before all settings were tried.",),
    }
    estimator = search.estimator.steps[-1][1] if isinstance(search.estimator, Pipeline) else search.estimator
    return replace(
        known,
        results=results,
        nested=nested,
        title=f"{data['name']}: settings of {facts['best']}",
        estimator=type(estimator).__name__,
        space=tuple(_parts(space)),
        seconds=seconds,
        about=tuple(about),
        warnings=(*ended.get(search.ended_ or "", ()), *data["notes"]),
        created=facts["created"],
        version=facts["version"],
    )
