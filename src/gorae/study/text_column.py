"""Which column of a table holds the texts to learn from: the one that was named, or that the rest leaves."""

import warnings

import polars as pl

from gorae.data import looks_like_texts, require_columns
from gorae.errors import DataError, DataWarning
from gorae.evidence import looks_like_counter
from gorae.study.text_doubts import doubts_of_texts

__all__ = ["chosen_texts"]

_NAMED = 0.95
"""Share of the rows that have a text of their own where it is their name."""


def chosen_texts(
    frame: pl.DataFrame, text: str | None = None
) -> tuple[pl.DataFrame, str | None, tuple[str, ...]]:
    """Return the column of texts to learn from as a table of its own; the table itself where there is none.

    A table is learned from by its texts where it has one column of them, and no other column says anything:
    each holds one value, or a running number, or nothing.

    Args:
        frame: the table, without the target.
        text: the column that the user named, or None.

    Returns:
        The table to learn from, the name of its column of texts or None, and sentences on what was left out.

    Raises:
        DataError: when the column that was named is not there, or holds no text.

    Example:
        >>> told = pl.DataFrame({"id": range(60), "said": [f"a whale of {n} meters" for n in range(60)]})
        >>> alone, text, notes = chosen_texts(told)
        >>> alone.columns, text, notes
        (['said'], 'said', ("Left out beside the texts of 'said', as it says nothing of a row: 'id'.",))
    """
    if text is not None:
        require_columns(frame, [text])
        others = [name for name in frame.columns if name != text]
        notes = doubts_of_texts(frame, text)
        if others:
            left = f"{_listed(others)} {_were(others)} left out"
            notes = (f"Learned from the texts of {text!r} alone: {left}.", *notes)
        for told in notes:
            warnings.warn(told, DataWarning, stacklevel=4)
        return frame.select(pl.col(text).cast(pl.String)), text, notes
    telling = [name for name in frame.columns if looks_like_texts(frame[name])]
    others = [name for name in frame.columns if name not in telling]
    alone = all(_says_nothing(frame[name]) for name in others)
    if len(telling) > 1 and alone:
        raise DataError(
            f"the columns {_listed(telling)} all hold texts, and a model learns from one: name it with "
            "text=... (--text COLUMN), or put them together in one column."
        )
    if len(telling) != 1:
        return frame, None, ()
    text = telling[0]
    if not others:
        return frame, text, ()
    if alone:
        why = f"as {_it_says(others)} nothing of a row"
        told = f"Left out beside the texts of {text!r}, {why}: {_listed(others)}."
        return frame.select(text), text, (told,)
    told = (
        f"Column {text!r} holds texts, which say little in a table of several columns; to learn from them "
        f"alone, give text={text!r} (--text {text})."
    )
    warnings.warn(told, DataWarning, stacklevel=4)
    return frame, None, (told,)


def _says_nothing(column: pl.Series) -> bool:
    """Return whether a column has one value, a running number, or a name for nearly every row."""
    different = column.drop_nulls().n_unique()
    if different <= 1 or (column.dtype == pl.String and different > _NAMED * len(column)):
        return True
    return column.dtype.is_integer() and looks_like_counter(column.drop_nulls().to_numpy().astype("float64"))


def _listed(names: list[str]) -> str:
    """Return the first names, for a message."""
    return ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")


def _were(names: list[str]) -> str:
    """Return the verb of some columns."""
    return "was" if len(names) == 1 else "were"


def _it_says(names: list[str]) -> str:
    """Return the columns as the subject of a sentence."""
    return "it says" if len(names) == 1 else "they say"
