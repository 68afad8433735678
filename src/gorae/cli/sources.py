"""From the word on the command line to data: a file, or a data set by name."""

import re
import warnings
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import click

from gorae.cli.tagging import refuse_treebank
from gorae.cli.text_folders import check_contents, folder_fields, folder_rows
from gorae.errors import DataError, DataWarning, FileError, closest


class Reading(NamedTuple):
    """How CSV files are read: whether their first line holds names, and how they are encoded."""

    header: bool = True
    encoding: str = "utf-8"


class Source(NamedTuple):
    """Data to learn from: what `Study.fit` takes, and the task of a named data set."""

    name: str
    X: Any
    y: Any
    X_test: Any = None
    y_test: Any = None
    feature_names: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    task: str | None = None
    target: str | None = None
    row_numbers: Any = None
    text: str | None = None
    notes: tuple[str, ...] = ()


def open_source(
    data: str,
    target: str | None,
    drop: tuple[str, ...],
    test: str | None,
    data_dir: str | None,
    download: bool,
    reading: Reading,
    seed: int,
    text: str | None = None,
) -> Source:
    """Return the data that a command names.

    Raises:
        FileError: when it is neither a file nor a known name.
        DataError: when the target is missing.
        UsageError: when an option for files is given with a named data set.
    """
    parts = import_module("gorae.data")
    refuse_treebank(data, "gorae fit trains a tagger on it; give a table")
    if data not in parts.NAMES or Path(data).is_file():
        if parts.holds_texts(data):
            return Source(**folder_fields(data, target, drop, test, text, reading.encoding))
        check_contents(data)
        if Path(data).exists() and parts.holds_images(data):
            if text is not None:
                raise click.UsageError(f"--text names a column of a table, but {data!r} holds images.")
            return _images(parts, data, target, drop, test)
        if Path(data).exists() or Path(data).suffix:
            return _table(parts, data, target, drop, test, reading, text)
        near = closest(data, list(parts.NAMES))
        hint = f" Did you mean {near!r}?" if near else ""
        raise FileError(
            f"{data!r} is neither a file nor one of the named data sets ({', '.join(parts.NAMES)}).{hint}"
        )
    if text is not None:
        raise click.UsageError(f"--text is for files; the data set {data!r} has no texts.")
    if target is not None or test is not None or drop:
        raise click.UsageError(
            f"--target, --test and --drop are for files; the data set {data!r} has its own columns."
        )
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


def _images(parts: Any, data: str, target: str | None, drop: tuple[str, ...], test: str | None) -> Source:
    """Return images with their labels, with test images if there are any."""
    if target is not None or drop:
        raise click.UsageError(
            f"--target and --drop are for tables; the labels of the images of {data!r} are their folders or "
            "stand in the file beside them."
        )
    images = parts.load_images(data)
    held = None if test is None else parts.load_images(test)
    for path, found in ((data, images), (test, held)):
        if found is not None and found.labels is None:
            raise DataError(
                f"the images of {path!r} have no labels to learn from or be scored on; give a folder with a "
                "folder of images for each class."
            )
    if held is not None and held.shape != images.shape:
        raise DataError(f"{_sizes(held)} in {test!r} cannot test {_sizes(images)} of {data!r}.")
    return Source(
        name=Path(data).resolve().name.split(".")[0],
        X=images.matrix,
        y=images.labels,
        X_test=None if held is None else held.matrix,
        y_test=None if held is None else held.labels,
        image_shape=images.shape if images.shape[2] > 1 else images.shape[:2],
        task="classification",
    )


def _sizes(images: Any) -> str:
    """Return the size of images in words."""
    height, width, channels = images.shape
    return f"images of {height} x {width} pixels and {channels} channel{'s' if channels > 1 else ''}"


def _table(
    parts: Any,
    data: str,
    target: str | None,
    drop: tuple[str, ...],
    test: str | None,
    reading: Reading,
    text: str | None,
) -> Source:
    """Return a table from a file, its target taken out, with a test file if there is one."""
    frame = parts.read_table(data, text=() if text is None else (text,), **reading._asdict())
    if target is None:
        some = ", ".join(repr(column) for column in frame.columns[:20]) + (
            ", ..." if frame.width > 20 else ""
        )
        hint = _headerless(frame.columns, reading)
        raise DataError(f"which column is to be predicted? Give --target; {data!r} has {some}.{hint}")
    _require(parts, frame, [target, *drop, *(() if text is None else (text,))], data, reading)
    if target in drop:
        raise click.UsageError(
            f"--drop {target!r} is the column to predict; drop others, or change --target."
        )
    if text is not None and text in (target, *drop):
        raise click.UsageError(
            f"--text {text!r} is to be learned from, and cannot be --target or --drop too."
        )
    notes = []
    if drop:
        names = ", ".join(map(repr, dict.fromkeys(drop)))
        notes.append(f"Left out with --drop: {names}.")
        frame = frame.drop(drop)
    if frame.width == 1:
        raise DataError(f"{data!r} has no column but the target {target!r}: nothing is left to predict from.")
    _check_target(frame, target, data)
    known, numbers, told = _with_target(frame, target, data)
    source = Source(
        name=Path(data).name.split(".")[0],
        X=known.drop(target),
        y=known[target],
        target=target,
        row_numbers=numbers,
        text=text,
        notes=(*notes, *(f"{words}; row numbers are those of the file, from 0." for words in told)),
    )
    if test is None:
        return source
    texts = [name for name, dtype in frame.schema.items() if str(dtype) in ("String", "Enum", "Categorical")]
    held = parts.read_table(test, text=texts, **reading._asdict())
    _require(parts, held, [target], test, reading)
    held, _, lost = _with_target(held.drop(drop, strict=False), target, test)
    return source._replace(
        X_test=held.drop(target),
        y_test=held[target],
        notes=(*source.notes, *(f"{words}." for words in lost)),
    )


def _check_target(frame: Any, target: str, path: str) -> None:
    """Refuse a target that is neither a number nor a label."""
    dtype = frame[target].dtype
    if dtype.is_temporal():
        raise DataError(
            f"the target {target!r} of {path!r} holds dates or times ({dtype}): dates cannot be predicted; "
            "turn it into a number or text."
        )


def _with_target(frame: Any, target: str, path: str) -> tuple[Any, Any, list[str]]:
    """Return the rows that have a target, their numbers in the file, and in words how many have none."""
    there = frame[target].is_not_null()
    known, numbers = frame.filter(there), there.arg_true().to_numpy().astype("int64")
    lost = frame.height - known.height
    if not known.height:
        raise DataError(f"no row of {path!r} has a value in the target column {target!r}.")
    if not lost:
        return known, numbers, []
    verb, were = ("has", "was") if lost == 1 else ("have", "were")
    told = f"{lost} of {frame.height} rows of {path!r} {verb} no {target!r} and {were} left out"
    warnings.warn(f"{told}.", DataWarning, stacklevel=2)
    return known, numbers, [told]


def _require(
    parts: Any, frame: Any, names: Iterable[str], path: str, reading: Reading, *, learned: bool = False
) -> None:
    """Raise unless a table of a file has these columns, and say so where it seems to have no header line."""
    names = list(names)
    try:
        parts.require_columns(frame, names, where=repr(path))
    except DataError as error:
        own = not learned or all(re.fullmatch(r"c\d+", name) for name in names)
        hint = _headerless(frame.columns, reading, () if own else names)
        if not hint:
            raise
        raise DataError(f"{error}{hint}") from error


def _headerless(names: list[str], reading: Reading, wanted: Iterable[str] = ()) -> str:
    """Return what to do where most names are numbers, as they are when a row was taken for a header line.

    Args:
        names: the names found.
        reading: how the file was read.
        wanted: the names that a model needs, or none where columns are called by their place.
    """
    numbers = [_number(name) for name in names]
    known = [number for number in numbers if number is not None]
    if not reading.header or 2 * len(known) <= len(names) or known == list(range(len(names))):
        return ""
    named = ", ".join(wanted)
    what = f"put one before its rows: {named}" if named else "give --no-header: c0 is then its first column"
    return f" Most of these names are numbers: if the file has no header line, {what}."


def _number(text: str) -> float | None:
    """Return the number that a text is, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def task_words(source: Source, task: str | None) -> tuple[str, tuple[str, ...]]:
    """Return which task it is and why, with a sentence for the report where the values leave a choice."""
    if task or source.task:
        return (f"{task} (--task)" if task else f"{source.task} (the data set's own)"), ()
    parts = import_module("gorae.data")
    guessed, what = parts.guess_task(source.y), parts.describe_values(source.y)
    words = f"{source.target!r} holds {what}"
    if not what.endswith("whole numbers") or 2 * source.y.n_unique() > len(source.y):
        return f"{guessed} ({words})", ()
    if guessed == "classification":
        words = f"{words}; --task regression predicts it as a number"
    else:
        words = f"{words}; --task classification takes each for a class"
    return f"{guessed} ({words})", (f"The task is {guessed}: {words}.",)


def new_rows(model: Any, path: str, reading: Reading) -> Any:
    """Return the rows of a file, or of a named data set, for the model of a study.

    Raises:
        DataError: when they are not what the model reads.
    """
    parts = import_module("gorae.data")
    if path in parts.NAMES and not Path(path).is_file():
        if model.encoding is not None:
            raise DataError(
                f"the model was trained on a table and needs its columns {list(model.encoding.columns)}; the "
                f"named data set {path!r} has other ones. Give a file."
            )
        return parts.load_named(path).X
    refuse_treebank(path, "the model was not trained on sentences; give rows like those that it learned from")
    if parts.holds_texts(path):
        return folder_rows(model, path, reading.encoding)
    check_contents(path)
    if Path(path).exists() and parts.holds_images(path):
        return _new_images(parts, model, path).matrix
    text = model.encoding.text_columns if model.encoding is not None else ()
    frame = parts.read_table(path, text=text, **reading._asdict())
    if model.encoding is None:
        _check_numbers(frame, model.feature_names, path)
        return frame
    named = model.encoding.columns
    if not reading.header and not set(named) <= set(frame.columns):
        raise DataError(
            f"the model was trained on columns with names ({_listed(named)}), but with --no-header those of "
            f"{path!r} are c0 to c{frame.width - 1}; give the file a header line, and leave --no-header out."
        )
    _require(parts, frame, named, path, reading, learned=True)
    return frame


def _new_images(parts: Any, model: Any, path: str) -> Any:
    """Return images of the size that a model reads, grey ones as colours where it learned these.

    Raises:
        DataError: when the model learned from a table, or from images of another size.
    """
    shape = (model.facts.get("data") or {}).get("image_shape")
    if shape is None:
        what = "texts" if model.reads_texts else "a table"
        raise DataError(f"the model was trained on {what}, not on images; {path!r} holds images.")
    height, width, *rest = shape
    channels = rest[0] if rest else 1
    images = parts.load_images(path, channels=channels if channels in (1, 3, 4) else None)
    if images.shape != (height, width, channels):
        raise DataError(
            f"the model was trained on images of {height} x {width} pixels and {channels} channel(s), but "
            f"{path!r} has {_sizes(images)}; scale them first, or give others."
        )
    return images


class Labelled(NamedTuple):
    """Rows with their targets, for a model that knows them."""

    X: Any
    y: Any
    row_numbers: Any
    notes: tuple[str, ...] = ()


def labelled_rows(model: Any, path: str, target: str | None, reading: Reading) -> Labelled:
    """Return the rows of a file that have a target, or of a named data set, for the model of a study.

    Raises:
        DataError: when they are not what the model reads, or a target is none of its classes.
        UsageError: when the target is missing, or given for a named data set.
    """
    parts = import_module("gorae.data")
    if path in parts.NAMES and not Path(path).is_file():
        if target is not None:
            raise click.UsageError(f"--target is for files; the data set {path!r} has its own.")
        X = new_rows(model, path, reading)
        named = parts.load_named(path)
        held = named.test_X is not None
        y = _known_targets(model, named.test_y if held else named.y)
        return Labelled(named.test_X if held else X, y, range(len(y)))
    if target is None and Path(path).exists() and parts.holds_images(path):
        images = _new_images(parts, model, path)
        if images.labels is None:
            raise DataError(f"the images of {path!r} have no labels; explain one of them with --row.")
        return Labelled(images.matrix, _known_targets(model, images.labels), range(len(images)))
    if target is None:
        raise click.UsageError(
            "say what to explain: one answer with --row, or what all of them depend on with --target, the "
            "column of DATA that holds the true answers."
        )
    text = () if model.encoding is None else model.encoding.text_columns
    if model.classes is not None and model.classes.dtype.kind in "UO":
        text = (*text, target)
    frame = parts.read_table(path, text=text, **reading._asdict())
    _require(parts, frame, [target], path, reading)
    if model.encoding is None:
        _check_numbers(frame.drop(target), model.feature_names, path)
    else:
        _require(parts, frame, model.encoding.columns, path, reading, learned=True)
    known, numbers, told = _with_target(frame, target, path)
    y = _known_targets(model, known[target])
    return Labelled(known.drop(target), y, numbers, tuple(f"{words}." for words in told))


def _known_targets(model: Any, y: Any) -> Any:
    """Return targets as the labels that the model knows, or as numbers."""
    outcomes = import_module("gorae.study.outcomes")
    numpy = import_module("numpy")
    known = outcomes.known_outcomes(y, outcomes.Outcomes(numpy.zeros(0), model.classes))
    return known[:, 0] if model.classes is None else model.classes[known]


def _check_numbers(frame: Any, names: tuple[str, ...], path: str) -> None:
    """Refuse text where a model reads numbers: in its own columns or, where there is none of them, in any."""
    used = [name for name in names if name in frame.columns] or frame.columns
    texts = [
        name
        for name in used
        if not (frame[name].dtype.is_numeric() or str(frame[name].dtype) == "Boolean")
        and frame[name].null_count() < frame.height
    ]
    if texts:
        raise DataError(
            f"the model reads {len(names)} columns of numbers ({_listed(names)}), but in {path!r} other "
            f"values stand in {_listed(texts)}. Give a file with the model's columns."
        )


def _listed(names: Any) -> str:
    """Return the first names, for a message."""
    return ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
