"""The answer on top of a search's report: the best setting, how good it is, and how far to believe that."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gorae.report.answer import scored
from gorae.report.names import shortened
from gorae.report.searches.facts import SearchFacts, count_fits
from gorae.report.searches.spaces import ends_reached
from gorae.report.trails import Tried
from gorae.report.words import (
    Measure,
    capital,
    count,
    counted,
    duration,
    interval,
    measure,
    number,
    settings,
    value,
)

__all__ = [
    "best_score",
    "cautions",
    "chosen_in_words",
    "flattery",
    "sentences",
    "tiles",
]


def nested_score(facts: SearchFacts) -> dict[str, float | None]:
    """The score of the whole search and its interval, which ends where the measure does.

    Args:
        facts: of the search.

    Returns:
        ``score``, ``low`` and ``high``; empty where the search was not scored.

    Example:
        >>> nested = {"score": 0.98, "low": 0.95, "high": 1.01}
        >>> nested_score(SearchFacts({"params": [{}]}, metric="accuracy", nested=nested))["high"]
        1.0
    """
    score, low, high = (number(facts.nested, key) for key in ("score", "low", "high"))
    if score is None:
        return {}
    what = measure(facts.metric)
    low = None if low is None else float(max(low, what.least))
    return {"score": score, "low": low, "high": None if high is None else float(min(high, what.most))}


def best_score(tried: Tried) -> dict[str, float]:
    """The best setting's score and interval.

    Args:
        tried: all settings.

    Returns:
        ``score``, ``low`` and ``high``; empty where all failed.

    Example:
        >>> from gorae.report.trails import tried_settings
        >>> best_score(tried_settings({"params": [{}], "mean_test_score": [0.5]}))["score"]
        0.5
    """
    if tried.best is None:
        return {}
    columns = {"score": tried.scores, "low": tried.low, "high": tried.high}
    return {name: float(found[tried.best]) for name, found in columns.items()}


def sentences(facts: SearchFacts, tried: Tried) -> list[str]:
    """The answer in two or three sentences.

    Args:
        facts: of the search.
        tried: its settings.

    Returns:
        The sentences.

    Example:
        >>> from gorae.report.trails import tried_settings
        >>> facts = SearchFacts({"params": [{"k": 1}], "mean_test_score": [0.5]}, metric="accuracy")
        >>> sentences(facts, tried_settings(facts.results))[-1]
        'Only one setting was tried: nothing was chosen, so the choice has not flattered its score.'
    """
    many, of = len(tried.settings), f" of {facts.estimator}" if facts.estimator else ""
    if tried.best is None:
        return [f"{counted(many, 'setting')}{of} tried, and none of them has a score."]
    chosen = settings(tried.settings[tried.best]) or "no parameter"
    opening = (
        f"Of {count(many)} settings{of} tried, the best is" if many > 1 else f"One setting{of} was tried"
    )
    where = f" over {facts.splits}" if facts.splits else ""
    told = f"{opening}: {chosen}."
    return [
        told,
        f"In the search it {scored(best_score(tried), measure(facts.metric))}{where}.",
        flattery(facts, tried),
    ]


def flattery(facts: SearchFacts, tried: Tried) -> str:
    """How much too good the best score is, in words.

    Args:
        facts: of the search; ``nested`` knows it.
        tried: its settings; at least one has a score.

    Returns:
        One or two sentences.

    Example:
        >>> from gorae.report.trails import tried_settings
        >>> found = {"params": [{"k": 1}, {"k": 2}], "mean_test_score": [0.5, 0.9]}
        >>> nested = {"score": 0.8, "low": 0.75, "high": 0.85}
        >>> facts = SearchFacts(found, metric="accuracy", nested=nested)
        >>> flattery(facts, tried_settings(found)).split(". ")[1]
        'The best score was 10.0 points too good.'
    """
    many, what = len(tried.settings), measure(facts.metric)
    nested = nested_score(facts)
    if not nested:
        if many == 1:
            return (
                "Only one setting was tried: nothing was chosen, so the choice has not flattered its score."
            )
        return (
            f"Being the best of {count(many)}, this score is too good: the choice favoured settings that "
            "were lucky on these splits. A search with nested=True tells by how much."
        )
    told = f"On rows that had no part in the choice, what the search chooses {scored(nested, what)}."
    return f"{told} {_difference(best_score(tried)['score'], nested, what)}"


def _difference(best: float, nested: Mapping[str, float | None], what: Measure) -> str:
    """What the best score lies above the nested one, and whether it could be chance."""
    score, low, high = (number(nested, key) for key in ("score", "low", "high"))
    above = best - (score or 0.0)
    told = f"{100 * abs(above):.1f} points" if what.share else value(abs(above))
    if above == 0:
        return "The best score is the same."
    if above < 0:
        return f"This time the best score was not too good: it lies {told} lower."
    if low is not None and high is not None and low <= best <= high:
        return (
            f"The best score lies {told} above; as that is within the interval, how much of it is optimism "
            "and how much chance is not known."
        )
    return f"The best score was {told} too good."


def tiles(facts: SearchFacts, tried: Tried) -> list[dict[str, str]]:
    """The figures of the answer, each with a caption and a line of detail.

    Args:
        facts: of the search.
        tried: its settings.

    Returns:
        Mappings with ``caption``, ``figure`` and ``detail``.

    Example:
        >>> from gorae.report.trails import tried_settings
        >>> facts = SearchFacts({"params": [{}], "mean_test_score": [0.5]}, n_splits=3)
        >>> [tile["figure"] for tile in tiles(facts, tried_settings(facts.results))]
        ['0.500', '1 setting']
    """
    what, many, best = measure(facts.metric), len(tried.settings), best_score(tried)
    around = interval(best)
    shown = [
        {
            "caption": f"Best {what.name} in the search",
            "figure": value(number(best, "score")),
            "detail": f"95 % interval {around}" if around else "",
        }
    ]
    nested = nested_score(facts)
    if nested:
        around = interval(nested)
        detail = f"95 % interval {around}" if around else ""
        figure = value(nested["score"])
        shown.append(
            {"caption": f"{capital(what.name)} of the whole search", "figure": figure, "detail": detail}
        )
    elif many > 1:
        detail = "nested=True measures how optimistic the best score is"
        shown.append({"caption": "Optimism", "figure": "not known", "detail": detail})
    fits = (
        f"{counted(facts.n_splits, 'split')}, {counted(count_fits(facts), 'fit')}" if facts.n_splits else ""
    )
    shown.append({"caption": "Tried", "figure": counted(many, "setting"), "detail": fits})
    if facts.seconds is not None:
        detail = "of fitting and scoring" + (", nested searches not counted" if facts.nested else "")
        shown.append({"caption": "Time", "figure": duration(facts.seconds), "detail": detail})
    return shown


def cautions(facts: SearchFacts, tried: Tried) -> list[str]:
    """What to be aware of: settings that failed, ends of the space that were reached, and what was handed in.

    Args:
        facts: of the search.
        tried: its settings.

    Returns:
        Sentences.

    Example:
        >>> from gorae.report.trails import tried_settings
        >>> facts = SearchFacts({"params": [{"k": 1}, {"k": 2}], "mean_test_score": [0.5, float("nan")]})
        >>> cautions(facts, tried_settings(facts.results))
        ['1 of 2 settings failed and has no score.']
    """
    told = [str(line) for line in facts.warnings]
    if facts.ended:
        why = {"budget": "its budget was spent", "interrupted": "it was interrupted"}
        told.append(f"The search ended before its plan: {why.get(facts.ended, shortened(facts.ended, 80))}.")
    failed = int(np.isnan(tried.scores).sum())
    if failed:
        verb = "have" if failed > 1 else "has"
        told.append(
            f"{count(failed)} of {counted(len(tried.settings), 'setting')} failed and {verb} no score."
        )
    if tried.best is not None and len(tried.settings) > 1:
        told += ends_reached(facts.space, tried.settings[tried.best])
    return told


def chosen_in_words(chosen: Any) -> str:
    """How much the searches of nested cross-validation agree.

    Args:
        chosen: the setting that each chose.

    Returns:
        One sentence; empty where there are fewer than two.

    Example:
        >>> chosen_in_words([{"k": 1}, {"k": 1}, {"k": 3}])
        'The 3 searches chose 2 different settings.'
    """
    told = [shortened(sorted(setting.items(), key=str), 2000) for setting in chosen or ()]
    if len(told) < 2:
        return ""
    if len(set(told)) == 1:
        return f"All {len(told)} searches chose the same setting."
    return f"The {len(told)} searches chose {len(set(told))} different settings."
