"""`diagnose`: what is wrong with a fitted estimator, from what its fit left and rows it did not see."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.linear_model import Ridge
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from gorae.data import fit_affine
from gorae.errors import DataError, GoraeError, InputError, as_input_error
from gorae.estimators.bayes import GaussianBayes
from gorae.estimators.examined import curves_of, hidden_of, training_losses
from gorae.estimators.fitting import recipe_for, table_of
from gorae.estimators.neighbors import KNeighborsClassifier, KNeighborsRegressor
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.training_rows import check_training_rows
from gorae.evidence import ClassAnswers, Curves, Diagnosis, Examined, Scores, judge, split_scores

__all__ = ["diagnose", "examine"]

_PLAIN_ROWS = 3000
"""Rows that plain models learn from, to be compared with: they are a yardstick, not contestants."""

_PLAIN_COLUMNS = 1000
"""With more columns, Bayes and ridge would cost more than they tell; neighbours are still asked."""

_SAME_LOSS = 1e-3
"""Relative difference from which on rows are not those that early stopping watched."""

_NEIGHBORS = (KNeighborsClassifier, KNeighborsRegressor)


def diagnose(
    estimator: Any, X: Any, y: Any, *, X_validation: Any = None, y_validation: Any = None
) -> Diagnosis:
    """Say what is wrong with a fitted estimator: each verdict with the figure it rests on and one advice.

    A network is looked at from within: the curves of its training loss, the gradient of each layer over the
    epochs, the answers of its hidden units. Every estimator is looked at from without: its score on rows that
    it learned from against that on others, beside two plain models fitted on the same rows (neighbours, and
    Gaussian Bayes or ridge regression), and the recall of rare classes. Where the evidence does not suffice
    for a verdict, none is given, and the diagnosis says what was not judged.

    Args:
        estimator: a fitted estimator: of gorae, or any other with scikit-learn's interface; of a pipeline
            the last step, of a search its best estimator.
        X: `(n, features)`, the rows it was fitted on.
        y: their targets.
        X_validation: rows it was not fitted on. Without them those that early stopping watched are taken,
            where there were any: they are made out anew from X and y, and used if they have the loss that
            the fit recorded (not so where sample weights or groups were given to `fit`).
        y_validation: their targets.

    Returns:
        The verdicts, with what was looked at and what could not be judged.

    Raises:
        InputError: when the rows cannot be used, or only one of X_validation and y_validation is given.
        NotFittedError: before `fit`.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from gorae import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = MLPClassifier((8,), learning_rate=1e-7, epochs=20, random_state=0).fit(X, y)
        >>> [verdict.illness for verdict in diagnose(model, X, y)]
        ['learning rate too low']
    """
    return judge(examine(estimator, X, y, X_validation=X_validation, y_validation=y_validation))


def examine(
    estimator: Any, X: Any, y: Any, *, X_validation: Any = None, y_validation: Any = None
) -> Examined:
    """Return what is known of a fitted estimator, for `gorae.evidence.judge`; arguments as in `diagnose`."""
    if (X_validation is None) != (y_validation is None):
        raise InputError("X_validation and y_validation belong together, but only one of them was given.")
    estimator, X, X_validation = _last_step(estimator, X, X_validation)
    with as_input_error():
        check_is_fitted(estimator)
    y = np.asarray(y)
    if len(y) != len(X):
        raise InputError(f"X and y must have one row each for a target, but X has {len(X)} and y {len(y)}.")
    if not isinstance(estimator, NetworkEstimator):
        return _from_without(estimator, X, y, X_validation, y_validation)
    try:
        answers = estimator._answers(X)
    except DataError:
        told = "scores: the outputs overflow for rows that it was fitted on"
        return Examined(curves_of(estimator, len(y)), missing=(told,))
    with estimator.remembering([(X, answers)]):
        curves, hidden = curves_of(estimator, len(y), X, y), hidden_of(estimator, X)
        return _from_without(estimator, X, y, X_validation, y_validation, curves, hidden)


class _Parts(NamedTuple):
    """Rows learned from, as places in X, and others: their matrix, their targets, and which they are."""

    learned: np.ndarray
    others: Any
    targets: np.ndarray
    where: str


def _last_step(estimator: Any, X: Any, X_validation: Any) -> tuple[Any, Any, Any]:
    """Return the model inside a search and a pipeline, and the rows as it reads them."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    while isinstance(estimator, Pipeline):
        before, last = estimator[:-1], estimator.steps[-1][1]
        with as_input_error():
            if len(before):
                X = before.transform(X)
                X_validation = None if X_validation is None else before.transform(X_validation)
        estimator = last
    return estimator, X, X_validation


def _from_without(
    estimator: Any,
    X: Any,
    y: np.ndarray,
    X_validation: Any,
    y_validation: Any,
    curves: Curves | None = None,
    hidden: tuple[Any, ...] = (),
) -> Examined:
    """Return the evidence with scores and classes added, as far as there are rows for them."""
    if y.ndim > 1 and y.shape[1] > 1:
        return Examined(curves, hidden, missing=("scores: there are several targets a row",))
    y = y.reshape(-1)
    if X_validation is not None:
        others = np.asarray(y_validation).reshape(-1)
        parts = _Parts(np.arange(len(y)), X_validation, others, f"{len(others)} validation rows")
    else:
        parts = _watched(estimator, X, y)
    if parts is None:
        told = "scores and classes: no rows are known that it did not learn from; give X_validation"
        return Examined(curves, hidden, missing=(told,))
    with as_input_error():
        said = np.asarray(estimator.predict(X)).reshape(-1)[parts.learned]
        answers = np.asarray(estimator.predict(parts.others)).reshape(-1)
    if y.dtype.kind in "iufb" and not (np.isfinite(said).all() and np.isfinite(answers).all()):
        return Examined(curves, hidden, missing=("scores: it answers with numbers that are not finite",))
    classes = _classes(estimator, y, parts, answers) if is_classifier(estimator) else None
    if classes is not None and classes.weighted:
        told = "scores: with class_weight it is not trained to be right as often as possible"
        return Examined(curves, hidden, None, classes, missing=(told,))
    return Examined(curves, hidden, _scores(estimator, X, y, parts, said, answers), classes)


def _scores(
    estimator: Any, X: Any, y: np.ndarray, parts: _Parts, said: np.ndarray, answers: np.ndarray
) -> Scores:
    """Return training against other rows, beside plain models."""
    truth, classify = y[parts.learned], is_classifier(estimator)
    if classify:
        labels, counts = np.unique(truth, return_counts=True)
        constant = labels[np.argmax(counts)]
    else:
        constant = truth.astype(np.float64).mean()
    no_gap = ""
    if isinstance(estimator, _NEIGHBORS):
        no_gap = "over- and underfitting: a row that neighbours learned from is its own nearest neighbour"
    return split_scores(
        "accuracy" if classify else "r2",
        (truth, said),
        (parts.targets, answers),
        constant=constant,
        where=parts.where,
        rivals=_plain_answers(_safe_indexing(X, parts.learned), truth, parts.others, classify),
        no_gap=no_gap,
    )


def _plain_answers(X: Any, y: np.ndarray, others: Any, classify: bool) -> dict[str, np.ndarray]:
    """Return what plain models answer for other rows; one that cannot be fitted is left out."""
    kept = np.unique(np.linspace(0, len(y) - 1, min(len(y), _PLAIN_ROWS)).round().astype(int))
    try:
        learned, asked = np.asarray(_safe_indexing(X, kept), np.float32), np.asarray(others, np.float32)
    except (TypeError, ValueError):  # a model that reads texts
        return {}
    if learned.ndim != 2:
        return {}
    targets, affine = y[kept], fit_affine(learned, kind="standard")
    neighbors: Any = KNeighborsClassifier if classify else KNeighborsRegressor
    models: dict[str, Any] = {"a vote of 5 neighbours": neighbors(5)}
    if learned.shape[1] <= _PLAIN_COLUMNS:
        line = GaussianBayes("shared", shrinkage=0.1) if classify else Ridge()
        models["linear discriminant analysis" if classify else "ridge regression"] = line
    found = {}
    for name, model in models.items():
        try:
            with as_input_error():
                model.fit(affine.apply(learned), targets)
                found[name] = np.asarray(model.predict(affine.apply(asked)))
        except GoraeError:  # too few rows, say
            continue
    return found


def _classes(estimator: Any, y: np.ndarray, parts: _Parts, answers: np.ndarray) -> ClassAnswers:
    """Return the answers for other rows class by class."""
    labels = np.asarray(estimator.classes_)
    return ClassAnswers(
        labels=tuple(str(label) for label in labels.tolist()),
        learned=np.array([np.sum(y[parts.learned] == label) for label in labels]),
        counts=confusion_matrix(parts.targets, answers, labels=labels),
        weighted=getattr(estimator, "class_weight", None) is not None,
    )


def _watched(estimator: Any, X: Any, y: np.ndarray) -> _Parts | None:
    """Return the rows that early stopping watched, or None where they cannot be made out.

    They are cut from X and y as the fit cut them, and must then have the loss that it recorded.
    """
    if not isinstance(estimator, NetworkEstimator) or not getattr(estimator, "early_stopping", False):
        return None
    learned, member = estimator._learned, estimator._members[0]
    if not 1 <= member.best_epoch <= len(member.history.validation_loss):
        return None
    try:
        classes = getattr(estimator, "classes_", None)
        rows = check_training_rows(estimator, X, y, None, first=False, classes=classes)
        rows = recipe_for(estimator, rows)[1]
        table = table_of(estimator, rows, (learned.anchor, learned.target_anchor), learned.seed)
    except GoraeError:
        return None
    split = table.splits[0]
    stop = split.stop_rows[: split.stop_count]
    places, weight = rows.positions[stop], split.stop_weight[: split.stop_count]
    losses = training_losses(estimator, estimator._answers(X)[0][places], y[places])
    recorded = float(member.history.validation_loss[member.best_epoch - 1])
    if not abs(np.average(losses, weights=weight) - recorded) <= _SAME_LOSS * abs(recorded):
        return None
    trained = rows.positions[split.train_rows[: split.train_count]]
    where = f"the {len(places)} rows that early stopping watched"
    return _Parts(trained, _safe_indexing(X, places), y[places], where)
