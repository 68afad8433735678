"""What a command writes and tells of it: refused before the work where it cannot be, kept where it can."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from gorae.errors import FileExistsRefusal, WriteError

_DATA = ("name", "rows", "columns", "classes", "task", "target")


def stem_of(data: str) -> str:
    """Return what the outputs for some data are called."""
    return Path(data).name.split(".")[0] or "data"


def refuse_existing(paths: Sequence[Path], force: bool, other: str = "--out") -> None:
    """Refuse before the work starts what would not be replaced after it.

    Args:
        paths: the files.
        force: whether they may be replaced.
        other: what names another file.
    """
    for path in paths:
        if path.exists() and not force:
            raise FileExistsRefusal(
                f"{str(path)!r} exists already; give --force to replace it, or another {other}."
            )


def check_folder(folder: Path) -> None:
    """Make the folder of the outputs, and see that a file can be written there, before the work starts.

    What was made for it is taken away again at the end of the command where nothing was written into it.
    """
    made = [step for step in (folder, *folder.parents) if not os.path.lexists(step)]
    context = click.get_current_context(silent=True)
    if context is not None and made:
        context.call_on_close(lambda: _take_away_empty(made))
    import_module("gorae.files").make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".gorae-", suffix=".tmp"):
            pass
    except OSError as error:
        raise WriteError(
            f"nothing can be written to the folder {str(folder)!r}: {error.strerror}."
        ) from error


def _take_away_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the innermost first, up to the first that holds something."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def write_outputs(
    save: Callable[..., None], report: Callable[..., None], model_file: Path, report_file: Path, force: bool
) -> None:
    """Write a model and its report; a model without its report is better than none.

    Args:
        save: writes the model to a path, with `force` by name.
        report: writes the report likewise.
        model_file: where the model goes.
        report_file: where the report goes.
        force: whether files that exist are replaced.
    """
    save(model_file, force=force)
    try:
        report(report_file, force=force)
    except WriteError as error:
        raise WriteError(f"{error} The model itself was written to {str(model_file)!r}.") from error


def about_data(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `--json` prints of the data."""
    return {key: facts[key] for key in _DATA}


def interval(found: Mapping[str, Any]) -> str:
    """Return an interval in words."""
    return f"{found['low']:.4f} to {found['high']:.4f}"
