"""What a report says of its numbers: on which rows they were found, by what models, in what unit."""

import html
import re

import numpy as np
import pytest

import report_findings as made
from gorae.report import render_report
from gorae.report.answer import sentences
from gorae.report.scheme import settings_differ, where_scored, whose_rows


def plain(page: str) -> str:
    """The text of a page in one line, without its pictures."""
    page = re.sub(r"<style>.*?</style>|<svg .*?</svg>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


@pytest.fixture(scope="module")
def digits() -> str:
    return plain(render_report(made.digits_findings()))


def test_a_page_of_a_single_split_does_not_speak_of_cross_validation():
    """With one outer split, scores and pictures are said to come from it, and how to read it explains it."""
    findings = made.digits_findings()
    findings["test"] = None
    findings["plan"] = {**findings["plan"], "outer": 1, "repeats": 1}
    findings["predicted"] = {"rows": 287, "folds": 1, "tried": 8}
    told = plain(render_report(findings))

    assert "accuracy 0.982 on one held-out split" in told
    assert "Dot: accuracy on one held-out split" in told
    assert told.count("These are the 287 rows of one held-out split") == 3
    assert "Thin lines: one split each" in told
    assert "would give narrower intervals, but takes more time" in told
    assert not re.search("(in|nested) cross-validation", told)


@pytest.mark.parametrize(
    ("plan", "where", "rows"),
    [
        (
            {"outer": 5, "repeats": 1},
            "in cross-validation",
            "by a model that did not learn from it, in cross-",
        ),
        (
            {"outer": 5, "repeats": 3},
            "in cross-validation",
            "one in each of 3 repetitions of cross-validation",
        ),
        ({"outer": 1, "repeats": 3}, "on 3 held-out splits", "the 90 rows of 3 held-out splits"),
        ({}, "in cross-validation", "Each of the 90 rows was predicted"),
    ],
)
def test_where_scores_come_from(plan, where, rows):
    """Folds, repetitions and single splits are told apart."""
    findings = {"plan": plan, "predicted": {"rows": 90}}

    assert where_scored(findings) == where
    assert rows in whose_rows(findings)


def test_rows_of_pictures_are_counted_where_findings_do_not_say():
    """Without a number of rows, the confusion matrix or the residuals have it."""
    assert "the 12 rows" in whose_rows({"confusion": {"counts": np.array([[5, 1], [0, 6]])}})
    assert "the 2 rows" in whose_rows({"residuals": {"actual": [1.0, 2.0]}})
    assert "of the rows" in whose_rows({})


@pytest.mark.parametrize(
    ("predicted", "told"),
    [
        ({"folds": 5, "tried": 8}, "Each fold chose its own settings"),
        ({"folds": 5, "tried": 1}, "fitted again, on the rows of all folds"),
    ],
)
def test_the_saved_model_may_differ(predicted, told):
    """Only where folds chose among settings it is said that each chose its own."""
    assert told in settings_differ({"predicted": predicted})


def test_pictures_say_whose_rows_they_are(digits):
    """Confusions, reliability and hardest examples say that models had not learned from the rows."""
    told = digits

    assert told.count("by a model that did not learn from it") == 3
    assert told.count("Each fold chose its own settings") == 3
    assert "Rows are counted from 0" in told


def test_lines_of_folds_are_called_folds():
    """Curves of folds are not called members, those of an ensemble are."""
    folds = {**made.MINIMAL, "curves": made.curves(3, 5)}
    members = {**folds, "curves": [{**curve, "member": "member 1"} for curve in folds["curves"]]}

    assert "Thin lines: one fold each" in plain(render_report(folds))
    assert "Learning curves of 3 folds" in render_report(folds)
    assert "Thin lines: one member each" in plain(render_report(members))


@pytest.mark.parametrize(("classes", "told"), [(2, "1 is worst"), (3, "summed over classes"), (None, "0 is")])
def test_the_brier_score_says_what_it_sums(classes, told):
    """Two classes share one squared error, more are summed."""
    findings = {**made.MINIMAL, "reliability": {"brier": 0.1, "classes": classes}}

    assert re.search(f"Brier score[^A-Z]*{told}", plain(render_report(findings)))


def test_fits_and_seconds_are_summed(digits):
    """The line under the ladder sums its rows; an ensemble beside the mlp says what it counts."""
    rows = [{"model": "mlp", "score": 0.5, "fits": 15, "seconds": 20.0}]
    rows += [{"model": "ensemble", "score": 0.6, "fits": 3, "seconds": 4.0}]
    told = plain(render_report({"title": "t", "ladder": rows}))

    assert "18 fits in 24 s stand behind this table. The ensemble builds on" in told
    assert "The ensemble builds on" not in digits


def test_hard_values_are_plain_numbers():
    """A price of 29,340 is not written as a power of ten."""
    row = {"row": 0, "actual": 29340.0, "predicted": 1.5e6, "values": {"tiny": 2e-7}}
    told = plain(render_report({**made.MINIMAL, "hardest": [row]}))

    assert "0 29,340 1,500,000 2 × 10⁻⁷" in told


def test_comparisons_are_said_to_be_paired(digits):
    """Intervals of two models that overlap are no verdict, which is said once."""
    assert digits.count("that those overlap does not decide") == 1


def test_test_rows_that_were_learned_from_are_not_called_untouched():
    """Where test rows were learned from too, no text calls them untouched or the score to quote."""
    findings = made.digits_findings()
    findings["test"] = {**findings["test"], "seen": 7}
    told = plain(render_report(findings))

    assert "of which 7 were learned from too" in told
    assert not re.search("used for nothing else|nothing else touched|score to quote", told)


def test_a_sentence_has_real_minus_signs():
    """Evidence writes plain ASCII; the page writes the same sign in sentences and tables, names untouched."""
    sentence = "x-1 scores best (difference in R2 0.010, 95 % interval -0.069 to 0.089)"
    told = sentences({"ladder": [{"model": "x-1", "score": 0.5}], "comparison": {"sentence": sentence}})[-1]

    assert told == "x-1 scores best (difference in R2 0.010, 95 % interval −0.069 to 0.089)."
