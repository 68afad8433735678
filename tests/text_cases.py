"""Small sets of texts and traces for the tests of studies, and a plan of few fits for them."""

import numpy as np
import polars as pl
import pytest

import gorae.study.study as study_module
from gorae.study import Plan, Study
from study_cases import small_plan

FILLERS = ("the", "whale", "film", "a", "sea", "and", "it", "was", "of", "story")
GOOD, BAD = ("wonderful", "lovely"), ("dreadful", "boring")


def reviews(rows=48, seed=0):
    """Texts of several words whose label is that of the one telling word in them."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(rows):
        words = rng.choice(FILLERS, rng.integers(4, 9)).tolist()
        telling = GOOD if row % 2 else BAD
        words[rng.integers(len(words))] = str(rng.choice(telling))
        texts.append(" ".join([*words, f"number {row}."]))
        labels.append("good" if row % 2 else "bad")
    return pl.DataFrame({"review": texts, "label": labels})


def lengths(rows=40, seed=1):
    """Traces of call numbers between commas, and how many calls of number 7 there are in each."""
    rng = np.random.default_rng(seed)
    calls = [rng.choice([3, 7, 82, 115], rng.integers(5, 12)) for _ in range(rows)]
    traces = [",".join(map(str, one)) for one in calls]
    return pl.DataFrame({"trace": traces, "sevens": [float((one == 7).sum()) for one in calls]})


def small_text_plan(forms, classes, models, *, budget, speed, most_folds=5):
    """Two outer folds, a setting, few epochs: what `make_text_plan` is replaced with."""
    settings = {model: 1 for model in ("knn", "linear", "bag", "gru") if model in models}
    epochs = {"linear": 30, "bag": 20, "gru": 6}
    return Plan(tuple(models), 2, 1, 1, settings, 1, epochs, 16, None, 1.0, float(budget))


@pytest.fixture
def few_text_fits(monkeypatch):
    """Let studies of texts follow the small plan."""
    monkeypatch.setattr(study_module, "make_text_plan", small_text_plan)


def text_study(X, y, *, models=("linear",), seed=0, task=None, **options):
    """A study of texts, fitted by the small plan."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_module, "make_text_plan", small_text_plan)
        patch.setattr(study_module, "make_plan", small_plan)
        study = Study(list(models), random_state=seed, task=task, time=300)
        return study.fit(X, y, **options)
