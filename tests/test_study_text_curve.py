"""A learning curve of texts: which rung it is measured with, and what each of its fits knows."""

import json
from dataclasses import replace

import numpy as np
import pytest

import gorae.study.curves as curves
import gorae.study.text_curve as module
from cli_cases import run
from gorae.errors import ParameterError
from gorae.study import curve_of_data
from gorae.study.ladder import prototype_of
from gorae.study.prepare import prepare
from gorae.study.text_curve import rung_of_curve
from gorae.trust.parts import fit_parts
from text_cases import reviews, small_text_plan

assert run


@pytest.fixture(scope="module")
def texts():
    """Forty-eight reviews, prepared."""
    return prepare(reviews().drop("label"), reviews()["label"], hold_out=False)


@pytest.fixture
def few_epochs(monkeypatch):
    """Let curves of texts train for few epochs."""
    monkeypatch.setattr(module, "make_text_plan", small_text_plan)


def seconds(monkeypatch, **took):
    """Let fits take so many seconds, each."""
    monkeypatch.setattr(module, "seconds_a_fit", lambda model, *rest: took[model])


def test_the_best_rung_that_there_is_time_for(texts, monkeypatch):
    """Of those whose curve fits the time the one with the best score, and the others are told."""
    seconds(monkeypatch, knn=0.1, linear=1.0, bag=1.0, gru=1e6)
    scores = {"knn": 0.6, "linear": 0.8, "bag": 0.9}
    monkeypatch.setattr(module, "_score", lambda model, *rest: scores[model])

    found = rung_of_curve(None, texts)

    assert found.model == "bag"
    assert found.notes[0] == (
        "Measured with the bag of embeddings (bag), on a fifth of the texts held apart the best of those "
        "there is time for: accuracy 0.900, beside knn 0.600, linear 0.800."
    )
    assert found.notes[1].startswith("Not tried, as the curve would take too long: gru (about ")
    assert set(found.plan.settings.values()) == {1}


def test_a_single_rung_that_there_is_time_for(texts, monkeypatch):
    """Where the choice is one, nothing is tried before."""
    seconds(monkeypatch, knn=1e6, linear=1.0, bag=1e6, gru=1e6)
    monkeypatch.setattr(module, "_score", None)

    found = rung_of_curve(None, texts)

    assert found.model == "linear"
    assert found.notes[0] == "Measured with the linear model of n-grams (linear)."


def test_no_time_for_any_rung(texts, monkeypatch):
    """Where time suffices for none, it is the quickest, untried, and that is told."""
    seconds(monkeypatch, knn=5e4, linear=1e4, bag=1e5, gru=1e6)
    monkeypatch.setattr(module, "_score", None)

    found = rung_of_curve(None, texts)

    assert found.model == "linear"
    assert "the quickest model of texts" in found.notes[0]


def test_the_rung_that_was_asked_for(texts, monkeypatch):
    """It is measured however long it takes; one that reads columns is refused."""
    seconds(monkeypatch, gru=1e6)

    assert rung_of_curve("gru", texts).model == "gru"
    with pytest.raises(ParameterError, match="'mlp' reads columns, and these rows are texts"):
        rung_of_curve("mlp", texts)


def test_how_long_a_curve_takes():
    """Sizes as rows and as shares count alike: 10 + 20 + 30 of 60 rows are one fit on all."""
    assert module._whole_fits([10, 20, 30], 60) == 1.0
    assert module._whole_fits((0.25, 0.75), 60) == 1.0
    assert module._whole_fits(None, 60) == module._whole_fits(["a"], 60) == module._SIZES


def test_each_fit_knows_its_own_words(texts):
    """Of the table of all tokens a fit knows just those of the rows that it learned from."""
    data = texts.in_form("words")
    plan = replace(small_text_plan(None, 2, ["bag"], budget=1, speed=1), epochs={"bag": 1})
    rows = data.rows
    estimator = prototype_of("bag", plan, rows, seed=0, device=None)
    estimator.set_params(early_stopping=False)
    parts = [np.arange(6), np.arange(40)]
    few, many = fit_parts([estimator] * 2, rows.matrix, rows.targets, parts)

    for model, part in ((few, parts[0]), (many, parts[1])):
        known = np.flatnonzero(model._learned.encoding.codes > 1)
        there = np.unique(np.asarray(rows.matrix)[part, 1:])
        assert set(known) == set(there[there > 1])


def test_a_curve_of_texts(few_epochs):
    """The rung of texts learns them: from all rows it is far better than chance, and says what it is."""
    data = reviews(200)
    found = curve_of_data(
        data.drop("label"), data["label"], model="linear", sizes=[0.25, 0.5, 1.0], cv=2, repeats=1
    )

    assert found.model == "linear"
    assert found.data["texts"] == "review"
    assert found.curve.score > 0.7
    assert found.notes[0] == "Measured with the linear model of n-grams (linear)."
    assert found.notes[1] == "Each fit knows the words of its own texts alone."


def test_on_the_command_line(few_epochs, run, tmp_path, monkeypatch):
    """By default the best of the rungs is measured; its name and the notes are in the JSON object."""
    monkeypatch.chdir(tmp_path)
    seconds(monkeypatch, knn=0.1, linear=0.1, bag=1e6, gru=1e6)
    reviews(60).write_csv("reviews.csv")
    ran = run(
        "curve", "reviews.csv", "--target", "label", "--text", "review", "--folds", 2, "--repeats", 1,
        "--sizes", "0.25,0.5,1.0", "--json",
    )  # fmt: skip
    found = json.loads(ran.out)

    assert ran.code == 0
    assert found["model"] in ("knn", "linear")
    measured = next(note for note in found["notes"] if note.startswith("Measured with"))
    assert f"({found['model']}), on a fifth of the texts held apart the best of those" in measured
    assert any("Not tried, as the curve would take too long: bag" in note for note in found["notes"])
    assert "texts of review" in (tmp_path / "reviews-curve.html").read_text(encoding="utf-8")
    refused = run("curve", "reviews.csv", "--target", "label", "--model", "mlp", "--force")
    assert refused.code == 1
    assert "those that read texts are knn, linear, bag, gru" in refused.err


def test_rungs_of_texts_are_refused_for_tables():
    """A table has no curve of a model that reads texts."""
    with pytest.raises(ParameterError, match="'bag' reads texts, and these rows are none"):
        curve_of_data(np.eye(40), np.arange(40) % 2, model="bag")
    assert "bag" in curves._MODELS
