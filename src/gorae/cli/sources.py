"""From the word on the command line to data: a file, or a data set by name."""

import warnings
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from gorae.errors import DataError, DataWarning, FileError, closest


class Reading(NamedTuple):
    """How CSV files are read: whether their first line holds names, and how they are encoded."""

    header: bool = True
    encoding: str = "utf-8"


class Source(NamedTuple):
    """Data to learn from: what `Study.fit` takes."""

    name: str
    X: Any
    y: Any
    X_test: Any = None
    y_test: Any = None
    feature_names: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    task: str | None = None
    target: str | None = None


def open_source(
    data: str,
    target: str | None,
    test: str | None,
    data_dir: str | None,
    download: bool,
    reading: Reading,
    seed: int,
) -> Source:
    """Return the data that a command names.

    Raises:
        FileError: when it is neither a file nor a known name.
        DataError: when the target is missing.
        UsageError: when an option for files is given with a named data set.
    """
    parts = import_module("gorae.data")
    if data not in parts.NAMES or Path(data).is_file():
        if Path(data).exists() or Path(data).suffix:
            return _table(parts, data, target, test, reading)
        near = closest(data, list(parts.NAMES))
        hint = f" Did you mean {near!r}?" if near else ""
        raise FileError(
            f"{data!r} is neither a file nor one of the named data sets ({', '.join(parts.NAMES)}).{hint}"
        )
    if target is not None or test is not None:
        raise click.UsageError(f"--target and --test are for files; the data set {data!r} has its own.")
    named = parts.load_named(data, data_dir=data_dir, download=download, seed=seed)
    return Source(
        name=named.name,
        X=named.X,
        y=named.y,
        X_test=named.test_X,
        y_test=named.test_y,
        feature_names=named.feature_names,
        image_shape=named.image_shape,
        task=named.task,
    )


def _table(parts: Any, data: str, target: str | None, test: str | None, reading: Reading) -> Source:
    """Return a table from a file, its target taken out, with a test file if there is one."""
    frame = parts.read_table(data, **reading._asdict())
    if target is None:
        some = ", ".join(repr(column) for column in frame.columns[:20]) + (
            ", ..." if frame.width > 20 else ""
        )
        raise DataError(f"which column is to be predicted? Give --target; {data!r} has {some}.")
    parts.require_columns(frame, [target], where=repr(data))
    if frame.width == 1:
        raise DataError(f"{data!r} has no column but the target {target!r}: nothing is left to predict from.")
    frame = _with_target(frame, target, data)
    source = Source(Path(data).name.split(".")[0], frame.drop(target), frame[target], target=target)
    if test is None:
        return source
    texts = [name for name, dtype in frame.schema.items() if str(dtype) in ("String", "Enum", "Categorical")]
    held = parts.read_table(test, text=texts, **reading._asdict())
    parts.require_columns(held, [target], where=repr(test))
    held = _with_target(held, target, test)
    return source._replace(X_test=held.drop(target), y_test=held[target])


def _with_target(frame: Any, target: str, path: str) -> Any:
    """Return the rows that have a target, and say how many have none."""
    known = frame.drop_nulls(target)
    lost = frame.height - known.height
    if not known.height:
        raise DataError(f"no row of {path!r} has a value in the target column {target!r}.")
    if lost:
        verb = "has" if lost == 1 else "have"
        warnings.warn(
            f"{lost} of {frame.height} rows of {path!r} {verb} no {target!r} and were left out; row numbers "
            "count the others.",
            DataWarning,
            stacklevel=2,
        )
    return known


def new_rows(model: Any, path: str, reading: Reading) -> Any:
    """Return the rows of a file, or of a named data set, for the model of a study."""
    parts = import_module("gorae.data")
    if path in parts.NAMES and not Path(path).is_file():
        if model.encoding is not None:
            raise DataError(
                f"the model was trained on a table and needs its columns {list(model.encoding.columns)}; the "
                f"named data set {path!r} has other ones. Give a file."
            )
        return parts.load_named(path).X
    text = model.encoding.text_columns if model.encoding is not None else ()
    frame = parts.read_table(path, text=text, **reading._asdict())
    named = () if model.encoding is None else model.encoding.columns
    if not reading.header and not set(named) <= set(frame.columns):
        wanted = ", ".join(map(repr, named[:5])) + (", ..." if len(named) > 5 else "")
        raise DataError(
            f"the model was trained on columns with names ({wanted}), but with --no-header those of {path!r} "
            f"are c0 to c{frame.width - 1}; give the file a header line, and leave --no-header out."
        )
    return frame
