"""Calibration by temperature and by class: the optimum, its relations, and the choice among them."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit, log_softmax, logit, softmax

from gorae.errors import InputError, ParameterError
from gorae.evidence import SCALINGS, Scaling, choose_scaling, fit_scaling, logits_of, scaled_out_of_fold
from gorae.evidence.certainty import fit_certainty, with_certainty
from gorae.evidence.mixture import fit_mixture, mixed


def drawn(rows, *, temperature=1.0, bias=0.0, seed=0):
    """Logits of three classes, away from 0, and labels drawn from softmax(logits / temperature + bias)."""
    draw = np.random.default_rng(seed)
    logits = 2 * draw.normal(size=(rows, 3)) + 11
    stated = softmax(logits / temperature + np.array([0, bias, -bias]), axis=1)
    return logits, (stated.cumsum(axis=1) > draw.random((rows, 1))).argmax(axis=1)


def loss(found, logits, labels):
    """The mean log-loss of scaled logits."""
    return -np.mean(log_softmax(logits * found.weight + found.bias, axis=1)[np.arange(len(labels)), labels])


def test_a_temperature_is_found_again():
    """Labels drawn at temperature 2.5 give it back."""
    logits, labels = drawn(20_000, temperature=2.5)
    assert fit_scaling("temperature", logits, labels).temperature == pytest.approx(2.5, rel=0.05)


def test_the_temperature_is_the_best_one():
    """No other temperature has a smaller loss on the rows it was fitted on."""
    logits, labels = drawn(200, temperature=0.7, seed=3)
    found = fit_scaling("temperature", logits, labels)
    others = [fit_scaling("temperature", logits * factor, labels) for factor in (0.99, 1.01)]
    for other in others:
        moved = type(found)("temperature", other.weight, other.bias)
        assert loss(found, logits, labels) <= loss(moved, logits, labels)


def test_relations_of_the_temperature():
    """Logits five times as large have five times the temperature; a constant a row changes nothing."""
    logits, labels = drawn(300, temperature=1.5, seed=4)
    found = fit_scaling("temperature", logits, labels)
    larger = fit_scaling("temperature", 5 * logits, labels)
    shifted = logits + np.arange(300)[:, None]
    assert larger.temperature == pytest.approx(5 * found.temperature, rel=1e-6)
    np.testing.assert_allclose(larger.probabilities(5 * logits), found.probabilities(logits), atol=1e-9)
    again = fit_scaling("temperature", shifted, labels)
    assert again.temperature == pytest.approx(found.temperature, rel=1e-6)


def test_a_temperature_keeps_every_answer():
    """The most probable class stays what it was."""
    logits, labels = drawn(100, temperature=3.0)
    scaled = fit_scaling("temperature", logits, labels).probabilities(logits)
    np.testing.assert_array_equal(scaled.argmax(axis=1), logits.argmax(axis=1))


@pytest.mark.parametrize(("right", "temperature"), [(True, 1.0), (False, 50.0)])
def test_temperatures_end_somewhere(right, temperature):
    """Rows that are all wrong give the end of the range; such as are all right say nothing of a temperature."""
    logits = np.array([[3.0, 1.0], [1.0, 2.0]])
    found = fit_scaling("temperature", logits, [0, 1] if right else [1, 0])
    assert found.temperature == pytest.approx(temperature)
    assert np.isfinite(found.probabilities(logits)).all()


def test_factors_and_biases_are_a_minimum():
    """The slope of the penalised loss, by finite differences, is 0 there; permuted classes permute it."""
    logits, labels = drawn(400, bias=1.0, seed=5)
    logits = logits - 11  # near 0 the two kinds of parameters do not fight
    found = fit_scaling("vector", logits, labels)

    def penalised(both):
        scaled = log_softmax(logits * both[:3] + both[3:], axis=1)
        away = both - np.array([1, 1, 1, 0, 0, 0])
        return (-scaled[np.arange(400), labels].sum() + 0.5 * away @ away) / 400

    slope = approx_fprime(np.concatenate([found.weight, found.bias]), penalised, 1e-6)
    np.testing.assert_allclose(slope, 0, atol=2e-4)
    order = np.array([2, 0, 1])
    other = fit_scaling("vector", logits[:, order], np.argsort(order)[labels])
    np.testing.assert_allclose(other.weight, found.weight[order], atol=2e-3)
    np.testing.assert_allclose(other.bias, found.bias[order], atol=2e-3)
    assert found.temperature is None


def wild(rows, share, seed=0):
    """Logits of four classes, and labels drawn from their softmax, of which a share is drawn evenly anew."""
    draw = np.random.default_rng(seed)
    logits = 4 * draw.normal(size=(rows, 4))
    labels = (softmax(logits, axis=1).cumsum(axis=1) > draw.random((rows, 1))).argmax(axis=1)
    again = draw.random(rows) < share
    return logits, np.where(again, draw.integers(0, 4, rows), labels)


def test_a_mixture_by_hand():
    """Half scaled, a quarter stated, a quarter equal: of 1 and 0, 0.6 and 0.4, that is 0.775 and 0.225."""
    found = mixed(np.array([0.5, 0.25, 0.25]), np.array([[1.0, 0.0]]), np.array([[0.6, 0.4]]))
    np.testing.assert_allclose(found, [[0.775, 0.225]])


def test_equal_probabilities_get_the_share_of_labels_drawn_evenly():
    """Of labels of which a tenth was drawn evenly, the mixture gives a tenth to equal probabilities."""
    logits, labels = wild(20_000, 0.1)
    found = fit_scaling("mixture", logits, labels)
    assert found.shares[2] == pytest.approx(0.1, abs=0.01)
    assert found.shares.sum() == pytest.approx(1)


def test_a_mixture_is_a_maximum():
    """No factor or shares near the fitted ones have a greater likelihood."""
    logits, labels = wild(500, 0.2, seed=1)
    factor, shares = fit_mixture(logits, labels, 0.8, (0.02, 50.0))
    every = np.arange(500)

    def likelihood(factor, shares):
        stated = mixed(shares, softmax(factor * logits, axis=1), softmax(logits, axis=1))
        return np.log(stated[every, labels]).sum()

    best = likelihood(factor, shares) + 1e-3  # where the search stops
    for change in (1.05, 0.95):
        assert likelihood(factor * change, shares) <= best
        for place in range(3):
            moved = shares * np.where(np.arange(3) == place, change, 1)
            assert likelihood(factor, moved / moved.sum()) <= best


@pytest.mark.parametrize("kind", SCALINGS[:3])
@pytest.mark.parametrize("curved", [False, True])
def test_the_order_of_classes_stays(kind, curved):
    """The most probable class stays what it was, whatever one factor, a mixture or a curve do."""
    logits, labels = wild(300, 0.5, seed=2)
    found = fit_scaling(kind, logits, labels, curved=curved).probabilities(logits)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    np.testing.assert_array_equal(found.argmax(axis=1), logits.argmax(axis=1))


def test_a_curve_by_hand():
    """At 0.8 the curve (1, 1, -ln 2) halves the odds of 4 to 2: 2/3 remain, the others share 1/3 as before."""
    found = with_certainty(np.array([[0.8, 0.15, 0.05]]), np.array([1.0, 1.0, -np.log(2)]))
    np.testing.assert_allclose(found, [[2 / 3, 0.25, 1 / 12]])


def test_a_curve_stops_at_the_next_class():
    """A curve to nearly nothing makes the first class as large as the second, and a bit; ties stay ties."""
    found = with_certainty(np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]]), np.array([1.0, 1.0, -20.0]))
    np.testing.assert_allclose(found, [[0.375, 0.375, 0.25], [0.4, 0.4, 0.2]], atol=1e-6)
    assert found[0, 0] > found[0, 1]


def test_certain_rows_follow_the_curve_too():
    """Of a curve that says 0.8 of all, a row is 0.8 sure however near to 1 it was; the rest keep their ratios."""
    stated = np.array([[1 - 1e-7, 1e-7 - 1e-8, 1e-8], [1.0, 0.0, 0.0], [1 - 3e-12, 2e-12, 1e-12]])
    found = with_certainty(stated, np.array([0.0, 0.0, np.log(4)]))
    np.testing.assert_allclose(found, [[0.8, 0.18, 0.02], [0.8, 0.1, 0.1], [0.8, 0.4 / 3, 0.2 / 3]])


def test_a_curve_is_found_again():
    """Where the answer is right with odds halved, the curve says so; of few rows it stays near the identity."""
    draw = np.random.default_rng(3)
    sure = draw.uniform(0.5, 0.99, 20_000)
    right = draw.random(20_000) < expit(logit(sure) - np.log(2))
    shares = np.stack([sure, 1 - sure], axis=1)
    curve = fit_certainty(shares, np.where(right, 0, 1))
    asked = np.array([[0.6, 0.4], [0.8, 0.2], [0.95, 0.05]])
    wanted = np.maximum(expit(logit(asked[:, 0]) - np.log(2)), 0.5)
    np.testing.assert_allclose(with_certainty(asked, curve)[:, 0], wanted, atol=0.02)
    few = fit_certainty(shares[:3], np.where(right[:3], 0, 1))
    assert np.abs(few - [1, 1, 0]).max() < 0.7


def test_the_curve_of_greatest_penalised_likelihood():
    """Its slope, by finite differences, is 0 where no bound is met."""
    draw = np.random.default_rng(4)
    shares = draw.dirichlet(np.ones(3), 400)
    codes = (shares.cumsum(axis=1) > draw.random((400, 1))).argmax(axis=1)
    curve = fit_certainty(shares, codes)
    largest, right = shares.max(axis=1), shares.argmax(axis=1) == codes

    def penalised(at):
        odds = at[0] * np.log(largest) - at[1] * np.log(1 - largest) + at[2]
        away = at - np.array([1, 1, 0])
        return np.sum(np.logaddexp(0, odds) - right * odds) + 0.5 * away @ away

    assert (curve[:2] > 0).all()
    np.testing.assert_allclose(approx_fprime(curve, penalised, 1e-6), 0, atol=2e-2)


def test_labels_drawn_evenly_choose_a_mixture():
    """A floor is what such labels need: neither a temperature nor biases are taken."""
    logits, labels = wild(4000, 0.15, seed=5)
    assert choose_scaling(logits, labels, np.arange(4000) % 5).kind == "mixture"


def test_a_curve_is_chosen_where_no_kind_is_enough():
    """Rows sure to 0.7 or more that are right at 0.7 need a curve: temperature and mixture leave them wrong."""
    draw = np.random.default_rng(6)
    logits = 3 * draw.normal(size=(4000, 5))
    stated, every = softmax(logits, axis=1), np.arange(4000)
    sure, first = stated.max(axis=1), logits.argmax(axis=1)
    wanted = with_certainty(stated, np.array([4.0, 0.2, 0.5]))
    labels = (wanted.cumsum(axis=1) > draw.random((4000, 1))).argmax(axis=1)
    found = choose_scaling(logits, labels, every % 5)
    assert found.is_curved
    assert found.changes
    given = found.probabilities(logits)[every, first]
    middle = (sure > 0.6) & (sure < 0.9)
    assert given[middle].mean() == pytest.approx((labels == first)[middle].mean(), abs=0.04)


def test_curves_are_judged_out_of_fold():
    """A row's probabilities come from the other folds: its own fold fitted alone gives other ones."""
    logits, labels = wild(200, 0.3, seed=7)
    folds = np.arange(200) % 2
    found = scaled_out_of_fold("mixture", logits, labels, folds, curved=True)
    other = fit_scaling("mixture", logits[folds == 1], labels[folds == 1], curved=True)
    np.testing.assert_allclose(found[folds == 0], other.probabilities(logits[folds == 0]))


def test_the_temperature_of_a_mixture_ends_somewhere():
    """Where the best factor would be as near 0 as it may, the temperature of a mixture is 50, as others' is."""
    logits, labels = wild(300, 0.6, seed=8)
    found = fit_scaling("mixture", 1000 * logits, labels)
    assert found.temperature is not None
    assert found.temperature <= 50 * (1 + 1e-9)


def test_many_rows_are_drawn():
    """Of more rows than are needed some are drawn: each kind finds the same numbers, nearly, as of all."""
    logits, labels = drawn(40_000, temperature=2.0)
    found = fit_scaling("temperature", logits, labels)
    assert found.temperature == pytest.approx(2.0, rel=0.05)
    np.testing.assert_array_equal(fit_scaling("temperature", logits, labels).weight, found.weight)


def test_what_changes_nothing():
    """A scaling of the kind "none" changes something only with a curve."""
    plain = Scaling("none", np.ones(2), np.zeros(2))
    assert not plain.changes
    assert Scaling("none", np.ones(2), np.zeros(2), curve=np.array([1.0, 1.0, 0.5])).changes


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({}, "none"), ({"temperature": 3.0}, "temperature"), ({"bias": 2.0}, "vector")],
    ids=["calibrated", "too sure", "leaning"],
)
def test_the_simplest_that_helps_is_chosen(changes, kind):
    """Calibrated logits stay as they are; too sure ones are cooled; a lean needs biases."""
    logits, labels = drawn(2000, seed=7, **changes)
    assert choose_scaling(logits - 11, labels, np.arange(2000) % 5).kind == kind


def test_nothing_is_done_without_need():
    """The kind "none" gives softmax back, also of logits made of probabilities."""
    logits, labels = drawn(10)
    stated = softmax(logits, axis=1)
    found = fit_scaling("none", logits, labels)
    np.testing.assert_allclose(found.probabilities(logits_of(stated)), stated)
    assert found.temperature == 1.0


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: fit_scaling("temperature", [[1.0, np.inf]], [0]), "logits must be finite, but row 0"),
        (lambda: fit_scaling("temperature", [1.0, 2.0], [0]), r"logits must be \(rows, classes\)"),
        (lambda: fit_scaling("temperature", [[1.0, 2.0]], [2]), "labels must be class codes 0 to 1"),
        (lambda: fit_scaling("vector", [[1.0, 2.0]], [0, 1]), "logits has 1, labels has 2"),
        (lambda: choose_scaling([[1.0, 2.0]] * 2, [0, 1], [0, 0]), "folds must be at least two"),
        (
            lambda: fit_scaling("none", [[1.0, 2.0]], [0]).probabilities([[1.0, 2.0, 3.0]]),
            "logits must have 2 classes, but they have 3",
        ),
    ],
)
def test_what_cannot_be_used_is_told(act, told):
    """One sentence with what came."""
    with pytest.raises(InputError, match=told):
        act()


def test_a_kind_that_is_none():
    """The near one is told."""
    with pytest.raises(ParameterError, match="Did you mean 'temperature'"):
        fit_scaling("temperatur", [[1.0, 2.0]], [0])
