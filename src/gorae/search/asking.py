"""What a search is asked for, checked before any work begins."""

from collections.abc import Mapping, Sequence
from copy import copy
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from gorae.data import Sentences
from gorae.errors import DataError, ParameterError
from gorae.estimators.parameters import check_count, check_flag
from gorae.estimators.sentences import universal_tags
from gorae.estimators.tag_scoring import tag_scoring
from gorae.search.budget import read_budget

_MOST_SETTINGS = 100_000


def check_search(search: Any, y: Any) -> None:
    """Check the parameters of a `SearchCV` that can be checked without rows.

    Args:
        search: with its parameters as they were given.
        y: the targets, or None.

    Raises:
        ParameterError: when one is out of its range, or does not go with another.
    """
    if isinstance(search.estimator, type) or not hasattr(search.estimator, "get_params"):
        raise ParameterError(
            "estimator must be an estimator of scikit-learn's contract, such as MLPClassifier(), got "
            f"{search.estimator!r:.80}."
        )
    if isinstance(search.cv, type):
        raise ParameterError(f"cv must be a splitter, such as {search.cv.__name__}(), not its class.")
    check_flag("return_train_score", search.return_train_score)
    score = search.error_score
    if not (isinstance(score, str) and score == "raise") and (
        not isinstance(score, Real) or isinstance(score, bool)
    ):
        raise ParameterError(f"error_score must be a number or 'raise', got {score!r:.80}.")
    if not isinstance(search.refit, bool | str | np.bool_) and not callable(search.refit):
        raise ParameterError(
            f"refit must be True, False, the name of a score or a function, got {search.refit!r:.80}."
        )
    if check_flag("nested", search.nested):
        _check_nested(search, y)


def _check_nested(search: Any, y: Any) -> None:
    """Refuse a nested search that could not be scored."""
    if callable(search.refit) or not search.refit:
        raise ParameterError("nested=True needs refit=True or the name of a score, which then decides.")
    if y is None:
        raise ParameterError("nested=True needs targets to score the search by.")
    if not (search.cv is None or isinstance(search.cv, int) or hasattr(search.cv, "split")):
        raise ParameterError(
            "nested=True needs cv to be a number of folds or a splitter, not a list of splits."
        )
    limits = read_budget(search.budget).limits
    if isinstance(search.cv, int) and any(
        limits.get(kind, np.inf) < search.cv * search.repeats + 1 for kind in ("fits", "epochs")
    ):
        raise ParameterError(
            f"budget={search.budget!r} has to do for {search.cv * search.repeats + 1} searches, as "
            "nested=True runs one more in each split; give more."
        )


def check_settings(count: Any) -> int:
    """Return the number of settings to be tried.

    Raises:
        ParameterError: when it is no positive integer, or one that no search gets through.
    """
    wanted = check_count("n_settings", count)
    if wanted > _MOST_SETTINGS:
        raise ParameterError(f"n_settings must be at most {_MOST_SETTINGS:,}, got {wanted:,}.")
    return wanted


def answers_tags(estimator: Any) -> bool:
    """Return whether an estimator tags the words of sentences: its targets are lists, one a sentence."""
    return bool(getattr(estimator, "_answers_tags", False))


def asked_scorers(search: Any) -> tuple[Any, Any]:
    """Return the scorers of a search, and the name of the one that decides.

    A tagger's scores are of words, by the names that scikit-learn has for them.

    Raises:
        ParameterError: when a tagger has no such score.
    """
    asked = copy(search)
    if answers_tags(search.estimator):
        asked.scoring = tag_scoring(search.scoring)
    return asked._get_scorers()


def given_pair(estimator: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """Return rows and targets that can be cut into splits: of a treebank its sentences, and their tags."""
    if not answers_tags(estimator) or not isinstance(X, Sentences):
        return X, y
    return list(X.forms), list(universal_tags(X)) if y is None else y


def check_rows(X: Any, y: Any, params: Mapping[str, Any]) -> None:
    """Refuse targets that are missing, and weights that are not one a row.

    Raises:
        DataError: naming the row, or the shape.
    """
    ragged = isinstance(y, list | tuple) and any(isinstance(each, list | tuple | np.ndarray) for each in y)
    targets = None if y is None or ragged else np.asarray(y)
    if targets is not None and targets.ndim == 1 and targets.dtype.kind == "O":
        missing = [row for row, value in enumerate(targets.tolist()) if value is None]
        if missing:
            raise DataError(f"y must not be missing, but row {missing[0]} (from 0) has none.")
    weight = params.get("sample_weight")
    if weight is not None and np.shape(weight)[:1] != (_num_samples(X),):
        raise DataError(
            f"sample_weight must be one number a row ({_num_samples(X)}), got shape {np.shape(weight)}."
        )


def check_splits(splits: Sequence[tuple[np.ndarray, np.ndarray]], rows: int) -> None:
    """Refuse no splits, and splits of rows that are not there.

    Raises:
        DataError: saying which.
    """
    if not splits:
        raise DataError("cv gives no split; ask for at least two folds.")
    for number, parts in enumerate(splits):
        for part in parts:
            if part.dtype.kind in "iu" and len(part) and not (-rows <= part.min() and part.max() < rows):
                raise DataError(
                    f"split {number} (from 0) of cv names row {part.max()}, but X has {rows} rows."
                )
