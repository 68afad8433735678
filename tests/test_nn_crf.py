"""The conditional random field against sums over all sequences of tags, finite differences and relations."""

from itertools import pairwise, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gorae.errors import ParameterError
from gorae.nn import ChainScores, ChainTags, chain_log_likelihood, chain_log_partition, inference, viterbi

SIZES = [(1, 1), (1, 3), (4, 3), (5, 1), (3, 5)]


def random_scores(places, tags, seed=0):
    """Return scores of a row that are not around 0."""
    rng = np.random.default_rng(seed)
    sizes = [(places, tags), (tags,), (tags,), (tags, tags)]
    return ChainScores(*(jnp.asarray(rng.normal(1.5, 2.0, size), jnp.float32) for size in sizes))


def score_of(scores, tags):
    """Return s(y) of one sequence as the definition says, in float64."""
    emission, begin, end, pair = (np.asarray(part, np.float64) for part in scores)
    total = begin[tags[0]] + end[tags[-1]] + sum(emission[t, tag] for t, tag in enumerate(tags))
    return total + sum(pair[a, b] for a, b in pairwise(tags))


def all_tags(scores):
    """Return every sequence of tags and its score."""
    places, tags = scores.emission.shape
    every = list(product(range(tags), repeat=places))
    return every, np.array([score_of(scores, one) for one in every])


def flags(places):
    """Return the flags of a row that holds one sequence."""
    return jnp.arange(places) == 0, jnp.ones(places, bool)


@pytest.mark.parametrize(("places", "tags"), SIZES)
def test_partition_is_the_sum_over_all_sequences(places, tags):
    """Log Z is the logarithm of the sum of exp s(y) over all K^T sequences, one by one."""
    scores = random_scores(places, tags)
    _, every = all_tags(scores)

    found = chain_log_partition(scores, *flags(places))

    assert float(found) == pytest.approx(np.logaddexp.reduce(every), rel=1e-5)


@pytest.mark.parametrize(("places", "tags"), SIZES)
def test_probabilities_of_all_sequences_sum_to_one(places, tags):
    """Each sequence has the probability that its score says, and all of them together 1."""
    scores = random_scores(places, tags, seed=1)
    every, wanted = all_tags(scores)
    likelihood = jax.vmap(lambda tags: chain_log_likelihood(scores, tags, *flags(places)))

    found = np.asarray(likelihood(jnp.array(every)), np.float64)

    np.testing.assert_allclose(found, wanted - np.logaddexp.reduce(wanted), atol=2e-5)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("places", "tags"), SIZES)
def test_viterbi_finds_the_best_of_all_sequences(places, tags):
    """The tags that come back have the largest score of all K^T."""
    scores = random_scores(places, tags, seed=2)
    every, wanted = all_tags(scores)

    best, score = viterbi(scores, *flags(places))

    assert tuple(best.tolist()) == every[int(wanted.argmax())]
    assert float(score) == pytest.approx(wanted.max(), rel=1e-5)


def test_two_tokens_by_hand():
    """Four sequences, their scores added up by hand.

    With e = [[1, 0], [0, 2]], a = [0, 1], b = [1, 0], A = [[0, 3], [1, 0]]: s(00) = 1 + 0 + 0 + 1 = 2,
    s(01) = 1 + 3 + 2 = 6, s(10) = 1 + 1 + 0 + 1 = 3, s(11) = 1 + 0 + 2 = 3.
    """
    scores = ChainScores(
        jnp.array([[1.0, 0.0], [0.0, 2.0]]),
        jnp.array([0.0, 1.0]),
        jnp.array([1.0, 0.0]),
        jnp.array([[0.0, 3.0], [1.0, 0.0]]),
    )
    partition = np.log(np.exp([2.0, 6.0, 3.0, 3.0]).sum())

    assert float(chain_log_partition(scores, *flags(2))) == pytest.approx(partition, rel=1e-6)
    tags = jnp.array([1, 0])
    assert float(chain_log_likelihood(scores, tags, *flags(2))) == pytest.approx(3 - partition, rel=1e-5)
    assert viterbi(scores, *flags(2))[0].tolist() == [0, 1]


@pytest.mark.parametrize("part", ChainScores._fields)
def test_gradient_is_that_of_finite_differences(part):
    """The derivative of log p by every score is its central difference, in float64 on the host."""
    scores = random_scores(4, 3, seed=3)
    tags, (begins, real) = [2, 0, 0, 1], flags(4)

    gradient = jax.grad(lambda s: chain_log_likelihood(s, jnp.array(tags), begins, real))(scores)

    value = np.asarray(getattr(scores, part), np.float64)
    for place in np.ndindex(value.shape):
        moved = []
        for step in (1e-4, -1e-4):
            changed = value.copy()
            changed[place] += step
            _, every = all_tags(scores._replace(**{part: changed}))
            moved.append(score_of(scores._replace(**{part: changed}), tags) - np.logaddexp.reduce(every))
        assert float(getattr(gradient, part)[place]) == pytest.approx((moved[0] - moved[1]) / 2e-4, abs=1e-4)


def test_a_masked_tail_changes_nothing():
    """Places that are not real change neither likelihood nor tags, whatever their scores; they get no gradient."""
    scores = random_scores(7, 3, seed=4)
    short = scores._replace(emission=scores.emission[:4])
    real, tags = jnp.arange(7) < 4, jnp.array([1, 2, 0, 0, 2, 1, 1])
    begins = jnp.arange(7) == 0

    found = chain_log_likelihood(scores, tags, begins, real)
    gradient = jax.grad(lambda s: chain_log_likelihood(s, tags, begins, real))(scores)
    best, score = viterbi(scores, begins, real)

    assert found == pytest.approx(float(chain_log_likelihood(short, tags[:4], *flags(4))), rel=1e-6)
    assert (gradient.emission[4:] == 0).all()
    wanted, wanted_score = viterbi(short, *flags(4))
    assert best[:4].tolist() == wanted.tolist()
    assert (best[4:] == wanted[-1]).all()
    assert score == wanted_score


def test_packed_sequences_are_what_they_are_alone():
    """Sequences of 1, 4 and 2 tokens in one row: likelihoods add up, gradients and tags are those of each."""
    scores, lengths = random_scores(9, 3, seed=5), (1, 4, 2)
    tags = jnp.array([2, 0, 1, 1, 2, 0, 2, 1, 1])
    begins, real = jnp.isin(jnp.arange(9), jnp.array([0, 1, 5])), jnp.arange(9) < 7

    found = chain_log_likelihood(scores, tags, begins, real)
    best, score = viterbi(scores, begins, real)

    total = total_score = start = 0
    for length in lengths:
        own = slice(start, start + length)
        alone = scores._replace(emission=scores.emission[own])
        total += float(chain_log_likelihood(alone, tags[own], *flags(length)))
        tags_alone, score_alone = viterbi(alone, *flags(length))
        assert best[own].tolist() == tags_alone.tolist()
        total_score += float(score_alone)
        start += length
    assert float(found) == pytest.approx(total, rel=1e-5)
    assert float(score) == pytest.approx(total_score, rel=1e-5)


def test_a_constant_on_all_scores_changes_nothing():
    """P depends on differences: a number added to all emissions of a place, or to all pairs, leaves it."""
    scores, tags = random_scores(5, 4, seed=6), jnp.array([3, 1, 1, 0, 2])
    moved = ChainScores(
        scores.emission + jnp.arange(5.0)[:, None] * 7, scores.begin - 3, scores.end + 2, scores.pair + 11
    )

    both = [chain_log_likelihood(one, tags, *flags(5)) for one in (scores, moved)]

    assert float(both[1]) == pytest.approx(float(both[0]), abs=2e-4)
    assert viterbi(scores, *flags(5))[0].tolist() == viterbi(moved, *flags(5))[0].tolist()


def test_large_scores_stay_finite():
    """Scores of ten thousand, as a forbidden pair has, neither overflow nor give a NaN gradient."""
    scores = random_scores(6, 3, seed=7)
    scores = scores._replace(pair=scores.pair.at[0, 1].set(-1e4), emission=scores.emission * 1e4)
    tags = jnp.zeros(6, jnp.int32)

    found, gradient = jax.value_and_grad(lambda s: chain_log_likelihood(s, tags, *flags(6)))(scores)

    assert np.isfinite(found)
    assert all(np.isfinite(part).all() for part in gradient)


def test_without_pairs_it_is_a_softmax_a_token():
    """Where only emissions differ, log p is the sum of the tokens' log softmax."""
    scores = random_scores(4, 3, seed=8)
    scores = ChainScores(scores.emission, *(jnp.zeros_like(part) for part in scores[1:]))
    tags = jnp.array([0, 2, 1, 1])

    found = chain_log_likelihood(scores, tags, *flags(4))

    wanted = jax.nn.log_softmax(scores.emission)[jnp.arange(4), tags].sum()
    assert float(found) == pytest.approx(float(wanted), rel=1e-5)


def test_the_layer_keeps_its_scores_beside_the_emissions():
    """What the layer gives for a row is taken apart into the same scores; new chains know nothing."""
    scores = random_scores(4, 3)
    layer = ChainTags(scores.begin, scores.end, scores.pair)

    outputs, after = layer(scores.emission[None], inference())

    for found, wanted in zip(ChainTags.scores(outputs[0]), scores, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert after is layer
    assert all(not part.any() for part in jax.tree.leaves(ChainTags.create(3)))
    with pytest.raises(ParameterError, match="tags must be"):
        ChainTags.create(0)
