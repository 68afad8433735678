"""A text with marks for how much each of its tokens pushed an answer, in the letters of a terminal."""

import textwrap
from typing import Any

from gorae.cli.options import shown

__all__ = ["as_lines"]

_STRONGEST, _LEVELS, _LEAST = 8, 3, 0.15
_WIDE, _LONGEST = 100, 40


def as_lines(found: dict[str, Any]) -> list[str]:
    r"""Return what pushed the answer for one text: the text with marks, and the strongest of its tokens.

    Args:
        found: what `gorae.study.marked_texts.marked_texts` gives for one text.

    Example:
        >>> added = {"a": 0.0, "fine": 2.0, "mess": -1.0}
        >>> tokens = [{"token": token, "value": value} for token, value in added.items()]
        >>> row = {"of": "good", "start": 0.0, "end": 1.0, "tokens": tokens, "before": 0, "after": 2}
        >>> print("\n".join(as_lines({"output": "logit", "rows": [row]})))
        what pushed the score for good from 0 without any word to 1 (+ for it, - against it):
          a +++fine --mess ... (2 more)
        <BLANKLINE>
        fine     +2.0000
        mess     -1.0000
    """
    row = found["rows"][0]
    what = "the prediction" if found["output"] == "value" else f"the score for {shown(row['of'])}"
    strongest = max((abs(one["value"] or 0.0) for one in row["tokens"]), default=0.0)
    words = [_marked(one, strongest) for one in row["tokens"]]
    words = [f"({row['before']} before) ..."] * bool(row["before"]) + words
    words += [f"... ({row['after']} more)"] * bool(row["after"])
    strange = ", ? unknown" if any(one.get("unknown") for one in row["tokens"]) else ""
    marks = f"(+ for it, - against it{strange})"
    about = f"from {row['start']:.4g} without any word to {row['end']:.4g} {marks}:"
    text = textwrap.wrap(" ".join(words), _WIDE, initial_indent="  ", subsequent_indent="  ")
    return [f"what pushed {what} {about}", *text, "", *_strongest(row["tokens"], row.get("unknown"))]


def _marked(one: dict[str, Any], strongest: float) -> str:
    """Return a token with a mark before it, one to three times by its strength."""
    token, value = shown(one["token"])[:_LONGEST], one["value"]
    if one.get("unknown"):
        return f"?{token}"
    if value is None or not strongest or abs(value) < _LEAST * strongest:
        return token
    return ("+" if value > 0 else "-") * min(_LEVELS, 1 + int(abs(value) / strongest * _LEVELS)) + token


def _strongest(tokens: list[dict[str, Any]], unknown: dict[str, Any] | None) -> list[str]:
    """Return the tokens that pushed most, those that came more than once with all that they added.

    Behind them stands what all that the model has never learned added.
    """
    added: dict[str, float] = {}
    for one in tokens:
        if one["value"]:
            added[one["token"]] = added.get(one["token"], 0.0) + one["value"]
    order = sorted(added, key=lambda token: -abs(added[token]))[:_STRONGEST]
    told = [(shown(token)[:_LONGEST], added[token]) for token in order]
    if unknown and unknown["count"]:
        told.append((f"({unknown['count']:,} {unknown['what']})", unknown["value"]))
    wide = max((len(name) for name, _ in told), default=0)
    return [f"{name:<{wide}}  {value:>+10.4f}" for name, value in told]
