"""What a model file holds of sequences: of what kind they are, and the tokens that are known."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from gorae.data.sequence_rows import SequenceKind
from gorae.data.vocabulary import FIRST_TOKEN
from gorae.errors import DamagedFileError
from gorae.estimators.meta_reading import read_mapping
from gorae.models.sequence import SequenceShape

_CODES = "encoding/codes"
_IDS, _TEXTS, _ENDS = "encoding/ids", "encoding/texts", "encoding/ends"
_LONG = {_IDS, _TEXTS, _ENDS}
_MOST_IN_META = 1000
"""Tokens that the header of a file holds."""


def sequences_to_file(estimator: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return meta and arrays of a fitted estimator of sequences; nothing of another one.

    Tokens that are unknown to the model are left out: what is not in the table is unknown as well.
    """
    kind: SequenceKind | None = getattr(estimator, "sequences_in_", None)
    if kind is None:
        return {}, {}
    codes = estimator._learned.encoding.codes
    if codes is None:
        return {"sequences": kind.to_meta()}, {}
    known = codes[FIRST_TOKEN:][codes[FIRST_TOKEN:] >= FIRST_TOKEN]
    arrays = {_CODES: np.concatenate([codes[:FIRST_TOKEN], known])}
    kind = known_sequences(estimator)
    assert kind is not None
    if len(kind.table) <= _MOST_IN_META:
        return {"sequences": kind.to_meta()}, arrays
    arrays |= _table_to_arrays(kind.table)
    return {"sequences": {**kind.to_meta(), "table": None}}, arrays


def known_sequences(estimator: Any) -> SequenceKind | None:
    """Return of what kind the sequences of a fitted estimator are, with the tokens that it knows.

    None for an estimator of other rows. What is not in the table is unknown to it, as are tokens that came in
    too few of its rows.
    """
    kind: SequenceKind | None = getattr(estimator, "sequences_in_", None)
    codes = None if kind is None else estimator._learned.encoding.codes
    if kind is None or codes is None:
        return kind
    known = np.flatnonzero(codes[FIRST_TOKEN:] >= FIRST_TOKEN)
    return replace(kind, table=tuple(kind.table[place] for place in known))


def known_to_any(estimators: Iterable[Any]) -> SequenceKind | None:
    """Return of what kind the sequences of several fitted estimators are, with all tokens that any knows.

    Rows of this kind lose nothing on their way to any of them, though each has learned from other rows, and
    so knows other tokens.

    Args:
        estimators: fitted on parts of the same rows.

    Returns:
        The kind; None where they read no sequences.

    Raises:
        DamagedFileError: when they read sequences of different kinds.
    """
    first, *others = [known_sequences(estimator) for estimator in estimators]
    if first is None:
        if any(kind is not None for kind in others):
            raise DamagedFileError("some of its models read sequences, and some do not.")
        return None
    tables = [first.table]
    for kind in others:
        if kind is None or replace(kind, table=()) != replace(first, table=()):
            raise DamagedFileError("its models read sequences of different kinds.")
        tables.append(kind.table)
    return replace(first, table=tuple(sorted(set().union(*tables))))


def _table_to_arrays(table: tuple[Any, ...]) -> dict[str, np.ndarray]:
    """Return a long table as arrays: the header of a file would be too long with it."""
    if isinstance(table[0], int):
        return {_IDS: np.array(table, np.int64)}
    texts = [token.encode("utf-8", "surrogatepass") for token in table]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return {_TEXTS: np.frombuffer(b"".join(texts), np.uint8), _ENDS: ends}


def _table_from_arrays(arrays: Mapping[str, np.ndarray]) -> list[Any]:
    """Return the table that `_table_to_arrays` told; `SequenceKind.from_meta` checks what it holds.

    Raises:
        DamagedFileError: when there is none.
    """
    if _IDS in arrays:
        numbers = arrays[_IDS]
        if numbers.dtype != np.int64 or numbers.ndim != 1:
            raise DamagedFileError("its table of tokens holds no whole numbers.")
        return numbers.tolist()
    texts, ends = arrays.get(_TEXTS), arrays.get(_ENDS)
    if texts is None or ends is None or texts.dtype != np.uint8 or ends.dtype != np.int64 or ends.ndim != 1:
        raise DamagedFileError("its table of tokens is missing.")
    places = np.concatenate([[0], ends])
    if (np.diff(places) < 0).any() or places[-1] != texts.size:
        raise DamagedFileError("its table of tokens does not fit together.")
    data = texts.tobytes()
    try:
        return [data[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(places.tolist())]
    except UnicodeDecodeError:
        raise DamagedFileError("its tokens are no UTF-8.") from None


def sequences_from_file(
    shape: Any, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]
) -> SequenceKind | None:
    """Return the kind of the sequences that a file's networks read, if they read any.

    Raises:
        DamagedFileError: when it does not fit the network.
    """
    if not isinstance(shape, SequenceShape):
        if "sequences" in meta or _CODES in arrays or _LONG & set(arrays):
            raise DamagedFileError("it has sequences, but no network that reads them.")
        return None
    told = read_mapping(meta, "sequences")
    if told.get("table", ()) is None:
        told = {**told, "table": _table_from_arrays(arrays)}
    elif _LONG & set(arrays):
        raise DamagedFileError("it has two tables of tokens.")
    kind = SequenceKind.from_meta(told)
    if kind.columns != shape.inputs or kind.channels != shape.channels:
        raise DamagedFileError("its sequences do not fit its network.")
    if kind.channels:
        if _CODES in arrays:
            raise DamagedFileError("series have no codes.")
        return kind
    codes = arrays.get(_CODES)
    if codes is None or codes.dtype != np.int32 or codes.shape != (len(kind.table) + FIRST_TOKEN,):
        raise DamagedFileError("there must be one code a token.")
    if codes.min() < 0 or codes.max() >= shape.tokens:
        raise DamagedFileError("a token's code is none of the embedding.")
    return kind
