"""Objectives: worked cases, derivatives against finite differences, and what shifts and scales do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorae.errors import ParameterError
from gorae.train import OBJECTIVES, find_objective
from gorae.train.objectives import row_losses
from gorae.train.tagging import TAG_OBJECTIVES

NAMES = sorted(set(OBJECTIVES) - set(TAG_OBJECTIVES))  # test_train_tagging.py has those of tokens
SMOOTHING = 0.3
OF_VALUES = {"squared_error", "pinball"}


def case(name, rows=3, outputs=4, seed=0):
    """Scores around 5 and targets: three rows, away from every kink and from 0."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(5, 2, (rows, outputs))
    targets = scores + rng.normal(1, 1, scores.shape) if name in OF_VALUES else rng.integers(0, outputs, rows)
    return scores, targets


def losses(name, scores, targets, smoothing=0.0):
    """The losses in 64 bits, whatever the defaults."""
    with jax.enable_x64(True):
        return np.asarray(find_objective(name)(jnp.asarray(scores), jnp.asarray(targets), smoothing))


def test_cross_entropy_by_hand():
    """Scores (0, ln 3): p = (1/4, 3/4); class 0 costs ln 4."""
    np.testing.assert_allclose(losses("cross_entropy", [[0.0, np.log(3)]], [0]), [np.log(4)], rtol=1e-12)


def test_label_smoothing_by_hand():
    """Scores (0, ln 3), class 1, epsilon 0.2: q = (0.1, 0.9), so 0.1 ln 4 + 0.9 ln(4/3)."""
    expected = 0.1 * np.log(4) + 0.9 * np.log(4 / 3)
    np.testing.assert_allclose(losses("cross_entropy", [[0.0, np.log(3)]], [1], 0.2), [expected], rtol=1e-12)


def test_squared_error_by_hand():
    """Two outputs off by 1 and 3: (1 + 9) / 4."""
    np.testing.assert_allclose(losses("squared_error", [[3.0, 7.0]], [[2.0, 10.0]]), [2.5])


def test_pinball_by_hand():
    """Levels 0.2 and 0.9 at 3 and 5 for the target 4: (0.2 * 1 + 0.1 * 1) / 2; the slopes are -0.1 and 0.05."""
    levels = np.array([0.2, 0.9])
    np.testing.assert_allclose(losses("pinball", [[3.0, 5.0]], [[4.0]], levels), [0.15], rtol=1e-12)
    slope = jax.grad(lambda s: find_objective("pinball")(s, jnp.array([[4.0]]), jnp.asarray(levels)).sum())
    np.testing.assert_allclose(slope(jnp.array([[3.0, 5.0]])), [[-0.1, 0.05]], rtol=1e-6)


@settings(max_examples=20)
@given(values=st.lists(st.integers(-20, 20), min_size=1, max_size=9), level=st.floats(0.05, 0.95))
def test_pinball_is_least_at_the_quantile(values, level):
    """No value costs less in sum over some targets than their empirical quantile."""
    targets = np.array(values, np.float64)[:, None]

    def cost(at):
        return losses("pinball", np.full_like(targets, at), targets, level).sum()

    least = cost(np.quantile(targets, level, method="inverted_cdf"))
    assert all(least <= cost(at) + 1e-9 for at in [*values, -30.0, 30.0])


def test_the_levels_of_a_member_are_its_own():
    """`row_losses` takes levels for quantiles, and smoothing for classes in training only."""
    hyper = {"levels": jnp.array([0.25, 0.75]), "label_smoothing": jnp.float32(0.2)}
    scores, targets = jnp.array([[0.0, 2.0]]), jnp.array([[1.0]])
    assert float(row_losses("pinball", scores, targets, hyper, training=True)[0]) == 0.25
    codes = jnp.array([1])
    smooth, plain = (
        float(row_losses("cross_entropy", scores, codes, hyper, training=t)[0]) for t in (True, False)
    )
    assert smooth > plain == pytest.approx(np.log(1 + np.exp(-2)), rel=1e-6)


def test_hinges_on_the_worked_case_of_cs231n():
    """The notes' cat, car and frog cost 2.9, 0 and 12.9; against the strongest rival alone 2.9, 0 and 6.6."""
    scores = [[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]]

    np.testing.assert_allclose(losses("hinge_weston_watkins", scores, [0, 1, 2]), [2.9, 0, 12.9])
    np.testing.assert_allclose(losses("hinge_crammer_singer", scores, [0, 1, 2]), [2.9, 0, 6.6])


def test_the_hinges_are_one_for_two_classes():
    """With two classes there is one wrong class, so its sum is its maximum: max(0, 1 + s_other - s_own)."""
    scores = [[0.2, 0.5], [3.0, 1.0]]
    for name in ("hinge_weston_watkins", "hinge_crammer_singer"):
        np.testing.assert_allclose(losses(name, scores, [0, 0]), [1.3, 0.0])


def test_the_perceptron_by_hand():
    """Units at 1, -2 and 0.5 and class 1: unit 0 says yes and costs 1, unit 1 no and 2, unit 2 yes and 0.5."""
    np.testing.assert_allclose(losses("perceptron", [[1.0, -2.0, 0.5]], [1]), [3.5])


def test_a_perceptron_at_zero_is_wrong():
    """A score of exactly 0 costs next to nothing, and yet has the gradient of a wrong answer: -t."""
    scores = jnp.zeros((1, 2))
    gradient = jax.grad(lambda s: find_objective("perceptron")(s, jnp.array([0]), 0.0).sum())(scores)

    assert 0 < losses("perceptron", np.zeros((1, 2)), [0])[0] < 1e-18
    np.testing.assert_array_equal(gradient, [[-1, 1]])


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_differences(name):
    """The gradient of each row's loss is its difference quotient, to eight digits."""
    scores, targets = case(name)
    with jax.enable_x64(True):
        gradient = jax.grad(lambda s: find_objective(name)(s, jnp.asarray(targets), SMOOTHING).sum())(
            jnp.asarray(scores)
        )
    step = 1e-6
    for place in np.ndindex(scores.shape):
        shift = np.zeros_like(scores)
        shift[place] = step
        rise = losses(name, scores + shift, targets, SMOOTHING) - losses(
            name, scores - shift, targets, SMOOTHING
        )

        np.testing.assert_allclose(gradient[place], rise.sum() / (2 * step), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_counts_alone(name):
    """A row's loss is what it is without the other rows."""
    scores, targets = case(name)
    alone = [losses(name, scores[i : i + 1], targets[i : i + 1], SMOOTHING)[0] for i in range(3)]

    np.testing.assert_allclose(losses(name, scores, targets, SMOOTHING), alone, rtol=1e-12)


@pytest.mark.parametrize("name", ["cross_entropy", "hinge_weston_watkins", "hinge_crammer_singer"])
@settings(max_examples=10)
@given(shift=st.floats(-50, 50))
def test_only_differences_of_scores_count(name, shift):
    """Adding a number to all scores of a row changes nothing."""
    scores, targets = case(name)
    moved = losses(name, scores + shift, targets, SMOOTHING)

    np.testing.assert_allclose(moved, losses(name, scores, targets, SMOOTHING), rtol=1e-9)


@settings(max_examples=10)
@given(scale=st.floats(0.1, 10), shift=st.floats(-10, 10))
def test_pinball_scales_with_the_unit(scale, shift):
    """Another unit multiplies the loss by itself, another zero changes nothing."""
    scores, targets = case("pinball")
    moved = losses("pinball", scale * scores + shift, scale * targets + shift, 0.7)

    np.testing.assert_allclose(moved, scale * losses("pinball", scores, targets, 0.7), rtol=1e-7)


@settings(max_examples=10)
@given(scale=st.floats(0.1, 10), shift=st.floats(-10, 10))
def test_squared_error_scales_with_the_square(scale, shift):
    """Another unit multiplies the loss by its square, another zero changes nothing."""
    scores, targets = case("squared_error")
    moved = losses("squared_error", scale * scores + shift, scale * targets + shift)

    np.testing.assert_allclose(moved, scale**2 * losses("squared_error", scores, targets), rtol=1e-7)


@pytest.mark.parametrize("name", sorted(set(NAMES) - OF_VALUES))
def test_classes_may_be_renamed(name):
    """Permuting the classes, in scores and targets, changes no loss."""
    scores, targets = case(name)
    order = np.array([2, 0, 3, 1])
    renamed = losses(name, scores[:, order], np.argsort(order)[targets], SMOOTHING)

    np.testing.assert_allclose(renamed, losses(name, scores, targets, SMOOTHING), rtol=1e-12)


def test_extreme_scores_are_no_nan():
    """In 32 bits, scores of 1e30 give finite losses and gradients."""
    scores = jnp.array([[1e30, -1e30, 0.0]])
    for name in set(NAMES) - {"squared_error"}:  # whose square overflows
        objective = find_objective(name)
        value, slope = jax.value_and_grad(lambda s, f=objective: f(s, jnp.array([1]), 0.1).sum())(scores)

        assert np.isfinite(value)
        assert np.isfinite(slope).all()


def test_an_unknown_objective_gets_a_hint():
    """A name that is nearly one is told which."""
    with pytest.raises(ParameterError, match="Did you mean 'cross_entropy'"):
        find_objective("crossentropy")
