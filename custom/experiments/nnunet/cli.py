"""``python -m custom prepare``: list a folder of studies, or lay a list out for nnU-Net (``--export``)."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from ...data.prepare import cli as listing
from ...types import COMMAND, DEFAULT_CLASSES, PHASES, REFERENCE_PHASE, REGISTRATIONS, InputError, quoted

logger = logging.getLogger(__name__)

FORMS = ("nnunet", "nnunet-classes")
OF_BOTH = ("folder", "output", "classes", "folds", "phase_map")
OF_EXPORT = ("export", "reference_phase", "registration")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options to ``parser``."""
    listing.add_arguments(parser)
    group = parser.add_argument_group("export", "DIR is a datalist, --output the new folder, such as Dataset501_Liver")
    group.add_argument(
        "--export", choices=FORMS, help="write nnU-Net's raw layout, with one label for all tumour or one a class"
    )
    group.add_argument("--registration", default="auto", choices=REGISTRATIONS, help="as in training (default: auto)")
    group.add_argument("--reference_phase", default=REFERENCE_PHASE, choices=PHASES, help="whose grid the phases get")


def run(args: argparse.Namespace) -> None:
    """List, or export and say what was written."""
    _check_options(args)
    if args.export is None:
        listing.run(args)
        return
    from .export import write_dataset  # takes torch, which listing does not need

    exported = write_dataset(
        args.folder,
        args.output,
        folds=args.folds,
        per_class=args.export == "nnunet-classes",
        classes=None if args.classes == list(DEFAULT_CLASSES) else args.classes,
        reference_phase=args.reference_phase,
        phase_map=args.phase_map,
        registration=args.registration,
    )
    counts = (exported.training, exported.test, exported.folds)
    logger.info("%d studies to train on, %d to test, %d fold(s).", *counts)
    for phase, count in exported.lacking.items():
        logger.info("%d studies lack the phase %s: zeros stand in its channel.", count, phase)
    logger.info("Written: %s", args.output)


def _check_options(args: argparse.Namespace) -> None:
    """No option that would be ignored, and a datalist where one is exported."""
    fresh = argparse.ArgumentParser()
    add_arguments(fresh)
    defaults = vars(fresh.parse_args([args.folder, "--output", args.output]))
    given = [name for name, value in defaults.items() if getattr(args, name) != value]
    allowed = (*OF_BOTH, *OF_EXPORT) if args.export else tuple(set(defaults) - set(OF_EXPORT))
    if strangers := [name for name in given if name not in allowed]:
        raise InputError(
            found=f"--{strangers[0]} {'with' if args.export else 'without'} --export",
            expected=f"options of an export: {', '.join(OF_BOTH[2:] + OF_EXPORT[1:])}"
            if args.export
            else "options of a list of studies",
            where="prepare",
            remedy="Leave it out, or list and export in two steps.",
        )
    if args.export and Path(args.folder).is_dir():
        raise InputError(
            found="a folder",
            expected="a datalist: its folds are those of the experiments that it is compared in",
            where=str(args.folder),
            remedy=f"List it first: {COMMAND} prepare {quoted(args.folder)} --output my.json, and export my.json.",
        )
