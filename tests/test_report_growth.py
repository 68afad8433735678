"""The sections on more data and on doubt, and the page of a learning curve: what they say and refuse."""

import numpy as np
import pytest

from gorae.errors import InputError
from gorae.report import render_curve_report, render_report
from gorae.report.doubt import doubt_view
from gorae.report.growth import growth_view
from gorae.report.pictures.doubt import doubt_figure
from gorae.report.pictures.growth import growth_figure
from report_findings import MINIMAL, doubt, growth

HOSTILE = "</td><script>alert(1)</script>\u202e{{7*7}}"


def test_the_section_tells_sentence_scores_and_gain():
    """The answer, each size with its interval, the gain and what was measured stand in the page."""
    page = render_report({**MINIMAL, "growth": growth()})
    for words in (
        "<h2>Would more data help?</h2>",
        "Twice the rows would bring accuracy from 0.973 to about 0.983.",
        "These sizes do not tell whether errors vanish.",
        "2 × = 2,874",
        "0.004 to 0.016",
        "Measured with a single network of the ensemble: 5 sizes in 5 folds",
        '<a href="#growth">More data</a>',
    ):
        assert words in page


def test_the_picture_names_units_and_numbers():
    """Axes say what they are; the label tells the curve to readers who cannot see it."""
    svg = growth_figure(growth())
    assert "rows to learn from (logarithmic)" in svg
    assert "from 1,437 rows; the law expects" in svg
    for tick in ("90", "1,437", "2,874", "5,748"):
        assert f">{tick}<" in svg


def test_training_scores_far_away_do_not_flatten_the_picture():
    """The axis of a score near 0.2 does not reach a training score of 1."""
    found = growth("r2")
    for row in (*found["scores"], *found["expected"]):
        row.update({key: row[key] - 0.75 for key in ("score", "low", "high")})
    found["train_scores"] = [{"score": 9.0, "low": 9.0, "high": 9.0}] * 5
    assert ">8<" not in growth_figure(found)
    assert "R²" in growth_figure(found)


def test_a_curve_without_law_or_training_is_drawn():
    """What is missing is left out."""
    found = growth() | {"train_scores": None, "expected": None, "gains": None, "notes": None}
    page = render_curve_report(found)
    assert "Expected gains" not in page
    assert "–" in page


def test_the_page_of_a_curve_needs_a_curve():
    """Without sizes it is refused; with too few scores too."""
    with pytest.raises(InputError, match="needs its sizes and scores"):
        render_curve_report({})
    with pytest.raises(InputError, match="5 sizes and 1 scores"):
        growth_figure(growth() | {"scores": growth()["scores"][:1]})
    assert growth_view({}) is None


def test_the_page_of_a_curve_tells_the_verdict():
    """Tiles, facts, notes and the machine; no script and no request."""
    about = {"facts": ["1,797 rows"], "notes": ["a column was dropped"], "machine": {"cores": "2"}}
    page = render_curve_report(growth(), title="digits", about=about)
    for words in ("would help", "1,797 rows", "a column was dropped", "cores", "How to read this report"):
        assert words in page
    assert "<script" not in page
    assert page == render_curve_report(growth(), title="digits", about=about)


def test_hostile_texts_are_only_shown():
    """Names of models and classes, and sentences, are escaped in pages and pictures."""
    curve = render_curve_report(growth() | {"sentence": HOSTILE, "model": HOSTILE, "notes": [HOSTILE]})
    unsure = render_report({**MINIMAL, "doubt": doubt([HOSTILE, "b"]) | {"sentence": HOSTILE}})
    for page in (curve, unsure):
        assert "<script" not in page
        assert "\u202e" not in page
        assert "{{7*7}}" in page


def test_doubt_is_told_in_parts():
    """Means with intervals, the log-loss, a picture by class and the rows with the most of each part."""
    page = render_report({**MINIMAL, "doubt": doubt(["cat", "dog"])})
    for words in (
        "Which doubt would more data settle?",
        "0.015 to 0.025",
        "doubt (nats a row)",
        "Rows that more data would settle",
        "Rows that are undecided",
        "the 5 networks",
    ):
        assert words in page
    assert "surer than they are right" not in page
    assert "surer than they are right" in render_report(
        {**MINIMAL, "doubt": doubt(["cat", "dog"]) | {"log_loss": 0.5}}
    )
    assert doubt_view(None) is None


def test_only_the_most_doubtful_classes_are_drawn():
    """Of thirty classes twenty, the most doubtful first; one without rows is left out."""
    parts = np.column_stack([np.arange(30.0), np.zeros(30)])
    parts[29] = np.nan
    svg = doubt_figure([f"class{place:02}" for place in range(30)], parts)
    assert ">class28<" in svg
    assert ">class09<" in svg
    assert ">class08<" not in svg
    assert ">class29<" not in svg
    with pytest.raises(InputError, match="two parts for each of 3 classes"):
        doubt_figure(["a", "b", "c"], parts)
