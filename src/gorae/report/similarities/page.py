"""The report on similar rows: one HTML file that needs nothing else and lets nothing in."""

import os

from gorae.files import atomic_write
from gorae.report.similarities.facts import SimilarityFacts
from gorae.report.similarities.sections import similarity_view
from gorae.report.template import rendered

__all__ = ["render_similarity_report", "similarity_report"]


def render_similarity_report(facts: SimilarityFacts) -> str:
    """What rows resemble as one HTML page: no script, no request, light and dark, on a phone and on paper.

    Every name and value from outside is escaped; the same facts give the same page, byte for byte.

    Args:
        facts: what was found.

    Returns:
        The page. Write it as UTF-8.

    Example:
        >>> page = render_similarity_report(SimilarityFacts(3, 20, title="<b>"))
        >>> "&lt;b&gt;" in page, "<b></h1>" in page
        (True, False)
    """
    return rendered("similar", facts.title, similarity_view(facts))


def similarity_report(path: str | os.PathLike[str], facts: SimilarityFacts, *, force: bool = False) -> None:
    """Write the report on similar rows.

    Args:
        path: of the HTML file; its folder must exist.
        facts: what was found.
        force: whether an existing file may be replaced.

    Raises:
        FileExistsRefusal: the file exists and ``force`` is False.
        WriteError: it cannot be written.

    Example:
        >>> path = getfixture("tmp_path") / "similar.html"
        >>> similarity_report(path, SimilarityFacts(3, 20))
        >>> path.read_text(encoding="utf-8")[:15]
        '<!DOCTYPE html>'
    """
    atomic_write(path, render_similarity_report(facts), force=force)
