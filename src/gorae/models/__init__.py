"""Architectures, one a file: a hashable shape, a function that builds the network, and the network."""

from gorae.models.cnn import CNN, CNN_ACTIVATION_NAMES, CNNShape, build_cnn
from gorae.models.linear import Linear, LinearShape, build_linear
from gorae.models.mlp import MLP, MLP_ACTIVATION_NAMES, MLPShape, build_mlp
from gorae.models.module import ModuleNetwork, ModuleShape
from gorae.models.network import Network, layer_names, parameters_by_layer
from gorae.models.parts import ConvPart, DensePart, GlobalPoolPart, Part, PoolPart, ResidualPart
from gorae.models.sequence import SEQUENCE_CELLS, SequenceNetwork, SequenceShape, build_sequence
from gorae.models.shape import NetworkShape
from gorae.models.tagger import Tagger, TaggerShape, build_tagger

__all__ = [
    "CNN",
    "CNN_ACTIVATION_NAMES",
    "MLP",
    "MLP_ACTIVATION_NAMES",
    "SEQUENCE_CELLS",
    "CNNShape",
    "ConvPart",
    "DensePart",
    "GlobalPoolPart",
    "Linear",
    "LinearShape",
    "MLPShape",
    "ModuleNetwork",
    "ModuleShape",
    "Network",
    "NetworkShape",
    "Part",
    "PoolPart",
    "ResidualPart",
    "SequenceNetwork",
    "SequenceShape",
    "Tagger",
    "TaggerShape",
    "build_cnn",
    "build_linear",
    "build_mlp",
    "build_sequence",
    "build_tagger",
    "layer_names",
    "parameters_by_layer",
]
