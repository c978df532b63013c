"""``export-onnx``: write the ONNX export of a trained network."""

from __future__ import annotations

import argparse
import logging

from .onnx import export_onnx

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``; they are called as in MONAI's exporters."""
    parser.add_argument("--config_file", required=True, nargs="+", metavar="FILE", help="configurations, in order")
    parser.add_argument("--ckpt_file", required=True, metavar="FILE", help="weights, e.g. model.pt")
    parser.add_argument("--filepath", required=True, metavar="FILE", help="what to write, e.g. model.onnx")


def run(arguments: argparse.Namespace) -> None:
    """Write the export and say where it lies."""
    path = export_onnx(arguments.config_file, arguments.ckpt_file, arguments.filepath)
    logger.info("Written to %s; its outputs agree with the network's.", path)
