"""A map of rows in two dimensions: training rows as small dots, new rows as larger marks.

The SVG is written here and not by matplotlib: every mark has a title of its own, which shows where the
pointer rests.
"""

import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.canvas import (
    BLUE,
    FONT,
    GREEN,
    GRID,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    SHADES,
    SKY,
    SOFT,
    THEME,
    VERMILLION,
    measured,
)
from gorae.report.words import value

__all__ = ["MOST_NAMED", "map_figure"]

MOST_NAMED = 40
"""Classes whose names stand on the map, the largest first."""

_WIDE, _HIGH, _EDGE, _ROOM = 420.0, 380.0, 1.5, 12.0
_LINE = 17.0
_SIZES = ((250, 1), (700, 0.85), (np.inf, 0.7))  # up to so many new rows, marks of this size
_FAR, _REACH = 0.01, 0.15
"""Rows beyond the other 98 in 100 by more than this share of their range stand at the edge."""

_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
_SHAPES = {  # of about one area, around (0, 0)
    "circle": "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0 -6.8 0z",
    "square": "M-3 -3h6v6h-6z",
    "triangle": "M0 -4.1L3.8 2.8H-3.8z",
    "diamond": "M0 -4.3L4.3 0L0 4.3L-4.3 0z",
}
_RING = "M-5.4 0a5.4 5.4 0 1 0 10.8 0a5.4 5.4 0 1 0 -10.8 0z"
_CROSS = "M-4.6 -4.6L4.6 4.6M-4.6 4.6L4.6 -4.6"


def map_figure(facts: Mapping[str, Any]) -> str:
    """Draw rows on a plane.

    Training rows are small and pale, new rows larger and edged. Classes have Okabe and Ito's six colours in
    turn, then another shape of the new rows; their names stand at the medians of their rows. Numbers have
    shades from low to high. New rows that were predicted wrongly have a ring, those unlike the training data
    a cross.

    Args:
        facts: ``known`` and ``new``, each with ``points`` (rows, 2), ``rows`` (their numbers) and ``values``
            (class codes, or numbers; NaN where unknown); ``new`` with ``told`` (a phrase a row, or None),
            ``wrong`` and ``unknown`` (truth values, or None) as well; ``classes`` (names, or None for
            numbers), ``axes`` (two names, or None), ``target`` (of numbers), ``new_name`` (what a new row is
            called).

    Returns:
        An ``<svg>`` element.

    Raises:
        InputError: there is no row, or a point is not finite.

    Example:
        >>> rows = {"points": [[0.0, 0.0], [1.0, 2.0]], "rows": [3, 4], "values": [0, 1]}
        >>> svg = map_figure({"known": rows, "new": rows, "classes": ["<a>", "b"]})
        >>> "new row 3: &lt;a&gt;" in svg, "<a>" in svg
        (True, False)
    """
    known, new = (_rows(facts.get(part) or {}) for part in ("known", "new"))
    both = np.concatenate([known["points"], new["points"]])
    if not len(both) or not np.isfinite(both).all():
        raise InputError("A map needs at least one row, and every row a finite place; that is not so here.")
    known["places"], new["places"] = _scaled(known["points"], both), _scaled(new["points"], both)
    classes = facts.get("classes")
    paint = (
        _Classes(classes, known, new) if classes is not None else _Numbers(facts.get("target"), known, new)
    )
    what = shortened(facts.get("new_name") or "new row", 24)
    legend, high = _legend(paint, known, new, what, _HIGH + (34 if facts.get("axes") else 18))
    body = "".join([_frame(facts.get("axes")), *_marks(known, new, paint, what), paint.names(), legend])
    label = _label(facts, known, new, paint)
    return _svg(body, high, label, next(size for most, size in _SIZES if len(new["points"]) <= most))


class _Classes:
    """How rows of classes look."""

    def __init__(self, classes: Sequence[object], known: Mapping[str, Any], new: Mapping[str, Any]):
        self.texts = [shortened(name, 24) for name in classes]
        values = np.concatenate([known["values"], new["values"]])
        places = np.concatenate([known["places"], new["places"]])
        counts = [int((values == code).sum()) for code in range(len(self.texts))]
        order = sorted(range(len(self.texts)), key=lambda code: -counts[code])
        self._named = [code for code in order[:MOST_NAMED] if counts[code]]
        self._medians = {code: np.median(places[values == code], axis=0) for code in self._named}
        self.keys = [code for code in range(len(self.texts)) if counts[code]]

    def colour(self, code: float) -> str:
        """Return the colour of a class; one that no row is known to have is grey."""
        return SOFT if np.isnan(code) else _COLOURS[int(code) % len(_COLOURS)]

    def shape(self, code: float) -> str:
        """Return the shape of a new row of a class."""
        turn = 0 if np.isnan(code) else int(code) // len(_COLOURS)
        return list(_SHAPES)[turn % len(_SHAPES)]

    def text(self, code: float) -> str:
        """Return what a class is called."""
        return "no label" if np.isnan(code) else self.texts[int(code)]

    def names(self) -> str:
        """Return the names of classes at the medians of their rows, moved where they would cover another."""
        taken: list[tuple[float, float, float]] = []
        parts = []
        for code in self._named:
            text = shortened(self.texts[code], 16)
            half = measured([text], 11) / 2
            x, y = self._medians[code]
            x = float(np.clip(x, half + 4, _WIDE - half - 4))
            y = _free(x, float(y), half, taken)
            taken.append((x, y, half))
            parts.append(f'<text x="{x:.1f}" y="{y + 4:.1f}">{escape(text)}</text>')
        style = (
            f'fill="{_themed(INK)}" stroke="{_themed(PAPER)}" stroke-width="3.4" paint-order="stroke" '
            'font-size="11" font-weight="700" text-anchor="middle" pointer-events="none"'
        )
        return f"<g {style}>{''.join(parts)}</g>"

    def key(self) -> list[tuple[str, str]]:
        """Return the marks of the legend with their names; none for one class or very many."""
        if not 2 <= len(self.keys) <= 24:
            return []
        return [
            (_use(self.shape(code), self.colour(code)), shortened(self.texts[code], 16)) for code in self.keys
        ]


class _Numbers:
    """How rows with a number look."""

    def __init__(self, target: object, known: Mapping[str, Any], new: Mapping[str, Any]):
        values = np.concatenate([known["values"], new["values"]])
        finite = values[np.isfinite(values)]
        # Few numbers far away would leave one shade to all others.
        self._low, self._high = np.quantile(finite, [0.02, 0.98]) if len(finite) else (0.0, 1.0)
        self._target = shortened("target" if target is None else target, 24)

    def colour(self, number: float) -> str:
        """Return the shade of a number."""
        if not np.isfinite(number):
            return SOFT
        reach = self._high - self._low
        share = (number - self._low) / reach if reach > 0 else 0.5
        return SHADES[int(np.clip(share * len(SHADES), 0, len(SHADES) - 1))]

    def shape(self, _: float) -> str:
        """Return the shape of a new row."""
        return "circle"

    def text(self, number: float) -> str:
        """Return a number as it is written."""
        return "no value" if not np.isfinite(number) else value(number)

    def names(self) -> str:
        """Return nothing: numbers have no names."""
        return ""

    def key(self) -> list[tuple[str, str]]:
        """Return the shades with what they stand for."""
        edges = np.linspace(self._low, self._high, len(SHADES) + 1)
        told = {
            0: f"{self._target} below {value(edges[1])}",
            len(SHADES) // 2: f"about {value(edges.mean())}",
        }
        told[len(SHADES) - 1] = f"above {value(edges[-2])}"
        return [(_use("circle", SHADES[step]), text) for step, text in told.items()]


def _rows(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return rows as arrays."""
    points = np.asarray(part.get("points") or np.zeros((0, 2)), float).reshape(-1, 2)
    nothing: list[Any] = [None] * len(points)
    return {
        "points": points,
        "rows": list(part.get("rows") or range(len(points))),
        "values": np.array([np.nan if v is None else v for v in part.get("values") or nothing], float),
        "told": list(part.get("told") or nothing),
        "wrong": np.array(part.get("wrong") or np.zeros(len(points)), bool),
        "unknown": np.array(part.get("unknown") or np.zeros(len(points)), bool),
    }


def _scaled(points: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Return points in pixels; both axes have one scale, so that distances are to be compared."""
    low, high = both.min(axis=0), both.max(axis=0)
    inner, outer = np.quantile(both, [_FAR, 1 - _FAR], axis=0)
    reach = _REACH * (outer - inner)
    # A few rows far away would press all others into one spot: they stand at the edge.
    low, high = np.maximum(low, inner - reach), np.minimum(high, outer + reach)
    room = np.array([_WIDE, _HIGH]) - 2 * (_EDGE + _ROOM)
    reach = np.where(high > low, high - low, 1e-300)
    scale = float(np.min(room / reach))
    scale = scale if np.isfinite(scale) and scale < 1e200 else 1.0
    middle = (low + high) / 2
    places = np.array([_WIDE, _HIGH]) / 2 + (points - middle) * scale * [1, -1]
    edge = _EDGE + _ROOM / 2
    return np.clip(places, edge, np.array([_WIDE, _HIGH]) - edge)


def _marks(known: Mapping[str, Any], new: Mapping[str, Any], paint: Any, what: str) -> list[str]:
    """Return all marks: training rows first, then new rows, rings and crosses on top."""
    parts = [f'<g opacity="{0.35 if len(new["points"]) else 0.6}">']
    for (x, y), row, code in zip(known["places"], known["rows"], known["values"], strict=True):
        title = escape(f"training row {row}: {paint.text(code)}")
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{_themed(paint.colour(code))}">'
            f"<title>{title}</title></circle>"
        )
    parts.append(f'</g><g stroke="{_themed(PAPER)}" stroke-width=".9">')
    for place, (x, y) in enumerate(new["places"]):
        code, told = new["values"][place], new["told"][place]
        text = f"{what} {new['rows'][place]}: {paint.text(code) if told is None else told}"
        text += ", wrong" * bool(new["wrong"][place])
        text += ", unlike the training data" * bool(new["unknown"][place])
        parts.append(_use(paint.shape(code), paint.colour(code), x, y, text))
    parts.append("</g>")
    for name in ("wrong", "unknown"):
        parts.append(f'<g {_OVER[name]} pointer-events="none">')
        parts += [_use(name, None, x, y) for x, y in new["places"][new[name]]]
        parts.append("</g>")
    return parts


def _use(shape: str, colour: str | None, x: float = 0, y: float = 0, title: str = "") -> str:
    """Return one mark."""
    fill = "" if colour is None else f' fill="{_themed(colour)}"'
    inside = f"<title>{escape(title)}</title></use>" if title else "</use>"
    return f'<use href="#ID-{shape}" x="{x:.1f}" y="{y:.1f}"{fill}>{inside}'


def _themed(colour: str) -> str:
    """Return a colour that follows the theme of the page."""
    return f"var({THEME[colour][0]},{colour})"


_OVER = {
    "wrong": f'fill="none" stroke="{_themed(INK)}" stroke-width="1.2"',
    "unknown": f'fill="none" stroke="{_themed(INK)}" stroke-width="1.5"',
}


def _free(x: float, y: float, half: float, taken: Sequence[tuple[float, float, float]]) -> float:
    """Return a height near y at which a text covers none of those that stand there already."""
    for step in (0, 13, -13, 26, -26, 39, -39):
        at = y + step
        inside = 10 < at < _HIGH - 10
        if inside and all(abs(at - b) >= 12.5 or abs(x - a) >= half + wide + 4 for a, b, wide in taken):
            return at
    return y


def _frame(axes: Sequence[str] | None) -> str:
    """Return the edge of the map, with the names of its axes where they have one."""
    edge = (
        f'<rect x="{_EDGE}" y="{_EDGE}" width="{_WIDE - 2 * _EDGE}" height="{_HIGH - 2 * _EDGE}" rx="6" '
        f'fill="none" stroke="{_themed(GRID)}"/>'
    )
    if not axes:
        return edge
    across = f"→ {shortened(axes[0], 34)}   ↑ {shortened(axes[1], 34)}"
    return edge + (
        f'<text x="{_WIDE / 2}" y="{_HIGH + 15}" fill="{_themed(SOFT)}" font-size="10.5" '
        f'text-anchor="middle">{escape(across)}</text>'
    )


def _legend(
    paint: Any, known: Mapping[str, Any], new: Mapping[str, Any], what: str, y: float
) -> tuple[str, float]:
    """Return the legend from some height on, and where the picture ends."""
    dot = f'<circle r="2" fill="{_themed(INK)}" opacity=".5"/>'
    kinds = [(dot, "training row")] if len(known["points"]) else []
    kinds += [(_use("circle", INK), what)] if len(new["points"]) else []
    kinds += [
        (f"<g {_OVER[name]}>{_use(name, None)}</g>", text)
        for name, text in (("wrong", "wrong"), ("unknown", "unlike the training data"))
        if new[name].any()
    ]
    parts = []
    for line in (kinds, paint.key()):
        x = 8.0
        for mark, text in line:
            wide = 18 + measured([text], 10.5) + 8
            if x > 8 and x + wide > _WIDE:
                x, y = 8.0, y + _LINE
            name = f'<text x="10" y="3.6">{escape(text)}</text>'
            parts.append(f'<g transform="translate({x + 6:.1f} {y:.1f})">{mark}{name}</g>')
            x += wide
        y += _LINE if line else 0
    return f'<g fill="{_themed(INK)}" font-size="10.5">{"".join(parts)}</g>', y - 4


def _label(facts: Mapping[str, Any], known: Mapping[str, Any], new: Mapping[str, Any], paint: Any) -> str:
    """Return what the map shows, for readers who cannot see it."""
    told = f"Map of {len(known['points'])} training rows and {len(new['points'])} new rows"
    if isinstance(paint, _Classes):
        told += f" of {len(paint.keys)} classes"
    wrong, unknown = int(new["wrong"].sum()), int(new["unknown"].sum())
    told += f"; {wrong} predicted wrongly" if wrong else ""
    return told + (f"; {unknown} unlike the training data" if unknown else "") + "."


def _svg(body: str, high: float, label: str, size: float) -> str:
    """Return the picture with its shapes, whose ids no other picture of a page has."""
    shapes = {**_SHAPES, "wrong": _RING, "unknown": _CROSS}
    scale = "" if size == 1 else f' transform="scale({size})"'
    drawn = "".join(f'<path id="ID-{name}" d="{path}"{scale}/>' for name, path in shapes.items())
    prefix = f"m{hashlib.sha256(body.encode()).hexdigest()[:8]}"
    inside = f"<defs>{drawn}</defs>{body}".replace('"#ID-', f'"#{prefix}-').replace('"ID-', f'"{prefix}-')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {_WIDE:g} {high:g}" width="{_WIDE:g}" height="{high:g}" style="--wide:{_WIDE:g}px" '
        f'font-family="{FONT}">'
    )
    return f"{head}{inside}</svg>"
