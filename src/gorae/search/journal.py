"""The journal of a search: every finished part is kept in one SQLite file, and a killed search goes on.

One row a fit, written in one transaction a part; a reader may look at any time (write-ahead log). What is not
in the file is done again: members are deterministic, so that the table becomes bitwise what it would have
been.
"""

import json
import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import joblib

from gorae.errors import DamagedFileError, FileError, GoraeWarning, ParameterError, WriteError
from gorae.search.space import Setting
from gorae.search.trials import Entry, Trials

_SCHEMA = "1"
_TABLES = """
CREATE TABLE search (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE fit (
    batch INTEGER, bracket INTEGER, rung INTEGER, part INTEGER, place INTEGER, split INTEGER,
    setting TEXT NOT NULL, entry TEXT NOT NULL, finished REAL NOT NULL,
    PRIMARY KEY (batch, bracket, rung, part, place, split)
);
"""
_PACKAGES = ("gorae", "jax", "numpy", "scikit-learn")


class Part(NamedTuple):
    """A part of a search: the sampler's batch, the bracket, the rung, and which of the rung's settings."""

    batch: int
    bracket: int
    rung: int
    part: int


Recall = Callable[[Part, Sequence[Setting], Callable[[], list[list[Entry]]]], list[list[Entry]]]
"""Returns the entries of a part: those that are known, or those that are made now, which are then kept."""


def make_anew(
    part: Part, settings: Sequence[Setting], make: Callable[[], list[list[Entry]]]
) -> list[list[Entry]]:
    """Return the entries of a part, made now: the `Recall` of a search without a journal."""
    return make()


class Journal:
    """An open journal.

    Args:
        connection: to its file.
        path: of the file, for messages.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path):
        self._connection = connection
        self._path = path

    def recall(
        self, part: Part, settings: Sequence[Setting], make: Callable[[], list[list[Entry]]]
    ) -> list[list[Entry]]:
        """Return the entries of a part from the file, or make and write them.

        Raises:
            FileError: when the file holds other settings there.
            WriteError: when they cannot be written.
        """
        with told_by_name(self._path):
            rows = self._connection.execute(
                "SELECT place, setting, entry FROM fit WHERE batch=? AND bracket=? AND rung=? AND part=? "
                "ORDER BY place, split",
                part,
            ).fetchall()
        if not rows:
            entries = make()
            self._write(part, settings, entries)
            return entries
        found: list[list[Entry]] = [[] for _ in settings]
        for place, setting, entry in rows:
            if place >= len(settings) or setting != repr(settings[place]):
                raise FileError(
                    f"{str(self._path)!r} holds another search: its setting {setting} is not one of this "
                    "search's; give the same space, sampler and random_state, or another file."
                )
            found[place].append(json.loads(entry))
        return found

    def _write(self, part: Part, settings: Sequence[Setting], entries: Sequence[Sequence[Entry]]) -> None:
        """Write a part in one transaction."""
        now = time.time()
        rows = [
            (*part, place, split, repr(setting), json.dumps(entry, default=float), now)
            for place, (setting, own) in enumerate(zip(settings, entries, strict=True))
            for split, entry in enumerate(own)
        ]
        with told_by_name(self._path), self._connection:
            self._connection.executemany("INSERT INTO fit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def fingerprint(search: Any, spaces: Sequence[Any], trials: Trials) -> str:
    """Return a hash of what decides the table of a search: data, splits, estimator, space and options."""
    options = ("sampler", "n_settings", "halving", "scoring", "refit", "return_train_score")
    described = [
        type(search.estimator).__qualname__,
        sorted((name, _described(value)) for name, value in search.estimator.get_params(deep=True).items()),
        [{name: _described(value) for name, value in part.items()} for part in spaces],
        [_described(getattr(search, name)) for name in options],
    ]
    data = (trials.X, trials.y, dict(trials.fit_params), trials.groups, trials.splits, list(trials.seeds))
    return str(joblib.hash((repr(described), data)))


def _described(value: Any) -> str:
    """Return a value in words that are the same in every process."""
    if hasattr(value, "rvs"):
        parts = (getattr(getattr(value, "dist", value), "name", type(value).__qualname__),)
        return repr((*parts, getattr(value, "args", ()), sorted(getattr(value, "kwds", {}).items())))
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def stored_seed(path: Any) -> int | None:
    """Return the root seed of the search that a journal holds, or None where there is no journal yet."""
    file = _as_path(path)
    if not file.exists() or not file.stat().st_size:
        return None
    with told_by_name(file):
        connection = sqlite3.connect(file, timeout=1.0)
        try:
            found = connection.execute("SELECT value FROM search WHERE name='seed'").fetchone()
        finally:
            connection.close()
    return None if found is None else int(found[0])


def _as_path(path: Any) -> Path:
    """Return the path of a journal.

    Raises:
        ParameterError: when it is no path.
    """
    try:
        return Path(path)
    except TypeError as error:
        raise ParameterError(f"resume must be None or the path of a file, got {path!r:.80}.") from error


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
        connection = sqlite3.connect(file, timeout=1.0)
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
        if "no such table" in str(error):
            raise DamagedFileError(f"{str(path)!r} is no journal of a search; give another file.") from error
        raise WriteError(f"the search could not be written to {str(path)!r}: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise DamagedFileError(f"{str(path)!r} is no journal of a search, or is damaged: {error}.") from error
