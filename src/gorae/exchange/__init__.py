"""PyTorch and ONNX in and out; both are extras, imported when they are asked for."""

from gorae.exchange.from_torch import from_torch
from gorae.exchange.to_onnx import onnx_interface, to_onnx
from gorae.exchange.to_torch import to_torch

__all__ = ["from_torch", "onnx_interface", "to_onnx", "to_torch"]
