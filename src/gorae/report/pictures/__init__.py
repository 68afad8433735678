"""Pictures of evidence, each a function from numbers to one inline SVG element or image URI.

They follow the light or dark theme of the page they stand in through CSS variables, keep text as text, name
units on every axis, use Okabe and Ito's palette, and carry a sentence for readers who cannot see them.
"""

from gorae.report.pictures.bars import Bar, bars_figure
from gorae.report.pictures.canvas import THEME, standalone
from gorae.report.pictures.confusion import MOST_CLASSES, confusion_figure, top_confusions
from gorae.report.pictures.coverage import coverage_figure, intervals_figure, set_sizes_figure
from gorae.report.pictures.curves import MOST_MEMBERS, curves_figure, gradient_figure, kept_epoch
from gorae.report.pictures.dependence import MOST_OUTPUTS, dependence_figure
from gorae.report.pictures.filters import filters_figure
from gorae.report.pictures.image_kernels import kernels_figure
from gorae.report.pictures.ladder import gap_figure, ladder_figure
from gorae.report.pictures.parallel import parallel_figure
from gorae.report.pictures.parameters import MOST_DRAWN
from gorae.report.pictures.pixels import image_uri, weights_uri
from gorae.report.pictures.reliability import reliability_figure
from gorae.report.pictures.residuals import predicted_actual_figure, residual_figure
from gorae.report.pictures.rungs import rungs_figure
from gorae.report.pictures.settings_scores import settings_scores_figure

__all__ = [
    "MOST_CLASSES",
    "MOST_DRAWN",
    "MOST_MEMBERS",
    "MOST_OUTPUTS",
    "THEME",
    "Bar",
    "bars_figure",
    "confusion_figure",
    "coverage_figure",
    "curves_figure",
    "dependence_figure",
    "filters_figure",
    "gap_figure",
    "gradient_figure",
    "image_uri",
    "intervals_figure",
    "kept_epoch",
    "kernels_figure",
    "ladder_figure",
    "parallel_figure",
    "predicted_actual_figure",
    "reliability_figure",
    "residual_figure",
    "rungs_figure",
    "set_sizes_figure",
    "settings_scores_figure",
    "standalone",
    "top_confusions",
    "weights_uri",
]
