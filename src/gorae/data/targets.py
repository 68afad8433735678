"""Targets: labels as codes, weights of classes, and what the values of a target ask for."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import polars as pl
from jaxtyping import Float64, Int32, Num, Shaped

from gorae.errors import DataError, ParameterError, closest

__all__ = [
    "check_classes",
    "check_one_kind",
    "class_weights",
    "describe_values",
    "encode_known_labels",
    "encode_labels",
    "guess_task",
    "near_label",
]

_FEW_VALUES = 20
_MAX_CODES = 1000


def encode_labels(y: Any) -> tuple[Int32[np.ndarray, " rows"], Shaped[np.ndarray, " classes"]]:
    """Turn labels into codes.

    Args:
        y: Strings, integers, truth values, or floats that are whole numbers; a list, an array or a column
            of a frame.

    Returns:
        The code of each row, and the classes, sorted, in the labels' own type: ``classes[codes]`` are the
        labels.

    Raises:
        DataError: A label is missing, no label at all (a fraction), or of another type than the others.

    Example:
        >>> encode_labels(["cat", "ant", "cat"])
        (array([1, 0, 1], dtype=int32), array(['ant', 'cat'], dtype='<U3'))
    """
    labels = _labels(y)
    if labels.dtype.kind == "f":
        wrong = np.flatnonzero(~np.isfinite(labels))
        if len(wrong):
            raise DataError(_missing_label(labels[wrong[0]], int(wrong[0])))
        fractions = np.flatnonzero(labels != np.floor(labels))
        if len(fractions):
            raise DataError(
                "Unknown label type: classes must be strings, whole numbers or truth values, got "
                f"{labels[fractions[0]]} in row {fractions[0]} (from 0); numbers like this need a regressor."
            )
    classes, codes = np.unique(labels, return_inverse=True)
    return codes.reshape(-1).astype(np.int32), classes


def encode_known_labels(y: Any, classes: Shaped[np.ndarray, " classes"]) -> Int32[np.ndarray, " rows"]:
    """Turn the labels of further rows into the codes of known classes.

    Strings that differ from a class only by a full stop at their end count as that class, because the test
    part of a widely used data set (Adult) is written so.

    Args:
        y: Labels as :func:`encode_labels` takes them.
        classes: What it returned for the rows learned from.

    Returns:
        The code of each row.

    Raises:
        DataError: A label is missing, or is none of the classes; the message names it and the near class.

    Example:
        >>> encode_known_labels(["cat.", "ant"], np.array(["ant", "cat"]))
        array([1, 0], dtype=int32)
    """
    codes, found = encode_labels(y)
    places = {label: place for place, label in enumerate(classes.tolist())}
    bare = [label.removesuffix(".") if isinstance(label, str) else label for label in found.tolist()]
    known = np.array(
        [places.get(label, places.get(short, -1)) for label, short in zip(found.tolist(), bare, strict=True)],
        np.int32,
    )
    if (known < 0).any():
        raise DataError(_unknown_label(codes, found, known, places))
    return known[codes]


def check_one_kind(y: Any) -> None:
    """Refuse labels that are in part texts: numpy would make 1 and "1" one class without a word.

    Args:
        y: Labels.

    Raises:
        DataError: Texts and others are together, or a label is missing.

    Example:
        >>> try:
        ...     check_one_kind([1, "1"])
        ... except DataError as error:
        ...     print(str(error)[:73])
        Unknown label type: all labels must be of one type, got number, text toge
    """
    if isinstance(y, (list, tuple)):
        values = np.array([*y, None], dtype=object)[:-1]
    elif str(getattr(y, "dtype", "")) == "object":
        values = np.asarray(y, dtype=object)
    else:
        return
    if values.ndim == 1 and any(isinstance(value, str) for value in values.tolist()):
        _one_type(values)


def _unknown_label(
    codes: Int32[np.ndarray, " rows"],
    found: Shaped[np.ndarray, " labels"],
    known: Int32[np.ndarray, " labels"],
    places: Mapping[Any, int],
) -> str:
    """Tell of the first label that is no class; one that only has another type comes after the others.

    Where a single text has turned a column of numbers into texts, it is that text which is wrong.
    """
    written = {str(label) for label in places}
    alike = np.array([str(label) in written for label in found.tolist()])
    wrong = (known < 0) & ~alike if ((known < 0) & ~alike).any() else known < 0
    row = int(np.flatnonzero(wrong[codes])[0])
    label = found[codes[row]].item()
    listed = ", ".join(repr(name) for name in list(places)[:10]) + (", ..." if len(places) > 10 else "")
    told = f"row {row} (from 0) has the label {label!r}, but the classes are {listed}."
    return told + near_label(label, places)


def near_label(label: Any, known: Iterable[Any]) -> str:
    """Return a hint on the label that was meant: the near one, or the equal one of another type.

    Example:
        >>> near_label("lov", ["low", "high"])
        " Did you mean 'low'?"
        >>> near_label("1", [0, 1])
        ' The label 1 is of another type (int, not str).'
    """
    written = {str(other): other for other in known}
    if str(label) in written:
        same = written[str(label)]
        return f" The label {same!r} is of another type ({type(same).__name__}, not {type(label).__name__})."
    near = closest(str(label), written)
    return f" Did you mean {written[near]!r}?" if near else ""


def class_weights(
    class_weight: str | Mapping[Any, float] | None,
    codes: Int32[np.ndarray, " rows"],
    classes: Shaped[np.ndarray, " classes"],
    weight: Num[np.ndarray, " rows"] | None = None,
) -> Float64[np.ndarray, " rows"]:
    r"""Multiply the weight of each row with the weight of its class.

    ``balanced`` gives class k the weight :math:`W / (K W_k)`, with :math:`W_k` the summed weight of its
    rows, :math:`W` that of all rows and :math:`K` the number of classes that have any; so all classes
    count alike, and a weight of k still equals k copies.

    Args:
        class_weight: ``"balanced"``, a weight per class (1 where a class is not named), or None for 1.
        codes: The class of each row.
        classes: The classes.
        weight: The weight of each row; None for 1.

    Returns:
        The weight of each row.

    Raises:
        ParameterError: Another word, a class that does not exist, or a weight that is negative or not finite.

    Example:
        >>> class_weights("balanced", np.array([0, 0, 0, 1], np.int32), np.array(["a", "b"]))
        array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    rows = np.ones(len(codes)) if weight is None else np.asarray(weight, np.float64)
    if class_weight is None:
        return rows.copy()
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ParameterError(f"class_weight must be 'balanced', a dict or None, got {class_weight!r}.")
        sums = np.bincount(codes, rows, len(classes))
        factors = np.divide(
            rows.sum() / max(1, (sums > 0).sum()), sums, out=np.zeros(len(classes)), where=sums > 0
        )
        return rows * factors[codes]
    places = {label: place for place, label in enumerate(classes.tolist())}
    factors = np.ones(len(classes))
    for label, factor in class_weight.items():
        if label not in places:
            raise ParameterError(
                f"class_weight names the class {label!r}, which no row has.{near_label(label, places)}"
            )
        if not np.isfinite(factor) or factor < 0:
            raise ParameterError(f"class_weight must be finite and not negative, got {factor} for {label!r}.")
        factors[places[label]] = factor
    return rows * factors[codes]


def guess_task(y: Any) -> Literal["classification", "regression"]:
    """Guess from the values of a target whether they are classes or quantities.

    Text and truth values are classes; fractions are quantities. Whole numbers, also when stored as
    floats, are classes where they are at most 20 different ones and on average each is there twice, or
    where they look like codes: all of 0, 1, ..., or 1, 2, ..., up to 1,000 of them, on average 20 times each.
    A count or an age may look like classes, and a code like a quantity: say the task where it matters.

    Args:
        y: The target.

    Returns:
        The task.

    Raises:
        DataError: A value is missing, or nothing that a target can be.

    Example:
        >>> guess_task(["a", "b"]), guess_task([0.5, 1.0]), guess_task([0, 1, 1, 0])
        ('classification', 'regression', 'classification')
    """
    values = _labels(y)
    if values.dtype.kind not in "iuf":
        return "classification"
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise DataError(_missing_label(values[wrong[0]], int(wrong[0])))
    if (values != np.floor(values)).any():
        return "regression"
    distinct = np.unique(values)
    if len(distinct) <= _FEW_VALUES and 2 * len(distinct) <= len(values):
        return "classification"
    gapless = distinct[0] in (0, 1) and distinct[-1] - distinct[0] == len(distinct) - 1
    if gapless and len(distinct) <= _MAX_CODES and 20 * len(distinct) <= len(values):
        return "classification"
    return "regression"


def describe_values(y: Any) -> str:
    """Say in a few words what a target holds: what :func:`guess_task` went by.

    Args:
        y: The target.

    Returns:
        The words, with the number of different values where that decided.

    Raises:
        DataError: A value is missing, or nothing that a target can be.

    Example:
        >>> describe_values(["a", "b", "a"]), describe_values([3.0, 1, 2]), describe_values([0.5, 1])
        ('2 different texts', '3 different whole numbers', 'numbers with fractions')
    """
    values = _labels(y)
    kind = values.dtype.kind
    if kind == "b":
        return "truth values"
    if kind == "f" and (values != np.floor(values)).any():
        return "numbers with fractions"
    count = len(np.unique(values))
    return f"{count:,} different {'whole numbers' if kind in 'iuf' else 'texts'}"


def check_classes(
    codes: Int32[np.ndarray, " rows"], classes: Shaped[np.ndarray, " classes"], folds: int
) -> tuple[int, tuple[str, ...]]:
    """Check that classes can be learned and judged, and find how many folds they allow.

    With stratified folds, a class needs a row in each. Where the smallest class has fewer, the number of
    folds is lowered to its count, but not below 2. A class of a single row can never be both learned and
    judged; it does not lower the number.

    Args:
        codes: The class of each row.
        classes: The classes.
        folds: How many folds are wanted.

    Returns:
        The number of folds to use, and sentences on what was changed and why.

    Raises:
        DataError: There is only one class, or more than half as many as rows.

    Example:
        >>> check_classes(np.array([0, 0, 0, 1, 1, 1, 1], np.int32), np.array(["a", "b"]), 5)
        (3, ("Class 'a' has 3 rows, fewer than the 5 folds asked for: 3 folds are used.",))
    """
    counts = np.bincount(codes, minlength=len(classes))
    names = classes.tolist()
    if (counts > 0).sum() < 2:
        only = repr(names[int(np.argmax(counts))]) if len(names) else "none"
        raise DataError(f"at least two classes are needed to classify, but all rows have one class: {only}.")
    if 2 * len(classes) > len(codes):
        raise DataError(
            f"{len(classes):,} classes in {len(codes):,} rows leave fewer than two rows to a class; is this "
            "a target for regression, or a column of identifiers?"
        )
    notes = []
    single = [names[place] for place in np.flatnonzero(counts == 1)]
    if single:
        listed = ", ".join(repr(name) for name in single[:5]) + (", ..." if len(single) > 5 else "")
        word = f"Class {listed} has" if len(single) == 1 else f"Classes {listed} have"
        notes.append(f"{word} a single row: it can be learned from or scored, never both.")
    several = np.where(counts > 1, counts, counts.max())
    smallest = int(np.argmin(several))
    usable = min(folds, max(2, int(several[smallest])))
    if usable < folds:
        notes.append(
            f"Class {names[smallest]!r} has {several[smallest]} rows, fewer than the {folds} folds asked "
            f"for: {usable} folds are used."
        )
    return usable, tuple(notes)


def _labels(y: Any) -> np.ndarray:
    """Make a one-dimensional array of a target, in the type of its values."""
    if isinstance(y, pl.Series):
        missing = y.is_null().arg_true()
        if len(missing):
            raise DataError(_missing_label(None, int(missing[0])))
        y = y.cast(pl.String) if isinstance(y.dtype, (pl.Categorical, pl.Enum)) else y
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"y must have one dimension (rows), got shape {array.shape}.")
    if not len(array):
        raise DataError("y is empty: at least one row was wanted.")
    if isinstance(y, (list, tuple)) and array.dtype.kind in "US":
        array = np.array(y, dtype=object)  # numpy would have turned 1 and None into texts
    if array.dtype.kind == "O":
        return _one_type(array)
    if array.dtype.kind == "c":
        raise DataError("Complex data not supported: y must be real.")
    if array.dtype.kind in "mM":
        raise DataError(
            f"y holds dates or durations ({array.dtype}), which cannot be predicted; turn them into numbers "
            "or strings."
        )
    if array.dtype.kind not in "biufUST":
        raise DataError(f"y must hold strings, numbers or truth values, got {array.dtype}.")
    return array.astype(str) if array.dtype.kind == "T" else array


def _one_type(array: np.ndarray) -> np.ndarray:
    """Turn an object array into one of strings, truth values or numbers."""
    for row, value in enumerate(array.tolist()):
        if (
            value is None
            or type(value).__name__ in {"NAType", "NaTType"}
            or (isinstance(value, float) and value != value)
        ):
            raise DataError(_missing_label(value, row))
    types = {_sort_of(value) for value in array.tolist()}
    if types == {"text"}:
        return array.astype(str)
    if types == {"truth"}:
        return array.astype(bool)
    if types == {"number"}:
        return np.asarray(array.tolist())
    told = ", ".join(sorted(types))
    if len(types) == 1:
        raise DataError(f"Unknown label type: y must hold strings, numbers or truth values, got {told}.")
    raise DataError(
        f"Unknown label type: all labels must be of one type, got {told} together; make them all strings, or "
        "all numbers."
    )


def _sort_of(value: Any) -> str:
    """Name the type of a label."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "truth"
    return "number" if isinstance(value, (int, float, np.number)) else type(value).__name__


def _missing_label(value: Any, row: int) -> str:
    """Tell that a target is missing."""
    shown = "missing (None)" if value is None else f"{value} (NaN or infinity)"
    return f"y must be known in every row, but row {row} (from 0) is {shown}; drop the row or fill it in."
