"""Intervals: cases worked by hand, relations, and coverage in a small simulation."""

import json
from math import erf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student

from gorae.errors import InputError, ParameterError
from gorae.evidence import (
    METRICS,
    cross_validated_interval,
    fold_score_interval,
    held_out_interval,
    optimism_inflation,
    wilson,
)
from gorae.evidence.proportion import wilson_bounds
from gorae.evidence.spread import mean_spread, t_quantile, unit_means

TRAIN = {"accuracy": [0.9, 0.95], "r2": [0.8, 0.85], "rmse": [0.4, 0.5], "log_loss": [0.2, 0.3]}


def drawn(metric, rows=40, seed=5):
    """Losses and targets that any metric accepts, away from 0."""
    rng = np.random.default_rng(seed)
    losses = (rng.random(rows) < 0.3).astype(float) if metric == "accuracy" else rng.chisquare(2, rows)
    return losses, rng.normal(7, 3, rows)


def test_wilson_by_hand():
    """8 of 10 at z = 2: (8 + 2 -+ 2 sqrt(0.8 * 0.2 * 10 + 1)) / 14 = (10 -+ 2 sqrt(2.6)) / 14."""
    low, high = wilson_bounds(0.8, 10, 2.0)

    assert (float(low), float(high)) == pytest.approx(((10 - 2 * 2.6**0.5) / 14, (10 + 2 * 2.6**0.5) / 14))


@pytest.mark.parametrize(("right", "count"), [(0, 7), (3, 7), (7, 7), (1, 1), (50, 333)])
def test_wilson_equals_scipys(right, count):
    """Wilson's interval is the one of scipy's binomial test."""
    expected = binomtest(right, count).proportion_ci(0.9, method="wilson")

    assert wilson(right, count, level=0.9) == pytest.approx((expected.low, expected.high))


def test_wilson_of_no_trials_says_nothing():
    """Without trials the interval is all of 0 to 1."""
    low, high = wilson([0], [0])

    assert (low.tolist(), high.tolist()) == ([0.0], [1.0])


def test_wilson_refuses_more_successes_than_trials():
    """More successes than trials are refused."""
    with pytest.raises(InputError, match="between 0 and trials"):
        wilson(3, 2)


def test_corrected_resampled_t_by_hand():
    """Five folds of 20 of 100 rows: factor 1/5 + 20/80 = 0.45, S^2 = 0.0025, t(4) = 2.776, reach 0.0931."""
    found = fold_score_interval([0.8, 0.9, 0.85, 0.9, 0.8], test_sizes=20, train_sizes=80)

    reach = student.ppf(0.975, 4) * np.sqrt(0.45 * 0.0025)
    assert (found.score, found.low, found.high) == pytest.approx((0.85, 0.85 - reach, 0.85 + reach))


def test_held_out_accuracy_is_wilsons():
    """The held-out interval of accuracy is Wilson's of the right rows."""
    found = held_out_interval("accuracy", [0, 0, 1, 1, 1], [0, 1, 1, 1, 1])

    assert (found.low, found.high) == pytest.approx(tuple(map(float, wilson(4, 5))))


def test_rmse_interval_by_hand():
    """Squared errors 1 and 3: mean 2 of relative variance (1/4 + 1/4) / 2 = 1/4, t(1) = 12.706."""
    found = held_out_interval("rmse", [1.0, 3**0.5], [0.0, 0.0])

    factor = np.exp(student.ppf(0.975, 1) * 0.5 / 2)
    assert (found.score, found.low, found.high) == pytest.approx((2**0.5, 2**0.5 / factor, 2**0.5 * factor))


def test_inflation_by_hand():
    """Error 0.5 on new rows, 0 in training, deviation 0.5: optimism of one deviation, phi = 1.6."""
    assert optimism_inflation("accuracy", [0.0, 1.0, 1.0, 0.0], [1.0, 1.0]) == pytest.approx(1.6)


def test_no_optimism_no_inflation():
    """A model that scores better on new rows than in training has phi = 1."""
    assert optimism_inflation("rmse", [1.0, 2.0, 3.0], [5.0, 6.0]) == 1.0


def test_freedom_of_normal_kurtosis():
    """Kurtosis 3, here of mean square 8/6 and mean fourth power 32/6, has rows - 1 degrees of freedom."""
    assert mean_spread(np.array([-2.0, 0, 0, 0, 0, 2])).freedom == pytest.approx(5)


def test_heavy_tails_have_little_freedom():
    """Where one row carries the variance, it is known with about two degrees of freedom."""
    values = np.zeros(100)
    values[3] = 1.0

    assert mean_spread(values).freedom < 3


def test_spread_of_tiny_values_does_not_underflow():
    """Degrees of freedom do not depend on the unit, even at 1e-150."""
    values = np.array([1.0, 2.0, 4.0, 9.0])

    assert mean_spread(values * 1e-150).freedom == pytest.approx(mean_spread(values).freedom)


def test_unit_means_weigh_units_by_their_rows():
    """The plain mean over units is the mean over rows where units have 1 and 3 rows."""
    values = np.array([1.0, 2.0, 4.0, 9.0])

    assert unit_means(values, [0, 1, 1, 1]).mean() == pytest.approx(values.mean())


def test_t_quantile_of_infinite_freedom_is_normal():
    """Student's t with infinitely many degrees of freedom is the normal."""
    assert t_quantile(0.9) == pytest.approx(1.6448536269514722)


@pytest.mark.parametrize("metric", METRICS)
def test_score_lies_inside(metric):
    """The score lies inside its interval."""
    losses, targets = drawn(metric)

    found = cross_validated_interval(metric, losses, train_scores=TRAIN[metric], targets=targets)

    assert found.low < found.score < found.high


@pytest.mark.parametrize("metric", METRICS)
def test_higher_level_is_wider(metric):
    """A higher level gives an interval that holds the lower one."""
    losses, targets = drawn(metric)
    narrow, wide = (cross_validated_interval(metric, losses, targets=targets, level=p) for p in (0.8, 0.99))

    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("metric", METRICS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_order_of_rows_does_not_matter(metric, seed):
    """Rows in another order give the same interval."""
    losses, targets = drawn(metric)
    order = np.random.default_rng(seed).permutation(len(losses))
    first = cross_validated_interval(metric, losses, targets=targets)
    second = cross_validated_interval(metric, losses[order], targets=targets[order])

    assert (second.score, second.low, second.high) == pytest.approx((first.score, first.low, first.high))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_order_of_folds_does_not_matter(seed):
    """Folds in another order give the same corrected interval."""
    rng = np.random.default_rng(seed)
    scores, tests = rng.random(6), rng.integers(5, 9, 6)
    order = rng.permutation(6)
    first = fold_score_interval(scores, test_sizes=tests, train_sizes=40 - tests)
    second = fold_score_interval(scores[order], test_sizes=tests[order], train_sizes=40 - tests[order])

    assert (second.score, second.low, second.high) == pytest.approx((first.score, first.low, first.high))


@given(shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_fold_interval_moves_with_the_scores(shift, scale):
    """Scores shifted and scaled move the corrected interval by just that."""
    scores = np.array([0.3, 0.5, 0.45])
    first = fold_score_interval(scores, test_sizes=10, train_sizes=20)
    second = fold_score_interval(scores * scale + shift, test_sizes=10, train_sizes=20)

    expected = np.array([first.low, first.high]) * scale + shift
    assert (second.low, second.high) == pytest.approx(tuple(expected), abs=1e-9)


@given(scale=st.floats(1e-3, 1e3))
@settings(max_examples=20, deadline=None)
def test_rmse_interval_scales_with_the_unit(scale):
    """In another unit of the target, RMSE and its bounds are multiplied by the unit."""
    losses, _ = drawn("rmse")
    first = cross_validated_interval("rmse", losses, train_scores=[0.5, 0.6])
    second = cross_validated_interval("rmse", losses * scale**2, train_scores=np.array([0.5, 0.6]) * scale)

    assert (second.low, second.high) == pytest.approx((first.low * scale, first.high * scale))


@pytest.mark.parametrize("metric", METRICS)
def test_repeats_that_agree_change_nothing(metric):
    """Three repeats with the same losses, told apart by the rows' numbers, are as one."""
    losses, targets = drawn(metric)
    rows = np.arange(len(losses))
    once = cross_validated_interval(metric, losses, targets=targets, units=rows)
    thrice = cross_validated_interval(
        metric, np.tile(losses, 3), targets=np.tile(targets, 3), units=np.tile(rows, 3)
    )

    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize("metric", METRICS)
def test_groups_of_like_rows_widen(metric):
    """Ten rows a group, all alike, are worth one row each: the interval widens."""
    losses, targets = drawn(metric, rows=20)
    losses, targets, groups = (np.repeat(a, 10) for a in (losses, targets, np.arange(20)))
    alone = cross_validated_interval(metric, losses, targets=targets)
    grouped = cross_validated_interval(metric, losses, targets=targets, units=groups)

    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_memorising_widens():
    """The same rows give a wider interval where training scored far better."""
    losses, _ = drawn("accuracy")
    honest, greedy = (cross_validated_interval("accuracy", losses, train_scores=[s, s]) for s in (0.7, 1.0))

    assert greedy.high - greedy.low > honest.high - honest.low


def test_perfect_accuracy_is_no_point():
    """40 right rows of 40 have an upper bound of 1 and a lower one below it."""
    found = cross_validated_interval("accuracy", np.zeros(40), train_scores=[1.0, 1.0])

    assert found.high == 1.0
    assert 0.88 < found.low < 0.93


def test_perfect_groups_count_as_groups():
    """Ten groups without an error are ten trials, not a hundred."""
    few = cross_validated_interval("accuracy", np.zeros(100), units=np.repeat(np.arange(10), 10))
    many = cross_validated_interval("accuracy", np.zeros(100))

    assert few.low < many.low - 0.1


def test_no_error_at_all_has_no_width():
    """Squared errors that are all zero leave nothing to measure a width by: the interval is the score."""
    found = cross_validated_interval("rmse", np.zeros(5))

    assert (found.low, found.high) == (0.0, 0.0)


def test_r2_far_below_zero_stays_finite():
    """Predictions of 1e30 give a finite R2 interval below 0."""
    found = held_out_interval("r2", [1.0, 2.0, 3.0, 4.0], [1e30, -1e30, 1e30, 5.0])

    assert -np.inf < found.low < found.score < found.high < 0


def test_interval_as_json():
    """An interval's dict goes through JSON and keeps its figures."""
    found = held_out_interval("accuracy", [1, 0, 1], [1, 0, 0])

    assert json.loads(json.dumps(found.to_dict()))["low"] == found.low


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, float("nan")])
def test_level_outside_is_refused(level):
    """A level outside (0, 1) is refused with its value."""
    with pytest.raises(ParameterError, match="level must lie between 0 and 1"):
        cross_validated_interval("accuracy", [0.0, 1.0], level=level)


@pytest.mark.parametrize(
    ("losses", "more", "told"),
    [
        ([0.0, 2.0], {}, "between 0 .right. and 1 .wrong."),
        ([0.0, np.nan], {}, r"losses\[1\] is nan"),
        ([0.0], {}, "at least 2 independent units"),
        ([0.0, 1.0], {"units": ["a", "a"]}, "at least 2 independent units"),
        ([0.0, 1.0], {"units": ["a"]}, "losses has 2, units has 1"),
        ([0.0, 1.0], {"train_scores": [1.0]}, "at least 2 values"),
        ([[0.0, 1.0]], {}, "one axis"),
        ([], {}, "at least 1 values"),
    ],
)
def test_bad_losses_are_told(losses, more, told):
    """What is wrong with losses, units or training scores is said in the message."""
    with pytest.raises(InputError, match=told):
        cross_validated_interval("accuracy", losses, **more)


@pytest.mark.parametrize(
    ("scores", "tests", "trains", "told"),
    [
        ([0.5], 10, 20, "at least 2 values"),
        ([0.5, 0.6], [10], 20, "values has 2, test_sizes has 1"),
        ([0.5, 0.6], 10, [20, 20, 20], "train_sizes has 3"),
        ([0.5, 0.6], 0, 20, "must be positive"),
        ([0.5, np.inf], 10, 20, "must be finite"),
    ],
)
def test_bad_folds_are_told(scores, tests, trains, told):
    """What is wrong with fold scores or sizes is said in the message."""
    with pytest.raises(InputError, match=told):
        fold_score_interval(scores, test_sizes=tests, train_sizes=trains)


def covered_accuracy(rng, rows, folds):
    """Cross-validate nearest means of two normal classes; tell whether the interval covers the truth."""
    classes = np.sort(rng.integers(0, 2, rows))
    features = rng.standard_normal((rows, 6)) + np.where(classes[:, None] == 1, 0.45, -0.45)
    losses, train, truth = np.empty(rows), [], []
    for part in range(folds):
        kept = np.arange(rows) % folds != part
        means = [features[kept & (classes == c)].mean(axis=0) for c in (0, 1)]
        weights = means[1] - means[0]
        offset = -weights @ (means[0] + means[1]) / 2
        wrong = (features @ weights + offset > 0) != classes
        losses[~kept] = wrong[~kept]
        train.append(1 - wrong[kept].mean())
        heights = [s * 0.45 * weights.sum() + offset for s in (1, -1)]
        length = np.linalg.norm(weights) * 2**0.5
        truth.append(0.5 + (erf(heights[0] / length) - erf(heights[1] / length)) / 4)
    found = cross_validated_interval("accuracy", losses, train_scores=train)
    return found.low <= np.mean(truth) <= found.high


def covered_r2(rng, rows, folds):
    """Cross-validate least squares on four inputs of slope 1 with unit noise, so that R2 is below 4/5."""
    features = rng.standard_normal((rows, 5))
    features[:, 4] = 1.0
    targets = features @ np.array([1.0, 1, 1, 1, 3]) + rng.standard_normal(rows)
    losses, train, truth = np.empty(rows), [], []
    for part in range(folds):
        kept = np.arange(rows) % folds != part
        slope = np.linalg.solve(features[kept].T @ features[kept], features[kept].T @ targets[kept])
        squared = (features @ slope - targets) ** 2
        losses[~kept] = squared[~kept]
        train.append(1 - squared[kept].mean() / targets[kept].var())
        truth.append(1 - (1 + ((slope - [1.0, 1, 1, 1, 3]) ** 2).sum()) / 5)
    found = cross_validated_interval("r2", losses, train_scores=train, targets=targets)
    return found.low <= np.mean(truth) <= found.high


def covered_groups(rng, rows, folds):
    """Cross-validate least squares on groups of five rows that share an offset, each group in one fold."""
    groups = np.repeat(np.arange(rows // 5), 5)
    features = rng.standard_normal((rows, 4))
    features[:, 3] = 1.0
    noise = rng.standard_normal(rows) + rng.standard_normal(rows // 5)[groups]
    targets = features @ np.array([1.0, 1, 1, 3]) + noise
    losses, train, truth = np.empty(rows), [], []
    for part in range(folds):
        kept = groups % folds != part
        slope = np.linalg.solve(features[kept].T @ features[kept], features[kept].T @ targets[kept])
        squared = (features @ slope - targets) ** 2
        losses[~kept] = squared[~kept]
        train.append(squared[kept].mean() ** 0.5)
        truth.append(2 + ((slope - [1.0, 1, 1, 3]) ** 2).sum())
    found = cross_validated_interval("rmse", losses, train_scores=train, units=groups)
    return found.low <= np.mean(truth) ** 0.5 <= found.high


@pytest.mark.parametrize(
    ("covered", "rows"), [(covered_accuracy, 80), (covered_r2, 80), (covered_groups, 150)]
)
def test_stated_95_percent_covers_the_truth(covered, rows):
    """Of 600 data sets the interval stated at 95 % covers 92 to 98 %: 93 to 97, and a binomial error."""
    rng = np.random.default_rng(2024)

    share = np.mean([covered(rng, rows, 5) for _ in range(600)])

    assert 0.92 <= share <= 0.98
