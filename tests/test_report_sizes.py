"""Pictures keep the size of their text, and clip none of it, whatever they show."""

import re
from xml.etree import ElementTree as Tree

import numpy as np
import pytest

from gorae.report import pictures
from gorae.report.pictures.canvas import measured

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("classes", [1, 2, 3, 10, 14, 30])
@pytest.mark.parametrize("name", ["", "WWWWWWWWWWWWWWWW", "고래고래고래고래고래"])
def test_a_matrix_has_text_of_the_usual_size_and_clips_none(classes, name):
    """Cells, names and titles lie inside the picture, which is as wide as others or wider.

    The page scales all pictures by one factor, which it finds in their width.
    """
    labels = [f"{name}{k}" for k in range(classes)]
    root = Tree.fromstring(pictures.confusion_figure(labels, np.full((classes, classes), 1000)))
    wide, high = (float(root.get(key, "nan")) for key in ("width", "height"))

    assert (wide >= 400, root.get("style")) == (True, f"--wide:{wide:g}px")
    for element in root.iter(f"{SVG}text"):
        turned = "rotate(-90" in element.get("transform", "")
        start, end = stretch(element, turned)
        assert -1 <= start < end <= (high if turned else wide) + 1


def stretch(element: Tree.Element, turned: bool) -> tuple[float, float]:
    """From where to where a text runs, along x or, turned upright, along y."""
    style = element.get("style", "")
    long = measured([element.text or ""], float(re.findall(r"font-size:([\d.]+)px", style)[0]))
    before = {"start": 0.0, "middle": 0.5, "end": 1.0}[re.findall(r"text-anchor:(\w+)", style)[0]]
    at = float(element.get("y" if turned else "x", "nan"))
    return (
        (at - (1 - before) * long, at + before * long)
        if turned
        else (at - before * long, at + (1 - before) * long)
    )


@pytest.mark.parametrize(("scale", "unit"), [(1e6, "10⁶ of its own units"), (1e-7, "10⁻⁹ of its own units")])
def test_residuals_of_any_scale_have_short_ticks(scale, unit):
    """Large and tiny targets are drawn in a power of ten that stands in the title of the axis."""
    x = np.linspace(1, 9, 30) * scale
    svg = pictures.predicted_actual_figure(x, x, target="price")
    texts = [element.text or "" for element in Tree.fromstring(svg).iter(f"{SVG}text")]

    assert f"predicted price ({unit})" in texts
    assert not any(re.fullmatch(r"[+1]e[-−]?\d+.*", text) for text in texts)
