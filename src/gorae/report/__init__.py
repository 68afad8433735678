"""Evidence made visible: pictures as inline SVG, and self-contained HTML files that hold them.

`render_report` is the report of a study, `search_report` that of a search for settings, `audit_report` that
of an audit of labels, `explanation_report` that of what a model's answers depend on, `render_curve_report`
that of a learning curve.
"""

from gorae.report import pictures
from gorae.report.audits import AuditFacts, audit_report, render_audit_report, share_in_words
from gorae.report.curve_page import render_curve_report
from gorae.report.explanations import explanation_report, render_explanation
from gorae.report.page import render_report
from gorae.report.searches import SearchFacts, render_search_report, search_facts, search_report

__all__ = [
    "AuditFacts",
    "SearchFacts",
    "audit_report",
    "explanation_report",
    "pictures",
    "render_audit_report",
    "render_curve_report",
    "render_explanation",
    "render_report",
    "render_search_report",
    "search_facts",
    "search_report",
    "share_in_words",
]
