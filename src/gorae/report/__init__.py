"""Evidence made visible: pictures as inline SVG, and one self-contained HTML file that holds them all."""

from gorae.report import pictures
from gorae.report.page import render_report

__all__ = ["pictures", "render_report"]
