"""What each section of a search's report shows, as plain values; None leaves a section out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gorae.report import pictures
from gorae.report.answer import ahead_in_words
from gorae.report.inlining import inline
from gorae.report.names import shortened
from gorae.report.pictures.dots import Dot, dot_figure
from gorae.report.searches.answer import (
    best_score,
    cautions,
    chosen_in_words,
    flattery,
    nested_score,
    sentences,
    tiles,
)
from gorae.report.searches.facts import SearchFacts, count_fits, epochs_saved
from gorae.report.searches.spaces import values_in_words
from gorae.report.sections import lines, machine
from gorae.report.trails import (
    Tried,
    brief_names,
    column,
    parameter_names,
    tried_settings,
    varied_names,
)
from gorae.report.words import (
    capital,
    count,
    counted,
    duration,
    interval,
    measure,
    number,
    percent,
    setting,
    settings,
    tick,
    value,
)
from gorae.search.lineage import find_parents

__all__ = ["search_view"]

_MOST_ROWS = 10
_MOST_COLUMNS = 8  # parameters in the table of the best
_MOST_REASONS = 12
_MOST_EXAMPLES = 4  # settings shown with each reason
_MOST_SPLITS = 30
_MOST_PARTS, _MOST_PARAMETERS = 12, 40


def search_view(facts: SearchFacts) -> dict[str, Any]:
    """Everything the template needs, one entry a section.

    Args:
        facts: of the search.

    Returns:
        Sections by name; a section that has nothing to show is None.

    Raises:
        InputError: the table holds no setting, or not the score.

    Example:
        >>> search_view(SearchFacts({"params": [{"k": 1}], "mean_test_score": [0.5]}))["rungs"] is None
        True
    """
    tried = tried_settings(facts.results, facts.score, facts.best, facts.metric)
    names = varied_names(tried.settings)
    asked: dict[str, Any] = {"score": facts.score, "metric": facts.metric, "best": facts.best}
    drawn = bool(names)
    rungs = "n_resources" in facts.results
    return {
        "facts": [shortened(told, 120) for told in (facts.created, *facts.about) if told],
        "sentences": [shortened(sentence, 2000) for sentence in sentences(facts, tried)],
        "tiles": tiles(facts, tried),
        "warnings": lines(cautions(facts, tried)),
        "machine": machine({"version": facts.version, "machine": facts.machine}),
        "metric": measure(facts.metric).name,
        "metric_first": capital(measure(facts.metric).name),
        "best": _best(facts, tried, names),
        "optimism": _optimism(facts, tried),
        "worth": _worth(facts),
        "parallel": inline(pictures.parallel_figure(facts.results, **asked)) if drawn else None,
        "parameters": inline(pictures.settings_scores_figure(facts.results, **asked)) if drawn else None,
        "rungs": inline(pictures.rungs_figure(facts.results, **asked)) if rungs else None,
        "halving": _halving(facts, tried),
        "schedule": _schedule(facts),
        "population": bool(find_parents(facts.results)),
        "not_drawn": _not_drawn(tried, names),
        "lacking": any(name not in each for each in tried.settings for name in names),
        "searched": _searched(facts, tried),
        "failed": _failed(facts, tried),
    }


def _best(facts: SearchFacts, tried: Tried, names: Sequence[str]) -> dict[str, Any] | None:
    """The table of the best settings, those trained longest first."""
    if tried.best is None:
        return None
    epochs = np.zeros(len(tried.scores)) if tried.epochs is None else tried.epochs
    order = [int(at) for at in np.lexsort((-tried.scores, -epochs)) if np.isfinite(tried.scores[at])]
    order = list(dict.fromkeys([tried.best, *order]))[:_MOST_ROWS]
    shown, brief = list(names)[:_MOST_COLUMNS], brief_names(parameter_names(tried.settings))
    rows = [
        {
            "place": rank,
            "best": at == tried.best,
            "values": [
                setting(tried.settings[at][name], 24) if name in tried.settings[at] else "–" for name in shown
            ],
            "score": value(float(tried.scores[at])),
            "interval": interval({"low": tried.low[at], "high": tried.high[at]}) or "–",
            "epochs": None if tried.epochs is None else count(tried.epochs[at]),
        }
        for rank, at in enumerate(order, start=1)
    ]
    same = {
        brief[name]: tried.settings[0][name] for name in parameter_names(tried.settings) if name not in names
    }
    return {
        "columns": [{"name": brief[name], "number": _all_numbers(tried, name)} for name in shown],
        "rows": rows,
        "epochs": tried.epochs is not None,
        "left_out": max(len(names) - _MOST_COLUMNS, 0),
        "same": settings(same),
        "splits": counted(facts.n_splits, "split") if facts.n_splits else "the splits",
        "of": len(tried.scores),
    }


def _all_numbers(tried: Tried, name: str) -> bool:
    """Whether a parameter has numbers only."""
    found = [each[name] for each in tried.settings if name in each]
    return all(isinstance(one, int | float | np.number) and not isinstance(one, bool) for one in found)


def _optimism(facts: SearchFacts, tried: Tried) -> dict[str, Any] | None:
    """The best score beside that of the whole search, and what each of its parts chose."""
    nested, best, what = nested_score(facts), best_score(tried), measure(facts.metric)
    if not nested or not best:
        return None
    dots = [
        _dot(f"best of {count(len(tried.settings))}", best, chosen=False),
        _dot("whole search", nested, chosen=True),
    ]
    label = f"{what.name} with 95 % interval: " + "; ".join(f"{dot.name} {value(dot.score)}" for dot in dots)
    found: Mapping[str, Any] = facts.nested or {}
    scores, chosen = list(found.get("scores", ())), list(found.get("chosen") or ())
    picked = [settings(one) for one in chosen] + [""] * (len(scores) - len(chosen))
    rows = [
        {"split": at, "score": value(float(score)), "chosen": told_one}
        for at, (score, told_one) in enumerate(zip(scores, picked, strict=False), start=1)
    ]
    return {
        "told": flattery(facts, tried),
        "picture": inline(dot_figure(dots, what, label=f"{label}.")),
        "splits": rows[:_MOST_SPLITS],
        "agree": chosen_in_words(chosen),
    }


def _worth(facts: SearchFacts) -> dict[str, Any] | None:
    """The model that was found beside simpler ones, on the test rows."""
    if not facts.simpler:
        return None
    rows = list(facts.simpler["rows"])
    what = measure(rows[-1]["metric"])
    dots = [_dot(str(row["model"]), row, chosen=row is rows[-1]) for row in rows]
    label = f"{what.name} on the test rows with 95 % interval: " + "; ".join(
        f"{dot.name} {value(dot.score)}" for dot in dots
    )
    return {
        "metric": what.name,
        "picture": inline(dot_figure(dots, what, label=f"{label}.")),
        "told": [shortened(facts.simpler[key], 600) for key in ("sentence", "cost") if key in facts.simpler],
        "rows": [
            {
                "model": row["model"],
                "settings": settings(row["settings"]),
                "score": value(number(row, "score")),
                "interval": interval(row) or "–",
                "ahead": ahead_in_words(row),
                "time": duration(number(row, "seconds")),
                "best": row is rows[-1],
            }
            for row in rows
        ],
    }


def _dot(name: str, source: Mapping[str, Any], *, chosen: bool) -> Dot:
    """A score with its interval as a row of a picture."""
    return Dot(name, number(source, "score"), number(source, "low"), number(source, "high"), chosen)


def _halving(facts: SearchFacts, tried: Tried) -> str | None:
    """How settings trained on, and what halving saved, in words."""
    if tried.epochs is None:
        return None
    most = np.nanmax(tried.epochs)
    saved = epochs_saved(facts)
    if saved is None:
        return _population(facts, tried, int(most))
    trained, whole = saved
    by = "" if facts.halving is None else f" by {shortened(facts.halving, 20)}"
    kind = "Hyperband" if by == " by hyperband" else f"Successive halving{by}"
    ended = f"{count(np.sum(tried.epochs == most))} trained to the end ({counted(int(most), 'epoch')})"
    return (
        f"{kind}: of {counted(len(tried.settings), 'setting')} {ended}. Training all to the end takes "
        f"{count(whole)} epochs a split; {count(trained)} were trained ({percent(trained / whole)})."
    )


def _population(facts: SearchFacts, tried: Tried, most: int) -> str:
    """Population-based training in words."""
    parents = find_parents(facts.results)
    taken = sum(rows[0] in parents for rows in tried.rows)
    begun = counted(len(tried.settings) - taken, "setting")
    return (
        f"Population-based training: {begun} trained together for {counted(most, 'epoch')}. In all, a poor "
        f"one gave up its place {counted(taken, 'time')}: there training went on from a good one's "
        "parameters, with numbers that are a little other."
    )


def _schedule(facts: SearchFacts) -> list[str]:
    """What the best setting was trained with, one phrase a stretch of epochs that share a setting."""
    told: list[tuple[str, str]] = []
    for until, chosen in facts.schedule:
        end = "to the end" if until is None else f"until epoch {count(until)}"
        if told and told[-1][1] == settings(chosen):
            told.pop()
        told.append((end, settings(chosen)))
    return lines(f"{end}: {chosen}" for end, chosen in told)


def _not_drawn(tried: Tried, names: Sequence[str]) -> str:
    """The parameters that no picture shows, because there are too many."""
    brief = brief_names(parameter_names(tried.settings))
    return ", ".join(shortened(brief[name], 30) for name in names[pictures.MOST_DRAWN :][:_MOST_PARAMETERS])


def _searched(facts: SearchFacts, tried: Tried) -> dict[str, Any]:
    """What was searched, how, and what it took."""
    many, fits = len(tried.settings), count_fits(facts)
    told = [
        ("estimator", shortened(facts.estimator, 120) if facts.estimator else ""),
        ("settings", f"{count(many)}, {facts.sampler}" if facts.sampler else count(many)),
        ("scored", f"{measure(facts.metric).name}, mean over {facts.splits or 'the splits'}"),
        ("budget", shortened(facts.budget, 120) if facts.budget else ""),
        (
            "fits",
            f"{count(fits)} in the search" + ", one more of the best on all rows" * facts.refit
            if fits
            else "",
        ),
        ("time", duration(facts.seconds) + " of fitting and scoring" if facts.seconds is not None else ""),
    ]
    parts = [
        [
            (shortened(name, 60), values_in_words(values))
            for name, values in list(part.items())[:_MOST_PARAMETERS]
        ]
        for part in facts.space[:_MOST_PARTS]
    ]
    return {"told": [(name, shortened(text, 400)) for name, text in told if text], "parts": parts}


def _failed(facts: SearchFacts, tried: Tried) -> dict[str, Any] | None:
    """Settings that failed, by reason, the most frequent first."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for at, rows in enumerate(tried.rows):
        reason = next((str(facts.failures[row]) for row in rows if row in facts.failures), None)
        if reason is None and np.isfinite(tried.scores[at]):
            continue
        groups.setdefault(shortened(reason, 400) if reason else "", []).append(
            {"setting": settings(tried.settings[at]), "splits": _lost(facts, rows[-1])}
        )
    if not groups:
        return None
    ordered = sorted(groups.items(), key=lambda pair: -len(pair[1]))
    reasons = [
        {
            "reason": reason,
            "count": counted(len(own), "setting"),
            "settings": own[:_MOST_EXAMPLES],
            "more": max(len(own) - _MOST_EXAMPLES, 0),
        }
        for reason, own in ordered[:_MOST_REASONS]
    ]
    return {
        "reasons": reasons,
        "more": max(len(ordered) - _MOST_REASONS, 0),
        "count": counted(sum(map(len, groups.values())), "setting"),
        "unknown": "" in groups,
    }


def _lost(facts: SearchFacts, row: int) -> str:
    """In how many of the splits a setting has no score."""
    columns = [f"split{split}_test_{facts.score}" for split in range(facts.n_splits)]
    found = [column(facts.results, name)[row] for name in columns if name in facts.results]
    lost = int(np.isnan(found).sum())
    return f"{tick(lost)} of {counted(len(found), 'split')}" if found and lost else ""
