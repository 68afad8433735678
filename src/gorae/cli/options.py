"""Options that several commands share, and how results are printed."""

import json
import math
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from gorae.errors import ParameterError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
quiet = click.option("--quiet", is_flag=True, help="Say nothing on standard error but errors.")
force = click.option("--force", is_flag=True, help="Replace files that exist.")
seed = click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of everything."
)
header = click.option(
    "--header/--no-header", default=True, help="Whether the file's first line names the columns."
)
encoding = click.option(
    "--encoding", default="utf-8", show_default=True, help="Of CSV files, such as latin-1 or cp949."
)


def stacked(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return options as one decorator; `--help` lists them in the order given."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_target = click.option("--target", help="The column to predict (for a file).")
_drop = click.option(
    "--drop",
    multiple=True,
    metavar="COLUMN",
    help="Leave a column out, such as an identifier, or what is known only afterwards. May be repeated.",
)
_text = click.option(
    "--text",
    metavar="COLUMN",
    help="Learn from the texts or traces of this column alone. Default: told by the content of the columns.",
)
_stored = stacked(
    click.option("--data-dir", type=click.Path(), help="Folder with idx files, for mnist and fashion-mnist."),
    click.option(
        "--download", is_flag=True, help="Fetch a named data set that is not here (HTTPS, checked)."
    ),
    header,
    encoding,
)

_task = click.option(
    "--task",
    type=click.Choice(["classification", "regression"]),
    help="Else told from the target.",
)

untested_options = stacked(_target, _task, _text, _drop, _stored)
"""What to learn from, without test rows."""

data_options = stacked(
    _target,
    _task,
    _text,
    _drop,
    click.option("--test", type=click.Path(), help="A file with test rows; else a fifth is held out."),
    _stored,
)
"""What to learn from."""

labelled_options = stacked(
    _target,
    click.option(
        "--task",
        type=click.Choice(["classification"]),
        help="That numbers which look like quantities are labels.",
    ),
    _text,
    _drop,
    click.option("--test", type=click.Path(), help="A file with test rows, looked for among the rows."),
    _stored,
)
"""Whose labels to look at."""

run_options = stacked(
    seed,
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "gpu", "tpu"]), default="auto", show_default=True
    ),
    click.option("--out", type=click.Path(file_okay=False), default=".", help="Folder for what is written."),
    as_json,
    quiet,
    force,
)
"""How a command that trains runs, and what it writes."""


class Duration(click.ParamType):
    """Seconds, as "90", "90s", "10m" or "1.5h"."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return seconds, or fail with what was wanted."""
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(value).strip().lower())
        if not found or float(found[1]) <= 0:
            self.fail(
                f"{value!r} is no duration; write 90s, 10m or 1.5h; a plain number is seconds.", param, ctx
            )
        return float(found[1]) * _UNITS[found[2]]


def time_option(what: str) -> Callable[[Any], Any]:
    """Return the option `--time`, whose help begins with what the time is for."""
    return click.option(
        "--time",
        "budget",
        type=Duration(),
        default="10m",
        show_default=True,
        metavar="TIME",
        help=what,
    )


class Halving(click.ParamType):
    """A factor such as 3, or "hyperband"."""

    name = "halving"

    def convert(self, value: Any, param: Any, ctx: Any) -> float | str:
        """Return the factor, or fail with what was wanted."""
        if str(value).lower() == "hyperband":
            return "hyperband"
        try:
            factor = float(value)
        except ValueError:
            factor = math.nan
        if not 1.1 <= factor < math.inf:
            self.fail(f"{value!r} is no factor of at least 1.1, such as 3, nor hyperband.", param, ctx)
        return factor


class Names(click.ParamType):
    """Names of models with commas between them."""

    name = "names"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Return the names, or fail with those that there are."""
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in str(value).split(",") if part.strip())
        try:
            return import_module("gorae.study.plan").check_models(names)
        except ParameterError as error:
            self.fail(str(error), param, ctx)


@contextmanager
def quietly(quiet: bool) -> Iterator[None]:
    """Keep warnings to ourselves inside the block, where that was asked for."""
    if not quiet:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def print_json(schema: str, content: dict[str, Any]) -> None:
    """Print one object with its schema."""
    click.echo(to_json(schema, content))


def to_json(schema: str, content: dict[str, Any]) -> str:
    """Return one object with its schema as JSON; numbers that JSON does not have become null."""
    return json.dumps(plain({"schema": schema, **content}), ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Return a value as what JSON has: numpy numbers as numbers, NaN and infinity as None.

    Example:
        >>> plain({"score": float("nan"), 1: (True, "a")})
        {'score': None, '1': [True, 'a']}
    """
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    item: Callable[[], Any] | None = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", 0) == 0:
        value = item()
    elif hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def shown(text: Any) -> str:
    r"""Return a name from outside for a terminal: control characters, which could steer it, are escaped.

    Example:
        >>> print(shown("income\x1b[2J"))
        income\x1b[2J
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
