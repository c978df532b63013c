"""From the tree to the package: check, collect, rename, fit to the weights, write."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from .check import check_bundle
from .collect import collect
from .fit import fit_to_weights
from .rewrite import rewrite
from .source import Source, find_source
from .write import Package, sha256, write_package

NAME = "liver_mri_mti_net"
LARGE_FILE_BYTES = 25_000_000
"""What is larger stands in a ``large_files.yml`` in the model zoo, with an address to fetch it from."""

logger = logging.getLogger(__name__)


def build_package(output: str | os.PathLike, *, source: Source | None = None) -> Package:
    """Write the bundle in the form of MONAI's model zoo.

    Args:
        output: folder for the package, its zip and their checksums.
        source: the tree to package; default: the one that this code lies in.

    Raises:
        InputError: the bundle would not work elsewhere (see ``check_bundle``), or ``output`` holds other things.
    """
    source = source or find_source()
    version = check_bundle(source)
    files = fit_to_weights({name: rewrite(name, content) for name, content in collect(source).items()})
    for name, content in files.items():
        if len(content) > LARGE_FILE_BYTES:
            logger.warning("%s is too large for the model zoo's repository (sha256 %s).", name, sha256(content))
    return write_package(files, name=NAME, version=version, output=Path(output))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``."""
    parser.add_argument("--output", default="dist", metavar="DIR", help="folder to write to (default: dist)")


def run(arguments: argparse.Namespace) -> None:
    """Write the package and say where it lies."""
    package = build_package(arguments.output)
    logger.info("Folder     %s", package.folder)
    logger.info("Zip        %s", package.archive)
    logger.info("Checksums  %s", package.sums)
