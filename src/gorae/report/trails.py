"""The table of a search read as settings: each once, with the rungs it has climbed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from gorae.errors import InputError, closest
from gorae.report.names import shortened
from gorae.report.words import measure
from gorae.search.lineage import find_parents

__all__ = [
    "Tried",
    "brief_names",
    "column",
    "find_trails",
    "parameter_names",
    "tried_settings",
    "varied_names",
]

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Tried:
    """Every setting once, as it stood when it was last scored.

    Attributes:
        settings: values by the names of the parameters; a parameter of another part of the space is missing.
        rows: the entries of each setting in the table, first rung first.
        scores: mean scores; NaN where a fit failed.
        low: lower ends of their 95 % intervals, NaN where there is none.
        high: upper ends.
        epochs: how long each has trained; None where nothing was halved.
        best: the place of the best setting; None where all failed.
    """

    settings: tuple[Mapping[str, Any], ...]
    rows: tuple[tuple[int, ...], ...]
    scores: Float[np.ndarray, " settings"]
    low: Float[np.ndarray, " settings"]
    high: Float[np.ndarray, " settings"]
    epochs: Float[np.ndarray, " settings"] | None
    best: int | None


def column(results: Results, name: str) -> Float[np.ndarray, " entries"]:
    """A column of numbers of the table.

    Args:
        results: `cv_results_` of a search.
        name: of the column.

    Returns:
        Its numbers; NaN where the table has no such column, or an entry is infinite.

    Example:
        >>> column({"params": [{}, {}]}, "low_test_score").tolist()
        [nan, nan]
    """
    found = results.get(name)
    if found is None:
        return np.full(len(results["params"]), np.nan)
    numbers = np.asarray(found, dtype=float)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def tried_settings(
    results: Results, score: str = "score", best: int | None = None, metric: object = "score"
) -> Tried:
    """Every setting of a search once, at the last rung that it reached.

    Args:
        results: `cv_results_` of a search: `params` and `mean_test_*`; where they are known, `low_test_*` and
            `high_test_*`; and where settings were halved, `iter`, `n_resources` (epochs) and `bracket`.
        score: the name of the score, as in `mean_test_score`.
        best: the best setting's entry in the table; None for the best mean score among those trained longest.
        metric: what the score measures; intervals end where it does.

    Returns:
        The settings, in the order in which they were first tried.

    Raises:
        InputError: the table holds no setting, or not that score.

    Example:
        >>> found = {"params": [{"a": 1}, {"a": 2}], "mean_test_score": [0.5, 0.7]}
        >>> tried_settings(found).best
        1
    """
    if not len(results.get("params", ())):
        raise InputError("A picture of a search needs at least one setting; its table holds none.")
    if f"mean_test_{score}" not in results:
        known = [key.removeprefix("mean_test_") for key in results if key.startswith("mean_test_")]
        hint = f"it has {', '.join(shortened(name, 30) for name in known) or 'none'}"
        near = closest(score, known)
        raise InputError(
            f"The table of a search needs the score {shortened(score, 30)!r}, but {hint}."
            + (f" Did you mean {near!r}?" if near else "")
        )
    trails = find_trails(results)
    last = np.array([rows[-1] for rows in trails])
    scores = column(results, f"mean_test_{score}")[last]
    epochs = column(results, "n_resources")[last] if "n_resources" in results else None
    place = next((at for at, rows in enumerate(trails) if best in rows), None)
    return Tried(
        settings=tuple(results["params"][row] for row in last),
        rows=tuple(trails),
        scores=scores,
        low=np.maximum(column(results, f"low_test_{score}")[last], measure(metric).least),
        high=np.minimum(column(results, f"high_test_{score}")[last], measure(metric).most),
        epochs=epochs,
        best=_best_of(scores, epochs) if place is None else place,
    )


def _best_of(scores: np.ndarray, epochs: np.ndarray | None) -> int | None:
    """The place of the best score among the settings trained longest; None where none has a score."""
    judged = scores if epochs is None else np.where(epochs == np.nanmax(epochs), scores, np.nan)
    judged = judged if np.isfinite(judged).any() else scores
    return int(np.nanargmax(judged)) if np.isfinite(judged).any() else None


def find_trails(results: Results) -> list[tuple[int, ...]]:
    """The entries of each setting in the table of a search, rung after rung.

    An entry at a rung continues the first setting of its bracket that has the same values and stands one rung
    below (in population-based training: the one it went on from, while the values stay the same); any other
    begins a setting of its own.

    Args:
        results: `cv_results_`.

    Returns:
        Places of entries, one tuple a setting.

    Example:
        >>> a, b = {"rate": 0.1}, {"rate": 0.2}
        >>> find_trails({"params": [a, b, b], "iter": [0, 0, 1], "bracket": [0, 0, 0]})
        [(0,), (1, 2)]
    """
    settings = results["params"]
    if "iter" not in results:
        return [(row,) for row in range(len(settings))]
    rungs = np.asarray(results["iter"], int)
    brackets = np.asarray(results.get("bracket", np.zeros(len(settings))), int)
    came_from = find_parents(results)
    trails: list[list[int]] = []
    waiting: dict[tuple[Any, ...], list[list[int]]] = {}
    for row, setting in enumerate(settings):
        told = repr(sorted(setting.items(), key=lambda pair: str(pair[0])))
        parent = came_from.get(row) if came_from else None
        below = waiting.get((int(brackets[row]), told, int(rungs[row]) - 1, parent))
        trail = below.pop(0) if below else []
        if not trail:
            trails.append(trail)
        trail.append(row)
        itself = row if came_from else None
        waiting.setdefault((int(brackets[row]), told, int(rungs[row]), itself), []).append(trail)
    return [tuple(trail) for trail in trails]


def parameter_names(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of all parameters, in the order in which they appear.

    Args:
        settings: values by name.

    Returns:
        Each name once.

    Example:
        >>> parameter_names([{"a": 1}, {"b": 2, "a": 3}])
        ['a', 'b']
    """
    return list(dict.fromkeys(name for setting in settings for name in setting))


def varied_names(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the parameters in which settings differ; all names where they differ in none.

    Args:
        settings: values by name; a parameter that only some have counts as one that differs.

    Returns:
        The names, in the order in which they appear.

    Example:
        >>> varied_names([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
        ['b']
    """
    names = parameter_names(settings)
    values = {name: {repr(setting[name]) for setting in settings if name in setting} for name in names}
    shared = {name for name in names if all(name in setting for setting in settings)}
    return [name for name in names if len(values[name]) > 1 or name not in shared] or names


def brief_names(names: Sequence[str]) -> dict[str, str]:
    """Names of parameters without the steps of a pipeline before them, where that leaves no two alike.

    Args:
        names: as scikit-learn writes them, "step__parameter".

    Returns:
        The brief name of each.

    Example:
        >>> brief_names(["svc__C", "pca__whiten"]), brief_names(["a__C", "b__C"])
        ({'svc__C': 'C', 'pca__whiten': 'whiten'}, {'a__C': 'a__C', 'b__C': 'b__C'})
    """
    ends = [str(name).rpartition("__")[2] or str(name) for name in names]
    return {name: end if ends.count(end) == 1 else str(name) for name, end in zip(names, ends, strict=True)}
