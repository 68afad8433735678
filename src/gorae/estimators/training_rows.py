"""What `fit` is given, checked: rows, coded targets, weights and class labels."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Integer, Num, Shaped
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import _check_sample_weight

from gorae.data import check_one_kind, near_label
from gorae.errors import DataError, ParameterError, as_input_error, closest
from gorae.estimators.given import finite_values, given_pair
from gorae.estimators.parameters import check_real
from gorae.estimators.storage import LARGEST, SMALLEST


class TrainingRows(NamedTuple):
    """Rows to learn from; those of weight 0 are gone.

    Attributes:
        matrix: float64, float32 or uint8.
        targets: class codes `(rows,)` int32, or values `(rows, outputs)` float64.
        weight: one a row, or None for ones.
        classes: the class labels in the order of their codes, or None for regression.
        flat: whether the targets of a regression came as `(rows,)`.
        groups: the code of each row's group, or None.
        positions: where each row stands among those that were given.
    """

    matrix: Num[np.ndarray, "rows width"]
    targets: Num[np.ndarray, " rows *outputs"]
    weight: Float64[np.ndarray, " rows"] | None
    classes: Shaped[np.ndarray, " classes"] | None
    flat: bool
    groups: Integer[np.ndarray, " rows"] | None
    positions: Integer[np.ndarray, " rows"]


def check_training_rows(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    first: bool,
    classes: Any = None,
    groups: Any = None,
) -> TrainingRows:
    """Check what an estimator is to learn from.

    Args:
        estimator: whose `n_features_in_` and feature names are set, or compared with.
        X: rows.
        y: targets.
        sample_weight: None, a number, or one weight a row.
        first: whether the rows are the first that it sees.
        classes: every label that may come; None to take those of y.
        groups: one label a row, or None.

    Returns:
        The rows in the engine's terms.

    Raises:
        InputError: when they cannot be used; the messages are scikit-learn's where it has one.
    """
    classify = isinstance(estimator, ClassifierMixin)
    X, y = given_pair(estimator, X, y, reset=first)
    weight = None
    if sample_weight is not None:
        with as_input_error():
            weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    codes_of_groups = None if groups is None else group_codes(groups, len(y))
    positions = np.arange(len(y))
    if weight is not None:
        keep = weight > 0
        if not keep.any():
            raise DataError("every sample_weight is 0: no row is left to learn from.")
        if not keep.all():
            X, y, weight, positions = X[keep], y[keep], weight[keep], positions[keep]
            codes_of_groups = None if codes_of_groups is None else codes_of_groups[keep]
    if classify:
        names, codes = label_codes(y, classes)
        return TrainingRows(X, codes, weight, names, True, codes_of_groups, positions)
    values = finite_values(y).reshape(len(y), -1)
    largest = np.abs(values).max()
    if largest > LARGEST:
        raise DataError(f"y must be below {LARGEST:g} in size to be trained in float32, got {largest:g}.")
    if 0 < largest < SMALLEST:
        raise DataError(
            f"y must reach {SMALLEST:g} in size to be trained in float32, but is at most {largest:g}; give "
            "it in a smaller unit."
        )
    return TrainingRows(X, values, weight, None, y.ndim == 1, codes_of_groups, positions)


def group_codes(groups: Any, rows: int) -> Integer[np.ndarray, " rows"]:
    """Return the code of each row's group.

    Raises:
        DataError: when there is not one group label a row.
    """
    labels = np.asarray(groups)
    if labels.shape != (rows,):
        raise DataError(f"groups must hold one label a row, {rows} of them, got the shape {labels.shape}.")
    missing = [row for row, label in enumerate(labels.tolist()) if label is None or label != label]
    if missing:
        raise DataError(
            f"groups must not be missing, but row {missing[0]} (from 0) has {labels[missing[0]]}."
        )
    with as_input_error():
        return np.unique(labels, return_inverse=True)[1]


def label_codes(y: Shaped[np.ndarray, " rows"], classes: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the class labels in sorted order, and the code of each row.

    Raises:
        DataError: when there is only one class, or a label is not among `classes`.

    Example:
        >>> label_codes(np.array(["b", "a", "b"]))
        (array(['a', 'b'], dtype='<U1'), array([1, 0, 1], dtype=int32))
    """
    with as_input_error():
        names, codes = np.unique(y, return_inverse=True)
    if classes is not None:
        found = names
        names = checked_classes(classes)
        known = {label: place for place, label in enumerate(names.tolist())}
        for label in found.tolist():
            if label not in known:
                raise DataError(
                    f"y holds the label {label!r}, which is none of {list(known)}.{near_label(label, known)}"
                )
        codes = np.array([known[label] for label in found.tolist()])[codes]
    if len(names) < 2:
        only = names.tolist()[0]
        raise DataError(f"a classifier needs at least two classes, but y holds one class only: {only!r}.")
    return names, codes.reshape(-1).astype(np.int32)


def checked_classes(classes: Any) -> Shaped[np.ndarray, " classes"]:
    """Return the distinct labels that a user lists, sorted.

    Raises:
        ParameterError: when they are no list of labels.
    """
    check_one_kind(list(classes) if isinstance(classes, Iterable) else [])
    names = np.asarray(classes)
    wrong = names.ndim != 1 or not names.size or any(c is None or c != c for c in names.tolist())
    if wrong:
        raise ParameterError(f"classes must list every class label once, got {classes!r}.")
    with as_input_error():
        return np.unique(names)


def coded_class_weight(class_weight: Any, classes: Shaped[np.ndarray, " classes"] | None) -> Any:
    """Return a `class_weight` with the labels replaced by their codes.

    Raises:
        ParameterError: when it is none of None, "balanced" and a dictionary of the classes' weights.
    """
    if class_weight is None or classes is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        return class_weight
    if not isinstance(class_weight, dict):
        near = " Did you mean 'balanced'?" if closest(str(class_weight), ["balanced"]) else ""
        raise ParameterError(
            "class_weight must be None, 'balanced' or a dictionary {class: weight}, got "
            f"{class_weight!r}.{near}"
        )
    places = {name: i for i, name in enumerate(classes.tolist())}
    coded = {}
    for label, value in class_weight.items():
        if label not in places:
            raise ParameterError(
                f"class_weight names {label!r}, which is no class of y: {list(places)}."
                f"{near_label(label, places)}"
            )
        coded[places[label]] = check_real(f"class_weight[{label!r}]", value, 0.0, 1e300)
    return coded
