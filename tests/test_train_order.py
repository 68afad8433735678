"""The order of an epoch: a permutation, uniform, and nothing but (seed, stream, epoch) decides it."""

from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from gorae.train.order import epoch_order, sorted_by_length

compiled_order = jax.jit(epoch_order, static_argnums=3)


def order(count, padded, seed=0, stream=0, epoch=0):
    hyper = {"seed": np.uint32(seed), "stream": np.uint32(stream)}
    return np.asarray(compiled_order(hyper, np.int32(epoch), np.int32(count), padded))


@given(count=st.integers(1, 64), seed=st.integers(0, 2**32 - 1), epoch=st.integers(0, 2**31 - 1))
def test_an_order_is_a_permutation(count, seed, epoch):
    """Every row is visited exactly once; padding points at row 0."""
    found = order(count, 64, seed, epoch=epoch)

    np.testing.assert_array_equal(np.sort(found[:count]), np.arange(count))
    assert not found[count:].any()


@given(count=st.integers(1, 64), seed=st.integers(0, 2**32 - 1))
def test_padding_changes_no_order(count, seed):
    """The same rows in a longer array are visited in the same order."""
    np.testing.assert_array_equal(order(count, 64, seed)[:count], order(count, 100, seed)[:count])


@pytest.mark.parametrize("changed", ["seed", "stream", "epoch"])
def test_orders_differ(changed):
    """Two hundred seeds, streams or epochs have two hundred orders of twenty rows."""
    found = {tuple(order(20, 64, **{changed: i})[:20]) for i in range(200)}

    assert len(found) == 200


@pytest.mark.parametrize("changed", ["seed", "stream", "epoch"])
def test_orders_are_uniform(changed):
    """Over 20,000 seeds, streams or epochs all 24 orders of four rows come equally often (chi-square)."""
    numbers = {"seed": jnp.uint32(5), "stream": jnp.uint32(6), "epoch": jnp.int32(7)}
    many = jnp.arange(20_000)

    def one(number):
        own = {**numbers, changed: number.astype(numbers[changed].dtype)}
        return epoch_order(own, own["epoch"], jnp.int32(4), 4)

    found = np.asarray(jax.jit(jax.vmap(one))(many)) @ 4 ** np.arange(4)
    expected = len(many) / 24
    counts = [np.sum(found == np.array(each) @ 4 ** np.arange(4)) for each in permutations(range(4))]
    statistic = sum((count - expected) ** 2 / expected for count in counts)

    assert sum(counts) == len(many)
    assert chi2.sf(statistic, 23) > 1e-4


def test_sorted_data_are_mixed_however_many_rows_there_are():
    """With a million rows sorted by class, batches are as mixed as if drawn by hand (mean chi-square)."""
    count, batch, classes = 1 << 20, 128, 8
    labels = order(count, count) // (count // classes)
    counts = np.stack([np.sum(labels.reshape(-1, batch) == c, axis=1) for c in range(classes)], axis=1)
    statistics = ((counts - batch / classes) ** 2 / (batch / classes)).sum(axis=1)

    # The mean of 8192 statistics of expectation 7 and variance 14 has a standard error of 0.041.
    assert abs(statistics.mean() - (classes - 1)) < 0.2


def by_length(lengths, count, padded, *, batch=4, bucket=3, seed=0):
    """Return the order of an epoch, sorted by length in buckets."""
    hyper = {"seed": np.uint32(seed), "stream": np.uint32(0)}
    first = order(count, padded, seed)
    known = np.zeros(padded, np.float32)
    known[:count] = lengths
    return np.asarray(
        sorted_by_length(
            jnp.asarray(first),
            jnp.asarray(known[first]),
            hyper,
            jnp.int32(0),
            jnp.int32(count),
            batch=batch,
            bucket=bucket,
        )
    )


@pytest.mark.parametrize("count", [1, 4, 30, 53, 64])
def test_rows_of_a_batch_are_about_equally_long(count):
    """It is a permutation; full batches differ by less than a bucket sorted at random would; padding stays."""
    lengths = np.random.default_rng(0).integers(1, 100, count)
    found = by_length(lengths, count, 64)
    full = count // 4 * 4
    spread = np.ptp(lengths[found[:full]].reshape(-1, 4), axis=1)

    np.testing.assert_array_equal(np.sort(found[:count]), np.arange(count))
    assert not found[count:].any()
    if count >= 30:
        assert spread.mean() < 40
        assert (np.diff(lengths[found[:full]].reshape(-1, 4).mean(axis=1)) < 0).any()


def test_padding_decides_nothing_about_an_order_by_length():
    """More padding, and a seed of its own for every epoch."""
    lengths = np.random.default_rng(1).integers(1, 9, 30)
    found = by_length(lengths, 30, 64)

    np.testing.assert_array_equal(by_length(lengths, 30, 101)[:30], found[:30])
    assert (by_length(lengths, 30, 64, seed=1) != found).any()
