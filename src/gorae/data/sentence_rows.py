r"""Sentences as rows of one width: several short ones in a row, so that little of it is padding.

Sentences of a treebank have 1 to 150 tokens and 15 on average: one a row, nine tenths of a matrix would be
padding. Here rows have T places, sentences are put into them longest first, each into the fullest row that
has room (best fit), and a longer one is cut into pieces of T. A network that reads such rows begins anew
where a sentence does.

References:
    Johnson 1973, "Near-optimal bin packing algorithms", section 2 (best fit decreasing).
    Krell et al. 2021, "Efficient sequence packing without cross-contamination", section 3.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int32, Integer, Shaped, UInt16

from gorae.data.packing import kept_places
from gorae.data.vocabulary import PADDING, Vocabulary, fit_vocabulary
from gorae.errors import ParameterError

__all__ = ["Places", "WordCodes", "fit_word_codes", "place_sentences", "unpacked"]

MAX_LETTERS = 1000
"""Characters of a word that may be read."""

CHANNELS = 2
"""Numbers of a token before those of its characters: 1 where a sentence begins, and the word's code."""


class Places(NamedTuple):
    """Where the tokens of sentences stand.

    Attributes:
        at: the place of each token, row times width plus column, sentence by sentence.
        begins: whether a sentence, or a piece of a long one, begins with that token.
        rows: how many rows there are.
        width: places of a row.
    """

    at: Integer[np.ndarray, " tokens"]
    begins: Bool[np.ndarray, " tokens"]
    rows: int
    width: int


def place_sentences(lengths: Sequence[int], width: int) -> Places:
    """Put sentences into rows.

    Args:
        lengths: Tokens of each sentence, 1 or more.
        width: Places of a row, T.

    Returns:
        Where each token stands.

    Raises:
        ParameterError: If `width` is no whole number of at least 1.

    Example:
        >>> places = place_sentences([2, 3, 1, 5], 4)
        >>> places.rows, places.at.tolist()
        (3, [8, 9, 4, 5, 6, 7, 0, 1, 2, 3, 10])
        >>> places.begins.astype(int).tolist()
        [1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1]
    """
    if isinstance(width, bool) or not isinstance(width, int | np.integer) or width < 1:
        raise ParameterError(f"width must be a whole number of at least 1, got {width!r}.")
    pieces = [
        (min(width, length - start), sentence, start)
        for sentence, length in enumerate(lengths)
        for start in range(0, length, width)
    ]
    pieces.sort(key=lambda piece: -piece[0])  # stable: equal lengths stay in the order of the sentences
    firsts = np.cumsum([0, *lengths])
    at, begins = np.zeros(firsts[-1], np.int64), np.zeros(firsts[-1], bool)
    with_room: list[list[int]] = [[] for _ in range(width + 1)]
    rows = 0
    for size, sentence, start in pieces:
        room = next((room for room in range(size, width + 1) if with_room[room]), None)
        if room is None:
            row, room, rows = rows, width, rows + 1
        else:
            row = with_room[room].pop()
        with_room[room - size].append(row)
        first = firsts[sentence] + start
        column = width - room
        at[first : first + size] = np.arange(row * width + column, row * width + column + size)
        begins[first] = True
    return Places(at, begins, rows, width)


@dataclass(frozen=True)
class WordCodes:
    """How a word becomes numbers: the code of the whole word, and the codes of its characters.

    Words are looked up in small letters and normal form C, characters as they are in normal form D: capitals
    and accents are characters' business, and a Korean syllable is its two or three letters.

    Args:
        words: The known words.
        characters: The known characters.
        letters: How many characters of a word are read; of a longer one its first and its last half of them.

    Example:
        >>> codes = fit_word_codes([["A", "whale"], ["a", "whale"]], letters=4)
        >>> codes.table(["whale", "POD"]).tolist()  # the first two and the last two letters
        [[3, 6, 4, 5, 3], [1, 1, 1, 1, 0]]
    """

    words: Vocabulary
    characters: Vocabulary
    letters: int

    @property
    def channels(self) -> int:
        """How many numbers a token has in a row."""
        return CHANNELS + self.letters

    def table(self, forms: Sequence[str]) -> Int32[np.ndarray, "forms 1+letters"]:
        """Return the code of each form and the codes of its characters, padding behind."""
        table = np.full((len(forms), 1 + self.letters), PADDING, np.int32)
        table[:, 0] = self.words.encode(map(_as_word, forms))
        for row, form in enumerate(forms):
            codes = self.characters.encode(_as_characters(form))
            if len(codes) > self.letters:
                codes = codes[kept_places(len(codes), self.letters, "head_tail")]
            table[row, 1 : 1 + len(codes)] = codes
        return table

    def rows(
        self, sentences: Sequence[Sequence[str]], places: Places
    ) -> Int32[np.ndarray, "rows width channels"] | UInt16[np.ndarray, "rows width channels"]:
        """Return sentences as a network reads them: begin, word and characters at each place."""
        forms: dict[str, int] = {}
        which = np.fromiter(
            (forms.setdefault(word, len(forms)) for sentence in sentences for word in sentence), np.int64
        )
        dtype = np.uint16 if max(len(self.words), len(self.characters)) <= 1 << 16 else np.int32
        found = np.full((places.rows * places.width, self.channels), PADDING, dtype)
        found[places.at, 0] = places.begins
        found[places.at, 1:] = self.table(list(forms))[which]
        return found.reshape(places.rows, places.width, self.channels)


def fit_word_codes(
    sentences: Iterable[Sequence[str]],
    *,
    min_count: int = 1,
    max_words: int | None = None,
    letters: int = 16,
) -> WordCodes:
    """Learn the words and characters of training sentences.

    Args:
        sentences: The words of each.
        min_count: How often a word must come to be known; its characters are known all the same.
        max_words: How many words may be known; None for as many as a vocabulary holds.
        letters: How many characters of a word are read.

    Returns:
        How words become numbers.

    Raises:
        ParameterError: If a number is out of range.
        DataError: If there is no word.
    """
    whole = isinstance(letters, int | np.integer) and not isinstance(letters, bool)
    if not whole or not 1 <= letters <= MAX_LETTERS:
        raise ParameterError(f"letters must be a whole number from 1 to {MAX_LETTERS:,}, got {letters!r}.")
    sentences = list(sentences)
    words = fit_vocabulary(
        (map(_as_word, sentence) for sentence in sentences), min_count=min_count, max_tokens=max_words
    )
    spelled = (_as_characters(form) for sentence in sentences for form in sentence)
    characters = fit_vocabulary(spelled, min_count=2)  # so that the code of unknown ones is learned too
    return WordCodes(words, characters, int(letters))


def unpacked(
    values: Shaped[np.ndarray, "rows width *rest"], places: Places, lengths: Sequence[int]
) -> Iterator[np.ndarray]:
    """Yield what stands at the places of each sentence, in the order of the sentences.

    Example:
        >>> places = place_sentences([2, 3, 1], 4)
        >>> rows = np.zeros((places.rows, 4), int)
        >>> rows.reshape(-1)[places.at] = [1, 2, 3, 4, 5, 6]
        >>> [part.tolist() for part in unpacked(rows, places, [2, 3, 1])]
        [[1, 2], [3, 4, 5], [6]]
    """
    flat = values.reshape(-1, *values.shape[2:])[places.at]
    ends = np.cumsum(lengths)
    return (flat[end - length : end] for end, length in zip(ends, lengths, strict=True))


def _as_word(form: str) -> str:
    """Return a form as it is looked up among the words."""
    return unicodedata.normalize("NFC", form).lower()


def _as_characters(form: str) -> str:
    """Return the characters of a form."""
    return unicodedata.normalize("NFD", form)
