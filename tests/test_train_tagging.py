"""Objectives of tags: worked cases, derivatives against finite differences, padding and packed sequences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae.train import find_objective
from gorae.train.tagging import TAG_OBJECTIVES, decoded, read_targets, right_tags

TAGS, PLACES = 3, 5
TARGETS = jnp.array([[3, 1, 4, 0, 2], [5, 0, 0, -1, -1], [4, -1, -1, -1, -1]])
"""A row of two sequences (2 and 3 tokens), one of three tokens, one of one."""

every_objective = pytest.mark.parametrize("name", sorted(TAG_OBJECTIVES))


def outputs_of(name, seed=0, places=PLACES):
    """Return scores of three rows as an objective reads them."""
    below = TAGS + 2 if name == "crf" else 0
    return np.random.default_rng(seed).normal(2.0, 1.5, (3, places + below, TAGS))


def losses(name, outputs, targets, smoothing=0.0):
    """Return the losses in 64 bits."""
    with jax.enable_x64(True):
        return np.asarray(find_objective(name)(jnp.asarray(outputs), jnp.asarray(targets), smoothing))


def test_codes_tell_tags_begins_and_padding():
    """A code of K or more begins a sequence, -1 is no token."""
    tags, begins, real = read_targets(TARGETS, TAGS)

    assert tags[0].tolist() == [0, 1, 1, 0, 2]
    assert begins.tolist() == [[True, False, True, False, False], [True] + [False] * 4, [True] + [False] * 4]
    assert real.sum(axis=1).tolist() == [5, 3, 1]


def test_cross_entropy_by_hand():
    """Scores (0, ln 3), (0, 0) and padding: tag 0 costs ln 4, tag 1 ln 2, on average half their sum."""
    outputs = [[[0.0, np.log(3)], [0.0, 0.0], [7.0, 7.0]]]

    found = losses("tag_cross_entropy", outputs, [[2, 1, -1]])

    np.testing.assert_allclose(found, [(np.log(4) + np.log(2)) / 2], rtol=1e-12)
    smooth = losses("tag_cross_entropy", outputs, [[2, -1, -1]], 0.2)
    np.testing.assert_allclose(smooth, [0.9 * np.log(4) + 0.1 * np.log(4 / 3)], rtol=1e-12)


def test_crf_by_hand():
    """Two tokens, pairs of equal tags worth ln 3, all else 0: Z = 3 + 1 + 1 + 3 = 8; equal tags 3/8, others 1/8."""
    chain = np.zeros((1, 2 + 2 + 2, 2))
    chain[0, 4:] = np.log(3) * np.eye(2)

    equal, other = losses("crf", chain, [[2, 0]])[0], losses("crf", chain, [[2, 1]])[0]

    np.testing.assert_allclose([equal, other], [-np.log(3 / 8) / 2, -np.log(1 / 8) / 2], rtol=1e-12)


@every_objective
def test_gradients_are_finite_differences(name):
    """The gradient of the losses is their difference quotient."""
    outputs = outputs_of(name)
    with jax.enable_x64(True):
        gradient = jax.grad(lambda s: find_objective(name)(s, TARGETS, 0.1).sum())(jnp.asarray(outputs))
        moved = jax.jit(lambda s: find_objective(name)(s, TARGETS, 0.1).sum())
        step = 1e-6
        for place in np.ndindex(outputs.shape):
            shift = np.zeros_like(outputs)
            shift[place] = step
            rise = float(moved(outputs + shift) - moved(outputs - shift)) / (2 * step)
            np.testing.assert_allclose(gradient[place], rise, rtol=1e-6, atol=1e-8)


@every_objective
def test_every_row_counts_alone(name):
    """A row's loss is what it is without the other rows."""
    outputs = outputs_of(name)
    alone = [losses(name, outputs[i : i + 1], TARGETS[i : i + 1])[0] for i in range(3)]

    np.testing.assert_allclose(losses(name, outputs, TARGETS), alone, rtol=1e-12)


@every_objective
def test_padding_changes_nothing(name):
    """More places behind the last token, whatever their scores, change neither loss nor share of right tags."""
    outputs = outputs_of(name)
    wide = np.insert(outputs, [PLACES] * 4, 1e6, axis=1)
    targets = np.pad(TARGETS, ((0, 0), (0, 4)), constant_values=-1)

    np.testing.assert_allclose(losses(name, wide, targets), losses(name, outputs, TARGETS), rtol=1e-12)
    found = right_tags(name, jnp.asarray(wide, jnp.float32), jnp.asarray(targets))
    np.testing.assert_array_equal(found, right_tags(name, jnp.asarray(outputs, jnp.float32), TARGETS))


@every_objective
def test_a_row_of_two_sequences_is_their_mean(name):
    """The loss of a row of 2 and 3 tokens is 2/5 and 3/5 of the losses that they have alone."""
    outputs = outputs_of(name)[:1]
    below = outputs[:, PLACES:]
    parts = [np.concatenate([outputs[:, a:b], below], axis=1) for a, b in ((0, 2), (2, 5))]
    alone = [
        losses(name, part, TARGETS[:1, a:b])[0] for part, (a, b) in zip(parts, ((0, 2), (2, 5)), strict=True)
    ]

    np.testing.assert_allclose(
        losses(name, outputs, TARGETS[:1])[0], 0.4 * alone[0] + 0.6 * alone[1], rtol=1e-12
    )


@every_objective
def test_a_row_without_tokens_costs_nothing(name):
    """Nothing to tag has loss 0, a gradient of zeros, and no right tag."""
    outputs, nothing = jnp.asarray(outputs_of(name), jnp.float32), jnp.full((3, PLACES), -1)
    slope = jax.grad(lambda s: jnp.where(True, find_objective(name)(s, nothing, 0.0), 0).sum())(outputs)

    assert np.isfinite(slope).all()
    assert right_tags(name, outputs, nothing).tolist() == [0, 0, 0]


def test_right_tags_are_counted():
    """Of five tags that the scores name, those that are meant count."""
    outputs = jax.nn.one_hot(jnp.array([[0, 1, 2, 0, 2], [1, 0, 0, 1, 1], [2, 0, 0, 0, 0]]), TAGS)

    assert right_tags("tag_cross_entropy", outputs, TARGETS).tolist() == pytest.approx([4 / 5, 2 / 3, 0])


def test_a_chain_answers_with_its_best_tags():
    """Where neighbours are worth more than tokens, the chain's best tags are not the tokens' best."""
    outputs = (
        jnp.zeros((1, 3 + 4, 2)).at[0, :3, 0].set(1.0).at[0, 5:].set(jnp.array([[0.0, 9.0], [9.0, 0.0]]))
    )
    begins, real = jnp.array([[True, False, False]]), jnp.ones((1, 3), bool)

    assert decoded("crf", outputs, begins, real).tolist() == [[0, 1, 0]]
    assert decoded("tag_cross_entropy", outputs[:, :3], begins, real).tolist() == [[0, 0, 0]]
