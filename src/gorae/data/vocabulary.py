"""A vocabulary: which tokens are known, and the code of each.

Code 0 is padding and code 1 is every token that is not known; known tokens begin at 2, the most frequent
first, those of equal counts in the order of their characters, so that the order of the rows decides nothing.
A vocabulary is fitted on training rows only: one fitted on all rows would tell a fold which words to expect.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Int32, Integer

from gorae.errors import DataError, InputError, ParameterError

__all__ = [
    "FIRST_TOKEN",
    "MAX_TOKENS",
    "PADDING",
    "UNKNOWN",
    "Vocabulary",
    "byte_vocabulary",
    "check_codes",
    "fit_vocabulary",
]

PADDING, UNKNOWN = 0, 1
"""The codes that are no token's."""

FIRST_TOKEN = 2
"""The code of a vocabulary's first token."""

MAX_TOKENS = 200_000
"""Tokens that a vocabulary may know: as many as the header of a model file can hold."""

_MAX_LENGTH = 1_000
_UNKNOWN_TEXT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and their codes; made by `fit_vocabulary`.

    Args:
        tokens: The known tokens, all different; `tokens[i]` has the code i + 2.
        counts: How often each came in the rows that it was fitted on.

    Raises:
        ParameterError: If they are not as many, or a token came twice.

    Example:
        >>> words = fit_vocabulary([["a", "whale", "a"], ["a", "pod"]])
        >>> words.tokens, words.counts, len(words)
        (('a', 'pod', 'whale'), (3, 1, 1), 5)
        >>> codes = words.encode(["a", "shark", "pod"])
        >>> codes.tolist(), words.decode(codes)
        ([2, 1, 3], ['a', '\ufffd', 'pod'])
    """

    tokens: tuple[str, ...]
    counts: tuple[int, ...]

    def __post_init__(self):
        if len(self.tokens) != len(self.counts):
            raise ParameterError(
                f"a vocabulary needs one count a token, got {len(self.tokens):,} tokens and "
                f"{len(self.counts):,} counts."
            )
        if len(self._codes) != len(self.tokens):
            twice = next(token for token, count in Counter(self.tokens).items() if count > 1)
            raise ParameterError(f"the tokens of a vocabulary must be different, {twice!r} came twice.")

    @cached_property
    def _codes(self) -> dict[str, int]:
        """The code of each token."""
        return {token: code for code, token in enumerate(self.tokens, start=FIRST_TOKEN)}

    def __len__(self) -> int:
        """Return how many codes there are, those of padding and of unknown tokens included."""
        return len(self.tokens) + FIRST_TOKEN

    def __contains__(self, token: object) -> bool:
        """Return whether a token is known."""
        return token in self._codes

    def encode(self, tokens: Iterable[str]) -> Int32[np.ndarray, " tokens"]:
        """Return the code of each token: `UNKNOWN` where it is not known."""
        get = self._codes.get
        return np.fromiter((get(token, UNKNOWN) for token in tokens), np.int32)

    def decode(self, codes: Integer[np.ndarray, " tokens"] | Sequence[int]) -> list[str]:
        """Return the token of each code; padding is left out, U+FFFD stands for what was not known.

        Raises:
            DataError: If a code is out of range.
        """
        codes = check_codes(np.asarray(codes), len(self), "codes")
        texts = (_UNKNOWN_TEXT, *self.tokens)
        return [texts[code - 1] for code in codes.tolist() if code != PADDING]

    def to_meta(self) -> dict[str, Any]:
        """Return the vocabulary as plain values that JSON can hold."""
        return {"tokens": list(self.tokens), "counts": list(self.counts)}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the vocabulary as arrays, for files whose JSON would be too large with it."""
        texts = [token.encode("utf-8", "surrogatepass") for token in self.tokens]
        return {
            "tokens": np.frombuffer(b"".join(texts), np.uint8),
            "ends": np.cumsum([len(text) for text in texts], dtype=np.int64),
            "counts": np.array(self.counts, np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Vocabulary":
        """Return the vocabulary that `to_arrays` wrote.

        Raises:
            InputError: If the arrays are not what `to_arrays` writes, or larger than that can be.

        Example:
            >>> words = fit_vocabulary([["a", "고래", "a"]])
            >>> Vocabulary.from_arrays(words.to_arrays()) == words
            True
        """
        texts, ends, counts = (np.asarray(arrays.get(name)) for name in ("tokens", "ends", "counts"))
        if texts.dtype != np.uint8 or ends.dtype != np.int64 or texts.ndim != 1 or ends.ndim != 1:
            raise InputError("its arrays hold no vocabulary as gorae writes it")
        places = np.concatenate([[0], ends])
        if len(ends) > MAX_TOKENS or (np.diff(places) < 0).any() or places[-1] != len(texts):
            raise InputError(f"its vocabulary is no list of at most {MAX_TOKENS:,} tokens")
        data = texts.tobytes()
        try:
            tokens = [
                data[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(places.tolist())
            ]
        except UnicodeDecodeError:
            raise InputError("the tokens of its vocabulary are no UTF-8") from None
        return cls.from_meta({"tokens": tokens, "counts": counts.tolist()})

    @classmethod
    def from_meta(cls, meta: Any) -> "Vocabulary":
        """Return the vocabulary that `to_meta` wrote.

        Args:
            meta: Anything at all: what is not of that form is refused.

        Raises:
            InputError: If it is not what `to_meta` writes, or is larger than that can be.

        Example:
            >>> words = fit_vocabulary([["a", "b", "a"]])
            >>> Vocabulary.from_meta(words.to_meta()) == words
            True
        """
        if not isinstance(meta, Mapping) or set(meta) != {"tokens", "counts"}:
            raise InputError("its meta holds no vocabulary as gorae writes it")
        tokens, counts = meta["tokens"], meta["counts"]
        lists = isinstance(tokens, list) and isinstance(counts, list)
        if not lists or len(tokens) > MAX_TOKENS or len(tokens) != len(set(map(repr, tokens))):
            raise InputError(f"its vocabulary is no list of at most {MAX_TOKENS:,} different tokens")
        if not all(isinstance(token, str) and len(token) <= _MAX_LENGTH for token in tokens):
            raise InputError(f"its vocabulary holds what is no token of at most {_MAX_LENGTH:,} characters")
        if len(counts) != len(tokens) or not all(type(count) is int and count >= 0 for count in counts):
            raise InputError("the counts of its vocabulary are not one whole number a token")
        return cls(tuple(tokens), tuple(counts))


def fit_vocabulary(
    sequences: Iterable[Iterable[str]], *, min_count: int = 1, max_tokens: int | None = None
) -> Vocabulary:
    """Learn a vocabulary from the tokens of training rows.

    Args:
        sequences: The tokens of each row; they are read once, so a generator will do.
        min_count: How often a token must come to be known; rarer ones share the code of unknown tokens, which
            is thereby trained.
        max_tokens: How many tokens may be known, the most frequent first; None for `MAX_TOKENS`. Tokens of
            more than 1,000 characters are never known.

    Returns:
        The vocabulary.

    Raises:
        ParameterError: If `min_count` or `max_tokens` is no whole number of at least 1, or more are asked for
            than a vocabulary may know.
        DataError: If there is no token at all.

    Example:
        >>> fit_vocabulary([["b", "a"], ["b", "c"]], max_tokens=2).tokens
        ('b', 'a')
        >>> fit_vocabulary([["b", "a"], ["b", "c"]], min_count=2).tokens
        ('b',)
    """
    least = _whole("min_count", min_count)
    most = MAX_TOKENS if max_tokens is None else _whole("max_tokens", max_tokens)
    if most > MAX_TOKENS:
        raise ParameterError(f"max_tokens must be at most {MAX_TOKENS:,}, got {max_tokens!r}.")
    counts: Counter[str] = Counter()
    for row in sequences:
        counts.update(row)
    if not counts:
        raise DataError("a vocabulary needs at least one token, but every training row is empty.")
    order = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    kept = [pair for pair in order if pair[1] >= least and len(pair[0]) <= _MAX_LENGTH][:most]
    return Vocabulary(tuple(token for token, _ in kept), tuple(count for _, count in kept))


def byte_vocabulary() -> Vocabulary:
    """Return the vocabulary that knows every byte: byte b, as `Bytes` writes it, has code b + 2.

    Example:
        >>> byte_vocabulary().encode(["00", "4d", "ff"]).tolist()
        [2, 79, 257]
    """
    return Vocabulary(tuple(f"{byte:02x}" for byte in range(256)), (0,) * 256)


def check_codes(codes: np.ndarray, count: int, name: str) -> np.ndarray:
    """Return codes that are all from 0 to count - 1.

    Raises:
        DataError: If one is not; the message names the first and where it stands.

    Example:
        >>> check_codes(np.array([0, 7]), 5, "X")
        Traceback (most recent call last):
        gorae.errors.DataError: X must hold codes from 0 to 4, but at (1,) it holds 7.
    """
    if codes.size and codes.dtype.kind not in "iu":
        raise DataError(f"{name} must hold whole numbers, the codes of tokens, got {codes.dtype}.")
    wrong = (codes < 0) | (codes >= count)
    if wrong.any():
        place = tuple(int(axis) for axis in np.unravel_index(int(np.argmax(wrong)), codes.shape))
        raise DataError(
            f"{name} must hold codes from 0 to {count - 1:,}, but at {place} it holds {int(codes[place])}."
        )
    return codes


def _whole(name: str, value: Any) -> int:
    """Return a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ParameterError(f"{name} must be a whole number of at least 1, got {value!r}.")
    return int(value)
