"""The page of an audit: it says what it was given, escapes every name, and needs nothing else."""

import dataclasses

import numpy as np
import pytest

from gorae.errors import FileExistsRefusal, InputError
from gorae.report import AuditFacts, audit_report, render_audit_report
from gorae.report.audits import Example, SuspectRow, Twins

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\u202e{{7*7}}"
JOINT = np.array([[0.45, 0.05], [0.01, 0.49]])


def suspect(image=None, values=None, label="cat"):
    """A suspicious row with both neighbours."""
    near = [Example(row, name, 0.5, image, values) for row, name in ((8, label), (9, "dog"))]
    return SuspectRow(Example(7, label, None, image, values), "dog", 0.98, *near)


def facts(**changed):
    """An audit of cats and dogs in which all was found."""
    base = AuditFacts(
        classes=["cat", "dog"],
        rows=200,
        noise=0.06,
        low=0.035,
        high=0.1,
        joint=JOINT,
        agreement=0.9,
        wrong=11,
        suspects=[suspect(values={"age": 3.5, "city": None})],
        twins=Twins(
            groups=[[(1, "cat"), (2, "dog")]],
            repeated=1,
            disputed=1,
            near=[(3, 4, True, 0.01)],
            across=[(0, 5)],
            across_equal=1,
            near_pairs=1,
        ),
        leaks=[{"sentence": "The column 'paid' gives the target.", "advice": "Leave it out."}],
        title="gorae audit: pets",
    )
    return dataclasses.replace(base, **changed)


def test_the_answer_is_told_in_words():
    """Share with interval, rows to look at, duplicates, leaks and pairs stand in the page."""
    page = render_audit_report(facts())
    for words in (
        "About 6.0\u00a0% (3.5 to 10.0) of the labels look wrong. Out of fold 90.0\u00a0% of them",
        "11 rows have a label that is more probably wrong than right",
        "labels differ: no column tells them apart",
        "gives the target.",
        "<em>Leave it out.</em>",
        "estimated true class",
    ):
        assert words in page
    assert "<script" not in page
    assert render_audit_report(facts()) == page


def test_pictures_are_shown_as_pictures():
    """A row, and the nearest of both labels, are three images."""
    page = render_audit_report(facts(suspects=[suspect(image=np.eye(8))]))
    assert page.count("data:image/png;base64,") == 3


def test_nothing_found():
    """A clean data set is told as one."""
    page = render_audit_report(
        facts(
            noise=0.0, low=0.0, high=0.02, joint=np.eye(2) / 2, wrong=0, suspects=(), twins=Twins(), leaks=()
        )
    )
    for words in (
        "No row has a label",
        "No label seems to stand",
        "No row stands there twice",
        "No suspect:",
    ):
        assert words in page
    assert 'id="suspects"' not in page


def test_hostile_names_are_escaped():
    """Markup in labels, columns, values and sentences stays text; what turns text around is made visible."""
    page = render_audit_report(
        facts(
            classes=[HOSTILE, "dog"],
            title=HOSTILE,
            suspects=[suspect(values={HOSTILE: HOSTILE}, label=HOSTILE)],
            twins=Twins(groups=[[(1, HOSTILE), (2, "dog")]], repeated=1),
            leaks=[{"sentence": HOSTILE, "advice": HOSTILE}],
            notes=[HOSTILE],
            warnings=[HOSTILE],
        )
    )
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert "49" not in page.split("</style>")[1].split("<svg")[0].replace("0.49", "")


@pytest.mark.parametrize("classes", [2, 26, 40])
def test_any_number_of_classes(classes):
    """Up to 30 classes are drawn, more are listed."""
    joint = np.full((classes, classes), 0.2 / (classes * (classes - 1)))
    np.fill_diagonal(joint, 0.8 / classes)
    page = render_audit_report(facts(classes=[f"c{k}" for k in range(classes)], joint=joint, rows=10**5))
    assert ("<svg" in page) == (classes <= 30)
    assert "c1" in page


def test_a_wrong_joint_is_told():
    """A joint of another shape is refused."""
    with pytest.raises(InputError, match=r"shape \(3, 3\)"):
        render_audit_report(facts(classes=["a", "b", "c"]))


def test_the_file_is_not_replaced_unasked(tmp_path):
    """A report that exists stays, unless force is given."""
    path = tmp_path / "audit.html"
    audit_report(path, facts())
    with pytest.raises(FileExistsRefusal):
        audit_report(path, facts())
    audit_report(path, facts(title="anew"), force=True)
    assert "anew" in path.read_text(encoding="utf-8")
