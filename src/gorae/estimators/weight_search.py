"""A linear classifier whose weights are searched for without a gradient, as a scikit-learn estimator."""

import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from gorae.backend import hearing_interrupts
from gorae.errors import DamagedFileError, DataError, GoraeWarning, ParameterError, as_input_error
from gorae.estimators.fitting import anchors_of, merged, table_of, unchanged_on_failure
from gorae.estimators.given import given_rows
from gorae.estimators.linear import one_row
from gorae.estimators.meta_reading import read_array, read_count, read_feature_names, read_mapping
from gorae.estimators.network import one_margin
from gorae.estimators.parameter_meta import parameters_from_meta, parameters_to_meta
from gorae.estimators.parameters import briefly, check_choice, check_count, check_real, root_seed
from gorae.estimators.saving import Savable, labels_from_meta, labels_to_meta
from gorae.estimators.storage import stored_rows
from gorae.estimators.training_rows import TrainingRows, check_training_rows
from gorae.models.weight_search import (
    LOSSES,
    MOST_TRIALS,
    LinearTask,
    Searched,
    combinations,
    exhaustive_search,
    linear_task,
    local_search,
    random_search,
)

_LARGEST = 1e30


def _is_softmax(estimator: Any) -> bool:
    """Return whether the scores are logits; else there are no probabilities."""
    return estimator.loss == "softmax"


@dataclass(frozen=True, eq=False)
class FoundWeights:
    """What a search leaves behind.

    Attributes:
        weights: (classes, features + 1) for scaled rows; the last column holds the biases.
        anchor: what is subtracted from each column before rows are stored.
        shift: what is subtracted from stored rows.
        scale: what they are then multiplied with.
        fall_trials: the trials (from 0) after which the best loss was lower than before, the first included.
        fall_losses: the best loss from each of them on.
    """

    weights: Float64[np.ndarray, "classes inputs"]
    anchor: Float64[np.ndarray, " features"]
    shift: Float32[np.ndarray, " features"]
    scale: Float32[np.ndarray, " features"]
    fall_trials: Int64[np.ndarray, " falls"]
    fall_losses: Float64[np.ndarray, " falls"]


class WeightSearchClassifier(ClassifierMixin, Savable, BaseEstimator):
    r"""Classify rows by a linear score function $s = Wx + b$ whose weights are found without a gradient.

    What `LinearClassifier` does by gradients is done here by trial alone, on the same training loss over all
    rows. It is a baseline to learn from: on four columns a local search comes near the gradient; with every
    column more, trials count for less, and the number of exhaustive ones is multiplied.

    "random" draws every weight and bias from a Gaussian and keeps the best trial; "local" adds such a draw to
    the best weights so far and stays where the loss falls; "exhaustive" tries every combination of a few
    values, and of equal losses keeps the first.

    Args:
        method: "random", "local" or "exhaustive".
        loss: "softmax", "hinge" (Weston and Watkins) or "crammer_singer", as `LinearClassifier` has them.
        n_trials: weight matrices that "random" and "local" try; a local search's first one is its start.
        step: standard deviation of what "random" and "local" draw for each weight: too small and nothing
            moves far, too large and nothing improves. None is 1 for "random", 0.1 for "local".
        values: what "exhaustive" tries for each weight and bias: at most ten million combinations, which take
            about a minute for 150 rows of four columns and three classes.
        weight_decay: strength of the squared penalty on the weights.
        class_weight: None, "balanced" or a dictionary {class: weight}.
        scale: how inputs are scaled: "auto", "standard", "common" or None.
        random_state: seed of the draws.

    Attributes:
        classes_: the class labels, sorted.
        n_trials_: weight matrices that were tried.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> model = WeightSearchClassifier("local", random_state=0).fit(X, y)
        >>> print(f"{model.score(X, y):.2f}")
        0.99
        >>> print(f"{model.loss_curve_[0]:.1f}, after {model.n_trials_} trials {model.loss_curve_[-1]:.2f}")
        1.3, after 1000 trials 0.04

    References:
        Stanford cs231n notes, Optimization, strategies 1 (random search) and 2 (random local search).
        J. Matyas, Random optimization, Automation and Remote Control 26 (1965).
        F. Solis, R. Wets, Minimization by random search techniques, Math. Operations Research 6 (1981).
    """

    score = as_input_error()(ClassifierMixin.score)
    classes_: Shaped[np.ndarray, " classes"]
    n_trials_: int
    _found: FoundWeights

    def __init__(
        self,
        method: str = "random",
        *,
        loss: str = "softmax",
        n_trials: int = 1000,
        step: float | None = None,
        values: Any = (-1, 0, 1),
        weight_decay: float = 0.0,
        class_weight: Any = None,
        scale: str | None = "auto",
        random_state: Any = None,
    ):
        self.method = method
        self.loss = loss
        self.n_trials = n_trials
        self.step = step
        self.values = values
        self.weight_decay = weight_decay
        self.class_weight = class_weight
        self.scale = scale
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search for the weights with the smallest training loss.

        Args:
            X: `(n, features)`, numbers; they are held as float64 while the search runs.
            y: `(n,)`, class labels.
            sample_weight: one weight a row: weight k counts as k copies, weight 0 as removed.

        Returns:
            This estimator.

        Raises:
            InputError: X, y or the weights cannot be used, a parameter is out of its range, or an exhaustive
                search would take too many trials. The estimator is then what it was before.
            KeyboardInterrupt: after Ctrl-C when no trial was finished; else the fit ends with the best
                weights so far and a warning.
        """
        with unchanged_on_failure(self):
            rows = merged(check_training_rows(self, X, y, sample_weight, first=True))
            tried, planned, interrupted = _fit(self, rows)
        if interrupted:
            warnings.warn(
                f"the search was interrupted: the weights are the best of {tried:,} of {planned:,} trials.",
                GoraeWarning,
                stacklevel=2,
            )
        return self

    def predict(self, X: Any) -> Shaped[np.ndarray, " rows"]:
        """Return the class of each row: the largest score, the first of equals."""
        scores = self._scores(X)
        return self.classes_[scores.argmax(axis=1)]

    def decision_function(self, X: Any) -> Float64[np.ndarray, " rows *classes"]:
        """Return the scores that `predict` compares, `(n, classes)`; for two classes a difference, `(n,)`."""
        return one_margin(self._scores(X))

    @available_if(_is_softmax)
    def predict_proba(self, X: Any) -> Float64[np.ndarray, "rows classes"]:
        """Return the class probabilities, `(n, classes)` (loss "softmax" only)."""
        return softmax(self._scores(X), axis=1)

    @available_if(_is_softmax)
    def predict_log_proba(self, X: Any) -> Float64[np.ndarray, "rows classes"]:
        """Return the logarithm of `predict_proba` (loss "softmax" only)."""
        return log_softmax(self._scores(X), axis=1)

    @property
    def coef_(self) -> Float64[np.ndarray, "scores features"]:
        """The weights in the unit of X; for two classes one row, their difference."""
        return one_row(self._own_unit()[0])

    @property
    def intercept_(self) -> Float64[np.ndarray, " scores"]:
        """The biases for X as it is given; for two classes one, their difference."""
        return one_row(self._own_unit()[1])

    @property
    def loss_curve_(self) -> Float64[np.ndarray, " trials"]:
        """The best training loss after each trial, penalty included."""
        self._check_fitted()
        lengths = np.diff([*self._found.fall_trials, self.n_trials_])
        return np.repeat(self._found.fall_losses, lengths)

    def _own_unit(self) -> tuple[np.ndarray, np.ndarray]:
        """Return weights and biases that take rows as they are given: the scaling is worked in."""
        self._check_fitted()
        found = self._found
        weights = found.weights[:, :-1] * found.scale.astype(np.float64)
        return weights, found.weights[:, -1] - weights @ (found.shift + found.anchor)

    def _scores(self, X: Any) -> Float64[np.ndarray, "rows classes"]:
        """Return one score a class for each row.

        Raises:
            InputError: when X cannot be used, or is so far from the training rows that the scores overflow.
        """
        self._check_fitted()
        found = self._found
        stored = stored_rows(given_rows(self, X), found.anchor)
        with np.errstate(over="ignore", invalid="ignore"):
            scores = _scaled(stored, found.shift, found.scale) @ found.weights[:, :-1].T
            scores += found.weights[:, -1]
        finite = np.isfinite(scores).all(axis=1)
        if not finite.all():
            raise DataError(
                f"row {int(np.argmin(finite))} (from 0) of X is so far from the training rows that the "
                "scores overflow; check its values."
            )
        return scores

    def _check_fitted(self) -> None:
        """Refuse to answer before `fit`."""
        with as_input_error():
            check_is_fitted(self)

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a file of this estimator holds."""
        meta = {
            "parameters": parameters_to_meta(self.get_params(deep=False)),
            "classes": labels_to_meta(self.classes_),
            "feature_names": [str(name) for name in getattr(self, "feature_names_in_", [])],
            "n_trials": self.n_trials_,
        }
        return dict(vars(self._found)), meta

    @classmethod
    def _from_state(cls, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> Self:
        """Return the fitted estimator that a file holds.

        Raises:
            DamagedFileError: metadata and arrays do not fit together.
        """
        estimator: Any = cls(**parameters_from_meta(cls, read_mapping(meta, "parameters")))
        estimator.classes_ = labels_from_meta(read_mapping(meta, "classes"))
        estimator.n_trials_ = read_count(meta, "n_trials", low=1, high=MOST_TRIALS)
        estimator._found = _read_found(arrays, len(estimator.classes_), estimator.n_trials_)
        estimator.n_features_in_ = len(estimator._found.anchor)
        names = read_feature_names(meta, estimator.n_features_in_)
        if names is not None:
            estimator.feature_names_in_ = names
        return estimator


def _fit(estimator: Any, rows: TrainingRows) -> tuple[int, int, bool]:
    """Search, and set what was found; return trials made, trials planned, and whether Ctrl-C came."""
    seed = root_seed(estimator.random_state)
    loss = check_choice("loss", estimator.loss, list(LOSSES))
    decay = check_real("weight_decay", estimator.weight_decay, 0, _LARGEST)
    anchors = anchors_of(estimator, rows.matrix, None)
    table = table_of(estimator, rows, anchors, seed)
    split, count = table.splits[0], len(rows.matrix)
    scaled = _scaled(table.shared.rows[:count], split.shift, split.scale)
    classes = len(rows.classes) if rows.classes is not None else 0
    weight = split.train_weight[:count].astype(np.float64)
    task = linear_task(scaled, rows.targets, weight, classes=classes, loss=loss, weight_decay=decay)
    planned, trials = _planned(estimator, task, seed)
    best, curve, interrupted = _run(trials)
    falls = np.flatnonzero(np.diff(curve, prepend=np.inf))
    estimator.classes_ = rows.classes
    estimator.n_trials_ = len(curve)
    estimator._found = FoundWeights(best, anchors[0], split.shift, split.scale, falls, curve[falls])
    return len(curve), planned, interrupted


def _planned(estimator: Any, task: LinearTask, seed: int) -> tuple[int, Iterator[Searched]]:
    """Return how many trials the parameters, all checked, ask for, and the search that makes them."""
    method = check_choice("method", estimator.method, ["random", "local", "exhaustive"])
    trials, step = check_count("n_trials", estimator.n_trials), estimator.step
    if trials > MOST_TRIALS:
        raise ParameterError(f"n_trials must be at most {MOST_TRIALS:,}, got {trials:,}.")
    if step is not None:
        step = check_real("step", step, 0, _LARGEST, open_low=True)
    values = _checked_values(estimator.values)
    if method == "exhaustive":
        return combinations(task, values), exhaustive_search(task, values=values)
    if method == "local":
        return trials, local_search(task, n_trials=trials, step=step or 0.1, seed=seed)
    return trials, random_search(task, n_trials=trials, step=step or 1.0, seed=seed)


def _checked_values(values: Any) -> list[float]:
    """Return the values that an exhaustive search tries.

    Raises:
        ParameterError: when they are not two different numbers or more.
    """
    listed = list(values) if isinstance(values, list | tuple | range | np.ndarray) else []
    numbers = [check_real("each of values", value, -_LARGEST, _LARGEST) for value in listed]
    if len(numbers) < 2 or len(set(numbers)) < len(numbers):
        raise ParameterError(
            f"values must list two numbers or more, each of them once, got {briefly(values)}."
        )
    return numbers


def _run(
    search: Iterator[Searched],
) -> tuple[Float64[np.ndarray, "classes inputs"], Float64[np.ndarray, " trials"], bool]:
    """Run a search to its end, or to Ctrl-C; return weights, the best loss after each trial, and which.

    The products are small: a second thread of the linear algebra costs more than it brings, most of all
    where cores are busy, and their number would decide how sums round.

    Raises:
        KeyboardInterrupt: when it came before the first chunk was scored.
    """
    best, curves, interrupted, heard = None, [], False, threading.Event()
    with threadpool_limits(1, user_api="blas"), hearing_interrupts(heard.set):
        try:
            for so_far in search:
                curves.append(so_far.curve)
                best = so_far
                if heard.is_set():
                    break
        except KeyboardInterrupt:  # of a program that has a handler of its own
            interrupted = True
    if best is None:
        raise KeyboardInterrupt
    return best.weights, np.concatenate(curves)[: best.tried], interrupted or heard.is_set()


def _scaled(
    stored: Shaped[np.ndarray, "rows features"],
    shift: Float32[np.ndarray, " features"],
    scale: Float32[np.ndarray, " features"],
) -> Float64[np.ndarray, "rows features"]:
    """Return stored rows as the weights read them."""
    scaled = stored.astype(np.float64)
    scaled -= shift
    scaled *= scale
    return scaled


def _read_found(arrays: Mapping[str, np.ndarray], classes: int, trials: int) -> FoundWeights:
    """Return what a file says was found, or refuse arrays that no search would have left."""
    anchor, falls = (arrays.get(name) for name in ("anchor", "fall_trials"))
    if anchor is None or falls is None or not anchor.size or not falls.size:
        raise DamagedFileError("the file of a WeightSearchClassifier lacks its columns or its losses.")
    features, count = anchor.size, falls.size
    found = FoundWeights(
        weights=read_array(arrays, "weights", (classes, features + 1), np.float64),
        anchor=read_array(arrays, "anchor", (features,), np.float64),
        shift=read_array(arrays, "shift", (features,)),
        scale=read_array(arrays, "scale", (features,)),
        fall_trials=read_array(arrays, "fall_trials", (count,), np.int64),
        fall_losses=read_array(arrays, "fall_losses", (count,), np.float64),
    )
    begins = found.fall_trials[0] == 0 and found.fall_trials[-1] < trials
    if not begins or (np.diff(found.fall_trials) < 1).any() or (np.diff(found.fall_losses) >= 0).any():
        raise DamagedFileError("the best losses of a WeightSearchClassifier do not fall from trial to trial.")
    return found
