"""From plain values to a page: the templates of the reports, and the colours of both themes."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gorae.report.names import shortened
from gorae.report.pictures import THEME

__all__ = ["rendered"]


def rendered(template: str, title: object, page: Mapping[str, Any]) -> str:
    """Fill a template of this package; every value is escaped.

    Args:
        template: its name without the ending.
        title: of the page.
        page: what the template shows.

    Returns:
        The page.

    Example:
        >>> page = {"facts": [], "tiles": [], "sentences": ["<b>"], "warnings": [], "machine": []}
        >>> "<p>&lt;b&gt;</p>" in rendered("base", "a page", page)
        True
    """
    found = _environment().get_template(f"{template}.html.jinja")
    return found.render(title=title, page=page, light=_variables(0), dark=_variables(1))


def _variables(theme: int) -> str:
    """The colours of the light theme (0) or the dark one (1) as CSS variables."""
    colours = ((light, dark) for light, (_, dark) in THEME.items())
    names = (name for name, _ in THEME.values())
    return " ".join(f"{name}: {pair[theme]};" for name, pair in zip(names, colours, strict=True))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Templates that escape every value and refuse an unknown one."""
    environment = Environment(
        loader=PackageLoader("gorae.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = shortened
    return environment
