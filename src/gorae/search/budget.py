"""The budget of a search: how many fits, epochs, floating-point operations or seconds it may take."""

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gorae.backend import process_count
from gorae.errors import ParameterError, closest
from gorae.search.trials import Entry

KINDS = ("fits", "epochs", "flops", "seconds")

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass
class Budget:
    """What a search may take, and what it has taken.

    Args:
        limits: the most of each kind; a kind that is not named is free.
        spent: what has been taken of each kind but seconds.
        seconds_before: seconds that were spent before this process took over.
        began: when this process began.
    """

    limits: Mapping[str, float]
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("fits", "epochs", "flops"), 0.0))
    seconds_before: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def needs_costs(self) -> bool:
        """Return whether it must be known beforehand how long settings train."""
        return "epochs" in self.limits or "flops" in self.limits

    def affordable(self, costs: Sequence[Mapping[str, float]]) -> int:
        """Return how many settings, from the first, may be begun.

        Args:
            costs: what each takes at most, of any kind.
        """
        if self.is_time_up():
            return 0
        sums = dict(self.spent)
        for count, cost in enumerate(costs):
            for kind, amount in cost.items():
                sums[kind] += amount
            if any(sums[kind] > self.limits.get(kind, math.inf) for kind in sums):
                return count
        return len(costs)

    def spend(self, entries: Sequence[Sequence[Entry]], *, new: bool = True) -> None:
        """Count what the entries of settings tell that they have taken; `new`: the fits began with them."""
        for own in entries:
            self.spent["fits"] += len(own) if new else 0
            for entry in own:
                epochs, flops = entry.get("cost") or (0, 0.0)
                self.spent["epochs"] += epochs
                self.spent["flops"] += flops

    def seconds(self) -> float:
        """Return the seconds that the search has taken so far."""
        return self.seconds_before + time.perf_counter() - self.began

    def is_time_up(self) -> bool:
        """Return whether the seconds are spent."""
        return self.seconds() >= self.limits.get("seconds", math.inf)

    def words(self) -> str:
        """Return the limits in words.

        Example:
            >>> read_budget({"fits": 20, "seconds": 1.5}).words()
            '20 fits, 1.5 seconds'
        """
        return ", ".join(f"{limit:g} {kind}" for kind, limit in self.limits.items())


def read_budget(budget: Any) -> Budget:
    """Return a budget from what a user gives: None, a duration, or limits by kind.

    Args:
        budget: None for no limit; a text such as "90s", "10m" or "1.5h"; or a dictionary with numbers for any
            of fits, epochs, flops and seconds.

    Raises:
        ParameterError: when it is none of these, or seconds are counted in a run of several processes.

    Example:
        >>> dict(read_budget("10m").limits)
        {'seconds': 600.0}
    """
    if budget is None:
        return Budget({})
    if isinstance(budget, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", budget.strip().lower())
        if found and float(found[1]) > 0:
            budget = {"seconds": float(found[1]) * _UNITS[found[2]]}
    if not isinstance(budget, Mapping) or not budget:
        raise ParameterError(
            "budget must be None, a duration such as '10m', or a dictionary such as {'fits': 200} with any "
            f"of {', '.join(KINDS)}; got {budget!r:.80}."
        )
    for kind, limit in budget.items():
        if kind not in KINDS:
            near = closest(str(kind), KINDS)
            hint = f"did you mean {near!r}?" if near else f"it counts {', '.join(KINDS)}."
            raise ParameterError(f"budget does not count {kind!r}; {hint}")
        number = isinstance(limit, int | float) and not isinstance(limit, bool)
        if not number or not 0 < limit < math.inf:
            raise ParameterError(f"budget[{kind!r}] must be a number above 0, got {limit!r:.80}.")
    if "seconds" in budget and process_count() > 1:
        raise ParameterError(
            "a budget of seconds cannot be kept by several processes, whose clocks would part them; give "
            "fits, epochs or flops."
        )
    return Budget({str(kind): float(limit) for kind, limit in budget.items()})


def shared_budget(budget: Any, searches: int) -> Any:
    """Return the equal share that each of several searches has of a budget; whole numbers stay whole.

    Example:
        >>> shared_budget({"fits": 100}, 3)
        {'fits': 33}
    """
    if budget is None:
        return None
    shares = {kind: limit / searches for kind, limit in read_budget(budget).limits.items()}
    return {kind: int(share) if kind in ("fits", "epochs") else share for kind, share in shares.items()}
