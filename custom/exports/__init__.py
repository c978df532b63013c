"""The trained network in forms that run without PyTorch."""

from .onnx import export_onnx

__all__ = ["export_onnx"]
