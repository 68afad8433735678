"""Options that several commands share."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import click

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
quiet = click.option("--quiet", is_flag=True, help="Say nothing on standard error but errors.")
force = click.option("--force", is_flag=True, help="Replace files that exist.")


class Duration(click.ParamType):
    """Seconds, as "90", "90s", "10m" or "1.5h"."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return seconds, or fail with what was wanted."""
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(value).strip().lower())
        if not found or float(found[1]) <= 0:
            self.fail(f"{value!r} is no duration; write 90s, 10m or 1.5h.", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Names(click.ParamType):
    """Names with commas between them."""

    name = "names"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """Return the names."""
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


def print_json(schema: str, content: dict[str, Any]) -> None:
    """Print one object with its schema; numbers that JSON does not have become null."""
    click.echo(json.dumps(plain({"schema": schema, **content}), ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """Return a value as what JSON has: numpy numbers as numbers, NaN and infinity as None."""
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
