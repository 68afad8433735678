"""Random numbers by NumPy: those of JAX's keys."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorae import nn
from gorae.models import MLPShape, build_mlp
from gorae.models.mlp_on_host import drawn_mlp
from gorae.nn import host_random

WORDS = st.integers(0, 2**32 - 1)


def jax_key(seed):
    """The same key as JAX has it."""
    return jax.random.wrap_key_data(host_random.key_of_seed(seed), impl="threefry2x32")


@given(WORDS, WORDS, st.integers(1, 9))
def test_keys_are_those_of_jax(seed, number, count):
    """What is folded in, and split off, is bitwise the same."""
    key, ours = jax_key(seed), host_random.key_of_seed(seed)
    folded = jax.random.key_data(jax.random.fold_in(key, np.uint32(number)))
    apart = jax.random.key_data(jax.random.split(key, count))
    np.testing.assert_array_equal(host_random.fold_in(ours, number), folded)
    np.testing.assert_array_equal(host_random.split(ours, count), apart)


@pytest.mark.parametrize("shape", [(1,), (3, 7), (17, 5)])
def test_uniform_numbers_are_bitwise_those_of_jax(shape):
    """On [-1, 1), place by place."""
    theirs = nn.unit_initializer("glorot_uniform")(jax_key(5), shape, 1, 1)
    np.testing.assert_array_equal(host_random.unit_uniform(host_random.key_of_seed(5), shape), theirs)


def test_normal_numbers_are_those_of_jax_but_for_the_last_bits():
    """Also far out, where another polynomial is taken; and their variance is a half."""
    ours = host_random.unit_normal(host_random.key_of_seed(5), (300, 401))
    theirs = nn.unit_initializer("he_normal")(jax_key(5), (300, 401), 1, 1)
    np.testing.assert_allclose(ours, theirs, rtol=5e-7)
    assert abs(ours).max() > 2.5
    assert abs(ours.var() - 0.5) < 0.01


@pytest.mark.parametrize("initialization", [None, "zeros", "lecun_uniform", "glorot_normal"])
@pytest.mark.parametrize("hidden", [(), (5,), (3, 4)])
def test_an_mlp_is_drawn_as_the_program_draws_it(initialization, hidden):
    """Layer by layer, of the member's own key; who is asked twice gets the same, which nobody can change."""
    shape = MLPShape(7, 3, hidden=hidden, initialization=initialization)
    key = jax.random.fold_in(jax.random.fold_in(jax_key(11), 2), 0)
    ours, theirs = drawn_mlp(shape, 11, 2), build_mlp(key, shape)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
        assert not one.flags.writeable
