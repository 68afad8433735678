"""`similar`: what rows resemble, which are variants of each other, and what no training row explains."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from gorae.errors import DataError, InputError
from gorae.estimators.parameters import check_choice, root_seed
from gorae.evidence import find_duplicates
from gorae.similarity import (
    ALONE,
    MAPS,
    Space,
    check_metric,
    find_groups,
    nearest_examples,
    open_space,
)
from gorae.study.model import StudyModel
from gorae.study.plane import plane_of
from gorae.study.similarity_found import Similarity, Twin, VariantGroup

__all__ = ["similar"]


@dataclass(frozen=True)
class _Known:
    """The known rows, as the model reads them, and what is known of them."""

    rows: Any
    labels: np.ndarray | None
    numbers: np.ndarray
    features: np.ndarray | None = None


def similar(
    model: Any,
    X: Any,
    *,
    known: Any = None,
    labels: Any = None,
    space: Any = "last",
    metric: str = "l2",
    neighbors: int = 5,
    map: str | None = "pca",
    unknown: float | None = None,
    actual: Any = None,
    name: str = "data",
    random_state: Any = 0,
    tell: Callable[[str], object] | None = None,
) -> Similarity:
    """Say what rows resemble: nearest known rows, groups of variants, repeated rows, a map.

    Args:
        model: the model of a study, or a fitted estimator, search, pipeline or cautious model.
        X: rows as the model takes them.
        known: rows to compare them with; None for those that the model of a study keeps (up to 5,000 of its
            training rows, evenly drawn).
        labels: a class label or a value of each known row, where `known` is given; or None.
        space: where rows are compared: "last" (the last hidden layer, or the scaled inputs where nothing is
            hidden), "inputs", a hidden layer as "hidden 1", or "outputs". Of an ensemble, the first member.
        metric: "l2", "l1", "cosine" or "chebyshev".
        neighbors: known rows that are told for each row.
        map: "pca", "tsne", "umap", or None for no map.
        unknown: the share of known rows that may be called unlike the training data by mistake; None not to
            ask. For models that have learned what is unknown to them.
        actual: the true class or value of each row, or None.
        name: what the rows are called in the report.
        random_state: seed of the map.
        tell: hears what is being done, a phrase a step.

    Returns:
        What was found; rows are counted from 0.

    Raises:
        InputError: when rows cannot be used, or the model keeps none to compare with.
        ParameterError: when there is no such space, metric or map, or too few known rows.

    Example:
        >>> import gorae
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> model = gorae.GaussianBayes().fit(X[1::2], y[1::2])
        >>> found = similar(model, X[::2], known=X[1::2], labels=y[1::2], neighbors=1)
        >>> found.nearest(0)[0]["label"], found.groups.shape
        (0, (75,))
    """
    metric, seed, say = check_metric(metric), root_seed(random_state), tell or (lambda _: None)
    if map is not None:
        check_choice("map", map, list(MAPS))
    reader, new, there = _opened(model, X, known, labels)
    if not len(new):
        raise DataError("there is no row to compare; give at least one.")
    answers, stated = _answers(model, X)
    truth = None if actual is None else np.asarray(actual)
    if truth is not None and len(truth) != len(new):
        raise DataError(f"there are {len(new)} rows, but {len(truth)} actual values.")
    scaled = isinstance(model, StudyModel) and model.affine is not None
    where = _space(reader, there, space, scaled=scaled)
    asked, familiar = where.of(new), _features(where, there, space)
    flags, shares = (None, None) if unknown is None else _unknown(model, X, unknown)
    say(f"comparing {len(new)} rows with {len(familiar)} training rows in {where.words}")
    examples = nearest_examples(familiar, asked, neighbors, metric=metric)
    say("looking for groups of variants")
    predicted = None if stated is None else answers
    labels_of, variants = _variants(familiar, asked, metric, there, predicted, flags)
    say("looking for repeated rows")
    twins, notes = _twins(reader, there, new, scaled=scaled)
    found = Similarity(
        predictions=answers,
        probabilities=stated,
        actual=truth,
        examples=examples,
        numbers=there.numbers,
        labels=there.labels,
        groups=labels_of,
        variants=variants,
        twins=twins,
        unknown=flags,
        known_share=shares,
        map=None,
        notes=notes,
        facts=_facts(model, where, metric, name, unknown),
    )
    if map is None:
        return found
    say(f"drawing the map ({map})")
    return _with_map(found, familiar, asked, map, metric, seed)


def _opened(model: Any, X: Any, known: Any, labels: Any) -> tuple[Any, Any, _Known]:
    """Return the estimator that reads rows, the rows as it reads them, and the known ones likewise."""
    if isinstance(model, StudyModel):
        if known is not None:
            return model.estimator, model.matrix(X), _given(model.matrix(known), labels)
        kept = model.reference
        if kept is None:
            raise InputError("this model keeps no training rows to compare with; give them as known.")
        own = kept.labels if model.classes is None else model.classes[kept.labels]
        rows = kept.inputs
        if rows is None and not model.has_hidden_layers:
            rows = kept.features
        return model.estimator, model.matrix(X), _Known(rows, own, kept.numbers, kept.features)
    if known is None:
        raise InputError(
            f"a {type(model).__name__} keeps no training rows to compare with; give them as known, with "
            "their labels."
        )
    return model, X, _given(known, labels)


def _given(known: Any, labels: Any) -> _Known:
    """Return known rows that the caller gave."""
    own = None if labels is None else np.asarray(labels)
    if own is not None and len(own) != len(known):
        raise DataError(f"there are {len(known)} known rows, but {len(own)} labels.")
    return _Known(known, own, np.arange(len(known)))


def _space(reader: Any, known: _Known, space: Any, *, scaled: bool) -> Space:
    """Return the space that is asked for."""
    rows = np.zeros((1, 1)) if known.rows is None else known.rows
    return open_space(reader, rows, space, scaled=scaled)


def _features(where: Space, known: _Known, space: Any) -> np.ndarray:
    """Return the known rows in a space; what a model keeps of its last layer is not asked for again."""
    if known.features is not None and space == "last":
        return np.asarray(known.features, np.float64)
    if known.rows is None:
        raise InputError(
            f"this model keeps its training rows in the last hidden layer only, not in {where.words}: take "
            'space="last", give training rows as known, or fit it again.'
        )
    return where.of(known.rows)


def _answers(model: Any, X: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return predictions and, for classes, the probability of the class that is predicted."""
    if isinstance(model, StudyModel):
        answers, stated = model.answers(X)
        return answers, None if stated is None else stated.max(axis=1)
    answers = np.asarray(model.predict(X))
    if not is_classifier(model):
        return answers.reshape(len(answers), -1)[:, 0].astype(np.float64), None
    if not hasattr(model, "predict_proba"):
        return answers, np.full(len(answers), np.nan)
    return answers, np.asarray(model.predict_proba(X), np.float64).max(axis=1)


def _unknown(model: Any, X: Any, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows are unlike the training data, and the share of known rows at least as strange."""
    if isinstance(model, StudyModel):
        return model.are_unknown(X, share), model.known_share(X)
    if hasattr(model, "known_share"):
        flags = model.predict(X, unknown="flag", false_alarms=share)[1]
        return np.asarray(flags, bool), np.asarray(model.known_share(X))
    raise InputError(
        f"a {type(model).__name__} has not learned what is unknown to it; fit a CautiousClassifier around it."
    )


def _variants(
    known: np.ndarray,
    new: np.ndarray,
    metric: str,
    there: _Known,
    predictions: np.ndarray | None,
    flags: np.ndarray | None,
) -> tuple[np.ndarray, tuple[VariantGroup, ...]]:
    """Return the group of each new row, and the groups that hold one; known rows are among their rows."""
    found = find_groups(np.concatenate([known, new]), metric=metric)
    old, own = found.labels[: len(known)], found.labels[len(known) :]
    kept = np.unique(own[own != ALONE])
    labels = np.full(len(own), ALONE)
    groups = []
    for number, group in enumerate(kept.tolist()):
        rows, before = np.flatnonzero(own == group), np.flatnonzero(old == group)
        labels[rows] = number
        groups.append(
            VariantGroup(
                number=number,
                rows=tuple(rows.tolist()),
                known=tuple(there.numbers[before].tolist()),
                labels=_counts(None if there.labels is None else there.labels[before]),
                predictions=_counts(None if predictions is None else predictions[rows]),
                denser=float(found.contrasts[group]),
                inside=float(found.inside[group]),
                outside=float(found.outside[group]),
                unknown=None if flags is None else int(flags[rows].sum()),
            )
        )
    return labels, tuple(groups)


def _counts(labels: np.ndarray | None) -> tuple[tuple[Any, int], ...]:
    """Return labels with how many rows have each, the most frequent first."""
    return () if labels is None else tuple(Counter(labels.tolist()).most_common())


def _twins(reader: Any, known: _Known, new: Any, *, scaled: bool) -> tuple[tuple[Twin, ...], tuple[str, ...]]:
    """Return the new rows that repeat a known row, or another new one; each once."""
    if known.rows is None:
        told = "The model does not keep its training rows themselves: repeated rows were not looked for."
        return (), (told,)
    inputs = _space(reader, known, "inputs", scaled=scaled)
    rows = np.concatenate([inputs.of(known.rows), inputs.of(new)])
    found = find_duplicates(rows, rows)
    count, twins = len(known.numbers), {}

    def add(one: int, other: int, equal: bool) -> None:
        is_known = other < count
        number = int(known.numbers[other]) if is_known else other - count
        twin = Twin(one - count, number, is_known, equal)
        before = twins.get(twin.row)
        if before is None or (twin.known, twin.equal) > (before.known, before.equal):
            twins[twin.row] = twin

    for group in found.groups:
        for row in group[1:].tolist():
            if row >= count:
                add(row, int(group[0]), True)
    for one, other in found.near.tolist():
        low, high = sorted((one, other))
        if high >= count:
            add(high, low, False)
    return tuple(twins[row] for row in sorted(twins)), ()


def _facts(model: Any, where: Space, metric: str, name: str, unknown: float | None) -> dict[str, Any]:
    """Return what was asked, in words."""
    classes = model.classes if isinstance(model, StudyModel) else getattr(model, "classes_", None)
    own = model.name if isinstance(model, StudyModel) else type(model).__name__
    return {
        "name": name,
        "model": own,
        "target": getattr(model, "target", None),
        "classes": None if classes is None else [str(label) for label in classes],
        "space": where.name,
        "space_words": where.words,
        "metric": metric,
        "false_alarms": unknown,
    }


def _with_map(
    found: Similarity, known: np.ndarray, new: np.ndarray, method: str, metric: str, seed: int
) -> Similarity:
    """Return what was found with a map, or with a note on why there is none."""
    values = found.actual if found.actual is not None else found.predictions
    wrong = told = None
    classes = found.facts["classes"] if found.probabilities is not None else None
    if found.actual is not None and classes is not None:
        wrong = np.asarray(found.actual).astype(str) != np.asarray(found.predictions).astype(str)
        told = [f"actual {a}, predicted {p}" for a, p in zip(found.actual, found.predictions, strict=True)]
    try:
        plane = plane_of(
            known,
            new,
            method=method,
            metric=metric,
            seed=seed,
            numbers=(found.numbers, np.arange(len(new))),
            values=(_codes(found.labels, classes, len(known)), _codes(values, classes, len(new))),
            wrong=wrong,
            unknown=found.unknown,
            told=told,
        )
    except DataError as error:
        return replace(found, notes=(*found.notes, f"No map was drawn: {error}"))
    words = {"space": found.facts["space_words"], "target": found.facts["target"], "classes": classes}
    return replace(found, map={**plane, **words})


def _codes(values: Any, classes: list[str] | None, rows: int) -> np.ndarray:
    """Return the place of each label among the classes, or each value; NaN where there is none."""
    if values is None:
        return np.full(rows, np.nan)
    if classes is None:
        return np.asarray(values, np.float64)
    places = {label: code for code, label in enumerate(classes)}
    return np.array([places.get(str(value), np.nan) for value in np.asarray(values).tolist()], float)
