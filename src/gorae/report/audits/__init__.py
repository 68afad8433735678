"""The report of an audit: labels that look wrong, rows that are there twice, what may leak the answer."""

from gorae.report.audits.facts import AuditFacts, Example, SuspectRow, Twins
from gorae.report.audits.page import audit_report, render_audit_report
from gorae.report.audits.sections import share_in_words

__all__ = [
    "AuditFacts",
    "Example",
    "SuspectRow",
    "Twins",
    "audit_report",
    "render_audit_report",
    "share_in_words",
]
