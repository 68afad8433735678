"""What answers depend on, in pictures and pages: bars, curves, maps, sentences, and names from outside."""

import numpy as np
import pytest

from gorae.errors import FileExistsRefusal, InputError
from gorae.report import explanation_report, render_explanation, render_report
from gorae.report.importance import attributions, importance
from gorae.report.pictures import Bar, bars_figure, dependence_figure
from report_findings import MINIMAL

NAMES = ("age", "city", "<b>height", "member")


def columns(*amounts):
    """Columns of so much importance, each with an interval of 0.1 to both sides."""
    return [
        {"name": NAMES[i % 4], "importance": amount, "low": amount - 0.1, "high": amount + 0.1}
        for i, amount in enumerate(amounts)
    ]


def finding(*amounts, **more):
    """What a study found on so many columns."""
    facts = {"metric": "accuracy", "score": 0.9, "rows": 80, "repeats": 10, "left_out": 0}
    return {"columns": columns(*amounts), **facts, **more}


def curve(outputs=("yes",), values=(1.0, 2.0, 3.0), places=(1.0, 2.0, 3.0)):
    """A partial dependence that rises for the first output."""
    mean = np.linspace(0.1, 0.8, len(values)) * np.linspace(1, 0.5, len(outputs))[:, None]
    found = {"mean": mean, "low": mean - 0.05, "high": mean + 0.05, "rows": 80}
    return {"column": "age", "values": list(values), "places": places, "outputs": list(outputs), **found}


def test_bars_reach_as_far_as_amounts():
    """A bar twice as large is twice as long, one below zero reaches to the left and has the other colour."""
    svg = bars_figure([Bar("a", 2.0), Bar("b", 1.0), Bar("c", -1.0)], "amount", label="three bars")
    assert svg.count("var(--blue") == 2
    assert svg.count("var(--vermillion") == 1
    assert "−1.000" in svg


def test_bars_of_nothing():
    """Bars that are all 0 make a picture, no bar at all none; a shared axis is as wide as it was asked for."""
    assert "0.000" in bars_figure([Bar("a", 0.0, 0.0, 0.0)], "amount", label="nothing")
    assert "100" in bars_figure([Bar("a", 1.0)], "amount", span=(0.0, 100.0), label="small")
    with pytest.raises(InputError, match="at least one"):
        bars_figure([], "amount", label="none")


def test_curves():
    """Of one number the axis names the target; of classes a legend names those that change most."""
    one = dependence_figure(curve(["prediction"]), target="price")
    assert "mean predicted price" in one
    many = dependence_figure(curve(["a", "b", "c", "d", "quiet"]))
    assert "mean probability" in many
    assert "quiet" not in many
    assert many.count("var(--purple") >= 1


def test_curves_of_categories_and_dates():
    """Categories stand side by side, long ones turned; dates are written as they are; one value will do."""
    assert "Busan" in dependence_figure(curve(values=("Busan", "Seoul", "Ulsan"), places=None))
    assert "rotate" in dependence_figure(curve(values=["a very long name"] * 9, places=None))
    dates = dependence_figure(curve(values=("2024-01-01", "2024-02-01", "2024-03-01")))
    assert "2024-02-01" in dates
    assert "<svg" in dependence_figure(curve(values=(1.0,), places=(1.0,)))


def test_curve_without_interval():
    """A curve over one row has no interval, and is drawn all the same."""
    bare = curve()
    bare["low"] = bare["high"] = np.full((1, 3), np.nan)
    assert "<svg" in dependence_figure(bare)
    with pytest.raises(InputError, match="shape"):
        dependence_figure({**curve(), "mean": [[0.1, 0.2]]})


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (finding(0.3, 0.0), "Without the values of age accuracy falls most: by 0.300 (0.200 to 0.400)."),
        (
            finding(0.3, metric="rmse"),
            "Without the values of age RMSE rises most: by 0.300 (0.200 to 0.400).",
        ),
        (finding(0.05), "No single column is shown to matter: accuracy changes little without each of them."),
    ],
)
def test_sentence(found, told):
    """The sentence names the most important column with its figure, or says that none is shown to matter."""
    assert importance(found)["sentence"] == told


def test_shown_to_matter():
    """So many columns are said to matter as have intervals above 0."""
    assert importance(finding(0.3, 0.2, 0.05))["shown"].startswith("2 of 3 columns are shown to matter")


def test_nothing_found():
    """Without columns and pixels there is no section, and the report says nothing of it."""
    assert importance(None) is None
    assert importance({"columns": [], "dependence": []}) is None
    assert 'id="importance"' not in render_report(MINIMAL)


def test_report_of_a_study():
    """The report of a study has a section with the picture, the curves, and names that are escaped."""
    page = render_report(MINIMAL | {"importance": finding(0.3, 0.2, 0.1, dependence=[curve()])})
    assert "What the answers depend on" in page
    assert "among 80 test rows" in page
    assert page.count("Partial dependence") == 1
    assert "<b>height" not in page


def test_many_columns():
    """The picture shows the first columns, a table all of them, and those left out are counted."""
    page = render_report(MINIMAL | {"importance": finding(*np.linspace(0.5, 0, 20), left_out=7)})
    assert "All 20 in figures" in page
    assert "7 further columns" in page


def test_pictures():
    """Rows that are pictures have a map of their parts, one of their pixels, and some rows beside theirs."""
    example = {"row": None, "of": "3", "image": np.eye(4), "map": np.eye(4) - 0.5}
    pixels = {"image": np.eye(4), "rows": 90, "members": 1, "examples": [example]}
    found = finding(0.3, parts=True, map=np.eye(4), pixels=pixels)
    page = render_report(MINIMAL | {"importance": found})
    assert page.count("data:image/png") == 4
    assert "against it" in page
    alone = render_report(MINIMAL | {"importance": {"columns": [], "parts": True, "pixels": pixels}})
    assert alone.count("data:image/png") == 3


def pushed(**more):
    """What pushed the answers for two rows."""
    one = {"column": "age", "value": 33.123456, "attribution": 1.5, "low": 1.0, "high": 2.0}
    other = {"column": "<i>", "value": None, "attribution": -0.5, "low": -0.7, "high": -0.1}
    row = {"of": "high", "start": 0.1, "end": 1.1, "columns": [one, other]} | more
    return {"output": "logit", "members": 3, "rows": [{"row": 4, **row}, {"row": 9, **row}]}


def test_single_answers():
    """The page of an explanation tells what pushed some answers, each column with the row's own value."""
    facts = {"title": "people", "importance": finding(0.3, dependence=[curve()]), "attributions": pushed()}
    page = render_explanation(facts | {"target": "income", "model": "people.gorae", "notes": ["a note"]})
    assert "age = 33.12" in page
    assert "<i> = missing" not in page
    assert "&lt;i&gt; = missing" in page
    assert "the mean of 3 networks" in page
    assert "a note" in page
    assert "target income" in page
    assert "<script" not in page


def test_single_answers_for_pictures():
    """Rows that are pictures stand beside the maps of what their pixels add."""
    found = attributions(pushed(image=np.eye(3), map=np.eye(3)))
    assert found["rows"] == []
    assert len(found["maps"]) == 2
    facts = {
        "title": "digits",
        "importance": finding(0.3),
        "attributions": pushed(image=np.eye(3), map=np.eye(3)),
    }
    assert render_explanation(facts).count("data:image/png") == 4


def test_file(tmp_path):
    """The page is written once; a file that exists is replaced only by force; a title is needed."""
    facts = {"title": "people", "importance": finding(0.3)}
    explanation_report(tmp_path / "a.html", facts)
    with pytest.raises(FileExistsRefusal):
        explanation_report(tmp_path / "a.html", facts)
    explanation_report(tmp_path / "a.html", facts, force=True)
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == render_explanation(facts)
    with pytest.raises(InputError, match="title"):
        render_explanation({"importance": finding(0.3)})
