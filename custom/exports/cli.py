"""``export-onnx``: write the ONNX export of a trained network."""

from __future__ import annotations

import argparse
import logging

from ..types import InputError
from .onnx import export_onnx

PACKAGES = ("onnx", "onnxscript", "onnxruntime")

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``; they are called as in MONAI's exporters."""
    parser.add_argument("--config_file", required=True, nargs="+", metavar="FILE", help="configurations, in order")
    parser.add_argument("--ckpt_file", required=True, metavar="FILE", help="weights, e.g. model.pt")
    parser.add_argument("--filepath", required=True, metavar="FILE", help="what to write, e.g. model.onnx")


def run(arguments: argparse.Namespace) -> None:
    """Write the export and say where it lies."""
    try:
        path = export_onnx(arguments.config_file, arguments.ckpt_file, arguments.filepath)
    except ImportError as error:
        raise InputError(
            found=f"no package {error.name}",
            expected=f"the packages {', '.join(PACKAGES)}",
            where="export-onnx",
            remedy=f"Install them: python -m pip install {' '.join(PACKAGES)}.",
        ) from error
    logger.info("Written to %s; its outputs agree with the network's.", path)
