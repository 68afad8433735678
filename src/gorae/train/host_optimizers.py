"""Optimizers by NumPy, in place, for a stack of members: the directions of `optimizers`."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float32, Int

from gorae.train.host_network import Rows, layered
from gorae.train.optimizers import BETA1, BETA2, EPSILON, find_optimizer
from gorae.train.problem import Problem

Flat = Float32[np.ndarray, "members numbers"]


def mover(
    problem: Problem,
    hyper: Mapping[str, np.ndarray],
    parameters: Flat,
    moments: Sequence[Flat],
    count: Int[np.ndarray, " members"],
    gradient: Flat,
) -> Callable[[], None]:
    """Return what moves all parameters along their gradient: penalties, the direction, the rate.

    Args:
        problem: of the members.
        hyper: their numbers.
        parameters: which are moved.
        moments: of the optimizer: Adam's two, a momentum's trace, none.
        count: the steps of Adam that each member has made.
        gradient: where the gradient is put before each call; it is changed.
    """
    optimizer = problem.optimizer
    decoupled = find_optimizer(optimizer).decoupled_decay
    rate, momentum = hyper["learning_rate"][:, None], hyper["momentum"][:, None]
    decay, l1 = (_of_weights(problem, hyper[name], parameters) for name in ("weight_decay", "l1"))
    work = np.empty_like(gradient)

    def move() -> None:
        if decay is not None and not decoupled:
            np.multiply(parameters, decay, out=work)
            np.add(gradient, work, out=gradient)
        if l1 is not None:
            np.sign(parameters, out=work)
            np.multiply(work, l1, out=work)
            np.add(gradient, work, out=gradient)
        if optimizer in ("adam", "adamw"):
            _adam(moments[0], moments[1], count, gradient, work)
        elif optimizer == "sgd":
            work[...] = gradient
        else:
            _trace(moments[0], momentum, gradient, work, nesterov=optimizer == "nesterov")
        if decay is not None and decoupled:
            np.multiply(parameters, decay, out=gradient)
            np.add(work, gradient, out=work)
        np.multiply(work, rate, out=work)
        np.subtract(parameters, work, out=parameters)

    return move


def _of_weights(problem: Problem, values: np.ndarray, like: Flat) -> Flat | None:
    """Return each member's number for every weight, and 0 for every bias; None where all are 0."""
    if not values.any():
        return None
    found = np.zeros_like(like)
    layers: list[Rows] = layered(problem, found)
    for layer in layers:
        layer[:, :-1] = values[:, None, None]
    return found


def _trace(trace: Flat, momentum: np.ndarray, gradient: Flat, out: Flat, *, nesterov: bool) -> None:
    """Put the direction of the heavy ball, or of Nesterov's momentum, into `out`."""
    np.multiply(trace, momentum, out=trace)
    np.add(trace, gradient, out=trace)
    out[...] = trace
    if nesterov:
        np.multiply(out, momentum, out=out)
        np.add(out, gradient, out=out)


def _adam(mean: Flat, square: Flat, count: np.ndarray, gradient: Flat, out: Flat) -> None:
    """Put Adam's direction into `out` (Kingma & Ba 2015, algorithm 1)."""
    count += 1
    steps = count.astype(np.float32)[:, None]
    first = np.float32(-1) / np.expm1(steps * np.float32(math.log(BETA1)))
    second = np.float32(1) / np.sqrt(-np.expm1(steps * np.float32(math.log(BETA2))))
    np.multiply(gradient, np.float32(1 - BETA1), out=out)
    np.multiply(mean, np.float32(BETA1), out=mean)
    np.add(mean, out, out=mean)
    np.multiply(gradient, gradient, out=out)
    np.multiply(out, np.float32(1 - BETA2), out=out)
    np.multiply(square, np.float32(BETA2), out=square)
    np.add(square, out, out=square)
    np.sqrt(square, out=out)
    np.multiply(out, second, out=out)
    np.add(out, np.float32(EPSILON), out=out)
    np.divide(mean, out, out=out)
    np.multiply(out, first, out=out)
