"""``python -m custom <verb>``: commands around the bundle; its workflows are run by ``python -m monai.bundle run``.

In a shared bundle this package is called ``scripts``, and so are its commands.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

import yaml

from .annotation.cli import add_studies_arguments, run_studies
from .config_check import check_config, read_config
from .data.phantom.cli import add_phantom_arguments, run_phantom
from .data.prepare.cli import add_prepare_arguments, run_prepare
from .package.build import add_package_arguments, run_package
from .types import COMMAND, InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; a user's error is one readable message and exit code 2, never a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    chosen = build_parser().parse_args(arguments)
    try:
        chosen.command(chosen)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Every verb with its options."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Commands around the MTI-Net bundle.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")

    phantom = verbs.add_parser("phantom", help="write the embedded phantom data set")
    add_phantom_arguments(phantom)
    phantom.set_defaults(command=run_phantom)

    prepare = verbs.add_parser("prepare", help="list a folder of studies for training and evaluation")
    add_prepare_arguments(prepare)
    prepare.set_defaults(command=run_prepare)

    check = verbs.add_parser("check-config", help="find misspelt keys and arguments in configuration files")
    check.add_argument("files", nargs="+", help="configuration files, merged in this order")
    check.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="overrides, as for monai.bundle run")
    check.set_defaults(command=run_check_config)

    studies = verbs.add_parser("label-studies", help="lay out a datalist's studies for a MONAI Label server")
    add_studies_arguments(studies)
    studies.set_defaults(command=run_studies)

    package = verbs.add_parser("package", help="write the bundle as a folder and a zip to share")
    add_package_arguments(package)
    package.set_defaults(command=run_package)

    return parser


def run_check_config(arguments: argparse.Namespace) -> None:
    """Check merged configuration files and say that they are in order, or raise."""
    overrides = {key: yaml.safe_load(value) for key, _, value in (text.partition("=") for text in arguments.set)}
    check_config(read_config(arguments.files, overrides))
    logging.getLogger(__name__).info("%s: no mistakes found", ", ".join(arguments.files))


if __name__ == "__main__":
    sys.exit(main())
