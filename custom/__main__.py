"""``python -m custom <verb>``: commands around the bundle; its workflows are run by ``python -m monai.bundle run``.

In a shared bundle this package is called ``scripts``, and so are its commands.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from .types import COMMAND
from .user_errors import find_input_error

VERBS = {
    "phantom": ("data.phantom.cli", "write the embedded phantom data set"),
    "prepare": ("experiments.nnunet.cli", "list a folder of studies, or lay a list out for nnU-Net"),
    "check": ("data.check.cli", "find everything that is wrong with a data set"),
    "check-config": ("config_check", "find misspelt keys and arguments in configuration files"),
    "label-studies": ("annotation.cli", "lay out a datalist's studies for a MONAI Label server"),
    "experiment": ("experiments.cli", "run the paper's experiments over folds and seeds, and make their tables"),
    "export-onnx": ("exports.cli", "write a trained network as an ONNX file"),
    "federate": ("federated.cli", "train on the studies of several sites that exchange weights"),
    "package": ("package.build", "write the bundle as a folder and a zip to share"),
}
"""Verb → the module that takes its options, ``add_arguments(parser)``, and does it, ``run(arguments)``; its purpose."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; its exit code, or 2 and one readable message for a user's error, never a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    words = sys.argv[1:] if arguments is None else list(arguments)
    chosen = build_parser(words[0] if words else None).parse_args(words)
    try:
        return chosen.command(chosen) or 0
    except Exception as error:
        message = find_input_error(error)  # MONAI wraps what is raised where a configuration is built
        if message is None:
            raise
        sys.stderr.write(f"error: {message}\n")
        return 2


def build_parser(verb: str | None = None) -> argparse.ArgumentParser:
    """Every verb, with the options of all or, where ``verb`` is one of them, of that one alone.

    Some verbs need torch, which takes seconds and hundreds of megabytes: a verb's module is imported for that verb
    only, and not in the processes that another one starts, which import this file again.
    """
    parser = argparse.ArgumentParser(prog=COMMAND, description="Commands around the MTI-Net bundle.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    for name, (module, purpose) in VERBS.items():
        own = verbs.add_parser(name, help=purpose)
        if verb not in VERBS or verb == name:
            tool = import_module(f".{module}", __package__)
            tool.add_arguments(own)
            own.set_defaults(command=tool.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
