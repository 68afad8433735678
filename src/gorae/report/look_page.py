"""What a network sees in an image as a page: one HTML file that needs nothing else and lets nothing in."""

from collections.abc import Mapping, Sequence
from typing import Any

from gorae.report.inlining import inline
from gorae.report.names import shortened
from gorae.report.sections import lines, machine
from gorae.report.template import rendered

__all__ = ["render_look"]


def render_look(
    picture: str,
    *,
    title: str = "gorae: what a network sees",
    tiles: Sequence[Mapping[str, str]] = (),
    about: Mapping[str, Any] | None = None,
) -> str:
    """A sheet of filters as one HTML page: no script, no request, light and dark, on a phone and on paper.

    Args:
        picture: what `gorae.report.pictures.filters_figure` returned.
        title: of the page.
        tiles: what is told first, each a caption, figure and detail.
        about: ``facts`` in a few phrases, ``notes``, ``version`` and ``machine``.

    Returns:
        The page. Write it as UTF-8.

    Example:
        >>> page = render_look("<svg></svg>", title="<b>")
        >>> page[:15], "<svg></svg>" in page, "<b></h1>" in page
        ('<!DOCTYPE html>', True, False)
    """
    about = about or {}
    page = {
        "facts": lines(about.get("facts")),
        "tiles": [{key: shortened(told, 60) for key, told in tile.items()} for tile in tiles],
        "sentences": lines(about.get("notes")),
        "warnings": [],
        "picture": inline(picture),
        "machine": machine(about),
    }
    return rendered("look", shortened(title, 120), page)
