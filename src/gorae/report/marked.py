"""Texts that were answered wrongly, their tokens marked by how much each pushed the answer."""

from collections.abc import Mapping
from typing import Any

from gorae.report.names import shortened
from gorae.report.words import count, number, value

__all__ = ["marked_view"]

_LEVELS = 4
_LEAST = 0.12
"""Of the strongest mark of a text; weaker ones are not drawn."""

_MOST_TEXTS, _MOST_TOKENS, _MOST_LETTERS = 12, 400, 40
_MEASURED = {
    "logit": "the score of the predicted class against the mean of the others (of two classes the log-odds)",
    "probability": "the probability of the predicted class",
    "value": "the prediction",
}


def marked_view(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Texts with the marks of their tokens, as the template shows them; None without any.

    Args:
        found: output ("logit", "probability" or "value"), members, where ("test" or "training") and rows: a
            list of row, actual, predicted, probability (of the actual class, or None), start, end, tokens (a
            list of token, value, None where it was not read, and unknown: whether it is outside the
            vocabulary), unknown (what, count and value of all that is), before and after (tokens left out).

    Returns:
        Plain values. A token's level is 0 for no mark, else 1 to 4 for the share of the text's strongest.

    Example:
        >>> tokens = [{"token": "a", "value": 0.0}, {"token": "whale", "value": -2.0}]
        >>> row = {"row": 3, "actual": "x", "predicted": "y", "tokens": tokens}
        >>> shown = marked_view({"output": "logit", "where": "test", "rows": [row]})
        >>> [(one["text"], one["way"], one["level"]) for one in shown["rows"][0]["tokens"]]
        [('a', None, 0), ('whale', 'against', 4)]
    """
    if not found or not found.get("rows"):
        return None
    rows = [_row(row) for row in list(found["rows"])[:_MOST_TEXTS]]
    return {
        "measured": _MEASURED.get(str(found.get("output")), _MEASURED["logit"]),
        "of_values": found.get("output") == "value",
        "members": int(number(found, "members") or 1),
        "tests": found.get("where") != "training",
        "unread": any(one["way"] == "unread" for row in rows for one in row["tokens"]),
        "unknown": any(one["way"] == "unknown" for row in rows for one in row["tokens"]),
        "rows": rows,
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """One text."""
    tokens = list(row.get("tokens") or ())
    shown = tokens[:_MOST_TOKENS]
    strongest = max((abs(number(one, "value") or 0.0) for one in tokens), default=0.0)
    left = int(number(row, "after") or 0) + len(tokens) - len(shown)
    return {
        "row": row.get("row"),
        "actual": _answer(row.get("actual")),
        "predicted": _answer(row.get("predicted")),
        "probability": None if number(row, "probability") is None else value(number(row, "probability")),
        "start": value(number(row, "start")),
        "end": value(number(row, "end")),
        "before": count(int(number(row, "before") or 0)),
        "after": count(left),
        "tokens": [_token(one, strongest) for one in shown],
        "unknown": _unknown(row.get("unknown") or {}),
    }


def _unknown(found: Mapping[str, Any]) -> str | None:
    """What all that is outside the vocabulary added, in words."""
    many, added = int(number(found, "count") or 0), number(found, "value")
    if not many or added is None:
        return None
    return f"{count(many)} {shortened(found.get('what'), 60)}, together: {added:+.3g}"


def _token(one: Mapping[str, Any], strongest: float) -> dict[str, Any]:
    """One token with its mark."""
    text, pushed = shortened(one.get("token"), _MOST_LETTERS), number(one, "value")
    if one.get("unknown"):
        return {"text": text, "way": "unknown", "level": 0, "title": "unknown: outside the vocabulary"}
    if pushed is None:
        return {"text": text, "way": "unread", "level": 0, "title": "not read by this model"}
    share = abs(pushed) / strongest if strongest > 0 else 0.0
    level = 0 if share < _LEAST else min(_LEVELS, 1 + int(share * _LEVELS))
    way = None if level == 0 else "for" if pushed > 0 else "against"
    return {"text": text, "way": way, "level": level, "title": f"{pushed:+.3g}"}


def _answer(given: object) -> str:
    """A class, or a value."""
    return value(given) if isinstance(given, float) else shortened(given, 40)
