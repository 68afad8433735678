"""Leakage suspects: planted ones are found, clean data sets have none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kruskal
from sklearn import datasets
from sklearn.metrics import roc_auc_score

from gorae.errors import InputError
from gorae.evidence import leaking_columns, looks_like_counter, order_effect, ordered_suspect

CLEAN = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "moons": lambda **_: datasets.make_moons(300, noise=0.2, random_state=0),
}
NOISE = np.random.default_rng(0).normal(size=(120, 1))


def columns_of(X):
    """The columns of a matrix by number."""
    return {str(place): X[:, [place]] for place in range(X.shape[1])}


@pytest.mark.parametrize("name", CLEAN)
def test_clean_data_have_no_suspect(name):
    """No column, counter or order of five clean data sets is suspected; iris and wine are sorted by class."""
    X, y = CLEAN[name](return_X_y=True)
    assert leaking_columns(columns_of(X), y) == ()
    assert not any(looks_like_counter(X[:, place]) for place in range(X.shape[1]))
    assert ordered_suspect("the order of the rows", np.arange(len(y)), y) is None


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_a_column_that_is_the_target_is_found(classes):
    """Its codes in another order, and as several columns, are found beside noise with a skill of 1."""
    codes = np.random.default_rng(1).integers(0, classes, 120)
    other = np.random.default_rng(2).permutation(classes)[codes]
    planted = {"noise": NOISE, "codes": other[:, None] * 10.0, "city": np.eye(classes)[codes]}
    assert [(one.subject, one.figure) for one in leaking_columns(planted, codes)] == [
        ("codes", 1.0),
        ("city", 1.0),
    ]


def test_missing_values_may_give_the_target():
    """A value that is missing in every row of one class, and there in all others, gives it away."""
    codes = np.arange(120) % 2
    found = leaking_columns({"paid": np.where(codes[:, None] == 1, np.nan, NOISE)}, codes)
    assert [one.subject for one in found] == ["paid"]


def test_a_rare_class_counts_like_a_common_one():
    """A column that is right in 95 % of the rows, and never in the rare class, gives nothing."""
    codes = (np.arange(400) % 20 == 0).astype(int)
    assert leaking_columns({"constant": np.zeros((400, 1))}, codes) == ()
    assert len(leaking_columns({"target": codes[:, None] * 1.0}, codes)) == 1


def test_a_good_column_is_no_leak():
    """A column whose rule errs in 4 % of the rows is good, and no suspect."""
    codes = np.arange(1000) % 2
    shown = np.where(np.random.default_rng(0).random(1000) < 0.04, 1 - codes, codes)
    assert leaking_columns({"good": shown[:, None] * 1.0}, codes) == ()


@given(st.integers(0, 10**6), st.floats(0.01, 1e6), st.floats(-1e6, 1e6))
@settings(max_examples=8)
def test_scale_and_order_do_not_matter(seed, scale, shift):
    """A column in another unit, its rows shuffled, is suspected as before."""
    draw = np.random.default_rng(seed)
    codes = np.arange(60) % 3
    column = codes[:, None] * (seed % 2) + draw.normal(0, 0.05, (60, 1))
    order = draw.permutation(60)
    one = leaking_columns({"x": column}, codes)
    other = leaking_columns({"x": column[order] * scale + shift}, codes[order])
    assert len(one) == len(other) == seed % 2


def test_few_rows_are_not_judged():
    """Of fewer than 20 rows, or classes of one row, nothing can be said."""
    assert leaking_columns({"x": np.arange(10.0)[:, None]}, np.arange(10) % 2) == ()
    assert leaking_columns({"x": np.arange(30.0)[:, None]}, np.arange(30)) == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(100), True),
        (np.arange(100)[::-1] * 1000, True),
        (np.random.default_rng(0).permutation(100) + 5000, True),
        (np.random.default_rng(0).integers(0, 10**9, 100), False),
        (np.arange(100) / 2, False),
        (np.repeat(np.arange(60), 2), False),
        (np.arange(50), False),
        (np.where(np.arange(100) < 4, np.nan, np.arange(100)), True),
        (np.full(100, np.nan), False),
    ],
)
def test_counters(values, expected):
    """Whole, nearly all different, rising or dense; what is measured is none."""
    assert looks_like_counter(values) is expected


def test_order_effect_is_that_of_known_tests():
    """The area is scikit-learn's, the p-value scipy's, ties included."""
    draw = np.random.default_rng(3)
    values, codes = draw.integers(0, 20, 90).astype(float), draw.integers(0, 3, 90)
    area, chance = order_effect(values, codes)
    areas = [roc_auc_score(codes == code, values) for code in range(3)]
    assert area == pytest.approx(0.5 + np.abs(np.array(areas) - 0.5).max())
    assert chance == pytest.approx(kruskal(*(values[codes == code] for code in range(3))).pvalue)


@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_order_effect_keeps(seed, scale):
    """Another unit, turned around, and shuffled rows leave area and p-value."""
    draw = np.random.default_rng(seed)
    values, codes = draw.normal(size=30), draw.integers(0, 2, 30)
    order = draw.permutation(30)
    one, other = order_effect(values, codes), order_effect(-scale * values[order], codes[order])
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_drift_is_found_and_noise_is_not():
    """A class that becomes frequent with time is told; of 200 orders by chance at most 2 are (p 0.001)."""
    draw = np.random.default_rng(0)
    drifting = (draw.random(500) < np.linspace(0.1, 0.9, 500)).astype(int)
    found = ordered_suspect("the order of the rows", np.arange(500), drifting)
    assert found is not None
    assert found.figure > 0.7
    assert "the order of the rows" in found.sentence
    by_chance = [ordered_suspect("x", np.arange(30), draw.integers(0, 2, 30)) for _ in range(200)]
    assert sum(one is not None for one in by_chance) <= 2


def test_a_sorted_file_is_no_drift_and_its_counter_a_leak():
    """All of a class in one run says nothing of time; a column that counts them gives the target."""
    codes = np.repeat([0, 1, 2], 40)
    assert ordered_suspect("the order of the rows", np.arange(120), codes) is None
    found = ordered_suspect("id", np.arange(120), codes, kind="identifier")
    assert found is not None
    assert (found.kind, found.figure) == ("identifier", 1.0)


def test_what_cannot_be_used_is_told():
    """Lengths that differ are told with the column's name."""
    with pytest.raises(InputError, match="age has 2"):
        leaking_columns({"age": np.zeros((2, 1))}, np.arange(40) % 2)
    with pytest.raises(InputError, match="one value a row"):
        order_effect([1.0, 2.0], [0, 1, 1])
