"""A progress bar for one fit, on standard error, only when asked for and only on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from gorae.backend import process_index
from gorae.estimators.parameters import check_count
from gorae.train import Progress


@contextmanager
def training_bar(verbose: Any, members: int) -> Iterator[Callable[[Progress], None] | None]:
    """Give a callback that draws how far training is, or None when `verbose` is 0.

    Of several processes the first one draws.
    """
    if (
        check_count("verbose", int(verbose) if isinstance(verbose, bool) else verbose, low=0) == 0
        or process_index()
    ):
        yield None
        return
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("members, best validation score {task.fields[best]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("training", total=members, best="-")

        def show(progress: Progress) -> None:
            best = "-" if progress.best_score == float("-inf") else f"{progress.best_score:.4f}"
            share = progress.epochs / max(progress.epochs_planned, 1)
            bar.update(task, completed=max(progress.finished, round(share * members, 2)), best=best)

        yield show
