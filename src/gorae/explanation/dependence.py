"""Partial dependence: the mean answer of a model as one column is set to one value after the other.

Of a model f it is the curve

    PD(v) = E f(v, x_rest),

the mean over rows as they are but for the column. Where columns depend on each other, some of these rows are
such as do not occur. Lines of single rows (individual conditional expectation) show what the mean hides:
where they are not parallel, the column's effect depends on the others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Integer

from gorae.errors import DataError, InputError, ParameterError, closest
from gorae.evidence.checks import check_count, check_level, check_same_length
from gorae.evidence.spread import mean_spread, t_quantile
from gorae.explanation.asking import Questioned, questioned
from gorae.explanation.rows import position_of
from gorae.explanation.shuffles import in_blocks

__all__ = ["PartialDependence", "partial_dependence"]

_BLOCK_NUMBERS = 1 << 23
_LEAST, _MOST = 0.025, 0.975
"""Between these quantiles a grid of many different numbers lies: single far values would squeeze the rest."""


@dataclass(frozen=True)
class PartialDependence:
    """The mean answers of a model over the values of a column.

    Attributes:
        column: its name.
        values: the values that it was set to, all of which occur: numbers in order, or categories, the most
            frequent first; dates and times in order, as text.
        places: where the values stand on an axis; None for categories.
        outputs: class labels, or the name "prediction" of a regressor's only output.
        mean: (outputs, values) mean answers: probabilities, or values.
        low: (outputs, values) lower bounds of the mean over the rows, each on its own.
        high: (outputs, values) upper bounds.
        lines: (outputs, values, lines) answers for single rows, as many as were asked for.
        rows: how many rows the mean is over.
        level: share of such intervals that cover the mean over all rows there could be.
    """

    column: str
    values: tuple[Any, ...]
    places: tuple[float, ...] | None
    outputs: tuple[Any, ...]
    mean: Float[np.ndarray, "outputs values"]
    low: Float[np.ndarray, "outputs values"]
    high: Float[np.ndarray, "outputs values"]
    lines: Float[np.ndarray, "outputs values lines"]
    rows: int
    level: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that JSON can hold."""
        return {
            "column": self.column,
            "values": list(self.values),
            "places": None if self.places is None else list(self.places),
            "outputs": list(self.outputs),
            **{name: getattr(self, name).tolist() for name in ("mean", "low", "high", "lines")},
            "rows": self.rows,
            "level": self.level,
        }


def partial_dependence(
    model: Any,
    X: Any,
    column: Any,
    *,
    of: Any = None,
    grid: int = 20,
    lines: int = 0,
    groups: Any = None,
    most_rows: int | None = 1000,
    level: float = 0.95,
    random_state: Any = 0,
) -> PartialDependence:
    """Return the mean answer of a model as one column is set to the values that occur in it.

    All values are put below each other and predicted in few calls. A grid of numbers is made of quantiles
    from 2.5 to 97.5 %, or of all values where they are few; one of categories of the most frequent ones.

    Args:
        model: a fitted classifier with probabilities or a regressor, of gorae or scikit-learn, a pipeline of
            theirs, or the model of a study.
        X: rows: an array, or a frame of any library.
        column: its name or its position.
        of: the class, or the classes as a list, whose probability is wanted; None for all, and for the second
            of two.
        grid: values at most.
        lines: how many rows to return the answers of as well.
        groups: (rows,) what each row belongs to, where rows depend on each other; the groups are then the
            sample.
        most_rows: take the mean over so many rows at most, drawn at random.
        level: share of such intervals that cover the truth.
        random_state: seed of the draw.

    Returns:
        The curve with its interval at each value. The interval is about the model as it is: that of the mean
        over all rows that there could be.

    Raises:
        InputError: when the rows are not those of the model, the column has no value, or there are no
            probabilities.
        ParameterError: for an unknown column or class, or a parameter out of its range.
        NotFittedError: when the model is not fitted.

    Example:
        >>> from sklearn.linear_model import LinearRegression
        >>> X = np.array([[0.0, 5.0], [1.0, 3.0], [2.0, 4.0]])
        >>> found = partial_dependence(LinearRegression().fit(X, 2 * X[:, 0] + X[:, 1]), X, 0)
        >>> found.values, found.mean.round(6).tolist()
        ((0.0, 1.0, 2.0), [[4.0, 6.0, 8.0]])

    References:
        Friedman (2001), "Greedy function approximation: a gradient boosting machine", section 8.2.
        Goldstein et al. (2015), "Peeking inside the black box", on the lines of single rows.
    """
    check_level(level)
    check_count("grid", grid)
    if isinstance(lines, bool) or not isinstance(lines, int) or lines < 0:
        raise ParameterError(f"lines must be a whole number of at least 0, got {lines!r}.")
    asked = questioned(model, X)
    name = position_of(column, asked.rows.names)
    chosen, outputs = _outputs(asked, of)
    units = None if groups is None else np.asarray(groups)
    check_same_length(X=range(asked.rows.count), groups=units)
    generator = np.random.default_rng(random_state)
    rows = np.arange(asked.rows.count)
    if most_rows is not None:
        check_count("most_rows", most_rows)
        rows = np.sort(generator.choice(len(rows), min(most_rows, len(rows)), replace=False))
    holders, values, places = _grid_of(asked.rows.column(name), grid)
    answers = _answers(asked, name, rows, holders)[:, :, chosen].transpose(2, 0, 1)
    low, high = _bounds(answers, None if units is None else units[rows], level)
    shown = np.sort(generator.choice(len(rows), min(lines, len(rows)), replace=False))
    mean = answers.mean(axis=2)
    return PartialDependence(
        name, values, places, outputs, mean, low, high, answers[:, :, shown], len(rows), level
    )


def _outputs(asked: Questioned, of: Any) -> tuple[list[int], tuple[Any, ...]]:
    """Return which answers are wanted, and what they are called."""
    if asked.classes is None:
        if of is not None:
            raise ParameterError(f"of={of!r} names a class, but this model predicts numbers; leave it out.")
        return [0], ("prediction",)
    known = asked.classes.tolist()
    if of is None:
        chosen = [1] if len(known) == 2 else list(range(len(known)))
    else:
        wanted = list(of) if isinstance(of, list | tuple | np.ndarray) else [of]
        unknown = [label for label in wanted if label not in known]
        if unknown or not wanted:
            near = closest(str(unknown[0]), [str(label) for label in known]) if unknown else None
            hint = f" Did you mean {near!r}?" if near else ""
            raise ParameterError(f"of must name classes of the model, {known[:10]}, got {of!r}.{hint}")
        chosen = [known.index(label) for label in wanted]
    return chosen, tuple(known[place] for place in chosen)


def _grid_of(
    column: pl.Series, most: int
) -> tuple[Integer[np.ndarray, " values"], tuple[Any, ...], tuple[float, ...] | None]:
    """Return rows that hold the values of the grid, the values, and their places on an axis."""
    ordered = column.dtype.is_numeric() or column.dtype.is_temporal()
    numbers = column.to_physical().cast(pl.Float64, strict=False).to_numpy() if ordered else None
    known = np.flatnonzero(column.is_not_null().to_numpy() if numbers is None else np.isfinite(numbers))
    if not len(known):
        raise DataError(f"column {column.name!r} has no value in these rows; leave it out.")
    if numbers is not None:
        order = known[np.argsort(numbers[known], kind="stable")]
        _, first = np.unique(numbers[order], return_index=True)
        if len(first) > most:
            share = np.linspace(_LEAST, _MOST, most) if most > 1 else np.array([0.5])
            taken = numbers[order][np.round(share * (len(order) - 1)).astype(int)]
            first = np.searchsorted(numbers[order], np.unique(taken))
        holders = order[first]
        places = tuple(float(number) for number in numbers[holders])
        plain = [column[int(row)] for row in holders]
        return holders, tuple(plain if column.dtype.is_numeric() else map(str, plain)), places
    texts = column.cast(pl.String).to_numpy()
    found, first, count = np.unique(texts[known].astype(str), return_index=True, return_counts=True)
    chosen = np.lexsort((found, -count))[:most]
    holders = known[first[chosen]]
    return holders, tuple(column[int(row)] for row in holders), None


def _answers(
    asked: Questioned, name: str, rows: np.ndarray, holders: np.ndarray
) -> Float[np.ndarray, "values rows outputs"]:
    """Return what the model answers for all rows at all values."""
    parts = []
    for block in in_blocks(len(holders), _BLOCK_NUMBERS // (len(rows) * asked.rows.width)):
        donors = np.repeat(holders[block.start : block.stop, None], len(rows), axis=1)
        given = asked.rows.exchanged(rows, [(name,)] * len(donors), donors)
        parts.append(asked.numbers(given).reshape(len(donors), len(rows), -1))
    answers = np.concatenate(parts)
    if not np.isfinite(answers).all():
        raise InputError(f"the model answers with what is no number where column {name!r} is changed.")
    return answers


def _bounds(
    answers: Float[np.ndarray, "outputs values rows"], units: np.ndarray | None, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of each mean over the rows; of a single row or group it is not known, NaN."""
    mean, reach = answers.mean(axis=2), np.full(answers.shape[:2], np.nan)
    independent = answers.shape[2] if units is None else len(np.unique(units))
    if independent > 1:
        for place in np.ndindex(*reach.shape):
            spread = mean_spread(answers[place], units)
            reach[place] = t_quantile(level, spread.freedom) * float(np.sqrt(spread.variance))
    return mean - reach, mean + reach
