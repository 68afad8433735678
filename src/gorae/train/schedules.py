r"""Learning-rate schedules: a factor on the learning rate as a function of progress $t \in [0, 1)$.

Progress is steps done over steps planned, so one compiled program serves any number of epochs (optax's own
schedules need the number of steps when the program is built).
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from gorae.errors import ParameterError, closest

Schedule = Callable[[Float[Array, ""]], Array]
_WARM_UP = 0.1
_ONE_CYCLE_RISE = 0.3
_ONE_CYCLE_START = 1 / 25
_ONE_CYCLE_END = 1e-4


def constant(progress: Float[Array, ""]) -> Array:
    """Keep the learning rate: factor 1."""
    return jnp.ones_like(progress)


def step(progress: Float[Array, ""]) -> Array:
    """Divide by 10 after half, and again after three quarters, of the steps.

    References:
        He et al. 2016, Deep Residual Learning, section 4.2 (the same shape).
    """
    return jnp.where(progress < 0.5, 1.0, jnp.where(progress < 0.75, 0.1, 0.01))


def cosine(progress: Float[Array, ""]) -> Array:
    r"""Fall from 1 to 0 along half a cosine: $\frac12 (1 + \cos \pi t)$.

    References:
        Loshchilov & Hutter 2017, SGDR, eq. 5 without restarts.
    """
    return 0.5 * (1.0 + jnp.cos(jnp.pi * progress))


def one_cycle(progress: Float[Array, ""]) -> Array:
    """Rise from 1/25 to 1 over the first 30 % of the steps, then fall to 1e-4, both along half a cosine.

    References:
        Smith & Topin 2018, Super-Convergence, section 3; the cosine shape is the usual implementation's.
    """
    rise = jnp.clip(progress / _ONE_CYCLE_RISE, 0.0, 1.0)
    fall = jnp.clip((progress - _ONE_CYCLE_RISE) / (1.0 - _ONE_CYCLE_RISE), 0.0, 1.0)
    up = 1.0 + (_ONE_CYCLE_START - 1.0) * cosine(rise)
    down = _ONE_CYCLE_END + (1.0 - _ONE_CYCLE_END) * cosine(fall)
    return jnp.where(progress < _ONE_CYCLE_RISE, up, down)


def warm_up(progress: Float[Array, ""]) -> Array:
    """Rise linearly to 1 over the first 10 % of the steps, then stay.

    References:
        Goyal et al. 2017, Accurate, Large Minibatch SGD, section 2.2.
    """
    return jnp.minimum((progress + 1e-3) / (_WARM_UP + 1e-3), 1.0)


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "warm_up": warm_up,
}


def find_schedule(name: str) -> Schedule:
    """Return the schedule of that name.

    Raises:
        ParameterError: for another name; it suggests the near one.
    """
    if name not in SCHEDULES:
        near = closest(name, list(SCHEDULES))
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"schedule must be one of {list(SCHEDULES)}, got {name!r}.{hint}")
    return SCHEDULES[name]
