"""A column of texts or traces, in the forms that models read: known by its content, cut, counted, packed.

A text is cut into tokens once. Three forms come of it:

=========  ==========================================================================================
sketch     bytes: the logarithms of the counts of hashed n-grams (`gorae.data.ngrams.ngram_sketch`), a
           space in which any model of columns can compare texts; nothing in it was learned
ngrams     the set of hashed n-grams of the whole text (`ngram_set`), for a linear model of them
words      the tokens in their order, for recurrent networks: the first and the last ones of a long text
=========  ==========================================================================================

What a fold knows of the last two is learned from its training rows (`gorae.estimators.sequence_encoding`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gorae.data.ngrams import counted_ngrams, ngram_set, ngram_shares, ngram_sketch
from gorae.data.packing import kept_places
from gorae.data.seen_tokens import SeenTokens, token_hashes
from gorae.data.sequence_rows import PackedRows, SequenceKind, pack_rows
from gorae.data.table import require_columns
from gorae.data.text_detection import tokenizer_for
from gorae.data.tokenizers import (
    Calls,
    Characters,
    Tokenizer,
    Words,
    tokenizer_from_meta,
    tokenizer_to_meta,
)
from gorae.data.vocabulary import UNKNOWN
from gorae.errors import DamagedFileError, DataError

__all__ = ["FORMS", "TextEncoding", "TextForms", "learn_texts", "shown_tokens"]

FORMS = ("sketch", "ngrams", "words")
"""The forms in which texts are read."""

MOST_STEPS = 256
"""Tokens that recurrent networks read of a text: its first and its last half of them."""

MOST_NGRAMS = 1024
"""Numbers of a text's set of n-grams."""

_BINS, _SKETCH_BINS = 1 << 18, 1024
_WINDOW = "head_tail"
_MOST_CHARACTERS = 10_000_000
_MOST_OF_TOKEN = 100
_DOUBLINGS = 64
_EMPTY = ""
"""The token of a text without any."""


class TextForms(NamedTuple):
    """Texts in all three forms, a row a text."""

    sketch: np.ndarray
    ngrams: np.ndarray
    words: np.ndarray


@dataclass(frozen=True)
class TextEncoding:
    """How a column of texts becomes the rows that a model reads.

    It stands where `TableEncoding` stands for the columns of a table.

    Attributes:
        column: The name of the column.
        tokenizer: What cuts a text.
        form: One of `FORMS`: what `encode` gives.
        kinds: How sets and tokens become rows, by the form; empty where a sketch is wanted.
        notes: Sentences on what was done that a user should know of.
        seen: The tokens that were learned from, or None where nobody knows.
    """

    column: str
    tokenizer: Tokenizer
    form: str = "sketch"
    kinds: Mapping[str, SequenceKind] | None = None
    notes: tuple[str, ...] = ()
    seen: SeenTokens | None = None

    codes: tuple[Any, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column that a table must have."""
        return (self.column,)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The same: it is read as text, whatever it looks like."""
        return (self.column,)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns of what `encode` gives."""
        if self.form == "sketch":
            return tuple(f"n-grams of bin {place}" for place in range(_SKETCH_BINS))
        return ("length", *(f"step {place}" for place in range(1, self._kind.columns)))

    @property
    def tokens_in_words(self) -> str:
        """What the tokens are."""
        kinds = {Words: "words", Calls: "calls", Characters: "characters"}
        return kinds.get(type(self.tokenizer), "tokens")

    @property
    def kind(self) -> SequenceKind | None:
        """How sets or tokens become rows; None where `encode` gives the sketch."""
        return None if self.kinds is None else self.kinds.get(self.form)

    @property
    def _kind(self) -> SequenceKind:
        """How sets or tokens become rows."""
        assert self.kind is not None
        return self.kind

    def of_form(self, form: str) -> "TextEncoding":
        """Return the encoding that gives another form."""
        return replace(self, form=form)

    def for_kind(self, kind: SequenceKind | None) -> "TextEncoding":
        """Return the encoding whose rows are of a fitted model's kind; None for a model of sketches."""
        return replace(self, kinds=None if kind is None else {self.form: kind})

    def tokens(self, text: Any) -> list[str]:
        """Return the tokens of one text; one that is empty or missing has a token of its own kind.

        Example:
            >>> TextEncoding("review", Words(lower=True)).tokens("A whale!")
            ['a', 'whale', '!']
        """
        cut = self.tokenizer("" if text is None else str(text)[:_MOST_CHARACTERS])
        return [token[:_MOST_OF_TOKEN] for token in cut] or [_EMPTY]

    def unseen(self, frame: pl.DataFrame) -> dict[str, tuple[str, ...]]:
        """Return nothing: words that were never seen are in every text, and are no categories."""
        require_columns(frame, self.columns)
        return {}

    def strange(self, frame: pl.DataFrame) -> int:
        """Return how many texts of a table have no token that was learned from; 0 where nobody knows."""
        if self.seen is not None and self.form != "words":
            return sum(not self.seen.knows(self.tokens(text)).any() for text in frame[self.column])
        if self.form == "sketch":
            return 0
        rows = self.encode(frame).astype(np.int64)
        real = np.arange(rows.shape[1] - 1) < rows[:, :1]
        return int(np.sum(~((rows[:, 1:] > UNKNOWN) & real).any(axis=1)))

    def encode(self, frame: pl.DataFrame) -> np.ndarray:
        """Return the texts of a table in this encoding's form.

        Raises:
            DataError: The column is missing.
        """
        require_columns(frame, self.columns)
        if self.form == "sketch":
            return np.stack([sketch for _, _, sketch in self._cut(frame)])
        place = 0 if self.form == "words" else 1
        return pack_rows([cut[place] for cut in self._cut(frame)], like=self._kind)

    def forms(self, frame: pl.DataFrame, seen: set[int] | None = None) -> TextForms:
        """Return the texts of a table in all forms, cut once.

        Args:
            frame: The table.
            seen: Where the hashes of all tokens are put, or None.

        Raises:
            DataError: The column is missing.
        """
        require_columns(frame, self.columns)
        words, sets, sketches = zip(*self._cut(frame, seen), strict=True)
        kinds = self.kinds or {}
        return TextForms(
            np.stack(sketches),
            pack_rows(list(sets), max_length=MOST_NGRAMS, like=kinds.get("ngrams")),
            pack_rows(list(words), max_length=MOST_STEPS, window=_WINDOW, like=kinds.get("words")),
        )

    def shares(self, text: Any, values: np.ndarray) -> tuple[list[str], np.ndarray]:
        """Return the tokens of a text and what is each one's of values, one for each step of its row.

        Args:
            text: one text.
            values: As long as the row that `encode` makes of the text has steps; the encoding's form is not
                the sketch.

        Returns:
            The tokens, and a value each: NaN for a token that was not read.
        """
        tokens = self.tokens(text)
        if self.form == "ngrams":
            numbers = ngram_set(*counted_ngrams(tokens, self._lengths), bins=_BINS, most=MOST_NGRAMS)
            numbers = numbers[: len(values)]
            return tokens, ngram_shares(tokens, numbers, values, lengths=self._lengths, bins=_BINS)
        kept = kept_places(len(tokens), MOST_STEPS, _WINDOW)
        kept = kept[kept_places(len(kept), self._kind.steps, _WINDOW)]
        found = np.full(len(tokens), np.nan)
        found[kept] = values
        return tokens, found

    def rules(self) -> dict[str, Any]:
        """Return what else decides how a text becomes a row, as JSON for other programs."""
        ngrams = {"lengths": list(self._lengths), "bins": _BINS, "most": MOST_NGRAMS}
        return {
            "most_characters": _MOST_CHARACTERS,
            "longest_token": _MOST_OF_TOKEN,
            "empty": _EMPTY,
            "ngrams": ngrams if self.form == "ngrams" else None,
        }

    def seen_steps(self, text: Any, count: int) -> np.ndarray:
        """Return which steps of a text's row are made of nothing but tokens that were learned from.

        Args:
            text: one text.
            count: Steps of the row that `encode` makes of it.

        Returns:
            A truth value a step; all true where nobody knows, as of words, whose codes tell it.
        """
        if self.seen is None or self.form != "ngrams":
            return np.ones(count, bool)
        tokens = self.tokens(text)
        own = ngram_set(*counted_ngrams(tokens, self._lengths), bins=_BINS, most=MOST_NGRAMS)[:count]
        runs = [counted_ngrams(run, self._lengths) for run in self.seen.runs(tokens)]
        if not runs:
            return np.zeros(count, bool)
        hashes, counts = (np.concatenate(parts) for parts in zip(*runs, strict=True))
        hashes, place = np.unique(hashes, return_inverse=True)
        total = np.bincount(place, counts).astype(np.int64)
        return np.isin(own, ngram_set(hashes, total, bins=_BINS, most=_DOUBLINGS * len(tokens)))

    @property
    def _lengths(self) -> tuple[int, ...]:
        """The lengths of n-grams."""
        return (1, 2, 3) if isinstance(self.tokenizer, Characters) else (1, 2)

    def _cut(
        self, frame: pl.DataFrame, seen: set[int] | None = None
    ) -> Iterator[tuple[list[str], np.ndarray, np.ndarray]]:
        """Yield of each text the tokens that are kept, its set of n-grams and its sketch."""
        for text in frame[self.column]:
            tokens = self.tokens(text)
            if seen is not None:
                seen.update(token_hashes(tokens))
            hashes, counts = counted_ngrams(tokens, self._lengths)
            kept = ngram_set(hashes, counts, bins=_BINS, most=MOST_NGRAMS)
            if len(tokens) > MOST_STEPS:
                tokens = [tokens[place] for place in kept_places(len(tokens), MOST_STEPS, _WINDOW)]
            yield tokens, kept, ngram_sketch(hashes, counts, _SKETCH_BINS)

    def to_meta(self) -> dict[str, Any]:
        """Return what JSON can store and `from_meta` reads; the kind is the estimator's to keep."""
        return {
            "texts": {
                "column": self.column,
                "tokenizer": tokenizer_to_meta(self.tokenizer),
                "form": self.form,
            }
        }

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return what is too long for JSON: the tokens that bins of n-grams do not tell apart."""
        return {} if self.seen is None or self.form == "words" else self.seen.to_arrays()

    @classmethod
    def from_meta(
        cls, meta: Any, kind: SequenceKind | None, arrays: Mapping[str, np.ndarray] | None = None
    ) -> "TextEncoding":
        """Return the encoding that `to_meta` and `to_arrays` stored.

        Args:
            meta: Anything at all: what is not of that form is refused.
            kind: Of the sequences that the file's estimator reads, or None.
            arrays: What `to_arrays` gave; None, or nothing in it, where a file has none.

        Raises:
            DamagedFileError: It is not what `to_meta` returned, or does not fit the estimator.
        """
        told = meta.get("texts") if isinstance(meta, Mapping) and set(meta) == {"texts"} else None
        if not isinstance(told, Mapping) or set(told) != {"column", "tokenizer", "form"}:
            raise DamagedFileError("a stored encoding of texts is none that gorae writes.")
        if not isinstance(told["column"], str) or told["form"] not in FORMS:
            raise DamagedFileError("a stored encoding of texts names no column, or no form.")
        wanted = {"sketch": None, "ngrams": "ids", "words": "tokens"}[told["form"]]
        if wanted != (None if kind is None else kind.kind):
            raise DamagedFileError("a stored encoding of texts is not its estimator's.")
        encoding = cls(told["column"], tokenizer_from_meta(told["tokenizer"]), told["form"])
        return replace(encoding.for_kind(kind), seen=SeenTokens.from_arrays(arrays or {}))


def learn_texts(frame: pl.DataFrame, column: str) -> tuple[TextEncoding, TextForms]:
    """Decide how a column of texts is cut, and return its rows in all forms.

    Args:
        frame: All rows but the test rows.
        column: The column.

    Returns:
        The encoding, which gives the sketch, and the rows.

    Raises:
        DataError: No row has a text.

    Example:
        >>> texts = pl.DataFrame({"said": ["a whale and a whale", "a pod", None]})
        >>> encoding, forms = learn_texts(texts, "said")
        >>> [rows.shape for rows in forms]
        [(3, 1024), (3, 10), (3, 6)]
        >>> encoding.notes[1]
        "1 of 3 texts of 'said' is empty or missing: it is read as one token that stands for no text."
    """
    texts = frame[column]
    if not (texts.str.len_chars() > 0).any():
        raise DataError(f"the column {column!r} has no text in any of its {len(texts)} rows.")
    encoding = TextEncoding(column, tokenizer_for(texts))
    seen: set[int] = set()
    forms = encoding.forms(frame, seen)
    kinds = {form: _kind_of(getattr(forms, form)) for form in ("ngrams", "words")}
    notes = (_what_is_read(encoding), *_what_is_special(encoding, texts, forms))
    return replace(encoding, kinds=kinds, notes=notes, seen=SeenTokens.of_hashes(seen)), forms


def shown_tokens(tokens: list[str]) -> list[str]:
    """Return tokens as they are shown: that of an empty text has words for it."""
    return ["(no text)" if token == _EMPTY else token for token in tokens]


def _kind_of(rows: Any) -> SequenceKind:
    """Return the kind of packed rows."""
    assert isinstance(rows, PackedRows)
    assert rows.sequences is not None
    return rows.sequences


def _what_is_read(encoding: TextEncoding) -> str:
    """Return in words how texts are read."""
    ways = {
        Words: "words in small letters and punctuation",
        Calls: "calls, between white space or commas",
        Characters: "characters, as most of them are a single word",
    }
    return f"The texts of {encoding.column!r} were cut into {ways[type(encoding.tokenizer)]}."


def _what_is_special(encoding: TextEncoding, texts: pl.Series, forms: TextForms) -> Iterator[str]:
    """Yield sentences on texts that are empty, or too long to be read whole."""
    rows, name, of = len(texts), encoding.column, encoding.tokens_in_words
    table = _kind_of(forms.words).codes
    empty = 0 if _EMPTY not in table else int((np.asarray(forms.words)[:, 1] == table[_EMPTY]).sum())
    if empty:
        verb = "is empty or missing: it is" if empty == 1 else "are empty or missing: they are"
        yield f"{empty} of {rows} texts of {name!r} {verb} read as one token that stands for no text."
    long = int((np.asarray(forms.words)[:, 0] >= MOST_STEPS).sum())
    if long:
        half = MOST_STEPS // 2
        yield (
            f"{_texts_have(long, rows, name)} {MOST_STEPS} {of} or more: models that read them in order see "
            f"the first {half} and the last {half}; the others count all."
        )
    many = int((np.asarray(forms.ngrams)[:, 0] >= MOST_NGRAMS - 1).sum())
    if many:
        yield (
            f"{_texts_have(many, rows, name)} {MOST_NGRAMS:,} different {of} and pairs or more: the linear "
            "model counts the most frequent."
        )
    cut = int((texts.str.len_chars() > _MOST_CHARACTERS).sum())
    if cut:
        most = f"{_MOST_CHARACTERS:,}"
        yield f"{_texts_have(cut, rows, name)} more than {most} characters, of which the first were read."


def _texts_have(count: int, rows: int, name: str) -> str:
    """Return how many texts have something, as the beginning of a sentence."""
    return f"{count} of {rows} texts of {name!r} {'has' if count == 1 else 'have'}"
