"""Architectures, one a file: a hashable shape, a function that builds the network, and the network."""

from gorae.models.linear import Linear, LinearShape, build_linear
from gorae.models.mlp import MLP, MLP_ACTIVATION_NAMES, MLPShape, build_mlp
from gorae.models.network import Network, layer_names, parameters_by_layer
from gorae.models.shape import NetworkShape

__all__ = [
    "MLP",
    "MLP_ACTIVATION_NAMES",
    "Linear",
    "LinearShape",
    "MLPShape",
    "Network",
    "NetworkShape",
    "build_linear",
    "build_mlp",
    "layer_names",
    "parameters_by_layer",
]
