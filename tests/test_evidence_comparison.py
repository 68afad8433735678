"""Paired comparisons: cases worked by hand, relations, and false positives in a small simulation."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from gorae.errors import InputError, ParameterError
from gorae.evidence import (
    METRICS,
    Comparison,
    held_out_comparison,
    paired_comparison,
    paired_row_comparison,
    score_of,
    simplest_close,
)
from gorae.evidence.comparison import _difference_influence

SIZES = {"test_sizes": 20, "train_sizes": 80}
A, B = [0.90, 0.92, 0.91, 0.89, 0.93], [0.80, 0.84, 0.80, 0.80, 0.81]


def losses_of(metric, seed):
    """Two models' losses that any metric accepts, and targets."""
    rng = np.random.default_rng(seed)
    first, second = rng.chisquare(2, (2, 60))
    if metric == "accuracy":
        first, second = (first > 3).astype(float), (second > 2).astype(float)
    return first, second, rng.normal(4, 3, 60)


def test_fold_comparison_by_hand():
    """Differences .1 .08 .11 .09 .12: mean .1, S^2 = .00025, factor .45, t = .1 / sqrt(.0001125) = 9.428."""
    found = paired_comparison(A, B, **SIZES)

    assert found.p_value == pytest.approx(2 * student.sf(0.1 / np.sqrt(0.0001125), 4))
    assert found.verdict == "better"


def test_bonett_price_by_hand():
    """A alone is right on 5 of 20 rows, B on 1: 6/22 - 2/22 -+ t sqrt((8/22 - (4/22)^2) / 22), phi 1."""
    a, b = np.zeros(20), np.zeros(20)
    b[:5], a[5] = 1.0, 1.0
    low_train = {"train_scores_a": [0.1, 0.1], "train_scores_b": [0.1, 0.1]}

    found = paired_row_comparison("accuracy", a, b, **low_train)

    reach = student.ppf(0.975, 19) * np.sqrt((8 / 22 - (4 / 22) ** 2) / 22)
    assert (found.low, found.high) == pytest.approx((4 / 22 - reach, 4 / 22 + reach))
    assert found.difference == pytest.approx(0.2)


def test_held_out_rows_have_the_plain_paired_variance():
    """The same 20 rows, held out: no factor on 6/22 - 2/22 -+ t sqrt((8/22 - (4/22)^2) / 22)."""
    a, b = np.zeros(20), np.zeros(20)
    b[:5], a[5] = 1.0, 1.0

    found = held_out_comparison("accuracy", a, b)

    reach = student.ppf(0.975, 19) * np.sqrt((8 / 22 - (4 / 22) ** 2) / 22)
    assert (found.low, found.high) == pytest.approx((4 / 22 - reach, 4 / 22 + reach))
    assert paired_row_comparison("accuracy", a, b).high > found.high


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (np.r_[np.ones(30), np.zeros(70)], "mlp is worse than the simpler knn (difference in accuracy -0.20"),
        (np.r_[np.ones(11), np.zeros(89)], "mlp is not shown to be better than the simpler knn ("),
        (
            np.r_[np.zeros(91), np.ones(9)],
            "mlp scores best, but is not shown to be better than the simpler knn",
        ),
        (np.zeros(100), "mlp is better than every simpler model on the ladder; the best of these is knn ("),
    ],
)
def test_a_chosen_model_stands_against_the_simpler_ones(own, sentence):
    """It need not score best: what it is against the simplest model that it does not beat is said."""
    losses = [np.ones(100), np.r_[np.ones(10), np.zeros(90)], own]

    def compare(first, second):
        return held_out_comparison("accuracy", losses[first], losses[second])

    scores = [1 - one.mean() for one in losses]
    found = simplest_close(["chance", "knn", "mlp"], scores, compare, chosen=2)

    assert found.winner == 2
    assert found.sentence.startswith(sentence)


def test_held_out_errors_of_numbers_by_hand():
    """Squared errors 1 1 4 against 0 2 2: R2 differs by 2/3 of the variance of the targets, 14/3."""
    targets = np.array([1.0, 2.0, 6.0])

    found = held_out_comparison("r2", [0.0, 2.0, 2.0], [1.0, 1.0, 4.0], targets=targets)

    assert found.difference == pytest.approx((2 / 3) / (14 / 3))
    with pytest.raises(InputError, match="One value a row is needed"):
        held_out_comparison("accuracy", [0.0, 1.0], [1.0])


@pytest.mark.parametrize("metric", METRICS)
def test_difference_is_of_scores(metric):
    """The difference is the first score minus the second."""
    a, b, targets = losses_of(metric, 1)

    found = paired_row_comparison(metric, a, b, targets=targets)

    assert found.difference == pytest.approx(score_of(metric, a, targets) - score_of(metric, b, targets))


@pytest.mark.parametrize("metric", METRICS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_swapping_turns_the_sign(metric, seed):
    """Models swapped: the interval turns its sign, the p value stays."""
    a, b, targets = losses_of(metric, seed)
    first = paired_row_comparison(metric, a, b, targets=targets)
    second = paired_row_comparison(metric, b, a, targets=targets)

    assert (second.low, second.high, second.p_value) == pytest.approx(
        (-first.high, -first.low, first.p_value)
    )


@pytest.mark.parametrize("metric", METRICS)
@given(seed=st.integers(0, 10**6), level=st.floats(0.05, 0.995))
@settings(max_examples=8, deadline=None)
def test_p_value_and_interval_agree(metric, seed, level):
    """The interval at a level excludes 0 exactly where the p value is below 1 - level."""
    a, b, targets = losses_of(metric, seed)

    found = paired_row_comparison(metric, a, b, targets=targets, level=level)

    assert (found.p_value < 1 - level) == (found.verdict != "no difference shown")


@pytest.mark.parametrize("metric", METRICS)
def test_equal_models_do_not_differ(metric):
    """A model compared with itself shows no difference."""
    a, _, targets = losses_of(metric, 3)

    found = paired_row_comparison(metric, a, a, targets=targets)

    assert (found.difference, found.p_value, found.verdict) == (0.0, 1.0, "no difference shown")


@pytest.mark.parametrize("metric", ["rmse", "r2", "log_loss"])
def test_influence_is_the_slope_of_the_difference(metric):
    """Weighting one row a little more moves the difference of scores as that row's influence says."""
    a, b, targets = losses_of(metric, 4)
    step = 1e-6
    more = np.full(60, 1.0)
    more[7] += step

    def difference(weights):
        means = [np.average(each, weights=weights) for each in (a, b)]
        if metric == "rmse":
            return means[0] ** 0.5 - means[1] ** 0.5
        centre = np.average(targets, weights=weights)
        spread = np.average((targets - centre) ** 2, weights=weights)
        return means[0] - means[1] if metric == "log_loss" else (means[1] - means[0]) / spread

    influence = _difference_influence(metric, a, b, targets)
    slope = (difference(more) - difference(np.full(60, 1.0))) / step * 60
    assert slope == pytest.approx(influence[7] - influence.mean(), rel=1e-4)


def test_less_loss_is_better():
    """Of two RMSE the smaller one is better, though the difference is negative."""
    found = paired_comparison([0.1, 0.11, 0.12], [0.9, 0.91, 0.93], metric="rmse", **SIZES)

    assert (found.verdict, found.high < 0) == ("better", True)


def test_worse_is_said():
    """The first model can be the worse one."""
    assert paired_comparison(B, A, **SIZES).verdict == "worse"


@given(scale=st.floats(0.01, 100))
@settings(max_examples=15, deadline=None)
def test_verdict_does_not_depend_on_the_unit(scale):
    """RMSE in another unit has the same p value."""
    a, b, _ = losses_of("rmse", 6)

    first = paired_row_comparison("rmse", a, b)
    second = paired_row_comparison("rmse", a * scale**2, b * scale**2)

    assert second.p_value == pytest.approx(first.p_value)


def test_repeats_that_agree_change_nothing():
    """Three repeats with the same losses, told apart by the rows' numbers, are as one."""
    a, b, targets = losses_of("r2", 8)
    rows = np.arange(60)
    once = paired_row_comparison("r2", a, b, targets=targets, units=rows)
    told = {"targets": np.tile(targets, 3), "units": np.tile(rows, 3)}
    thrice = paired_row_comparison("r2", np.tile(a, 3), np.tile(b, 3), **told)

    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_level_outside_is_refused(level):
    """A level outside (0, 1) is refused by both comparisons."""
    with pytest.raises(ParameterError, match="level"):
        paired_row_comparison("accuracy", [0.0, 1.0], [1.0, 1.0], level=level)
    with pytest.raises(ParameterError, match="level"):
        paired_comparison(A, B, level=level, **SIZES)


def test_rows_that_do_not_match_are_told():
    """Losses of different lengths are told with both."""
    with pytest.raises(InputError, match="losses_a has 2, losses_b has 3"):
        paired_row_comparison("accuracy", [0.0, 1.0], [0.0, 1.0, 1.0])


def test_one_fold_is_refused():
    """One fold has no variance."""
    with pytest.raises(InputError, match="at least 2 values"):
        paired_comparison([0.9], [0.8], **SIZES)


def test_comparison_as_json():
    """A comparison's dict goes through JSON."""
    assert json.loads(json.dumps(paired_comparison(A, B, **SIZES).to_dict()))["verdict"] == "better"


def ladder(verdicts):
    """A comparison that answers by the place of the second model."""

    def compare(first, second):
        return Comparison(0.1, 0.05, 0.15, 0.01, 0.95, verdicts[second], "by hand")

    return compare


def test_simplest_close_takes_the_first_not_shown_worse():
    """Of two models not shown worse than the winner the simpler one is named."""
    close = "no difference shown"
    found = simplest_close("abcd", [0.5, 0.80, 0.81, 0.82], ladder(["better", close, close]))

    assert (found.winner, found.simplest) == (3, 1)
    assert "simpler b" in found.sentence


def test_winner_better_than_all():
    """Where the winner is better than all simpler models it is its own answer."""
    found = simplest_close("abc", [0.5, 0.6, 0.9], ladder(["better", "better"]))

    assert (found.simplest, found.comparison) == (2, None)
    assert found.sentence == (
        "c is better than every simpler model on the ladder; the best of these is b "
        "(difference in accuracy 0.100, 95 % interval 0.050 to 0.150)."
    )


def test_the_best_of_the_simpler_models_is_named():
    """The model that comes closest is told, wherever it stands on the ladder: its cost is told beside it."""
    found = simplest_close("abcd", [0.5, 0.84, 0.80, 0.9], ladder(["better"] * 3))

    assert "; the best of these is b (" in found.sentence


def test_winner_over_a_single_model_names_it():
    """Where only one model is simpler the sentence is about that one, in the metric's words."""
    found = simplest_close(["chance", "bayes"], [0.5, 0.6], ladder(["better"]), metric="r2")

    assert found.sentence == (
        "bayes is better than chance, the only simpler model "
        "(difference in R2 0.100, 95 % interval 0.050 to 0.150)."
    )


@pytest.mark.parametrize(
    ("reach", "told"),
    [
        (0.0, "0.100, 95 % interval 0.100 to 0.100"),
        (0.0004, "0.10000, 95 % interval 0.09960 to 0.10040"),
        (23456.0, "0, 95 % interval -23,456 to 23,456"),
    ],
)
def test_figures_have_the_digits_that_matter(reach, told):
    """Difference and ends have the same decimals, two digits of the half width."""

    def compare(*_):
        return Comparison(0.1, 0.1 - reach, 0.1 + reach, 1.0, 0.95, "no difference shown", "by hand")

    assert told in simplest_close("ab", [0.5, 0.6], compare).sentence


def test_models_above_the_winner_do_not_count():
    """A larger model with the same score is not the winner, and none above it is compared."""
    found = simplest_close("abc", [0.9, 0.9, 0.4], ladder([]))

    assert (found.winner, found.simplest) == (0, 0)


def test_winner_of_losses_is_the_smallest():
    """By RMSE the smallest score wins."""
    found = simplest_close("abc", [3.0, 1.0, 2.0], ladder(["better"]), metric="rmse")

    assert found.winner == 1


def test_ladder_without_scores_is_refused():
    """Names and scores must be equally many."""
    with pytest.raises(InputError, match="3 names and 2 scores"):
        simplest_close("abc", [1.0, 2.0], ladder([]))


def twin_losses(rng, rows, folds):
    """Cross-validate nearest means on two sets of four columns that are alike, given the class."""
    classes = np.sort(rng.integers(0, 2, rows))
    losses, train = np.empty((2, rows)), np.empty((2, folds))
    for twin in range(2):
        features = rng.standard_normal((rows, 4)) + np.where(classes[:, None] == 1, 0.5, -0.5)
        for part in range(folds):
            kept = np.arange(rows) % folds != part
            first, second = (features[kept & (classes == c)].mean(axis=0) for c in (0, 1))
            wrong = ((features - (first + second) / 2) @ (second - first) > 0) != classes
            losses[twin, ~kept] = wrong[~kept]
            train[twin, part] = 1 - wrong[kept].mean()
    return losses, train


def test_false_positives_are_near_five_percent():
    """Of 300 pairs of equally good models 1 to 9 % are told apart at 95 %: 5, and three binomial errors."""
    rng = np.random.default_rng(77)
    told_apart = 0
    for _ in range(300):
        (a, b), (train_a, train_b) = twin_losses(rng, 80, 5)
        found = paired_row_comparison("accuracy", a, b, train_scores_a=train_a, train_scores_b=train_b)
        told_apart += found.verdict != "no difference shown"

    assert 0.01 <= told_apart / 300 <= 0.09
