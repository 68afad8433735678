"""Layers, activations and initial weights of neural networks; nothing here knows of training.

A layer is a function of a batch, rows on the first axis, and of a `Context`; it returns its
outputs and the layer to use next. `partition` tells what of a model is learnt.
"""

from gorae.nn.activations import (
    ACTIVATION_NAMES,
    Activation,
    activation,
    elu,
    gelu,
    identity,
    leaky_relu,
    relu,
    selu,
    sigmoid,
    softmax,
    softplus,
    step,
    tanh,
)
from gorae.nn.augmentation import Augmentation, Mixed, augment, mix
from gorae.nn.batch_norm import BatchNorm
from gorae.nn.conv import Conv
from gorae.nn.conv_block import ConvBlock
from gorae.nn.conv_transposed import ConvTransposed
from gorae.nn.crf import ChainScores, ChainTags, chain_log_likelihood, chain_log_partition, viterbi
from gorae.nn.dense import Dense
from gorae.nn.dropout import Dropout
from gorae.nn.embedding import Embedding
from gorae.nn.graph import COMBINATIONS, Combine, Concatenate, Constant, Graph, Join, Reduce
from gorae.nn.image_kernels import IMAGE_KERNELS, apply_kernel, image_kernel
from gorae.nn.initialization import (
    INITIALIZERS,
    Initializer,
    constant,
    default_initialization,
    initial_factor,
    initializer,
    unit_initializer,
)
from gorae.nn.layer import Context, Layer, inference
from gorae.nn.layer_norm import LayerNorm
from gorae.nn.maxout import Maxout
from gorae.nn.parameters import Buffer, combine, partition
from gorae.nn.per_cell import PerCell
from gorae.nn.pooling import POOLINGS, GlobalPool, Pool
from gorae.nn.prelu import PReLU
from gorae.nn.recurrent import RECURRENT_CELLS, Recurrent
from gorae.nn.residual import Residual
from gorae.nn.sequential import Flatten, Sequential
from gorae.nn.shaping import Cut, Pad, Reorder, Reshape, Transpose
from gorae.nn.spelling import Spelling
from gorae.nn.step_pooling import STEP_POOLINGS, StepPool
from gorae.nn.widened import Widened
from gorae.nn.windows import Windows, make_windows, output_size

__all__ = [
    "ACTIVATION_NAMES",
    "COMBINATIONS",
    "IMAGE_KERNELS",
    "INITIALIZERS",
    "POOLINGS",
    "RECURRENT_CELLS",
    "STEP_POOLINGS",
    "Activation",
    "Augmentation",
    "BatchNorm",
    "Buffer",
    "ChainScores",
    "ChainTags",
    "Combine",
    "Concatenate",
    "Constant",
    "Context",
    "Conv",
    "ConvBlock",
    "ConvTransposed",
    "Cut",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalPool",
    "Graph",
    "Initializer",
    "Join",
    "Layer",
    "LayerNorm",
    "Maxout",
    "Mixed",
    "PReLU",
    "Pad",
    "PerCell",
    "Pool",
    "Recurrent",
    "Reduce",
    "Reorder",
    "Reshape",
    "Residual",
    "Sequential",
    "Spelling",
    "StepPool",
    "Transpose",
    "Widened",
    "Windows",
    "activation",
    "apply_kernel",
    "augment",
    "chain_log_likelihood",
    "chain_log_partition",
    "combine",
    "constant",
    "default_initialization",
    "elu",
    "gelu",
    "identity",
    "image_kernel",
    "inference",
    "initial_factor",
    "initializer",
    "leaky_relu",
    "make_windows",
    "mix",
    "output_size",
    "partition",
    "relu",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "step",
    "tanh",
    "unit_initializer",
    "viterbi",
]
