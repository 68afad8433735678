"""The report on what rows resemble: a map, groups of variants, repeated rows, the most unlike rows."""

from gorae.report.similarities.facts import SimilarityFacts, VariantGroup
from gorae.report.similarities.page import render_similarity_report, similarity_report

__all__ = ["SimilarityFacts", "VariantGroup", "render_similarity_report", "similarity_report"]
