"""What a tagger is given: sentences as lists of words and a tag for each word, or one sentence of why not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int32, Shaped

from gorae.data import Sentences, Words
from gorae.errors import DataError, InputTypeError
from gorae.estimators.training_rows import label_codes

TAGGED_WORDS = Words(clitics=True)
"""What cuts a text: English clitics are words of their own, as in the treebanks."""

_NONE = "_"
"""What stands in a treebank where a word has no tag."""

Forms = list[list[str]]
"""The words of each sentence."""


class TaggedSentences(NamedTuple):
    """Sentences to learn from.

    Attributes:
        forms: the words of each.
        codes: the tag's code of each word, sentence by sentence.
        classes: the tags in the order of their codes.
    """

    forms: Forms
    codes: list[Int32[np.ndarray, " words"]]
    classes: Shaped[np.ndarray, " tags"]


def given_sentences(sentences: Any) -> Forms:
    """Return the words of sentences.

    Args:
        sentences: what `read_conllu` gives, or a list of which each item is a list of words or a text, which
            is cut into words.

    Raises:
        InputTypeError: when they are something else.
        DataError: when there is none, or one has no word.

    Example:
        >>> given_sentences(["It's a whale.", ["A", "pod"]])
        [['It', "'s", 'a', 'whale', '.'], ['A', 'pod']]
    """
    if isinstance(sentences, Sentences):
        return [list(forms) for forms in sentences.forms]
    if isinstance(sentences, str | bytes) or not _is_list(sentences):
        raise InputTypeError(
            "sentences must be a list, each a text or a list of words, got "
            f"{type(sentences).__name__}; give [sentence] for one."
        )
    if not len(sentences):
        raise DataError("there must be at least one sentence, got none.")
    return [_words(place, sentence) for place, sentence in enumerate(sentences)]


def tagged_sentences(sentences: Any, tags: Any) -> TaggedSentences:
    """Return sentences to learn from.

    Args:
        sentences: as in `given_sentences`.
        tags: a list of tags a sentence, one a word; None for the universal tags that came with the sentences.

    Raises:
        InputTypeError: when they are something else.
        DataError: when a word has no tag, or all words have the same.
    """
    forms = given_sentences(sentences)
    if isinstance(sentences, Sentences) and tags is None:
        tags = universal_tags(sentences)
    known = aligned_tags(sentences, forms, tags)
    flat = [tag for row in known for tag in row]
    kinds = {isinstance(tag, str | np.str_) for tag in flat}
    wrong = [tag for tag in flat if not isinstance(tag, str | int | np.integer)]
    if wrong or len(kinds) > 1:
        raise DataError(
            "tags must be all texts or all whole numbers, got " + (f"{wrong[0]!r:.40}." if wrong else "both.")
        )
    classes, codes = label_codes(np.array(flat))
    ends = np.cumsum([len(row) for row in forms])[:-1]
    return TaggedSentences(forms, np.split(codes, ends), classes)


def universal_tags(sentences: Sentences) -> Sequence[Sequence[str]]:
    """Return the universal tags of a treebank.

    Raises:
        DataError: when a word has none.
    """
    bare = [place for place, row in enumerate(sentences.universal) if _NONE in row]
    if bare:
        word = sentences.where(bare[0], sentences.universal[bare[0]].index(_NONE))
        many = "" if len(bare) == 1 else f" ({len(bare):,} of {len(sentences):,} sentences have such words)"
        raise DataError(f"{word} has no tag in the file{many}; give tags, or leave such sentences out.")
    return sentences.universal


def aligned_tags(sentences: Any, forms: Forms, tags: Any) -> Sequence[Sequence[Any]]:
    """Return one tag a word.

    Raises:
        InputTypeError: when they are no lists of tags.
        DataError: when they are not as many as there are words.
    """
    if tags is None:
        if not isinstance(sentences, Sentences):
            raise InputTypeError("tags must be given: a list of tags for each sentence, one a word.")
        tags = sentences.universal
    if isinstance(tags, str) or not _is_list(tags):
        raise InputTypeError(f"tags must be a list of lists of tags, got {type(tags).__name__}.")
    if len(tags) != len(forms):
        raise DataError(f"there must be tags for {len(forms):,} sentences, got them for {len(tags):,}.")
    for place, (row, words) in enumerate(zip(tags, forms, strict=True)):
        if isinstance(row, str) or not _is_list(row):
            raise InputTypeError(f"the tags of sentence {place} (from 0) must be a list, got {row!r:.40}.")
        if len(row) != len(words):
            raise DataError(
                f"sentence {place} (from 0) has {len(words)} words and {len(row)} tags; give one tag a word: "
                f"{' '.join(words):.60}"
            )
    return tags


def _words(place: int, sentence: Any) -> list[str]:
    """Return the words of one sentence."""
    if isinstance(sentence, str):
        words = TAGGED_WORDS(sentence)
    elif _is_list(sentence):
        words = [str(word) if isinstance(word, np.str_) else word for word in sentence]
    else:
        raise InputTypeError(
            f"sentence {place} (from 0) must be a text or a list of words, got {type(sentence).__name__}."
        )
    if not words:
        raise DataError(f"sentence {place} (from 0) has no word; leave it out.")
    for number, word in enumerate(words):
        if not isinstance(word, str):
            raise InputTypeError(
                f"word {number} of sentence {place} (from 0) must be a text, got {type(word).__name__}."
            )
        if not word:
            raise DataError(f"word {number} of sentence {place} (from 0) is empty; leave it out.")
    return words


def _is_list(value: Any) -> bool:
    """Return whether a value is a list, or like one."""
    return isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim > 0)
