"""What the answers of a study's model depend on: within a time, for its report and for the command line."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gorae.estimators.network import NetworkEstimator
from gorae.explanation import integrated_gradients, partial_dependence, permutation_importance
from gorae.study.findings import as_picture
from gorae.study.model import StudyModel
from gorae.study.prepare import Prepared

__all__ = ["EncodedRows", "attributions_of", "explained_rows", "importance_finding"]

_SHARE = 0.03
"""Of a study's time, what may be spent on saying what its answers depend on."""

_MOST_ROWS, _FEWEST_ROWS = 2000, 50
_NO_TIME = 0.05
_MOST_COLUMNS = 40
_REPEATS, _FEWEST_REPEATS = 10, 2
_CURVES = 3
_CURVE_ROWS = 500
_PIXEL_ROWS = 256
_EXAMPLES = 4
_PARTS = 6
"""A picture is cut into at most so many parts along each side."""


@dataclass(frozen=True)
class EncodedRows:
    """The model of a study as it is asked about rows that are encoded, but not scaled yet.

    Attributes:
        model: the model.
    """

    model: StudyModel

    @property
    def classes(self) -> np.ndarray | None:
        """Class labels, or None."""
        return self.model.classes

    @property
    def column_places(self) -> Mapping[str, tuple[int, ...]]:
        """The columns of the matrix that each column of the table became."""
        return self.model.column_places

    def given(self, X: np.ndarray) -> np.ndarray:
        """Return encoded rows as they are."""
        return X

    def matrix(self, X: np.ndarray) -> np.ndarray:
        """Return rows as the estimator reads them."""
        return X if self.model.affine is None else self.model.affine.apply(X)

    def answers_of(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return predictions and, for classes, their probabilities."""
        return self.model.answers_of(matrix)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the class label, or the value, of each row."""
        return self.answers_of(self.matrix(X))[0]


def importance_finding(
    model: StudyModel, data: Prepared, *, budget: float, seed: int = 0
) -> dict[str, Any] | None:
    """Return what the answers of a study's model depend on, in figures; None without test rows.

    Importance is measured on the test rows, which the model has not learned from; curves are over rows that
    it has, since they are about the model and not about its score. All of it takes a few hundredths of the
    study's time at most: rows, columns and shuffles are as many as that allows.

    Args:
        model: the winner.
        data: the data of the study.
        budget: seconds that the whole study may take.
        seed: of shuffles and draws; one for all studies, so that their reports can be compared.
    """
    if data.test is None or model.reads_texts:
        return None
    test = data.test
    targets = test.targets[:, 0] if data.classes is None else np.asarray(data.classes)[test.targets]
    X = data.rows.matrix if data.frame is None else data.frame
    return explained_rows(
        model,
        EncodedRows(model),
        test.matrix,
        targets,
        curves_over=X,
        image_shape=data.image_shape,
        groups=test.groups,
        seconds=_SHARE * budget,
        seed=seed,
    )


def explained_rows(
    model: StudyModel,
    asked: Any,
    X: Any,
    targets: np.ndarray,
    *,
    curves_over: Any,
    image_shape: Sequence[int] | None = None,
    groups: np.ndarray | None = None,
    seconds: float = 60.0,
    seed: int = 0,
    repeats: int = _REPEATS,
    columns: int = _CURVES,
) -> dict[str, Any]:
    """Return what the answers of a study's model depend on, in figures.

    Args:
        model: the model.
        asked: the model itself, or how it is asked about such rows.
        X: rows that it has not learned from.
        targets: their class labels, or values.
        curves_over: rows for partial dependence.
        image_shape: height and width where rows are pictures.
        groups: what rows belong to, or None.
        seconds: what it may take, about.
        seed: of shuffles and draws.
        repeats: how often each column is shuffled, at most.
        columns: of how many of the most important columns the curves are returned.
    """
    shape = image_shape if image_shape is not None and len(image_shape) == 2 else None
    parts = None if shape is None else picture_parts(shape, model.feature_names)
    plan = _affordable(asked, X, len(parts or model.column_places), seconds, repeats)
    found: dict[str, Any] = {"columns": [], "parts": shape is not None, "dependence": []}
    if plan is not None:
        found |= _importance(asked, X, targets, parts, plan, groups=groups, random_state=seed)
    if parts is not None and shape is not None:
        found["map"] = _map_of(found["columns"], parts, model.feature_names, shape)
    if shape is not None:
        found["pixels"] = _pixels_finding(model, asked.matrix(X), shape)
    elif plan is not None:
        options = {"most_rows": _CURVE_ROWS, "random_state": seed}
        found["dependence"] = [
            partial_dependence(model, curves_over, one["name"], **options).to_dict()
            for one in found["columns"][:columns]
            if one["importance"] > 0
        ]
    return found


def attributions_of(
    model: StudyModel, X: Any, rows: Sequence[int], image_shape: Sequence[int] | None = None, count: int = 10
) -> dict[str, Any] | None:
    """Return what each column adds to the answers for some rows; None for a model that has no gradient.

    Args:
        model: the model.
        X: those rows, as the model takes them.
        rows: what they are called.
        image_shape: height and width where rows are pictures.
        count: columns at most, those that add most.
    """
    if not isinstance(model.estimator, NetworkEstimator) or model.reads_texts:
        return None
    found = integrated_gradients(model, X)
    given = model.given(X)
    told = []
    for place, row in enumerate(rows):
        one: dict[str, Any] = {
            "row": int(row),
            "of": _plain(found.of[place]),
            "start": float(found.start[place]),
            "end": float(found.end[place]),
            "gap": float(found.gap[place]),
        }
        if image_shape is not None:
            one["image"] = as_picture(np.asarray(given)[place], image_shape)
            added = found.values[place].reshape(image_shape)
            one["map"] = added if added.ndim == 2 else added.sum(axis=2)
        strongest = found.strongest(place, count)
        one["columns"] = [
            {**each, "value": _value_of(given, model, place, each["column"])} for each in strongest
        ]
        told.append(one)
    return {"output": found.output, "members": found.members, "level": found.level, "rows": told}


def picture_parts(shape: Sequence[int], names: Sequence[str]) -> dict[str, list[str]]:
    """Return the pixels of each part that a picture is cut into, by the rows and columns that it covers.

    Example:
        >>> picture_parts((1, 2), ("a", "b"))
        {'row 0, column 0': ['a'], 'row 0, column 1': ['b']}
    """
    high, wide = (np.array_split(np.arange(side), min(side, _PARTS)) for side in shape)
    grid = np.array(names, object).reshape(shape)
    return {
        f"{_span('row', tall)}, {_span('column', broad)}": grid[np.ix_(tall, broad)].ravel().tolist()
        for tall in high
        for broad in wide
    }


def _span(what: str, places: np.ndarray) -> str:
    """Return rows or columns of pixels in words."""
    first, last = int(places[0]), int(places[-1])
    return f"{what} {first}" if first == last else f"{what}s {first}–{last}"


def _map_of(
    columns: Sequence[Mapping[str, Any]],
    parts: Mapping[str, Sequence[str]],
    names: Sequence[str],
    shape: Sequence[int],
) -> np.ndarray | None:
    """Return the importance of the part that each pixel belongs to, as a picture."""
    worth = {pixel: one["importance"] for one in columns for pixel in parts[one["name"]]}
    return np.array([worth[name] for name in names]).reshape(shape) if worth else None


def _importance(
    asked: Any,
    X: Any,
    targets: np.ndarray,
    parts: Mapping[str, Sequence[str]] | None,
    plan: tuple[int, int, int],
    **options: Any,
) -> dict[str, Any]:
    """Return the importance of columns or of parts of pictures, of the foremost where they are many."""
    rows, repeats, left_out = plan
    if left_out:
        few = min(rows, 4 * _FEWEST_ROWS)
        first = permutation_importance(asked, X, targets, repeats=1, most_rows=few, **options)
        options["only"] = [one.name for one in first.columns[:_MOST_COLUMNS]]
    options |= {"groups_of_columns": parts, "most_rows": rows, "repeats": repeats}
    found = permutation_importance(asked, X, targets, **options).to_dict()
    for one in found["columns"]:
        del one["columns"]
    return {**found, "left_out": left_out}


def _affordable(
    asked: Any, X: Any, columns: int, seconds: float, repeats: int
) -> tuple[int, int, int] | None:
    """Return how many rows, shuffles, and columns too many there are; None where not even a few are possible.

    The seconds that answers take are measured on few rows and believed only where they matter, so that what
    is cheap does not depend on the clock.
    """
    matrix = asked.matrix(X)
    if len(matrix) < 2:
        return None
    a_row = _seconds_a_row(asked, matrix)
    taken = min(columns, _MOST_COLUMNS)
    rows = min(len(matrix), _MOST_ROWS)
    affordable = seconds / (a_row * taken)
    if affordable >= rows * repeats:
        return rows, repeats, columns - taken
    fewer = min(repeats, _FEWEST_REPEATS)
    times = max(fewer, int(affordable / rows))
    rows = min(rows, int(affordable / times))
    return None if rows < min(_FEWEST_ROWS, len(matrix)) else (rows, times, columns - taken)


def _seconds_a_row(asked: Any, matrix: np.ndarray) -> float:
    """Return what an answer takes; where few take no time to speak of, of as many as a call will hold."""
    for rows in (4 * _FEWEST_ROWS, _MOST_ROWS):
        some = np.resize(matrix, (rows, matrix.shape[1]))
        asked.answers_of(some)  # compiled
        began = time.perf_counter()
        asked.answers_of(some)
        took = time.perf_counter() - began
        if took > _NO_TIME:
            break
    return took / rows


def _pixels_finding(model: StudyModel, matrix: np.ndarray, shape: Sequence[int]) -> dict[str, Any] | None:
    """Return which pixels a network's answers hang on; None for other models."""
    if not isinstance(model.estimator, NetworkEstimator):
        return None
    taken = np.unique(np.linspace(0, len(matrix) - 1, min(len(matrix), _PIXEL_ROWS)).round().astype(int))
    found = integrated_gradients(model.estimator, matrix[taken])
    classes = model.classes
    examples = [
        {
            "row": None,
            "of": "prediction" if classes is None else _plain(classes[int(found.of[place])]),
            "image": matrix[taken[place]].reshape(shape),
            "map": found.values[place].reshape(shape),
        }
        for place in range(min(_EXAMPLES, len(taken)))
    ]
    image = np.abs(found.values).mean(axis=0).reshape(shape)
    return {"image": image, "rows": len(taken), "members": found.members, "examples": examples}


def _value_of(given: Any, model: StudyModel, row: int, column: str) -> Any:
    """Return the value that a row has in a column, before it was encoded."""
    if isinstance(given, np.ndarray):
        return _plain(given[row, model.column_places[column][0]])
    value = given[column][row]
    return value if value is None or isinstance(value, int | float | bool) else str(value)


def _plain(value: Any) -> Any:
    """Return a number of numpy as Python's own."""
    return value.item() if isinstance(value, np.generic) else value
