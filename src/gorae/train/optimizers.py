"""Optimizers: optax transformations built inside the program from a member's own numbers.

Each entry of `OPTIMIZERS` maps a member's hyper-parameters (a dictionary of scalars, traced) to an
`optax.GradientTransformation` that gives a direction; the training step multiplies it by minus the learning
rate. Whether weight decay is coupled (added to the gradient, as in SGD and Adam) or decoupled (AdamW) belongs
to the optimizer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import optax
from jaxtyping import Array

from gorae.errors import ParameterError, closest

Hyper = Mapping[str, Array]


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
    """Return Adam with the paper's constants (Kingma & Ba 2015, algorithm 1)."""
    del hyper
    return optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)


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
