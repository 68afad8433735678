"""What a study says while it works: the plan first, then one bar a model, on standard error."""

import math
import sys
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gorae.search import Step
from gorae.study.plan import Plan


class Listener(Protocol):
    """Whoever wants to hear how a study goes."""

    def planned(self, plan: Plan) -> None:
        """Hear the plan, before the work starts."""

    def started(self, model: str) -> None:
        """Hear that a model's cross-validation starts."""

    def advanced(self, step: Step) -> None:
        """Hear how far the current model is."""

    def scored(self, row: dict[str, Any]) -> None:
        """Hear a finished row of the ladder."""

    def closed(self) -> None:
        """Hear that the study is over, well or not."""


class Silent:
    """Hears everything and says nothing."""

    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def started(self, model: str) -> None:
        """Say nothing."""

    def advanced(self, step: Step) -> None:
        """Say nothing."""

    def scored(self, row: dict[str, Any]) -> None:
        """Say nothing."""

    def closed(self) -> None:
        """Say nothing."""


class Bars:
    """Prints the plan and draws one bar a model on standard error; without a terminal, a line a model."""

    def __init__(self, console: Console | None = None):
        """Draw on `console`, or on standard error."""
        self._console = console or Console(file=sys.stderr)
        columns = (
            TextColumn("{task.description:>9}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
        )
        live = self._console.is_terminal
        self._bars = Progress(*columns, console=self._console, disable=not live, transient=True)
        self._task: Any = None

    def planned(self, plan: Plan) -> None:
        """Print the plan and what it gave up."""
        self._say("plan: " + "; ".join(plan.lines))
        for words in plan.gave_up:
            self._say(f"gave up, for time: {words}")
        self._bars.start()

    def started(self, model: str) -> None:
        """Begin a bar."""
        self._task = self._bars.add_task(model, total=1.0, told="")

    def advanced(self, step: Step) -> None:
        """Move the bar: models trained, the best score so far, the time left."""
        told = f"{step.done}/{step.planned} trained"
        if math.isfinite(step.best):
            told += f", best so far {step.best:.4f}"
        self._bars.update(self._task, completed=min(step.share, 1.0), told=told)

    def scored(self, row: dict[str, Any]) -> None:
        """End the bar and say the score."""
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        self._say(
            f"{row['model']:>9}  {row['metric']} {row['score']:.4f}  "
            f"({row['low']:.4f} to {row['high']:.4f})  {row['fits']} fits, {row['seconds']:.1f} s"
        )

    def closed(self) -> None:
        """Take the bars away."""
        self._bars.stop()

    def _say(self, line: str) -> None:
        """Print a line; only a terminal is wide enough to be filled, elsewhere a line stays one."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=not self._console.is_terminal)
