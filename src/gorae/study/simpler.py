"""Was the search worth it: the model it found beside simpler ones, on test rows that none of them touched."""

import time
import warnings
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import Pipeline

from gorae.errors import GoraeError, GoraeWarning
from gorae.evidence import Comparison, held_out_comparison, row_losses, simplest_close
from gorae.search import SearchCV, metric_of
from gorae.study.findings import test_finding
from gorae.study.ladder import blas_threads
from gorae.study.plan import OF_TEXTS
from gorae.study.prepare import Prepared
from gorae.study.searchable import SEARCHED, estimator_of, prefixed, read_by, winner_of
from gorae.study.space_files import default_space
from gorae.study.winner import Winner, outputs_of
from gorae.study.worth import ahead_finding, cost_in_words

_SETTINGS = 8
_LEAST_SECONDS, _SHARE = 10.0, 0.25
"""What a simpler model may take: this, or this share of what the search took."""


def simpler_finding(
    winner: Winner, seconds: float, data: Prepared, splits: Any, *, seed: int, device: str | None
) -> dict[str, Any] | None:
    """Return the model that a search found beside every simpler one, on the test rows.

    Each simpler model is searched for too, in eight settings on the splits of the search, and fitted on all
    rows but the test rows.

    Args:
        winner: the fitted model that the search found.
        seconds: how long finding it took.
        data: the data, test rows held out.
        splits: as `SearchCV` takes them.
        seed: of everything.
        device: where.

    Returns:
        `rows`, simplest first: model, metric, score, low and high of its 95 % interval, seconds, settings,
        and `ahead` (difference, low, high and verdict of the found model against it; None for itself);
        `sentence`, and `cost` where it can be told. None where there are no test rows, where some of them
        were learned from, or on Ctrl-C.

    References:
        The interval of a difference: `gorae.evidence.held_out_comparison`.
    """
    if data.test is None or data.seen:
        return None
    others = []
    for name in _below(winner.name, data):
        try:
            others.append(_simpler(name, seconds, data, splits, seed, device))
        except KeyboardInterrupt:
            words = "Interrupted after the search: its model was not compared with simpler ones."
            warnings.warn(words, GoraeWarning, stacklevel=2)
            return None
        except (GoraeError, ValueError) as error:  # what was found is not lost with what it is compared to
            words = f"The model that was found is not compared with {name}: {error}"
            warnings.warn(words, GoraeWarning, stacklevel=2)
    if not others:
        return None
    truth = data.test.targets if data.rows.classes else data.test.targets[:, 0]
    models = [*others, (winner.name, outputs_of(winner, data.test), seconds, {})]
    losses = [_losses(truth, outputs, data.rows.classes) for _, outputs, _, _ in models]

    def compare(first: int, second: int) -> Comparison:
        return held_out_comparison(
            metric_of(data.rows.classes),
            losses[first],
            losses[second],
            targets=None if data.rows.classes else truth,
            units=None if data.test is None else data.test.groups,
        )

    rows = [
        {
            "model": name,
            **_scored(outputs, data),
            "seconds": took,
            "settings": settings,
            "ahead": None if place + 1 == len(models) else ahead_finding(compare(len(models) - 1, place)),
        }
        for place, (name, outputs, took, settings) in enumerate(models)
    ]
    close = simplest_close(
        [row["model"] for row in rows],
        [row["score"] for row in rows],
        compare,
        metric=metric_of(data.rows.classes),
        chosen=len(rows) - 1,
    )
    costs = [{**row, "cost": row["seconds"]} for row in rows]
    cost = cost_in_words(costs, winner.name, str(rows[close.simplest]["model"]))
    return {"rows": rows, "sentence": close.sentence} | ({} if cost is None else {"cost": cost})


def _below(model: str, data: Prepared) -> list[str]:
    """Return the names of the models simpler than one, simplest first."""
    simpler = SEARCHED[: SEARCHED.index(model)]
    if data.texts is not None:
        simpler = tuple(name for name in simpler if name in OF_TEXTS)
    return ["chance", *(name for name in simpler if name != "bayes" or data.rows.classes)]


def _simpler(
    name: str, seconds: float, data: Prepared, splits: Any, seed: int, device: str | None
) -> tuple[str, np.ndarray, float, dict[str, Any]]:
    """Return a simpler model's name, its answers for the test rows, its seconds and its setting."""
    began, data = time.perf_counter(), read_by(name, data)
    assert data.test is not None
    matrix, strata = data.rows.matrix, data.rows.strata
    if name == "chance":
        guess: Any = DummyClassifier(strategy="prior") if data.rows.classes else DummyRegressor()
        guess.fit(matrix[:, :1], strata)
        asked = data.test.matrix[:, :1]
        found = guess.predict_proba(asked) if data.rows.classes else guess.predict(asked)
        return name, np.asarray(found).reshape(len(asked), -1), time.perf_counter() - began, {}
    estimator, space = estimator_of(name, data, seed=seed, device=device), default_space(name, len(matrix))
    search = SearchCV(
        estimator,
        prefixed(space) if isinstance(estimator, Pipeline) else space,
        n_settings=_SETTINGS,
        cv=splits,
        budget={"seconds": max(_LEAST_SECONDS, _SHARE * seconds)},
        random_state=seed,
    )
    with blas_threads(matrix.shape[1]):
        search.fit(matrix, strata)
    if search.ended_ == "interrupted":  # it keeps what it has, but whoever interrupts wants an end
        raise KeyboardInterrupt
    model = winner_of(name, search.best_estimator_, data)
    chosen = {key.rpartition("__")[2]: value for key, value in search.best_params_.items()}
    setting = {key: value.item() if isinstance(value, np.generic) else value for key, value in chosen.items()}
    return name, outputs_of(model, data.test), time.perf_counter() - began, setting


def _losses(truth: np.ndarray, outputs: np.ndarray, classes: int) -> np.ndarray:
    """Return the loss of each test row."""
    if classes:
        return row_losses("accuracy", truth, np.argmax(outputs, axis=1))
    return row_losses("r2", truth, outputs[:, 0].astype(np.float64))


def _scored(outputs: np.ndarray, data: Prepared) -> dict[str, Any]:
    """Return the score on the test rows with its interval."""
    assert data.test is not None
    found = test_finding(outputs, data.test, data.rows, 0)
    return {key: found[key] for key in ("metric", "score", "low", "high")}
