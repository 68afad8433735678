"""From tagged sentences to what a tagger trains on: words as numbers, rows of places, and a recipe."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int32, Integer

from gorae.data.folds import Split, cut_stop_rows, pack_splits
from gorae.data.sentence_rows import WordCodes, fit_word_codes, place_sentences
from gorae.data.vocabulary import FIRST_TOKEN
from gorae.errors import DataError
from gorae.estimators.parameters import check_count, check_flag, check_real
from gorae.estimators.population import Recipe, with_padding
from gorae.estimators.sentences import TaggedSentences
from gorae.estimators.starting_vectors import known_vectors, vectors_key, with_vectors
from gorae.train import SharedRows, SplitRows

_FEW_ROWS = 64

Once = Callable[[Hashable, Callable[[], Any]], Any]
"""Makes a value, or remembers the one that was made under the same key."""


class SentenceRows(NamedTuple):
    """Sentences as a tagger trains on them.

    Attributes:
        coding: how words become numbers, learned from the training sentences.
        shared: rows of places, and their tags: first those to learn from, then those to stop on.
        split: which is which; a row weighs as much as it has words.
    """

    coding: WordCodes
    shared: SharedRows
    split: SplitRows

    @property
    def learned(self) -> int:
        """Rows that are learned from."""
        return int(self.split.train_count)


def sentence_rows(
    estimator: Any, sentences: TaggedSentences, groups: np.ndarray | None, seed: int
) -> SentenceRows:
    """Return sentences as a tagger trains on them.

    Args:
        estimator: the tagger, whose parameters say how.
        sentences: all that it is given.
        groups: a group a sentence, which early stopping does not tear apart, or None.
        seed: decides which sentences training stops on, if any.

    Raises:
        InputError: when a parameter is out of its range.
    """
    width = check_count("row_length", estimator.row_length)
    learn, stop = _cut(estimator, len(sentences.forms), groups, seed)
    coding = fit_word_codes(
        [sentences.forms[place] for place in learn],
        min_count=estimator.min_count,
        max_words=estimator.max_words,
        letters=estimator.letters,
    )
    parts = [_placed(sentences, part, coding, width) for part in (learn, stop) if len(part)]
    return SentenceRows(coding, *_table(parts))


def sentence_key(estimator: Any, seed: int) -> Hashable:
    """Return what decides, besides the sentences, how these become rows."""
    names = ("row_length", "min_count", "max_words", "letters", "early_stopping")
    stops = (estimator.validation_fraction, seed) if estimator.early_stopping else ()
    return (*(repr(getattr(estimator, name)) for name in names), *map(repr, stops))


def tagger_recipe(estimator: Any, rows: SentenceRows, classes: int, once: Once) -> Recipe:
    """Return what a tagger asks of the engine for such rows.

    Raises:
        InputError: when a parameter is out of its range, or vectors cannot be used.
    """
    recipe = estimator._recipe(rows.coding, classes, rows.learned)
    if estimator.vectors is None:
        return recipe
    words = rows.coding.words
    found = once(
        ("vectors", vectors_key(estimator), estimator.word_width, id(words)),
        lambda: known_vectors(estimator, words.tokens, "word_width"),
    )
    return with_vectors(recipe, found, np.arange(FIRST_TOKEN, len(words)))


def some_sentences(sentences: TaggedSentences, which: Integer[np.ndarray, " some"]) -> TaggedSentences:
    """Return some sentences, with the tags that come in them only.

    Raises:
        DataError: when they have one tag only.
    """
    codes = [sentences.codes[place] for place in which]
    known, flat = np.unique(np.concatenate(codes), return_inverse=True)
    if len(known) < 2:
        only = sentences.classes[known[0]]
        raise DataError(f"a tagger needs at least two tags, but these sentences have {only!r} only.")
    ends = np.cumsum([len(own) for own in codes])[:-1]
    parted = np.split(flat.reshape(-1).astype(np.int32), ends)
    return TaggedSentences([sentences.forms[place] for place in which], parted, sentences.classes[known])


def _cut(
    estimator: Any, sentences: int, groups: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which sentences to learn from and which, with early stopping, to stop on."""
    everything = np.arange(sentences, dtype=np.int32)
    fraction = check_real(
        "validation_fraction", estimator.validation_fraction, 0, 1, open_low=True, open_high=True
    )
    if not check_flag("early_stopping", estimator.early_stopping):
        return everything, everything[:0]
    return cut_stop_rows(everything, everything, fraction=fraction, seed=seed, stratify=False, groups=groups)


class _Placed(NamedTuple):
    """Sentences in rows: what a network reads of each place, its tag, and how many words a row has."""

    codes: np.ndarray
    targets: Int32[np.ndarray, "rows width"]
    words: Float32[np.ndarray, " rows"]


def _placed(sentences: TaggedSentences, which: np.ndarray, coding: WordCodes, width: int) -> _Placed:
    """Return some of the sentences in rows."""
    forms = [sentences.forms[place] for place in which]
    places = place_sentences([len(words) for words in forms], width)
    tags = np.concatenate([sentences.codes[place] for place in which])
    targets = np.full(places.rows * width, -1, np.int32)
    targets[places.at] = tags + len(sentences.classes) * places.begins
    targets = targets.reshape(places.rows, width)
    return _Placed(coding.rows(forms, places), targets, (targets >= 0).sum(axis=1).astype(np.float32))


def _table(parts: Sequence[_Placed]) -> tuple[SharedRows, SplitRows]:
    """Return rows as the engine reads them; codes are read as they are."""
    codes, targets, words = (np.concatenate(column) for column in zip(*parts, strict=True))
    count = len(parts[0].codes)
    rows = np.arange(len(codes), dtype=np.int32)
    packed = pack_splits([Split(rows[:count], rows[count:], rows[:0])], words, multiple=_FEW_ROWS)
    stops = packed.stop_rows.shape[1] if packed.stop_count.any() else 0
    channels, nothing = codes.shape[-1], np.zeros(0, np.float32)
    split = SplitRows(
        fill=np.zeros(channels, np.float32),
        shift=np.zeros(channels, np.float32),
        scale=np.ones(channels, np.float32),
        target_shift=nothing,
        target_scale=nothing,
        train_rows=packed.train_rows[0],
        train_weight=packed.train_weight[0],
        train_count=np.int32(packed.train_count[0]),
        stop_rows=packed.stop_rows[0, :stops],
        stop_weight=packed.stop_weight[0, :stops],
        stop_count=np.int32(packed.stop_count[0]),
    )
    return SharedRows(codes, targets), split


def padded_rows(shared: SharedRows) -> SharedRows:
    """Return rows and tags with zeros after them, so that programs are shared."""
    return SharedRows(with_padding(shared.rows), with_padding(shared.targets))
