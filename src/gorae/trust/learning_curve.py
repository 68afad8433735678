"""How much would more data help: a model fitted on nested parts of the rows, all as one population."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils import _safe_indexing, indexable

from gorae.data import make_folds
from gorae.errors import DataError, InputTypeError, as_input_error
from gorae.estimators.given import finite_values, given_pair
from gorae.estimators.network import NetworkEstimator
from gorae.estimators.parameters import check_count, root_seed
from gorae.estimators.progress import training_bar
from gorae.estimators.training_rows import label_codes
from gorae.evidence import (
    METRICS,
    Interval,
    cross_validated_interval,
    fit_learning_curve,
    fold_score_interval,
)
from gorae.train import Progress
from gorae.trust.given import check_weights
from gorae.trust.measured_curve import MeasuredCurve
from gorae.trust.parts import fit_parts
from gorae.trust.scoring import Scoring, scoring_of
from gorae.trust.subsets import curve_sizes, nested_order

__all__ = ["learning_curve"]

_FEW_ROWS, _SOME_ROWS = 300, 1000


def learning_curve(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sizes: Any = None,
    cv: int = 5,
    repeats: int | None = None,
    groups: Any = None,
    sample_weight: Any = None,
    scoring: Any = None,
    random_state: Any = 0,
    verbose: int = 0,
    progress: Callable[[Progress], object] | None = None,
) -> MeasuredCurve:
    r"""Say how much more data would help: scores at several numbers of training rows, and their law.

    Each fold's training rows are put in an order whose every beginning is stratified (and grouped); the model
    learns from beginnings of it, and each fit is scored on the fold's held-out rows. The fits of all sizes,
    folds and repeats are one population where the model is a network of gorae; other models are fitted one
    by one. Through the errors goes the power law $e(n) = e_\infty + b n^{-c}$, whose interval says what the
    folds leave open.

    The curve is that of the model as it is set: a network that trains for 100 epochs makes fewer steps on
    fewer rows, as it would make more on more.

    Args:
        estimator: an unfitted classifier or regressor, of gorae or of scikit-learn; it stays as it is.
        X: (rows, columns).
        y: (rows,) class labels, or values.
        sizes: rising numbers of rows to learn from, at least three, or shares in (0, 1] of a fold's training
            rows; None for six, from a sixteenth up to all of a fold's rows. The smallest of a network is
            larger than its minibatch, where that is still an eighth or less: all fits then share one program.
        cv: folds; more leave more rows to learn from.
        repeats: how often rows are cut into folds anew; None for 3 below 300 rows, 2 below 1000, else 1.
        groups: (rows,) or None; rows of a group are never on both sides of a fold.
        sample_weight: (rows,) or None; passed to fit. Rows of weight 0 are left out.
        scoring: None for accuracy or R²; "accuracy", "log_loss", "r2", "rmse", or a scorer of scikit-learn,
            or its name, whose best is 1 or which is the negative of a loss.
        random_state: seed of the folds and of the subsets.
        verbose: 0 is silent, 1 shows a progress bar on standard error.
        progress: told about ten times a second while networks train.

    Returns:
        The curve, with `gain`, `expected`, `rows_for` and the answer in a `sentence`.

    Raises:
        ParameterError: when a parameter is out of its range: sizes that do not rise, or exceed a fold's rows.
        DataError: when there are too few rows, or a class is missing at the smallest size.
        InputTypeError: when the estimator is neither a classifier nor a regressor.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.naive_bayes import GaussianNB
        >>> X, y = load_iris(return_X_y=True)
        >>> curve = learning_curve(GaussianNB(), X, y, sizes=[12, 30, 60, 120])
        >>> gain, low, high = curve.gain(2.0)
        >>> bool(0 <= low <= gain <= high < 0.05), curve.sizes.tolist()
        (True, [12, 30, 60, 120])

    References:
        Viering, Loog (2022), "The shape of learning curves: a review". The law and its interval: see
        `gorae.evidence.fit_learning_curve`.
    """
    given = _checked(estimator, X, y, groups, sample_weight)
    seed, folds = root_seed(random_state), check_count("cv", cv, low=2)
    rows = len(given.y)
    times = check_count("repeats", _repeats(rows) if repeats is None else repeats)
    scored_by = scoring_of(scoring, estimator, given.y)
    strata = given.y if given.codes is None else given.codes
    splits = make_folds(
        strata,
        folds=folds,
        repeats=times,
        stratify=given.codes is not None,
        groups=given.groups,
        seed=seed,
    )
    orders = [
        nested_order(train, given.codes, given.groups, seed + 7919 * (number + 1))
        for number, (train, _) in enumerate(splits)
    ]
    numbers = curve_sizes(sizes, orders, given.codes, batch=_batch(estimator))
    parts = [np.sort(order[:size]) for size in numbers for order in orders]
    fits = len(parts) * int(getattr(estimator, "members", 1))
    with training_bar(verbose, fits) as bar:
        models = fit_parts(
            [estimator] * len(parts),
            given.X,
            given.y,
            parts,
            classes=given.classes,
            sample_weight=given.weight,
            groups=given.groups,
            progress=progress or bar,
        )
    tests = [test for _, test in splits]
    scores = [
        _scored(models[at : at + len(tests)], parts[at : at + len(tests)], tests, given, scored_by)
        for at in range(0, len(parts), len(tests))
    ]
    return _curve(numbers, scores, orders, tests, given, scored_by, (folds, times))


class _Given(NamedTuple):
    """What to learn from, checked, without the rows of weight 0."""

    X: Any
    y: np.ndarray
    classes: np.ndarray | None
    codes: np.ndarray | None
    groups: np.ndarray | None
    weight: np.ndarray | None


class _Scores(NamedTuple):
    """The scores of one size: of each fold's model on the rows it learned from, and on held-out rows."""

    train: np.ndarray
    test: np.ndarray
    losses: list[np.ndarray] | None


def _checked(estimator: Any, X: Any, y: Any, groups: Any, sample_weight: Any) -> _Given:
    """Return what was given, or say what is wrong with it."""
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        name = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise InputTypeError(f"estimator must be an unfitted classifier or regressor, got {name}.")
    classify = is_classifier(estimator)
    if not classify and not is_regressor(estimator):
        raise InputTypeError(
            f"estimator must be a classifier or a regressor, got {type(estimator).__name__}."
        )
    if isinstance(estimator, NetworkEstimator):
        X, y = given_pair(clone(estimator), X, y)
    with as_input_error():
        X, y = indexable(X, y)
        targets = np.asarray(y)
    if targets.ndim != 1 or not len(targets):
        raise DataError(f"y must hold one target a row, got the shape {targets.shape}.")
    weight = check_weights(sample_weight, len(targets))
    labels = None if groups is None else np.asarray(groups)
    if labels is not None and labels.shape != targets.shape:
        raise DataError(f"groups must hold one label a row, {len(targets)}, got the shape {labels.shape}.")
    if weight is not None and not weight.all():
        kept = np.flatnonzero(weight)
        X, targets, weight = _safe_indexing(X, kept), targets[kept], weight[kept]
        labels = None if labels is None else labels[kept]
    if not classify:
        return _Given(X, finite_values(targets), None, None, labels, weight)
    classes, codes = label_codes(targets)
    return _Given(X, targets, classes, codes, labels, weight)


def _batch(estimator: Any) -> int:
    """Return the rows of a network's minibatch, 0 for other models."""
    asked = getattr(estimator, "batch_size", 0) if isinstance(estimator, NetworkEstimator) else 0
    return asked if isinstance(asked, int) else 0


def _repeats(rows: int) -> int:
    """Return how often so many rows are cut into folds anew."""
    return 3 if rows < _FEW_ROWS else 2 if rows < _SOME_ROWS else 1


def _scored(
    models: Sequence[Any],
    parts: Sequence[np.ndarray],
    tests: Sequence[np.ndarray],
    given: _Given,
    scoring: Scoring,
) -> _Scores:
    """Return the scores of one size's models, each on its own rows and on its fold's held-out rows."""

    def asked(model: Any, rows: np.ndarray) -> tuple[float, np.ndarray | None]:
        return scoring.fold_score(model, _safe_indexing(given.X, rows), given.y[rows], given.classes)

    own = [asked(model, rows)[0] for model, rows in zip(models, parts, strict=True)]
    held = [asked(model, rows) for model, rows in zip(models, tests, strict=True)]
    losses = [each for _, each in held if each is not None]
    return _Scores(np.array(own), np.array([score for score, _ in held]), losses or None)


def _curve(
    sizes: np.ndarray,
    scores: Sequence[_Scores],
    orders: Sequence[np.ndarray],
    tests: Sequence[np.ndarray],
    given: _Given,
    scoring: Scoring,
    cut: tuple[int, int],
) -> MeasuredCurve:
    """Return the curve of scores, with its law."""
    learned, held = (float(np.mean([len(rows) for rows in side])) for side in (orders, tests))
    test_scores = np.stack([one.test for one in scores])
    errors = np.asarray(scoring.error(test_scores), np.float64)
    bands = [_band(one, size, tests, given, scoring) for one, size in zip(scores, sizes, strict=True)]
    return MeasuredCurve(
        metric=scoring.metric,
        sizes=sizes,
        train_scores=np.stack([one.train for one in scores]),
        test_scores=test_scores,
        band=np.array([[band.score, band.low, band.high] for band in bands]),
        law=fit_learning_curve(sizes, errors.T, overlap=held / learned),
        scoring=scoring,
        rows=len(given.y),
        folds=cut[0],
        repeats=cut[1],
    )


def _band(one: _Scores, size: int, tests: Sequence[np.ndarray], given: _Given, scoring: Scoring) -> Interval:
    """Return the mean score of one size over the folds, with its interval."""
    if one.losses is None or scoring.metric not in METRICS:
        return fold_score_interval(one.test, test_sizes=[len(rows) for rows in tests], train_sizes=int(size))
    scored = np.concatenate(tests)
    units = scored if given.groups is None else np.unique(given.groups, return_inverse=True)[1][scored]
    repeated = len(np.unique(units)) < len(units)
    return cross_validated_interval(
        scoring.metric,
        np.concatenate(one.losses),
        train_scores=one.train if np.isfinite(one.train).all() else None,
        targets=given.y[scored] if scoring.metric == "r2" else None,
        units=units if repeated else None,
    )
