"""How far a search is: a progress bar, and a live table of the best settings, on standard error."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from gorae.backend import process_index
from gorae.estimators.parameters import check_count

_SHOWN = 8


class Tried(NamedTuple):
    """A setting that has been tried: its mean score with its interval, and the epochs it trained."""

    setting: Mapping[str, Any]
    mean: float
    low: float
    high: float
    epochs: int | None


class Listener:
    """Hears how far a search is, and draws nothing."""

    def progress(self, what: str, share: float, best: float) -> None:
        """Hear what is being done, the share of it that is done, and the best mean score so far."""

    def finished(self, tried: Sequence[Tried]) -> None:
        """Hear which settings have been tried since."""


class Bar(Listener):
    """Draws a progress bar, and below it a table of the best settings where that is asked for.

    Args:
        console: where.
        table: whether the best settings are shown.
    """

    def __init__(self, console: Console, *, table: bool):
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("best mean score {task.fields[best]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=console)
        self._task = self._bar.add_task("search", total=1.0, best="-")
        self._table = table
        self._best: list[Tried] = []
        self.live = Live(self._drawn(), console=console, refresh_per_second=8, transient=not table)

    def progress(self, what: str, share: float, best: float) -> None:
        """Move the bar."""
        shown = "-" if math.isnan(best) else f"{best:.4f}"
        self._bar.update(self._task, description=what, completed=share, best=shown)

    def finished(self, tried: Sequence[Tried]) -> None:
        """Put new settings into the table."""
        fine = [each for each in tried if not math.isnan(each.mean)]
        longest = max((each.epochs or 0 for each in [*self._best, *fine]), default=0)
        going = [each for each in [*self._best, *fine] if (each.epochs or 0) == longest]
        self._best = sorted(going, key=lambda each: -each.mean)[:_SHOWN]
        self.live.update(self._drawn())

    def _drawn(self) -> Group:
        """Return what is drawn now."""
        return Group(self._bar, best_table(self._best)) if self._table and self._best else Group(self._bar)


def best_table(tried: Sequence[Tried]) -> Table:
    """Return a table of settings, best first: one column a parameter, the mean score with its interval.

    Args:
        tried: the settings, in their order.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("mean score", justify="right")
    table.add_column("95 % interval")
    halved = any(each.epochs is not None for each in tried)
    if halved:
        table.add_column("epochs", justify="right")
    names = list(dict.fromkeys(name for each in tried for name in each.setting))
    for name in names:
        table.add_column(plain_text(name), overflow="fold")
    for each in tried:
        bounds = "-" if math.isnan(each.low) else f"{each.low:.4f} to {each.high:.4f}"
        values = [value_text(each.setting[name]) if name in each.setting else "" for name in names]
        table.add_row(f"{each.mean:.4f}", bounds, *([str(each.epochs or "")] if halved else []), *values)
    return table


def value_text(value: Any) -> str:
    """Return a value of a setting for a table: few digits, one line.

    Example:
        >>> value_text(0.00123456), value_text((64, 32)), value_text("tanh")
        ('0.001235', '(64, 32)', 'tanh')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    return plain_text(" ".join(str(value).split()))[:60]


def plain_text(text: Any) -> str:
    """Return a text without what rich, or a terminal, would take for a command."""
    return escape("".join(c if c.isprintable() else "?" for c in str(text)))


@contextmanager
def listening(verbose: Any) -> Iterator[Listener]:
    """Give who hears how far a search is, and draws it: nothing (0), a bar (1), a live table too (2).

    Nothing is drawn where standard error is no terminal; of several processes the first one draws.
    """
    level = check_count("verbose", int(verbose) if isinstance(verbose, bool) else verbose, low=0)
    console = Console(file=sys.stderr)
    if level == 0 or process_index() or not console.is_terminal:
        yield Listener()
        return
    bar = Bar(console, table=level > 1)
    with bar.live:
        yield bar
