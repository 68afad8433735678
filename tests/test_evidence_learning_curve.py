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
    """Errors that grow with the rows give a flat law, and no gain."""
    found = fit_learning_curve(SIZES, [[0.1, 0.12, 0.13, 0.15, 0.2], [0.1, 0.12, 0.14, 0.15, 0.2]])
    assert found.factor == 0
    assert found.floor == pytest.approx(0.141)
    assert found.gain(800, 1600)[0] == 0


def test_an_error_that_vanishes_has_no_floor():
    """Where the straight line would end below 0 the floor is 0."""
    found = fit_learning_curve(SIZES, [law(SIZES, floor=0.0, factor=40.0, exponent=1.0)] * 2)
    assert found.floor == pytest.approx(0, abs=0.01)
    assert (found.laws[:, 0] >= 0).all()


def test_the_interval_covers():
    """Of 200 simulated curves of 10 repeats, the gain of twice the data is in its 95 % interval in 88 to 99 %."""
    draw = np.random.default_rng(3)
    truth = law(800) - law(1600)
    hits = 0
    for _ in range(200):
        errors = law(SIZES) + 0.01 * draw.normal(size=(10, 5))
        _, low, high = fit_learning_curve(SIZES, errors, draws=200).gain(800, 1600)
        hits += low <= truth <= high
    assert 0.88 <= hits / 200 <= 0.99


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
