"""Which columns hold texts, by their content, and what cuts them."""

import numpy as np
import polars as pl

from gorae.data.parsing import measured
from gorae.data.tokenizers import Calls, Characters, Tokenizer, Words

__all__ = ["looks_like_texts", "tokenizer_for"]

_LOOKED_AT = 2000
_FEWEST_DIFFERENT = 8
_FEWEST_WORDS = 4
_MOST_MEASURED, _WORDS_OF_NO_NUMBER = 0.5, 6
_BETWEEN = r"[\s,;|]+"
_TIGHT_COMMA = r"[,;|]\S"


def looks_like_texts(column: pl.Series) -> bool:
    """Return whether a column holds texts: most of them different, and most of several words.

    Example:
        >>> looks_like_texts(pl.Series([f"a whale of {year} meters" for year in range(9)]))
        True
        >>> looks_like_texts(pl.Series(["in the north"] * 9)), looks_like_texts(pl.Series(range(9)))
        (False, False)
    """
    if column.dtype != pl.String:
        return False
    known = column.drop_nulls()
    different = known.n_unique()
    if different < _FEWEST_DIFFERENT or different <= len(known) / 2:
        return False
    some = _some(known)
    words = _median(some.str.strip_chars().str.count_matches(_BETWEEN) + 1)
    few = words < _WORDS_OF_NO_NUMBER  # "1 234 567,89" is a number, and no trace of four calls
    return words >= _FEWEST_WORDS and not (few and len(measured(some)) > _MOST_MEASURED * len(some))


def tokenizer_for(texts: pl.Series) -> Tokenizer:
    """Return what cuts texts: calls with commas between them, else words, or characters of single words."""
    some = _some(texts.drop_nulls()).str.strip_chars()
    tight, between = some.str.count_matches(_TIGHT_COMMA), some.str.count_matches(_BETWEEN)
    if _median(tight) > 0.5 * _median(between):
        return Calls()
    return Words(lower=True) if _median(between) >= 1 else Characters(lower=True)


def _some(column: pl.Series) -> pl.Series:
    """Return about two thousand values of a column, evenly."""
    return column.gather_every(max(1, len(column) // _LOOKED_AT))


def _median(numbers: pl.Series) -> float:
    """Return the median of numbers."""
    return float(np.median(numbers.to_numpy())) if len(numbers) else 0.0
