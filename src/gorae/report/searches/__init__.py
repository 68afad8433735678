"""The report of a search for settings: what was tried, what was best, and how far to believe it."""

from gorae.report.searches.facts import SearchFacts, search_facts
from gorae.report.searches.page import render_search_report, search_report

__all__ = ["SearchFacts", "render_search_report", "search_facts", "search_report"]
