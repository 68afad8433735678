"""A map of rows as a report shows it: the picture, and how far it is to be believed."""

from collections.abc import Mapping
from typing import Any

from gorae.report.names import shortened
from gorae.report.pictures.plane import MOST_NAMED, map_figure
from gorae.report.words import count, number, percent, value

__all__ = ["map_view"]

_METHODS = {
    "pca": "the two directions in which training rows vary most (principal components)",
    "tsne": "t-SNE",
    "umap": "UMAP",
}
_NEIGHBOURS_ONLY = (
    "Rows that are near each other stay near; distances between groups and the sizes of groups mean nothing."
)


def map_view(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the section with a map shows, or None where there is none.

    Args:
        found: what `gorae.report.pictures.plane.map_figure` draws, and ``method``, ``space`` (in words),
            ``shares`` of the variance (two, or None), ``trust`` (or None), ``known_of`` and ``new_of`` (rows
            that there are), ``errors_known`` (whether new rows have targets).

    Returns:
        Values for the template; the picture is not marked as safe yet.

    Example:
        >>> rows = {"points": [[0.0, 0.0], [1.0, 2.0]], "rows": [3, 4], "values": [0, 1]}
        >>> map_view({"known": rows, "new": {}, "classes": ["a", "b"], "method": "pca"})["shown"]
        'All 2 training rows'
    """
    if not found or not (found.get("known") or {}).get("points"):
        return None
    shares = found.get("shares")
    axes = None
    if shares:
        axes = [f"component {at}: {percent(share)}" for at, share in enumerate(shares, 1)]
    classes = found.get("classes")
    return {
        "picture": map_figure({**found, "axes": axes}),
        "how": _how(found),
        "trust": _trust(number(found, "trust")),
        "shown": _shown(found),
        "space": shortened(found.get("space") or "", 200),
        "named": MOST_NAMED if classes is not None and len(classes) > MOST_NAMED else None,
        "wrong": any((found.get("new") or {}).get("wrong") or ()),
        "unknown": any((found.get("new") or {}).get("unknown") or ()),
        "classes": classes is not None,
    }


def _how(found: Mapping[str, Any]) -> str:
    """How the map was made, in a sentence."""
    method = str(found.get("method"))
    told = f"Drawn by {_METHODS.get(method, method)}."
    shares = found.get("shares")
    if shares:
        return (
            f"{told} They hold {percent(sum(shares))} of the variance; the rest cannot be seen here, so that "
            "rows may look nearer than they are, never farther."
        )
    return f"{told} {_NEIGHBOURS_ONLY}"


def _trust(trust: float | None) -> str:
    """How far the neighbours on the map are those in truth, in a sentence."""
    if trust is None:
        return ""
    judged = "good" if trust >= 0.95 else "fair" if trust >= 0.85 else "poor"
    return (
        f"Its trustworthiness is {value(trust)} ({judged}): 1 where the neighbours on the map are neighbours "
        "in truth, 0.5 where they are any rows."
    )


def _shown(found: Mapping[str, Any]) -> str:
    """How many of the rows are drawn."""
    parts = []
    for part, name in (("known", "training row"), ("new", str(found.get("new_name") or "new row"))):
        drawn = len((found.get(part) or {}).get("points") or ())
        there = int(found.get(f"{part}_of") or drawn)
        if drawn:
            how = f"all {count(drawn)}" if drawn == there else f"{count(drawn)} of {count(there)}"
            parts.append(f"{how} {name}s")
    told = " and ".join(parts)
    thinned = ", evenly drawn" if " of " in told else ""
    return f"{told[:1].upper()}{told[1:]}{thinned}"
