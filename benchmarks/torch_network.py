"""A perceptron as a user of PyTorch writes it: the peer of search_time_to_best and search_pytorch."""

from collections.abc import Sequence
from itertools import pairwise

import torch


class Perceptron(torch.nn.Module):
    """Linear layers with ReLU between them.

    Args:
        inputs: features.
        hidden: width of each hidden layer.
        outputs: classes.
    """

    def __init__(self, inputs: int = 1, hidden: Sequence[int] = (), outputs: int = 2):
        super().__init__()
        layers: list[torch.nn.Module] = []
        for wide, narrow in pairwise((inputs, *hidden)):
            layers += [torch.nn.Linear(wide, narrow), torch.nn.ReLU()]
        last = hidden[-1] if hidden else inputs
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(last, outputs))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the logits of some rows."""
        return self.layers(X)
