"""From a matplotlib figure to SVG that lives inside a page: themed, escaped, small, the same every time.

matplotlib draws; this file rewrites what it drew. Every colour of the palette becomes a CSS variable with the
light value as fallback, so the page decides between light and dark. Text stays text in the reader's own font.
Ids get a prefix from the picture's content, because a page holds several pictures and ids are shared by all.
"""

import hashlib
import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

# Parses nothing but what matplotlib has just written, from names without control characters.
from xml.etree import ElementTree as Tree

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from gorae.report.names import width

__all__ = [
    "BLUE",
    "GREEN",
    "GRID",
    "INK",
    "ORANGE",
    "PAPER",
    "PURPLE",
    "SHADES",
    "SKY",
    "SOFT",
    "THEME",
    "VERMILLION",
    "WHITE",
    "draw",
    "measured",
    "panel",
    "standalone",
    "text_width",
]

# Okabe and Ito's palette, told apart under every common colour blindness; no yellow, it drowns on paper.
INK, SOFT, GRID, PAPER = "#1d2329", "#5b6570", "#d8dce1", "#fdfdfe"
BLUE, VERMILLION, GREEN = "#0072b2", "#d55e00", "#009e73"
PURPLE, ORANGE, SKY = "#cc79a7", "#e69f00", "#56b4e9"
WHITE = "#ffffff"  # text on a strong fill: the same in both themes
# Worst to best: away from the paper in steps of lightness, which every eye orders the same.
SHADES = ("#c3ccd3", "#a2c2cc", "#73b0c5", "#4394bb", "#2a73aa", "#1d508f", "#132a62")
_SHADES_ON_DARK = ("#3d4951", "#3b606d", "#3a7e93", "#459fb6", "#69bfcf", "#9ddce0", "#dcf8ef")

THEME = {  # colour as drawn -> (CSS variable, colour on a dark page)
    INK: ("--ink", "#e8eaed"),
    SOFT: ("--soft", "#a7b0ba"),
    GRID: ("--grid", "#3a414a"),
    PAPER: ("--paper", "#15191e"),
    BLUE: ("--blue", "#3a97dc"),
    VERMILLION: ("--vermillion", "#ec7420"),
    GREEN: ("--green", "#17b488"),
    PURPLE: ("--purple", "#d88fb8"),
    ORANGE: ("--orange", "#e9ab25"),
    SKY: ("--sky", "#8fd0f5"),
}
THEME |= {
    light: (f"--shade{step}", dark)
    for step, (light, dark) in enumerate(zip(SHADES, _SHADES_ON_DARK, strict=True))
}

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_SVG = "http://www.w3.org/2000/svg"
_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # ships with matplotlib: only its widths are used, for the layout
    "font.size": 10.5,
    "text.color": INK,
    "text.parse_math": False,  # a column may be called "$x_1$"
    "axes.facecolor": "none",
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "gorae",
    "path.simplify": True,
}


def draw(paint: Callable[[Figure], None], *, size: tuple[float, float], label: str) -> str:
    """Draw a figure and return it as an SVG element for a page.

    matplotlib's settings are put back as they were; no global figure is made. The same drawing gives the same
    text, byte for byte.

    Args:
        paint: puts axes and marks on an empty figure.
        size: width and height in CSS pixels at which the text has its natural size.
        label: what the picture shows, for readers who cannot see it.

    Returns:
        One ``<svg>`` element; its colours are variables of `THEME` with the light theme as fallback.

    Example:
        >>> svg = draw(lambda figure: None, size=(120, 80), label="an empty picture")
        >>> svg[:4], 'aria-label="an empty picture"' in svg
        ('<svg', True)
    """
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A letter that DejaVu lacks is measured as a box; the reader's browser has the real one.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(size[0] / 72, size[1] / 72))
        FigureCanvasSVG(figure)
        paint(figure)
        buffer = io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return _rewritten(buffer.getvalue(), size, label)


def panel(figure: Figure, left: float, bottom: float, right: float, top: float) -> Axes:
    """Axes whose margins to the figure's edges are given in pixels.

    Args:
        figure: where to put them.
        left: margin to the left edge; the others likewise, each measured from its own edge.
        bottom: margin to the lower edge.
        right: margin to the right edge.
        top: margin to the upper edge.

    Returns:
        The axes.

    Example:
        >>> panel(Figure(figsize=(2, 1)), 36, 18, 36, 18).get_position().bounds == (0.25, 0.25, 0.5, 0.5)
        True
    """
    wide, high = (72 * float(inches) for inches in figure.get_size_inches())
    return figure.add_axes(
        (left / wide, bottom / high, (wide - left - right) / wide, (high - bottom - top) / high)
    )


def text_width(columns: int, size: float = 10) -> float:
    """Pixels to keep free for a text of so many columns (see `gorae.report.names.width`).

    Args:
        columns: of the text.
        size: of the font, pixels.

    Returns:
        A width that ordinary text does not exceed.

    Example:
        >>> text_width(10)
        60.0
    """
    return 0.6 * size * columns


def measured(texts: Sequence[str], size: float = 10) -> float:
    """Pixels that the widest of some texts takes, by the letters it is made of.

    Args:
        texts: any texts.
        size: of the font, pixels.

    Returns:
        The larger of `text_width` and the width in the font that lays out the pictures.

    Example:
        >>> measured(["iiii"]), measured(["WWWW"]) > 30
        (24.0, True)
    """
    font = FontProperties(family="DejaVu Sans", size=size)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        drawn = (text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] for text in texts)
        return max(
            (max(text_width(width(text), size), wide) for text, wide in zip(texts, drawn, strict=True))
        )


def standalone(svg: str) -> str:
    """A picture as a file of its own, which follows the light or dark theme of whoever looks at it.

    Args:
        svg: what a picture function returned.

    Returns:
        An SVG document with its own background and both sets of colours.

    Example:
        >>> svg = draw(lambda figure: None, size=(120, 80), label="an empty picture")
        >>> "prefers-color-scheme: dark" in standalone(svg)
        True
    """
    light = ";".join(f"{name}:{colour}" for colour, (name, _) in THEME.items())
    dark = ";".join(f"{name}:{colour}" for name, colour in THEME.values())
    sheet = f"svg{{{light};background:var(--paper)}}@media (prefers-color-scheme: dark){{svg{{{dark}}}}}"
    end_of_tag = svg.index(">") + 1
    opened, rest = svg[:end_of_tag], svg[end_of_tag:]
    return f'<?xml version="1.0" encoding="utf-8"?>\n{opened}<style>{sheet}</style>{rest}\n'


def _rewritten(drawn: bytes, size: tuple[float, float], label: str) -> str:
    root = Tree.fromstring(drawn)  # noqa: S314  (matplotlib wrote it a moment ago)
    prefix = f"p{hashlib.sha256(drawn).hexdigest()[:8]}-"
    _clean(root)
    _rename(root, prefix)
    root.attrib = {
        "xmlns": _SVG,
        "class": "picture",
        "role": "img",
        "aria-label": label,
        "viewBox": f"0 0 {size[0]:g} {size[1]:g}",
        "width": f"{size[0]:g}",
        "height": f"{size[1]:g}",
        "style": f"--wide:{size[0]:g}px",  # the page scales by it: text has one size in all pictures
        "font-family": FONT,
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
    }
    return Tree.tostring(root, encoding="unicode")


_DROPPED = {"metadata", "style"}  # style: matplotlib's sheet would apply to the whole page


def _clean(parent: Tree.Element) -> None:
    """Drop namespaces, metadata, white space, and groups and paths that draw nothing."""
    kept: list[Tree.Element] = []
    for child in parent:
        child.tag = child.tag.partition("}")[2] or child.tag
        child.tail = None
        _clean(child)
        if child.tag == "g":
            child.attrib.pop("id", None)
            _share_style(child)
            if not child.attrib or not len(child):
                kept.extend(child)
                continue
        drawn = len(child) or child.text or child.tag not in {"g", "defs"}
        if drawn and child.tag not in _DROPPED and child.get("style") != "fill: none":
            kept.append(child)
    parent[:] = kept
    if parent.tag != "text":
        parent.text = None
    parent.tag = parent.tag.partition("}")[2] or parent.tag


_MANY = 8  # marks of one style


def _share_style(group: Tree.Element) -> None:
    """Say once for all marks of a group how they look, where they look alike: it halves a picture of many."""
    styles = {mark.get("style") for mark in group if mark.tag == "use"}
    if len(group) < _MANY or len(styles) != 1 or {mark.tag for mark in group} - {"use", "defs"}:
        return
    (style,) = styles
    if style is None or group.get("style") or _NOT_INHERITED.search(style):
        return
    group.set("style", style)
    for mark in group:
        mark.attrib.pop("style", None)


_NOT_INHERITED = re.compile(r"(^|[;\s])(opacity|clip-path|transform):")


def _rename(root: Tree.Element, prefix: str) -> None:
    """Give ids their prefix, colours their variables, numbers two decimals."""
    for element in root.iter():
        for name, text in list(element.attrib.items()):
            if name.endswith("}href"):
                del element.attrib[name]
                element.set("href", f"#{prefix}{text[1:]}")
            elif name == "id":
                element.set(name, prefix + text)
            elif name == "clip-path":
                element.set(name, text.replace("url(#", f"url(#{prefix}"))
            elif name == "transform" and text.startswith("rotate(-0 "):
                del element.attrib[name]
            elif name == "style":
                element.set(name, _themed(text))
            else:
                element.set(name, " ".join(_LONG_NUMBER.sub(_rounded, text).split()))


_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_FAMILY = re.compile(r"font-family: [^;]*;?\s*")
_SHORTHAND = re.compile(r"\bfont: (?:(bold|\d{3}) )?([\d.]+px)[^;]*")


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _variable(match: re.Match[str]) -> str:
    known = THEME.get(match[0])
    return match[0] if known is None else f"var({known[0]},{match[0]})"


def _themed(style: str) -> str:
    style = _SHORTHAND.sub(lambda m: f"font-weight: {m[1] or 400}; font-size: {m[2]}", style)
    return _COLOUR.sub(_variable, _FAMILY.sub("", style)).replace(": ", ":").replace("; ", ";")
