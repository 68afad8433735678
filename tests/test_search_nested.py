"""Nested folds, and what nested cross-validation makes of answers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae.backend import select_devices
from gorae.estimators import GaussianBayes, LinearClassifier, LinearRegressor
from gorae.search import (
    Rows,
    Step,
    nested_estimator,
    nested_folds,
    nested_neighbors,
    nested_networks,
    splittable,
)
from gorae.search.networks import _population
from gorae.search.result import Choice, FoldAnswer, choose, mean_loss, nested_result, score_outputs
from study_cases import classes_rows, values_rows

VOTES = [{"n_neighbors": k, "metric": "l2", "weights": "uniform"} for k in (1, 3)]


@given(
    rows=st.integers(12, 40),
    outer=st.integers(1, 4),
    inner=st.integers(0, 3),
    repeats=st.integers(1, 2),
    seed=st.integers(0, 9),
)
def test_folds_cover_and_nest(rows, outer, inner, repeats, seed):
    """A repetition scores each row at most once, with several folds all; inner splits cut training rows."""
    folds = nested_folds(
        np.arange(rows) % 2, outer=outer, inner=inner, repeats=repeats, stratify=True, seed=seed
    )
    assert len(folds) == outer * repeats
    for repeat in range(repeats):
        scored = np.concatenate([fold.score for fold in folds if fold.repeat == repeat])
        assert len(np.unique(scored)) == len(scored)
        assert outer == 1 or len(scored) == rows
    for fold in folds:
        assert not set(fold.train) & set(fold.score)
        assert len(fold.inner) == inner
        for train, score in fold.inner:
            assert set(train) | set(score) <= set(fold.train)
            assert not set(train) & set(score)


@given(
    sizes=st.lists(st.integers(1, 6), min_size=3, max_size=9),
    outer=st.integers(1, 3),
    inner=st.integers(0, 3),
)
def test_groups_are_never_split(sizes, outer, inner):
    """No group is on both sides of an outer or an inner split, however few groups there are."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    targets = np.arange(len(groups)) % 2
    for fold in nested_folds(targets, outer=outer, inner=inner, stratify=False, groups=groups, seed=0):
        for train, score in [(fold.train, fold.score), *fold.inner]:
            assert len(train)
            assert not set(groups[train]) & set(groups[score])


def test_one_group_left_leaves_nothing_to_choose():
    """With two groups each outer fold learns from one, which cannot be split: the first setting is taken."""
    rows, _ = classes_rows(30)
    rows = replace(rows, groups=np.arange(30) % 2)
    folds = nested_folds(rows.targets, outer=2, inner=2, stratify=True, groups=rows.groups, seed=0)
    assert [fold.inner for fold in folds] == [[], []]
    found = nested_estimator(GaussianBayes(), [{"shrinkage": 0.5}, {"shrinkage": 0.1}], rows, folds)
    assert (found.chosen, found.fits) == ([0, 0], 2)
    assert nested_neighbors(VOTES, rows, folds).chosen == [0, 0]


def test_stopping_rows_keep_groups_apart():
    """Early stopping of networks cuts whole groups from the training rows of every split."""
    rows, _ = classes_rows(36)
    rows = replace(rows, groups=np.arange(36) // 3)
    folds = nested_folds(rows.targets, outer=3, inner=2, stratify=True, groups=rows.groups, seed=0)
    prototype, devices = LinearClassifier(random_state=0), select_devices("cpu")
    population, _ = _population(prototype, [{}], rows, folds, 0.2, 0, devices, inner=True)
    assert len(population.splits) == 9
    for split in population.splits:
        assert len(split.stop)
        assert not set(rows.groups[split.train]) & set(rows.groups[split.stop])


@pytest.mark.parametrize(
    ("targets", "stratify", "groups", "most"),
    [([0, 0, 0, 1], True, None, 3), ([0, 1, 2], False, None, 3), ([0, 0, 0], True, [1, 1, 2], 2)],
)
def test_most_folds(targets, stratify, groups, most):
    """Rows can be cut into as many folds as groups, or rows of the largest class."""
    assert splittable(np.array(targets), stratify, None if groups is None else np.array(groups)) == most


def test_a_fold_of_one_class_answers_that_class():
    """A training part of one class is answered with that class; the other class counts as wrong."""
    rows = Rows(np.arange(20, dtype=np.float32)[:, None], np.array([0] * 19 + [1], np.int32), 2)
    folds = nested_folds(rows.targets, outer=3, inner=0, stratify=True, seed=0)
    found = nested_estimator(GaussianBayes(), [{}], rows, folds)
    assert np.isfinite(found.outputs).all()
    assert np.argmax(found.outputs[0, 19]) == 0


def test_rows_without_an_answer_count_as_chance():
    """A row that a model has no number for is scored as chance would be, not left out."""
    rows, folds = classes_rows(9, missing=False)
    sure = np.eye(3, dtype=np.float32)[rows.targets]
    answers = [FoldAnswer(sure[f.score].copy(), sure[f.train], f.train) for f in folds]
    answers[0].scored[0] = np.nan
    nothing = np.zeros((len(folds), 1))
    found = nested_result(rows, folds, answers, Choice(nothing, nothing, [0, 0, 0]), fits=3, seconds=0.0)
    assert np.isfinite(found.outputs).all()
    assert found.outputs[0, folds[0].score[0]].tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize(
    ("scores", "losses", "best"),
    [([0.7, 0.9, 0.9], [0.1, 0.4, 0.3], 2), ([-np.inf, 0.1], [np.inf, 9.0], 1), ([0.0, 0.0], [0.0, 0.0], 0)],
)
def test_choice(scores, losses, best):
    """The best score is chosen; among equals the smaller loss, then the first; a diverged one never."""
    assert choose(np.array(scores), np.array(losses)) == best


def test_scores_of_answers():
    """Accuracy counts the largest probability, R² compares with the mean; no number is the worst score."""
    assert score_outputs(np.array([[0.2, 0.8], [0.9, 0.1]]), np.array([1, 1]), 2) == 0.5
    assert score_outputs(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [3.0]]), 0) == 1.0
    assert score_outputs(np.array([[2.0], [2.0], [2.0]]), np.array([[1.0], [2.0], [3.0]]), 0) == 0.0
    assert score_outputs(np.array([[np.nan]]), np.array([[1.0]]), 0) == -np.inf
    assert mean_loss(np.array([[1.0, 0.0]]), np.array([1]), 2) == pytest.approx(-np.log(1e-7))


def test_one_table_answers_every_k():
    """Each setting's inner scores are those of a nested cross-validation that tries it alone."""
    rows, folds = classes_rows(30)
    together = nested_neighbors(VOTES, rows, folds)
    for place, setting in enumerate(VOTES):
        alone = nested_neighbors([setting, setting], rows, folds)
        assert alone.inner_scores[:, 0].tolist() == together.inner_scores[:, place].tolist()


def test_progress_ends_at_all():
    """Every procedure tells its progress upwards, and ends with everything done."""
    rows, folds = classes_rows(30)
    heard: list[Step] = []
    nested_neighbors(VOTES, rows, folds, progress=heard.append)
    assert heard[-1][:3] == (9, 9, 1.0)
    heard.clear()
    nested_estimator(GaussianBayes(), [{}, {"shrinkage": 0.5}], rows, folds, progress=heard.append)
    assert heard[-1][:3] == (15, 15, 1.0)
    assert [step.done for step in heard] == list(range(1, 16))


def test_targets_far_from_zero_keep_their_precision():
    """A regression learns targets of 1e8 plus a little as well as the little alone."""
    rows, folds = values_rows()
    far = replace(rows, targets=rows.targets + 1e8)
    network = LinearRegressor(batch_size=16, epochs=4, early_stopping=True, random_state=0)
    rates = [{"learning_rate": 1e-3}, {"learning_rate": 1e-1}]
    devices = select_devices("cpu")
    near_by, _ = nested_networks(network, rates, rows, folds, seed=0, devices=devices)
    far_off, _ = nested_networks(network, rates, far, folds, seed=0, devices=devices)
    np.testing.assert_allclose(far_off.fold_scores, near_by.fold_scores, atol=1e-3)
    kept = nested_neighbors(VOTES, far, folds).fold_scores
    np.testing.assert_allclose(kept, nested_neighbors(VOTES, rows, folds).fold_scores, atol=1e-6)


def test_ensemble_is_the_mean_of_its_members():
    """Without settings to choose, an ensemble's answers are the mean over its members' probabilities."""
    rows, folds = classes_rows(30)
    network = LinearClassifier(batch_size=16, epochs=3, early_stopping=True, random_state=0)
    devices = select_devices("cpu")
    single, pair = nested_networks(network, [{}], rows, folds, members=2, seed=0, devices=devices)
    alone, none = nested_networks(network, [{}], rows, folds, members=1, seed=0, devices=devices)
    assert none is None
    assert np.array_equal(single.outputs, alone.outputs)
    assert (single.fits, pair.fits) == (3, 3)
    second = 2 * pair.outputs - single.outputs
    np.testing.assert_allclose(second.sum(axis=2), 1.0, atol=1e-5)
    assert not np.array_equal(pair.outputs, single.outputs)
    assert (single.histories_of, pair.histories_of) == ("fold", "member")


def test_an_ensemble_counts_what_it_adds():
    """3 folds of 2 inner splits and 2 settings are 12 fits, 3 more the single network's, 6 the members' own."""
    rows, folds = classes_rows(30)
    network = LinearClassifier(batch_size=16, epochs=2, early_stopping=True, random_state=0)
    settings, devices = [{"learning_rate": 1e-3}, {"learning_rate": 1e-2}], select_devices("cpu")
    single, three = nested_networks(network, settings, rows, folds, members=3, seed=0, devices=devices)
    assert (single.fits, three.fits) == (15, 6)
    assert three.seconds / single.seconds == pytest.approx(6 / 15)
