"""PyTorch and ONNX in and out; both are extras, imported when they are asked for."""

from gorae.exchange.from_torch import from_torch

__all__ = ["from_torch"]
