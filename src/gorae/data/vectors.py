"""Vectors of tokens that were learned elsewhere: as they lie in memory, and which of them a model can use."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float32

from gorae.data.vector_files import read_vector_file
from gorae.errors import DataError, InputTypeError, ParameterError

__all__ = ["Found", "Vectors", "find_vectors", "read_vectors"]


@dataclass(frozen=True, eq=False, repr=False)
class Vectors:
    """Tokens and the vector of each; a copy of it is itself.

    Args:
        tokens: Texts, all different, in a list or a tuple, which they are kept in.
        values: A matrix of finite numbers, a row a token; kept as float32.

    Raises:
        InputTypeError: If the tokens are no texts in a list, or the values no numbers.
        DataError: If a token comes twice, the values are no matrix with a row for each, or one is not finite;
            the message says which.

    Example:
        >>> vectors = Vectors(("whale", "pod"), np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
        >>> vectors["pod"].tolist(), "shark" in vectors, vectors
        ([3.0, 4.0], False, Vectors(2 tokens, 2 numbers each))
    """

    tokens: tuple[str, ...]
    values: Float32[np.ndarray, "tokens width"]

    def __post_init__(self):
        tokens = _token_tuple(self.tokens)
        object.__setattr__(self, "tokens", tokens)
        object.__setattr__(self, "values", _matrix(self.values, tokens))

    @cached_property
    def _places(self) -> dict[str, int]:
        """The row of each token."""
        return {token: place for place, token in enumerate(self.tokens)}

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return self.values.shape[1]

    def __len__(self) -> int:
        """Return how many tokens there are."""
        return len(self.tokens)

    def __iter__(self) -> Iterator[str]:
        """Yield the tokens."""
        return iter(self.tokens)

    def __contains__(self, token: object) -> bool:
        """Return whether a token has a vector."""
        return token in self._places

    def __getitem__(self, token: str) -> Float32[np.ndarray, " width"]:
        """Return the vector of a token."""
        return self.values[self._places[token]]

    def __copy__(self) -> Self:
        """Return the vectors themselves: nobody changes them."""
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        """Return the vectors themselves, so that the fits of a search share them."""
        return self

    def __repr__(self) -> str:
        """Return how many there are: nobody wants to see them all."""
        return f"Vectors({len(self):,} tokens, {self.width} numbers each)"


class Found(NamedTuple):
    """The vectors of some tokens.

    Attributes:
        values: a row a token; zeros where it has none.
        known: which tokens have one.
    """

    values: Float32[np.ndarray, "tokens width"]
    known: Bool[np.ndarray, " tokens"]


def read_vectors(path: str | Path, *, tokens: Any = None, max_bytes: int | None = None) -> Vectors:
    r"""Read vectors that were learned elsewhere: word2vec (text or binary), GloVe or fastText (`.vec`).

    A text file has a line a token: the token, then its numbers, between single spaces; the first line may
    say how many tokens and numbers there are. Plain, or packed as gzip, xz, or a zip of one file. Of a token
    that comes twice the first vector is taken.

    Args:
        path: The file.
        tokens: Which tokens are wanted, texts or whole numbers in a list or set, and those that equal one of
            them but for capitals; None for all. Of a large file, take those that your data has.
        max_bytes: Bytes that the file may hold after unpacking; None for 64 GiB.

    Returns:
        The vectors.

    Raises:
        InputTypeError: If the path is none, or `tokens` is no list of tokens.
        ParameterError: If `max_bytes` is no whole number of at least 1.
        FileError: If the file is missing, cannot be read, or is too large; vectors take up to 4 GiB.
        DamagedFileError: If it holds no vectors, or a line has too few numbers, one that is none, or NaN;
            the message has the line.

    Example:
        >>> path = getfixture("tmp_path") / "two.vec"
        >>> _ = path.write_text("whale 0.5 1\npod 0.25 -1\n")
        >>> read_vectors(path)["pod"].tolist()
        [0.25, -1.0]

    References:
        Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality".
        Pennington, Socher & Manning 2014, "GloVe: global vectors for word representation".
    """
    if not isinstance(path, str | Path):
        raise InputTypeError(f"path must be that of a file, as a text or a Path, got {type(path).__name__}.")
    whole = isinstance(max_bytes, int | np.integer) and not isinstance(max_bytes, bool)
    if max_bytes is not None and (not whole or max_bytes < 1):
        raise ParameterError(
            f"max_bytes must be None or a whole number of at least 1, got {max_bytes!r:.60}."
        )
    wanted = None if tokens is None else _wanted(tokens)

    def keep(token: str) -> bool:
        return wanted is None or _folded(token) in wanted

    names, values = read_vector_file(path, keep, max_bytes=max_bytes)
    return Vectors(tuple(names), values)


def find_vectors(vectors: Any, tokens: Sequence[Any]) -> Found:
    """Return the vectors of some tokens.

    A token that has none gets that of the first one which equals it but for capitals: texts are often read
    in small letters, and files are not.

    Args:
        vectors: `Vectors`, a mapping from tokens to vectors, what is one but in name (gensim's KeyedVectors),
            or the path of a file for `read_vectors`.
        tokens: Which; words, or whole numbers.

    Returns:
        A row a token, and which were found.

    Raises:
        InputTypeError: If `vectors` is something else.
        DataError: If a vector is none, differs in width from the others, or no token has one.

    Example:
        >>> found = find_vectors({"Whale": [1.0, 2.0], "pod": [3.0, 4.0]}, ["whale", "shark", "pod"])
        >>> found.values.tolist(), found.known.tolist()
        ([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]], [True, False, True])
    """
    if isinstance(vectors, str | Path):
        vectors = read_vectors(vectors, tokens=tokens)
    names = getattr(vectors, "key_to_index", vectors)
    if not isinstance(names, Mapping | Vectors):
        raise InputTypeError(
            "vectors must be a mapping from tokens to vectors, what gorae.data.read_vectors gives, or the "
            f"path of a word2vec or GloVe file, got {type(vectors).__name__}."
        )
    keys = _keys(names, tokens)
    known = np.array([key is not None for key in keys], bool)
    if not known.any():
        some = ", ".join(repr(token) for token in list(tokens)[:3])
        raise DataError(
            f"none of the {len(tokens):,} tokens of X ({some}, ...) has a vector; are they of the same "
            "language, and cut into tokens in the same way?"
        )
    rows = [_row(key, vectors[key]) for key in keys if key is not None]
    width = len(rows[0])
    wrong = next((row for row, own in enumerate(rows) if len(own) != width), None)
    if wrong is not None:
        found = [key for key in keys if key is not None]
        raise DataError(
            f"all vectors must be of one width, but {found[0]!r} has {width} numbers and {found[wrong]!r} "
            f"has {len(rows[wrong])}."
        )
    values = np.zeros((len(keys), width), np.float32)
    values[known] = rows
    return Found(values, known)


def _keys(names: Any, tokens: Sequence[Any]) -> list[Any]:
    """Return under what name each token has a vector, None where it has none."""
    keys: list[Any] = []
    for token in tokens:
        own = token if token in names else str(token)
        keys.append(own if own in names else None)
    missing = {_folded(token) for token, key in zip(tokens, keys, strict=True) if key is None}
    if not missing:
        return keys
    near: dict[str, Any] = {}
    for name in names:
        if isinstance(name, str) and (folded := _folded(name)) in missing:
            near.setdefault(folded, name)
    return [near.get(_folded(token)) if key is None else key for token, key in zip(tokens, keys, strict=True)]


def _row(name: Any, vector: Any) -> Float32[np.ndarray, " width"]:
    """Return one vector.

    Raises:
        DataError: when it is no list of finite numbers.
    """
    try:
        with np.errstate(over="ignore"):
            row = np.asarray(vector).astype(np.float32)
    except (TypeError, ValueError):
        row = np.zeros((0, 0), np.float32)
    if row.ndim != 1 or not len(row) or not np.isfinite(row).all():
        raise DataError(f"the vector of {name!r} must be a list of finite numbers, got {vector!r:.60}.")
    return row


def _wanted(tokens: Any) -> set[str]:
    """Return tokens that are wanted, but for capitals.

    Raises:
        InputTypeError: when they are no list of texts or whole numbers.
    """
    if isinstance(tokens, str | bytes) or not isinstance(tokens, Iterable):
        told = f"{tokens!r:.40}" if isinstance(tokens, str | bytes) else type(tokens).__name__
        one = f"[{tokens!r:.40}]" if isinstance(tokens, str) else "a list of one"
        raise InputTypeError(
            f"tokens must be None for all, or a list of those that are wanted, got {told}; give {one} for a "
            "single one."
        )
    found = set()
    for place, token in enumerate(tokens):
        if isinstance(token, bool) or not isinstance(token, str | int | np.integer):
            raise InputTypeError(
                f"tokens must be texts or whole numbers, but number {place:,} (from 0) is {_told(token)}."
            )
        found.add(_folded(token))
    return found


def _token_tuple(tokens: Any) -> tuple[str, ...]:
    """Return the tokens of vectors.

    Raises:
        InputTypeError: when they are no texts in a list.
        DataError: when one comes twice.
    """
    if isinstance(tokens, str | bytes | Mapping | set | frozenset) or not (
        isinstance(tokens, Sequence) or (isinstance(tokens, np.ndarray) and tokens.ndim == 1)
    ):
        raise InputTypeError(
            f"tokens must be a list or a tuple of texts, one a row of values, got {_told(tokens)}."
        )
    known = tuple(tokens)
    wrong = next((place for place, token in enumerate(known) if not isinstance(token, str)), None)
    if wrong is not None:
        raise InputTypeError(f"tokens must be texts, but number {wrong:,} (from 0) is {_told(known[wrong])}.")
    if len(set(known)) < len(known):
        seen: dict[str, int] = {}
        for place, token in enumerate(known):
            if seen.setdefault(token, place) != place:
                raise DataError(
                    f"tokens must be all different, but {token!r:.40} is number {seen[token]:,} and number "
                    f"{place:,} (from 0); keep one of its vectors."
                )
    return known


def _matrix(values: Any, tokens: Sequence[str]) -> Float32[np.ndarray, "tokens width"]:
    """Return a row of numbers a token.

    Raises:
        InputTypeError: when they are no numbers.
        DataError: when they are no matrix, of another number of rows, or not finite.
    """
    given: np.ndarray
    try:
        given = np.asarray(values)
    except ValueError:  # rows of several lengths
        given = np.zeros(0, object)
    if given.dtype.kind not in "fiu":
        raise InputTypeError(
            f"values must be a matrix of numbers, a row a token, got {_told(values)}"
            + (f" of {given.dtype}." if isinstance(values, np.ndarray) else ".")
        )
    if given.ndim != 2 or (len(tokens) and not given.shape[1]):
        raise DataError(f"values must be a matrix, a row a token, got an array of shape {given.shape}.")
    if len(given) != len(tokens):
        raise DataError(
            f"values must have a row for each of the {len(tokens):,} tokens, got {len(given):,} rows."
        )
    with np.errstate(over="ignore"):
        found = given.astype(np.float32, copy=False)
    if found.size and not (np.isfinite(found.min()) and np.isfinite(found.max())):
        row, column = np.argwhere(~np.isfinite(found))[0].tolist()
        raise DataError(
            f"values must be finite numbers of float32, but the vector of {tokens[row]!r:.40} (row {row:,}, "
            f"from 0) has {given[row, column]} at place {column}."
        )
    return found


def _told(value: Any) -> str:
    """Return what a value is, for a message."""
    return f"{value!r:.40}" if isinstance(value, str | bytes | float | None) else type(value).__name__


def _folded(token: Any) -> str:
    """Return a token in small letters and normal form C."""
    text = str(token)
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).lower()
