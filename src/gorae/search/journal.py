"""The journal of a search: every finished part is kept in one SQLite file, and a killed search goes on.

One row a fit, written in one transaction a part; a reader may look at any time (write-ahead log). Outputs,
and where settings stand that go on, lie in containers beside it, which are written before. What is not kept
is done again: members are deterministic, so that the table becomes bitwise what it would have been.
"""

import json
import os
import shutil
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np

from gorae.backend import process_index
from gorae.errors import DamagedFileError, FileError, GoraeWarning, ParameterError, WriteError
from gorae.files import make_folder, read_container, write_container
from gorae.search.identity import described
from gorae.search.races import Arrays
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials

_SCHEMA = "2"
_TABLES = """
CREATE TABLE search (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE fit (
    batch INTEGER, bracket INTEGER, rung INTEGER, part INTEGER, place INTEGER, split INTEGER,
    setting TEXT NOT NULL, entry TEXT NOT NULL, finished REAL NOT NULL,
    PRIMARY KEY (batch, bracket, rung, part, place, split)
);
"""
_SUFFIXES = ("", "-wal", "-shm")
_PACKAGES = ("gorae", "jax", "numpy", "scikit-learn")


class Part(NamedTuple):
    """A part of a search: the sampler's batch, the bracket, the rung, and which of the rung's settings."""

    batch: int
    bracket: int
    rung: int
    part: int


class NoJournal:
    """The journal of a search that keeps nothing."""

    def known(self, part: Part, settings: Sequence[Setting]) -> dict[int, list[Entry]]:
        """Return nothing."""
        return {}

    def keep(
        self, part: Part, settings: Sequence[Setting], found: Mapping[int, list[Entry]], seconds: float
    ) -> None:
        """Keep nothing."""

    def states(self, part: Part) -> Arrays:
        """Return nothing."""
        return {}

    def keep_states(self, part: Part, arrays: Callable[[], Arrays]) -> None:
        """Keep nothing."""

    def forget_states(self, part: Part) -> None:
        """Forget nothing."""

    def seconds(self) -> float:
        """Return no time."""
        return 0.0

    def part_size(self, batch: int, choose: Callable[[], int]) -> int | None:
        """Return how many settings of a batch make a part: None for all of them."""
        return None


class Journal(NoJournal):
    """An open journal: scores in SQLite, arrays in containers in a folder beside it.

    Args:
        connection: to its file.
        path: of the file.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._connection = connection
        self._path = path
        self._folder = _folder_of(path)

    def known(self, part: Part, settings: Sequence[Setting]) -> dict[int, list[Entry]]:
        """Return the entries of a part that are kept, by the setting's place; outputs where they are whole.

        Raises:
            FileError: when the file holds other settings there.
        """
        with told_by_name(self._path):
            rows = self._connection.execute(
                "SELECT place, setting, entry FROM fit WHERE batch=? AND bracket=? AND rung=? AND part=? "
                "ORDER BY place, split",
                part,
            ).fetchall()
        found: dict[int, list[Entry]] = {}
        for place, setting, entry in rows:
            if place >= len(settings) or setting != repr(settings[place]):
                raise FileError(
                    f"{str(self._path)!r} holds another search: its setting {setting} is not one of this "
                    "search's; give the same space, sampler and random_state, or another file."
                )
            found.setdefault(place, []).append(json.loads(entry))
        outputs = self._arrays("outputs", part) if found else {}
        for place, entries in found.items():
            for split, entry in enumerate(entries):
                entry["outputs"] = outputs.get(f"{place}/{split}")
        return found

    def keep(
        self, part: Part, settings: Sequence[Setting], found: Mapping[int, list[Entry]], seconds: float
    ) -> None:
        """Write entries of a part in one transaction; their outputs are in their file before.

        Args:
            part: which.
            settings: all of the part.
            found: entries by the setting's place.
            seconds: that the whole search has taken by now.

        Raises:
            WriteError: when they cannot be written.
        """
        outputs = outputs_by_name(found)
        if outputs:
            self._write_arrays("outputs", part, self._arrays("outputs", part) | outputs)
        now = time.time()
        rows = [
            (*part, place, split, repr(settings[place]), as_text(entry), now)
            for place, entries in found.items()
            for split, entry in enumerate(entries)
        ]
        with told_by_name(self._path), self._connection:
            self._connection.executemany("INSERT INTO fit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._connection.execute("INSERT OR REPLACE INTO search VALUES ('seconds', ?)", (str(seconds),))

    def states(self, part: Part) -> Arrays:
        """Return where the settings that went on from a rung stood; nothing where that is not kept."""
        return self._arrays("states", part)

    def keep_states(self, part: Part, arrays: Callable[[], Arrays]) -> None:
        """Write where the settings that go on from a rung stand."""
        self._write_arrays("states", part, arrays())

    def forget_states(self, part: Part) -> None:
        """Remove what earlier rungs have left: a rung's entries and states are whole."""
        for rung in range(part.rung):
            self._file("states", part._replace(rung=rung)).unlink(missing_ok=True)

    def seconds(self) -> float:
        """Return the seconds that the search has taken in all processes before this one."""
        with told_by_name(self._path):
            found = self._connection.execute("SELECT value FROM search WHERE name='seconds'").fetchone()
        return 0.0 if found is None else float(found[0])

    def part_size(self, batch: int, choose: Callable[[], int]) -> int:
        """Return how many settings of a batch make a part, as was chosen when the search began.

        Args:
            batch: which.
            choose: chooses, where that has not been done.
        """
        name = f"part size {batch}"
        with told_by_name(self._path), self._connection:
            found = self._connection.execute("SELECT value FROM search WHERE name=?", (name,)).fetchone()
            if found is None:
                found = (str(choose()),)
                self._connection.execute("INSERT INTO search VALUES (?, ?)", (name, *found))
        return int(found[0])

    def _file(self, what: str, part: Part) -> Path:
        """Return the container of a part."""
        return self._folder / f"{what}-{part.batch}-{part.bracket}-{part.rung}-{part.part}.gorae"

    def _arrays(self, what: str, part: Part) -> Arrays:
        """Return the arrays of a part; none where they are not there, or damaged: they can be made anew."""
        file = self._file(what, part)
        if not file.exists():
            return {}
        try:
            return dict(read_container(file, kind=f"search-{what}").arrays)
        except FileError as error:
            warnings.warn(
                f"{error} What it held is made anew where it is needed.", GoraeWarning, stacklevel=2
            )
            return {}

    def _write_arrays(self, what: str, part: Part, arrays: Arrays) -> None:
        """Write the arrays of a part over its old ones."""
        make_folder(self._folder)
        write_container(self._file(what, part), arrays, {}, kind=f"search-{what}")


def outputs_by_name(found: Mapping[int, list[Entry]]) -> Arrays:
    """Return the outputs of entries, by place and split, as far as there are any."""
    return {
        f"{place}/{split}": np.asarray(entry["outputs"])
        for place, entries in found.items()
        for split, entry in enumerate(entries)
        if entry.get("outputs") is not None
    }


def as_text(entry: Entry) -> str:
    """Return an entry as JSON, without its outputs."""
    return json.dumps({key: value for key, value in entry.items() if key != "outputs"}, default=float)


def fingerprint(search: Any, spaces: Sequence[Any], trials: Trials) -> str:
    """Return a hash of what decides the table of a search: data, splits, estimator, space and options."""
    options = ("sampler", "n_settings", "halving", "scoring", "refit", "return_train_score", "error_score")
    words = [
        described(search.estimator),
        [{name: described(value) for name, value in part.items()} for part in spaces],
        [described(getattr(search, name)) for name in options],
    ]
    data = (trials.X, trials.y, dict(trials.fit_params), trials.groups, trials.splits, list(trials.seeds))
    return str(joblib.hash((repr(words), data)))


def stored_seed(path: Any) -> int | None:
    """Return the root seed of the search that a journal holds, or None where there is no journal yet."""
    file = _as_path(path)
    if not file.exists() or not file.stat().st_size:
        return None
    with told_by_name(file):
        connection = sqlite3.connect(file.absolute(), timeout=1.0)
        try:
            found = connection.execute("SELECT value FROM search WHERE name='seed'").fetchone()
        finally:
            connection.close()
    return None if found is None else int(found[0])


def beside(path: Any, name: str) -> Path:
    """Return the path of a file in the folder beside a journal; the folder is made where it is missing.

    Of several processes the first one makes it.
    """
    folder = _folder_of(_as_path(path))
    return (folder if process_index() else make_folder(folder)) / name


def _folder_of(path: Path) -> Path:
    """Return the folder beside a journal."""
    return path.with_name(f"{path.name}.arrays")


def _as_path(path: Any) -> Path:
    """Return the path of a journal.

    Raises:
        ParameterError: when it is no path.
    """
    try:
        found = Path(path)
    except TypeError as error:
        raise ParameterError(f"resume must be None or the path of a file, got {path!r:.80}.") from error
    if "\0" in str(found):
        raise ParameterError(f"resume must be the path of a file; {path!r:.80} has a character that ends it.")
    return found


@contextmanager
def open_journal(path: Any, fingerprint: str, seed: int) -> Iterator[Journal]:
    """Open the journal of a search, made where it is missing.

    Args:
        path: of the file.
        fingerprint: of all that decides the search's table but its seed.
        seed: the root seed of a new journal.

    Raises:
        ParameterError: when it is no path.
        FileError: when it is the journal of another search, or another process writes to it.
        DamagedFileError: when it is no journal.
        WriteError: when it cannot be made.
    """
    file = _as_path(path)
    with told_by_name(file):
        with suppress(OSError):  # SQLite itself tells what is wrong with the place
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(file.absolute(), timeout=1.0)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            # Held until the end: two searches that write to one file would each lose the other's parts.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            _begin(connection, file, fingerprint, seed)
        except BaseException:
            connection.close()
            raise
    try:
        yield Journal(connection, file)
    finally:
        connection.close()


def _begin(connection: sqlite3.Connection, path: Path, fingerprint: str, seed: int) -> None:
    """Write what a new journal is of, or check what an old one tells."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        versions = json.dumps({name: metadata.version(name) for name in _PACKAGES})
        if not names:
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
            facts = {"schema": _SCHEMA, "fingerprint": fingerprint, "seed": str(seed), "versions": versions}
            connection.executemany("INSERT INTO search VALUES (?, ?)", facts.items())
            return
        if not {"search", "fit"} <= names:
            raise DamagedFileError(f"{str(path)!r} is no journal of a search; give another file.")
        facts = dict(connection.execute("SELECT name, value FROM search").fetchall())
    if facts.get("schema") != _SCHEMA:
        raise FileError(f"{str(path)!r} was written by another version of gorae; give another file.")
    if facts.get("fingerprint") != fingerprint:
        raise FileError(
            f"{str(path)!r} holds another search (other data, estimator, splits or options than this one); "
            "give another file, or delete this one."
        )
    if facts.get("versions") != versions:
        warnings.warn(
            f"{str(path)!r} was begun with {facts.get('versions')}, and goes on with {versions}: its scores "
            "may differ by rounding.",
            GoraeWarning,
            stacklevel=2,
        )


def remove_journal(path: Any) -> None:
    """Remove a journal and the arrays beside it.

    Raises:
        DamagedFileError: when the file is no journal; it is left alone.
        OSError: when it cannot be removed.
    """
    file = _as_path(path)
    stored_seed(file)
    for suffix in _SUFFIXES:
        file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
    shutil.rmtree(_folder_of(file), ignore_errors=True)


def move_journal(path: Any, to: Any) -> None:
    """Move a journal and the arrays beside it, over an older one.

    Raises:
        DamagedFileError: when the file is no journal; it is left alone.
        OSError: when it cannot be moved.
    """
    file, target = _as_path(path), _as_path(to)
    stored_seed(file)
    if target.exists():
        remove_journal(target)
    for suffix in _SUFFIXES:
        part = file.with_name(f"{file.name}{suffix}")
        if part.exists():
            part.replace(target.with_name(f"{target.name}{suffix}"))
    if _folder_of(file).exists():
        _folder_of(file).replace(_folder_of(target))


@contextmanager
def told_by_name(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into sentences that name the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise FileError(
                f"{str(path)!r} is in use by another search; wait for it, or give another file."
            ) from error
        if "no such table" in str(error) or "no such column" in str(error):
            raise DamagedFileError(f"{str(path)!r} is no journal of a search; give another file.") from error
        raise WriteError(f"the search could not be written to {str(path)!r}: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise DamagedFileError(f"{str(path)!r} is no journal of a search, or is damaged: {error}.") from error
