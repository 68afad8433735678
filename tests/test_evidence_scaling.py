"""Calibration by temperature and by class: the optimum, its relations, and the choice among them."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import log_softmax, softmax

from gorae.errors import InputError, ParameterError
from gorae.evidence import choose_scaling, fit_scaling, logits_of


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
