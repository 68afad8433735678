"""Fitting a network estimator: from checked arrays to trained members."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from gorae.backend import select_devices
from gorae.data.folds import Split, cut_stop_rows
from gorae.errors import DataError, DivergenceWarning, GoraeWarning, ParameterError, as_input_error
from gorae.estimators.learned import ENCODING, encoding_only, set_learned
from gorae.estimators.parameters import check_count, check_flag, check_real, root_seed
from gorae.estimators.population import Recipe, make_table, train_recipes
from gorae.estimators.progress import training_bar
from gorae.estimators.storage import DTYPES, anchor_of, stored_rows
from gorae.train import Checkpoint, SplitRows


def fit_network(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    warm: bool = False,
    reset: bool = True,
    epochs: int | None = None,
    classes: Any = None,
) -> None:
    """Train the estimator's members and set what was learned."""
    matrix, targets, weight, names = _validated(estimator, X, y, sample_weight, reset, classes)
    seed = root_seed(estimator.random_state)
    members = check_count("members", estimator.members)
    if reset or not hasattr(estimator, "_anchor"):
        estimator._anchor = anchor_of(matrix)
        estimator._target_anchor = np.zeros(0) if names is not None else anchor_of(targets)
    stored = stored_rows(matrix, estimator._anchor)
    if names is None:
        targets = targets - estimator._target_anchor
    outputs = len(names) if names is not None else targets.shape[1]
    split = _split(estimator, targets, names, seed)
    estimator._sizes = (stored.shape[1], outputs, len(split.train))
    recipe = estimator._recipe(*estimator._sizes)
    if epochs is not None:
        done = max((m.epochs for m in estimator._members), default=0) if warm else 0
        recipe = Recipe(recipe.problem, {**recipe.hyper, "epochs": done + epochs})
    table = make_table(
        stored,
        targets,
        weight,
        [split],
        classes=outputs if names is not None else 0,
        scale=_scale_kind(estimator.scale, stored),
        class_weight=_coded_class_weight(estimator, names),
    )
    if warm:
        table = type(table)(table.shared, [_with_encoding(table.splits[0], estimator._encoding)])
    states = [m.state for m in estimator._members] if warm else None
    if states is not None and (len(states) != members or any(s is None for s in states)):
        states = None
    checkpoint = getattr(estimator, "checkpoint", None)
    with training_bar(estimator.verbose, members) as progress:
        results, interrupted = train_recipes(
            table,
            [recipe],
            [(0, 0, i) for i in range(members)],
            seed=seed,
            devices=select_devices(estimator.device),
            progress=progress,
            checkpoint=Checkpoint(Path(checkpoint)) if checkpoint is not None else None,
            states=[_resumed(s) for s in states] if states else None,
            keep_state=bool(getattr(estimator, "warm_start", False)) or epochs is not None,
        )
    estimator._members = [result for result in results if result is not None]
    estimator._encoding = encoding_only({n: getattr(table.splits[0], n) for n in ENCODING})
    if names is not None:
        estimator.classes_ = names
    set_learned(estimator)
    _warn(estimator, recipe, interrupted, members)


def _validated(
    estimator: Any, X: Any, y: Any, sample_weight: Any, reset: bool, classes: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return checked rows, coded targets, weights (rows of weight 0 are gone) and the class labels, if any."""
    is_classifier = isinstance(estimator, ClassifierMixin)
    with as_input_error():
        X, y = validate_data(
            estimator,
            X,
            y,
            reset=reset,
            dtype=DTYPES,
            multi_output=not is_classifier,
            y_numeric=not is_classifier,
        )
        if is_classifier:
            check_classification_targets(y)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    keep = slice(None) if weight is None else weight > 0
    if weight is not None and not weight.any():
        raise DataError("every sample_weight is 0: no row is left to learn from.")
    X, y, weight = X[keep], y[keep], None if weight is None else weight[keep]
    if not is_classifier:
        estimator._flat_target = y.ndim == 1
        values = np.asarray(y, np.float64).reshape(len(y), -1)
        if np.abs(values).max() > 1e37:
            raise DataError(
                f"targets must be below 1e37 in size to be trained in float32, got {np.abs(values).max():g}."
            )
        return X, values, weight, None
    names, codes = _label_codes(estimator, y, classes)
    if len(names) < 2:
        raise DataError(f"a classifier needs at least two classes, but y holds one class only: {names[0]!r}.")
    return X, codes, weight, names


def _label_codes(estimator: Any, y: np.ndarray, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the class labels in sorted order and the code of each row."""
    if classes is None:
        names, codes = np.unique(y, return_inverse=True)
        return names, codes.astype(np.int32)
    names = np.unique(classes)
    codes = np.searchsorted(names, y)
    codes = np.minimum(codes, len(names) - 1)
    wrong = names[codes] != y
    if wrong.any():
        raise DataError(f"y holds the label {y[wrong][0]!r}, which is not among classes {names.tolist()}.")
    return names, codes.astype(np.int32)


def _split(estimator: Any, targets: np.ndarray, names: np.ndarray | None, seed: int) -> Split:
    """Return the rows to learn from and, with early stopping, the rows cut from them to stop on."""
    everything = np.arange(len(targets), dtype=np.int32)
    nothing = np.zeros(0, np.int32)
    if not check_flag("early_stopping", getattr(estimator, "early_stopping", False)):
        return Split(everything, nothing, nothing)
    fraction = check_real(
        "validation_fraction", estimator.validation_fraction, 0, 1, open_low=True, open_high=True
    )
    train, stop = cut_stop_rows(
        everything,
        targets if names is not None else targets[:, 0],
        fraction=fraction,
        seed=seed,
        stratify=names is not None,
    )
    return Split(train, stop, nothing)


def _scale_kind(scale: Any, matrix: np.ndarray) -> str:
    """Return how inputs are scaled: bytes by one number for all columns, the rest a column each."""
    if scale is None:
        return "none"
    if scale == "auto":
        return "common" if matrix.dtype == np.uint8 else "standard"
    if scale in ("standard", "common"):
        return scale
    raise ParameterError(f"scale must be 'auto', 'standard', 'common' or None, got {scale!r}.")


def _coded_class_weight(estimator: Any, names: np.ndarray | None) -> Any:
    """Return class_weight with labels replaced by codes."""
    given = getattr(estimator, "class_weight", None)
    if given is None or given == "balanced" or names is None:
        return given
    if not isinstance(given, dict):
        raise ParameterError(f"class_weight must be None, 'balanced' or a dictionary, got {given!r}.")
    places = {name: i for i, name in enumerate(names.tolist())}
    unknown = [label for label in given if label not in places]
    if unknown:
        raise ParameterError(f"class_weight names {unknown[0]!r}, which is no class of y: {names.tolist()}.")
    return {places[label]: float(value) for label, value in given.items()}


def _with_encoding(split: SplitRows, encoding: SplitRows) -> SplitRows:
    """Return the split with the encoding of an earlier fit, which a warm start must keep."""
    return split._replace(**{name: getattr(encoding, name) for name in ENCODING})


def _resumed(state: Any) -> Any:
    """Return a kept state, ready to go on: nothing is stopped yet."""
    return state._replace(stopped=np.bool_(False), waited=np.int32(0))


def _warn(estimator: Any, recipe: Recipe, interrupted: bool, asked: int) -> None:
    """Tell once, and in words, what did not go as it should."""
    members = estimator._members
    if interrupted:
        warnings.warn(
            f"training was interrupted: the model has {len(members)} of {asked} members, trained for "
            f"{min(m.epochs for m in members)} to {max(m.epochs for m in members)} epochs.",
            GoraeWarning,
            stacklevel=4,
        )
    if estimator.diverged_members_:
        steps = [members[i].diverged_step for i in estimator.diverged_members_]
        warnings.warn(
            f"{len(steps)} of {len(members)} members left the finite numbers (at step {min(steps)}) and were "
            f"frozen at their last finite parameters; learning_rate={recipe.hyper['learning_rate']:g} may be "
            "too large.",
            DivergenceWarning,
            stacklevel=4,
        )
    elif not interrupted and recipe.hyper.get("tol", 0.0) > 0 and _still_falling(estimator, recipe):
        warnings.warn(
            f"the training loss was still falling after all {recipe.hyper['epochs']} epochs; more epochs or a "
            "larger learning_rate may fit better.",
            ConvergenceWarning,
            stacklevel=4,
        )


def _still_falling(estimator: Any, recipe: Recipe) -> bool:
    """Return whether any member ran out of epochs before its loss stopped improving."""
    wait = recipe.hyper["patience"]
    return any(
        m.epochs >= recipe.hyper["epochs"] > wait and m.epochs - m.best_epoch < 1 for m in estimator._members
    )
