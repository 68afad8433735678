"""Many small images on one sheet: kernels, feature maps, patches, each with a few words."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from gorae.errors import InputError
from gorae.report.names import shortened
from gorae.report.pictures.canvas import FONT, GRID, INK, SOFT, THEME, text_width

__all__ = ["Shelf", "Tile", "tiles_figure"]

_WIDE, _GAP, _SEAM, _LINE = 720, 10, 3, 15
_MOST_LETTERS = 200


@dataclass(frozen=True)
class Tile:
    """A small image, or several side by side, with a line of words beneath.

    Args:
        uris: what `image_uri` or `weights_uri` returned; several are of one shape.
        words: beneath it; they may be cut to its width.
        shape: height and width of one image, in pixels of its own.
    """

    uris: str | tuple[str, ...]
    words: str = ""
    shape: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Shelf:
    """Tiles that belong together, under a heading.

    Args:
        heading: what they are.
        tiles: from left to right, as many in a line as fit.
        note: a sentence beneath the heading, or none.
        side: how long the longer side of a tile is drawn.
    """

    heading: str
    tiles: Sequence[Tile]
    note: str = ""
    side: int = 56


def tiles_figure(shelves: Sequence[Shelf], *, label: str) -> str:
    """A sheet of small images, in which each pixel stays a square.

    Args:
        shelves: from top to bottom.
        label: what the picture shows, for readers who cannot see it.

    Returns:
        One ``<svg>`` element, whose colours follow the theme of its page; the images keep theirs.

    Raises:
        InputError: there is nothing to show.

    Example:
        >>> import numpy as np
        >>> from gorae.report.pictures.pixels import image_uri
        >>> svg = tiles_figure([Shelf("An image", [Tile(image_uri(np.eye(8)), "a line")])], label="a line")
        >>> svg.count("<image "), "An image" in svg
        (1, True)
    """
    if not any(shelf.tiles for shelf in shelves):
        raise InputError("a sheet of images needs at least one, there are none.")
    parts: list[str] = []
    top = 0
    for shelf in shelves:
        top = _shelf(parts, shelf, top)
    high = top - _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" aria-label={quoteattr(label)} '
        f'viewBox="0 0 {_WIDE} {high}" width="{_WIDE}" height="{high}" style="--wide:{_WIDE}px" '
        f"font-family={quoteattr(FONT)}>{''.join(parts)}</svg>"
    )


def _shelf(parts: list[str], shelf: Shelf, top: int) -> int:
    """Draw a shelf below some height, and return where the next one begins."""
    top += _LINE
    parts.append(_text(0, top, shelf.heading, 12, INK, "600"))
    for line in _lines(shelf.note):
        top += _LINE
        parts.append(_text(0, top, line, 10, SOFT))
    top += 7
    wide = max((_drawn(tile, shelf.side)[1] for tile in shelf.tiles), default=0)
    high = max((_drawn(tile, shelf.side)[0] for tile in shelf.tiles), default=0)
    words = any(tile.words for tile in shelf.tiles)
    across = max(1, (_WIDE + _GAP) // (wide + _GAP))
    step = high + (_LINE if words else 0) + _GAP
    for place, tile in enumerate(shelf.tiles):
        x, y = place % across * (wide + _GAP), top + place // across * step
        parts.append(_tile(tile, shelf.side, x, y, wide + _GAP - 4))
    return top + -(-len(shelf.tiles) // across) * step + _GAP // 2


def _drawn(tile: Tile, side: int) -> tuple[int, int]:
    """Return how high and wide a tile is drawn, all its images together."""
    high, wide = _one(tile, side)
    count = len(_uris(tile))
    return high, count * wide + (count - 1) * _SEAM


def _one(tile: Tile, side: int) -> tuple[int, int]:
    """Return how high and wide one image of a tile is drawn."""
    height, width = tile.shape
    longer = max(height, width)
    return max(round(side * height / longer), 4), max(round(side * width / longer), 4)


def _uris(tile: Tile) -> tuple[str, ...]:
    """Return the images of a tile."""
    return (tile.uris,) if isinstance(tile.uris, str) else tile.uris


def _tile(tile: Tile, side: int, x: int, y: int, room: int) -> str:
    """Draw one tile; each image has a thin frame, which shows where a white one ends."""
    high, wide = _one(tile, side)
    places = ((x + at * (wide + _SEAM), uri) for at, uri in enumerate(_uris(tile)))
    image = "".join(
        f'<image x="{left}" y="{y}" width="{wide}" height="{high}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href={quoteattr(uri)}/>'
        f'<rect x="{left}" y="{y}" width="{wide}" height="{high}" style="fill:none;stroke:{_colour(GRID)}"/>'
        for left, uri in places
    )
    if not tile.words:
        return image
    return image + _text(
        x, y + high + 12, shortened(tile.words, max(int(room / text_width(1, 9)), 3)), 9, SOFT
    )


def _text(x: int, y: int, words: str, size: int, colour: str, weight: str = "400") -> str:
    """Draw words."""
    style = f"fill:{_colour(colour)};font-size:{size}px;font-weight:{weight}"
    return f'<text x="{x}" y="{y}" style="{style}">{escape(shortened(words, _MOST_LETTERS))}</text>'


def _lines(note: str) -> list[str]:
    """Break a sentence into lines that fit."""
    lines: list[str] = []
    most = int(_WIDE / text_width(1, 9))
    for word in note.split():
        if lines and len(lines[-1]) + 1 + len(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _colour(colour: str) -> str:
    """Return a colour of the palette as a variable of the page."""
    return f"var({THEME[colour][0]},{colour})"
