"""Rows whose columns can be exchanged: an array, a frame of any library, or what a model makes of a table.

Letters of shapes: ``recipients`` rows are asked about; each of ``blocks`` copies of them takes some columns
from other rows, its donors.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

import narwhals as nw
import numpy as np
import polars as pl
from jaxtyping import Integer

from gorae.data import as_frame
from gorae.errors import DataError, InputTypeError, ParameterError, closest
from gorae.estimators.shaped import flat_rows

__all__ = ["ColumnRows", "TableModel", "position_of", "reads_tables", "rows_for"]


class TableModel(Protocol):
    """A model that makes a matrix of a table before it answers, as the model of a study does."""

    classes: np.ndarray | None

    @property
    def column_places(self) -> Mapping[str, tuple[int, ...]]:
        """The columns of the matrix that each column of the table became."""
        ...

    def given(self, X: Any) -> pl.DataFrame | np.ndarray:
        """Return rows before they are encoded: a table, or numbers."""
        ...

    def matrix(self, X: Any) -> np.ndarray:
        """Return rows as the estimator reads them."""
        ...

    def answers_of(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return predictions and, for classes, their probabilities."""
        ...


class ColumnRows(Protocol):
    """Rows of named columns, of which copies with exchanged columns can be made."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        ...

    @property
    def count(self) -> int:
        """Number of rows."""
        ...

    @property
    def width(self) -> int:
        """Numbers that a row takes in memory, for the size of blocks."""
        ...

    def column(self, name: str) -> pl.Series:
        """Return the values of a column as they were given."""
        ...

    def exchanged(
        self,
        recipients: Integer[np.ndarray, " recipients"],
        columns: Sequence[Sequence[str]],
        donors: Integer[np.ndarray, "blocks recipients"],
    ) -> Any:
        """Return the recipients once for each block, its columns taken from its donors, one below the other.

        Args:
            recipients: positions of rows.
            columns: names of the columns that are exchanged in each block; none leaves it as it is.
            donors: the row that each recipient takes them from, for each block.
        """
        ...


@dataclass(frozen=True)
class ArrayRows:
    """Rows of an array.

    Attributes:
        values: (rows, columns).
        names: of the columns.
    """

    values: np.ndarray
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def width(self) -> int:
        """Numbers that a row takes in memory."""
        return self.values.shape[1]

    def column(self, name: str) -> pl.Series:
        """Return the values of a column."""
        return pl.Series(name, self.values[:, self.names.index(name)].tolist(), strict=False)

    def exchanged(self, recipients: Any, columns: Sequence[Sequence[str]], donors: Any) -> np.ndarray:
        """Return copies of rows with columns of other rows."""
        places = [[self.names.index(name) for name in names] for names in columns]
        return _exchanged(self.values, recipients, places, donors)


@dataclass(frozen=True)
class TableRows:
    """Rows of a table as the matrix that a model makes of it.

    Attributes:
        table: the rows before they are encoded: a table, or numbers.
        matrix: the same as the model's estimator reads them.
        places: the columns of the matrix that each column of the table became.
    """

    table: pl.DataFrame | np.ndarray
    matrix: np.ndarray
    places: Mapping[str, tuple[int, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the table's columns."""
        return tuple(self.places)

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.matrix)

    @property
    def width(self) -> int:
        """Numbers that a row takes in memory."""
        return self.matrix.shape[1]

    def column(self, name: str) -> pl.Series:
        """Return the values of a column of the table."""
        if isinstance(self.table, pl.DataFrame):
            return self.table[name]
        return pl.Series(name, self.table[:, self.places[name][0]].tolist(), strict=False)

    def exchanged(self, recipients: Any, columns: Sequence[Sequence[str]], donors: Any) -> np.ndarray:
        """Return copies of rows with columns of other rows; encoding is row by row, so it may come first."""
        places = [[place for name in names for place in self.places[name]] for names in columns]
        return _exchanged(self.matrix, recipients, places, donors)


@dataclass(frozen=True)
class FrameRows:
    """Rows of a frame of any library, which a pipeline reads by the names of its columns.

    Attributes:
        frame: the rows, through narwhals.
    """

    frame: Any

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.frame.columns)

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def width(self) -> int:
        """Numbers that a row takes in memory."""
        return len(self.frame.columns)

    def column(self, name: str) -> pl.Series:
        """Return the values of a column."""
        return as_frame(self.frame[[name]].to_native())[name]

    def exchanged(self, recipients: Any, columns: Sequence[Sequence[str]], donors: Any) -> Any:
        """Return copies of rows with columns of other rows, as a frame of the same library."""
        recipients, blocks = np.asarray(recipients), len(columns)
        copies = self.frame[np.tile(recipients, blocks)]
        changed = []
        for name in dict.fromkeys(name for names in columns for name in names):
            taken = [
                donors[i] if name in names else recipients for i, names in enumerate(columns)
            ]  # one gather a column, whatever the blocks
            changed.append(self.frame[name][np.concatenate(taken)])
        return _without_index(copies.with_columns(*map(_without_index, changed))).to_native()


def rows_for(model: Any, X: Any) -> ColumnRows:
    """Return rows for a model, so that their columns can be exchanged.

    Args:
        model: a fitted model of gorae or scikit-learn, or one that reads tables.
        X: an array, a frame of any library, or whatever the model takes; each cell of an image is a column.

    Raises:
        DataError: when there are no rows, or they are no table.
        InputTypeError: when they are none at all.
    """
    if reads_tables(model):
        return TableRows(model.given(X), model.matrix(X), model.column_places)
    if nw.dependencies.is_into_dataframe(X):
        frame = _without_index(nw.from_native(X, eager_only=True))
        if not len(frame):
            raise DataError("X must hold at least one row, but it holds none.")
        return FrameRows(frame)
    try:
        values = np.asarray(flat_rows(model, X))
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"X must be rows of equally many values, but no array can be made of it ({error})."
        ) from error
    if values.ndim != 2 or not values.size:
        raise DataError(
            f"X must be (rows, columns) with at least one of each, but its shape is {values.shape}."
        )
    names = getattr(model, "feature_names_in_", None)
    if names is None or len(names) != values.shape[1]:
        names = [f"x{i}" for i in range(values.shape[1])]
    return ArrayRows(values, tuple(map(str, names)))


def reads_tables(model: Any) -> TypeGuard[TableModel]:
    """Return whether a model makes a matrix of a table itself."""
    return hasattr(model, "column_places") and hasattr(model, "answers_of")


def position_of(column: Any, names: Sequence[str]) -> str:
    """Return the name of a column that is given by its name or by its position.

    Raises:
        ParameterError: when there is none, naming the near one.

    Example:
        >>> position_of(1, ["age", "city"]), position_of("age", ["age", "city"])
        ('city', 'age')
    """
    if isinstance(column, int | np.integer) and not isinstance(column, bool):
        if 0 <= column < len(names):
            return names[int(column)]
        raise ParameterError(f"there is no column {column}: the {len(names)} columns are counted from 0.")
    if column in names:
        return str(column)
    near = closest(str(column), list(names))
    hint = f" Did you mean {near!r}?" if near else f" There are {_listed(names)}."
    raise ParameterError(f"the rows have no column {column!r}.{hint}")


def _listed(names: Iterable[str]) -> str:
    """Return the first names, for a message."""
    every = [repr(name) for name in names]
    return ", ".join(every[:8]) + (", ..." if len(every) > 8 else "")


def _exchanged(values: np.ndarray, recipients: Any, places: Sequence[list[int]], donors: Any) -> np.ndarray:
    """Return copies of an array's rows with columns of other rows."""
    copies = np.tile(values[recipients], (len(places), 1))
    for block, (own, taken) in enumerate(zip(places, donors, strict=True)):
        if own:
            here = slice(block * len(recipients), (block + 1) * len(recipients))
            copies[here, own] = values[np.ix_(taken, own)]
    return copies


def _without_index(part: Any) -> Any:
    """Return a frame or a series whose rows are counted from 0, so that pandas joins them by position."""
    native = nw.to_native(part)
    if not hasattr(native, "reset_index"):
        return part
    return nw.from_native(native.reset_index(drop=True), allow_series=True)
