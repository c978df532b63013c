"""``python -m custom label-studies``: a datalist as a studies folder for MONAI Label."""

from __future__ import annotations

import argparse
import logging

from ..types import PHASES, REFERENCE_PHASE
from .studies import write_studies

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``; they are called as in the configurations."""
    parser.add_argument("datalist", metavar="DATALIST", help="JSON file, as training reads it")
    parser.add_argument("--output", required=True, metavar="DIR", help="new folder (missing or empty)")
    parser.add_argument("--dataset_dir", metavar="DIR", help="where relative paths start (default: beside DATALIST)")
    parser.add_argument("--classes", nargs="+", metavar="NAME", help="class names (default: those of DATALIST)")
    parser.add_argument("--reference_phase", default=REFERENCE_PHASE, choices=PHASES, help="what viewers show")
    parser.add_argument("--phase_map", metavar="FILE", help="which volume is which phase")


def run(arguments: argparse.Namespace) -> None:
    """Lay out the folder and say what is in it."""
    written = write_studies(
        arguments.datalist,
        arguments.output,
        dataset_dir=arguments.dataset_dir,
        classes=arguments.classes,
        reference_phase=arguments.reference_phase,
        phase_map=arguments.phase_map,
    )
    logger.info("Wrote %d studies, %d of them with labels: %s", written.studies, written.labelled, written.folder)
