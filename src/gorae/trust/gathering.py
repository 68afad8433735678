"""What is learned about a model from rows that it has not seen: folds and left-out classes at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from gorae.data import Affine, make_folds
from gorae.errors import InputError
from gorae.estimators.training_rows import label_codes
from gorae.search.out_of_fold import over_rows
from gorae.train import Progress
from gorae.trust.answers import Answers, ask, features_of, space_of
from gorae.trust.detectors import DETECTORS, Arrays
from gorae.trust.draws import row_draws
from gorae.trust.parts import fit_parts

MOST_LEFT_OUT = 10
"""The most classes that are left out, one by one."""

_FEWEST_CLASSES = 3


class Judged(NamedTuple):
    """A model, and for each detector what it keeps of the model's rows and how strange others are.

    Attributes:
        estimator: fitted on all rows but those of a fold.
        space: what `ask` needs to ask it.
        kept: for each detector what it keeps of the rows that the model learned from.
        novelty: for each detector the scores of the fold's rows.
    """

    estimator: Any
    space: Affine | None
    kept: Mapping[str, Arrays]
    novelty: Mapping[str, Float[np.ndarray, " unseen"]]


@dataclass(frozen=True)
class Gathered:
    """A model fitted on all rows, and what its twins said of the rows that they had not seen.

    Attributes:
        estimator: fitted on all rows.
        classes: the class labels, sorted.
        codes: (rows,) the class of each row.
        draws: (rows,) what each row draws for sets of classes.
        folds: (rows,) the fold that each row was scored in, in the first repeat.
        answers: what was said of each row out of fold, in the first repeat.
        probabilities: (rows, classes) out of fold, averaged over all repeats.
        judged: for each fold of the first repeat a model that has not seen it, and how strange its rows are.
        left_out: for each detector the area under the ROC curve for every class that was left out: unknown
            rows against known ones, neither of which was learned from. Empty where none was left out.
        absent: (left,) the class that was left out each time.
    """

    estimator: Any
    classes: np.ndarray
    codes: Int[np.ndarray, " rows"]
    draws: Float[np.ndarray, " rows"]
    folds: Int[np.ndarray, " rows"]
    answers: Answers
    probabilities: Float[np.ndarray, "rows classes"]
    judged: Sequence[Judged]
    left_out: Mapping[str, Float[np.ndarray, " left"]]
    absent: Sequence[int]


def gather(
    estimator: Any,
    X: Any,
    y: np.ndarray,
    *,
    cv: int = 5,
    repeats: int = 1,
    detectors: Sequence[str] | None = None,
    leave_out: bool = True,
    lone: bool = False,
    sample_weight: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    seed: int = 0,
    progress: Callable[[Progress], object] | None = None,
) -> Gathered:
    """Fit a classifier on all rows, in folds, and without each class, as one population.

    Args:
        estimator: an unfitted classifier, which stays as it is.
        X: (rows, columns).
        y: (rows,) class labels.
        cv: folds.
        repeats: how often the rows are cut into folds anew.
        detectors: names of `DETECTORS` to score rows with; None for all that the model has members for. With
            () no twin is asked about the rows that it has learned from, which takes most of the asking.
        leave_out: whether to find out, class by class, which detector finds a class that was never seen; with
            fewer than three classes nothing is left to be known, and it is not done.
        lone: whether a network that is to find that out has one member, whatever the estimator has.
        sample_weight: (rows,) or None.
        groups: (rows,) or None; rows of a group are never on both sides of a fold.
        seed: decides the folds.
        progress: told about ten times a second while networks train.

    Raises:
        GoraeError: if the model cannot be fitted on one of the parts.
        DataError: if there is one class only, or there are too few rows for the folds.
    """
    classes, codes = label_codes(y)
    splits = make_folds(codes, folds=cv, repeats=repeats, stratify=True, groups=groups, seed=seed)
    absent = _left_out(codes, splits[0], seed) if leave_out and len(classes) >= _FEWEST_CLASSES else []
    learned, scored = splits[0]
    parts = [
        np.arange(len(y)),
        *(train for train, _ in splits),
        *(learned[codes[learned] != code] for code in absent),
    ]
    smaller: Any = clone(estimator)
    if lone:
        smaller.set_params(members=1)
    models = fit_parts(
        [estimator] * (1 + len(splits)) + [smaller] * len(absent),
        X,
        y,
        parts,
        classes=classes,
        sample_weight=sample_weight,
        groups=groups,
        progress=progress,
    )
    twins = [_Twin(one, space_of(one, X[rows]), rows) for one, rows in zip(models, parts, strict=True)]
    whole, folded, without = twins[0], twins[1 : 1 + len(splits)], twins[1 + len(splits) :]
    asking = _Asking(X, codes, classes, seed)
    tests = [test for _, test in splits]
    out = [asking.answers(twin, test) for twin, test in zip(folded, tests, strict=True)]
    names = _fitting(DETECTORS if detectors is None else detectors, _members(whole.model))
    judged = [
        Judged(twin.model, twin.space, *asking.novelty(names, twin, answers))
        for twin, answers in zip(folded[:cv], out[:cv], strict=True)
    ]
    return Gathered(
        estimator=whole.model,
        classes=classes,
        codes=codes,
        draws=row_draws(X),
        folds=_in_order([np.full(len(test), fold) for fold, test in enumerate(tests[:cv])], tests[:cv]),
        answers=_joined(out[:cv], tests[:cv]),
        probabilities=over_rows([answers.probabilities for answers in out], tests, len(y)),
        judged=judged,
        left_out=_areas(asking, names, without, scored, absent),
        absent=absent,
    )


class _Twin(NamedTuple):
    """A model with its space, and the rows that it learned from."""

    model: Any
    space: Affine | None
    rows: np.ndarray


class _Asking(NamedTuple):
    """Asks twins about rows."""

    X: Any
    codes: np.ndarray
    classes: np.ndarray
    seed: int

    def answers(self, twin: _Twin, rows: np.ndarray) -> Answers:
        """Return what a twin says of rows."""
        return ask(twin.model, self.X[rows], self.classes, twin.space)

    def novelty(
        self, names: Sequence[str], twin: _Twin, asked: Answers, among: np.ndarray | None = None
    ) -> tuple[dict[str, Arrays], dict[str, np.ndarray]]:
        """Return what each detector keeps of a twin's rows, and its scores of what the twin was asked.

        With `among`, the twin knows these classes only.
        """
        if not names:
            return {}, {}
        own, codes = features_of(twin.model, self.X[twin.rows], twin.space), self.codes[twin.rows]
        if among is not None:
            asked = asked.among(among)
        kept: dict[str, Arrays] = {}
        for name in names:
            with suppress(InputError):  # features that never vary have no covariance: a detector less
                kept[name] = DETECTORS[name].fit(own, codes, self.seed)
        return kept, {name: DETECTORS[name].score(kept[name], asked) for name in kept}


def _fitting(names: Iterable[str], members: int) -> list[str]:
    """Return the detectors for which there are members enough."""
    return [name for name in names if members >= DETECTORS[name].fewest_members]


def _members(estimator: Any) -> int:
    """Return the networks that an estimator is made of."""
    return int(getattr(estimator, "members", 1))


def _left_out(codes: np.ndarray, split: tuple[np.ndarray, np.ndarray], seed: int) -> list[int]:
    """Return the classes to leave out: those that have rows on both sides, at most ten of them."""
    learned, scored = (np.unique(codes[part]) for part in split)
    both = np.intersect1d(learned, scored)
    if len(both) > MOST_LEFT_OUT:
        both = np.sort(np.random.default_rng(seed).choice(both, MOST_LEFT_OUT, replace=False))
    return [int(code) for code in both]


def _areas(
    asking: _Asking, names: Sequence[str], without: Sequence[_Twin], scored: np.ndarray, absent: Sequence[int]
) -> dict[str, np.ndarray]:
    """Return for each detector how well it tells the rows of each class that a twin has never seen.

    A detector of an ensemble is left out where the twins have one member.
    """
    names = _fitting(names, _members(without[0].model)) if absent else []
    areas: dict[str, list[float]] = {name: [] for name in names}
    for twin, code in zip(without, absent, strict=True):
        known = np.setdiff1d(np.arange(len(asking.classes)), [code])
        _, found = asking.novelty(names, twin, asking.answers(twin, scored), known)
        is_new = asking.codes[scored] == code
        for name, scores in found.items():
            areas[name].append(float(roc_auc_score(is_new, scores)))
    return {name: np.array(values) for name, values in areas.items() if absent and len(values) == len(absent)}


def _in_order(parts: Sequence[np.ndarray], tests: Sequence[np.ndarray]) -> np.ndarray:
    """Return what the folds of one repeat gave, in the order of the rows."""
    return np.concatenate(parts)[np.argsort(np.concatenate(tests))]


def _joined(parts: Sequence[Answers], tests: Sequence[np.ndarray]) -> Answers:
    """Return the answers of the folds of one repeat, in the order of the rows."""
    order = np.argsort(np.concatenate(tests))
    members = np.concatenate([part.members for part in parts], axis=1)
    logits, features = (np.concatenate([getattr(p, n) for p in parts]) for n in ("logits", "features"))
    return Answers(members, logits, features).of(order)
