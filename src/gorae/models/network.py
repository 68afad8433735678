"""What every network is: a layer with named parts and with features of its own.

Letters: a batch of rows, ``inputs`` numbers each, becomes ``width`` features and ``outputs`` numbers.
"""

import abc
from typing import Any, Self

import jax
from jaxtyping import Array, Float

from gorae import nn

__all__ = ["Network", "layer_names", "parameters_by_layer"]


class Network(nn.Layer):
    """A layer from rows to outputs whose parts have names, and whose last hidden layer can be read."""

    @abc.abstractmethod
    def __call__(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch outputs"], Self]:
        """Return the outputs (logits or predictions) and the network to use next."""

    @abc.abstractmethod
    def features(self, x: Float[Array, "batch inputs"], context: nn.Context) -> Float[Array, "batch width"]:
        """Return what the output layer sees: the last hidden layer."""

    @abc.abstractmethod
    def hidden_layers(
        self, x: Float[Array, "batch inputs"], context: nn.Context
    ) -> tuple[Float[Array, "batch width"], ...]:
        """Return what every hidden layer answers, in the order of the data; nothing where there is none."""

    @abc.abstractmethod
    def named_layers(self) -> tuple[tuple[str, nn.Layer], ...]:
        """Return every part with its name, in the order of the data; each parameter is in exactly one."""


def layer_names(network: Network) -> list[str]:
    """Return the names of a network's layers in the order of the data.

    Example:
        >>> import jax
        >>> from gorae.models import MLPShape, build_mlp
        >>> layer_names(build_mlp(jax.random.key(0), MLPShape(inputs=4, outputs=3, hidden=(8, 8))))
        ['hidden 1', 'hidden 2', 'output']
    """
    return [name for name, _ in network.named_layers()]


def parameters_by_layer(parameters: Any) -> dict[str, list[Array]]:
    """Gather the arrays of each layer, such as a gradient's, to take their norm layer by layer.

    Normalisation and learnt slopes count with the hidden layer that they follow.

    Args:
        parameters: A network's parameters as `gorae.nn.partition` returns them, or a tree of the
            same structure: their gradient, or an update.

    Returns:
        Name of each layer, in the order of the data, to its arrays in a fixed order.

    Example:
        >>> import jax
        >>> from gorae import nn
        >>> from gorae.models import LinearShape, build_linear
        >>> parameters, _ = nn.partition(build_linear(jax.random.key(0), LinearShape(4, 3)))
        >>> {name: [a.shape for a in arrays] for name, arrays in parameters_by_layer(parameters).items()}
        {'output': [(4, 3), (3,)]}
    """
    return {name: jax.tree.leaves(layer) for name, layer in parameters.named_layers()}
