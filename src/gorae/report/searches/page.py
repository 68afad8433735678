"""The report of a search: one HTML file that needs nothing else and lets nothing in."""

import os

from gorae.files import atomic_write
from gorae.report.searches.facts import SearchFacts
from gorae.report.searches.sections import search_view
from gorae.report.template import rendered

__all__ = ["render_search_report", "search_report"]


def render_search_report(facts: SearchFacts) -> str:
    """A search as one HTML page: no script, no request, light and dark, on a phone and on paper.

    It shows the best settings with their intervals, how optimistic the best score is, all settings as
    parallel coordinates and against each parameter, the rungs where settings were halved, what was searched,
    and what failed. Every name and value from outside is
    escaped; the same facts give the same page, byte for byte.

    Args:
        facts: see `search_facts`.

    Returns:
        The page. Write it as UTF-8.

    Raises:
        InputError: the table holds no setting, or not the score.

    Example:
        >>> found = {"params": [{"k": 1}, {"k": "<b>"}], "mean_test_score": [0.8, 0.9]}
        >>> page = render_search_report(SearchFacts(found, metric="accuracy"))
        >>> "&lt;b&gt;" in page, "<b>k" in page
        (True, False)
    """
    return rendered("search", facts.title, search_view(facts))


def search_report(path: str | os.PathLike[str], facts: SearchFacts, *, force: bool = False) -> None:
    """Write the report of a search.

    Args:
        path: of the HTML file; its folder must exist.
        facts: see `search_facts`.
        force: whether an existing file may be replaced.

    Raises:
        InputError: the table holds no setting, or not the score.
        FileExistsRefusal: the file exists and ``force`` is False.
        WriteError: it cannot be written.

    Example:
        >>> path = getfixture("tmp_path") / "search.html"
        >>> search_report(path, SearchFacts({"params": [{"k": 1}], "mean_test_score": [0.5]}))
        >>> path.read_text(encoding="utf-8")[:15]
        '<!DOCTYPE html>'
    """
    atomic_write(path, render_search_report(facts), force=force)
