"""What a column of text really holds: missing markers, numbers, truth values, dates."""

import warnings

import polars as pl

from gorae.errors import DataWarning

__all__ = [
    "MISSING",
    "first_unreadable",
    "mark_missing",
    "measured",
    "read_numbers",
    "read_truth",
    "type_of_text",
]

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "NAN", "nan", "null", "NULL", "Null", "?")
"""Texts that stand for a missing value, after spaces around them are stripped."""

_PADDED = r"^0\d+$"
_LONG = r"^[+-]?\d{16,}$"
_GROUPED = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_BESIDE = r"\p{Sc}%‰°"
_MEASURED = (  # a sign, a currency or its three letters; a number without zeros before it; a unit
    rf"^[+-]?(?:[\p{{Sc}}~<>≈±]|[A-Z]{{3}}\s)?\s?[+-]?(?:0|0[.,]\d+|[1-9][\d.,'_\s]*?)"
    rf"(?:\s?[{_BESIDE}\p{{L}}][{_BESIDE}\p{{L}}/²³]{{0,9}})?$"
)
_MOST_UNITS = 5
_MOST_WORDS, _FEWEST_NUMBERS = 3, 10
"""Different texts among numbers that may stand for missing values; and different numbers beside them."""
_DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d")
_MOMENT_FORMATS = tuple(
    f"{date}{gap}{time}" for date in _DATE_FORMATS for gap in ("T", " ") for time in ("%H:%M:%S%.f", "%H:%M")
)
_ZONED_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")


def mark_missing(text: pl.Series) -> pl.Series:
    """Strip the spaces around texts and turn the missing markers into nulls.

    Args:
        text: A column of strings.

    Returns:
        The column, shorter by its spaces, null where a value is missing.

    Example:
        >>> mark_missing(pl.Series([" a ", "?", "NA", "Na"])).to_list()
        ['a', None, None, 'Na']
    """
    stripped = text.str.strip_chars()
    # A null is no marker: is_in gives null there, and set() writes only where the mask is true.
    return stripped.set(stripped.is_in(MISSING).fill_null(False), None)


def read_numbers(text: pl.Series) -> pl.Series:
    """Read stripped texts as numbers; what is none becomes null.

    Args:
        text: A column of stripped strings.

    Returns:
        A column of 64-bit integers where every text is one, otherwise of 64-bit floats.

    Example:
        >>> read_numbers(pl.Series(["1", "2.5", "x"])).to_list()
        [1.0, 2.5, None]
    """
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count():
        return whole
    return text.cast(pl.Float64, strict=False)


def read_truth(text: pl.Series) -> pl.Series:
    """Read "true" and "false", in any case of letters, as truth values; other texts become null.

    Example:
        >>> read_truth(pl.Series(["True", "FALSE", "yes"])).to_list()
        [True, False, None]
    """
    small = text.str.to_lowercase()
    truth = pl.Series(text.name, [None] * len(text), dtype=pl.Boolean)
    return truth.set((small == "true").fill_null(False), True).set((small == "false").fill_null(False), False)


def type_of_text(text: pl.Series, *, decimal_comma: bool = False) -> pl.Series:
    """Give a column of text the type that all its values agree on.

    Tried in this order: numbers, truth values, numbers with thousands separators (``1,234.5``; a warning
    says so), dates, moments in time; what is none of them stays text. A column without any value stays text
    as well, and so does, with a warning, one of codes: whole numbers with zeros before them (``007``), or
    with more digits than a float keeps. A column of numbers but for up to three words stays text with a
    warning.

    Args:
        text: A column of strings.
        decimal_comma: Also read ``1,5`` as one and a half, where a whole column is written so.

    Returns:
        The column as Int64, Float64, Boolean, Date, Datetime or String, null where a value is missing.

    Example:
        >>> type_of_text(pl.Series([" 39", "?", "50 "])).to_list()
        [39, None, 50]
    """
    text = mark_missing(text)
    missing = text.null_count()
    if missing == len(text):
        return text
    padded = text.filter(text.str.contains(_PADDED).fill_null(False))
    if len(padded):
        return _kept_as_codes(text, padded[0], "zeros before its number")
    readers = [read_numbers, read_truth]
    if decimal_comma:
        readers.append(_read_comma_numbers)
    readers.append(_read_grouped_numbers)
    first = text.drop_nulls()[0]
    if len(first) >= 8 and first[:4].isdigit():  # formats are tried only where the first value looks like one
        readers += [_read_dates, _read_moments]
    for read in readers:
        typed = read(text)
        if typed.null_count() == missing:
            if read is _read_grouped_numbers:
                _tell_grouped(text)
            long = text.filter(text.str.contains(_LONG).fill_null(False))
            if typed.dtype.is_float() and len(long) and typed.n_unique() < text.n_unique():
                return _kept_as_codes(text, long[0], "more digits than a number keeps")
            return typed
    _tell_words_among_numbers(text)
    return text


def first_unreadable(text: pl.Series, typed: pl.Series) -> tuple[int, str] | None:
    """Find the first text that a reader turned into null.

    Args:
        text: A column of strings.
        typed: The same column after reading.

    Returns:
        The row, counted from 0, and the text; None where everything was read.

    Example:
        >>> first_unreadable(pl.Series(["1", "x"]), pl.Series([1, None]))
        (1, 'x')
    """
    rows = (typed.is_null() & text.is_not_null()).arg_true()
    if not len(rows):
        return None
    return int(rows[0]), text[int(rows[0])]


def measured(text: pl.Series) -> pl.Series:
    """Return the texts that are a number beside a currency or a unit, where a column holds few of those.

    Codes such as ``12B`` and ``7F`` have as many endings as letters, and are none.

    Args:
        text: A column of stripped strings.

    Returns:
        Those texts, without missing ones; empty where they have more than 5 different beginnings and endings.

    Example:
        >>> measured(pl.Series(["$44837.9", "$1,000", "about 5", "5", None])).to_list()
        ['$44837.9', '$1,000']
    """
    plain = text.cast(pl.Float64, strict=False).is_not_null()
    found = text.filter(text.str.contains(_MEASURED).fill_null(False) & ~plain)
    beside = found.str.replace_all(r"[\d.,'_\s+-]", "")
    return found if beside.n_unique() <= _MOST_UNITS else found.clear()


def _read_comma_numbers(text: pl.Series) -> pl.Series:
    """Read numbers written with a decimal comma."""
    shaped = text.str.contains(r"^[+-]?\d+(,\d+)?([eE][+-]?\d+)?$").fill_null(False)
    kept = text.set(~shaped, None)
    return kept.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)


def _read_grouped_numbers(text: pl.Series) -> pl.Series:
    """Read numbers of which some are written with commas between their thousands."""
    grouped = text.str.contains(_GROUPED).fill_null(False)
    plain = text.zip_with(~grouped, text.str.replace_all(",", "", literal=True))
    return plain.cast(pl.Float64, strict=False)


def _called(text: pl.Series) -> str:
    """Return what a column is called in a sentence."""
    return f"column {text.name!r}" if text.name else "a column"


def _kept_as_codes(text: pl.Series, example: str, why: str) -> pl.Series:
    """Return the column as it is, and say that its numbers are taken for codes."""
    warnings.warn(
        f"{_called(text)} holds {example!r}, with {why}; the column stays text, as codes and identifiers do.",
        DataWarning,
        stacklevel=5,
    )
    return text


def _tell_words_among_numbers(text: pl.Series) -> None:
    """Say that a column is text because of a few words, which may stand for missing values."""
    known, numbers = text.drop_nulls(), read_numbers(text).drop_nulls()
    if 2 * len(numbers) < len(known) or numbers.n_unique() < _FEWEST_NUMBERS:
        return
    others = known.filter(read_numbers(known).is_null())
    words = others.unique(maintain_order=True)
    if len(words) <= _MOST_WORDS:
        warnings.warn(
            f"{_called(text)} holds numbers, but for {', '.join(repr(word) for word in words)} in "
            f"{len(others):,} of {len(known):,} values; the column stays text. "
            "Empty those cells if values are missing there.",
            DataWarning,
            stacklevel=4,
        )


def _tell_grouped(text: pl.Series) -> None:
    """Say that commas were taken for thousands separators."""
    example = text.filter(text.str.contains(_GROUPED).fill_null(False))[0]
    warnings.warn(
        f"{_called(text)} holds numbers with thousands separators, such as {example!r}; they were read as "
        f"numbers, {example!r} as {float(example.replace(',', '')):.15g}.",
        DataWarning,
        stacklevel=5,
    )


def _read_dates(text: pl.Series) -> pl.Series:
    """Read calendar days, written year first; the day-month order of others cannot be told."""
    return _best([text.str.to_date(form, strict=False) for form in _DATE_FORMATS])


def _read_moments(text: pl.Series) -> pl.Series:
    """Read moments, written year first, as local times or, where a zone is given, in UTC."""
    local = _best([text.str.to_datetime(form, strict=False, time_unit="us") for form in _MOMENT_FORMATS])
    if local.null_count() == text.null_count():
        return local
    return _best([text.str.to_datetime(form, strict=False, time_unit="us") for form in _ZONED_FORMATS])


def _best(attempts: list[pl.Series]) -> pl.Series:
    """Return the attempt that read most."""
    return min(attempts, key=pl.Series.null_count)
