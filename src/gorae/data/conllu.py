r"""Reads CoNLL-U, the form in which treebanks of Universal Dependencies are given.

A sentence is one line a word, ten columns between tabs, and a blank line; lines that begin with # are
comments. Of the columns these are kept: the form (2), the universal tag (4) and the language's own tag (5).
Lines whose number is a range (``3-4``, a written word that is two syntactic ones) or has a point (``8.1``, a
word that is not written) are no words and are skipped.

References:
    Universal Dependencies, "CoNLL-U format", version 2.
"""

import codecs
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gorae.data.unpack import MAX_BYTES, read_bounded
from gorae.errors import DamagedFileError, DataWarning

__all__ = ["COLUMNS", "NO_WORD", "Sentences", "read_conllu"]

COLUMNS = 10
"""Of a line, between tabs."""

NO_WORD = re.compile(r"[1-9]\d*-[1-9]\d*|\d+\.[1-9]\d*")
"""The first column of a line that is no word: a range, or a word that is not written."""


@dataclass(frozen=True)
class Sentences:
    """Sentences of tagged words.

    Args:
        forms: The words of each sentence as they are written.
        universal: The universal part-of-speech tag of each word, "_" where the file gives none.
        language: The tag of each word in the language's own set, "_" where the file gives none.
        source: The file that they were read from; empty where they come from elsewhere.
        lines: The line of the file, from 1, in which each sentence begins; empty where they come from
            elsewhere.
    """

    forms: tuple[tuple[str, ...], ...]
    universal: tuple[tuple[str, ...], ...]
    language: tuple[tuple[str, ...], ...]
    source: str = field(default="", repr=False, compare=False)
    lines: tuple[int, ...] = field(default=(), repr=False, compare=False)

    def __len__(self) -> int:
        """Return how many sentences there are."""
        return len(self.forms)

    @property
    def words(self) -> int:
        """How many words there are."""
        return sum(map(len, self.forms))

    def taken(self, places: Iterable[int]) -> "Sentences":
        """Return the sentences at some places.

        Example:
            >>> Sentences((("a",), ("b",)), (("X",), ("Y",)), (("_",), ("_",))).taken([1]).forms
            (('b',),)
        """
        chosen = list(places)
        columns = (self.forms, self.universal, self.language)
        forms, universal, language = (tuple(column[place] for place in chosen) for column in columns)
        lines = tuple(self.lines[place] for place in chosen) if self.lines else ()
        return Sentences(forms, universal, language, self.source, lines)

    def where(self, place: int, word: int) -> str:
        """Return in words where a word stands: in a file by the line that its sentence begins in.

        Args:
            place: Of the sentence, from 0.
            word: Of the word in it, from 0.

        Example:
            >>> Sentences((("a", "b"),), (("X", "Y"),), (("_", "_"),)).where(0, 1)
            'word 1 of sentence 0 (from 0)'
        """
        if not self.lines:
            return f"word {word} of sentence {place} (from 0)"
        form = self.forms[place][word]
        return (
            f"word {word + 1} ({form!r:.40}) of the sentence of {self.source!r} that begins in line "
            f"{self.lines[place]:,}"
        )


def read_conllu(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Sentences:
    r"""Read a CoNLL-U file, plain or packed as gzip or xz.

    Args:
        path: The file.
        max_bytes: Bytes that it may hold after unpacking.

    Returns:
        The sentences in the order of the file.

    Raises:
        FileError: The file is missing, cannot be read or is too large.
        DamagedFileError: It is not UTF-8, or a line is none of CoNLL-U; the message has the line's number.

    Warns:
        DataWarning: If no blank line follows the last sentence: the file may be cut off.

    Example:
        >>> path = getfixture("tmp_path") / "one.conllu"
        >>> rest = 5 * "\t_" + "\n"
        >>> _ = path.write_text(f"1\tWhales\twhale\tNOUN\tNNS{rest}2\tsing\tsing\tVERB\tVBP{rest}\n")
        >>> read_conllu(path)
        Sentences(forms=(('Whales', 'sing'),), universal=(('NOUN', 'VERB'),), language=(('NNS', 'VBP'),))
    """
    data = read_bounded(path, max_bytes=max_bytes).removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DamagedFileError(
            f"{path}: the file is not UTF-8 text: line {line:,} has the byte 0x{data[error.start]:02x}."
        ) from None
    sentences = list(_sentences(text, path))
    if not sentences:
        raise DamagedFileError(f"{path}: a CoNLL-U file was wanted, but there is no sentence in it.")
    columns, lines = zip(*sentences, strict=True)
    forms, universal, language = (tuple(column) for column in zip(*columns, strict=True))
    return Sentences(forms, universal, language, str(path), lines)


def _sentences(text: str, path: str | Path) -> Iterator[tuple[tuple[tuple[str, ...], ...], int]]:
    """Yield forms and both kinds of tags of each sentence, and the line that it begins in."""
    words: list[tuple[str, str, str]] = []
    begun = 0  # the line in which the sentence began; 0 between two sentences
    number = 0
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line:
            if begun:
                yield _columns(words, path, begun), begun
            words, begun = [], 0
        elif not line.startswith("#"):
            begun = begun or number
            word = _word(line, len(words), path, number)
            if word is not None:
                words.append(word)
    if begun:
        warnings.warn(
            f"{path}: line {number:,}, the last, belongs to a sentence that no blank line ends; the file may "
            "be cut off.",
            DataWarning,
            stacklevel=3,
        )
        yield _columns(words, path, begun), begun


def _word(line: str, before: int, path: str | Path, number: int) -> tuple[str, str, str] | None:
    """Return form and tags of a line, or None where it is no word."""
    cells = line.split("\t")
    if len(cells) != COLUMNS:
        raise DamagedFileError(
            f"{path}: line {number:,} has {len(cells)} columns between tabs, {COLUMNS} were wanted: "
            f"{line!r:.60}"
        )
    if cells[0] != str(before + 1):
        if NO_WORD.fullmatch(cells[0]):
            return None
        raise DamagedFileError(
            f"{path}: line {number:,} has the word number {cells[0]!r:.20}, {before + 1} was wanted; a blank "
            "line stands between two sentences."
        )
    if not cells[1] or not cells[3] or not cells[4]:
        raise DamagedFileError(f"{path}: line {number:,} has an empty column, an underscore was wanted.")
    return cells[1], cells[3], cells[4]


def _columns(words: list[tuple[str, str, str]], path: str | Path, begun: int) -> tuple[tuple[str, ...], ...]:
    """Return the words of a sentence as columns."""
    if not words:
        raise DamagedFileError(f"{path}: the sentence that begins in line {begun:,} has no word.")
    return tuple(zip(*words, strict=True))
