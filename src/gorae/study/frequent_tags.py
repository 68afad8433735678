"""The baseline of taggers: a known word has its most frequent tag, any other the commonest tag of all."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["FrequentTags", "fit_frequent_tags"]

Words = Sequence[str]


@dataclass(frozen=True)
class FrequentTags:
    """What tag a word most often has; made by `fit_frequent_tags`.

    Args:
        written: The tag of each word as it was written.
        small: The tag of each word in small letters, for words that were never written so.
        commonest: The tag of all other words.

    Example:
        >>> tags = fit_frequent_tags([["The", "pod"], ["the", "whale"]], [["DET", "NOUN"], ["DET", "NOUN"]])
        >>> tags.predict([["THE", "shark"]])
        [['DET', 'DET']]
    """

    written: dict[str, str]
    small: dict[str, str]
    commonest: str

    def knows(self, word: str) -> bool:
        """Return whether a word, written in whatever letters, was there."""
        return word.lower() in self.small

    def predict(self, sentences: Iterable[Words]) -> list[list[str]]:
        """Return the tags of each sentence."""
        return [[self._tag(word) for word in words] for words in sentences]

    def _tag(self, word: str) -> str:
        """Return the tag of a word."""
        return self.written.get(word) or self.small.get(word.lower(), self.commonest)


def fit_frequent_tags(sentences: Iterable[Words], tags: Iterable[Words]) -> FrequentTags:
    """Count which tag each word has; of tags that come equally often, the first by its name.

    Args:
        sentences: The words of each.
        tags: A tag for each word.
    """
    written: dict[str, Counter[str]] = defaultdict(Counter)
    small: dict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for words, own in zip(sentences, tags, strict=True):
        for word, tag in zip(words, own, strict=True):
            written[word][tag] += 1
            small[word.lower()][tag] += 1
            total[tag] += 1
    return FrequentTags(
        {word: _first(counts) for word, counts in written.items()},
        {word: _first(counts) for word, counts in small.items()},
        _first(total),
    )


def _first(counts: Counter[str]) -> str:
    """Return the commonest tag."""
    return min(counts, key=lambda tag: (-counts[tag], tag))
