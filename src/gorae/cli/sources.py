"""From the word on the command line to data: a file, or a data set by name."""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from gorae.errors import DataError, FileError, closest


class Source(NamedTuple):
    """Data to learn from: what `Study.fit` takes."""

    name: str
    X: Any
    y: Any
    X_test: Any
    y_test: Any
    image_shape: tuple[int, ...] | None
    task: str | None
    target: str | None


def open_source(
    data: str,
    target: str | None,
    test: str | None,
    data_dir: str | None,
    download: bool,
    header: bool,
    seed: int,
) -> Source:
    """Return the data that a command names.

    Raises:
        FileError: when it is neither a file nor a known name.
        DataError: when the target is missing.
    """
    parts = import_module("gorae.data")
    if Path(data).exists() or data not in parts.NAMES:
        if not Path(data).exists() and not Path(data).suffix:
            near = closest(data, list(parts.NAMES))
            hint = f" Did you mean {near!r}?" if near else ""
            raise FileError(
                f"{data!r} is neither a file nor one of the named data sets ({', '.join(parts.NAMES)}).{hint}"
            )
        return _table(parts, data, target, test, header)
    named = parts.load_named(data, data_dir=data_dir, download=download, seed=seed)
    return Source(
        named.name, named.X, named.y, named.test_X, named.test_y, named.image_shape, named.task, target
    )


def _table(parts: Any, data: str, target: str | None, test: str | None, header: bool) -> Source:
    """Return a table from a file, its target taken out, with a test file if there is one."""
    frame = parts.read_table(data, header=header)
    name = Path(data).name.split(".")[0]
    if target is None:
        some = ", ".join(repr(column) for column in frame.columns[:8])
        raise DataError(f"which column is to be predicted? Give --target; {data!r} has {some}.")
    parts.require_columns(frame, [target], where=repr(data))
    frame = _without_missing_target(frame, target)
    X_test = y_test = None
    if test is not None:
        held = parts.read_table(test, header=header)
        parts.require_columns(held, [target], where=repr(test))
        held = _without_missing_target(held, target)
        X_test, y_test = held.drop(target), held[target]
    return Source(name, frame.drop(target), frame[target], X_test, y_test, None, None, target)


def _without_missing_target(frame: Any, target: str) -> Any:
    """Return the rows that have a target, and say how many have none."""
    known = frame.drop_nulls(target)
    lost = frame.height - known.height
    if lost:
        import_module("warnings").warn(
            f"{lost} of {frame.height} rows have no {target!r} and were left out.",
            import_module("gorae.errors").DataWarning,
            stacklevel=2,
        )
    if not known.height:
        raise DataError(f"no row has a value in the target column {target!r}.")
    return known


def new_rows(model: Any, path: str, header: bool = True) -> Any:
    """Return the rows of a file as the model of a study takes them."""
    parts = import_module("gorae.data")
    if not Path(path).exists() and path in parts.NAMES:
        return parts.load_named(path).X
    text = model.encoding.text_columns if model.encoding is not None else ()
    frame = parts.read_table(path, text=text, header=header)
    if model.encoding is None and set(model.feature_names) <= set(frame.columns):
        frame = frame.select(list(model.feature_names))
    return frame
