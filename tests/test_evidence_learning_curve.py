"""The law of a learning curve: found again, in any unit, with an interval that covers."""

import numpy as np
import pytest

from gorae.errors import InputError, ParameterError
from gorae.evidence import fit_learning_curve

SIZES = np.array([50, 100, 200, 400, 800])


def law(sizes, floor=0.1, factor=3.0, exponent=0.7):
    """Errors of a law."""
    return floor + factor * np.asarray(sizes, float) ** -exponent


def test_a_law_is_found_again():
    """Without noise floor, factor and exponent come back, and the interval has no width."""
    found = fit_learning_curve(SIZES, [law(SIZES)] * 2)
    assert found.floor == pytest.approx(0.1, abs=0.004)
    assert found.exponent == pytest.approx(0.7, rel=0.05)
    error, low, high = found.at([1600])[0]
    assert error == pytest.approx(law(1600), abs=0.001)
    assert low == high == error


def test_units_do_not_matter():
    """Sizes counted in hundreds, and errors in percent, give the same law in those units."""
    errors = law(SIZES) + 0.01 * np.random.default_rng(0).normal(size=(7, 5))
    one = fit_learning_curve(SIZES, errors)
    other = fit_learning_curve(SIZES / 100, 100 * errors)
    assert other.exponent == one.exponent
    assert other.floor == pytest.approx(100 * one.floor)
    np.testing.assert_allclose(other.at([16.0]), 100 * one.at([1600]))


def test_more_data_cannot_hurt():
    """Errors that grow with the rows give a flat law, and an interval of the gain that begins at 0."""
    found = fit_learning_curve(SIZES, [[0.1, 0.12, 0.13, 0.15, 0.2], [0.1, 0.12, 0.14, 0.15, 0.2]])
    assert found.factor == 0
    assert 0.1 <= found.floor <= 0.2
    assert found.gain(800, 1600)[1] == 0


def test_an_error_that_vanishes_has_no_floor():
    """Where the straight line would end below 0 the floor is 0."""
    found = fit_learning_curve(SIZES, [law(SIZES, floor=0.0, factor=40.0, exponent=1.0)] * 2)
    assert found.floor == pytest.approx(0, abs=0.01)
    assert (found.laws[:, 0] >= 0).all()


@pytest.mark.parametrize(("floor", "factor", "exponent"), [(0.1, 3.0, 0.7), (0.0, 1.5, 0.5), (0.2, 0.0, 1.0)])
def test_the_interval_covers(floor, factor, exponent):
    """Of 60 simulated cross-validations, the gain of twice the data is in its 95 % interval in 88 % or more."""
    draw = np.random.default_rng(3)
    truth = law(800, floor, factor, exponent) - law(1600, floor, factor, exponent)
    hits = 0
    for _ in range(60):
        common, own = 0.01 * draw.normal(size=(5, 1)), 0.006 * draw.normal(size=(5, 5))
        errors = law(SIZES, floor, factor, exponent) + common + own
        _, low, high = fit_learning_curve(SIZES, errors, draws=300).gain(800, 1600)
        hits += low <= truth <= high
    assert hits >= 0.88 * 60


def test_what_folds_share_does_not_blur_a_gain():
    """Folds that are hard at all sizes alike leave the gain as narrow as if they were not."""
    draw = np.random.default_rng(0)
    own = law(SIZES) + 0.002 * draw.normal(size=(10, 5))
    hard = own + 0.03 * draw.normal(size=(10, 1))
    plain, harder = (fit_learning_curve(SIZES, errors).gain(800, 1600) for errors in (own, hard))
    assert harder[2] - harder[1] < 2 * (plain[2] - plain[1])
    level, shifted = (np.ptp(fit_learning_curve(SIZES, e).at([800])[0, 1:]) for e in (own, hard))
    assert shifted > 3 * level


def test_curves_that_begin_slowly_are_followed():
    """A curve near chance that falls faster and faster is foretold within a fifth of its gain."""
    errors = 40 * (SIZES + 400.0) ** -0.9
    found = fit_learning_curve(SIZES, [errors, errors * (1 + 1e-6)])
    truth = errors[-1] - 40 * 2000.0**-0.9
    assert found.gain(800, 1600)[0] == pytest.approx(truth, rel=0.2)
    assert found.shift > 0


def test_errors_that_follow_no_law_are_told():
    """A bump in the middle makes the law improbable, and the interval wider than without it."""
    draw = np.random.default_rng(1)
    smooth = law(SIZES) + 0.001 * draw.normal(size=(10, 5))
    bumpy = smooth + np.array([0, 0, 0.08, 0, 0])
    one, other = fit_learning_curve(SIZES, smooth), fit_learning_curve(SIZES, bumpy)
    assert other.fit_probability < 0.01 < one.fit_probability
    assert np.ptp(other.gain(800, 1600)[1:]) > 2 * np.ptp(one.gain(800, 1600)[1:])


def test_rows_for_an_error_are_those_of_the_law():
    """The rows that the law needs are found, and none where the error lies below the floor."""
    found = fit_learning_curve(SIZES, [law(SIZES)] * 2)
    assert law(found.rows_for(0.12)[0]) == pytest.approx(0.12, abs=0.003)
    assert found.rows_for(0.01) == (np.inf, np.inf, np.inf)
    assert found.floor_interval == (found.floor, found.floor)


@pytest.mark.parametrize(
    ("sizes", "errors", "told"),
    [
        ([10, 20], [[0.1, 0.2]] * 2, "at least 3 different sizes"),
        ([10, 20, 0], [[0.1, 0.2, 0.3]] * 2, "sizes must be numbers of rows above 0, but they hold 0"),
        ([10, 20, 30], [[0.1, 0.2, 0.3]], "at least 2 repeats of 3 sizes"),
        ([10, 20, 30], [[0.1, 0.2, np.nan]] * 2, "errors must be finite"),
    ],
)
def test_what_cannot_be_used_is_told(sizes, errors, told):
    """One sentence with what came."""
    with pytest.raises(InputError, match=told):
        fit_learning_curve(sizes, errors)


def test_a_level_lies_between_0_and_1():
    """A level of 95 is refused."""
    with pytest.raises(ParameterError, match="level must lie between 0 and 1"):
        fit_learning_curve(SIZES, [law(SIZES)] * 2, level=95)
