"""Conformal sets and intervals: exact by counting, equal to their definitions, refused where rows are too few."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.errors import InputError, ParameterError
from gorae.evidence import (
    class_scores,
    conformal_threshold,
    cross_conformal_intervals,
    cross_conformal_sets,
    fewest_calibration_rows,
    quantile_scores,
)


@given(
    st.lists(st.integers(-1000, 1000), min_size=11, max_size=31, unique=True),
    st.sampled_from([0.5, 0.75, 0.8, 0.9]),
)
@settings(max_examples=40, deadline=None)
def test_coverage_is_exact_by_counting(scores, level):
    """Of n + 1 different scores, each in turn as the new one, exactly ceil((n + 1) level) are covered."""
    scores = np.array(scores, float) + 7.5
    covered = [
        own <= conformal_threshold(np.delete(scores, place), level) for place, own in enumerate(scores)
    ]
    assert sum(covered) == int(np.ceil(len(scores) * level - 1e-9))


@pytest.mark.parametrize(("level", "rows"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_fewest_rows(level, rows):
    """From n = level / (1 - level) rows on a level can be stated, and with one fewer it is refused."""
    assert fewest_calibration_rows(level) == rows
    assert conformal_threshold(np.arange(rows), level) == rows - 1
    told = f"a level of {level:g} needs at least {rows} calibration rows, but there are {rows - 1}"
    if rows > 1:
        with pytest.raises(InputError, match=told):
            conformal_threshold(np.arange(rows - 1), level)


def test_equal_scores_cover_more():
    """Where all scores are equal, the threshold is that score."""
    assert conformal_threshold([2.0] * 9, 0.9) == 2.0


def test_scores_of_true_classes_are_uniform():
    """If classes are drawn from the stated probabilities, the adaptive score of the true one is even on (0, 1)."""
    draw = np.random.default_rng(1)
    stated = draw.dirichlet([0.5, 1.0, 2.0], 20_000)
    truth = np.array([draw.choice(3, p=row) for row in stated])
    scores = np.sort(class_scores(stated, seed=3)[np.arange(len(truth)), truth])
    even = (np.arange(len(scores)) + 0.5) / len(scores)
    assert np.abs(scores - even).max() < 1.63 / np.sqrt(len(scores))  # Kolmogorov's bound at 1 %


def test_sets_grow_from_the_most_probable_class_on():
    """Whatever the threshold, no class is in an adaptive set without every more probable one."""
    stated = np.random.default_rng(2).dirichlet(np.ones(7), 50)
    scores = class_scores(stated, seed=5)
    order = np.argsort(-stated, axis=1)
    assert (np.diff(np.take_along_axis(scores, order, axis=1), axis=1) > 0).all()
    assert np.allclose(class_scores(stated, seed=None).max(axis=1), 1)


def test_draws_are_given():
    """With u = 0.5 the scores of (0.5, 0.2, 0.3) are 0.25, 0.8 + 0.1 and 0.5 + 0.15; another length is told."""
    found = class_scores([[0.5, 0.2, 0.3]], draws=[0.5])
    np.testing.assert_allclose(found, [[0.25, 0.9, 0.65]])
    with pytest.raises(InputError, match="probabilities has 1, draws has 2"):
        class_scores([[0.5, 0.2, 0.3]], draws=[0.5, 0.5])


def test_split_coverage_by_simulation():
    """On 200 new data sets, sets and intervals of level 0.9 cover 90 % of 200 new rows within 4 standard errors."""
    draw = np.random.default_rng(4)
    sets, intervals = [], []
    for _ in range(200):
        stated = draw.dirichlet([0.3, 0.3, 0.9], 300)
        wrong = 0.5 * stated + 0.5 / 3  # the model is unsure without reason
        truth = (stated.cumsum(axis=1) > draw.random((300, 1))).argmax(axis=1)
        own = class_scores(wrong, seed=int(draw.integers(1 << 30)))[np.arange(300), truth]
        sets.append(np.mean(own[100:] <= conformal_threshold(own[:100], 0.9)))
        values = 5 + draw.standard_cauchy(300)
        far = quantile_scores(np.full(300, 4.0), np.full(300, 5.0), values)
        intervals.append(np.mean(far[100:] <= conformal_threshold(far[:100], 0.9)))
    for found in (sets, intervals):
        assert abs(np.mean(found) - 91 / 101) < 4 * np.std(found) / np.sqrt(len(found))


def test_intervals_of_folds_are_their_definition():
    """CV+ by its definition: order statistics of each row's own fold's prediction less and plus its residual."""
    draw = np.random.default_rng(6)
    residuals, folds = draw.random(23) + 1, np.arange(23) % 3
    predictions = draw.normal(size=(3, 5)) - 20
    found = cross_conformal_intervals(residuals, folds, predictions, 0.8)
    k = int(np.ceil(24 * 0.8))
    for query in range(5):
        lows = sorted(predictions[fold, query] - r for fold, r in zip(folds, residuals, strict=True))
        highs = sorted(predictions[fold, query] + r for fold, r in zip(folds, residuals, strict=True))
        assert found[query].tolist() == [lows[24 - k - 1], highs[k - 1]]


def test_many_queries_are_answered_in_blocks(monkeypatch):
    """Blocks of one query give what one block gives."""
    draw = np.random.default_rng(7)
    asked = draw.random(11), np.arange(11) % 2, draw.normal(size=(2, 9)), 0.9
    whole = cross_conformal_intervals(*asked)
    monkeypatch.setattr("gorae.evidence.conformal._BLOCK", 1)
    np.testing.assert_array_equal(cross_conformal_intervals(*asked), whole)


def test_sets_of_folds_are_their_definition():
    """A class is out where at least (n + 1) level rows are less strange by the model of their fold."""
    draw = np.random.default_rng(8)
    scores, folds, asked = draw.random(29), np.arange(29) % 4, draw.random((4, 6, 3))
    found = cross_conformal_sets(scores, folds, asked, 0.85)
    for query in range(6):
        for label in range(3):
            less = sum(s < asked[fold, query, label] for fold, s in zip(folds, scores, strict=True))
            assert found[query, label] == (less < 30 * 0.85)


def test_with_one_model_for_all_folds_it_is_the_split_set():
    """Where every fold has the same model, cross-conformal sets are those of the threshold."""
    draw = np.random.default_rng(9)
    scores, one = draw.random(40), draw.random((8, 5))
    found = cross_conformal_sets(scores, np.arange(40) % 2, np.stack([one, one]), 0.9)
    np.testing.assert_array_equal(found, one <= conformal_threshold(scores, 0.9))


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: conformal_threshold([1.0, np.nan], 0.5), r"scores must be finite, but scores\[1\] is nan"),
        (lambda: class_scores([[0.5, 0.4]]), "must be at least 0 and sum to 1, but row 0"),
        (lambda: quantile_scores([0], [1, 2], [1]), "low has 1, high has 2"),
        (
            lambda: cross_conformal_intervals(np.ones(9), np.zeros(9, int) + 2, np.ones((2, 1)), 0.9),
            "fold 2 has no model: there are 2",
        ),
        (
            lambda: cross_conformal_intervals(np.ones(9), np.zeros(8, int), np.ones((2, 1)), 0.9),
            "folds must be a whole number from 0 for each of the 9 rows",
        ),
        (
            lambda: cross_conformal_sets(np.ones(9), np.zeros(9, int), np.ones((2, 1)), 0.9),
            r"query_scores must be \(folds, queries, classes\)",
        ),
    ],
)
def test_what_cannot_be_used_is_told(act, told):
    """One sentence with what came."""
    with pytest.raises(InputError, match=told):
        act()


def test_a_level_lies_between_0_and_1():
    """A level of 1 would need infinitely many rows."""
    with pytest.raises(ParameterError, match="level must lie between 0 and 1"):
        conformal_threshold([1.0], 1.0)
