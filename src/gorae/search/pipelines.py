"""Trying settings of pipelines that end in an estimator of gorae: transformers are fitted split by split.

Settings that share their transformers share what those make of the rows. Each split's transformed rows are
written one below the other, so that the last step's settings are one population over all splits.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing

from gorae.errors import GoraeError
from gorae.search.expected import narrowed
from gorae.search.identity import group_key
from gorae.search.races import Begin, Combined, Race, Share
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials

_LARGEST_STACK = 256 << 20


def begin_pipeline(
    pipeline: Pipeline, settings: Sequence[Setting], trials: Trials, *, last_step: Begin
) -> Combined:
    """Begin a race of a pipeline's settings, which replace no step.

    Args:
        pipeline: whose settings.
        settings: all of them.
        trials: the data; its `fit_params` are named after steps, as `Pipeline.fit` takes them.
        last_step: begins a race of the last step's settings.
    """
    groups: dict[Hashable, list[int]] = {}
    for place, setting in enumerate(settings):
        groups.setdefault(_key(setting, pipeline.steps[-1][0]), []).append(place)
    shares: list[Share] = []
    failed: dict[tuple[int, int], Entry] = {}
    own = partial(_of_step, step=pipeline.steps[-1][0])
    for places in groups.values():
        made = _transformation(pipeline, [settings[p] for p in places], trials, last_step)
        shares += [Share(places, splits, race, own) for splits, race in made.parts]
        for split, error in made.errors.items():
            failed |= {(place, split): trials.failed(split, error) for place in places}
    return Combined(shares, len(trials.splits), failed)


@dataclass(frozen=True)
class _Transformation:
    """Settings that share their transformers: races over parts of the splits, and splits that failed."""

    parts: list[tuple[list[int], Race]]
    errors: dict[int, Exception]


def _of_transformers(setting: Setting, last: str) -> dict[str, Any]:
    """Return the part of a setting that is about other steps than the last."""
    return {key: value for key, value in setting.items() if not key.startswith(f"{last}__")}


def _key(setting: Setting, last: str) -> Hashable:
    """Return what settings have in common that share their transformers."""
    others = _of_transformers(setting, last)
    return tuple((name, group_key(value)) for name, value in sorted(others.items()))


def _transformation(
    pipeline: Pipeline, settings: Sequence[Setting], trials: Trials, last_step: Begin
) -> _Transformation:
    """Fit the transformers that some settings share in every split, and begin the races of the last step."""
    name, estimator = pipeline.steps[-1]
    own = [_of_step(setting, name) for setting in settings]
    known = {id(setting): each for setting, each in zip(settings, own, strict=True)}
    expecting = narrowed(
        trials, known, partial(_of_step, step=name), partial(_key, last=name), lambda _: None, settings[0]
    )
    made: dict[int, tuple[Any, Any]] = {}
    errors: dict[int, Exception] = {}
    for split in range(len(trials.splits)):
        try:
            made[split] = _transformed(pipeline, _of_transformers(settings[0], name), trials, split)
        except Exception as error:
            errors[split] = error
    parts: list[tuple[list[int], Race]] = []
    for part in _stackable(made):
        try:
            parts.append((part, last_step(estimator, own, _stacked(part, made, expecting, name))))
        except GoraeError:  # in some split, perhaps, and not in others
            for split in part:
                try:
                    on = _stacked([split], made, expecting, name)
                    parts.append(([split], last_step(estimator, own, on)))
                except GoraeError as error:
                    errors[split] = error
    return _Transformation(parts, errors)


def _of_step(named: Mapping[str, Any], step: str) -> dict[str, Any]:
    """Return what is named after a step, without the step's name."""
    prefix = f"{step}__"
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


def _transformed(pipeline: Pipeline, setting: Setting, trials: Trials, split: int) -> tuple[Any, Any]:
    """Return a split's rows to learn from and to be scored on, by transformers fitted on the former."""
    rows, y = trials.train_parts[split]
    if len(pipeline.steps) == 1:
        return rows, trials.test_parts[split][0]
    transformers = trials.prepared(pipeline, setting, split)[:-1]
    params = _of_transformers(trials.fit_params_of(split), pipeline.steps[-1][0])
    return transformers.fit_transform(rows, y, **params), transformers.transform(trials.test_parts[split][0])


def _stackable(made: Mapping[int, tuple[Any, Any]]) -> list[list[int]]:
    """Return the splits to write below one another: arrays of one width and type, not too large."""
    every = [rows for pair in made.values() for rows in pair]
    if not every:
        return []
    if not all(isinstance(rows, np.ndarray) and rows.ndim == 2 for rows in every):
        return [[split] for split in made]
    alike = len({(rows.shape[1], rows.dtype) for rows in every}) == 1
    if alike and sum(rows.nbytes for rows in every) <= _LARGEST_STACK:
        return [list(made)]
    return [[split] for split in made]


def _stacked(part: Sequence[int], made: Mapping[int, tuple[Any, Any]], trials: Trials, name: str) -> Trials:
    """Return what the last step is tried on: the transformed rows of some splits, one below the other."""
    order = [rows for split in part for rows in trials.splits[split]]
    places = [np.arange(a, b) for a, b in pairwise(np.cumsum([0, *map(len, order)]))]
    which = np.concatenate(order)
    rows = _below([rows for split in part for rows in made[split]])
    expected = trials.expected
    return replace(
        trials,
        X=rows,
        y=_taken(trials.y, which),
        splits=[(places[2 * i], places[2 * i + 1]) for i in range(len(part))],
        fit_params={k: _taken(v, which) for k, v in _of_step(trials.fit_params, name).items()},
        score_params={k: _taken(v, which) for k, v in trials.score_params.items()},
        groups=_taken(trials.groups, which),
        seeds=[trials.seeds[split] for split in part],
        expected=None if expected is None else expected.behind(_columns(rows), _columns(trials.X)),
    )


def _columns(rows: Any) -> int | None:
    """Return how many columns rows have; None where they have none."""
    shape = getattr(rows, "shape", ())
    return int(shape[1]) if len(shape) == 2 else None


def _taken(values: Any, which: np.ndarray) -> Any:
    """Return the values at some rows; None stays None."""
    return None if values is None else _safe_indexing(values, which)


def _below(parts: Sequence[Any]) -> Any:
    """Return rows one below the other, of whatever kind they are."""
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    if all(sparse.issparse(part) for part in parts):
        return sparse.vstack(parts, format="csr")
    if all(isinstance(part, list) for part in parts):
        return [row for part in parts for row in part]
    return nw.concat([nw.from_native(part, eager_only=True) for part in parts]).to_native()
