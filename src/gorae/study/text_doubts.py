"""Does a column that was named as one of texts hold texts, or numbers, identifiers, categories?"""

import polars as pl

from gorae.data import looks_like_texts
from gorae.errors import DataError

__all__ = ["doubts_of_texts"]

_DIFFERENT = 0.95
"""Share of the rows that have a value of their own where it is an identifier."""

_MANY = 0.5
_FEWEST_ROWS, _SHARED = 20, 10
_EXAMPLES, _LONGEST = 3, 24
_BETWEEN = r"[\s,;|]"
_HASH = r"^[0-9A-Fa-f-]{8,}$"
_DATE = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ]\d{1,2}:\d{2}\S*)?$"


def doubts_of_texts(frame: pl.DataFrame, column: str) -> tuple[str, ...]:
    """Return what speaks against a column's being one of texts, in sentences.

    Args:
        frame: The table.
        column: The column that was named.

    Raises:
        DataError: When none of its values is a text: all are numbers, truth values or dates.

    Example:
        >>> doubts_of_texts(pl.DataFrame({"said": ["a whale", "no whale", "a pod"]}), "said")
        ()
        >>> doubts_of_texts(pl.DataFrame({"id": [f"user-{row}" for row in range(99)]}), "id")[0][:45]
        "The column 'id' looks like an identifier, wit"
    """
    values = frame[column]
    what = _no_texts(values)
    if what is not None:
        near = [name for name in frame.columns if name != column and looks_like_texts(frame[name])]
        named = f" ({', '.join(map(repr, near[:5]))} looks like one)" if near else ""
        raise DataError(
            f"the column {column!r} holds {what} ({_some(values)}), no texts; name the column of "
            f"texts{named}, or leave text=... (--text) out to learn from columns."
        )
    if values.dtype != pl.String:
        return ()
    known = values.drop_nulls().str.strip_chars()
    known = known.filter(known != "")
    single = not known.str.contains(_BETWEEN).any()
    told = _of_single_words(known, column) if single and len(known) else ()
    numbers = int(_as_numbers(known).sum())
    if not told and numbers > _MANY * len(known):
        return (
            f"{numbers:,} of the {len(known):,} values of {column!r} are plain numbers, read as texts of one "
            "word each; if it is a column of numbers, leave text=... (--text) out.",
        )
    return told


def _of_single_words(known: pl.Series, column: str) -> tuple[str, ...]:
    """Return what speaks against a column of single words."""
    different = known.n_unique()
    if len(known) >= _FEWEST_ROWS and different * _SHARED <= len(known):
        some = _some(known.unique().sort())
        return (
            f"The column {column!r} has only {different} different values ({some}), as a category has; to "
            "learn from it as one, leave text=... (--text) out.",
        )
    if different <= _DIFFERENT * len(known) or not known.str.contains(r"\d").all():
        return ()
    rests = known.str.replace_all(r"\d+", "").n_unique()
    hashed = known.str.contains(_HASH).all() and known.str.len_chars().n_unique() == 1
    if rests > 1 and not hashed:
        return ()
    return (
        f"The column {column!r} looks like an identifier, with another value in each row ({_some(known)}): "
        "of such a thing nothing can be learned that holds for new rows.",
    )


def _no_texts(values: pl.Series) -> str | None:
    """Return what a column holds where none of its values is a text; None where one is, or where all lack."""
    kind = values.dtype
    if kind.is_numeric():
        return "numbers"
    if kind == pl.Boolean:
        return "truth values"
    if kind.is_temporal():
        return "dates or times"
    if kind != pl.String:
        return None
    known = values.drop_nulls().str.strip_chars()
    known = known.filter(known != "")
    if not len(known):
        return None  # told where texts are read
    if _as_numbers(known).all():
        return "numbers"
    if known.str.to_lowercase().is_in(["true", "false"]).all():
        return "truth values"
    return "dates or times" if known.str.contains(_DATE).all() else None


def _as_numbers(known: pl.Series) -> pl.Series:
    """Return which texts are numbers."""
    return known.cast(pl.Float64, strict=False).is_not_null()


def _some(values: pl.Series) -> str:
    """Return the first values, for a message."""
    known = values.drop_nulls()
    shown = ", ".join(f"{str(value)!s:.{_LONGEST}}" for value in known[:_EXAMPLES].to_list())
    return shown + (", ..." if len(known) > _EXAMPLES else "")
