"""The table of population-based training read back: who went on from whom, trained with what."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.search.space import Setting

Schedule = list[tuple[int | None, Setting]]
"""What a network is trained with: a setting until so many epochs, then the next one; None: the end."""


def find_parents(results: Mapping[str, Any]) -> dict[int, int]:
    """In population-based training, the entry of the round before that each entry went on from.

    Args:
        results: `cv_results_`; its `parent` names a place in the round before.

    Returns:
        Entries by entries; empty where nothing went on from another.

    Example:
        >>> found = {"params": [{}] * 4, "iter": [0, 0, 1, 1], "parent": [0, 1, 0, 0]}
        >>> find_parents(found)
        {2: 0, 3: 0}
    """
    if "parent" not in results or "iter" not in results:
        return {}
    rounds, parents = (np.asarray(results[name], int) for name in ("iter", "parent"))
    rows = {int(each): np.flatnonzero(rounds == each) for each in np.unique(rounds)}
    found = {}
    for row in range(len(rounds)):
        before = rows.get(int(rounds[row]) - 1, np.zeros(0, int))
        if 0 <= parents[row] < len(before):
            found[row] = int(before[parents[row]])
    return found


def schedule_of(results: Mapping[str, Any], entry: int) -> Schedule:
    """Return what the networks of an entry were trained with from the first round on, in epochs.

    Args:
        results: `cv_results_` of population-based training.
        entry: a place in it; its setting is the schedule's last, and holds to the end.

    Example:
        >>> a, b, c = {"rate": 1}, {"rate": 2}, {"rate": 3}
        >>> found = {"params": [a, b, a, c], "iter": [0, 0, 1, 1], "n_resources": [5, 5, 10, 10]}
        >>> schedule_of({**found, "parent": [0, 1, 0, 0]}, 3)
        [(5, {'rate': 1}), (None, {'rate': 3})]
    """
    parents, settings = find_parents(results), results["params"]
    schedule: Schedule = [(None, settings[entry])]
    while entry in parents:
        entry = parents[entry]
        schedule.insert(0, (int(results["n_resources"][entry]), settings[entry]))
    return schedule
