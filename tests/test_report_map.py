"""The map of rows: its marks, its legend, its words, and its place in the report of a study."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gorae.errors import InputError
from gorae.report import render_report
from gorae.report.maps import map_view
from gorae.report.pictures.plane import map_figure
from study_cases import people_study, values_study

SVG = "{http://www.w3.org/2000/svg}"


def facts(classes=3, rows=12, **more):
    """Some rows of some classes."""
    points = np.random.default_rng(0).normal(size=(2 * rows, 2)).tolist()
    known = {
        "points": points[:rows],
        "rows": list(range(rows)),
        "values": [at % classes for at in range(rows)],
    }
    new = {**known, "points": points[rows:], "wrong": [at < 2 for at in range(rows)]}
    new |= {"unknown": [at == 5 for at in range(rows)]}
    names = [f"class {at}" for at in range(classes)]
    return {"method": "pca", "known": known, "new": new, "classes": names, "shares": [0.5, 0.2], **more}


def drawn(given):
    """The picture as XML."""
    return ElementTree.fromstring(map_figure(given))


def test_marks():
    """Every row has a mark with a title; wrong rows have a ring and unlike ones a cross."""
    tree = drawn(facts())
    titles = [one.text for one in tree.iter(f"{SVG}title")]
    assert len(titles) == 24
    assert titles[12 + 5] == "new row 5: class 2, unlike the training data"
    assert titles[12].endswith("class 0, wrong")
    used = [one.get("href").partition("-")[2] for one in tree.iter(f"{SVG}use")]
    assert used.count("wrong") == 2 + 1
    assert used.count("unknown") == 1 + 1
    assert "2 predicted wrongly; 1 unlike" in tree.get("aria-label")


@pytest.mark.parametrize("classes", [1, 2, 26, 60])
def test_many_classes(classes):
    """Names stand on the map for up to 40 classes, in the legend for up to 24, and all inside the picture."""
    tree = drawn(facts(classes, rows=120))
    texts = [one.text for one in tree.iter(f"{SVG}text")]
    names = [text for text in texts if text.startswith("class ")]
    assert len(names) == min(classes, 40) + (classes if 2 <= classes <= 24 else 0)
    wide, high = (float(side) for side in tree.get("viewBox").split()[2:])
    for mark in [*tree.iter(f"{SVG}circle"), *tree.iter(f"{SVG}use")]:
        x, y = (float(mark.get(f"c{axis}", mark.get(axis, 0))) for axis in "xy")
        assert 0 <= x <= wide
        assert 0 <= y <= high


def test_names_from_outside_are_escaped():
    """Markup in a class name stays text; two pictures of a page share no id."""
    given = facts(2)
    given["classes"] = ["<script>", 'a"b&']
    svg = map_figure(given)
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    other = map_figure(facts(3))
    assert not set(re.findall(r'id="([^"]+)"', svg)) & set(re.findall(r'id="([^"]+)"', other))
    assert map_figure(given) == svg


def test_a_row_far_off_does_not_hide_the_others():
    """A row a thousand times as far stands at the edge, and the others still fill the map."""
    given = facts(rows=150)
    given["known"]["points"][0] = [1e6, 1e6]
    x = [float(one.get("cx")) for one in drawn(given).iter(f"{SVG}circle") if one.get("cx")]
    assert np.ptp(sorted(x)[5:-5]) > 100


@pytest.mark.parametrize("points", [[[0.0, 0.0]], [[1.0, 1.0]] * 3])
def test_one_spot(points):
    """Rows on one spot are drawn in the middle."""
    given = {"known": {"points": points}, "classes": None}
    places = {(one.get("cx"), one.get("cy")) for one in drawn(given).iter(f"{SVG}circle") if one.get("cx")}
    assert places == {("210.0", "190.0")}


def test_nothing_to_draw():
    """No row, or a place that is not finite, is refused; a section without rows is left out."""
    for part in ({}, {"points": [[np.nan, 0.0]]}):
        with pytest.raises(InputError, match="finite"):
            map_figure({"known": part, "classes": None})
    assert map_view({"known": {"points": []}}) is None
    assert map_view(None) is None


def test_words():
    """How much of the variance is seen, how far neighbours are true, and how many rows are drawn are told."""
    view = map_view(facts(trust=0.9, known_of=5000))
    assert "70.0\xa0% of the variance" in view["how"]
    assert "0.900 (fair)" in view["trust"]
    assert view["shown"] == "12 of 5,000 training rows and all 12 new rows, evenly drawn"
    assert "distances between groups" in map_view({**facts(), "method": "tsne", "shares": None})["how"]


@pytest.mark.parametrize("study", [people_study, values_study])
def test_the_report_of_a_study(study):
    """The report of a study has a map of its test rows over training rows, of classes and of numbers."""
    found = study().findings_
    rows = found["map"]
    assert len(rows["new"]["points"]) == found["test"]["rows"]
    assert rows["new"]["told"][0].startswith("actual ")
    if found["data"]["classes"]:
        wrong = 1 - found["test"]["score"]
        assert np.mean(rows["new"]["wrong"]) == pytest.approx(wrong)
    page = render_report(found)
    assert '<section id="map">' in page
    assert "test row 0: actual " in page
    assert len(page) < 5_000_000
