"""Pictures of this package as they stand in a page."""

from markupsafe import Markup

__all__ = ["inline"]


def inline(svg: str) -> Markup:
    """A picture of this package as it stands in a page, not escaped a second time.

    Args:
        svg: what a function of `gorae.report.pictures` returned; nothing else.

    Returns:
        The same text, marked as safe.
    """
    return Markup(svg)  # noqa: S704  (drawn by gorae.report.pictures, which escapes every name it draws)
