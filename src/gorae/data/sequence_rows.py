"""Sequences as rows of one matrix: texts, byte strings, lists of tokens or codes, and numeric series.

Letters: n sequences of at most T steps; a series has C channels. A row holds the number of its real steps,
then its steps: the codes of tokens, or T times C numbers. Codes here are those of the *table*, which lists
every token that came: 0 is padding, 1 an unknown token, table entry i has code i + 2. Which of them a fold
knows, and by what code, is a matter of the fold (`gorae.estimators.sequence_encoding`): the table tells only
how a stored number is spelled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from gorae.data.packing import pack_sequences
from gorae.data.token_file import TokenFile
from gorae.data.tokenizers import Tokenizer, Words, as_tokenizer, tokenizer_from_meta, tokenizer_to_meta
from gorae.data.vocabulary import FIRST_TOKEN, UNKNOWN
from gorae.errors import DamagedFileError, DataError, InputTypeError

__all__ = ["PackedRows", "SequenceKind", "pack_rows"]

_LARGEST_CODE = 1 << 30
_LARGEST_SHORT = (1 << 16) - 1

_LARGEST_VALUE = 1e30
_KINDS = ("text", "bytes", "tokens", "ids", "series")


@dataclass(frozen=True)
class SequenceKind:
    """What the sequences of a fit are, and how later ones become rows of the same form.

    Args:
        kind: "text" (str), "bytes", "tokens" (lists of str), "ids" (whole numbers) or "series" (numbers).
        steps: T, the most steps that are kept of a sequence.
        max_length: What was asked for, None for as many as the longest has.
        window: Which steps are kept of a longer one.
        channels: C, of a series; 0 for tokens.
        table: Every token, sorted: str or int; empty for a series.
        tokenizer: Cuts texts.
    """

    kind: str
    steps: int
    max_length: int | None
    window: str
    channels: int = 0
    table: tuple[Any, ...] = ()
    tokenizer: Tokenizer | None = field(default=None)

    @property
    def columns(self) -> int:
        """Numbers of a row: the length, then all steps."""
        return 1 + self.steps * max(1, self.channels)

    @property
    def dtype(self) -> np.dtype:
        """The type of a row's numbers: the smallest that holds every code and every length."""
        if self.channels:
            return np.dtype(np.float32)
        largest = max(len(self.table) + FIRST_TOKEN - 1, self.steps)
        return np.dtype(np.uint16 if largest <= _LARGEST_SHORT else np.int32)

    @cached_property
    def codes(self) -> Mapping[Any, int]:
        """The code of each token of the table."""
        return {token: place + FIRST_TOKEN for place, token in enumerate(self.table)}

    def to_meta(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        return {
            "kind": self.kind,
            "steps": self.steps,
            "max_length": self.max_length,
            "window": self.window,
            "channels": self.channels,
            "table": list(self.table),
            "tokenizer": None if self.tokenizer is None else tokenizer_to_meta(self.tokenizer),
        }

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> "SequenceKind":
        """Return what `to_meta` wrote.

        Raises:
            DamagedFileError: if it is not of that form.
        """
        names = ("kind", "steps", "max_length", "window", "channels", "table", "tokenizer")
        if set(meta) != set(names) or meta["kind"] not in _KINDS or not isinstance(meta["table"], list):
            raise DamagedFileError("what it says of its sequences is none that gorae writes.")
        counts = (meta["steps"], meta["channels"], 1 if meta["max_length"] is None else meta["max_length"])
        if not all(type(count) is int and 0 <= count < _LARGEST_CODE for count in counts):
            raise DamagedFileError("the sizes of its sequences are no whole numbers.")
        token = int if meta["kind"] in ("ids", "bytes") else str
        table = meta["table"]
        if not all(type(one) is token for one in table) or sorted(set(table)) != table:
            raise DamagedFileError("its table of tokens is not sorted, or holds what is no token.")
        tokenizer = None if meta["tokenizer"] is None else tokenizer_from_meta(meta["tokenizer"])
        return cls(**{**meta, "table": tuple(table), "tokenizer": tokenizer})


class PackedRows(np.ndarray):
    """A matrix of sequences that knows of what kind they are; parts of it know it too.

    Tokens are uint16, or int32 where there are many or rows are long; series are float32.
    """

    sequences: SequenceKind | None

    def __array_finalize__(self, source: Any) -> None:
        """Take over what the source knows."""
        self.sequences = getattr(source, "sequences", None)


def pack_rows(
    X: Any,
    *,
    tokenizer: Any = None,
    max_length: int | None = None,
    window: Any = "head",
    like: SequenceKind | None = None,
) -> PackedRows:
    """Return sequences as rows of one matrix.

    Args:
        X: A list (or array of objects) of str, of bytes, of lists of str, of 1-D arrays of whole numbers, or
            of series `(T, C)`; an array of whole numbers `(n, T)`; an array of numbers `(n, T, C)`; a
            `TokenFile`.
        tokenizer: Cuts texts: a name, a tokenizer, or None for words in small letters.
        max_length: The most steps that are kept of a sequence; None for as many as the longest has.
        window: Which steps are kept of a longer one: "head", "tail", "head_tail" or "spaced".
        like: What earlier rows were, for rows that become like them: a longer sequence is cut to their steps.

    Returns:
        The rows.

    Raises:
        InputTypeError: If X is no list of sequences.
        DataError: If a sequence is empty, of another kind than the others, or holds what cannot be; the
            message says which.

    Example:
        >>> rows = pack_rows(["a whale", "a pod of whale"], max_length=3)
        >>> rows.sequences.table, rows.tolist()
        (('a', 'of', 'pod', 'whale'), [[2, 2, 5, 0], [3, 2, 4, 3]])
        >>> pack_rows(["a shark"], like=rows.sequences).tolist()
        [[2, 2, 1, 0]]
    """
    if isinstance(X, PackedRows) and X.sequences is not None:
        return _repacked(X, like)
    sequences, kind = _sequences(X)
    if like is not None:
        _check_like(kind, like)
        tokenizer, max_length, window = like.tokenizer, like.steps, like.window
    if kind == "series":
        return _packed_series(sequences, max_length, window, like)
    cutter = None
    if kind == "text":
        cutter = text_tokenizer(tokenizer)
        sequences = [cutter(text) for text in sequences]
    found = None if like is not None else _kind_of(sequences, kind, cutter, max_length, window)
    known = like or found
    assert known is not None
    coded = _coded(sequences, known)
    if isinstance(X, TokenFile) or kind in ("ids", "bytes"):
        _check_lengths(sequences)
    packed = pack_sequences(coded, max_length=max_length, window=window, width=None)
    steps = known.steps if like is not None else packed.codes.shape[1]
    known = replace(known, steps=steps)
    rows = np.zeros((len(packed.codes), 1 + steps), known.dtype)
    rows[:, 0] = packed.lengths
    rows[:, 1 : 1 + packed.codes.shape[1]] = packed.codes
    return _as_packed(rows, known)


def text_tokenizer(tokenizer: Any) -> Tokenizer:
    """Return what cuts texts: words in small letters where nothing is said."""
    return Words(lower=True) if tokenizer is None else as_tokenizer(tokenizer)


def _as_packed(rows: np.ndarray, kind: SequenceKind) -> PackedRows:
    """Return a matrix that knows of what kind its sequences are."""
    found = rows.view(PackedRows)
    found.sequences = kind
    return found


def _sequences(X: Any) -> tuple[Any, str]:
    """Return a list of sequences of one kind, and which."""
    if isinstance(X, TokenFile):
        return X, "ids"
    if isinstance(X, str | bytes) or not hasattr(X, "__len__") or not hasattr(X, "__getitem__"):
        raise InputTypeError(
            f"X must be a list of sequences (texts, bytes, lists of tokens or codes, series), got {_told(X)}."
        )
    if isinstance(X, np.ndarray) and X.dtype != object:
        return _of_array(X)
    rows = X.tolist() if hasattr(X, "to_list") or isinstance(X, np.ndarray) else list(X)
    if not rows:
        raise DataError("X must hold at least one sequence, got none.")
    kinds = [_row_kind(row, place) for place, row in enumerate(rows)]
    wrong = next((place for place, kind in enumerate(kinds) if kind != kinds[0]), None)
    if wrong is not None:
        raise DataError(
            f"all sequences of X must be of one kind, but row 0 is {_NAMES[kinds[0]]} and row {wrong:,} "
            f"(from 0) is {_NAMES[kinds[wrong]]}."
        )
    return rows, kinds[0]


_NAMES = {
    "text": "a text",
    "bytes": "a byte string",
    "tokens": "a list of tokens",
    "ids": "a list of whole numbers",
    "series": "a series of numbers",
}


def _of_array(X: np.ndarray) -> tuple[Any, str]:
    """Return what an array of numbers or of texts holds."""
    if X.ndim == 1 and X.dtype.kind in "US":
        return X.tolist(), "text" if X.dtype.kind == "U" else "bytes"
    if X.ndim == 2 and X.dtype.kind in "iu":
        return X, "ids"
    if X.ndim == 3 and X.dtype.kind in "fiub":
        return X, "series"
    if X.ndim == 2 and X.dtype.kind == "f":
        raise DataError(
            "a matrix of codes must hold whole numbers, got "
            f"{X.dtype}; give series as an array (rows, steps, channels)."
        )
    raise DataError(
        "an array of sequences must be (rows, steps) of whole numbers or (rows, steps, channels) of numbers, "
        f"got {X.dtype} of shape {X.shape}."
    )


def _row_kind(row: Any, place: int) -> str:
    """Return what one row is."""
    if isinstance(row, str):
        return "text"
    if isinstance(row, bytes | bytearray):
        return "bytes"
    if isinstance(row, np.ndarray):
        if row.ndim == 2 and row.dtype.kind in "fiub":
            return "series"
        if row.ndim == 1 and row.dtype.kind in "iu":
            return "ids"
        if row.ndim == 1 and row.dtype.kind == "U":
            return "tokens"
        row = row.tolist() if row.ndim == 1 and not len(row) else row
    if isinstance(row, Sequence) and not len(row):
        raise DataError(
            f"every sequence of X must hold at least one step, but row {place:,} (from 0) is empty; leave "
            "such rows out."
        )
    if isinstance(row, Sequence):
        if all(isinstance(one, str) for one in row):
            return "tokens"
        if all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in row):
            return "ids"
        if all(isinstance(one, Sequence | np.ndarray) and not isinstance(one, str | bytes) for one in row):
            return "series"
    what = "floats" if _is_floats(row) else _told(row)
    raise DataError(
        f"row {place:,} (from 0) of X must be a text, bytes, tokens, whole numbers (codes) or a series "
        f"(steps, channels), got {what}."
    )


def _is_floats(row: Any) -> bool:
    """Return whether a row is one of numbers that are no codes."""
    if isinstance(row, np.ndarray):
        return row.ndim == 1 and row.dtype.kind == "f"
    return isinstance(row, Sequence) and all(isinstance(one, float | int | np.number) for one in row)


def _told(value: Any) -> str:
    """Return what a value is, for a message."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def _check_like(kind: str, like: SequenceKind) -> None:
    """Refuse rows of another kind than those of the fit."""
    if kind != like.kind:
        raise DataError(f"X must hold {_NAMES[like.kind]} a row, as in the fit, but row 0 is {_NAMES[kind]}.")


def _check_lengths(sequences: Any) -> None:
    """Refuse a sequence without steps."""
    empty = next((row for row, sequence in enumerate(sequences) if len(sequence) == 0), None)
    if empty is not None:
        raise DataError(
            f"every sequence of X must hold at least one step, but row {empty:,} (from 0) is empty; leave "
            "such rows out."
        )


def _kind_of(
    sequences: Any, kind: str, cutter: Tokenizer | None, max_length: int | None, window: str
) -> SequenceKind:
    """Return the kind of sequences that are seen for the first time, with the table of their tokens."""
    table: tuple[Any, ...]
    if kind == "bytes":
        table = tuple(range(256))
    elif kind == "ids":
        table = tuple(
            np.unique(np.concatenate([_ids(row, place) for place, row in enumerate(sequences)])).tolist()
        )
    else:
        table = tuple(sorted({token for row in sequences for token in row}))
    if len(table) + FIRST_TOKEN > _LARGEST_CODE:
        raise DataError(f"X holds {len(table):,} different tokens, more than {_LARGEST_CODE:,}.")
    return SequenceKind(kind, 1, max_length, window, table=table, tokenizer=cutter)


def _ids(row: Any, place: int) -> np.ndarray:
    """Return one row's whole numbers."""
    found = np.asarray(row)
    if found.size and (found < 0).any():
        raise DataError(
            f"codes must be 0 or more, but row {place:,} (from 0) of X holds {int(found.min())}; pad "
            "nothing, rows may differ in length."
        )
    return found.astype(np.int64)


def _coded(sequences: Any, kind: SequenceKind) -> list[np.ndarray]:
    """Return the codes of each row's tokens: 1 for those that are not in the table."""
    if kind.kind == "bytes":
        return [np.frombuffer(bytes(row), np.uint8).astype(np.int32) + FIRST_TOKEN for row in sequences]
    if kind.kind == "ids":
        table = np.asarray(kind.table, np.int64)
        found = []
        for place, row in enumerate(sequences):
            own = _ids(row, place)
            at = np.minimum(np.searchsorted(table, own), len(table) - 1)
            found.append(np.where(table[at] == own, at + FIRST_TOKEN, UNKNOWN).astype(np.int32))
        return found
    get = kind.codes.get
    return [np.fromiter((get(token, UNKNOWN) for token in row), np.int32) for row in sequences]


def _packed_series(
    sequences: Any, max_length: int | None, window: Any, like: SequenceKind | None
) -> PackedRows:
    """Return series as rows."""
    series = [np.asarray(one) for one in sequences]
    channels = like.channels if like is not None else series[0].shape[-1] if series[0].ndim == 2 else 0
    for place, one in enumerate(series):
        if one.ndim != 2 or one.dtype.kind not in "fiub" or one.shape[1] != channels or not channels:
            raise DataError(
                f"every series of X must be (steps, {channels or 'channels'}), but row {place:,} (from 0) "
                f"has the shape {one.shape} of {one.dtype}."
            )
        if not (np.abs(one.astype(np.float64)) <= _LARGEST_VALUE).all():
            step, channel = np.argwhere(~(np.abs(one.astype(np.float64)) <= _LARGEST_VALUE))[0].tolist()
            raise DataError(
                f"series must hold finite numbers below {_LARGEST_VALUE:g} in size, but row {place:,}, step "
                f"{step}, channel {channel} (from 0) has {one[step, channel]}; fill it in, or cut it out."
            )
    _check_lengths(series)
    places = pack_sequences([np.arange(len(one)) for one in series], max_length=max_length, window=window)
    steps = like.steps if like is not None else places.codes.shape[1]
    rows = np.zeros((len(series), 1 + steps * channels), np.float32)
    rows[:, 0] = places.lengths
    for row, (one, kept, length) in enumerate(zip(series, places.codes, places.lengths, strict=True)):
        rows[row, 1 : 1 + length * channels] = one[kept[:length]].ravel()
    kind = like or SequenceKind("series", steps, max_length, window, channels)
    return _as_packed(rows, kind)


def _repacked(X: PackedRows, like: SequenceKind | None) -> PackedRows:
    """Return rows that are packed already, in the codes and the width of others where these are given."""
    kind = X.sequences
    assert kind is not None
    if like is None or like is kind or like == kind:
        return X
    if like.kind != kind.kind or like.channels != kind.channels:
        raise DataError(
            f"X must hold {_NAMES[like.kind]} a row, as in the fit, but holds {_NAMES[kind.kind]}."
        )
    width = max(1, like.channels)
    steps = min(kind.steps, like.steps)
    rows = np.zeros((len(X), like.columns), like.dtype)
    rows[:, 0] = np.minimum(X[:, 0], steps)
    kept = np.asarray(X[:, 1 : 1 + steps * width])
    if not like.channels:
        codes = np.array([0, 1, *(like.codes.get(token, UNKNOWN) for token in kind.table)], like.dtype)
        kept = codes[kept]
    rows[:, 1 : 1 + steps * width] = kept
    return _as_packed(rows, like)
