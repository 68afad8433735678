"""From fits that are asked for to fits that can be trained, each as it would be prepared alone."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer
from sklearn.base import clone

from gorae.backend import select_devices
from gorae.errors import GoraeError, ParameterError
from gorae.estimators.fitting import anchors_of, beginning_with, merged, recipe_for, table_of
from gorae.estimators.given import given_pair
from gorae.estimators.parameters import check_count, root_seed
from gorae.estimators.population import Recipe
from gorae.estimators.sentence_fits import sentence_key, sentence_rows, some_sentences, tagger_recipe
from gorae.estimators.sentences import TaggedSentences, tagged_sentences
from gorae.estimators.starting_vectors import of_table, vectors_key
from gorae.estimators.training_rows import TrainingRows, check_training_rows, group_codes
from gorae.train import Problem, SharedRows, SplitRows

_OF_A_SPLIT = ("validation_fraction", "class_weight", "max_tokens", "min_count")
"""Parameters that decide what a split is."""


class Fit(NamedTuple):
    """One fit that is asked for.

    Attributes:
        estimator: an unfitted network estimator, which `fit_together` fits in place.
        rows: the rows it learns from, as positions; fits of the same array of positions share what is made of
            their rows.
        classes: every class label there is, where the rows may lack some; None for those of the rows.
    """

    estimator: Any
    rows: Integer[np.ndarray, " rows"]
    classes: Any = None


@dataclass(frozen=True)
class AllRows:
    """The rows of all fits, checked; sentences instead of a matrix, where taggers are fitted."""

    matrix: np.ndarray
    targets: np.ndarray
    weight: Any
    groups: Any
    given: dict[str, Any]
    """What `fit` sets on an estimator when it checks rows: the number and the names of the features."""
    sentences: TaggedSentences | None = None


@dataclass(frozen=True)
class ReadyFit:
    """A fit that can be trained: what it asks of the engine, and its rows as the engine reads them.

    `anchors` are what the stored rows and targets are differences from. `shared` are rows that are the fit's
    own, to which the split points; None where it points to those of all fits. `given` is what the fit sets
    on its estimator besides.
    """

    fit: Fit
    recipe: Recipe
    rows: TrainingRows
    split: SplitRows
    anchors: tuple[np.ndarray, np.ndarray]
    seed: int
    members: int
    shared: SharedRows | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def program(self) -> Hashable:
        """What fits must have in common to be trained by one call of the engine."""
        classes = None if self.rows.classes is None else tuple(self.rows.classes.tolist())
        stops = self.split.stop_rows.shape[-1] > 0
        stored = (self.anchors[0].tobytes(), self.anchors[1].tobytes())
        if self.shared is not None:
            stored = (*stored, self.shared.rows.shape[1:], self.shared.rows.dtype.str)
        return self.recipe.trained, classes, stops, stored, self.fit.estimator.device

    def widened(self, wider: Mapping[Problem, Problem]) -> "ReadyFit":
        """Return the fit as it is trained in a program for wider layers, if there is one for its problem."""
        return replace(self, recipe=replace(self.recipe, wide=wider.get(self.recipe.problem)))


def checked_rows(estimator: Any, X: Any, y: Any, sample_weight: Any, groups: Any) -> AllRows:
    """Return all rows as arrays, and what checking them has set."""
    codes_of_groups = None if groups is None else np.asarray(groups)
    if getattr(estimator, "_answers_tags", False):
        sentences = tagged_sentences(X, y)
        nothing = np.zeros((len(sentences.forms), 0), np.uint8)
        return AllRows(nothing, nothing, None, codes_of_groups, {}, sentences)
    probe = clone(estimator)
    matrix, targets = given_pair(probe, X, y)
    given = {name: value for name, value in vars(probe).items() if name.endswith("_in_")}
    weight = None if sample_weight is None else np.asarray(sample_weight)
    return AllRows(matrix, targets, weight, codes_of_groups, given)


def prepared_fits(fits: Sequence[Fit], data: AllRows) -> tuple[dict[int, ReadyFit], list[GoraeError | None]]:
    """Return the fits that can be trained, and for each fit None or why it cannot."""
    ready: dict[int, ReadyFit] = {}
    refused: list[GoraeError | None] = []
    made: dict[Hashable, Any] = {}

    def once(key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in made:
            made[key] = make()
        return made[key]

    for place, fit in enumerate(fits):
        try:
            ready[place] = _prepare(fit, data, once)
            refused.append(None)
        except GoraeError as error:
            refused.append(error)
    return ready, refused


def _prepare(fit: Fit, data: AllRows, once: Callable[[Hashable, Callable[[], Any]], Any]) -> ReadyFit:
    """Return a fit that can be trained; `once` remembers what fits share."""
    estimator, which = fit.estimator, id(fit.rows)
    if getattr(estimator, "checkpoint", None) is not None:
        raise ParameterError("checkpoint must be None where many fits are made at once: it holds one fit.")
    if data.sentences is not None:
        return _prepare_sentences(fit, data, data.sentences, once)
    rows = once(("rows", which), lambda: _part(data, fit))
    early = bool(getattr(estimator, "early_stopping", False))
    for name in getattr(estimator, "_decided_by_rows", ()):
        vars(estimator).update({name: data.given[name]} if name in data.given else {})
    recipe, rows = recipe_for(
        estimator, rows, lambda own: once(("merged", which, early), lambda: merged(own))
    )
    members, seed = check_count("members", estimator.members), root_seed(estimator.random_state)
    values = None if rows.classes is not None else data.targets.reshape(len(data.targets), -1)
    scale = repr(estimator.scale)
    anchors = once(("anchors", scale), lambda: anchors_of(estimator, data.matrix, values))
    options = [repr(getattr(estimator, n, None)) for n in _OF_A_SPLIT]
    split = once(
        ("split", which, recipe.merge, scale, *options, early, seed if early else None),
        lambda: _split(estimator, rows, fit.rows, anchors, seed),
    )
    if getattr(estimator, "vectors", None) is not None:
        found = once(
            ("vectors", vectors_key(estimator), estimator.embedding),
            lambda: of_table(estimator, data.matrix),
        )
        recipe = beginning_with(recipe, found, split)
    select_devices(estimator.device)
    return ReadyFit(fit, recipe, rows, split, anchors, seed, members)


def _prepare_sentences(
    fit: Fit, data: AllRows, sentences: TaggedSentences, once: Callable[[Hashable, Callable[[], Any]], Any]
) -> ReadyFit:
    """Return a fit of a tagger that can be trained.

    Its rows are its own: which words are known, and which sentences stand in a row, is a matter of the fold.
    """
    estimator, which = fit.estimator, id(fit.rows)
    own = once(("sentences", which), lambda: some_sentences(sentences, fit.rows))
    groups = None if data.groups is None else group_codes(data.groups[fit.rows], len(fit.rows))
    members, seed = check_count("members", estimator.members), root_seed(estimator.random_state)
    key = ("rows", which, sentence_key(estimator, seed))
    rows = once(key, lambda: sentence_rows(estimator, own, groups, seed))
    recipe = tagger_recipe(estimator, rows, len(own.classes), once)
    select_devices(estimator.device)
    everything = np.arange(len(rows.shared.rows))
    return ReadyFit(
        fit,
        recipe,
        TrainingRows(rows.shared.rows, rows.shared.targets, None, own.classes, True, None, everything),
        rows.split,
        (np.zeros(rows.coding.channels), np.zeros(0)),
        seed,
        members,
        shared=rows.shared,
        given={"_coding": rows.coding},
    )


def _part(data: AllRows, fit: Fit) -> TrainingRows:
    """Return the rows of one fit, checked as the fit alone would check them."""
    rows = fit.rows
    return check_training_rows(
        clone(fit.estimator),
        data.matrix[rows],
        data.targets[rows],
        None if data.weight is None else data.weight[rows],
        first=True,
        classes=fit.classes,
        groups=None if data.groups is None else data.groups[rows],
    )


def _split(
    estimator: Any, part: TrainingRows, rows: np.ndarray, anchors: tuple[np.ndarray, np.ndarray], seed: int
) -> SplitRows:
    """Return the split that a fit alone would make of its rows, with their positions among all rows."""
    split = table_of(estimator, part, anchors, seed).splits[0]
    places = rows[part.positions].astype(np.int32)
    return split._replace(train_rows=places[split.train_rows], stop_rows=places[split.stop_rows])


def stored_targets(one: ReadyFit, data: AllRows) -> np.ndarray:
    """Return the targets of all rows as the engine stores them, in the class codes of one fit."""
    if one.rows.classes is None:
        return (data.targets.reshape(len(data.targets), -1) - one.anchors[1]).astype(np.float32)
    places = np.searchsorted(one.rows.classes, data.targets)  # rows of other classes are none of its own
    return np.minimum(places, len(one.rows.classes) - 1).astype(np.int32)
