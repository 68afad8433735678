"""Folders of texts on the command line: to learn from, to test on, and to answer for."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gorae.errors import DataError

__all__ = ["check_contents", "folder_fields", "folder_rows"]


def check_contents(path: str) -> None:
    """Refuse a folder in which there are neither texts nor images.

    Raises:
        DataError: with what is there.
    """
    told = import_module("gorae.data").lacking_in_folder(path)
    if told is not None:
        raise DataError(told)


def folder_fields(
    data: str, target: str | None, drop: tuple[str, ...], test: str | None, text: str | None, encoding: str
) -> dict[str, Any]:
    """Return the fields of a `Source` for a folder of texts.

    Raises:
        UsageError: when an option for tables is given with it.
        DataError: when texts have no class.
    """
    if target is not None or drop or text is not None:
        raise click.UsageError(
            f"--target, --text and --drop are for tables; the labels of texts of {data!r} are their folders."
        )
    X, y = _labelled(data, encoding)
    if len(set(y)) == 1:
        raise DataError(
            f"the texts of {data!r} are all of one class, {y[0]!r}; put those of each other class into a "
            "folder of its own, in files that end in .txt."
        )
    X_test, y_test = (None, None) if test is None else _labelled(test, encoding)
    return {
        "name": Path(data).resolve().name,
        "X": X,
        "y": y,
        "X_test": X_test,
        "y_test": y_test,
        "text": import_module("gorae.data").TEXT_COLUMN,
        "task": "classification",
    }


def folder_rows(model: Any, path: str, encoding: str) -> Any:
    """Return the texts of a folder as a table for a model that reads texts.

    Raises:
        DataError: when the model reads something else.
    """
    if not model.reads_texts:
        raise DataError(f"the model was not trained on texts, but {path!r} is a folder of texts.")
    parts = import_module("gorae.data")
    frame, _ = parts.read_text_folder(path, encoding=encoding)
    return frame.rename({parts.TEXT_COLUMN: model.encoding.column})


def _labelled(path: str, encoding: str) -> tuple[Any, Any]:
    """Return the texts of a folder, and their labels."""
    X, y = import_module("gorae.data").read_text_folder(path, encoding=encoding)
    if y is None:
        raise DataError(
            f"the texts of {path!r} have no labels to learn from or be scored on; give a folder with "
            "a folder of texts for each class."
        )
    return X, y
