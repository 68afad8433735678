"""Was it worth it: the best model against every other one of the ladder, in score and in cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from gorae.evidence import Close, Comparison, paired_row_comparison, simplest_close
from gorae.search import NestedResult, Rows, metric_of
from gorae.study.findings import finite_scores, row_units, scored_rows, scoring_losses

_BUILDS_ON = {"ensemble": "mlp"}
_LITTLE, _MANY = 0.1, 1.5


def compare_rungs(first: NestedResult, second: NestedResult, rows: Rows) -> Comparison:
    """Return what tells two models of the ladder apart, on the rows that both were scored on."""
    which = scored_rows(first)
    return paired_row_comparison(
        metric_of(rows.classes),
        scoring_losses(first, rows, which),
        scoring_losses(second, rows, which),
        train_scores_a=finite_scores(first.train_scores),
        train_scores_b=finite_scores(second.train_scores),
        targets=None if rows.classes else rows.targets[which[1], 0],
        units=row_units(rows, which),
    )


def compare_ladder(
    table: Sequence[Mapping[str, Any]], results: Mapping[str, NestedResult], rows: Rows
) -> Close:
    """Return the winner of the ladder and the simplest model that is not shown to be worse."""
    names = [row["model"] for row in table]
    return simplest_close(
        names,
        [row["score"] for row in table],
        lambda one, other: compare_rungs(results[names[one]], results[names[other]], rows),
        metric=metric_of(rows.classes),
    )


def comparison_finding(close: Close, table: Sequence[Mapping[str, Any]], best: str) -> dict[str, Any]:
    """Return the winner against the simplest model that comes close, in figures and words.

    Args:
        close: the winner and the simplest model that is not shown to be worse.
        table: the ladder, with costs.
        best: the name of the best model that is not chance.
    """
    simpler, found = table[close.simplest]["model"], close.comparison
    if table[close.winner]["model"] == "chance":
        sentence = f"No model is better than chance here; {best} comes nearest and is kept."
        return {"simpler": "chance", "sentence": sentence}
    told: dict[str, Any] = {"simpler": simpler, "sentence": close.sentence}
    if found is not None:
        told.update(difference=found.difference, low=found.low, high=found.high, verdict=found.verdict)
    cost = cost_in_words(table, best, simpler)
    return told if cost is None else told | {"cost": cost}


def with_distances(
    table: Sequence[Mapping[str, Any]], results: Mapping[str, NestedResult], rows: Rows, best: str
) -> list[dict[str, Any]]:
    """Return the ladder with what the best model is ahead of each other one, and what each one cost.

    Args:
        table: a row a model.
        results: what each was scored with.
        rows: the data.
        best: the name of the best model.

    Returns:
        The rows with `ahead`: difference, low, high and verdict of the best model against it (None for
        itself), and `cost`: the seconds that choosing and scoring it took, with what it builds on.
    """
    seconds = {row["model"]: float(row["seconds"]) for row in table}
    found = []
    for row in table:
        name = row["model"]
        ahead = None
        if name != best:
            ahead = ahead_finding(compare_rungs(results[best], results[name], rows))
        cost = seconds[name] + seconds.get(_BUILDS_ON.get(name, ""), 0.0)
        found.append({**row, "ahead": ahead, "cost": round(cost, 3)})
    return found


def ahead_finding(found: Comparison) -> dict[str, Any]:
    """Return how far one model is ahead of another, as JSON."""
    return {key: getattr(found, key) for key in ("difference", "low", "high", "verdict")}


def cost_in_words(table: Sequence[Mapping[str, Any]], best: str, simpler: str) -> str | None:
    """Return what the best model cost beside a simpler one: the next best, where none comes close."""
    costs = {row["model"]: float(row["cost"]) for row in table}
    if simpler == best:
        before = table[: [row["model"] for row in table].index(best)]
        known = [row for row in before if row["model"] != "chance"]
        if not known:
            return None
        simpler = max(known, key=lambda row: row["score"])["model"]
    own, other = costs[best], costs[simpler]
    told = f"Choosing and scoring {best} took {own:.1f} s"
    if other < _LITTLE:
        return f"{told}, {simpler} less than {_LITTLE} s."
    times = own / other
    if times < _MANY:
        return f"{told}, {simpler} {other:.1f} s."
    return f"{told}, {times:.2g} times as long as {simpler} ({other:.1f} s)."
