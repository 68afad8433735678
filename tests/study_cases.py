"""Small studies for the tests of `study` and `cli`: a plan of few fits, a table of people, fitted models."""

import csv
import io
from functools import cache

import numpy as np
import pandas as pd
import pytest

import gorae.study.study as study_module
from gorae.search import Rows, nested_folds
from gorae.study import Plan, Study

LEVELS = ("low", "middle", "high")


def small_plan(rows, features, classes, models, *, budget, speed, most_folds=5, image_shape=None):
    """Three outer and two inner folds, two settings, few epochs: what `make_plan` is replaced with."""
    folds = min(3, most_folds)
    settings = {m: 2 for m in ("bayes", "knn", "linear", "mlp") if m in models}
    if "ensemble" in models:
        settings["mlp"] = 2
    epochs = {"linear": 12, "mlp": 6}
    return Plan(tuple(models), folds, min(2, folds), 1, settings, 2, epochs, 16, None, 1.0, float(budget))


@pytest.fixture
def few_fits(monkeypatch):
    """Let studies follow the small plan."""
    monkeypatch.setattr(study_module, "make_plan", small_plan)


def people(rows=60, seed=0):
    """A table with numbers, text, truth values and missing values; income follows from age and city."""
    rng = np.random.default_rng(seed)
    age = rng.integers(20, 60, rows)
    city = rng.choice(["Busan", "Seoul", "Ulsan"], rows)
    member = rng.random(rows) < 0.5
    score = age + 15 * (city == "Seoul") + rng.normal(0, 3, rows)
    income = np.array(LEVELS)[np.digitize(score, np.quantile(score, [1 / 3, 2 / 3]))]
    height = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(170, 8, rows).round(1))
    columns = {"age": age, "height": height, "city": city, "member": member, "income": income}
    return pd.DataFrame(columns)


def as_csv(frame):
    """A frame as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(frame.columns)
    for row in frame.itertuples(index=False):
        writer.writerow(["" if value != value else value for value in row])
    return text.getvalue()


def study_of(X, y, *, models=("bayes",), seed=0, hold_out=True, task=None, **options):
    """A study fitted by the small plan."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_module, "make_plan", small_plan)
        study = Study(models=list(models), random_state=seed, hold_out=hold_out, task=task)
        return study.fit(X, y, **options)


@cache
def people_study(model="knn"):
    """A study of the people's income with one model."""
    frame = people()
    return study_of(
        frame.drop(columns="income"), frame["income"], models=[model], name="people", target="income"
    )


@cache
def pictures_study(model="mlp"):
    """A study of byte pictures of two classes."""
    X, y = pictures()
    return study_of(X, y, models=[model], name="pictures")


def pictures(rows=40):
    """Byte pictures of 3 x 4 pixels, bright on the left or on the right."""
    rng = np.random.default_rng(1)
    y = np.arange(rows) % 2
    X = rng.integers(0, 120, (rows, 3, 4))
    X[y == 1, :, 2:] += 120
    return X.astype(np.uint8), y


@cache
def values_study(model="linear"):
    """A study of a number that follows from three."""
    X, y = values()
    return study_of(X, y, models=[model], task="regression", name="values", target="y")


def values(rows=50):
    """Three numbers a row, and a fourth that follows from them."""
    X = np.random.default_rng(2).normal(size=(rows, 3)).astype(np.float32)
    return X, (X @ [1.0, -2.0, 0.5] + 3.0).astype(np.float64)


def classes_rows(rows=45, *, missing=True, seed=0):
    """Rows of three classes, hard to tell apart, some values missing, and their nested folds."""
    rng = np.random.default_rng(seed)
    codes = (np.arange(rows) % 3).astype(np.int32)
    X = (rng.normal(size=(rows, 4)) + np.eye(3, 4)[codes]).astype(np.float32)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    own = Rows(X, codes, 3)
    return own, nested_folds(codes, outer=3, inner=2, stratify=True, seed=seed)


def values_rows(rows=45, *, seed=0):
    """Rows with a number to predict, and their nested folds."""
    own, _ = classes_rows(rows, seed=seed)
    targets = np.nan_to_num(own.matrix).sum(axis=1) + np.random.default_rng(seed).normal(0, 0.3, rows)
    own = Rows(own.matrix, targets[:, None].astype(np.float64), 0)
    return own, nested_folds(targets, outer=3, inner=2, stratify=False, seed=seed)
