"""A progress bar for a search, on standard error, only when asked for and only on a terminal."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gorae.estimators.parameters import check_count

Heard = Callable[[str, float, float], None]
"""Told what is being done, the share of it that is done, and the best mean score so far (NaN: none yet)."""


@contextmanager
def search_bar(verbose: Any) -> Iterator[Heard]:
    """Give what draws how far a search is; nothing is drawn when `verbose` is 0."""
    quiet = check_count("verbose", int(verbose) if isinstance(verbose, bool) else verbose, low=0) == 0
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("best mean score {task.fields[best]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("search", total=1.0, best="-")

        def hear(what: str, share: float, best: float) -> None:
            shown = "-" if math.isnan(best) else f"{best:.4f}"
            bar.update(task, description=what, completed=share, best=shown)

        yield hear
