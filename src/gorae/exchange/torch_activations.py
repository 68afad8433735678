"""PyTorch's activations, by the names of its classes, with the settings that they have."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from gorae import nn
from gorae.exchange.assembly import Assembly, Refusal, Value

__all__ = ["ACTIVATIONS", "AlongAxis", "Shaped", "activation_of", "softmax_along"]

ACTIVATIONS: Mapping[str, tuple[Any, Mapping[str, float]]] = {
    "ReLU": (nn.relu, {}),
    "Tanh": (nn.tanh, {}),
    "Sigmoid": (nn.sigmoid, {}),
    "SELU": (nn.selu, {}),
    "SiLU": (jax.nn.silu, {}),
    "Mish": (jax.nn.mish, {}),
    "ReLU6": (jax.nn.relu6, {}),
    "Softsign": (jax.nn.soft_sign, {}),
    "Hardswish": (jax.nn.hard_swish, {}),
    "Hardsigmoid": (jax.nn.hard_sigmoid, {}),
    "LogSigmoid": (jax.nn.log_sigmoid, {}),
    "GELU": (nn.gelu, {}),
    "Softplus": (nn.softplus, {"beta": 1.0}),
    "LeakyReLU": (nn.leaky_relu, {"negative_slope": 0.01}),
    "ELU": (nn.elu, {"alpha": 1.0}),
    "Hardtanh": (jax.nn.hard_tanh, {"min_val": -1.0, "max_val": 1.0}),
}
"""Gorae's function of each, and the settings with the values at which it is that function."""


@dataclass(frozen=True)
class Shaped:
    """An activation with settings of its own; equal settings are equal functions.

    Args:
        name: PyTorch's class.
        settings: in the order of `ACTIVATIONS`; of GELU any number, for its approximation by tanh.

    Example:
        >>> Shaped("LeakyReLU", (0.5,))(jnp.array([-2.0, 2.0])).tolist()
        [-1.0, 2.0]
    """

    name: str
    settings: tuple[float, ...]

    def __call__(self, x: Array) -> Array:
        """Apply it to every number."""
        if self.name == "LeakyReLU":
            return jax.nn.leaky_relu(x, self.settings[0])
        if self.name == "ELU":
            return jax.nn.elu(x, self.settings[0])
        if self.name == "Softplus":
            return jax.nn.softplus(x * self.settings[0]) / self.settings[0]
        if self.name == "GELU":
            return jax.nn.gelu(x, approximate=True)
        return jnp.clip(x, *self.settings)


@dataclass(frozen=True)
class AlongAxis:
    """The softmax, or its logarithm, along one stored axis.

    Args:
        axis: where the batch's own is 0.
        logarithm: whether its logarithm is wanted.
    """

    axis: int
    logarithm: bool = False

    def __call__(self, x: Array) -> Array:
        """Return shares that sum to 1 along the axis, or their logarithms."""
        return (jax.nn.log_softmax if self.logarithm else jax.nn.softmax)(x, axis=self.axis)


def activation_of(name: str, settings: Mapping[str, Any]) -> Any:
    """Return the function of an activation with these settings; what is left out has its default."""
    function, defaults = ACTIVATIONS[name]
    if name == "GELU" and settings.get("approximate", "none") != "none":
        return Shaped(name, (1.0,))
    own = tuple(float(settings.get(key, value)) for key, value in defaults.items())
    return function if own == tuple(defaults.values()) else Shaped(name, own)


def softmax_along(graph: Assembly, x: Value, dim: int | None, *, logarithm: bool) -> Value:
    """Return the softmax along one of PyTorch's axes.

    Raises:
        Refusal: when it is along the batch.
    """
    dim = (1 if x.rank != 3 else 0) if dim is None else int(dim) % x.rank
    if dim == 0:
        raise Refusal("a softmax over the rows of a batch (dim=0, or no dim for three axes); name the axis")
    place = x.axes.index(dim)
    if place == x.rank - 1 and not logarithm:
        return graph.same(nn.Activation(nn.softmax), x)
    return replace(x, slot=graph.add(nn.Activation(AlongAxis(place, logarithm)), x))
