"""Where the errors are: calibration, confusion, hardest rows, neighbours, bands."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, precision_score, recall_score
from sklearn.neighbors import NearestNeighbors

from gorae.errors import InputError, ParameterError
from gorae.evidence import band, confusion, hardest, nearest, reliability, wilson

RNG = np.random.default_rng(21)
STATED = RNG.dirichlet(np.ones(3), 400)
CODES = np.array([RNG.choice(3, p=p) for p in STATED])


def test_reliability_by_hand():
    """Confidences .6 .6 .9 .9, right but for the second: bins .6 at .5 and .9 at 1, error (.1 + .1) / 2."""
    stated = np.array([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9], [0.1, 0.9]])

    found = reliability(stated, [0, 1, 1, 1])

    assert found.confidence == pytest.approx([0.6, 0.9])
    assert found.accuracy.tolist() == [0.5, 1.0]
    assert found.expected_error == pytest.approx(0.1)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_bins_are_scikit_learns(strategy):
    """Means and shares of the bins are those of scikit-learn's calibration curve of the predicted class."""
    right, confidence = STATED.argmax(1) == CODES, STATED.max(1)
    shares, means = calibration_curve(right, confidence, n_bins=7, strategy=strategy)

    found = reliability(STATED, CODES, bins=7, strategy=strategy)

    assert found.accuracy == pytest.approx(shares)
    assert found.confidence == pytest.approx(means)


def test_brier_is_scikit_learns():
    """The Brier score is scikit-learn's of several classes."""
    assert reliability(STATED, CODES).brier == pytest.approx(brier_score_loss(CODES, STATED))


def test_brier_of_two_classes_is_scikit_learns():
    """Of two classes it is half the sum, scikit-learn's score of the second class's probability."""
    stated = STATED[:, :2] / STATED[:, :2].sum(1, keepdims=True)
    codes = CODES % 2

    found = reliability(stated, codes).brier
    assert found == pytest.approx(brier_score_loss(codes, stated[:, 1]))
    assert found == pytest.approx(np.mean((stated[:, 1] - codes) ** 2))


def test_bins_have_wilsons_intervals():
    """The interval of a bin is Wilson's of its rows."""
    found = reliability(STATED, CODES, bins=5)

    low, high = wilson(np.rint(found.accuracy * found.count), found.count)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.count.sum() == 400


def test_calibrated_model_errs_as_chance_would():
    """Where labels are drawn from the stated probabilities, the error is near what chance makes of it."""
    found = reliability(STATED, CODES)

    assert 0.3 < found.expected_error / found.expected_error_by_chance < 2


def test_overconfident_model_errs_beyond_chance():
    """Probabilities sharpened to the fourth power err far beyond chance."""
    sharp = STATED**4 / (STATED**4).sum(1, keepdims=True)

    found = reliability(sharp, CODES)

    assert found.expected_error > 4 * found.expected_error_by_chance


def test_float32_probabilities_are_taken():
    """Probabilities in float32, whose sums are 1 only nearly, bring no warning."""
    found = reliability(STATED.astype(np.float32), CODES)

    assert found.log_loss == pytest.approx(reliability(STATED, CODES).log_loss, rel=1e-5)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_one_sure_row(strategy):
    """A single row of confidence 1 has one bin; no edge is lost on ties."""
    found = reliability([[0.0, 1.0]], [1], strategy=strategy)

    assert (found.count.tolist(), found.expected_error) == ([1], 0.0)


def test_reliability_as_json():
    """A reliability's dict goes through JSON."""
    assert json.loads(json.dumps(reliability(STATED, CODES).to_dict()))["level"] == 0.95


@pytest.mark.parametrize(
    ("stated", "codes", "more", "told"),
    [
        ([[0.5, 0.6]], [0], {}, "row 0 is"),
        ([[np.nan, 1.0]], [0], {}, "row 0 is"),
        ([[1.5, -0.5]], [0], {}, "row 0 is"),
        ([[0.5, 0.5]], [2], {}, "class codes 0 to 1"),
        ([[0.5, 0.5]], [0, 1], {}, "probabilities has 1, labels has 2"),
        ([0.5, 0.5], [0, 1], {}, "at least 2 classes"),
        ([[0.5, 0.5]], [0], {"bins": 0}, "bins must be a whole number"),
        ([[0.5, 0.5]], [0], {"strategy": "quantiles"}, "Did you mean 'quantile'"),
    ],
)
def test_bad_probabilities_are_told(stated, codes, more, told):
    """What is wrong with probabilities, labels or bins is said."""
    with pytest.raises(InputError, match=told):
        reliability(stated, codes, **more)


def test_recall_and_precision_are_scikit_learns():
    """Recall and precision of each class are scikit-learn's."""
    said = STATED.argmax(1)

    found = confusion(CODES, said)

    assert found.recall == pytest.approx(recall_score(CODES, said, average=None))
    assert found.precision == pytest.approx(precision_score(CODES, said, average=None))


def test_confusion_by_hand():
    """Two cats, one taken for a dog, and a dog: counts, shares and Wilson's interval of 1 of 2."""
    found = confusion(["cat", "cat", "dog"], ["cat", "dog", "dog"])

    low, high = wilson(1, 2)
    assert found.normalised.tolist() == [[0.5, 0.5], [0.0, 1.0]]
    assert (found.recall_low[0], found.recall_high[0]) == (low, high)


def test_absent_class_has_no_share():
    """A class without rows has no recall: NaN with bounds 0 and 1, None in JSON."""
    found = confusion([0, 0], [0, 0], classes=[0, 1])

    assert np.isnan(found.recall[1])
    assert (found.recall_low[1], found.recall_high[1]) == (0.0, 1.0)
    assert json.loads(json.dumps(found.to_dict()))["recall"] == [1.0, None]


def test_unknown_label_is_told():
    """A label that is not among the classes is named."""
    with pytest.raises(InputError, match="but 'cow' is not"):
        confusion(["cat"], ["cow"], classes=["cat", "dog"])


def test_hardest_first_and_ties_in_order():
    """Rows come by loss, equal losses in their order."""
    found = hardest(
        [1.0, 3.0, 1.0, 2.0], list("abcd"), list("wxyz"), probability=[0.1, 0.2, 0.3, 0.4], count=3
    )

    assert [(row.row, row.truth, row.prediction, row.probability) for row in found] == [
        (1, "b", "x", 0.2),
        (3, "d", "z", 0.4),
        (0, "a", "w", 0.1),
    ]


def test_hard_rows_as_json():
    """Rows with numpy labels go through JSON, and fewer come where there are fewer."""
    found = hardest(np.array([1.0, 2.0]), np.array([1, 0]), np.array([0, 1]), count=9)

    assert json.loads(json.dumps([row.to_dict() for row in found]))[0]["truth"] == 0


def test_hardest_refuses_nan():
    """A NaN loss is told with its place."""
    with pytest.raises(InputError, match=r"losses\[0\] is nan"):
        hardest([np.nan], [1], [1])


@pytest.mark.parametrize(("metric", "name"), [("l2", "euclidean"), ("l1", "manhattan"), ("cosine", "cosine")])
@pytest.mark.parametrize(("rows", "width", "k"), [(1, 1, 1), (3, 1, 2), (7, 5, 7), (60, 17, 4)])
def test_nearest_are_scikit_learns(metric, name, rows, width, k):
    """Neighbours and distances are those of scikit-learn's brute force, on features far from 0."""
    rng = np.random.default_rng(rows)
    train, queries = rng.normal(5, 1, (rows, width)), rng.normal(5, 1, (9, width))
    if metric == "cosine":
        train, queries = train - 5, queries - 5
    expected = (
        NearestNeighbors(n_neighbors=k, metric=name, algorithm="brute").fit(train).kneighbors(queries)[0]
    )

    rows_found, distances = nearest(train, queries, k, metric=metric)

    assert distances == pytest.approx(expected, abs=1e-9)
    assert all(len(set(line)) == k for line in rows_found.tolist())


def test_blocks_change_nothing(monkeypatch):
    """Queries answered one block at a time have the answers of all at once."""
    train, queries = RNG.normal(size=(30, 4)), RNG.normal(size=(11, 4))
    whole = nearest(train, queries, 5)
    monkeypatch.setattr("gorae.evidence.neighbours._BLOCK_BYTES", 8 * 30 * 3)

    blocked = nearest(train, queries, 5)

    assert [each.tolist() for each in blocked] == [each.tolist() for each in whole]


def test_ties_come_in_order_of_rows():
    """Of rows equally far the first ones are taken, in order."""
    rows, _ = nearest([[1.0], [-1.0], [1.0], [1.0], [0.0]], [[0.0]], 3)

    assert rows.tolist() == [[4, 0, 1]]


def test_a_row_is_its_own_neighbour_exactly():
    """Large features do not cost the distance of a row to itself its zero."""
    train = RNG.normal(1e6, 1, (20, 8))

    rows, distances = nearest(train, train, 1)

    assert rows[:, 0].tolist() == list(range(20))
    assert not distances.any()


def test_cosine_of_a_zero_row_is_one():
    """A row of zeros has no direction: its cosine distance is 1."""
    _, distances = nearest([[0.0, 0.0], [1.0, 1.0]], [[2.0, 2.0]], 2, metric="cosine")

    assert distances[0] == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(
    ("train", "query", "k", "metric", "told"),
    [
        ([[1.0]], [[1.0]], 2, "l2", "at most the 1 rows"),
        ([[1.0]], [[1.0]], 0, "l2", "k must be a whole number"),
        ([[1.0]], [[1.0, 2.0]], 1, "l2", "equally wide"),
        ([1.0], [[1.0]], 1, "l2", "features_train must be"),
        ([[np.inf]], [[1.0]], 1, "l2", "row 0 is not"),
        ([[1.0]], [[1.0]], 1, "l3", "must be one of l2, cosine, l1"),
    ],
)
def test_bad_features_are_told(train, query, k, metric, told):
    """What is wrong with features, k or metric is said."""
    with pytest.raises((InputError, ParameterError), match=told):
        nearest(train, query, k, metric=metric)


def test_band_holds_the_last_value():
    """A member that stopped at 1.0 counts with 1.0 afterwards."""
    found = band([[2.0, 1.0], [4.0, 3.0, 3.0]])

    assert found.mean.tolist() == [3.0, 2.0, 2.0]
    assert found.running.tolist() == [2, 2, 1]


def test_diverged_member_stops_before_its_first_nan():
    """A curve that becomes infinite or NaN keeps the value before."""
    found = band(np.array([[1.0, np.inf, 7.0], [1.0, 2.0, np.nan]]))

    assert found.mean.tolist() == [1.0, 1.5]


@given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), min_size=1, max_size=7))
@settings(max_examples=30, deadline=None)
def test_band_lies_within_the_members(curves):
    """The band lies between the smallest and largest value of a member, and the members' order is free."""
    found, other = band(curves, 0.5), band(curves[::-1], 0.5)

    flat = [value for curve in curves for value in curve]
    assert min(flat) - 1e-9 <= found.low.min() <= found.high.max() <= max(flat) + 1e-9
    assert found.mean == pytest.approx(other.mean, abs=1e-9)


@pytest.mark.parametrize("curves", [[], [[]], [[np.nan, 1.0]], [[[1.0]]]])
def test_bad_curves_are_told(curves):
    """No curve, an empty one, one that begins with NaN and one of two axes are refused."""
    with pytest.raises(InputError, match="curve"):
        band(curves)
