"""Optimizers: optax transformations built inside the program from a member's own numbers.

Each entry of `OPTIMIZERS` maps a member's hyper-parameters (a dictionary of scalars, traced) to an
`optax.GradientTransformation` that gives a direction; the training step multiplies it by minus the learning
rate. Its state starts at zeros. Whether weight decay is coupled (added to the gradient, as in SGD and Adam)
or decoupled (AdamW) belongs to the optimizer.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from gorae.errors import ParameterError, closest

Hyper = Mapping[str, Array]
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Optimizer:
    """A direction rule, and how weight decay enters it."""

    direction: Callable[[Hyper], optax.GradientTransformation]
    decoupled_decay: bool = False


def _sgd(hyper: Hyper) -> optax.GradientTransformation:
    """Return plain (stochastic) gradient descent: the direction is the gradient."""
    del hyper
    return optax.identity()


def _momentum(hyper: Hyper) -> optax.GradientTransformation:
    """Return the heavy ball: v <- momentum v + g, direction v (Polyak 1964)."""
    return optax.trace(decay=hyper["momentum"], nesterov=False)  # pyright: ignore[reportArgumentType]


def _nesterov(hyper: Hyper) -> optax.GradientTransformation:
    """Return Nesterov's momentum in the form of Sutskever et al. 2013: direction g + momentum v."""
    return optax.trace(decay=hyper["momentum"], nesterov=True)  # pyright: ignore[reportArgumentType]


def _adam(hyper: Hyper) -> optax.GradientTransformation:
    """Return Adam with the paper's constants (Kingma & Ba 2015, algorithm 1), in optax's state.

    optax divides by the bias corrections, which the compiler does in one way for a member and in another for
    a stack of them; here they are factors, and a member is bitwise the same in both. 1 - beta^t is
    -expm1(t log beta): the subtraction would lose half of the digits in the first steps.
    """
    del hyper

    def init(params: optax.Params) -> optax.ScaleByAdamState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), zeros, zeros)

    def update(
        updates: optax.Updates, state: Any, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.ScaleByAdamState]:
        del params
        count = state.count + 1
        steps = count.astype(jnp.float32)
        first = -1.0 / jnp.expm1(steps * math.log(BETA1))
        second = 1.0 / jnp.sqrt(-jnp.expm1(steps * math.log(BETA2)))
        mu = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, state.mu, updates)
        nu = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * (g * g), state.nu, updates)
        direction = jax.tree.map(lambda m, v: first * m / (second * jnp.sqrt(v) + EPSILON), mu, nu)
        return direction, optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformation(init, update)


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(_sgd),
    "momentum": Optimizer(_momentum),
    "nesterov": Optimizer(_nesterov),
    "adam": Optimizer(_adam),
    "adamw": Optimizer(_adam, decoupled_decay=True),
}


def find_optimizer(name: str) -> Optimizer:
    """Return the optimizer of that name.

    Raises:
        ParameterError: for another name; it suggests the near one.
    """
    if name not in OPTIMIZERS:
        near = closest(name, list(OPTIMIZERS))
        hint = f" Did you mean {near!r}?" if near else ""
        raise ParameterError(f"optimizer must be one of {list(OPTIMIZERS)}, got {name!r}.{hint}")
    return OPTIMIZERS[name]
