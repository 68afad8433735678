"""Texts or traces in a folder: a file each, in a folder of its class, or all in one without classes."""

import codecs
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from gorae.data.images.decoding import ENDINGS as IMAGE_ENDINGS
from gorae.data.unpack import MAX_BYTES, read_bounded
from gorae.errors import DamagedFileError, DataError, DataWarning, FileError

__all__ = ["TEXT_COLUMN", "holds_texts", "lacking_in_folder", "read_text_folder"]

TEXT_COLUMN = "text"
"""The column that texts of a folder stand in."""

ENDINGS = (".txt", ".text", ".log", ".trace")
"""Of files that are texts, in small or large letters."""

_NAMED = 5
_MAX_FILES = 500_000
_MAX_TEXT = 64 << 20


def holds_texts(path: str | Path) -> bool:
    """Whether a path is that of a folder of texts: it, or a folder in it, has one, and none has an image.

    Beside images a text is a note on them, such as a licence.

    Example:
        >>> holds_texts("reviews.csv")
        False
    """
    root = Path(path)
    if not root.is_dir():
        return False
    try:
        found = _entries(root)
        inside = [_entries(root / name) for name in found.folders]
        images = any(name.lower().endswith(IMAGE_ENDINGS) for one in (found, *inside) for name in one.others)
        return not images and (bool(found.texts) or any(one.texts for one in inside))
    except FileError:
        return False


def lacking_in_folder(path: str | Path) -> str | None:
    """Return what is wrong with a folder that holds neither texts nor images, by the names of its files.

    Args:
        path: Of a folder with a folder for each class, or of one of files.

    Returns:
        What was wanted, what came and what to do, in a sentence; None where there are texts or images, or
        where the path is not that of a folder that can be read.

    Example:
        >>> lacking_in_folder(getfixture("tmp_path")).split(", but ")[1]
        'the folder is empty; put a folder of files for each class into it.'
    """
    root = Path(path)
    if not root.is_dir():
        return None
    try:
        found = _entries(root)
        inside = {name: _entries(root / name) for name in found.folders}
    except FileError:
        return None
    others = [*found.others, *(f"{name}/{file}" for name, one in inside.items() for file in one.others)]
    texts = found.texts or any(one.texts for one in inside.values())
    if texts or any(name.lower().endswith(IMAGE_ENDINGS) for name in others):
        return None
    wanted = (
        f"{root}: texts (files that end in {', '.join(ENDINGS)}) or images ({', '.join(IMAGE_ENDINGS)}) were "
        "wanted, but "
    )
    empty = [name for name, one in inside.items() if not (one.folders or one.others)]
    deeper = [f"{name}/{one.folders[0]}" for name, one in inside.items() if one.folders]
    if not others and not inside:
        return f"{wanted}the folder is empty; put a folder of files for each class into it."
    if not others and deeper:
        meant = str(root / deeper[0].split("/")[0])
        return f"{wanted}its folders hold folders only ({_some(deeper)}); perhaps {meant!r} was meant."
    if not others:
        return f"{wanted}its folders are empty: {_some(empty)}; put the files of each class into its folder."
    also = f", and of its folders {_some(empty)} {'is' if len(empty) == 1 else 'are'} empty" if empty else ""
    return (
        f"{wanted}{_endings(others)} came ({_some(others)}){also}; rename texts so that they end in .txt, or "
        "give them as a table with a column of texts."
    )


def _endings(names: Sequence[str]) -> str:
    """Return how many files have which endings, the most frequent first."""
    counts = Counter(Path(name).suffix for name in names)
    told = [
        f"{count:,} file{'s' * (count > 1)} {f'in {ending}' if ending else 'without an ending'}"
        for ending, count in counts.most_common(_NAMED)
    ]
    return ", ".join(told) + ", ..." * (len(counts) > _NAMED)


def _some(names: Sequence[str]) -> str:
    """Return the first names, for a message."""
    return ", ".join(repr(name) for name in names[:_NAMED]) + ", ..." * (len(names) > _NAMED)


def read_text_folder(
    path: str | Path, *, encoding: str = "utf-8", max_bytes: int = MAX_BYTES
) -> tuple[pl.DataFrame, list[str] | None]:
    """Read the texts of a folder, in the order of their classes and names.

    Args:
        path: A folder with a folder for each class, or one of files without classes. A file whose name ends
            in .txt, .text, .log or .trace is a text; others are passed over with a warning, hidden ones and
            links without.
        encoding: Of the files.
        max_bytes: Bytes that all files together may hold.

    Returns:
        A table of one column, "text", and the class of each text, which is the name of its folder; None for
        files without classes.

    Raises:
        FileError: The folder, or a file, cannot be read or is too large.
        DataError: There is no text, or there are files both in folders and beside them.
        DamagedFileError: A file is not of the encoding.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, said in (("good", "a lovely whale"), ("bad", "no whale")):
        ...         Path(folder, name).mkdir()
        ...         _ = Path(folder, name, "0.txt").write_text(said)
        ...     texts, labels = read_text_folder(folder)
        >>> texts["text"].to_list(), labels
        (['no whale', 'a lovely whale'], ['bad', 'good'])
    """
    root = Path(path)
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise DataError(
            f"there is no encoding {encoding!r}; 'utf-8', 'latin-1' and 'cp949' are some."
        ) from None
    found = _entries(root)
    inside = {name: _entries(root / name) for name in found.folders}
    own, classed = found.texts, [(name, file) for name, one in inside.items() for file in one.texts]
    if own and classed:
        raise DataError(
            f"{root}: texts stand in its folders ({classed[0][0]!r}, ...) and beside them ({own[0]!r}, ...); "
            "put each into the folder of its class."
        )
    if not own and not classed:
        raise DataError(
            lacking_in_folder(root)
            or f"{root}: no file of it, or of its folders, ends in {', '.join(ENDINGS)}."
        )
    if len(own) + len(classed) > _MAX_FILES:
        raise FileError(f"{root}: the folder has more than {_MAX_FILES:,} texts; give them as one CSV file.")
    _tell_left_out(root, found, inside)
    texts, left = [], max_bytes
    for place in [Path(file) for file in own] or [Path(*pair) for pair in classed]:
        data = read_bounded(root / place, max_bytes=min(_MAX_TEXT, left))
        left -= len(data)
        try:
            texts.append(data.decode(encoding).removeprefix("\ufeff"))
        except UnicodeDecodeError as error:
            raise DamagedFileError(
                f"{root / place}: the file is not {encoding} text: it has the byte 0x{data[error.start]:02x} "
                f"at {error.start:,}. Save it as such, or name its encoding (--encoding)."
            ) from None
    return pl.DataFrame({TEXT_COLUMN: texts}), [name for name, _ in classed] or None


class _Entries(NamedTuple):
    """The names of what is in a folder, sorted."""

    texts: list[str]
    folders: list[str]
    others: list[str]


def _tell_left_out(root: Path, found: _Entries, inside: Mapping[str, _Entries]) -> None:
    """Warn of files that are no texts by their names, and of folders without a text."""
    others = [*found.others, *(f"{name}/{file}" for name, one in inside.items() for file in one.others)]
    empty = [name for name, one in inside.items() if not one.texts]
    files = f"files that do not end in {', '.join(ENDINGS)}"
    for what, names in ((files, others), ("folders without a text", empty)):
        if names:
            told = f"{root}: left out {what} ({len(names)}): {_some(names)}."
            warnings.warn(told, DataWarning, stacklevel=3)


def _entries(folder: Path) -> _Entries:
    """Return what is in a folder, without hidden files and links."""
    files, folders, others = [], [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.is_symlink():
                    continue
                if entry.is_dir():
                    folders.append(entry.name)
                elif entry.is_file():
                    (files if entry.name.lower().endswith(ENDINGS) else others).append(entry.name)
    except OSError as error:
        raise FileError(f"{folder}: the folder cannot be read ({error.strerror or error}).") from None
    return _Entries(sorted(files), sorted(folders), sorted(others))
