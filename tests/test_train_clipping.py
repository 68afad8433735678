"""Clipped gradients: by hand, as a relation, and in a population."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from gorae.backend import select_devices
from gorae.train import Member, SharedRows, hyper_scalars, train
from gorae.train.clipping import clipped
from population_cases import folds, line, members, network, table
from population_cases import split as one_split


def test_a_long_gradient_is_shortened_and_a_short_one_left():
    """(3, 4) has length 5: to 2.5 it is halved, to 5 and more it stays, bitwise."""
    gradient = {"a": jnp.array([3.0]), "b": jnp.array([[4.0]])}
    halved = clipped(gradient, jnp.float32(2.5))

    np.testing.assert_allclose([halved["a"][0], halved["b"][0, 0]], [1.5, 2.0], rtol=1e-6)
    for limit in (5.0, 7.0):
        kept = clipped(gradient, jnp.float32(limit))
        assert (kept["a"].item(), kept["b"].item()) == (3.0, 4.0)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30], ids=str)
def test_the_direction_stays_at_any_size(size):
    """Also where squares overflow or vanish; nothing that is not finite becomes finite."""
    found = clipped([jnp.array([size, -2 * size], jnp.float32)], jnp.float32(1e-3 * size))[0]

    np.testing.assert_allclose(found, np.array([1, -2]) / 5**0.5 * 1e-3 * size, rtol=1e-5)
    assert not np.isfinite(clipped([jnp.array([np.inf, 1.0])], jnp.float32(1.0))[0]).all()
    assert clipped([jnp.zeros(3)], jnp.float32(1.0))[0].tolist() == [0, 0, 0]


def test_a_step_of_a_clipped_gradient_by_hand():
    """Half of (w x - y)^2 at w = b = 0, x = 3, y = 4: slopes (-12, -4), of length 4 sqrt(10); one step of 1."""
    problem = line(clip=True, batch_size=1, shuffle=False)
    shared = SharedRows(np.array([[3.0]], np.float32), np.array([[4.0]], np.float32))
    split = one_split([0], inputs=1, outputs=1, padded=1)
    numbers = {"learning_rate": 1.0, "epochs": 1}
    jobs = [Member(hyper_scalars(**numbers, clip=clip), 0) for clip in (2.0, 1000.0)]
    found = train(problem, shared, [split], jobs, devices=select_devices("cpu")).results
    steps = [np.r_[m.parameters.head.weight.ravel(), m.parameters.head.bias] for m in found]

    np.testing.assert_allclose(steps[0], np.array([12, 4]) * 2 / (4 * 10**0.5), rtol=1e-6)
    np.testing.assert_allclose(steps[1], [12, 4], rtol=1e-6)


def test_a_limit_that_is_never_reached_changes_little_and_members_keep_their_own():
    """Clipping at 1e6 is no clipping, up to rounding; two members with limits of their own differ."""

    def run(problem, clips):
        jobs = [
            member._replace(hyper={**member.hyper, "clip": np.float32(clip)})
            for member, clip in zip(members(2, epochs=5), clips, strict=True)
        ]
        return train(problem, table(), folds(), jobs, devices=select_devices("cpu")).results

    plain, loose = run(network(), (0, 0)), run(replace(network(), clip=True), (1e6, 1e6))
    tight = run(replace(network(), clip=True), (1e6, 1e-3))
    weights = [[m.parameters.head.weight for m in found] for found in (plain, loose, tight)]
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(weights[1][0], weights[2][0])
    assert np.abs(weights[1][1] - weights[2][1]).max() > 0
