"""Schedules: their factor at the beginning, at the knees and at the end."""

import jax.numpy as jnp
import numpy as np
import pytest

from gorae.errors import ParameterError
from gorae.train import SCHEDULES, find_schedule

LAST = 1 - 1e-6


def factor(name, progress):
    return float(find_schedule(name)(jnp.float32(progress)))


@pytest.mark.parametrize(
    ("name", "progress", "expected"),
    [
        ("constant", 0, 1),
        ("constant", LAST, 1),
        ("step", 0.49, 1),
        ("step", 0.5, 0.1),
        ("step", 0.74, 0.1),
        ("step", 0.75, 0.01),
        ("step", LAST, 0.01),
        ("cosine", 0, 1),
        ("cosine", 0.5, 0.5),
        ("cosine", 1 / 3, 0.75),
        ("cosine", LAST, 0),
        ("one_cycle", 0, 0.04),
        ("one_cycle", 0.15, 0.52),  # half way between 1/25 and 1
        ("one_cycle", 0.3, 1),
        ("one_cycle", 0.65, 0.50005),  # half way between 1 and 1e-4
        ("one_cycle", LAST, 1e-4),
        ("warm_up", 0.05, 0.5),
        ("warm_up", 0.1, 1),
        ("warm_up", LAST, 1),
    ],
)
def test_values_by_hand(name, progress, expected):
    """The factor at a point of the training."""
    np.testing.assert_allclose(factor(name, progress), expected, atol=0.01 if name == "warm_up" else 1e-5)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_factors_are_fractions(name):
    """Every schedule stays in (0, 1] before the end: no step is lost and none is longer than asked for."""
    factors = np.asarray(find_schedule(name)(jnp.linspace(0, 0.99, 500, dtype=jnp.float32)))

    assert factors.min() > 0
    assert factors.max() <= 1


def test_an_unknown_schedule_gets_a_hint():
    """A name that is nearly one is told which."""
    with pytest.raises(ParameterError, match="Did you mean 'one_cycle'"):
        find_schedule("onecycle")
