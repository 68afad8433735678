"""A search for the settings of one model: from a data set to the best model, its table and its test score."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import clone
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline

from gorae.errors import GoraeWarning, ParameterError
from gorae.report import SearchFacts, search_facts
from gorae.search import SearchCV
from gorae.study.bounded import fit_with_bounds
from gorae.study.careful import fit_carefully
from gorae.study.findings import data_finding, made, test_in_words
from gorae.study.model import StudyModel
from gorae.study.prepare import Prepared
from gorae.study.searchable import STEP, estimator_of, last_step, parts_of, prefixed, read_by, winner_of
from gorae.study.simpler import simpler_finding
from gorae.study.space_files import default_space
from gorae.study.winner import Winner, model_of, scaled, score_on_test

_LEAST_SECONDS = 60.0
"""A quarter of this is there for caution after a search, however short it was."""

_COLUMNS = {"score": "mean", "low": "low", "high": "high"}
_NESTED = ("score", "low", "high", "optimism")
_ENDED = {
    "interrupted": ("The search was interrupted; the settings that were finished by then are shown.",),
    "budget": ("The budget was spent before all settings were tried.",),
}


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
        model: "bayes", "knn", "linear", "mlp" or, of texts, "sequence".
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
    data = read_by(model, data)
    estimator = estimator_of(model, data, seed=seed, device=device)
    space = default_space(model, len(data.rows.matrix)) if space is None else space
    _check_names(space, last_step(estimator))
    kind = RepeatedStratifiedKFold if data.rows.classes else RepeatedKFold
    search = SearchCV(
        estimator,
        prefixed(space) if isinstance(estimator, Pipeline) else space,
        cv=kind(n_splits=folds, n_repeats=repeats, random_state=seed),
        random_state=seed,
        **options,
    )
    search.fit(data.rows.matrix, data.rows.strata)
    known = _known(search, space)
    winner = winner_of(model, search.best_estimator_, data)
    if not known.schedule:  # a schedule that was found in training is no setting to train others with
        winner = _careful(winner, search, time.perf_counter() - began, data, seed)
    seconds = time.perf_counter() - began
    compared = (
        simpler_finding(winner, seconds, data, search.cv, seed=seed, device=device)
        if known.ended is None
        else None
    )
    facts = {
        "data": data_finding(data, name, target),
        "best": model,
        **_found(search, known),
        "test": score_on_test(winner, data),
        "simpler": compared,
        "caution": winner.finding,
        **made(),
    }
    report = replace(
        _told(known, facts),
        splits=_splits_in_words(data, folds, repeats),
        seconds=time.perf_counter() - began,
    )
    return Searched(search, model_of(winner, data, target=target, facts=facts), known.results, facts, report)


def _careful(winner: Winner, search: SearchCV, seconds: float, data: Prepared, seed: int) -> Winner:
    """Return the winner with what it learned of the unknown, or of intervals, where time and rows suffice."""
    # Compilation is in both: a fit takes no longer than the quicker of them says.
    alone = search.refit_time_ / int(getattr(winner.estimator, "members", 1))
    together = seconds / (len(search.cv_results_["params"]) * search.n_splits_)
    whole = clone(winner.estimator), scaled(data.rows.matrix, winner.affine), data.rows.strata
    told: dict[str, Any] = {
        "a_fit": min(alone, together),
        "budget": max(seconds, _LEAST_SECONDS),
        "groups": data.rows.groups,
        "seed": seed,
    }
    try:
        if data.classes is None:
            bounded = fit_with_bounds(*whole, **told)
            return winner if bounded is None else replace(winner, bounds=bounded[1], finding=bounded[2])
        careful = fit_carefully(*whole, labels=[str(label) for label in data.classes], **told)
    except KeyboardInterrupt:
        lost = "what is unknown to it" if data.rows.classes else "within what its answers are right"
        words = f"Interrupted after the search: its model has not learned {lost}."
        warnings.warn(words, GoraeWarning, stacklevel=2)
        return winner
    if careful is None:
        return winner
    return replace(winner, calibration=careful.calibration, panel=careful.panel, finding=careful.finding)


def _splits_in_words(data: Prepared, folds: int, repeats: int) -> str:
    """Return how rows were split, in words."""
    stratified = "stratified " if data.rows.classes else ""
    return f"{folds} {stratified}folds in random order" + (f", {repeats} times" if repeats > 1 else "")


def _check_names(space: Any, estimator: Any) -> None:
    """Refuse names that are no parameter of the model; the search would name its steps too."""
    known = estimator.get_params()
    for part in parts_of(space):
        for name in part:
            if name not in known:
                raise ParameterError(
                    f"the space names {name!r}, which {type(estimator).__name__} does not have; it has "
                    f"{', '.join(known)}."
                )


def _plain(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a setting with the parameters' own names."""
    return {name.removeprefix(f"{STEP}__"): value for name, value in setting.items()}


def _known(search: SearchCV, space: Any) -> SearchFacts:
    """Return what a report knows of a search, with the parameters' own names."""
    known = search_facts(search)
    columns = {name: v for name, v in known.results.items() if not name.startswith("param_")}
    nested = known.nested
    return replace(
        known,
        results=columns | {"params": [_plain(setting) for setting in known.results["params"]]},
        nested=nested and {**nested, "chosen": [_plain(setting) for setting in nested["chosen"]]},
        schedule=tuple((until, _plain(setting)) for until, setting in known.schedule),
        estimator=type(last_step(search.estimator)).__name__,
        space=tuple(parts_of(space)),
    )


def _found(search: SearchCV, known: SearchFacts) -> dict[str, Any]:
    """Return the best setting and what it was chosen from, as JSON."""
    results, best = known.results, int(search.best_index_)
    nested = getattr(search, "nested_", None)
    return {
        "setting": {name: str(value) for name, value in results["params"][best].items()},
        "search": {
            "settings": len({repr(setting) for setting in results["params"]}),
            "splits": known.n_splits,
            "metric": known.metric,
            **{key: float(results[f"{column}_test_score"][best]) for key, column in _COLUMNS.items()},
            "ended": known.ended,
            "nested": None if nested is None else {key: float(getattr(nested, key)) for key in _NESTED},
        },
    }


def _told(known: SearchFacts, facts: Mapping[str, Any]) -> SearchFacts:
    """Return what a report shows beside the search: the data, the test and what to be aware of."""
    data, test = facts["data"], facts["test"]
    about = [f"{data['rows']} rows, {data['columns']} columns", data["task"]]
    if test is not None:
        about.append(test_in_words(test))
    return replace(
        known,
        title=f"{data['name']}: settings of {facts['best']}",
        about=tuple(about),
        simpler=facts["simpler"],
        warnings=(*_ENDED.get(known.ended or "", ()), *data["notes"]),
        created=facts["created"],
        version=facts["version"],
    )
