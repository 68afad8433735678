"""An MLP's initial weights by NumPy: what `build_mlp` draws, with nothing compiled."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from gorae import nn
from gorae.models.mlp import MLP, MLPShape
from gorae.nn import host_random

__all__ = ["drawn_mlp", "is_plain"]


def is_plain(shape: object) -> bool:
    """Return whether networks of this shape are dense layers, and functions between them, and nothing else.

    Example:
        >>> is_plain(MLPShape(4, 3, activation="tanh")), is_plain(MLPShape(4, 3, dropout=True))
        (True, False)
    """
    return (
        isinstance(shape, MLPShape)
        and shape.activation in nn.ACTIVATION_NAMES
        and shape.normalization is None
        and not shape.dropout
        and shape.initialization != "orthogonal"
    )


@lru_cache(maxsize=64)
def drawn_mlp(shape: MLPShape, seed: int, stream: int) -> MLP:
    """Return the network that a member starts from, as its own key decides; its arrays cannot be written to.

    Uniform weights are bitwise those of the compiled program, normal ones within rounding.

    Args:
        shape: a plain one.
        seed: the member's root seed.
        stream: the member's stream of random numbers.

    Example:
        >>> drawn_mlp(MLPShape(4, 3, hidden=(8,)), 0, 0).head.weight.shape
        (8, 3)
    """
    key = host_random.fold_in(host_random.fold_in(host_random.key_of_seed(seed), stream), 0)
    widths = (shape.inputs, *shape.hidden, shape.outputs)
    keys = host_random.split(key, len(widths) - 1)
    names = [shape.activation] * len(shape.hidden) + ["identity"]
    layers = [
        _dense(own, inputs, outputs, shape.initialization or nn.default_initialization(name))
        for own, name, (inputs, outputs) in zip(keys, names, pairwise(widths), strict=True)
    ]
    hidden = [nn.Sequential((dense, nn.Activation.create(shape.activation))) for dense in layers[:-1]]
    return MLP(nn.Sequential(tuple(hidden)), layers[-1])


def _dense(key: host_random.Key, inputs: int, outputs: int, initialization: str) -> nn.Dense:
    """Return a layer with weights of that name."""
    size = (inputs, outputs)
    if initialization == "zeros":
        drawn = np.zeros(size, np.float32)
    elif initialization.endswith("_uniform"):
        drawn = host_random.unit_uniform(key, size)
    else:
        drawn = host_random.unit_normal(key, size)
    weight = drawn * np.float32(nn.initial_factor(initialization, inputs, outputs))
    bias = np.zeros(outputs, np.float32)
    weight.flags.writeable = bias.flags.writeable = False
    return nn.Dense(weight, bias)  # pyright: ignore[reportArgumentType]  arrays of NumPy serve as well
