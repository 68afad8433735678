"""The report of an audit: one HTML file that needs nothing else and lets nothing in."""

import os

from gorae.files import atomic_write
from gorae.report.audits.facts import AuditFacts
from gorae.report.audits.sections import audit_view
from gorae.report.template import rendered

__all__ = ["audit_report", "render_audit_report"]


def render_audit_report(facts: AuditFacts) -> str:
    """An audit as one HTML page: no script, no request, light and dark, on a phone and on paper.

    It shows how many labels look wrong, the most suspicious rows beside the nearest of both classes, which
    classes are mistaken for which, rows that are there twice, and what may leak the answer. Every name and
    value from outside is escaped; the same facts give the same page, byte for byte.

    Args:
        facts: of the audit.

    Returns:
        The page. Write it as UTF-8.

    Raises:
        InputError: the joint is not of shape (classes, classes).

    Example:
        >>> import numpy as np
        >>> facts = AuditFacts(["<b>", "a"], 20, 0.05, 0.01, 0.2, np.array([[0.45, 0.05], [0.0, 0.5]]))
        >>> page = render_audit_report(facts)
        >>> "&lt;b&gt;" in page, "<b>a" in page
        (True, False)
    """
    return rendered("audit", facts.title, audit_view(facts))


def audit_report(path: str | os.PathLike[str], facts: AuditFacts, *, force: bool = False) -> None:
    """Write the report of an audit.

    Args:
        path: of the HTML file; its folder must exist.
        facts: of the audit.
        force: whether an existing file may be replaced.

    Raises:
        InputError: the joint is not of shape (classes, classes).
        FileExistsRefusal: the file exists and ``force`` is False.
        WriteError: it cannot be written.

    Example:
        >>> import numpy as np
        >>> path = getfixture("tmp_path") / "audit.html"
        >>> audit_report(path, AuditFacts(["a", "b"], 20, 0.0, 0.0, 0.1, np.eye(2) / 2))
        >>> path.read_text(encoding="utf-8")[:15]
        '<!DOCTYPE html>'
    """
    atomic_write(path, render_audit_report(facts), force=force)
