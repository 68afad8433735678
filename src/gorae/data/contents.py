r"""What a text file holds, told by its first lines and not by its name: a treebank, a table, or running text.

A line of a treebank (CoNLL-U) has ten columns between tabs, of which the first is the number of a word in its
sentence, a range (``3-4``) or that of a word that is not written (``8.1``). A file is a treebank where all of
its first lines are such, words are counted from 1 in each sentence, and one thing more speaks for it: a
comment, a blank line between two sentences, or universal tags in the fourth column. Where it begins like one
and goes on otherwise, nobody but its owner can tell.

References:
    Universal Dependencies, "CoNLL-U format", version 2.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gorae.data.conllu import COLUMNS, NO_WORD
from gorae.data.parquet import PARQUET_MAGIC
from gorae.data.unpack import read_head

__all__ = ["Contents", "contents_of"]

_HEAD = 1 << 16
_PACKED = re.compile(r"\.(gz|xz)$")
_TABLES = (".csv", ".tsv", ".tab", ".parquet")
_NOUNS, _VERBS = {"NOUN", "PROPN", "PRON", "DET", "NUM", "ADJ"}, {"VERB", "AUX", "ADV"}
_UNIVERSAL = _NOUNS | _VERBS | {"ADP", "CCONJ", "SCONJ", "PART", "INTJ", "PUNCT", "SYM", "X", "_"}
_TAG = 3
_FEWEST_WITH_TABS, _FEWEST_WITH_COMMAS = 2, 3
_BETWEEN_DIGITS = re.compile(r"\d,\d")


class Contents(NamedTuple):
    """What a file holds.

    Attributes:
        kind: "treebank", "table", "text", or "unclear" where it begins like a treebank and is none.
        why: what tells, as the end of a sentence about the file.
    """

    kind: str
    why: str = ""


def contents_of(path: str | Path) -> Contents:
    r"""Return what the first lines of a file tell of it.

    Args:
        path: The file, plain or packed as gzip or xz; of anything but a file nothing is read.

    Returns:
        What it holds; "text" where nothing tells, or where it cannot be read: whoever reads it says why.

    Example:
        >>> path = getfixture("tmp_path") / "one.txt"
        >>> _ = path.write_text("# text = Whales\n1\tWhales\twhale\tNOUN" + 6 * "\t_" + "\n\n")
        >>> contents_of(path).kind
        'treebank'
        >>> _ = path.write_text("said,label\nno whale,0\nfine,1\n")
        >>> contents_of(path)
        Contents(kind='table', why='every line of it has 2 columns between commas')
    """
    file = Path(path)
    if not _is_file(file):
        return Contents("text")
    head = read_head(file, _HEAD)
    if head.startswith(PARQUET_MAGIC):
        return Contents("table", "it is a Parquet file")
    text = head.decode("utf-8", "ignore").removeprefix("\ufeff")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if len(head) == _HEAD:
        del lines[-1]  # cut off
    found = _as_treebank(lines)
    if found is not None:
        return found
    if _PACKED.sub("", file.name.lower()).endswith(_TABLES):
        return Contents("table", "its name says so")
    return _as_table([line for line in lines if line.strip()]) or Contents("text")


def _is_file(file: Path) -> bool:
    """Return whether a path is that of a file; of one that no file can have it is none."""
    try:
        return file.is_file()
    except OSError:
        return False


def _as_treebank(lines: Sequence[str]) -> Contents | None:
    """Return that lines are a treebank's, or begin like one; None where they do not."""
    like = next((number for number, line in enumerate(lines, start=1) if _is_content(line)), None)
    if like is None or not _is_of_treebank(lines[like - 1]):
        return None
    begins = f"line {like} of it is one of a treebank (CoNLL-U), ten columns between tabs"
    word, told, tags = 0, False, set[str]()
    for number, line in enumerate(lines, start=1):
        if not _is_content(line):
            told = told or line.startswith("#") or (word > 0 and any(map(_is_content, lines[number:])))
            word = word if line.startswith("#") else 0
            continue
        if not _is_of_treebank(line):
            return Contents("unclear", f"{begins}, but line {number} is none")
        cells = line.split("\t")
        if cells[0].isdecimal():
            word += 1
            tags.add(cells[_TAG])
            if cells[0] != str(word):
                came = f"{cells[0]:.20} for {word}"
                return Contents("unclear", f"{begins}, but line {number} has the word number {came}")
    if told or tags <= _UNIVERSAL:
        return Contents("treebank", "its lines have ten columns between tabs, the first a word's number")
    return Contents("unclear", f"{begins}, but no blank line ends a sentence, and column 4 holds other tags")


def _is_content(line: str) -> bool:
    """Return whether a line is neither blank nor a comment."""
    return bool(line) and not line.startswith("#")


def _is_of_treebank(line: str) -> bool:
    """Return whether a line could be one of a treebank: ten columns, the first a number of a word."""
    cells = line.split("\t")
    return len(cells) == COLUMNS and (cells[0].isdecimal() or NO_WORD.fullmatch(cells[0]) is not None)


def _as_table(lines: Sequence[str]) -> Contents | None:
    """Return that lines are a table's: all have as many columns; None where they have not."""
    for separator, name, fewest in (
        ("\t", "tabs", _FEWEST_WITH_TABS),
        (",", "commas", _FEWEST_WITH_COMMAS),
        (";", "semicolons", _FEWEST_WITH_COMMAS),
    ):
        try:
            rows = list(csv.reader(lines, delimiter=separator))
        except csv.Error:
            continue
        widths = {len(row) for row in rows}
        if len(rows) < fewest or len(widths) != 1 or widths == {1}:
            continue
        # In a sentence a space follows a comma, and a number may have commas inside.
        spaced = separator != "\t" and any(cell.startswith(" ") for row in rows for cell in row[1:])
        numbers = separator == "," and all(_BETWEEN_DIGITS.search(line) for line in lines)
        if not spaced and not (numbers and widths == {2}):
            return Contents("table", f"every line of it has {widths.pop()} columns between {name}")
    return None
