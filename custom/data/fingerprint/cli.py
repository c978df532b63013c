"""Options of ``prepare`` for the fingerprint of what it lists."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from .collect import fingerprint_datalist

logger = logging.getLogger(__name__)

SHOWN_FINDINGS = 30
"""More are in the file."""


def add_fingerprint_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to ``parser``."""
    parser.add_argument(
        "--no_fingerprint", "--no-fingerprint", action="store_true", help="list the studies without reading them"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes that read studies (default: one per core)")


def run_fingerprint(args: argparse.Namespace) -> None:
    """Measure the studies of the datalist ``args.output``; log what is remarkable and where it is written."""
    if args.no_fingerprint:
        return
    findings = fingerprint_datalist(args.output, workers=args.workers)["findings"]
    for finding in findings[:SHOWN_FINDINGS]:
        logger.info("finding  %s: %s", finding["case"], finding["finding"])
    if len(findings) > SHOWN_FINDINGS:
        logger.info("... and %d more", len(findings) - SHOWN_FINDINGS)
    output = Path(args.output)
    logger.info("Fingerprint: %s and .png", output.with_name(f"{output.stem}_fingerprint.json"))
